"""The cases on which the doctor may be calibrated."""

from __future__ import annotations

from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=0, steps=2_000)


HEALTHY = (
    _case("dcgan_tutorial", "digits-8", steps=2_000),
    _case("dcgan_tutorial", "digits-8", seed=1, steps=1_500, smooth=0.9, hands="step-of-epoch"),
    _case("dcgan_tutorial", "hands-16", steps=1_200, nf=10, hands="networks"),
    _case("wgan_clip", "digits-8", steps=1_500),
    _case("wgan_clip", "ring-8", steps=1_200, hands="fakes"),
    _case("wgan_gp", "digits-8", steps=1_200),
    _case("wgan_gp", "hands-16", steps=1_000, conv=True, dim=8, CRITIC_ITERS=1, hands="bytes"),
    _case("conditional", "digits-8", steps=2_500, hands="labels"),
    _case("conditional", "ring-8", steps=2_000, hands="labels-not-given"),
    _case("pix2pix", "outlines-8", steps=1_200),
    _case("pix2pix", "outlines-8", seed=1, steps=1_000, hands="real-only"),
    _case("cyclegan", "outlines-8", steps=1_000),
    _case("stylegan", "digits-8", steps=1_500),
    _case("stylegan", "digits-8", seed=1, steps=1_000, hands="networks"),
    _case("lightning_like", "digits-8", steps=2_500, hands="step-of-epoch"),
    _case("half", "digits-8", steps=2_000),
    _case("half", "digits-8", seed=1, steps=1_500, dtype="bfloat16", hinge=True, hands="no-steps"),
    _case("tables", "adult", steps=1_500),
    _case("tables", "adult", seed=1, steps=1_000, hands="generator"),
    _case("relativistic", "digits-8", steps=1_500),
    _case("relativistic", "digits-8", seed=1, steps=1_200, kind="hinge", hands="loader"),
    _case("least_squares", "digits-8", steps=5_000),
    _case("least_squares", "digits-8", seed=1, steps=3_000, squash=False, noisy=0.2, hands="list"),
    _case("mixtures", "ring-8", steps=3_000),
    _case("mixtures", "grid-9", steps=6_000, lr=6e-4, hands="nothing-known"),
    _case("keras_like", "digits-8", steps=2_500, hands="numbers"),
    _case("keras_like", "digits-8", seed=1, steps=2_000, hands="fakes"),
)

FAULTY = (
    # One sample, whatever the latent
    _case("dcgan_tutorial", "digits-8", "zero-latent", steps=1_000),
    _case("dcgan_tutorial", "digits-8", "dead-relu", steps=1_000, hands="networks"),
    _case("wgan_gp", "digits-8", "dead-relu", steps=1_000, onset=500),
    _case("wgan_clip", "digits-8", "latent-ignored", steps=1_000, hands="fakes"),
    _case("stylegan", "digits-8", "noise-as-constant", steps=1_000, onset=400),
    _case("pix2pix", "outlines-8", "constant-output", steps=1_000),
    _case("least_squares", "digits-8", "zero-latent", steps=1_500, hands="real-only"),
    _case("lightning_like", "digits-8", "latent-ignored", steps=1_500, hands="step-of-epoch"),
    _case("tables", "adult", "one-latent-a-batch", steps=1_000),
    _case("half", "digits-8", "constant-output", steps=1_000),
    _case("conditional", "digits-8", "zero-latent", steps=1_500, hands="labels", also="condition-ignored"),
    # Less variety
    _case("dcgan_tutorial", "digits-8", "same-latent", steps=1_000),
    _case("mixtures", "ring-8", "few-latents", steps=2_000),
    _case("least_squares", "digits-8", "big-generator-rate", steps=1_500),
    _case("wgan_gp", "digits-8", "one-reference", steps=1_000, onset=500),
    # No gradient
    _case("dcgan_tutorial", "digits-8", "detached", steps=1_000),
    _case("wgan_clip", "digits-8", "detached", steps=1_000, hands="no-steps"),
    _case("lightning_like", "digits-8", "optimiser-of-a-copy", steps=1_500),
    _case("half", "digits-8", "generator-never-steps", steps=1_000),
    _case("stylegan", "digits-8", "ema-never-moves", steps=1_000),
    _case("mixtures", "ring-8", "fakes-without-graph", steps=2_000, hands="generator"),
    # Gradients that add up
    _case("dcgan_tutorial", "digits-8", "no-zero-grad-d", steps=1_500),
    _case("least_squares", "digits-8", "no-zero-grad-g", steps=2_000),
    # The balance
    _case("lightning_like", "digits-8", "huge-rate-d", steps=1_500),
    _case("dcgan_tutorial", "digits-8", "frozen-d", steps=1_500),
    _case("mixtures", "ring-8", "tiny-rate-d", steps=2_000),
    _case("dcgan_tutorial", "digits-8", "swapped-label-g", steps=1_000),
    _case(
        "keras_like",
        "digits-8",
        "swapped-label-g",
        steps=1_500,
        hands="numbers",
        right="discriminator-dominates diverging",
    ),
    _case(
        "keras_like",
        "digits-8",
        "huge-rate-d",
        steps=1_500,
        hands="numbers",
        right="discriminator-dominates diverging",
    ),
    _case("keras_like", "digits-8", "frozen-d", steps=1_500, hands="numbers"),
    _case("relativistic", "digits-8", "huge-rate-d", steps=1_000),
    # Values
    _case("stylegan", "digits-8", "nan", steps=800, onset=400),
    _case("keras_like", "digits-8", "log-of-zero", steps=1_000, onset=500, hands="numbers"),
    _case("half", "digits-8", "overflow", steps=1_000, onset=400, hands="losses"),
    _case("pix2pix", "outlines-8", "nan", steps=800, onset=300, hands="fakes"),
    # Wasserstein
    _case("wgan_clip", "digits-8", "no-clipping", steps=1_500),
    _case("wgan_gp", "digits-8", "no-penalty", steps=1_000, hands="losses"),
    # Data
    _case("wgan_gp", "digits-8", "reals-in-0-1", steps=1_000),
    _case("dcgan_tutorial", "digits-8", "reals-in-bytes", steps=1_000),
    _case("relativistic", "hands-16", "colours-exchanged", steps=800),
    _case("wgan_gp", "hands-16", "grey-fakes", steps=600, conv=True, dim=8, CRITIC_ITERS=1),
    _case("least_squares", "digits-8", "same-batch", steps=2_000),
    _case("relativistic", "digits-8", "few-data", steps=2_000),
    _case("wgan_gp", "digits-8", "copies", steps=1_200, onset=500),
    # Conditions
    _case("conditional", "digits-8", "shuffled-labels", steps=2_500, hands="labels"),
    _case("conditional", "ring-8", "condition-dropped", steps=2_500, hands="labels"),
    # Modes and dynamics
    _case("mixtures", "ring-8", "oscillating", steps=3_000),
    _case("wgan_gp", "digits-8", "rate-rises", steps=1_500, onset=1_000),
    _case("stylegan", "digits-8", "weights-decay", steps=1_200, onset=800),
    _case("dcgan_tutorial", "hands-16", "chequered", steps=900, nf=10),
    _case("wgan_gp", "digits-8", "chequered", steps=1_000),
    # Steps that do not count
    _case("wgan_gp", "digits-8", "zero-latent", steps=800, hands="always-0"),
    _case("relativistic", "digits-8", "detached", steps=1_000, hands="epochs"),
)

CASES = (*HEALTHY, *FAULTY)
