"""Cases that no rule and no threshold is chosen on: 41 healthy loops, 49 faults, four styles of their own.

Drawn by lot from a fixed seed, from data and settings of loops that ended sound in rounds nine to
sixteen, with other seeds and 1,200 to 2,000 steps; styles whose steps are quick were preferred. Every fault
is put into a loop of which it is known that it ends sound without it, at another seed, but for the four new
styles, of which only a few loops were run before, without the Monitor: of these it is seen in the play
whether the healthy ones end sound. Whether a fault that may do no harm took effect is seen at the end of the
play. The sixteen unmistakable kinds, two of them twice, are here whatever they do to the measure. Written
down and committed before any of them was played; played in this order, as far as there is time.
"""

from __future__ import annotations

import random
from functools import partial
from itertools import zip_longest

from benchmarks.strangers.case import case

_case = partial(case, seed=170, steps=1200)

# What rates that are out of proportion may turn into; which of these depends on the seed
_OF_THE_GAME = (
    "discriminator-dominates generator-dominates mode-collapse mode-hopping oscillation not-learning "
    "quality-regressed diverging no-gradient"
)

HEALTHY = (
    _case("energy", "digits-8", seed=171),
    _case("energy", "cancer", seed=172, hands="no-steps"),
    _case("energy", "digits-10", seed=173, hands="fakes"),
    _case("unrolled", "digits-8", seed=171, steps=2000, hands="no-steps"),
    _case("unrolled", "ring-5", seed=172, steps=2000, z_size=4),
    _case("consistent", "digits-8", seed=171, steps=2000),
    _case("consistent", "hands-grey-8", seed=172, hands="fakes"),
    _case("consistent", "cancer", seed=173, hands="networks"),
    _case("pixel_judges", "digits-8", seed=171, hands="no-steps"),
    _case("pixel_judges", "hands-grey-8", seed=172),
    _case("information", "digits-8", seed=171, steps=2000, hands="networks"),
    _case("top_k", "swiss", seed=171, hands="no-steps", nz=6),
    _case("top_k", "cancer", seed=172),
    _case("least_squares", "digits-10", seed=171, hands="images", hidden=136, noisy=0.1, lr=0.0008),
    _case("weight_normed", "cancer", seed=171, hands="fakes"),
    _case("f_divergences", "hands-grey-8", seed=171),
    _case("f_divergences", "circles", seed=172, steps=2000, hands="no-steps", z_size=4),
    _case("replayed", "digits-8", seed=171, steps=2000),
    _case("replayed", "cancer", seed=172, hands="step-of-epoch"),
    _case("autoencoding", "digits-8", seed=171, hands="real-only"),
    _case("dragan", "ring-5", seed=171, hands="no-steps", z_dim=4),
    _case("lightning_like", "digits-10", seed=171, steps=2000, hands="epochs", lr=0.0007),
    _case("zero_centred", "digits-8", seed=171, hands="loader", lr=0.0008),
    _case("zero_centred", "digits-10", seed=172, steps=2000, lr=0.0008),
    _case("mixtures", "ring-6", seed=171, steps=2000, hands="fakes"),
    _case("packed", "digits-10", seed=171, steps=2000, hands="no-steps"),
    _case("packed", "diabetes", seed=172, hands="networks"),
    _case("tables", "adult", seed=171, steps=1500, width=72, lr=0.0008),
    _case("vae_gan", "digits-8", seed=171, hands="no-steps"),
    _case("functional", "ring-5", seed=171, hands="fakes", lr=0.0008, nz=4),
    _case("projected", "digits-8", seed=171),
    _case("noised", "digits-10", seed=171, hands="fakes"),
    _case("wgan_gp", "cancer", seed=171, hands="no-steps"),
    _case("wgan_div", "circles", seed=171, latent_dim=4),
    _case("keras_like", "digits-8", seed=171, hands="channels-last", lr=0.0007),
    _case("conditional", "digits-10", seed=171, hands="labels", lr=0.0007),
    _case("latent_optimised", "cancer", seed=171, hands="no-steps"),
    _case("latent_optimised", "digits-8", seed=172),
    _case("diffused", "swiss", seed=171, steps=2000, hands="no-steps", nz=6),
    _case("dcgan_tutorial", "hands-8", seed=171, nf=14, smooth=0.95),
    _case("bidirectional", "digits-10", seed=171, hands="fakes", lr=0.0007),
)

UNMISTAKABLE = (
    _case("energy", "digits-8", "zero-latent", seed=174, hands="no-steps"),
    _case("wgan_gp", "cancer", "dead-relu", seed=172, hands="networks"),
    _case("pixel_judges", "digits-8", "latent-ignored", seed=174),
    _case("consistent", "hands-grey-8", "constant-output", seed=174, hands="fakes"),
    _case("unrolled", "ring-5", "one-latent-a-batch", seed=174, z_size=4),
    _case("stylegan", "hands-grey-8", "noise-as-constant", seed=171, hands="no-steps"),
    _case("packed", "swiss", "faint-latent", seed=173, latent=6),
    _case("pix2pix", "softened-8", "source-ignored", seed=171, ngf=10),
    _case("replayed", "swiss", "detached", seed=173, hands="no-steps", noise_dim=6),
    _case("f_divergences", "cancer", "fakes-without-graph", seed=173),
    _case("energy", "cancer", "generator-never-steps", seed=174, hands="fakes"),
    _case("lightning_like", "digits-8", "optimiser-of-a-copy", seed=172, lr=0.0007),
    _case("stylegan", "hands-grey-8", "ema-never-moves", seed=172),
    _case("vae_gan", "digits-8", "nan", seed=172, onset=600, hands="no-steps"),
    _case("keras_like", "hands-grey-10", "log-of-zero", seed=172, onset=600, lr=0.0007),
    _case("half", "digits-8", "overflow", seed=171, onset=700, hinge=True, width=160),
    _case("consistent", "digits-8", "generator-never-steps", seed=174, hands="no-steps"),
    _case("weight_normed", "ring-5", "zero-latent", seed=172, dim_z=4),
)

OTHERS = (
    _case("energy", "digits-8", "swapped-sign", seed=175),
    _case("consistent", "hands-grey-8", "swapped-label-g", seed=175, hands="no-steps"),
    _case("unrolled", "digits-8", "fakes-forgotten", seed=175, hands="fakes"),
    _case("pixel_judges", "hands-grey-8", "fakes-forgotten", seed=175),
    _case("consistent", "cancer", "frozen-d", seed=175),
    _case("unrolled", "digits-8", "rates-exchanged", seed=176, right=_OF_THE_GAME),
    _case("energy", "digits-10", "few-latents", seed=176, hands="no-steps"),
    _case("pixel_judges", "digits-8", "inverted-reals", seed=176),
    _case("consistent", "digits-8", "reals-in-bytes", seed=176, hands="no-steps"),
    _case("energy", "digits-8", "no-zero-grad-g", seed=177),
    _case("unrolled", "ring-5", "big-generator-rate", seed=177, z_size=4),
    _case("pixel_judges", "hands-grey-8", "noisy-reals", seed=177, hands="no-steps"),
    _case("top_k", "cancer", "tiny-rate-d", seed=173, right=_OF_THE_GAME),
    _case("latent_optimised", "hands-grey-8", "swapped-label-g", seed=173),
    _case("information", "digits-8", "no-zero-grad-d", seed=172),
    _case("projected", "digits-10", "no-zero-grad-d", seed=172, hands="no-steps"),
    _case("mixtures", "ring-12", "moves-in-turns", seed=172, hidden=112),
    _case("mixtures", "ring-6", "rates-exchanged", seed=173, right=_OF_THE_GAME),
    _case("dragan", "ring-5", "same-latent", seed=172, z_dim=4),
    _case("diffused", "swiss", "frozen-d", seed=172, nz=6),
    _case("latent_optimised", "digits-8", "rate-rises", seed=174, steps=2000, onset=1000),
    _case("wgan_gp", "diabetes", "weights-decay", seed=172, onset=600),
    _case("weight_normed", "cancer", "big-generator-rate", seed=173, hands="no-steps"),
    _case("least_squares", "digits-10", "reals-in-0-1", seed=172, hidden=136, noisy=0.1, lr=0.0008),
    _case("dcgan_tutorial", "hands-8", "grey-fakes", seed=172, nf=14, smooth=0.95),
    _case("lightning_like", "digits-10", "modes-apart", seed=173, lr=0.0007),
    _case("conditional", "digits-10", "condition-dropped", seed=172, hands="labels", lr=0.0007),
    _case("conditional", "digits-10", "shuffled-labels", seed=173, hands="labels", lr=0.0007),
    _case("wgan_gp", "cancer", "one-reference", seed=173, right="", hands="no-steps"),
    _case("replayed", "digits-8", "few-latents", seed=173, hands="fakes"),
    _case("autoencoding", "digits-8", "swapped-sign", seed=172),
)

_LOT = random.Random(17)
_PAIRS = zip_longest(
    _LOT.sample(HEALTHY, len(HEALTHY)), _LOT.sample((*UNMISTAKABLE, *OTHERS), len(UNMISTAKABLE) + len(OTHERS))
)
CASES = tuple(one for pair in _PAIRS for one in pair if one is not None)
"""In turns a healthy loop and a fault, by lot, so that a part of it stands for the whole."""
