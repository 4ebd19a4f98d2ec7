"""Training by sampling: rows of a table are drawn by the value of one category, rare ones more often."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import Dataset
from poise.dynamics.game import Batch, Networks, Outputs
from poise.errors import PoiseError
from poise.games import AdversarialGame, Term, View
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.networks.mixture import even
from poise.randomness import numpy_stream
from poise.recipes import Recipe
from poise.recipes.settings import Part
from poise.spec import DataSpec, Span
from poise.tasks.build import game_of
from poise.tasks.held_out import Indices
from poise.tasks.noise_to_data import choose, networks
from poise.tasks.task import Task

PIECE = 4_096
"""Rows that are encoded at once."""

LEAST = 1e-12
"""Added to a probability before its logarithm is taken."""


def category_slices(spans: Sequence[Span]) -> list[slice]:
    """Where each category lies in a row.

    Example:
        >>> category_slices([Span("age", "ordered", 3), Span("sex", "one-hot", 2)])
        [slice(3, 5, None)]
    """
    ends = np.cumsum([span.size for span in spans]).tolist()
    return [
        slice(end - span.size, end) for span, end in zip(spans, ends, strict=True) if span.kind == "one-hot"
    ]


class ConditionDraws:
    """Draws a condition for each sample of a batch, and a row that meets it.

    A category is drawn evenly, one of its values by the logarithm of how many rows hold it, and one of these
    rows evenly.

    Args:
        dataset: The data.
        spans: How a row falls into columns.
        chosen: The rows that are drawn from; `None` for all.
        seed: The run's seed.

    Source: Xu et al. 2019, section 4.3, training-by-sampling; 1 is added to each count.
    """

    def __init__(self, dataset: Dataset, spans: Sequence[Span], chosen: Indices | None, seed: int) -> None:
        self.seed, slices = seed, category_slices(spans)
        self.places = np.arange(len(dataset)) if chosen is None else chosen
        values = np.concatenate([_values(dataset, part, slices) for part in _pieces(self.places)])
        self.sizes = [one.stop - one.start for one in slices]
        self.starts = np.cumsum([0, *self.sizes])
        self.orders = [np.argsort(column, kind="stable") for column in values.T]
        self.counts = [
            np.bincount(column, minlength=size) for column, size in zip(values.T, self.sizes, strict=True)
        ]

    @cached_property
    def chances(self) -> list[np.ndarray[Any, np.dtype[np.float64]]]:
        """The probability of each value within each category."""
        weights = [np.log1p(counts) for counts in self.counts]
        return [one / one.sum() for one in weights]

    def __call__(self, drawn: int, samples: int) -> tuple[Indices, Tensor]:
        """The rows of a batch `(samples,)`, and its conditions `(samples, values)`: a 1 for each."""
        stream = numpy_stream(self.seed, drawn, "conditions")
        columns = stream.integers(len(self.sizes), size=samples)
        rows, condition = np.empty(samples, dtype=np.int64), torch.zeros(samples, int(self.starts[-1]))
        for index, (chances, counts, order) in enumerate(
            zip(self.chances, self.counts, self.orders, strict=True)
        ):
            here = np.flatnonzero(columns == index)
            values = stream.choice(len(chances), size=len(here), p=chances)
            first = np.cumsum(counts) - counts
            rows[here] = self.places[order[first[values] + stream.integers(counts[values])]]
            condition[here, int(self.starts[index]) + values] = 1.0
        return rows, condition


def _pieces(places: Indices) -> list[Indices]:
    return np.array_split(places, -(-len(places) // PIECE))


def _values(dataset: Dataset, places: Indices, slices: Sequence[slice]) -> Indices:
    """The value of each category, `(rows, categories)`."""
    rows = dataset.transform.encode(dataset.gather(places))
    made: Indices = torch.stack([rows[:, one].argmax(1) for one in slices], 1).numpy()
    return made


class ConditionedRows(nn.Module):
    """A generator of rows that sees which value of which category is asked for.

    The first number of a latent draws the condition if none is given: a category evenly, and its value as
    often as rows hold it. So samples are distributed as the data are.

    Args:
        network: From latents, the condition behind them, to rows and the probabilities of their choices.
        slices: Where the categories lie in a row.
    """

    frequencies: Tensor

    def __init__(self, network: nn.Module, slices: Sequence[slice]) -> None:
        super().__init__()
        self.network = network
        self.sizes = [one.stop - one.start for one in slices]
        self.slices = list(slices)
        even_ones = torch.cat([torch.full((size,), 1 / size) for size in self.sizes])
        self.register_buffer("frequencies", even_ones / len(self.sizes))

    @torch.no_grad()
    def fit(self, rows: Tensor) -> None:
        """Count how many rows hold each value."""
        shares = torch.cat([rows[:, one].mean(0) for one in self.slices])
        self.frequencies.copy_(shares / shares.sum())

    def condition_of(self, latent: Tensor) -> Tensor:
        """The condition that each latent draws, `(N, values)`."""
        bounds = self.frequencies.cumsum(0)
        place = torch.searchsorted(bounds, (even(latent[:, 0]) * bounds[-1]).contiguous())
        return nn.functional.one_hot(place.clamp(max=len(bounds) - 1), len(bounds)).to(latent.dtype)

    def forward(self, latent: Tensor, condition: Tensor | None = None, *, whole: bool = False) -> Tensor:
        """Rows `(N, numbers)`; `whole` adds the condition and the probability of each value of a category."""
        condition = self.condition_of(latent) if condition is None else condition
        seen = torch.cat([latent[:, 1:], condition], 1)
        if not whole:
            rows: Tensor = self.network(seen)
            return rows
        rows, shares = self.network.with_shares(seen)  # type: ignore[operator]  # a method of such networks
        return torch.cat([rows, condition, *(shares[:, one] for one in self.slices)], 1)


class ScoredWithCondition(nn.Module):
    """A discriminator of rows with the condition behind each; a row alone gets one that it meets.

    Args:
        network: Scores rows with conditions, packed side by side.
        slices: Where the categories lie in a row.
        numbers: Numbers of a row.
        packing: Rows that are scored at once.
    """

    def __init__(self, network: nn.Module, slices: Sequence[slice], numbers: int, packing: int) -> None:
        super().__init__()
        self.network, self.slices = network, list(slices)
        self.numbers, self.packing = numbers, packing

    def forward(self, samples: Tensor) -> Tensor:
        """Scores of packed rows, with or without conditions."""
        if samples.shape[1] == self.numbers * self.packing:
            rows = samples.reshape(-1, self.numbers)
            column = torch.arange(len(rows), device=rows.device) % len(self.slices)
            own = [rows[:, one] * (column == index).unsqueeze(1) for index, one in enumerate(self.slices)]
            samples = torch.cat([rows, *own], 1).reshape(len(samples), -1)
        scores: Tensor = self.network(samples)
        return scores


def generator(part: Part, spec: DataSpec, latent_size: int) -> nn.Module:
    """From latents, and conditions if some are given, to rows.

    Raises:
        PoiseError: The data have no categories, or the network does not say how probable its choices are.
    """
    slices = category_slices(spec.spans)
    if not slices:
        what, why = "Training by sampling draws rows by their categories", "these data have none"
        hint = "use --set game=noise-to-data"
        raise PoiseError(what, code="tasks.no-categories", why=why, hint=hint)
    values = sum(one.stop - one.start for one in slices)
    network = GENERATORS.named(part.name).build(spec, latent_size=latent_size - 1 + values, **part.options)
    if not hasattr(network, "with_shares"):
        what = f"The network '{part.name}' does not say how probable its choices are"
        hint = "use --set generator=ctgan, or --set game=noise-to-data"
        raise PoiseError(what, code="tasks.no-shares", hint=hint)
    return ConditionedRows(network, slices)


def discriminator(part: Part, spec: DataSpec, packing: int) -> nn.Module:
    """From packed rows, each with its condition, to scores."""
    slices = category_slices(spec.spans)
    values = sum(one.stop - one.start for one in slices)
    numbers = spec.shape[0] + values
    seen = dataclasses.replace(
        spec, shape=(numbers * packing,), spans=(*spec.spans, Span("condition", "real", values))
    )
    network = DISCRIMINATORS.named(part.name).build(seen, **part.options)
    return ScoredWithCondition(network, slices, spec.shape[0], packing)


def rows_and_conditions(numbers: int, values: int, networks: Networks, batch: Batch) -> Outputs:
    """Fakes and reals with the condition behind each, and the probabilities of the categories' values."""
    made = networks["generator"](batch.latent, batch.condition, whole=True)
    rows, condition, shares = made.split([numbers, values, values], 1)
    return {
        "fake": torch.cat([rows, condition], 1),
        "real": torch.cat([batch.real, condition.detach()], 1),
        "shares": shares,
        "condition": condition.detach(),
    }


def missed_condition(view: View) -> Tensor:
    """The cross-entropy between the value that was asked for and those that its category may become, `(N,)`.

    Source: Xu et al. 2019, section 4.3, the generator loss.
    """
    return -(view.outputs["condition"] * (view.outputs["shares"] + LEAST).log()).sum(1)


def game(recipe: Recipe, *, spec: DataSpec, condition: float = 1.0) -> AdversarialGame:
    """The game of a resolved recipe; `condition` is the weight of the cross-entropy."""
    values = sum(one.stop - one.start for one in category_slices(spec.spans))
    term = Term("condition_loss", "generator", missed_condition, weight=condition)
    forward = partial(rows_and_conditions, spec.shape[0], values)
    return game_of(recipe, forward=forward, more=[term])


def _fitted(module: nn.Module, rows: Tensor) -> str:
    assert isinstance(module, ConditionedRows)
    module.fit(rows)
    return f"Samples have the values of categories as often as {len(rows):,} rows have them."


BY_SAMPLING = Task(
    name="training-by-sampling",
    summary="Rows of a table by the value of one category, rare ones more often; both players see it.",
    source="Xu et al. 2019, section 4.3",
    needs="rows",
    choose=choose,
    generator=generator,
    discriminator=discriminator,
    networks=networks,
    game=game,
    draws=ConditionDraws,
    fit=_fitted,
)
