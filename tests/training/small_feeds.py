"""Feeds of a few rows that lie in memory and are taken as they are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.data import Identity
from poise.recipes.settings import Latent
from poise.tasks.held_out import Indices
from poise.training.batches import BatchSampler


@dataclass(frozen=True)
class Held:
    """Rows in memory."""

    rows: np.ndarray[Any, np.dtype[np.float32]]

    def __len__(self) -> int:
        return len(self.rows)

    def gather(self, indices: Indices) -> Tensor:
        return torch.from_numpy(self.rows[indices])


def feed_of(
    rows: np.ndarray[Any, np.dtype[np.float32]], *, samples: int = 4, seed: int = 3, **more: Any
) -> BatchSampler:
    """A feed of rows `(N, ...)`, with small latents, on the CPU."""
    return BatchSampler(
        Held(rows),
        Identity(),
        samples=samples,
        latent=Latent(size=3),
        seed=seed,
        device=torch.device("cpu"),
        **more,
    )


def numbered(count: int, *, beside: float) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Images `(count, 1, 2, 2)` of their own number; beside it more, so that a mirrored one shows."""
    pixels = np.arange(count, dtype=np.float32)[:, None, None, None] + np.zeros((1, 1, 2, 2), np.float32)
    pixels[..., 1] += beside
    return pixels
