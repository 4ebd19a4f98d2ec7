"""How near each of many games is to its data, measured for all of them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from poise.data import Source
from poise.data.built_in import Modes, modes
from poise.errors import PoiseError
from poise.metrics.frechet import Gaussian, gaussian_distance
from poise.metrics.mixture_modes import mode_statistics
from poise.randomness import numpy_stream, torch_stream
from poise.training.feed import latents
from poise.training.many.stack import Stack
from poise.training.quality import SIDE, fitted

MOST_SAMPLES = 2_000
MODE_SAMPLES = 2_500
"""As many as the tables of mixtures in the plane are made from."""


class SpreadWatch:
    """Measures every game of a stack: the Fréchet distance and, for a known mixture, its modes.

    Args:
        stack: The games; their latents and reals are functions of their seeds.
        sources: The data of each.
        mixture: The name of the built-in mixture that the data are; `None` where they are not.
    """

    def __init__(self, stack: Stack, sources: Sequence[Source], mixture: str | None) -> None:
        self.modes: Modes | None = known_modes(mixture)
        self.samples = min(MOST_SAMPLES, len(sources[0]) // 2)
        count = max(self.samples, MODE_SAMPLES if self.modes is not None else 0)
        self.latents = torch.stack(
            [
                latents(count, own.latent, torch_stream(own.seed, 0, "quality latents"))
                for own in stack.recipes
            ]
        )
        self.references = [
            _halves(source, own.seed, self.samples)
            for own, source in zip(stack.recipes, sources, strict=True)
        ]
        self.sources = list(sources)

    def measure(self, stack: Stack, step: int) -> list[list[dict[str, Any]]]:
        """The lines for each game's `metrics.jsonl`.

        Args:
            stack: The games as they stand.
            step: Steps done.
        """
        device = stack.match.sound.device
        made = stack.samples(self.latents.to(device))
        return [self._lines(place, samples, step) for place, samples in enumerate(made)]

    def _lines(self, place: int, samples: Tensor, step: int) -> list[dict[str, Any]]:
        source, lines = self.sources[place], []
        reference, floor = self.references[place]
        if reference is not None:
            lines.append(
                {
                    "step": step,
                    "value": gaussian_distance(reference, fitted(samples[: self.samples])),
                    "metric": "frechet_distance",
                    "floor": floor,
                    "samples": self.samples,
                    "features": f"pixels averaged to {SIDE}x{SIDE}"
                    if source.kind == "image"
                    else "the numbers",
                    "reference": source.fingerprint[:16],
                }
            )
        if self.modes is not None:
            points = source.encoding.decode(samples[:MODE_SAMPLES])
            found = mode_lines(points, self.modes)
            lines += [{"step": step, **line} for line in found]
        return lines


def mode_lines(points: Tensor, known: Modes) -> list[dict[str, Any]]:
    """Modes, high quality and reverse KL of points, a line each.

    Args:
        points: `(N, 2)` in data units.
        known: The mixture.
    """
    try:
        result = mode_statistics(points, known.centres, known.standard_deviation, replicates=0)
    except PoiseError:  # points that are not finite: the game is lost, and its finding says so
        return []
    assert isinstance(result.value, Mapping)
    assert isinstance(result.floor, Mapping)
    better = {"modes": "higher", "high_quality": "higher", "reverse_kl": "lower"}
    return [
        {
            "value": result.value[name],
            "metric": name,
            "floor": result.floor[name],
            "samples": len(points),
            "better": better[name],
            "centres": len(known.centres),
            "standard_deviation": known.standard_deviation,
        }
        for name in better
    ]


def known_modes(mixture: str | None) -> Modes | None:
    """The modes of a built-in mixture; `None` for other data."""
    return modes(mixture) if mixture in ("ring", "grid") else None


def _halves(source: Source, seed: int, samples: int) -> tuple[Gaussian | None, float]:
    """A Gaussian of reals, and its distance to that of as many others."""
    if samples < 2:
        return None, 0.0
    order = numpy_stream(seed, 0, "quality reals").permutation(len(source))
    halves = order[:samples], order[samples : 2 * samples]
    one, other = (fitted(source.encoding.encode(source.gather(half))) for half in halves)
    return one, gaussian_distance(one, other)
