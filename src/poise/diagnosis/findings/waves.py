"""Samples of sounds that are silent, clipped, or have one whistling tone."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from typing import Any

from poise.diagnosis.finding import Evidence
from poise.diagnosis.findings.settings import rates_times, smoother
from poise.diagnosis.rule import HEALTHY, Measurements, Proposal, Rule, Verdict

SPAN = 9  # Spans, sixtieths of a run, that are looked back on
LEAST = 2  # Measurements of which the median is taken

SILENT_MORE = 0.15  # Share of samples that are silent, beyond that of reals
SILENT_MOST = 0.5  # The same for trouble


def _looks(measurements: Measurements, name: str) -> list[tuple[float, float]]:
    """What was measured of the samples and of the reals, in the last spans."""
    found = [one.waves[name] for one in measurements if name in one.waves]
    recent = sum(name in one.waves for one in measurements.last(SPAN, LEAST))
    return found[-max(LEAST, recent) :]


def _silence(measurements: Measurements) -> Verdict:
    """More samples than reals have no value beyond a twentieth of the usual peak."""
    looks = _looks(measurements, "silent")
    if len(looks) < LEAST:
        return HEALTHY
    share, of_reals = statistics.median(own for own, _ in looks), looks[-1][1]
    if share - of_reals <= SILENT_MORE:
        return HEALTHY
    return Verdict(
        "trouble" if share - of_reals > SILENT_MOST else "watch",
        f"{100 * share:.0f} % of the samples are silent, and {100 * of_reals:.0f} % of the recordings.",
        Evidence.of(
            ("silent samples", round(share, 3), round(of_reals + SILENT_MORE, 3), round(of_reals, 3))
        ),
        beyond=(share - of_reals) / SILENT_MORE,
    )


def _smooth(recipe: Mapping[str, Any]) -> dict[str, Any]:
    return smoother(recipe, heavy=True)


SILENCE = Rule(
    name="silence",
    summary="Samples of sounds are silent, or so quiet that nothing is heard.",
    judge=_silence,
    needs=("waves",),
    proposals=(
        Proposal(
            "bring every recording to one peak, and cut the silence around what is to be learned",
            "what is mostly zeros is approached best by zeros",
            "the share of silent samples falls to that of the recordings",
            restart=True,
        ),
        Proposal(
            "add an R1 penalty, or make the one there is ten times as heavy, on every step",
            "a generator whose last layer has gone to 0 comes back only along gradients that reach it",
            "the share of silent samples falls",
            _smooth,
        ),
        Proposal(
            "train with both rates at a third",
            "a step that is too large can put every output near 0 at once",
            "the share of silent samples falls",
            lambda recipe: rates_times(recipe, 1 / 3),
        ),
    ),
    source="Donahue et al. 2019 (WaveGAN) and reports of its users; the threshold is ours",
    warm_up=15,
    watch_after=4,
    trouble_after=5,
    explains=("whistling",),  # what is left of a silent wave may be a tone
)

CLIPPED = 0.01  # Share of values that lie at the ends of what a file of sound can hold
CLIPPED_MOST = 0.05  # The same for trouble
CLIPPED_TIMES = 5.0  # Times the reals' share by which it must exceed that besides


def _clipping(measurements: Measurements) -> Verdict:
    """Many more values of the samples than of the reals lie at 1 or -1."""
    looks = _looks(measurements, "clipped")
    if len(looks) < LEAST:
        return HEALTHY
    share, of_reals = statistics.median(own for own, _ in looks), looks[-1][1]
    least = max(CLIPPED, CLIPPED_TIMES * of_reals)
    if share <= least:
        return HEALTHY
    return Verdict(
        "trouble" if share > max(CLIPPED_MOST, 2 * CLIPPED_TIMES * of_reals) else "watch",
        f"{100 * share:.1f} % of the samples' values are clipped, and {100 * of_reals:.2g} % of those of the "
        "recordings.",
        Evidence.of(("clipped values", round(share, 4), round(least, 4), round(of_reals, 4))),
        beyond=share / least,
    )


CLIPPING = Rule(
    name="clipping",
    summary="Samples of sounds are clipped: they lie at the ends of what can be written, and crackle.",
    judge=_clipping,
    needs=("waves",),
    proposals=(
        Proposal(
            "bring recordings below full scale before they are trained on, to a peak of 0.9",
            "a tanh comes near to 1 only where its gradient ends",
            "the share of clipped values falls below 1 %",
            restart=True,
        ),
        Proposal(
            "add an R1 penalty, or make the one there is ten times as heavy, on every step",
            "without one the generator is driven to the ends, from where a tanh passes no gradient back",
            "the share of clipped values falls",
            _smooth,
        ),
        Proposal(
            "train with both rates at a third",
            "steps that are too large drive the last layer to its ends",
            "the share of clipped values falls",
            lambda recipe: rates_times(recipe, 1 / 3),
        ),
    ),
    source="The share of clipped values is common in speech corpora; the thresholds are ours",
    warm_up=15,
    watch_after=4,
    trouble_after=5,
)

PEAK = 12.0  # Times the power around that the spectrum has at the frequency of a stride, over that of reals
TONE = 60.0  # The same for trouble
FADES = 0.6  # Share of the peak at as many looks before, below which a tone of the first weights fades


def _whistling(measurements: Measurements) -> Verdict:
    """The samples' spectrum has a peak at the frequency of a stride, which that of the reals lacks."""
    peaks: dict[str, list[float]] = {}
    for one in measurements:
        for name, (own, real) in one.waves.items():
            if name.startswith("every "):
                peaks.setdefault(name, []).append(own / max(real, 1.0))
    recent = max(LEAST, len(_looks(measurements, "silent")))
    medians = {
        name: statistics.median(found[-recent:]) for name, found in peaks.items() if len(found) >= LEAST
    }
    name = max(medians, key=lambda one: medians[one], default="")
    if not name or medians[name] <= PEAK:
        return HEALTHY
    before = peaks[name][-2 * recent : -recent]
    if before and medians[name] <= TONE and medians[name] < FADES * statistics.median(before):
        return HEALTHY
    return Verdict(
        "trouble" if medians[name] > TONE else "watch",
        f"The samples whistle: a tone that repeats {name} values has {medians[name]:.0f} times the power "
        "around it, as against the recordings.",
        Evidence.of(("peak of the tone", round(medians[name], 2), PEAK, "0.5 to 3")),
        beyond=medians[name] / PEAK,
    )


def _unshuffled(recipe: Mapping[str, Any]) -> dict[str, Any] | None:
    """WaveGAN's critic with phase shuffle; `None` of other networks, or if it has it."""
    critic = recipe.get("discriminator") or {}
    off = critic.get("name") == "wavegan" and critic.get("shuffle") == 0
    return {"discriminator.shuffle": 2} if off else None


WHISTLING = Rule(
    name="whistling",
    summary="Samples of sounds have one tone at the frequency of a stride, which the data do not have.",
    judge=_whistling,
    needs=("waves",),
    proposals=(
        Proposal(
            "take kernels that their stride divides, such as 24 values with stride 4",
            "otherwise some values are made by more weights than others, which repeats with the stride",
            "the peak of the tone falls below 3",
            restart=True,
        ),
        Proposal(
            "enlarge by interpolation and convolve after it, in place of a transposed convolution",
            "every value is then made by as many weights as any other",
            "the peak of the tone falls below 3",
            restart=True,
        ),
        Proposal(
            "shift the layers of the discriminator at random by up to two values (phase shuffle)",
            "the tone has the same phase in every sample, by which fakes are told too easily",
            "the peak of the tone falls",
            _unshuffled,
        ),
        Proposal(
            "wait, if it is early",
            "a tone of the first weights mostly fades as the discriminator learns to find it",
            "the peak of the tone falls",
        ),
    ),
    source="Donahue et al. 2019 (WaveGAN), section 3; Odena, Dumoulin and Olah 2016",
    warm_up=30,
    watch_after=4,
    trouble_after=6,
)
