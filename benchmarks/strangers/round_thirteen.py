"""Cases that no rule and no threshold is chosen on: forty healthy loops, 34 faults, two styles of their own.

Drawn by lot from a fixed seed. Forty loops that are meant to be healthy: every style once, and five more.
Their data and settings are those of a loop that ended sound in rounds eight to twelve, or, of the two new
styles, in a trial without the Monitor; all have other seeds. Thirty-four faults: all sixteen unmistakable
kinds and eighteen others, each in a loop that ended sound without it, of a style that had the fault before
or of a new one. Copies, grids and ranges are put into pictures only: in the plane a trace of 3 % is wider
than the gaps between rows, and a fixed pattern is undone by a network that is free to. Written down and
committed before any of them was played.
"""

from __future__ import annotations

import random
from functools import partial

from benchmarks.strangers.case import case

_case = partial(case, seed=130, steps=1_000)


HEALTHY = (
    _case("augmented", "hands-8", seed=130, steps=1000),
    _case("autoencoding", "digits-8", seed=131, steps=2000, hands="no-steps"),
    _case("auxiliary_classes", "digits-12", seed=132, steps=2000, hands="labels-not-given"),
    _case("bidirectional", "digits-8", seed=133, steps=1200, lr=0.0007),
    _case("conditional", "digits-10", seed=130, steps=1000, hands="labels", lr=0.0007),
    _case("cyclegan", "outlines-8", seed=131, steps=1000, nf=10),
    _case("dcgan_tutorial", "digits-8", seed=132, steps=1200, nf=20, lr=0.0003),
    _case("dragan", "digits-10", seed=133, steps=1500, hands="fakes"),
    _case("functional", "diabetes", seed=130, steps=1200, hands="no-steps", lr=0.0008),
    _case("half", "digits-10", seed=131, steps=1000, hands="step-of-epoch", lr=0.0007),
    _case("information", "digits-8", seed=132, steps=1000, hands="generator"),
    _case("inpainting", "masked-emoji-10", seed=133, steps=2000),
    _case("keras_like", "digits-8", seed=130, steps=1000, hands="fakes", lr=0.0007),
    _case("layer_norm", "digits-10", seed=131, steps=1500, hands="fakes"),
    _case(
        "least_squares", "digits-10", seed=132, steps=1500, hands="no-steps", hidden=136, noisy=0.1, lr=0.0008
    ),
    _case("lightning_like", "digits-10", seed=133, steps=2000, hands="step-of-epoch", lr=0.0007),
    _case("mixtures", "ring-6", seed=130, steps=1200, hands="no-steps"),
    _case("noised", "circles", seed=131, steps=1200, hands="no-steps", nz=4, sigma=0.1),
    _case("packed", "diabetes", seed=132, steps=1000, hands="generator"),
    _case("pix2pix", "outlines-12", seed=133, steps=1500, ngf=10, lr=0.0006),
    _case("recurrent", "weather", seed=130, steps=1000),
    _case("relativistic", "openmoji-8", seed=131, steps=1500, kind="average-hinge"),
    _case("self_attention", "hands-8", seed=132, steps=2000),
    _case("semi_supervised", "digits-10", seed=133, steps=1500),
    _case("series", "weather", seed=130, steps=1000, hands="generator", nf=18, lr=0.0007),
    _case(
        "spectral",
        "hands-grey-10",
        seed=131,
        steps=1200,
        hands="networks",
        n_dis=1,
        nf=6,
        batch=16,
        lr=0.0008,
    ),
    _case("stylegan", "hands-8", seed=132, steps=1500, hands="no-steps", gamma=0.7),
    _case("super_resolution", "enlarged-8", seed=133, steps=1000, hands="fakes"),
    _case("tables", "diabetes", seed=130, steps=1200, hands="no-steps", pac=2, numbers=10, batch=64),
    _case("two_judges", "digits-8", seed=131, steps=1500),
    _case("vae_gan", "digits-8", seed=132, steps=1500, hands="bytes"),
    _case("weight_normed", "ring-5", seed=133, steps=1000, dim_z=4),
    _case(
        "wgan_clip", "hands-grey-10", seed=130, steps=1000, hands="images", width=100, lrD=0.0008, lrG=0.0008
    ),
    _case("wgan_gp", "cancer", seed=131, steps=1500, hands="loader"),
    _case("zero_centred", "digits-10", seed=132, steps=1200, hands="no-steps", lr=0.0008),
    _case("least_squares", "swiss", seed=134, steps=1000, hands="images", nz=8, squash=False, lr=0.0008),
    _case("half", "digits-8", seed=134, steps=1000, hinge=True, width=160),
    _case("self_attention", "digits-10", seed=134, steps=1000),
    _case("zero_centred", "digits-8", seed=134, steps=1200, lr=0.0008),
    _case("noised", "hands-grey-8", seed=134, steps=1000),
)

FAULTY = (
    _case("dragan", "ring-5", "zero-latent", seed=130, steps=1000, z_dim=4),
    _case("wgan_gp", "diabetes", "dead-relu", seed=131, steps=1200, onset=600, hands="no-steps"),
    _case(
        "wgan_clip",
        "hands-grey-10",
        "latent-ignored",
        seed=132,
        steps=1000,
        hands="fakes",
        width=100,
        lrD=0.0008,
        lrG=0.0008,
    ),
    _case("half", "digits-10", "constant-output", seed=133, steps=1000, lr=0.0007),
    _case("weight_normed", "cancer", "one-latent-a-batch", seed=130, steps=1000),
    _case("stylegan", "hands-grey-8", "noise-as-constant", seed=131, steps=1500),
    _case("weight_normed", "digits-8", "faint-latent", seed=132, steps=1000),
    _case("inpainting", "masked-emoji-10", "source-ignored", seed=133, steps=1500),
    _case("weight_normed", "cancer", "detached", seed=130, steps=1000),
    _case(
        "bidirectional",
        "digits-10",
        "fakes-without-graph",
        seed=131,
        steps=1500,
        also="mode-collapse",
        lr=0.0007,
    ),
    _case("packed", "swiss", "generator-never-steps", seed=132, steps=1500, hands="fakes", latent=6),
    _case("lightning_like", "digits-10", "optimiser-of-a-copy", seed=133, steps=1500, lr=0.0007),
    _case("stylegan", "hands-grey-8", "ema-never-moves", seed=130, steps=1500),
    _case(
        "spectral",
        "digits-10",
        "nan",
        seed=131,
        steps=1500,
        onset=750,
        hands="fakes",
        nf=6,
        batch=16,
        n_dis=1,
        lr=0.0008,
    ),
    _case("tables", "adult", "log-of-zero", seed=132, steps=1500, onset=750, width=72, lr=0.0008),
    _case(
        "least_squares",
        "swiss",
        "overflow",
        seed=133,
        steps=1000,
        onset=500,
        hands="no-steps",
        nz=8,
        squash=False,
        lr=0.0008,
    ),
    _case(
        "functional",
        "diabetes",
        "swapped-label-g",
        seed=130,
        steps=1200,
        hands="losses",
        right="discriminator-dominates diverging",
        lr=0.0008,
    ),
    _case("augmented", "hands-8", "colours-exchanged", seed=131, steps=1000),
    _case("stylegan", "hands-grey-8", "weights-decay", seed=132, steps=1500, onset=750),
    _case("packed", "digits-10", "copies", seed=133, steps=1500, onset=750, hands="no-steps"),
    _case(
        "dragan",
        "digits-10",
        "rates-exchanged",
        seed=130,
        steps=1500,
        right="discriminator-dominates generator-dominates mode-collapse mode-hopping "
        "oscillation not-learning quality-regressed diverging no-gradient",
    ),
    _case("augmented", "hands-8", "rates-end", seed=131, steps=1000, onset=500),
    _case("packed", "swiss", "few-data", seed=132, steps=1500, latent=6),
    _case("spectral", "hands-grey-10", "gridded", seed=133, steps=1200, n_dis=1, nf=6, batch=16, lr=0.0008),
    _case("wgan_gp", "hands-8", "grey-fakes", seed=130, steps=1500, dim=28),
    _case("augmented", "digits-8", "reals-in-0-1", seed=131, steps=1000),
    _case("weight_normed", "digits-8", "no-zero-grad-g", seed=132, steps=1000),
    _case("conditional", "digits-12", "shuffled-labels", seed=133, steps=1500, hands="labels", width=160),
    _case("augmented", "digits-8", "same-batch", seed=130, steps=1000),
    _case("packed", "digits-10", "same-latent", seed=131, steps=1500, onset=750),
    _case("noised", "circles", "few-latents", seed=132, steps=1200, nz=4, sigma=0.1),
    _case("weight_normed", "cancer", "modes-apart", seed=133, steps=1000),
    _case("noised", "hands-grey-8", "inverted-reals", seed=130, steps=1000),
    _case("zero_centred", "cancer", "noisy-reals", seed=131, steps=1200, lr=0.0008),
)

_IN_ORDER = (*HEALTHY, *FAULTY)
CASES = tuple(random.Random(13).sample(_IN_ORDER, len(_IN_ORDER)))
"""In an order by lot, so that a part of it stands for the whole."""
