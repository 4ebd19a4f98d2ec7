"""Cases that no rule and no threshold is chosen on: three more styles, other seeds, 1,000 to 1,600 steps.

Written down and committed before any of them was played with a doctor. A healthy loop counts as healthy, and
a fault of the game as one that took effect, by `quality.sound`, as in the rounds before; a fault by which a
hook, a schedule or the data are wrong takes effect by itself. What a wrong learning rate or a player that
stands still turns into depends on the loop, so that every harm of the game counts as named, as for gradients
that add up.
"""

from __future__ import annotations

from typing import Any

from benchmarks.strangers.case import HARM, Case, case


def _case(style: str, data: str, fault: str = "", seed: int = 80, steps: int = 1200, **more: Any) -> Case:
    if fault in ("huge-rate-d", "tiny-rate-d", "rates-exchanged", "frozen-d", "swapped-label-g"):
        more.setdefault("right", f"{HARM} no-gradient")
    return case(style, data, fault, seed=seed, steps=steps, **more)


HEALTHY = (
    _case("dragan", "digits-10"),
    _case("dragan", "diabetes", seed=81, hands="no-steps"),
    _case("dragan", "ring-5", seed=82, z_dim=4, hands="fakes"),
    _case("noised", "digits-10"),
    _case("noised", "hands-grey-8", seed=81, hands="loader"),
    _case("noised", "circles", seed=82, nz=4, sigma=0.1, hands="no-steps"),
    _case("packed", "digits-10", steps=1000),
    _case("packed", "diabetes", seed=81, steps=1000, hands="generator"),
    _case("packed", "swiss", seed=82, steps=1000, latent=6, hands="fakes"),
    _case("zero_centred", "digits-8", lr=8e-4),
    _case("zero_centred", "cancer", seed=81, lr=8e-4, hands="no-steps"),
    _case("bidirectional", "digits-8", lr=7e-4),
    _case("feature_matching", "digits-12", lr=8e-4, hands="list"),
    _case("functional", "ring-6", nz=4, hands="no-steps"),
    _case("least_squares", "digits-10", hidden=136, noisy=0.1, lr=8e-4, hands="images"),
    _case("wgan_gp", "cancer", hands="latents"),
    _case("mixtures", "ring-6", hands="no-steps"),
    _case("mixtures", "swiss", seed=81),
    _case("conditional", "digits-10", hands="labels", lr=7e-4),
    _case("half", "digits-12", hands="step-of-epoch", lr=7e-4),
    _case("relativistic", "hands-grey-8", hands="fakes"),
    _case("keras_like", "digits-8", hands="fakes", lr=7e-4),
)

FAULTY = (
    # Copies, few data
    _case("dragan", "digits-10", "copies", onset=500),
    _case("noised", "hands-grey-8", "copies", seed=81, onset=500),
    _case("packed", "digits-10", "copies", steps=1000, onset=400, hands="no-steps"),
    _case("zero_centred", "digits-10", "copies", onset=600),
    _case("dragan", "digits-8", "few-data", seed=81, steps=1600),
    _case("packed", "digits-8", "few-data", seed=81, steps=1600, few=60),
    # Grids
    _case("dragan", "hands-10", "gridded"),
    _case("noised", "digits-10", "gridded", hands="no-steps"),
    _case("packed", "hands-grey-10", "gridded", steps=1000),
    # Conditions
    _case("conditional", "digits-10", "condition-dropped", hands="labels", lr=7e-4),
    _case("conditional", "digits-8", "shuffled-labels", seed=81, hands="labels", lr=7e-4),
    _case("auxiliary_classes", "digits-10", "condition-dropped", hands="labels", lr=7e-4),
    _case("auxiliary_classes", "digits-8", "labels-exchanged", seed=81, hands="labels", lr=7e-4),
    # Modes apart
    _case("noised", "digits-10", "modes-apart"),
    _case("half", "hands-grey-10", "modes-apart", lr=7e-4),
    # Learning rates, and players that do not move
    _case("dragan", "digits-10", "huge-rate-d", seed=81),
    _case("noised", "digits-8", "huge-rate-d", seed=82),
    _case("packed", "digits-10", "big-generator-rate", steps=1000),
    _case("noised", "hands-grey-8", "big-generator-rate", hands="no-steps"),
    _case("dragan", "digits-10", "rates-exchanged"),
    _case("packed", "digits-8", "rates-exchanged", steps=1000),
    _case("zero_centred", "digits-10", "tiny-rate-d"),
    _case("dragan", "digits-10", "frozen-d"),
    _case("packed", "digits-10", "frozen-d", steps=1000),
    _case("noised", "digits-10", "rate-rises", onset=720),
    _case("dragan", "digits-8", "rate-rises", onset=720),
    _case("packed", "digits-10", "rates-end", steps=1000, onset=500),
    _case("zero_centred", "digits-8", "weights-decay", onset=720),
    # Gradients that add up
    _case("dragan", "digits-10", "no-zero-grad-d"),
    _case("packed", "digits-10", "no-zero-grad-g", steps=1000),
    # One sample, less variety
    _case("dragan", "digits-10", "zero-latent"),
    _case("noised", "digits-10", "latent-ignored", onset=400),
    _case("packed", "hands-grey-8", "dead-relu", steps=1000, onset=400),
    _case("dragan", "diabetes", "one-latent-a-batch", hands="no-steps"),
    _case("packed", "digits-8", "same-latent", steps=1000),
    _case("noised", "digits-8", "few-latents"),
    # No gradient, values
    _case("dragan", "digits-10", "detached", hands="networks"),
    _case("packed", "digits-10", "generator-never-steps", steps=1000, hands="fakes"),
    _case("noised", "digits-10", "nan", onset=500),
    # The game
    _case("packed", "digits-10", "swapped-label-g", steps=1000),
    _case("dragan", "hands-grey-8", "swapped-label-g", hands="scores"),
    # Data
    _case("dragan", "digits-10", "noisy-reals", seed=82),
    _case("packed", "digits-8", "noisy-reals", seed=82, steps=1000),
    _case("noised", "digits-10", "inverted-reals"),
    _case("dragan", "hands-8", "colours-exchanged"),
    _case("packed", "digits-10", "reals-in-0-1", steps=1000),
    _case("dragan", "digits-10", "same-batch", seed=83),
)

CASES = (*HEALTHY, *FAULTY)
