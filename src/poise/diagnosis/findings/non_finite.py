"""`non-finite`: a NaN or an infinity."""

from __future__ import annotations

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times, smoother
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Verdict


def judge(measurements: Measurements) -> Verdict:
    """Trouble at once."""
    culprit = measurements[-1].non_finite
    if culprit is None:
        return HEALTHY
    return Verdict(
        "trouble",
        f"A value that is not finite came up in the {culprit}.",
        Evidence.of(("first tensor", culprit, "finite", "finite")),
        beyond=100.0,
    )


RULE = Rule(
    name="non-finite",
    summary="A NaN or an infinity in scores, losses, gradients or samples.",
    judge=judge,
    proposals=(
        Proposal(
            "halve both learning rates, and begin from before it came up",
            "values that overflow come most often from steps that are too large",
            "gradient norms stay level instead of growing",
            lambda recipe: rates_times(recipe, 0.5),
        ),
        Proposal(
            "add an R1 penalty on every step",
            "it keeps the discriminator's gradient from growing without bound",
            "the discriminator's gradient norm stays level",
            smoother,
        ),
        Proposal(
            "look at the data for values that are not finite, and compute in 32 or bfloat16 bits",
            "one NaN in a batch spoils every weight; 16-bit floats end at 65,504",
            "it does not come up again",
        ),
    ),
    source="Micikevicius et al. 2018, section 3.2, on the range of half precision",
    warm_up=0,
    watch_after=1,
    trouble_after=1,
    explains=(
        "mode-collapse",
        "mode-hopping",
        "discriminator-dominates",
        "generator-dominates",
        "oscillation",
        "quality-regressed",
        "not-learning",
        "data-shortcut",
        "no-gradient",
        "latent-ignored",
        "diverging",
        "modes-apart",
        "data-mismatch",
    ),
)
