"""Cases that no rule and no threshold is chosen on: forty healthy loops and forty faults, no new style.

Drawn by lot from a fixed seed. Forty loops that are meant to be healthy: every style that ended sound before
once, seven of them twice. Forty faults: all sixteen unmistakable kinds and 24 of the others, each in a style
that had it before, on data of another loop of that style. All have other seeds, and 1,000 to 2,000 steps.
What the lot gave was changed at two places: exchanged channels and grey samples need pictures in colour.
Written down and committed before any of them was played. What counts as healthy, or as a fault that took
effect, is as before.
"""

from __future__ import annotations

from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=120, steps=1_000)


HEALTHY = (
    _case("autoencoding", "digits-12", seed=120, steps=1500, hands="no-steps", width=160, nz=16),
    _case("auxiliary_classes", "digits-12", seed=121, steps=2000, hands="labels-not-given"),
    _case("bidirectional", "digits-10", seed=122, steps=1500, hands="real-only", lr=0.0007),
    _case("conditional", "digits-12", seed=123, steps=2000, hands="labels", width=160),
    _case("cyclegan", "outlines-8", seed=120, steps=2000, nf=10),
    _case("dcgan_tutorial", "hands-8", seed=121, steps=1000, nf=14, smooth=0.95),
    _case("dragan", "ring-5", seed=122, steps=1000, hands="fakes", z_dim=4),
    _case("functional", "ring-5", seed=123, steps=1200, hands="no-steps", nz=4, lr=0.0008),
    _case(
        "half", "digits-12", seed=120, steps=1000, hands="step-of-epoch", scale=262144.0, growth_interval=120
    ),
    _case("information", "hands-grey-10", seed=121, steps=1200, hands="networks", lr=0.0006),
    _case("inpainting", "masked-10", seed=122, steps=1000),
    _case("keras_like", "digits-8", seed=123, steps=1000, hands="fakes", lr=0.0007),
    _case("layer_norm", "cancer", seed=120, steps=2000, hands="fakes"),
    _case("least_squares", "swiss", seed=121, steps=1000, hands="images", nz=8, squash=False, lr=0.0008),
    _case("lightning_like", "digits-10", seed=122, steps=2000, hands="step-of-epoch", lr=0.0007),
    _case("mixtures", "swiss", seed=123, steps=2000, hands="no-steps"),
    _case("noised", "hands-grey-8", seed=120, steps=1000),
    _case("packed", "digits-10", seed=121, steps=2000),
    _case("pix2pix", "drawings-8", seed=122, steps=1000, lambda_L1=50.0),
    _case("recurrent", "weather", seed=123, steps=1000, hands="fakes"),
    _case("relativistic", "openmoji-8", seed=120, steps=1500, kind="average-hinge"),
    _case("self_attention", "hands-8", seed=121, steps=2000),
    _case("semi_supervised", "digits-10", seed=122, steps=1500),
    _case("series", "weather", seed=123, steps=1000, hands="generator", nf=18, lr=0.0007),
    _case("spectral", "digits-10", seed=120, steps=2000, nf=6, batch=16, n_dis=1, lr=0.0008),
    _case("stylegan", "hands-8", seed=121, steps=1500, hands="no-steps", gamma=0.7),
    _case("super_resolution", "enlarged-8", seed=122, steps=1000, hands="fakes"),
    _case("tables", "diabetes", seed=123, steps=1200, hands="no-steps", pac=2, numbers=10, batch=64),
    _case("two_judges", "digits-8", seed=120, steps=1500),
    _case("vae_gan", "digits-8", seed=121, steps=1500, hands="bytes"),
    _case("wgan_clip", "hands-grey-10", seed=122, steps=1200, width=100, lrD=0.0008, lrG=0.0008),
    _case("wgan_gp", "cancer", seed=123, steps=1500, hands="loader"),
    _case("zero_centred", "digits-10", seed=120, steps=1200, hands="no-steps", lr=0.0008),
    _case("recurrent", "weather", seed=121, steps=1000),
    _case("self_attention", "digits-10", seed=122, steps=1000),
    _case("packed", "swiss", seed=123, steps=2000, latent=6),
    _case("relativistic", "hands-grey-8", seed=120, steps=2000),
    _case(
        "least_squares", "digits-10", seed=121, steps=1500, hands="no-steps", hidden=136, noisy=0.1, lr=0.0008
    ),
    _case("functional", "diabetes", seed=122, steps=1200, hands="no-steps", lr=0.0008),
    _case(
        "wgan_clip", "hands-grey-10", seed=123, steps=1000, hands="images", width=100, lrD=0.0008, lrG=0.0008
    ),
)

FAULTY = (
    _case(
        "auxiliary_classes",
        "digits-12",
        "zero-latent",
        seed=120,
        steps=2000,
        hands="labels-not-given",
        also="condition-ignored",
    ),
    _case(
        "dcgan_tutorial",
        "hands-8",
        "dead-relu",
        seed=121,
        steps=1200,
        onset=500,
        hands="fakes",
        nf=14,
        smooth=0.95,
    ),
    _case(
        "wgan_clip",
        "hands-grey-10",
        "latent-ignored",
        seed=122,
        steps=1000,
        hands="fakes",
        width=100,
        lrD=0.0008,
        lrG=0.0008,
    ),
    _case("layer_norm", "digits-10", "constant-output", seed=123, steps=1000),
    _case(
        "autoencoding",
        "digits-12",
        "one-latent-a-batch",
        seed=120,
        steps=1200,
        hands="real-only",
        width=160,
        nz=16,
    ),
    _case("stylegan", "hands-8", "noise-as-constant", seed=121, steps=1500, onset=400, gamma=0.7),
    _case("feature_matching", "diabetes", "faint-latent", seed=122, steps=2000, lr=0.0008),
    _case("pix2pix", "outlines-12", "source-ignored", seed=123, steps=1000, ngf=10, lr=0.0006),
    _case("categories", "categories", "detached", seed=120, steps=2000, hands="no-steps"),
    _case("mixtures", "ring-5", "fakes-without-graph", seed=121, steps=1500, hands="generator"),
    _case("zero_centred", "circles", "generator-never-steps", seed=122, steps=2000, nz=4, lr=0.001),
    _case("lightning_like", "digits-12", "optimiser-of-a-copy", seed=123, steps=2000, width=80),
    _case("stylegan", "hands-grey-8", "ema-never-moves", seed=120, steps=1500, gamma=0.7),
    _case("zero_centred", "swiss", "nan", seed=121, steps=2000, onset=800, nz=6, lr=0.0008),
    _case("inpainting", "masked-emoji-10", "log-of-zero", seed=122, steps=2000, onset=1000, hands="losses"),
    _case(
        "least_squares",
        "digits-8",
        "overflow",
        seed=123,
        steps=1000,
        onset=500,
        hands="no-steps",
        lr=0.0004,
        instance_noise=0.15,
        real_label=0.9,
    ),
    _case("dcgan_tutorial", "digits-8", "swapped-label-g", seed=120, steps=1200, nf=20, lr=0.0003),
    _case("dragan", "hands-8", "colours-exchanged", seed=121, steps=1500),
    _case("zero_centred", "digits-10", "weights-decay", seed=122, steps=2000, onset=1200, lr=0.0008),
    _case("dragan", "ring-5", "copies", seed=123, steps=2000, onset=800, z_dim=4),
    _case("feature_matching", "digits-10", "rates-exchanged", seed=120, steps=1200),
    _case("packed", "digits-10", "rates-end", seed=121, steps=2000, onset=1000),
    _case("wgan_clip", "digits-12", "no-clipping", seed=122, steps=1000, width=110),
    _case("wgan_gp", "cancer", "one-reference", seed=123, steps=2000, onset=1000),
    _case("wgan_gp", "hands-8", "grey-fakes", seed=120, steps=2000, dim=28),
    _case(
        "least_squares",
        "digits-8",
        "chequered",
        seed=121,
        steps=1000,
        lr=0.0004,
        instance_noise=0.15,
        real_label=0.9,
    ),
    _case("wgan_gp", "digits-12", "reals-in-0-1", seed=122, steps=1200, dim=32),
    _case(
        "half",
        "openmoji-line-10",
        "inverted-reals",
        seed=123,
        steps=2000,
        dtype="bfloat16",
        lr=0.0006,
        scale=262144.0,
        growth_interval=120,
    ),
    _case("bidirectional", "diabetes", "no-zero-grad-g", seed=120, steps=1200, lr=0.0007),
    _case("wgan_gp", "hands-8", "swapped-sign", seed=121, steps=1200, dim=28),
    _case(
        "conditional",
        "digits-12",
        "shuffled-labels",
        seed=122,
        steps=2000,
        hands="labels",
        width=160,
        lr=0.0007,
    ),
    _case("dragan", "ring-5", "same-batch", seed=123, steps=1500, z_dim=4),
    _case("mixtures", "grid-9", "moves-in-turns", seed=120, steps=1000, hidden=128, nz=6, lr=0.0006),
    _case(
        "spectral", "hands-grey-10", "same-latent", seed=121, steps=1500, n_dis=1, nf=6, batch=16, lr=0.0008
    ),
    _case("series", "weather", "few-latents", seed=122, steps=1500, nf=18, lr=0.0007),
    _case(
        "zero_centred",
        "circles",
        "tiny-rate-d",
        seed=123,
        steps=2000,
        right="discriminator-dominates generator-dominates mode-collapse mode-hopping "
        "oscillation not-learning quality-regressed diverging no-gradient",
        nz=4,
        lr=0.001,
    ),
    _case("zero_centred", "circles", "noisy-reals", seed=120, steps=1500, nz=4, lr=0.001),
    _case("feature_matching", "digits-10", "few-data", seed=121, steps=2000),
    _case("feature_matching", "hands-grey-10", "no-zero-grad-d", seed=122, steps=1200),
    _case("spectral", "digits-10", "gridded", seed=123, steps=2000, nf=6, batch=16, n_dis=1, lr=0.0008),
)

CASES = (*HEALTHY, *FAULTY)
