"""Cases that no rule and no threshold is chosen on: other data, seeds, widths and rates, other styles.

Written down and committed before any of them was played with a doctor.
"""

from __future__ import annotations

from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=50, steps=1_200)


HEALTHY = (
    _case("dcgan_tutorial", "digits-8", nf=20, lr=3e-4),
    _case("dcgan_tutorial", "openmoji-line-8", seed=51, nf=12, hands="images"),
    _case("dcgan_tutorial", "hands-8", seed=52, nf=14, smooth=0.95, hands="networks"),
    _case("wgan_clip", "digits-8", width=96, clip=0.02, lrD=4e-4, lrG=4e-4, hands="real-only"),
    _case("wgan_clip", "digits-12", seed=51, steps=1_500, width=110),
    _case("wgan_gp", "digits-12", dim=32),
    _case("wgan_gp", "cancer", seed=51, hands="fakes"),
    _case("wgan_gp", "hands-8", seed=52, dim=28, hands="channels-last"),
    _case("conditional", "digits-12", steps=1_600, width=160, hands="labels"),
    _case("conditional", "moons", seed=51, steps=1_600, width=96, hands="labels"),
    _case("pix2pix", "softened-8", steps=1_000, ngf=10),
    _case("pix2pix", "drawings-8", seed=51, steps=1_000, lambda_L1=50.0, hands="fakes"),
    _case("cyclegan", "outlines-8", seed=51, steps=1_000, nf=10),
    _case("stylegan", "digits-8", seed=51, steps=1_000, nf=16, half_life=70.0),
    _case("stylegan", "hands-8", seed=52, steps=1_000, gamma=0.7, hands="no-steps"),
    _case("lightning_like", "digits-12", steps=1_500, width=80, hands="step-of-epoch"),
    _case("lightning_like", "hands-8", seed=51, steps=1_500, hands="epochs"),
    _case("half", "digits-12", steps=1_500, scale=2.0**18, growth_interval=120),
    _case("half", "digits-8", seed=51, steps=1_200, dtype="bfloat16", width=144, hands="nothing-known"),
    _case("half", "digits-8", seed=52, steps=1_200, hinge=True, width=160, hands="always-0"),
    _case("tables", "cancer", pac=2, numbers=30, batch=64),
    _case("tables", "adult", seed=51, steps=1_500, width=72, lr=8e-4, hands="no-steps"),
    _case("relativistic", "digits-8", seed=51, steps=1_000, kind="average-hinge"),
    _case("relativistic", "hands-8", seed=52, steps=1_000, kind="hinge", hands="loader"),
    _case("least_squares", "digits-12", steps=3_000, hidden=128),
    _case("least_squares", "hands-8", seed=51, steps=2_500, squash=False, hands="real-only"),
    _case(
        "least_squares",
        "digits-8",
        seed=52,
        steps=2_500,
        lr=4e-4,
        instance_noise=0.15,
        real_label=0.9,
        hands="bytes",
    ),
    _case("mixtures", "ring-6", steps=3_000),
    _case("mixtures", "moons", seed=51, steps=2_000, d_steps=2, hands="fakes"),
    _case("mixtures", "grid-9", seed=52, steps=3_000, hidden=128, nz=6, lr=6e-4, hands="no-steps"),
    _case("keras_like", "digits-12", steps=2_000, hands="numbers"),
    _case("keras_like", "hands-8", seed=51, steps=1_500, width=96, lr=5e-4, hands="fakes"),
    _case("keras_like", "digits-8", seed=52, steps=2_000, width=112, hands="losses"),
    _case("auxiliary_classes", "digits-8", steps=1_800, weight=0.5, lr=4e-4, hands="labels"),
    _case("auxiliary_classes", "digits-12", seed=51, steps=1_500, hands="labels-not-given"),
    _case("series", "weather", lr=8e-4),
    _case("series", "weather", seed=51, nf=18, lr=7e-4, hands="generator"),
    _case("super_resolution", "enlarged-8", steps=1_000),
    _case("super_resolution", "enlarged-emoji-8", seed=51, steps=1_000, hands="real-only"),
    _case("information", "digits-8", steps=1_500),
    _case("information", "digits-12", seed=51, steps=1_200, hands="networks"),
    _case("autoencoding", "digits-8", steps=1_500),
    _case("autoencoding", "digits-12", seed=51, steps=2_000, width=160, nz=16, hands="no-steps"),
)

_TOLD = "discriminator-dominates diverging"

FAULTY = (
    # One sample, whatever the latent
    _case("dcgan_tutorial", "hands-8", "zero-latent", steps=1_000, nf=12),
    _case("dcgan_tutorial", "openmoji-line-8", "dead-relu", steps=1_000, onset=400, nf=12, hands="fakes"),
    _case("wgan_clip", "digits-12", "one-latent-a-batch", steps=1_000, hands="no-steps"),
    _case("wgan_gp", "cancer", "latent-ignored", steps=1_000, onset=400),
    _case(
        "conditional",
        "digits-12",
        "latent-ignored",
        steps=1_500,
        hands="labels",
        also="condition-ignored",
    ),
    _case("pix2pix", "softened-8", "source-ignored", steps=1_000),
    _case("cyclegan", "outlines-8", "constant-output", steps=1_000, nf=10),
    _case("stylegan", "hands-8", "noise-as-constant", steps=1_000, hands="networks"),
    _case("lightning_like", "digits-12", "zero-latent", steps=1_500, hands="epochs"),
    _case("half", "hands-8", "dead-relu", steps=1_000, onset=500, dtype="bfloat16"),
    _case("tables", "cancer", "zero-latent", steps=1_000, pac=2, numbers=30, batch=64, hands="generator"),
    _case("relativistic", "hands-8", "constant-output", steps=1_000, kind="hinge"),
    _case("least_squares", "digits-12", "dead-relu", steps=1_500, onset=700, hands="bytes"),
    _case("mixtures", "moons", "zero-latent", steps=2_000, hands="fakes-of-the-loop"),
    _case("keras_like", "hands-8", "latent-ignored", steps=1_200, hands="fakes"),
    _case(
        "auxiliary_classes",
        "digits-8",
        "zero-latent",
        steps=1_200,
        hands="labels-not-given",
        also="condition-ignored",
    ),
    _case("series", "weather", "one-latent-a-batch", steps=1_000),
    _case("information", "digits-8", "faint-latent", steps=1_000),
    _case("autoencoding", "digits-8", "zero-latent", steps=1_000),
    # Less variety
    _case("series", "weather", "few-latents", steps=1_000),
    _case("lightning_like", "hands-8", "same-latent", steps=1_200),
    _case("wgan_gp", "digits-12", "one-reference", steps=1_000, onset=500),
    _case("least_squares", "digits-12", "big-generator-rate", steps=1_500),
    # No gradient, no step
    _case("wgan_gp", "hands-8", "detached", steps=1_000),
    _case("tables", "cancer", "generator-never-steps", steps=1_000, pac=2, numbers=30, batch=64),
    _case("stylegan", "hands-8", "ema-never-moves", steps=1_000),
    _case("lightning_like", "digits-12", "fakes-without-graph", steps=1_500, hands="step-of-epoch"),
    _case(
        "relativistic",
        "digits-8",
        "generator-never-steps",
        steps=1_000,
        kind="average-hinge",
        hands="networks",
    ),
    _case("information", "hands-8", "detached", steps=1_000, hands="generator"),
    _case("series", "weather", "generator-never-steps", steps=1_000, hands="fakes"),
    _case("mixtures", "ring-6", "rates-end", steps=2_000, onset=300),
    # Gradients that add up
    _case("half", "digits-12", "no-zero-grad-d", steps=1_200),
    _case("keras_like", "hands-8", "no-zero-grad-g", hands="fakes"),
    # The balance
    _case("wgan_gp", "digits-12", "swapped-sign", steps=1_000),
    _case("information", "digits-8", "huge-rate-d", steps=1_200),
    _case("conditional", "moons", "frozen-d", steps=1_500, hands="labels"),
    _case("series", "weather", "swapped-label-g", steps=1_000),
    _case("half", "digits-12", "swapped-label-g", steps=1_200, hands="scores"),
    _case("least_squares", "digits-12", "fakes-forgotten", steps=2_000),
    _case("keras_like", "digits-12", "swapped-label-g", steps=1_500, hands="numbers", right=_TOLD),
    _case("keras_like", "hands-8", "frozen-d", steps=1_500, hands="losses"),
    # Values
    _case("tables", "adult", "log-of-zero", steps=1_000, onset=500),
    _case("super_resolution", "enlarged-8", "overflow", steps=800, onset=400),
    _case("conditional", "digits-12", "nan", steps=1_000, onset=600, hands="labels"),
    _case("autoencoding", "digits-8", "nan", steps=1_000, onset=500, hands="numbers"),
    _case("wgan_gp", "cancer", "overflow", steps=800, onset=300, hands="networks"),
    # Wasserstein
    _case("wgan_gp", "digits-12", "no-penalty", steps=1_200),
    # Data
    _case("autoencoding", "digits-12", "reals-in-0-1"),
    _case("least_squares", "hands-8", "reals-in-bytes", steps=1_200),
    _case("wgan_gp", "hands-8", "colours-exchanged", steps=1_000),
    _case("dcgan_tutorial", "hands-8", "grey-fakes", steps=1_000, nf=12),
    _case("half", "digits-8", "inverted-reals", seed=51, steps=1_000),
    _case("wgan_gp", "digits-12", "same-batch", steps=1_000, hands="no-steps"),
    _case("half", "digits-12", "few-data", steps=1_500, width=160),
    _case("least_squares", "digits-12", "copies", steps=2_000, onset=900),
    # Conditions
    _case("auxiliary_classes", "digits-8", "condition-dropped", steps=1_500, hands="labels"),
    _case("conditional", "digits-12", "labels-exchanged", steps=2_000, hands="labels"),
    _case("auxiliary_classes", "digits-12", "shuffled-labels", steps=1_500, hands="labels"),
    # Modes and dynamics
    _case("mixtures", "ring-6", "oscillating", steps=2_500),
    _case("mixtures", "moons", "moves-in-turns", steps=3_000),
    _case("information", "digits-8", "modes-apart", steps=1_000),
    _case("series", "weather", "rate-rises", steps=1_200, onset=700),
    _case("wgan_clip", "digits-12", "weights-decay", steps=1_200, onset=800),
    _case("wgan_gp", "hands-8", "chequered", steps=1_000),
    _case("least_squares", "digits-12", "chequered", steps=1_500),
)

CASES = (*HEALTHY, *FAULTY)
