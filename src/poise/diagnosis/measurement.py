"""What was measured at one check: all that findings are judged by, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """What one check of a run measured. `None` if an input was missing; `missing` says why.

    No quantity depends on which loss is used, except for the losses, which are only compared with themselves.
    Distances are between samples as `samples.features_of` has them.

    Attributes:
        step: The step of the check.
        non_finite: The first tensor that held a NaN or an infinity.
        auc: The chance that the discriminator scores a real above a fake, over the last steps: the area under
            its ROC curve. 0.5 to 1; below 0.5 if it is fooled.
        real_score: Mean score of reals over the last steps, raw.
        fake_score: Mean score of fakes.
        generator_loss: Mean loss over the last steps.
        discriminator_loss: The same of the discriminator.
        generator_losses: The last steps in pieces, the mean of each, oldest first.
        discriminator_losses: The same of the discriminator.
        generator_gradient: Median norm of the generator's gradient over the last steps.
        discriminator_gradient: The same of the discriminator.
        training_above_held_out: The chance that a training real scores above a held-out one; healthy 0.5.
        held_out_gap: How far held-out reals fall from training reals towards fakes; healthy 0.
        distance: Squared energy distance of fakes to reals, in units of the mean distance of reals.
        distance_floor: The same of other reals.
        spread: Mean distance of two fakes over that of two reals; healthy near 1.
        duplicates: Share of fakes with a near twin among 256, against reals' own nearest distances.
        cells: Share of fakes in each k-means cell of the reals.
        coverage: Share of the data that lies in cells which get a quarter of their due; healthy near 1.
        centre: Mean of the fakes along the reals' main directions, in standard deviations of the reals.
        movement: How far the samples of fixed latents moved since the last check, over the mean distance of
            two reals.
        copying: C_T; below -3, fakes lie nearer to the training data than new data do.
        nearness: Median distance of fakes to the nearest training sample over that of held-out reals.
        copied: Share of fakes three times as near to one training sample as to any other.
        copied_held_out: The same of held-out reals: what chance gives.
        probes: How well each simple statistic tells reals from fakes: area under the curve and effect size.
        condition_response: How far samples move when only their condition is exchanged.
        condition_followed: Share of fakes whose nearest class mean is that of their condition.
        condition_followed_real: The same of reals: what can be reached by this judge.
        condition_chance: The same of fakes with conditions shuffled.
        metric: What the caller measured, such as FID; lower is better.
        missing: Why a quantity is `None`, by its name.
    """

    step: int
    non_finite: str | None = None
    auc: float | None = None
    real_score: float | None = None
    fake_score: float | None = None
    generator_loss: float | None = None
    discriminator_loss: float | None = None
    generator_losses: tuple[float, ...] = ()
    discriminator_losses: tuple[float, ...] = ()
    generator_gradient: float | None = None
    discriminator_gradient: float | None = None
    training_above_held_out: float | None = None
    held_out_gap: float | None = None
    distance: float | None = None
    distance_floor: float | None = None
    spread: float | None = None
    duplicates: float | None = None
    cells: tuple[float, ...] = ()
    coverage: float | None = None
    centre: tuple[float, ...] = ()
    movement: float | None = None
    copying: float | None = None
    nearness: float | None = None
    copied: float | None = None
    copied_held_out: float | None = None
    probes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    condition_response: float | None = None
    condition_followed: float | None = None
    condition_followed_real: float | None = None
    condition_chance: float | None = None
    metric: float | None = None
    missing: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A line of `readings.jsonl`: without what is missing, numbers to six digits."""
        return {name: _plain(value) for name, value in asdict(self).items() if value not in (None, (), {})}

    @staticmethod
    def from_json(line: Mapping[str, Any]) -> Measurement:
        """A measurement from a line of `readings.jsonl`; keys of a later version are left out.

        Example:
            >>> Measurement.from_json(Measurement(7, auc=0.5, cells=(0.25, 0.75)).to_json())
            ... # doctest: +ELLIPSIS
            Measurement(step=7, ...auc=0.5, ...cells=(0.25, 0.75), ...)
        """
        known = {one.name for one in fields(Measurement)}
        values = {name: value for name, value in line.items() if name in known}
        if "separation" in line:  # its former name
            values.setdefault("auc", line["separation"])
        for name, value in values.items():
            if isinstance(value, list):
                values[name] = tuple(value)
        if "probes" in values:
            values["probes"] = {name: tuple(probe) for name, probe in values["probes"].items()}
        return Measurement(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value
