"""Cases that no rule and no threshold is chosen on: 43 healthy loops, 44 faults, three styles of their own.

Drawn by lot from a fixed seed, from data and settings of loops that ended sound in rounds nine to
fifteen, with other seeds and 1,200 to 2,000 steps; styles whose steps are quick were preferred, so that it
can be played beside other work. Every fault is put into a loop of which it is known that it ends sound
without it, at another seed, but for the three new styles, of which only a few loops were run before,
without the Monitor: of these it is seen in the play whether the healthy ones end sound. Whether a fault that
may do no harm took effect is seen at the end of the play. The sixteen unmistakable kinds, two of them twice,
are here whatever they do to the measure. Written down and committed before any of them was played; played
in this order, as far as there is time.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import zip_longest

from benchmarks.strangers.case import case

_case = partial(case, seed=160, steps=1200)

# What rates that are out of proportion may turn into; which of these depends on the seed
_OF_THE_GAME = (
    "discriminator-dominates generator-dominates mode-collapse mode-hopping oscillation not-learning "
    "quality-regressed diverging no-gradient"
)

HEALTHY = (
    _case("maximum_mean", "digits-8", seed=161),
    _case("maximum_mean", "ring-5", seed=162, hands="no-steps", z_dim=4),
    _case("maximum_mean", "diabetes", seed=163, hands="fakes"),
    _case("latent_optimised", "digits-8", seed=161, hands="no-steps"),
    _case("latent_optimised", "hands-grey-8", seed=162),
    _case("latent_optimised", "cancer", seed=163, hands="fakes"),
    _case("diffused", "digits-8", seed=161, hands="fakes"),
    _case("diffused", "hands-grey-8", seed=162, steps=2000, hands="no-steps"),
    _case("diffused", "swiss", seed=163, nz=6),
    _case("information", "digits-8", seed=160, hands="no-steps"),
    _case("information", "digits-8", seed=161, steps=2000),
    _case("top_k", "hands-grey-8", seed=161, steps=1400),
    _case("top_k", "swiss", seed=162, hands="loader", nz=6),
    _case("least_squares", "digits-10", seed=160, hidden=136, noisy=0.1, lr=0.0008),
    _case("least_squares", "swiss", seed=161, hands="networks", lr=0.0008, nz=8, squash=False),
    _case("weight_normed", "cancer", seed=160, hands="step-of-epoch"),
    _case("weight_normed", "ring-5", seed=161, dim_z=4),
    _case("f_divergences", "digits-10", seed=161, steps=2000, hands="loader", divergence="hellinger"),
    _case("f_divergences", "hands-grey-8", seed=160, hands="no-steps"),
    _case("f_divergences", "cancer", seed=162, hands="networks"),
    _case("replayed", "cancer", seed=161, hands="fakes"),
    _case("replayed", "swiss", seed=160, hands="no-steps", noise_dim=6),
    _case("replayed", "digits-8", seed=161, hands="images"),
    _case("autoencoding", "digits-8", seed=161, hands="no-steps"),
    _case("dragan", "ring-5", seed=160, hands="networks", z_dim=4),
    _case("lightning_like", "digits-8", seed=161, hands="step-of-epoch", lr=0.0007),
    _case("lightning_like", "digits-10", seed=162, hands="no-steps", lr=0.0007),
    _case("zero_centred", "digits-10", seed=161, lr=0.0008),
    _case("mixtures", "swiss", seed=160, hands="fakes"),
    _case("mixtures", "ring-12", seed=161, hidden=112),
    _case("auxiliary_classes", "digits-12", seed=160, hands="labels"),
    _case("packed", "swiss", seed=161, hands="no-steps", latent=6),
    _case("packed", "diabetes", seed=160),
    _case("tables", "diabetes", seed=161, batch=64, numbers=10, pac=2),
    _case("vae_gan", "digits-8", seed=161, hands="real-only"),
    _case("functional", "ring-5", seed=160, lr=0.0008, nz=4),
    _case("projected", "digits-10", seed=160, hands="fakes"),
    _case("noised", "circles", seed=160, hands="no-steps", nz=4, sigma=0.1),
    _case("wgan_gp", "diabetes", seed=161, hands="no-steps"),
    _case("dcgan_tutorial", "hands-8", seed=161, hands="fakes", nf=14, smooth=0.95),
    _case("keras_like", "hands-grey-10", seed=161, hands="fakes", lr=0.0007),
    _case("conditional", "digits-10", seed=161, hands="labels", lr=0.0007),
    _case("cramer", "hands-grey-8", seed=161, hands="fakes"),
)

UNMISTAKABLE = (
    _case("diffused", "digits-8", "zero-latent", seed=164, hands="fakes"),
    _case("latent_optimised", "digits-8", "dead-relu", seed=164),
    _case("maximum_mean", "digits-8", "latent-ignored", seed=164),
    _case("top_k", "swiss", "constant-output", seed=163, hands="no-steps", nz=6),
    _case("diffused", "swiss", "one-latent-a-batch", seed=164, nz=6),
    _case("stylegan", "hands-grey-8", "noise-as-constant", seed=161),
    _case("replayed", "swiss", "faint-latent", seed=163, noise_dim=6),
    _case("pix2pix", "softened-8", "source-ignored", seed=161, ngf=10),
    _case("latent_optimised", "cancer", "detached", seed=164, hands="no-steps"),
    _case("vae_gan", "digits-8", "fakes-without-graph", seed=162),
    _case("maximum_mean", "ring-5", "generator-never-steps", seed=164, z_dim=4),
    _case("lightning_like", "digits-10", "optimiser-of-a-copy", seed=163, hands="no-steps", lr=0.0007),
    _case("stylegan", "hands-grey-8", "ema-never-moves", seed=162),
    _case("least_squares", "digits-10", "nan", seed=163, onset=600, hands="no-steps", lr=0.0008),
    _case("keras_like", "hands-grey-10", "log-of-zero", seed=162, onset=600, lr=0.0007),
    _case("half", "digits-8", "overflow", seed=161, onset=700, hinge=True, width=160),
    _case("information", "digits-8", "generator-never-steps", seed=163, hands="fakes"),
    _case("weight_normed", "cancer", "zero-latent", seed=163, hands="no-steps"),
)

OTHERS = (
    _case("diffused", "hands-grey-8", "swapped-label-g", seed=165),
    _case("latent_optimised", "hands-grey-8", "swapped-sign", seed=165, hands="no-steps"),
    _case("weight_normed", "ring-5", "swapped-label-g", seed=164, dim_z=4),
    _case("f_divergences", "digits-10", "fakes-forgotten", seed=164, divergence="hellinger"),
    _case("diffused", "digits-8", "fakes-forgotten", seed=166, hands="no-steps"),
    _case("latent_optimised", "digits-8", "frozen-d", seed=166, hands="fakes"),
    _case("top_k", "hands-grey-8", "tiny-rate-d", seed=164, right=_OF_THE_GAME),
    _case("replayed", "cancer", "rates-exchanged", seed=164, right=_OF_THE_GAME),
    _case("diffused", "swiss", "big-generator-rate", seed=167, hands="no-steps", nz=6),
    _case("maximum_mean", "digits-8", "no-zero-grad-g", seed=166),
    _case("cramer", "digits-8", "no-zero-grad-d", seed=164),
    _case("information", "digits-8", "no-zero-grad-d", seed=164, hands="no-steps"),
    _case("latent_optimised", "digits-8", "few-latents", seed=167),
    _case("dragan", "ring-5", "same-latent", seed=164, hands="no-steps", z_dim=4),
    _case("diffused", "digits-8", "rate-rises", seed=168, steps=2000, onset=1000),
    _case("packed", "diabetes", "weights-decay", seed=164, onset=600),
    _case("latent_optimised", "hands-grey-8", "reals-in-0-1", seed=166, hands="fakes"),
    _case("maximum_mean", "digits-8", "inverted-reals", seed=167, hands="no-steps"),
    _case("autoencoding", "digits-8", "reals-in-bytes", seed=164),
    _case("zero_centred", "digits-10", "noisy-reals", seed=164, hands="no-steps", lr=0.0008),
    _case("dcgan_tutorial", "hands-8", "grey-fakes", seed=164, nf=14, smooth=0.95),
    _case("lightning_like", "digits-8", "modes-apart", seed=164, lr=0.0007),
    _case("conditional", "digits-10", "condition-dropped", seed=164, hands="labels", lr=0.0007),
    _case("conditional", "digits-10", "shuffled-labels", seed=165, hands="labels", lr=0.0007),
    _case("wgan_gp", "diabetes", "one-reference", seed=164, right="", hands="no-steps"),
    _case("mixtures", "ring-12", "moves-in-turns", seed=164, hidden=112),
)

_LOT = random.Random(16)
_PAIRS = zip_longest(
    _LOT.sample(HEALTHY, len(HEALTHY)), _LOT.sample((*UNMISTAKABLE, *OTHERS), len(UNMISTAKABLE) + len(OTHERS))
)
CASES = tuple(one for pair in _PAIRS for one in pair if one is not None)
"""In turns a healthy loop and a fault, by lot, so that a part of it stands for the whole."""
