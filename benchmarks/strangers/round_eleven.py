"""Cases that no rule and no threshold is chosen on: more than forty healthy loops, three new styles.

Drawn by lot from a fixed seed. Fifty loops that are meant to be healthy: every style that ended sound
before once, fourteen of them twice, and two of each new style. Twenty-four faults: all sixteen unmistakable
kinds and eight of the others, each in a style that had it before, on data of another loop of that style. All
have other seeds, and 1,000 to 2,000 steps. What the lot gave was changed at two places: rows of a table are
handed over in a loader, and not as bytes or pictures. Written down and committed before any of them was
played. What counts as healthy, or as a fault that took effect, is as before.
"""

from __future__ import annotations

from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=110, steps=1_000)


HEALTHY = (
    _case("autoencoding", "digits-12", seed=110, steps=1200, hands="no-steps", width=160, nz=16),
    _case("auxiliary_classes", "digits-12", seed=111, steps=1500, hands="labels-not-given"),
    _case("bidirectional", "digits-10", seed=112, steps=1500, hands="real-only", lr=0.0007),
    _case("conditional", "digits-10", seed=113, steps=1000, hands="labels", lr=0.0007),
    _case("cyclegan", "outlines-8", seed=110, steps=2000, nf=10),
    _case("dcgan_tutorial", "openmoji-8", seed=111, steps=2000, hands="networks", nf=14, lr=0.0006),
    _case("dragan", "ring-5", seed=112, steps=2000, hands="fakes", z_dim=4),
    _case("functional", "ring-5", seed=113, steps=1000, hands="no-steps", nz=4, lr=0.0008),
    _case("half", "digits-8", seed=110, steps=1000, hinge=True, width=160),
    _case("information", "digits-8", seed=111, steps=1200),
    _case("inpainting", "masked-emoji-10", seed=112, steps=2000),
    _case("keras_like", "hands-grey-10", seed=113, steps=1000, hands="fakes", lr=0.0007),
    _case("layer_norm", "digits-10", seed=110, steps=1500, hands="fakes"),
    _case("least_squares", "digits-10", seed=111, steps=1200, hidden=136, noisy=0.1, lr=0.0008),
    _case("lightning_like", "digits-10", seed=112, steps=1000, hands="list", lr=0.0007),
    _case("mixtures", "ring-12", seed=113, steps=1200, hidden=112),
    _case("noised", "digits-10", seed=110, steps=1200),
    _case("packed", "digits-10", seed=111, steps=1500),
    _case("pix2pix", "outlines-12", seed=112, steps=1500, ngf=10, lr=0.0006),
    _case("relativistic", "openmoji-8", seed=113, steps=1200, hands="fakes", kind="average-hinge"),
    _case("self_attention", "hands-8", seed=110, steps=1200),
    _case("series", "weather", seed=111, steps=1500, hands="generator", nf=18, lr=0.0007),
    _case("spectral", "digits-10", seed=112, steps=1000, nf=6, batch=16, n_dis=1, lr=0.0008),
    _case("stylegan", "hands-8", seed=113, steps=1000, hands="no-steps", gamma=0.7),
    _case("super_resolution", "enlarged-10", seed=110, steps=2000, hands="fakes", lr=0.001),
    _case("tables", "adult", seed=111, steps=1500, width=72, lr=0.0008),
    _case("vae_gan", "digits-8", seed=112, steps=1000, hands="bytes"),
    _case("wgan_clip", "hands-grey-10", seed=113, steps=1500, width=100, lrD=0.0008, lrG=0.0008),
    _case("wgan_gp", "diabetes", seed=110, steps=1200, hands="loader"),
    _case("zero_centred", "digits-10", seed=111, steps=1000, lr=0.0008),
    _case("super_resolution", "enlarged-emoji-8", seed=112, steps=1500, hands="fakes"),
    _case("self_attention", "digits-10", seed=113, steps=1200),
    _case("relativistic", "hands-grey-8", seed=110, steps=1500),
    _case("inpainting", "masked-10", seed=111, steps=1500, hands="real-only"),
    _case("dcgan_tutorial", "hands-8", seed=112, steps=1500, nf=14, smooth=0.95),
    _case(
        "wgan_clip",
        "hands-grey-10",
        seed=113,
        steps=1000,
        hands="real-only",
        width=100,
        lrD=0.0008,
        lrG=0.0008,
    ),
    _case("dragan", "digits-10", seed=110, steps=1500, hands="fakes"),
    _case("zero_centred", "digits-10", seed=111, steps=1500, hands="scores", lr=0.0008),
    _case(
        "spectral", "digits-10", seed=112, steps=1500, hands="no-steps", nf=6, batch=16, n_dis=1, lr=0.0008
    ),
    _case("information", "digits-8", seed=113, steps=1000, hands="generator"),
    _case("autoencoding", "digits-8", seed=110, steps=2000, hands="no-steps"),
    _case("series", "weather", seed=111, steps=2000, nf=18, lr=0.0007),
    _case("half", "digits-10", seed=112, steps=1000, hands="step-of-epoch", lr=0.0007),
    _case("bidirectional", "digits-10", seed=113, steps=1000, lr=0.0007),
    _case("semi_supervised", "digits-8", seed=110, steps=2000),
    _case("semi_supervised", "digits-10", seed=111, steps=1500, hands="no-steps"),
    _case("recurrent", "weather", seed=110, steps=1200, hands="fakes"),
    _case("recurrent", "weather", seed=111, steps=1000),
    _case("two_judges", "digits-8", seed=110, steps=1200),
    _case("two_judges", "hands-8", seed=111, steps=2000),
)

FAULTY = (
    _case(
        "auxiliary_classes",
        "digits-12",
        "zero-latent",
        seed=110,
        steps=1500,
        hands="labels-not-given",
        also="condition-ignored",
    ),
    _case(
        "least_squares",
        "swiss",
        "dead-relu",
        seed=111,
        steps=1000,
        onset=500,
        hands="loader",
        nz=8,
        squash=False,
        lr=0.0008,
    ),
    _case("keras_like", "openmoji-line-10", "latent-ignored", seed=112, steps=1000, hands="fakes", lr=0.0007),
    _case("half", "digits-12", "constant-output", seed=113, steps=1000, scale=262144.0, growth_interval=120),
    _case("zero_centred", "cancer", "one-latent-a-batch", seed=110, steps=1000, lr=0.0008, nz=6),
    _case("stylegan", "hands-8", "noise-as-constant", seed=111, steps=2000, onset=600, gamma=0.7),
    _case("feature_matching", "hands-grey-10", "faint-latent", seed=112, steps=1000),
    _case("inpainting", "masked-emoji-10", "source-ignored", seed=113, steps=1500),
    _case(
        "wgan_clip",
        "digits-8",
        "detached",
        seed=110,
        steps=1500,
        hands="no-steps",
        width=96,
        clip=0.02,
        lrD=0.0004,
        lrG=0.0004,
    ),
    _case(
        "bidirectional",
        "diabetes",
        "fakes-without-graph",
        seed=111,
        steps=1000,
        also="mode-collapse",
        lr=0.0007,
    ),
    _case(
        "relativistic",
        "digits-8",
        "generator-never-steps",
        seed=112,
        steps=1200,
        hands="networks",
        kind="average-hinge",
    ),
    _case("lightning_like", "digits-12", "optimiser-of-a-copy", seed=113, steps=1200, width=80),
    _case("stylegan", "hands-8", "ema-never-moves", seed=110, steps=2000, gamma=0.7),
    _case("zero_centred", "digits-10", "nan", seed=111, steps=1000, onset=500, lr=0.0008),
    _case("inpainting", "masked-10", "log-of-zero", seed=112, steps=1000, onset=500, hands="losses"),
    _case("wgan_gp", "digits-12", "overflow", seed=113, steps=1200, onset=400, hands="networks", dim=32),
    _case("mixtures", "swiss", "tiny-rate-d", seed=110, steps=1500, hands="no-steps"),
    _case("information", "digits-12", "modes-apart", seed=111, steps=2000),
    _case("wgan_gp", "hands-grey-10", "same-batch", seed=112, steps=1500, hands="no-steps", dim=30),
    _case("feature_matching", "digits-10", "rates-exchanged", seed=113, steps=1500),
    _case(
        "spectral",
        "digits-10",
        "copies",
        seed=110,
        steps=2000,
        onset=1000,
        nf=6,
        batch=16,
        n_dis=1,
        lr=0.0008,
    ),
    _case("wgan_gp", "hands-8", "rate-rises", seed=111, steps=1500, onset=1000, dim=28),
    _case("wgan_gp", "diabetes", "one-reference", seed=112, steps=1200, onset=600),
    _case(
        "wgan_clip", "hands-grey-10", "no-clipping", seed=113, steps=1000, width=100, lrD=0.0008, lrG=0.0008
    ),
)

CASES = (*HEALTHY, *FAULTY)
