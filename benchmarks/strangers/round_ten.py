"""Cases that no rule and no threshold is chosen on: every unmistakable kind of fault once, three new styles.

Drawn by lot. Twenty-four faults: all sixteen unmistakable kinds and eight of the others, each in a style that
had it before or in a new one, on data of another loop of that style. Sixteen loops that are meant to be
healthy: two of each new style, and ten of styles that were healthy before. All have other seeds, and 1,000 to
2,000 steps. What the lot gave was changed at one place: a discriminator that is too slow shows in scores, and
is not looked for in a loop that hands over networks alone. Written down and committed before any of them was
played. What counts as healthy, or as a fault that took effect, is as before.
"""

from __future__ import annotations

from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=100, steps=1_000)


HEALTHY = (
    _case("vae_gan", "digits-8", seed=100, steps=1500, hands="bytes"),
    _case("vae_gan", "hands-grey-8", seed=101, steps=1000, hands="real-only"),
    _case("self_attention", "hands-8", seed=100, steps=1200, hands="bytes"),
    _case("self_attention", "digits-10", seed=101, steps=2000),
    _case("layer_norm", "cancer", seed=100, steps=1000),
    _case("layer_norm", "digits-10", seed=101, steps=1200, hands="fakes"),
    _case("wgan_gp", "hands-grey-10", seed=100, steps=1000, hands="channels-last", dim=30),
    _case("series", "weather", seed=101, steps=1200, hands="generator", nf=18, lr=0.0007),
    _case(
        "spectral",
        "hands-grey-10",
        seed=102,
        steps=1200,
        hands="networks",
        n_dis=1,
        nf=6,
        batch=16,
        lr=0.0008,
    ),
    _case("super_resolution", "enlarged-emoji-8", seed=103, steps=1000, hands="real-only"),
    _case("dcgan_tutorial", "digits-8", seed=100, steps=1200, nf=20, lr=0.0003),
    _case("half", "digits-12", seed=101, steps=1200, hands="step-of-epoch", lr=0.0007),
    _case("feature_matching", "swiss", seed=102, steps=1500, nz=6, lr=0.0008),
    _case("functional", "digits-10", seed=103, steps=1000, lr=0.0008),
    _case("tables", "adult", seed=100, steps=1500, hands="no-steps", width=72, lr=0.0008),
    _case("conditional", "digits-10", seed=101, steps=1200, hands="labels", lr=0.0007),
)

FAULTY = (
    _case("tables", "adult", "log-of-zero", seed=100, steps=1000, onset=300),
    _case("lightning_like", "digits-10", "optimiser-of-a-copy", seed=101, steps=1200, lr=0.0007),
    _case("stylegan", "hands-8", "ema-never-moves", seed=102, steps=1200, gamma=0.7),
    _case("categories", "categories", "detached", seed=103, steps=1000, hands="no-steps", tau=0.6),
    _case(
        "relativistic",
        "digits-8",
        "generator-never-steps",
        seed=100,
        steps=1200,
        hands="networks",
        kind="hinge",
    ),
    _case("least_squares", "digits-8", "overflow", seed=101, steps=1500, hands="no-steps", onset=450),
    _case("zero_centred", "digits-10", "nan", seed=102, steps=1500, onset=600, lr=0.0008),
    _case("information", "hands-grey-10", "faint-latent", seed=103, steps=1000, onset=400, lr=0.0006),
    _case("layer_norm", "digits-10", "constant-output", seed=100, steps=2000),
    _case(
        "keras_like", "hands-8", "latent-ignored", seed=101, steps=1000, hands="fakes", width=96, lr=0.0005
    ),
    _case(
        "layer_norm", "hands-grey-8", "fakes-without-graph", seed=102, steps=1000, hands="images", onset=400
    ),
    _case("vae_gan", "hands-grey-8", "zero-latent", seed=103, steps=1500, hands="step-of-epoch"),
    _case("wgan_gp", "digits-12", "dead-relu", seed=100, steps=1500, hands="no-steps", onset=600, dim=32),
    _case("stylegan", "digits-8", "noise-as-constant", seed=101, steps=1000, onset=400),
    _case("inpainting", "masked-emoji-10", "source-ignored", seed=102, steps=2000),
    _case("vae_gan", "diabetes", "one-latent-a-batch", seed=103, steps=1500, onset=450),
    _case("conditional", "digits-10", "shuffled-labels", seed=100, steps=1500, hands="labels", lr=0.0007),
    _case("dcgan_tutorial", "openmoji-8", "reals-in-bytes", seed=101, steps=1500, nf=14, lr=0.0006),
    _case("self_attention", "digits-10", "tiny-rate-d", seed=102, steps=1000, hands="no-steps"),
    _case("categories", "categories", "no-penalty", seed=103, steps=1000),
    _case("least_squares", "digits-8", "big-generator-rate", seed=100, steps=1200, squash=False, noisy=0.2),
    _case("stylegan", "hands-grey-8", "weights-decay", seed=101, steps=1200, onset=600),
    _case(
        "keras_like", "hands-8", "no-zero-grad-g", seed=102, steps=1000, hands="fakes", width=96, lr=0.0005
    ),
    _case(
        "auxiliary_classes",
        "hands-grey-10",
        "condition-dropped",
        seed=103,
        steps=2000,
        hands="labels",
        lr=0.0007,
    ),
)

CASES = (*HEALTHY, *FAULTY)
