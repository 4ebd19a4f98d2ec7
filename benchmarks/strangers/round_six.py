"""Cases that no rule and no threshold is chosen on: other seeds, data, sizes and rates, seven more styles.

Written down and committed before any of them was played with a doctor.
"""

from __future__ import annotations

from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=60, steps=800)


HEALTHY = (
    # Styles that neither practice nor the fifth round has
    _case("spectral", "digits-10", steps=300, nf=6, batch=16, n_dis=1, lr=8e-4),
    _case("spectral", "hands-10", seed=61, steps=300, hands="no-steps", nf=6, batch=16, n_dis=1, lr=8e-4),
    _case(
        "spectral", "hands-grey-10", seed=62, steps=300, n_dis=1, hands="networks", nf=6, batch=16, lr=8e-4
    ),
    _case("zero_centred", "digits-10", steps=600, lr=8e-4),
    _case("zero_centred", "diabetes", seed=61, steps=600, hands="no-steps", lr=8e-4),
    _case("zero_centred", "swiss", seed=62, steps=800, nz=6, hands="fakes", lr=8e-4),
    _case("bidirectional", "digits-10", steps=600, lr=7e-4),
    _case("bidirectional", "diabetes", seed=61, steps=600, hands="real-only", lr=7e-4),
    _case("bidirectional", "circles", seed=62, steps=800, nz=4, hands="generator", lr=7e-4),
    _case("feature_matching", "digits-10", steps=600, lr=8e-4),
    _case("feature_matching", "hands-grey-10", seed=61, steps=600, hands="loader", lr=8e-4),
    _case("feature_matching", "diabetes", seed=62, steps=600, hands="step-of-epoch", lr=8e-4),
    _case("functional", "digits-10", steps=600, lr=8e-4),
    _case("functional", "ring-5", seed=61, steps=800, nz=4, hands="no-steps", lr=8e-4),
    _case("functional", "diabetes", seed=62, steps=600, hands="generator", lr=8e-4),
    _case("inpainting", "masked-10", steps=300),
    _case("inpainting", "masked-emoji-10", seed=61, steps=300, hands="real-only"),
    _case("categories", "categories", steps=600),
    _case("categories", "categories", seed=61, steps=600, tau=0.6, hands="epochs"),
    # Styles that are known, with other data, sizes and rates
    _case("dcgan_tutorial", "hands-grey-8", steps=300, nf=16, lr=6e-4),
    _case("dcgan_tutorial", "openmoji-8", seed=61, steps=300, nf=14, hands="always-0", lr=6e-4),
    _case("wgan_clip", "hands-grey-10", steps=600, width=100, hands="images", lrD=8e-4, lrG=8e-4),
    _case("wgan_gp", "diabetes", steps=600, hands="latents"),
    _case("wgan_gp", "hands-grey-10", seed=61, steps=600, dim=30, hands="channels-last"),
    _case("conditional", "digits-10", steps=600, hands="labels", lr=7e-4),
    _case("conditional", "ring-5", seed=61, steps=800, width=112, hands="labels", lr=7e-4),
    _case("pix2pix", "outlines-12", steps=300, ngf=10, lr=6e-4),
    _case("pix2pix", "drawings-12", seed=61, steps=300, hands="networks", lr=6e-4),
    _case("cyclegan", "outlines-10", steps=300, nf=8, lr=8e-4),
    _case("stylegan", "hands-grey-8", steps=300, hands="no-steps"),
    _case("lightning_like", "digits-10", steps=600, hands="list", lr=7e-4),
    _case("half", "hands-grey-10", steps=600, dtype="bfloat16", width=136, lr=7e-4),
    _case("half", "digits-10", seed=61, steps=600, hands="always-0", lr=7e-4),
    _case("tables", "diabetes", steps=600, pac=2, numbers=10, batch=64),
    _case("relativistic", "openmoji-8", steps=600, kind="average-hinge"),
    _case("relativistic", "hands-grey-8", seed=61, steps=600, hands="fakes"),
    _case("least_squares", "digits-10", steps=600, hidden=136, noisy=0.1, lr=8e-4),
    _case("least_squares", "diabetes", seed=61, steps=600, squash=False, hands="fakes", lr=8e-4),
    _case("mixtures", "ring-5", steps=800),
    _case("mixtures", "circles", seed=61, steps=800, hands="nothing-known"),
    _case("mixtures", "ring-12", seed=62, steps=800, hidden=112, hands="no-steps"),
    _case("keras_like", "digits-10", steps=600, hands="numbers", lr=7e-4),
    _case("keras_like", "hands-grey-10", seed=61, steps=600, hands="losses", lr=7e-4),
    _case("keras_like", "openmoji-line-10", seed=62, steps=600, hands="fakes", lr=7e-4),
    _case("auxiliary_classes", "hands-grey-10", steps=600, hands="labels", lr=7e-4),
    _case("super_resolution", "enlarged-10", steps=300, hands="fakes", lr=1e-3),
    _case("information", "hands-grey-10", steps=600, hands="generator", lr=6e-4),
    _case("zero_centred", "circles", seed=63, steps=800, nz=4, lr=1e-3, hands="scores"),
    _case("functional", "hands-grey-10", seed=63, steps=600, lr=6e-4, hands="fakes"),
    _case("feature_matching", "swiss", seed=63, steps=800, nz=6, lr=8e-4),
    _case("bidirectional", "hands-grey-10", seed=63, steps=600, lr=5e-4, hands="no-steps"),
    _case("least_squares", "swiss", seed=63, steps=800, nz=8, squash=False, lr=8e-4, hands="no-steps"),
    _case("half", "openmoji-line-10", seed=63, steps=600, dtype="bfloat16", lr=6e-4),
    _case("autoencoding", "digits-10", steps=600, hands="real-only"),
)

_WON = "discriminator-dominates diverging"
_LOST = "generator-dominates"

FAULTY = (
    # One sample, whatever the latent
    _case("spectral", "digits-10", "zero-latent", steps=160, nf=6, batch=16, n_dis=1),
    _case("spectral", "hands-10", "dead-relu", steps=160, onset=80, nf=6, batch=16, n_dis=1),
    _case("zero_centred", "digits-10", "constant-output", steps=240, hands="no-steps"),
    _case("zero_centred", "swiss", "one-latent-a-batch", steps=240, nz=6),
    _case("bidirectional", "digits-10", "latent-ignored", steps=240),
    _case("bidirectional", "diabetes", "zero-latent", steps=240, hands="generator"),
    _case("feature_matching", "digits-10", "latent-ignored", steps=240, onset=120),
    _case("feature_matching", "hands-grey-10", "faint-latent", steps=240),
    _case("functional", "digits-10", "zero-latent", steps=240),
    _case("functional", "ring-5", "one-latent-a-batch", steps=240, nz=4, hands="no-steps"),
    _case("inpainting", "masked-10", "source-ignored", steps=160),
    _case("categories", "categories", "zero-latent", steps=240, hands="fakes"),
    _case("dcgan_tutorial", "openmoji-8", "latent-ignored", steps=160, nf=14, hands="networks"),
    _case("wgan_gp", "hands-grey-10", "dead-relu", steps=240, onset=120, hands="no-steps"),
    _case("conditional", "ring-5", "zero-latent", steps=240, hands="labels", also="condition-ignored"),
    _case("pix2pix", "drawings-12", "source-ignored", steps=160, hands="latents"),
    _case("relativistic", "openmoji-8", "constant-output", steps=240),
    _case("autoencoding", "hands-grey-10", "one-latent-a-batch", steps=240, hands="real-only"),
    # Less variety
    _case("spectral", "hands-10", "same-latent", steps=260, nf=6, batch=16, n_dis=1),
    _case("zero_centred", "diabetes", "few-latents", steps=480),
    _case("functional", "diabetes", "same-latent", steps=480, hands="generator"),
    _case("least_squares", "digits-10", "big-generator-rate", seed=61, steps=480),
    # No gradient, no step
    _case("spectral", "digits-10", "detached", steps=160, hands="networks", nf=6, batch=16, n_dis=1),
    _case("zero_centred", "digits-10", "generator-never-steps", steps=240),
    _case("bidirectional", "digits-10", "fakes-without-graph", steps=240, also="mode-collapse"),
    _case("feature_matching", "digits-10", "generator-never-steps", steps=240, hands="fakes"),
    _case("functional", "digits-10", "generator-never-steps", steps=240),
    _case("categories", "categories", "detached", steps=240, hands="no-steps"),
    _case("inpainting", "masked-emoji-10", "generator-never-steps", steps=160, hands="networks"),
    _case("least_squares", "diabetes", "generator-never-steps", steps=240, hands="fakes-of-the-loop"),
    _case("bidirectional", "diabetes", "rates-end", steps=480, onset=240),
    # Gradients that add up
    _case("spectral", "digits-10", "no-zero-grad-d", steps=260, nf=6, batch=16, n_dis=1),
    _case("bidirectional", "digits-10", "no-zero-grad-g", steps=480),
    _case("feature_matching", "hands-grey-10", "no-zero-grad-d", steps=480),
    # The balance
    _case("bidirectional", "digits-10", "huge-rate-d", steps=480),
    _case("zero_centred", "digits-10", "frozen-d", steps=480),
    _case("functional", "digits-10", "frozen-d", steps=480, right="generator-dominates"),
    _case("bidirectional", "digits-10", "swapped-label-g", steps=480, hands="scores"),
    _case("spectral", "digits-10", "swapped-sign", steps=260, nf=6, batch=16, n_dis=1),
    _case("categories", "categories", "swapped-sign", steps=480),
    _case("feature_matching", "digits-10", "rates-exchanged", steps=480),
    _case("mixtures", "ring-12", "tiny-rate-d", steps=600, hands="no-steps"),
    _case("keras_like", "hands-grey-10", "swapped-label-g", steps=480, hands="losses", right=_WON),
    _case("keras_like", "digits-10", "frozen-d", steps=480, hands="numbers", right=_LOST),
    _case("functional", "hands-grey-10", "swapped-label-g", steps=480, hands="losses", right=_WON),
    # Values
    _case("zero_centred", "digits-10", "nan", steps=240, onset=120),
    _case("functional", "digits-10", "nan", steps=240, onset=120, hands="numbers"),
    _case("inpainting", "masked-10", "log-of-zero", steps=160, onset=80, hands="losses"),
    _case("least_squares", "digits-10", "overflow", steps=240, onset=120, hands="no-steps"),
    _case("spectral", "hands-10", "nan", steps=160, onset=80, hands="fakes", nf=6, batch=16, n_dis=1),
    # Wasserstein, and penalties
    _case("categories", "categories", "no-penalty", steps=480),
    _case("wgan_clip", "digits-10", "no-clipping", steps=480, hands="no-steps"),
    # Data
    _case("spectral", "digits-10", "reals-in-0-1", steps=260, nf=6, batch=16, n_dis=1),
    _case("bidirectional", "digits-10", "reals-in-bytes", steps=480),
    _case("zero_centred", "hands-10", "colours-exchanged", steps=480),
    _case("feature_matching", "hands-10", "colours-exchanged", steps=480, hands="no-steps"),
    _case("spectral", "hands-10", "grey-fakes", steps=260, nf=6, batch=16, n_dis=1),
    _case("functional", "digits-10", "inverted-reals", steps=480),
    _case("zero_centred", "digits-10", "noisy-reals", steps=480),
    _case("bidirectional", "digits-10", "same-batch", steps=480),
    _case("feature_matching", "digits-10", "few-data", steps=480),
    _case("spectral", "digits-10", "copies", steps=260, onset=130, nf=6, batch=16, n_dis=1),
    _case("bidirectional", "hands-grey-10", "copies", steps=480, onset=240),
    _case("spectral", "digits-10", "gridded", steps=260, nf=6, batch=16, n_dis=1),
    _case("feature_matching", "hands-10", "gridded", steps=480),
    # Conditions
    _case("conditional", "digits-10", "condition-dropped", steps=480, hands="labels", lr=7e-4),
    _case("conditional", "hands-grey-10", "labels-exchanged", steps=480, hands="labels"),
    _case("auxiliary_classes", "hands-grey-10", "condition-dropped", steps=480, hands="labels"),
    # Modes and dynamics
    _case("information", "hands-grey-10", "modes-apart", steps=480),
    _case("spectral", "hands-10", "modes-apart", steps=260, nf=6, batch=16, n_dis=1),
    _case("functional", "ring-12", "big-generator-rate", steps=600, nz=4),
    _case("zero_centred", "digits-10", "weights-decay", steps=480, onset=288),
    _case("bidirectional", "digits-10", "rate-rises", steps=480, onset=288),
)

CASES = (*HEALTHY, *FAULTY)
