"""Whether an exported generator makes the same samples: compared on several batches."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from poise.generator.export.portable import Portable
from poise.generator.generator import Generator

BATCHES = (1, 3, 8)
SEED = 20
Runner = Callable[[tuple[Tensor, ...]], Tensor]


@dataclass(frozen=True)
class Parity:
    """How far samples of one batch are from the generator's own.

    Attributes:
        batch: Samples in the batch.
        largest: The largest difference of a number.
        changed: The share of 8-bit levels that differ; `None` if samples are no pictures.
    """

    batch: int
    largest: float
    changed: float | None

    def to_json(self) -> dict[str, Any]:
        """As an object."""
        return asdict(self)


def parities(generator: Generator, made: Portable, run: Runner) -> list[Parity]:
    """The differences on batches of 1, 3 and 8.

    Args:
        generator: The generator.
        made: Its portable form, whose inputs are used.
        run: Inputs to the samples of the exported form.
    """
    found = []
    for batch in BATCHES:
        inputs = made.example(generator, batch, seed=SEED)
        condition = inputs[1] if "condition" in made.inputs else None
        wanted, given = generator.exported(inputs[0], condition), run(inputs).float()
        changed = None
        if generator.kind.pictorial:
            levels = [((side + 1) * 127.5).round() for side in (wanted, given)]
            changed = float((levels[0] != levels[1]).float().mean())
        found.append(Parity(batch, float((wanted - given).abs().max()), changed))
    return found


def parity_line(found: list[Parity]) -> str:
    """The differences for people."""
    batches = ", ".join(str(one.batch) for one in found)
    largest = max(one.largest for one in found)
    sentence = f"largest difference to samples of Poise in batches of {batches}: {largest:.1e}"
    shares = [one.changed for one in found if one.changed is not None]
    return f"{sentence}; 8-bit levels that differ: {100 * max(shares):.3g} %" if shares else sentence


def runner(module: nn.Module) -> Runner:
    """A module of torch as `parities` calls it."""

    @torch.no_grad()
    def run(inputs: tuple[Tensor, ...]) -> Tensor:
        made: Tensor = module(*inputs)
        return made

    return run
