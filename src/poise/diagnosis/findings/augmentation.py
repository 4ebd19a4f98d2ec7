"""What an augmentation leaves behind: samples that carry it."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from poise.diagnosis.finding import Evidence
from poise.diagnosis.leaks import OPERATIONS
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Verdict
from poise.diagnosis.trends import values

CARRIED = 0.3  # Share of the way from plain to augmented reals at which samples carry an operation
WHOLLY = 0.6  # The same for trouble
ERRORS = 4.0  # Standard errors by which that share must be above 0
EXPLAINED = 0.7  # How much of the samples' difference from plain reals the operation must explain
EDGES = 0.5  # The same of translation, whose empty edges a small generator learns in part
NEAR = 1.7  # Energy distance to the data beyond which samples are as those of the first weights
TOGETHER = 0.15  # Spread below which all samples are alike
SPAN = 6  # Spans, sixtieths of a run, that are looked back on
LEAST = 3  # Measurements of which the median is taken


def _augmentation_leaks(measurements: Measurements) -> Verdict:
    """The samples lie on the way from plain reals to augmented ones, in the median of some measurements."""
    near = values(measurements, "distance", SPAN)
    if near and statistics.median(near) > NEAR:
        return HEALTHY
    wide = values(measurements, "spread", SPAN)
    if wide and statistics.median(wide) < TOGETHER:
        return HEALTHY  # samples that are all alike are one, and no mixture of what was changed and what not
    looks = [one.leaks for one in measurements.last(SPAN, LEAST) if one.leaks]
    found = {name: [one[name] for one in looks if name in one] for name in OPERATIONS}
    shares = {
        name: statistics.median(share for share, _, _ in own)
        for name, own in found.items()
        if own
        and statistics.median(share - ERRORS * error for share, error, _ in own) > 0
        and statistics.median(explained for _, _, explained in own)
        >= (EDGES if name == "translation" else EXPLAINED)
    }
    name = max(shares, key=lambda one: shares[one], default="")
    if not name or shares[name] < CARRIED:
        return HEALTHY
    carried = [
        f"{100 * min(share, 1.0):.0f} % {OPERATIONS[one].words} ({one})"
        for one, share in shares.items()
        if share >= CARRIED
    ]
    rows = (
        (f"carried of {one}", round(min(share, 1.0), 3), CARRIED, "near 0") for one, share in shares.items()
    )
    return Verdict(
        "trouble" if shares[name] >= WHOLLY else "watch",
        f"The samples carry an augmentation: they are as data would be of which {', '.join(carried)} were.",
        Evidence.of(*rows),
        beyond=shares[name] / CARRIED,
    )


def _weaker(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """ADA that adapts, up to what does not leak; `None` without it, or if it does so already."""
    own = (recipe.get("augmentations") or {}).get("ada")
    if own is None or (own.get("probability") is None and own.get("most", 0.8) <= MOST):
        return None
    return {"augmentations.ada.probability": None, "augmentations.ada.most": MOST}


MOST = 0.6  # ADA's largest probability that is proposed


def _uncut(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """DiffAugment without cutout; `None` without it."""
    own = (recipe.get("augmentations") or {}).get("diffaugment")
    return {"augmentations.diffaugment.cutout": 0.0} if own is not None and own.get("cutout", 0.5) else None


AUGMENTATION_LEAKS = Rule(
    name="augmentation-leaks",
    summary="The samples carry the augmentation: they are turned, moved, cut or recoloured.",
    judge=_augmentation_leaks,
    needs=("leaks",),
    proposals=(
        Proposal(
            "augment what the discriminator sees, reals and fakes alike, in both players' steps",
            "augmented reals alone are what the generator then learns to make",
            "the share that is carried falls towards 0",
        ),
        Proposal(
            "let the probability of the augmentation adapt, to 0.6 at most",
            "what is applied nearly always cannot be told from what the data are like",
            "the share that is carried falls towards 0",
            _weaker,
            share=0.3,
        ),
        Proposal(
            "leave cutout out of DiffAugment",
            "it is applied to every image, and samples with a hole are then as good as those without",
            "the samples have no holes",
            _uncut,
            share=0.3,
        ),
        Proposal(
            "leave out operations that do not show in the data",
            "a turn or a colour that the data never have is learned as one that they have",
            "the share that is carried falls towards 0",
            share=0.3,
        ),
    ),
    source="Karras et al. 2020 (ADA), section 2.2, on augmentations that leak; Zhao et al. 2020, section 3",
    warm_up=15,
    watch_after=4,
    trouble_after=5,
)
