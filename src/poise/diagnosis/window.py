"""What the steps since the last check measured: it stays on the device and is read only at a check."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from poise.diagnosis.finding import Measurement

Values = NDArray[Any]  # Numbers on the CPU, (N,)


def first_non_finite(named: Iterable[tuple[str, Tensor]]) -> str | None:
    """The name of the first tensor that holds a value that is not finite; `None` if all are finite."""
    for name, tensor in named:
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor).all()):
            return name
    return None


def per_sample_scores(scores: Any) -> Tensor:
    """Scores of any shape as one number a sample: patches and several heads are averaged."""
    if isinstance(scores, Mapping):
        scores = list(scores.values())
    if isinstance(scores, list | tuple) and scores and not isinstance(scores[0], int | float):
        heads = [per_sample_scores(head) for head in scores]
        if len({len(head) for head in heads}) > 1:
            raise TypeError("heads that score different numbers of samples")
        return torch.stack(heads).mean(0)
    if isinstance(scores, int | float) or getattr(scores, "shape", None) == ():
        raise TypeError("one number for a whole batch; the score of each sample is wanted")
    if isinstance(scores, np.ndarray):
        scores = torch.as_tensor(scores)
    if not isinstance(scores, Tensor):
        raise TypeError(f"scores of type {type(scores).__name__}")
    if not scores.numel():
        raise TypeError(f"no scores, of shape {tuple(scores.shape)}")
    found: Tensor = scores.detach().float()
    return found.reshape(len(found), -1).mean(1)


def pairs_above(higher: Values, lower: Values) -> float:
    """The number of pairs in which one of `higher` lies above one of `lower`; ties count half."""
    order = np.sort(lower)
    below, not_above = np.searchsorted(order, higher, "left"), np.searchsorted(order, higher, "right")
    return float(below.sum() + not_above.sum()) / 2


def area_above(higher: Values, lower: Values) -> float | None:
    """The chance that one of `higher` scores above one of `lower`: the area under the ROC curve.

    Source: Hanley and McNeil 1982: the Mann-Whitney statistic over the number of pairs.
    """
    if not len(higher) or not len(lower) or np.isnan(higher).any() or np.isnan(lower).any():
        return None
    return pairs_above(higher, lower) / (len(higher) * len(lower))


def roc_auc(higher: Tensor, lower: Tensor) -> float | None:
    """The same of tensors."""
    return area_above(higher.numpy(force=True), lower.numpy(force=True))


def held_out_gap(training: Tensor, held_out: Tensor, fake: Tensor) -> float | None:
    """How far held-out reals have fallen from training reals towards fakes: 0 for not at all, 1 for wholly.

    Source: the gap of Brock et al. 2019 (BigGAN), section 4.2, in the units of Karras et al. 2020 (ADA),
        equation 1, `r_v`.
    """
    if min(len(training), len(held_out), len(fake)) == 0:
        return None
    top, middle, bottom = (float(side.float().median()) for side in (training, held_out, fake))
    way = top - bottom
    return (top - middle) / way if way > 1e-12 else None


STEPS = 64  # The number of steps in a window
SCORED = 8  # The last of them, whose scores give the AUC
PIECES = 4


@dataclass(frozen=True)
class StepStats:
    """The statistics of one step; any of them may be missing."""

    real_scores: Tensor | None = None  # (N,)
    fake_scores: Tensor | None = None  # (M,)
    discriminator_loss: Tensor | None = None  # A scalar
    generator_loss: Tensor | None = None  # A scalar
    discriminator_gradient: Tensor | None = None  # The norm of the discriminator's gradient, a scalar
    generator_gradient: Tensor | None = None  # The norm of the generator's

    def named(self) -> list[tuple[str, Tensor]]:
        """Those that are there, in the order of computation, each with its name in words."""
        parts = (
            ("scores of reals", self.real_scores),
            ("scores of fakes", self.fake_scores),
            ("discriminator's loss", self.discriminator_loss),
            ("discriminator's gradient", self.discriminator_gradient),
            ("generator's loss", self.generator_loss),
            ("generator's gradient", self.generator_gradient),
        )
        return [(name, tensor) for name, tensor in parts if tensor is not None]

    def at(self, index: int) -> StepStats:
        """Those of one game, if each tensor holds several games along its first axis."""
        return StepStats(
            **{name: value[index] for name in _NAMES if (value := getattr(self, name)) is not None}
        )


_NAMES = tuple(field.name for field in fields(StepStats))


class Window:
    """The statistics of the last steps. Adding a step costs nothing on the device and waits for nothing.

    Args:
        boundary: The score between real and fake, if the loss has one.
    """

    def __init__(self, boundary: float | None = None) -> None:
        self.steps: deque[StepStats] = deque(maxlen=STEPS)
        self.boundary = boundary

    def add(self, step_stats: StepStats) -> None:
        """Add one step."""
        self.steps.append(step_stats)

    def __len__(self) -> int:
        return len(self.steps)

    def close(self, step: int = 0) -> Measurement:
        """Sum up, for which the device is waited for, and begin again."""
        step_stats = list(self.steps)
        self.steps.clear()
        found, finite, culprit = *_read(step_stats), None
        if not finite:
            culprit = next((name for one in step_stats if (name := first_non_finite(one.named()))), None)
        real, fake = (_joined(step_stats, found, side) for side in ("real_scores", "fake_scores"))
        generator, discriminator = (
            _pieces(_numbers(found[f"{player}_loss"])) for player in ("generator", "discriminator")
        )
        signs = None if real is None or self.boundary is None else np.sign(real - self.boundary)
        return Measurement(
            step,
            non_finite=culprit,
            auc=None if real is None or fake is None else area_above(real, fake),
            real_score=_mean(real),
            r_t=_mean(signs),
            fake_score=_mean(fake),
            generator_loss=statistics.fmean(generator) if generator else None,
            discriminator_loss=statistics.fmean(discriminator) if discriminator else None,
            generator_losses=generator,
            discriminator_losses=discriminator,
            generator_gradient=_median(_numbers(found["generator_gradient"])),
            discriminator_gradient=_median(_numbers(found["discriminator_gradient"])),
        )

    def state(self) -> dict[str, Any]:
        """The steps as one tensor a statistic, on the CPU, and the shape that each step had of it.

        Example:
            >>> window = Window()
            >>> window.add(StepStats(real_scores=torch.zeros(4)))
            >>> window.state()["shapes"]
            {'real_scores': [[4]]}
        """
        tensors: dict[str, Tensor] = {}
        shapes: dict[str, list[list[int] | None]] = {}
        for name in _NAMES:
            parts = [getattr(one, name) for one in self.steps]
            present = [part.detach().reshape(-1) for part in parts if part is not None]
            if present:
                tensors[name] = torch.cat(present).cpu()
                shapes[name] = [None if part is None else list(part.shape) for part in parts]
        return {**tensors, "shapes": shapes, "steps": len(self.steps)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on with the steps that `state` returned."""
        columns: dict[str, list[Tensor | None]] = {}
        for name, shapes in state["shapes"].items():
            sizes = [0 if shape is None else math.prod(shape) for shape in shapes]
            parts = state[name].split(sizes)
            columns[name] = [
                None if shape is None else part.reshape(shape)
                for part, shape in zip(parts, shapes, strict=True)
            ]
        self.steps.clear()
        for index in range(state["steps"]):
            self.steps.append(StepStats(**{name: column[index] for name, column in columns.items()}))


def _read(step_stats: Sequence[StepStats]) -> tuple[dict[str, list[Values]], bool]:
    """Each statistic of the steps that have it, brought to the CPU at once, and whether all are finite."""
    present = [
        (name, part if part.dim() < 2 else part.reshape(-1))
        for one in step_stats
        for name in _NAMES
        if (part := getattr(one, name)) is not None
    ]
    found: dict[str, list[Values]] = {name: [] for name in _NAMES}
    if not present:
        return found, True
    device = present[-1][1].device  # steps of a checkpoint are on the CPU, those after it may not be
    parts = [part if part.device == device else part.to(device) for _, part in present]
    values, begin = torch.hstack(parts).detach().cpu().double().numpy(), 0
    for name, part in present:
        end = begin + part.numel()
        found[name].append(values[begin:end])
        begin = end
    return found, bool(np.isfinite(values).all())


def _joined(step_stats: Sequence[StepStats], found: Mapping[str, list[Values]], name: str) -> Values | None:
    """The scores of the last steps; `None` if these have none."""
    count = sum(getattr(one, name) is not None for one in step_stats[-SCORED:])
    return np.concatenate(found[name][-count:]) if count else None


def _numbers(rows: Sequence[Values]) -> list[float]:
    """One number a step, of those that are finite."""
    numbers = (float(row[0]) if len(row) == 1 else float(row.mean()) for row in rows)
    return [number for number in numbers if math.isfinite(number)]


def _median(values: Sequence[float]) -> float | None:
    return statistics.median_low(values) if values else None


def _pieces(values: Sequence[float]) -> tuple[float, ...]:
    """Means of as many equal pieces, as far as that goes: the first ones have one value more."""
    size, more = divmod(len(values), PIECES)
    ends = [size * place + min(place, more) for place in range(PIECES + 1)]
    return tuple(statistics.fmean(values[a:b]) for a, b in pairwise(ends) if a < b)


def _mean(values: Values | None) -> float | None:
    """The mean if there is one and it is finite."""
    mean = math.nan if values is None else float(values.mean())
    return mean if math.isfinite(mean) else None
