"""What was measured at one check, and the failures that were found: their evidence and their remedies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Severity = Literal["info", "watch", "trouble"]
Value = float | int | str


@dataclass(frozen=True)
class Remedy:
    """Something to try."""

    change: str  # What to change, as an imperative
    why: str  # Why that helps
    command: str = ""  # The command that does it; empty if it is a matter of the data or the code
    expect: str = ""  # What to expect of it
    after_steps: int = 0  # Steps after which the effect should show
    # The values of the recipe that it sets, by path
    settings: Mapping[str, Any] = field(default_factory=dict)
    restart: bool = False  # Whether it needs a start from fresh weights

    def to_json(self) -> dict[str, Any]:
        """As a line of `findings.jsonl` has it."""
        return asdict(self)

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Remedy:
        """The remedy that `to_json` wrote; what is missing has its default."""
        return Remedy(
            **{key: str(line.get(key) or "") for key in ("change", "why", "command", "expect")},
            after_steps=_whole(line.get("after_steps")),
            settings=_mapping(line.get("settings")),
            restart=line.get("restart") is True,
        )


@dataclass(frozen=True)
class Evidence:
    """Numbers behind a finding: each quantity as measured, its threshold, and what is healthy."""

    measured: Mapping[str, Value] = field(default_factory=dict)
    threshold: Mapping[str, Value] = field(default_factory=dict)
    healthy: Mapping[str, Value] = field(default_factory=dict)

    @staticmethod
    def of(*rows: tuple[str, Value, Value, Value]) -> Evidence:
        """Evidence of quantities: the name of each, as measured, its threshold, and what is healthy."""
        return Evidence(*({row[0]: row[side] for row in rows} for side in (1, 2, 3)))

    def to_json(self) -> dict[str, dict[str, Value]]:
        """As a line of `findings.jsonl` has it."""
        return asdict(self)

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Evidence:
        """The evidence that `to_json` wrote; what is missing is empty."""
        return Evidence(*(_mapping(line.get(side)) for side in ("measured", "threshold", "healthy")))


@dataclass(frozen=True)
class Finding:
    """A failure by its name.

    Example:
        >>> print(Finding("mode-collapse", "trouble", "open", 400, 480, 0.9, "All samples look the same."))
        TROUBLE mode-collapse, step 400 to 480 (90 % sure): All samples look the same.
    """

    name: str  # As in the table of findings: mode-collapse
    severity: Severity  # info, watch or trouble
    status: Literal["open", "recovered"]  # open, or recovered once it has been gone for some checks
    first_step: int  # The step at which it began
    last_step: int  # The step at which it was last found
    confidence: float  # From 0 to 1: how far beyond its threshold, and for how long
    sentence: str  # What is wrong, in words
    evidence: Evidence = field(default_factory=Evidence)  # The numbers
    remedies: tuple[Remedy, ...] = ()  # What to try, in order
    because_of: str = ""  # The open finding that explains this one; empty if there is none

    def __str__(self) -> str:
        word = self.severity.upper() if self.status == "open" else f"recovered ({self.severity})"
        span = f"step {self.first_step}"
        span += f" to {self.last_step}" if self.last_step > self.first_step else ""
        cause = f", because of {self.because_of}" if self.because_of else ""
        return f"{word} {self.name}, {span}{cause} ({100 * self.confidence:.0f} % sure): {self.sentence}"

    def to_json(self) -> dict[str, Any]:
        """As a line of `findings.jsonl` has it."""
        line = asdict(self) | {"confidence": round(self.confidence, 3)}
        line["remedies"] = list(line["remedies"])
        return line if self.because_of else {key: line[key] for key in line if key != "because_of"}

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Finding:
        """The finding of a line of `findings.jsonl`; what is missing or of another type has a default.

        Example:
            >>> found = Finding("mode-collapse", "trouble", "open", 400, 480, 0.9, "All look the same.")
            >>> Finding.from_json(found.to_json()) == found
            True
        """
        first, confidence, severity = (
            _whole(line.get("first_step")),
            line.get("confidence"),
            line.get("severity"),
        )
        remedies = line.get("remedies")
        return Finding(
            name=str(line.get("name") or "finding"),
            severity=severity if severity in ("info", "watch", "trouble") else "info",
            status="recovered" if line.get("status") == "recovered" else "open",
            first_step=first,
            last_step=max(first, _whole(line.get("last_step"))),
            confidence=float(confidence) if isinstance(confidence, int | float) else 0.0,
            sentence=str(line.get("sentence") or ""),
            evidence=Evidence.from_json(_mapping(line.get("evidence"))),
            remedies=tuple(
                Remedy.from_json(one)
                for one in (remedies if isinstance(remedies, list) else ())
                if isinstance(one, Mapping)
            ),
            because_of=str(line.get("because_of") or ""),
        )


def _whole(value: Any) -> int:
    return value if type(value) is int else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True)
class Measurement:
    """What one check of a run measured. `None` if an input was missing; `missing` says why.

    No quantity depends on which loss is used, except for the losses, which are only compared with themselves.
    Distances are between samples as `samples.features_of` has them.
    """

    step: int  # The step of the check
    observed: int | None = None  # How many steps were observed by then, if their numbers do not tell
    non_finite: str | None = None  # The first tensor that held a NaN or an infinity
    # The chance that the discriminator scores a real above a fake, over the last steps: the area
    # under its ROC curve. 0.5 to 1; below 0.5 if it is fooled
    auc: float | None = None
    real_score: float | None = None  # Mean score of reals over the last steps, raw
    fake_score: float | None = None  # Mean score of fakes
    generator_loss: float | None = None  # Mean loss over the last steps
    discriminator_loss: float | None = None  # The same of the discriminator
    generator_losses: tuple[float, ...] = ()  # The last steps in pieces, the mean of each, oldest first
    discriminator_losses: tuple[float, ...] = ()  # The same of the discriminator
    generator_gradient: float | None = None  # Median norm of the generator's gradient over the last steps
    discriminator_gradient: float | None = None  # The same of the discriminator
    # Mean sign of the reals' scores over the last steps, counted from the score between real and fake
    r_t: float | None = None
    training_count: int | None = None  # Training reals that there are to compare with
    held_out_count: int | None = None  # Reals that are not trained on
    # The chance that a training real scores above a held-out one; healthy 0.5
    training_above_held_out: float | None = None
    # How far held-out reals fall from training reals towards fakes; healthy 0
    held_out_gap: float | None = None
    fake_count: int | None = None  # Fakes that were compared with reals
    # Squared energy distance of fakes to reals, in units of the mean distance of reals
    distance: float | None = None
    distance_floor: float | None = None  # The same of other reals
    spread: float | None = None  # Mean distance of two fakes over that of two reals; healthy near 1
    # Share of fakes with a near twin among 256, against reals' own nearest distances
    duplicates: float | None = None
    cells: tuple[float, ...] = ()  # Share of fakes in each k-means cell of the reals
    # Share of the data that lies in cells which get a quarter of their due, over that of as many reals;
    # healthy near 1
    coverage: float | None = None
    # Mean of the fakes along the reals' main directions, in standard deviations of the reals
    centre: tuple[float, ...] = ()
    # How far the samples of fixed latents moved since the last check, over the mean distance of two
    # reals
    movement: float | None = None
    copying: float | None = None  # C_T; below -3, fakes lie nearer to the training data than new data do
    # Median distance of fakes to the nearest training sample over that of held-out reals
    nearness: float | None = None
    copied: float | None = None  # Share of fakes three times as near to one training sample as to any other
    copied_held_out: float | None = None  # The same of held-out reals: what chance gives
    # How well each simple statistic tells reals from fakes: area under the curve and effect size
    probes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    condition_response: float | None = None  # How far samples move when only their condition is exchanged
    # Share of fakes whose nearest class mean is that of their condition
    condition_followed: float | None = None
    condition_followed_real: float | None = None  # The same of reals: what can be reached by this judge
    condition_chance: float | None = None  # The same of fakes with conditions shuffled
    alike: float | None = None  # Mean distance of two fakes over their own size; 0 if all are identical
    # How far fakes move when only their latents are exchanged, over the mean distance of two reals
    latent_response: float | None = None
    # The same of the fakes that the loop handed over: their spread, distance to the reals and likeness
    fake_spread: float | None = None
    fake_distance: float | None = None
    fake_alike: float | None = None
    fake_twins: float | None = None  # Share of them that have a twin, equal but for rounding
    latents_differ: float | None = None  # Share of the step's latents that differ from its first
    latents_apart: float | None = None  # Mean distance of two latents of the step
    # If latents are samples of another domain: how far distances of fakes follow those of their sources, a
    # correlation
    source_followed: float | None = None
    # By how many standard deviations of chance the loop's fakes differ from its first ones, if there is no
    # generator whose weights could be watched
    fake_travelled: float | None = None
    # How far they are from those of the last check, row by row, over the mean distance of two of them
    fake_moved: float | None = None
    # Share of those weights that were looked at which have changed since the last check
    generator_moved: float | None = None
    discriminator_moved: float | None = None
    # Statistics of the loop's reals beside those of the reals that are compared with
    loop_reals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    # How far the loop's reals are from those that were handed over: as they are, and changed in known ways
    layouts: Mapping[str, float] = field(default_factory=dict)
    # How far two of the loop's reals are apart, over two of those that were handed over
    loop_spread: float | None = None
    # How far held-out reals are from training reals, in standard deviations of chance
    held_out_apart: float | None = None
    # How much of the samples' spectrum lies at the frequencies of strides, over that of the reals
    grid: float | None = None
    # How much of each operation of an augmentation the samples carry: the share, its standard error, and how
    # much of the samples' difference from the reals it explains
    leaks: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    # What is wrong with sounds, and the same of reals: shares of silent waves and of clipped values, and for
    # each stride how far the spectrum stands out at its frequency
    waves: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    metric: float | None = None  # What the caller measured, such as FID; lower is better
    missing: Mapping[str, str] = field(default_factory=dict)  # Why a quantity is None, by its name

    @property
    def separation(self) -> float | None:
        """`auc`, by its name in version 0.1."""
        return self.auc

    def to_json(self) -> dict[str, Any]:
        """A line of `readings.jsonl`: without what is missing, numbers to six digits."""
        line = {}
        for name in _NAMES:
            value = getattr(self, name)
            if value is not None and value not in ((), {}):
                line[name] = _plain(value)
        return line

    @property
    def greatest(self) -> float | None:
        """The greatest of losses and mean scores, whatever its sign."""
        parts = (self.generator_loss, self.discriminator_loss, self.real_score, self.fake_score)
        return max((abs(part) for part in parts if part is not None and math.isfinite(part)), default=None)

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Measurement:
        """A measurement from a line of `readings.jsonl`; keys of a later version are left out.

        Example:
            >>> Measurement.from_json(Measurement(7, auc=0.5, cells=(0.25, 0.75)).to_json())
            ... # doctest: +ELLIPSIS
            Measurement(step=7, ...auc=0.5, ...cells=(0.25, 0.75), ...)
        """
        values = {name: line[name] for name in _NAMES if name in line}
        if "separation" in line:  # its former name
            values.setdefault("auc", line["separation"])
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = tuple(value)
        for name in ("probes", "loop_reals", "leaks", "waves"):
            if name in values:
                values[name] = {key: tuple(numbers) for key, numbers in values[name].items()}
        return Measurement(**values)


_NAMES = tuple(one.name for one in fields(Measurement))


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
