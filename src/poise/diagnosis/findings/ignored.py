"""What the generator is given and does not use: its latents, its condition."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import calm, packed
from poise.diagnosis.rule import HEALTHY, LATER, Measurements, Proposal, Rule, Unchecked, Verdict
from poise.diagnosis.trends import SPANS, came_from, median, rolling, values

# How far samples move with their latents, over the distance of two reals, below which they do not
STILL = 0.01
CHECKS = 2  # Checks in a row at which that is unmistakable
START = 10  # Steps before which fresh weights may hardly answer to their latents yet
GROWTH = 1.5  # Times the least answer so far, above which they learn to
NOTHING = 1e-6  # An answer below this is none, at any step
# Distance of the loop's fakes to those of the last check, row by row, over that of two of them, below which
# both are of the same latents
SAME = 0.6
SPAN = 4  # Spans, sixtieths of a run, over which it is looked at
# Distance of two latents below which they are lost beside the biases of a layer: those are drawn as large as
# the answer of the layer to two latents at a distance of 1
FAINT = 0.1
# Correlation of the distances of sources and of their translations, below which the two have nothing to do
# with each other. Of sixteen pairs chance gives 0.2 at most; of U-Nets with fresh weights it is above 0.6
UNRELATED, RELATED = 0.25, 0.35
ANSWERED = 0.1  # Response from which a generator has used its latents
TOGETHER = 0.15  # Spread below which its samples are together, whatever their latents
ALIKE = 0.02  # Likeness below which all samples are the same anyway


def _latent_ignored(measurements: Measurements) -> Verdict | Unchecked:
    """Samples that stay when only their latents change, or fakes that come again row by row."""
    found = _by_latents(measurements) or _by_response(measurements)
    if found is not None:
        return found
    moved = values(measurements, "fake_moved", SPAN)
    alike = values(measurements, "fake_alike", SPAN)
    if not moved:
        known = values(measurements, "latent_response") or values(measurements, "latents_differ")
        return HEALTHY if known else Unchecked("no fakes of the loop were given, and no conditions")
    same = statistics.median(moved)
    if len(moved) >= 3 and max(moved) < SAME and statistics.median(alike) > ALIKE:
        return Verdict(
            "trouble",
            "The fakes that the loop hands over come again row by row: it draws the same latents at every "
            "step, so that the generator learns only these.",
            Evidence.of(("distance to the fakes of the last check", round(same, 3), SAME, "near 1")),
            beyond=SAME / max(same, 1e-3),
        )
    return HEALTHY


def _by_response(measurements: Measurements) -> Verdict | Unchecked | None:
    """What the generator answers to other latents; `None` if it answers, or was never asked.

    One look is enough to see that an answer that was there is nothing now. What was seen last holds until it
    is looked at again.
    """
    responses, now = values(measurements, "latent_response"), measurements[-1]
    lately = responses[-CHECKS:]
    if not lately:
        return None
    wide = values(measurements, "spread")[-1:] or [0.0]
    if max(responses) > ANSWERED and wide[-1] < TOGETHER:
        return HEALTHY  # the generator has used its latents, and has collapsed since, which has its own rule
    nothing = max(lately) < NOTHING or (lately[-1] < NOTHING and max(responses) > STILL)
    faint = len(responses) > CHECKS and max(responses[-CHECKS - 1 :]) < STILL  # one check more
    faint = faint and now.step >= START and not _grows(responses)
    if len(lately) < CHECKS or not (nothing or faint):
        return None
    if now.latent_response is None:
        return Unchecked(LATER)
    return Verdict(
        "trouble",
        f"With other latents and the same condition samples move by {100 * lately[-1]:.2g} % of the "
        "distance of two reals: the generator does not use its latents.",
        Evidence.of(("response to the latent", round(lately[-1], 4), STILL, "above 0.2")),
        beyond=STILL / max(lately[-1], 1e-4),
        sure=True,
    )


def _by_latents(measurements: Measurements) -> Verdict | None:
    """What the loop's own latents say: all the same, too faint, or without a trace in its fakes."""

    def lately(name: str, checks: int = CHECKS) -> list[float]:
        known = getattr(measurements[-1], name) is not None
        found = values(measurements, name)[-checks:]
        return found if known and len(found) >= CHECKS else []

    differ, distant = lately("latents_differ"), lately("latents_apart")
    followed = lately("source_followed", 2 * CHECKS)
    if differ and not any(differ):
        return Verdict(
            "trouble",
            "All latents of a step are the same, so that the generator can only make one sample of them.",
            Evidence.of(("share of latents that differ from the first", 0.0, "above 0", 1)),
            beyond=100.0,
            sure=True,
            given=True,
        )
    if distant and max(distant) < FAINT:
        return Verdict(
            "trouble",
            f"Two latents of a step are only {distant[-1]:.2g} apart: beside the biases of a layer the "
            "generator hardly sees them.",
            Evidence.of(("distance of two latents", float(f"{distant[-1]:.3g}"), FAINT, "above 1")),
            beyond=FAINT / max(distant[-1], 1e-6),
            sure=True,
            given=True,
        )
    # Fakes of a pool of earlier ones are not those of this step's sources, but were so before it filled. Of
    # many looks one may be related by chance.
    early = values(measurements, "source_followed")[:CHECKS]
    never = max([*early, *rolling(measurements, "source_followed", SPAN)], default=1.0) < RELATED
    if followed and never and statistics.median(followed) < UNRELATED:
        return Verdict(
            "trouble",
            "The loop's fakes have nothing to do with the samples that they are made from: those of two "
            "sources that are alike differ as much as those of any two.",
            Evidence.of(
                (
                    "correlation of the distances",
                    round(statistics.median(followed), 3),
                    UNRELATED,
                    "above 0.6",
                )
            ),
            beyond=10.0,
            sure=True,
        )
    return None


def _grows(responses: list[float]) -> bool:
    return responses[-1] > max(GROWTH * min(responses), STILL / 20)


LATENT_IGNORED = Rule(
    name="latent-ignored",
    summary="The samples do not depend on the latents, or the latents are the same at every step.",
    judge=_latent_ignored,
    proposals=(
        Proposal(
            "look whether the loop draws new latents at every step, with a deviation that is not 0",
            "a generator learns what the latents that it sees have in common",
            "fakes of two steps differ as much as two fakes of one",
        ),
        Proposal(
            "look for a layer that drops the latent: zero weights, dead units, a saturated sigmoid",
            "what does not reach the output cannot change it",
            "samples move when their latents change",
        ),
        Proposal(
            "let the discriminator see two samples at once",
            "samples that repeat each other then show",
            "samples of one condition differ",
            packed,
            share=0.2,
            restart=True,
        ),
        Proposal(
            "add a heavy R1 penalty, or ten times the one there is, on every step, and take the momentum out",
            "a smooth discriminator leaves the generator a direction in which its samples differ",
            "samples of one condition differ",
            calm,
        ),
    ),
    source="Yang et al. 2019, Diversity-sensitive conditional GANs; Isola et al. 2017, section 3.1",
    warm_up=1,
    watch_after=2,
    trouble_after=3,
    recovered_after=2,
    explains=(
        "no-gradient",
        "mode-collapse",
        "discriminator-dominates",
        "quality-regressed",
        "oscillation",
        "mode-hopping",
        "modes-apart",
        "condition-ignored",
    ),
)


CONDITION_STILL = 0.05  # Response to an exchanged condition below which samples do not move
WAKES = 0.12  # Response from which a rise is one
AWAKE = 0.5  # Response from which samples move with their condition, and a further rise says nothing
SAMPLES = 256
# Spans before which labels need not be followed yet; the same of samples that are as near to the data as this
CONDITION_LATE, CONDITION_EARLY, ARRIVED = 40, 24, 0.1
CONDITION_SPAN = 5  # Spans, sixtieths of a run, that are looked back on
# Share of the way from chance to reals below which labels are not followed at all; how many looks at which
# that is so, and over how many spans, are enough
NOT_AT_ALL, CONDITION_LOOKS, CONDITION_LONG = 0.1, 3, 6


def _condition_ignored(measurements: Measurements) -> Verdict | Unchecked:
    """Labels no better followed than by chance, or samples that do not move with their condition."""
    now = measurements[-1]
    moves = statistics.median(values(measurements, "condition_response", CONDITION_SPAN))
    response = ("response", round(moves, 3), CONDITION_STILL, "above 0.3")
    early = measurements.now < CONDITION_LATE * (1 if measurements.steps else 2)
    if max(values(measurements, "condition_response")[-CHECKS:]) < NOTHING and len(measurements) > CHECKS:
        return Verdict(
            "trouble",
            "Samples of the same latents are equal whatever their condition: it does not reach them.",
            Evidence.of(response),
            beyond=100.0,
            sure=(now.spread or 0.0) > TOGETHER,
        )
    if now.condition_followed is None or now.condition_followed_real is None:
        if moves >= CONDITION_STILL or early:
            return HEALTHY
        return Verdict(
            "trouble",
            f"Samples hardly change with their condition: {100 * moves:.1f} % of the distance of two.",
            Evidence.of(response),
            beyond=CONDITION_STILL / max(moves, 1e-4),
        )
    followed = statistics.median(values(measurements, "condition_followed", CONDITION_SPAN))
    chance = statistics.median(values(measurements, "condition_chance", 2 * CONDITION_SPAN))
    real = now.condition_followed_real
    # Two standard errors of a share among the samples of a check.
    doubt = 2 * math.sqrt(max(chance * (1 - chance), 0.01) / SAMPLES)
    half = chance + 0.5 * (real - chance)
    followers = ("labels followed", round(followed, 3), round(chance + doubt, 3), round(real, 3))
    if real < chance + 3 * doubt:
        return Unchecked("the classes of the data cannot be told apart by nearest class means")
    wakes = moves < AWAKE and _rises(measurements, "condition_response", moves, WAKES)
    rising = wakes or _arrives(measurements, followed, half, chance + doubt)
    lost = _not_at_all(measurements)
    at_chance = lost or followed < chance + doubt
    near = median(measurements, "distance", CONDITION_SPAN, 0)
    # A generator may learn what the data are like before what each class is like.
    arrived = near is not None and near < ARRIVED
    early = early and not (at_chance and arrived)
    if followed < half and not rising and not early:
        return Verdict(
            "trouble" if at_chance else "watch",
            f"{100 * followed:.0f} % of the samples look like the class that was asked for; reals do in "
            f"{100 * real:.0f} %, chance gives {100 * chance:.0f} %.",
            Evidence.of(response, followers),
            beyond=(half - chance) / max(followed - chance, 0.02),
            sure=arrived and lost and measurements.now >= CONDITION_EARLY,
        )
    return HEALTHY


def _not_at_all(measurements: Measurements) -> bool:
    """Whether labels were not followed at any of the last looks, however rare these are."""
    looks = [
        (
            time,
            one.condition_followed - one.condition_chance,
            one.condition_followed_real - one.condition_chance,
        )
        for time, one in zip(measurements.times, measurements, strict=True)
        if one.condition_followed is not None
        and one.condition_chance is not None
        and one.condition_followed_real is not None
    ][-CONDITION_LOOKS:]
    few = len(looks) < CONDITION_LOOKS or looks[-1][0] - looks[0][0] < CONDITION_LONG
    return not few and all(excess < NOT_AT_ALL * whole for _, excess, whole in looks)


def _projection(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """The projection game, if the recipe has the plain conditional one and a generator for it."""
    generator = recipe.get("generator", {})
    if recipe.get("game", {}).get("name") != "conditional" or "batch_norm" not in generator:
        return None
    return {"game": "projection", **({} if generator["batch_norm"] else {"generator.batch_norm": True})}


def _arrives(measurements: Measurements, now: float, there: float, least: float) -> bool:
    """Whether labels are followed more and more, so that half of the way is reached before the run ends."""
    before = came_from(measurements, "condition_followed", 16, 8)
    if before is None or now <= least:
        return False
    left = max(SPANS - measurements.now, 0.0) if measurements.steps else measurements.now
    return now + (now - before) * left / 12 > there


def _rises(measurements: Measurements, name: str, now: float, least: float) -> bool:
    """Whether a quantity is on its way up, and above what chance gives."""
    before = came_from(measurements, name, 16, 8)
    return before is not None and now > 1.2 * before and now > least


CONDITION_IGNORED = Rule(
    name="condition-ignored",
    summary="The samples do not follow the condition that they are asked for.",
    judge=_condition_ignored,
    needs=("condition_response",),
    proposals=(
        Proposal(
            "look whether labels and samples still belong together after shuffling and augmentation",
            "labels that say nothing are rightly ignored",
            "the share of labels that are followed rises above chance",
        ),
        Proposal(
            "let the discriminator judge the label by projection",
            "a label that enters by an inner product with the features is harder to pass over than one "
            "beside many pixels",
            "the share of labels that are followed rises",
            _projection,
            restart=True,
        ),
        Proposal(
            "sample classes evenly, and train longer",
            "rare classes are learned last",
            "the share of labels that are followed rises",
        ),
    ),
    source="Mirza and Osindero 2014; Miyato and Koyama 2018; Ravuri and Vinyals 2019",
    warm_up=CONDITION_EARLY,
    watch_after=4,
    trouble_after=6,
)
