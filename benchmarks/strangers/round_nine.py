"""Cases that no rule and no threshold is chosen on, drawn by lot from what the rounds before are made of.

Twenty-four faults by lot, each in a style that had it before, with data of another loop of that style;
and twenty loops of styles by lot that were healthy before. All have other seeds, and 1,200 to 3,000 steps.
Written down and committed before any of them was played. What counts as healthy, or as a fault that took
effect, is as before.
"""

from __future__ import annotations

from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=90, steps=1500)


HEALTHY = (
    _case("super_resolution", "enlarged-10", steps=1500, hands="fakes", lr=0.001),
    _case("lightning_like", "digits-10", seed=91, steps=1500, hands="list", lr=0.0007),
    _case("conditional", "digits-12", seed=92, steps=1600, hands="labels", width=160),
    _case(
        "least_squares", "digits-10", seed=93, steps=1500, hands="images", hidden=136, noisy=0.1, lr=0.0008
    ),
    _case("stylegan", "hands-grey-8", steps=1500, hands="no-steps"),
    _case("pix2pix", "softened-8", seed=91, steps=1500, ngf=10),
    _case("auxiliary_classes", "digits-12", seed=92, steps=1500, hands="labels-not-given"),
    _case("noised", "digits-10", seed=93, steps=1500),
    _case("functional", "ring-6", steps=1500, hands="no-steps", nz=4),
    _case("relativistic", "hands-8", seed=91, steps=1500, hands="loader", kind="hinge"),
    _case("dragan", "ring-5", seed=92, steps=1500, hands="fakes", z_dim=4),
    _case("spectral", "digits-10", seed=93, steps=1500, nf=6, batch=16, n_dis=1, lr=0.0008),
    _case("wgan_clip", "digits-12", steps=1500, width=110),
    _case("information", "digits-8", seed=91, steps=1500),
    _case("tables", "adult", seed=92, steps=1500, hands="no-steps", width=72, lr=0.0008),
    _case("wgan_gp", "hands-8", seed=93, steps=1500, hands="channels-last", dim=28),
    _case("bidirectional", "diabetes", steps=1500, hands="real-only", lr=0.0007),
    _case("zero_centred", "digits-10", seed=91, steps=1500, lr=0.0008),
    _case("packed", "digits-10", seed=92, steps=1500),
    _case("inpainting", "masked-10", seed=93, steps=1500),
)

FAULTY = (
    _case(
        "wgan_clip",
        "hands-grey-10",
        "no-clipping",
        steps=2000,
        hands="no-steps",
        width=100,
        lrD=0.0008,
        lrG=0.0008,
    ),
    _case(
        "bidirectional",
        "diabetes",
        "fakes-without-graph",
        seed=91,
        steps=1500,
        also="mode-collapse",
        lr=0.0007,
    ),
    _case("keras_like", "openmoji-line-10", "frozen-d", seed=92, steps=1500, hands="numbers", lr=0.0007),
    _case("dragan", "diabetes", "same-batch", seed=93, steps=1500),
    _case("auxiliary_classes", "digits-12", "condition-dropped", steps=1500, hands="labels"),
    _case("inpainting", "masked-emoji-10", "log-of-zero", seed=91, steps=1200, onset=480, hands="losses"),
    _case("information", "digits-12", "modes-apart", seed=92, steps=1200),
    _case("dcgan_tutorial", "hands-16", "grey-fakes", seed=93, steps=1500, nf=10),
    _case("dcgan_tutorial", "hands-8", "reals-in-bytes", steps=2000, nf=14, smooth=0.95),
    _case("mixtures", "grid-9", "moves-in-turns", seed=91, steps=3000, lr=0.0006),
    _case("half", "digits-12", "inverted-reals", seed=92, steps=1500, scale=262144.0, growth_interval=120),
    _case("conditional", "digits-10", "shuffled-labels", seed=93, steps=1500, hands="labels", lr=0.0007),
    _case("feature_matching", "diabetes", "faint-latent", steps=2000, lr=0.0008),
    _case("least_squares", "swiss", "fakes-forgotten", seed=91, steps=2000, nz=8, squash=False, lr=0.0008),
    _case("keras_like", "digits-8", "no-zero-grad-g", seed=92, steps=1500, hands="fakes"),
    _case("mixtures", "circles", "oscillating", seed=93, steps=2500),
    _case("spectral", "hands-10", "no-zero-grad-d", steps=2000, nf=6, batch=16, n_dis=1, lr=0.0008),
    _case("wgan_gp", "digits-8", "one-reference", seed=91, steps=1200, onset=360),
    _case(
        "auxiliary_classes",
        "digits-12",
        "zero-latent",
        seed=92,
        steps=1200,
        hands="labels-not-given",
        also="condition-ignored",
    ),
    _case("zero_centred", "swiss", "constant-output", seed=93, steps=1200, hands="no-steps", nz=6, lr=0.0008),
    _case("stylegan", "hands-8", "noise-as-constant", steps=1500, onset=450, gamma=0.7),
    _case(
        "spectral",
        "hands-grey-10",
        "nan",
        seed=91,
        steps=2000,
        onset=600,
        hands="fakes",
        n_dis=1,
        nf=6,
        batch=16,
        lr=0.0008,
    ),
    _case("conditional", "digits-12", "labels-exchanged", seed=92, steps=1200, hands="labels", width=160),
    _case(
        "functional",
        "diabetes",
        "swapped-label-g",
        seed=93,
        steps=1200,
        hands="losses",
        right="discriminator-dominates diverging",
        lr=0.0008,
    ),
)

CASES = (*HEALTHY, *FAULTY)
