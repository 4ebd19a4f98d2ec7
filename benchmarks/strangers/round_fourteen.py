"""Cases that no rule and no threshold is chosen on: 46 healthy loops, 52 faults, three styles of their own.

Drawn by lot from a fixed seed, from data and settings of loops that ended sound in rounds nine to thirteen
or, of the new styles, in a trial without the Monitor, with other seeds and 700 to 1,000 steps. A fault whose
run ends as the healthy one does, by the round's own measure of health, is no fault. So 26 of the healthy
loops that were drawn, all of the new styles among them, and 29 of the faults that can be mistaken were run
without the Monitor before: the 24 and 16 here are those of which the loop ended sound and did not. The other
17 of these faults are judged by the result: whether they took effect is seen at the end of the play, which
ends as the loop does without the Monitor, as it is of the other 22 healthy loops. The sixteen unmistakable
kinds, three of them twice, are here whatever they do to the measure. Written down and committed before any of
them was played.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import zip_longest

from benchmarks.strangers.case import case

_case = partial(case, seed=140, steps=800)

# What rates that are out of proportion may turn into; which of these depends on the seed
_OF_THE_GAME = (
    "discriminator-dominates generator-dominates mode-collapse mode-hopping oscillation not-learning "
    "quality-regressed diverging no-gradient"
)

HEALTHY = (
    _case("lightning_like", "digits-8", seed=143, steps=1000, hands="loader", lr=0.0007),
    _case("auxiliary_classes", "digits-12", seed=142, steps=800, hands="labels-not-given"),
    _case("autoencoding", "digits-8", seed=140, steps=800, hands="fakes"),
    _case("series", "weather", seed=140, steps=800, lr=0.0007, nf=18),
    _case(
        "least_squares", "swiss", seed=143, steps=800, hands="step-of-epoch", lr=0.0008, nz=8, squash=False
    ),
    _case("dragan", "digits-10", seed=141, steps=1000, hands="fakes"),
    _case("weight_normed", "ring-5", seed=140, steps=800, hands="images", dim_z=4),
    _case("mixtures", "ring-12", seed=142, steps=800, hands="no-steps", hidden=112),
    _case("zero_centred", "digits-8", seed=141, steps=900, hands="fakes", lr=0.0008),
    _case("information", "digits-8", seed=142, steps=800),
    _case("bidirectional", "digits-8", seed=143, steps=900, lr=0.0007),
    _case("packed", "diabetes", seed=140, steps=800, hands="loader"),
    _case("noised", "circles", seed=141, steps=800, hands="loader", nz=4, sigma=0.1),
    _case("functional", "diabetes", seed=140, steps=900, lr=0.0008),
    _case("conditional", "digits-10", seed=143, steps=900, hands="labels", lr=0.0007),
    _case("super_resolution", "enlarged-8", seed=142, steps=1000, hands="step-of-epoch"),
    _case("keras_like", "digits-8", seed=141, steps=1000, hands="no-steps", lr=0.0007),
    _case("vae_gan", "digits-8", seed=143, steps=1000),
    _case("tables", "diabetes", seed=141, steps=1000, batch=64, numbers=10, pac=2),
    _case("wgan_gp", "cancer", seed=143, steps=1000, hands="no-steps"),
    _case("wgan_clip", "hands-grey-10", seed=142, steps=800, lrD=0.0008, lrG=0.0008, width=100),
    _case("spectral", "digits-10", seed=141, steps=900, batch=16, lr=0.0008, n_dis=1, nf=6),
    _case("pix2pix", "softened-8", seed=142, steps=1000, ngf=10),
    _case("half", "digits-10", seed=141, steps=900, lr=0.0007),
    _case("layer_norm", "cancer", seed=141, steps=700),
    _case("relativistic", "hands-grey-8", seed=140, steps=800),
    _case("semi_supervised", "digits-10", seed=142, steps=700, hands="fakes"),
    _case("cyclegan", "outlines-8", seed=141, steps=700, nf=10),
    _case("top_k", "swiss", seed=140, steps=700, nz=6),
    _case("wgan_div", "digits-8", seed=141, steps=700),
    _case("projected", "digits-8", seed=141, steps=900, hands="fakes"),
    _case("lightning_like", "digits-10", seed=141, steps=1000, hands="real-only", lr=0.0007),
    _case("weight_normed", "cancer", seed=143, steps=800, hands="fakes"),
    _case("mixtures", "ring-6", seed=142, steps=900, hands="step-of-epoch"),
    _case("packed", "swiss", seed=140, steps=800, latent=6),
    _case("functional", "ring-5", seed=141, steps=900, hands="no-steps", lr=0.0008, nz=4),
    _case("dcgan_tutorial", "digits-8", seed=141, steps=800, hands="no-steps", lr=0.0003, nf=20),
    _case("keras_like", "hands-grey-10", seed=140, steps=1000, hands="fakes", lr=0.0007),
    _case("pix2pix", "outlines-12", seed=141, steps=900, hands="no-steps", lr=0.0006, ngf=10),
    _case("half", "digits-8", seed=142, steps=1000, hinge=True, width=160),
    _case("top_k", "cancer", seed=140, steps=700, hands="loader"),
    _case("top_k", "hands-grey-8", seed=142, steps=800, hands="no-steps"),
    _case("wgan_div", "diabetes", seed=141, steps=800),
    _case("wgan_div", "circles", seed=141, steps=800, hands="real-only", latent_dim=4),
    _case("projected", "digits-10", seed=142, steps=700),
    _case("projected", "cancer", seed=141, steps=700),
)

UNMISTAKABLE = (
    _case("top_k", "swiss", "zero-latent", seed=141, steps=800, nz=6),
    _case("wgan_gp", "diabetes", "dead-relu", seed=140, steps=700, onset=350, hands="fakes"),
    _case("dragan", "digits-8", "latent-ignored", seed=142, steps=800),
    _case("top_k", "swiss", "constant-output", seed=141, steps=800, nz=6),
    _case("top_k", "swiss", "one-latent-a-batch", seed=140, steps=700, nz=6),
    _case("stylegan", "hands-grey-8", "noise-as-constant", seed=143, steps=700, hands="no-steps"),
    _case("wgan_div", "digits-8", "faint-latent", seed=142, steps=900),
    _case("inpainting", "masked-emoji-10", "source-ignored", seed=143, steps=800),
    _case("noised", "hands-grey-8", "detached", seed=143, steps=900, hands="no-steps"),
    _case(
        "bidirectional",
        "diabetes",
        "fakes-without-graph",
        seed=141,
        steps=800,
        hands="fakes",
        also="mode-collapse",
        lr=0.0007,
    ),
    _case("projected", "cancer", "generator-never-steps", seed=140, steps=700),
    _case("lightning_like", "digits-8", "optimiser-of-a-copy", seed=143, steps=700, lr=0.0007),
    _case("stylegan", "hands-grey-8", "ema-never-moves", seed=141, steps=700),
    _case("top_k", "digits-8", "nan", seed=143, steps=800, onset=400),
    _case("dcgan_tutorial", "hands-8", "log-of-zero", seed=141, steps=700, onset=350, nf=14, smooth=0.95),
    _case("wgan_gp", "diabetes", "overflow", seed=142, steps=900, onset=450),
    _case("wgan_div", "diabetes", "nan", seed=141, steps=900, onset=450),
    _case("packed", "digits-10", "zero-latent", seed=142, steps=800),
    _case("top_k", "cancer", "generator-never-steps", seed=140, steps=900),
)

OTHERS = (
    _case("projected", "hands-8", "swapped-label-g", seed=141, steps=800),
    _case("wgan_gp", "diabetes", "one-reference", seed=140, steps=800, hands="no-steps"),
    _case("wgan_div", "digits-8", "reals-in-0-1", seed=142, steps=800, hands="fakes"),
    _case("top_k", "cancer", "fakes-forgotten", seed=143, steps=900),
    _case("projected", "digits-8", "inverted-reals", seed=142, steps=900),
    _case("wgan_div", "hands-grey-8", "rates-end", seed=140, steps=800, onset=133, hands="fakes"),
    _case("top_k", "cancer", "rate-rises", seed=143, steps=800, onset=400),
    _case("top_k", "hands-grey-8", "few-data", seed=141, steps=800, few=50),
    _case("packed", "digits-10", "huge-rate-d", seed=140, steps=700, hands="fakes"),
    _case("mixtures", "ring-6", "moves-in-turns", seed=140, steps=700),
    _case("keras_like", "digits-8", "no-zero-grad-g", seed=143, steps=700, hands="fakes", lr=0.0007),
    _case("top_k", "cancer", "no-zero-grad-g", seed=142, steps=900, hands="fakes"),
    _case(
        "dcgan_tutorial", "digits-8", "reals-in-bytes", seed=143, steps=900, hands="fakes", lr=0.0003, nf=20
    ),
    _case(
        "wgan_clip", "hands-grey-10", "no-clipping", seed=143, steps=800, lrD=0.0008, lrG=0.0008, width=100
    ),
    _case("projected", "digits-10", "no-zero-grad-d", seed=142, steps=900),
    _case("spectral", "digits-10", "swapped-sign", seed=142, steps=700, batch=16, lr=0.0008, n_dis=1, nf=6),
    _case("series", "weather", "few-latents", seed=143, steps=900, hands="fakes", lr=0.0007, nf=18),
    _case("least_squares", "swiss", "big-generator-rate", seed=143, steps=800, lr=0.0008, nz=8, squash=False),
    _case("spectral", "digits-10", "no-zero-grad-d", seed=142, steps=700, batch=16, lr=0.0008, n_dis=1, nf=6),
    _case("wgan_div", "hands-grey-8", "swapped-sign", seed=143, steps=800),
    _case("keras_like", "hands-grey-10", "frozen-d", seed=140, steps=700, lr=0.0007),
    _case("wgan_div", "diabetes", "fakes-forgotten", seed=143, steps=800),
    _case("projected", "cancer", "tiny-rate-d", seed=141, steps=900, right=_OF_THE_GAME),
    _case("wgan_div", "digits-8", "rates-exchanged", seed=140, steps=900, right=_OF_THE_GAME),
    _case("noised", "hands-grey-8", "few-latents", seed=141, steps=700),
    _case(
        "zero_centred",
        "cancer",
        "tiny-rate-d",
        seed=140,
        steps=700,
        hands="no-steps",
        right=_OF_THE_GAME,
        lr=0.0008,
    ),
    _case("dcgan_tutorial", "hands-8", "grey-fakes", seed=142, steps=800, nf=14, smooth=0.95),
    _case("top_k", "cancer", "frozen-d", seed=142, steps=800),
    _case("projected", "cancer", "huge-rate-d", seed=142, steps=800, hands="fakes"),
    _case("dragan", "digits-10", "rates-exchanged", seed=143, steps=800, right=_OF_THE_GAME),
    _case("dragan", "digits-8", "big-generator-rate", seed=143, steps=800),
    _case("zero_centred", "digits-10", "weights-decay", seed=143, steps=700, onset=350, lr=0.0008),
    _case("top_k", "hands-grey-8", "swapped-label-g", seed=141, steps=700),
)

_LOT = random.Random(14)
_PAIRS = zip_longest(
    _LOT.sample(HEALTHY, len(HEALTHY)), _LOT.sample((*UNMISTAKABLE, *OTHERS), len(UNMISTAKABLE) + len(OTHERS))
)
CASES = tuple(one for pair in _PAIRS for one in pair if one is not None)
"""In turns a healthy loop and a fault, by lot, so that a part of it stands for the whole."""
