"""The metrics and the doctor of many games while they are trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from poise.data import Dataset, Modes, modes
from poise.errors import PoiseError
from poise.metrics import Result, cheap_distance, mode_statistics
from poise.metrics.table import lines_of
from poise.randomness import torch_stream
from poise.run_folder import RunFolder
from poise.training.batches import latents
from poise.training.callbacks.callback import Notify
from poise.training.callbacks.quality import LEAST, Yardstick
from poise.training.state import Position
from poise.training.vectorised.doctor import EnsembleDoctor, health
from poise.training.vectorised.stack import StackedState

MODE_SAMPLES = 2_500
"""As many as the tables of mixtures in the plane are made from."""


class SpreadWatch:
    """Measures every game of a stack: the Fréchet distance and, for a known mixture, its modes.

    Args:
        stack: The games; their latents and reals are functions of their seeds.
        datasets: The data of each.
        mixture: The name of the built-in mixture that the data are; `None` if they are not.
    """

    def __init__(self, stack: StackedState, datasets: Sequence[Dataset], mixture: str | None) -> None:
        self.modes: Modes | None = known_modes(mixture)
        self.yardsticks = [
            Yardstick(dataset, own) for own, dataset in zip(stack.recipes, datasets, strict=True)
        ]
        self.datasets = list(datasets)
        count = max(
            *(yardstick.samples for yardstick in self.yardsticks),
            MODE_SAMPLES if self.modes is not None else 0,
        )
        self.latents = torch.stack(
            [
                latents(count, own.latent, torch_stream(own.seed, 0, "quality latents"))
                for own in stack.recipes
            ]
        )

    def measure(self, stack: StackedState, step: int) -> list[list[dict[str, Any]]]:
        """The lines for each game's `metrics.jsonl`.

        Args:
            stack: The games.
            step: Steps done.
        """
        device = stack.players.sound.device
        made = stack.samples(self.latents.to(device))
        return [self._lines(index, samples, step) for index, samples in enumerate(made)]

    def _lines(self, index: int, samples: Tensor, step: int) -> list[dict[str, Any]]:
        try:
            results = self._results(index, samples)
        except (
            PoiseError,
            RuntimeError,
        ):  # samples that are not finite: the game is lost, its finding says so
            return []
        return [line for result in results for line in lines_of(result, step=step, by="training")]

    def _results(self, index: int, samples: Tensor) -> list[Result]:
        dataset, yardstick, results = self.datasets[index], self.yardsticks[index], []
        if len(dataset) >= LEAST:
            fakes = yardstick.plain(samples[: yardstick.samples])
            results.append(cheap_distance(yardstick.reference, fakes))
        if self.modes is not None:
            points = dataset.transform.decode(samples[:MODE_SAMPLES])
            known = self.modes
            results.append(mode_statistics(points, known.centres, known.standard_deviation, replicates=0))
        return results


class Watchers:
    """A yardstick and a doctor for each stack, made when first needed, and anew once games have left it.

    Args:
        datasets: The data of every game of the session, by its number.
        runs: Its folder.
        mixture: The name of the built-in mixture that the data are; `None` if they are not.
        notify: Called with a sentence for the user.
        doctor: Whether there is one.
    """

    def __init__(
        self,
        datasets: Sequence[Dataset],
        runs: Sequence[RunFolder],
        mixture: str | None,
        notify: Notify,
        *,
        doctor: bool,
    ) -> None:
        self.datasets, self.runs, self.mixture, self.notify = datasets, runs, mixture, notify
        self._with_doctor = doctor
        self._yardsticks: dict[tuple[int, ...], SpreadWatch] = {}
        self._doctors: dict[tuple[int, ...], EnsembleDoctor] = {}

    def measure(self, stack: StackedState, step: int) -> dict[int, list[dict[str, Any]]]:
        """Lines for each game's metrics, by its number."""
        key = tuple(stack.games)
        if key not in self._yardsticks:
            datasets = [self.datasets[game] for game in key]
            self._yardsticks[key] = SpreadWatch(stack, datasets, self.mixture)
        return dict(zip(key, self._yardsticks[key].measure(stack, step), strict=True))

    def examine(self, stacks: Sequence[StackedState], position: Position, *, last: bool) -> None:
        """Show every stack to its doctor, just after a step."""
        if not self._with_doctor:
            return
        for stack in stacks:
            key = tuple(stack.games)
            if key not in self._doctors:
                datasets = [self.datasets[game] for game in key]
                runs = [self.runs[game] for game in key]
                self._doctors[key] = EnsembleDoctor(stack, datasets, runs, self.notify)
            self._doctors[key].look(stack.logs, position, last=last)

    def health(self, stacks: Sequence[StackedState]) -> str:
        """The health of all games in a word; empty if there is none."""
        keys = [tuple(stack.games) for stack in stacks]
        return health([self._doctors[key] for key in keys if key in self._doctors])


def known_modes(mixture: str | None) -> Modes | None:
    """The modes of a built-in mixture; `None` for other data."""
    return modes(mixture) if mixture in ("ring", "grid") else None
