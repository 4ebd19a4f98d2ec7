"""`not-learning`: the samples stay what they were at the start."""

from __future__ import annotations

import statistics

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.discriminator_dominates import APART, FIRST_STEPS, VANISHED, push
from poise.diagnosis.findings.settings import levelled, rates_times, steady
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import median, values

STILL = 0.01  # Movement of the samples between checks below which nothing happens
# Movement of more than one of the last checks by which samples rest between leaps, and do not stay
LEAP = 0.05
FAR = 0.15  # Energy distance to the data above which something should
FLAT = 1e-4  # Share of itself by which a loss that is no flat line varies
SPAN = 6  # Spans, sixtieths of a run, that are looked back on
LEAST = 8  # Values of the loss that there must be if there are losses alone


def judge(measurements: Measurements) -> Verdict | Unchecked:
    """Samples of the same latents hardly move, far from the data."""
    moves = values(measurements, "movement", SPAN)
    if not moves:
        return Unchecked("the samples are not of the same latents each time")
    moved = statistics.median(moves)
    rests = sum(move > LEAP for move in moves) > 1
    far = median(measurements, "distance", 4, 0) or 0.0
    evidence = Evidence.of(
        ("movement", round(moved, 5), STILL, "0.05 to 0.5"),
        ("distance", round(far, 3), FAR, "falling, near 0 at the end"),
    )
    area = statistics.median(values(measurements, "auc", SPAN) or [0.0])
    if (measurements[-1].observed or measurements[-1].step) < FIRST_STEPS:
        return HEALTHY
    if area > APART and push(measurements) < 2 * VANISHED:
        return HEALTHY  # it stands still because the discriminator dominates, which has a rule of its own
    if moved < STILL and far > FAR and not rests:
        return Verdict(
            "trouble",
            f"From check to check samples of the same latents move by {100 * moved:.2g} % of the distance of "
            "two reals, and they are far from the data.",
            evidence,
            beyond=STILL / max(moved, 1e-6),
        )
    return HEALTHY


def _by_losses(measurements: Measurements) -> Verdict | None:
    """From losses alone: the generator's is a flat line."""
    losses = values(measurements, "generator_loss", 2 * SPAN)
    if len(losses) < LEAST or measurements.now < 2 * SPAN - 2:
        return None
    ripple = statistics.pstdev(losses) / max(abs(statistics.fmean(losses)), 1e-9)
    if ripple < FLAT:
        return Verdict(
            "watch",
            f"The generator's loss is a flat line: it varies by {ripple:.1g} of itself.",
            Evidence.of(("ripple", float(f"{ripple:.2g}"), FLAT, "above 0.01")),
            beyond=FLAT / max(ripple, 1e-9),
        )
    return HEALTHY


RULE = Rule(
    name="not-learning",
    summary="The samples stay what they were at the start.",
    judge=judge,
    needs=("distance",),
    otherwise=_by_losses,
    proposals=(
        Proposal(
            "look whether the generator's loss reaches its weights: detach, no_grad, the wrong optimiser",
            "a generator that gets no gradient does not move",
            "samples of the same latents move from check to check",
        ),
        Proposal(
            "raise the generator's rate to the discriminator's",
            "it learns many times more slowly than the player that it is to fool",
            "samples of the same latents move from check to check",
            lambda recipe: levelled(recipe, "generator"),
        ),
        Proposal(
            "take the non-saturating loss, even steps and rates, and an R1 penalty on every step",
            "the minimax loss gives the generator no gradient while it loses, and nor does a discriminator "
            "whose score is a cliff",
            "samples of the same latents move from check to check",
            steady,
        ),
        Proposal(
            "begin again with the rates that are taken for such data by default",
            "they are known to move networks of this size",
            "the distance falls within some hundred steps",
            lambda recipe: {
                "optimisers.generator.learning_rate": None,
                "optimisers.discriminator.learning_rate": None,
            },
            restart=True,
        ),
        Proposal(
            "make both rates ten times as high",
            "steps that are too small look like none",
            "samples of the same latents move from check to check",
            lambda recipe: rates_times(recipe, 10.0),
        ),
    ),
    source="Zhang et al. 2021 (AutoTrainer), on slow convergence",
    warm_up=3,
    trouble_after=5,
    explains=("mode-collapse", "generator-dominates", "discriminator-dominates", "quality-regressed"),
)
