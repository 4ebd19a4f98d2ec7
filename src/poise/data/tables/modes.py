"""Numbers as CTGAN sees them: the mode of a Gaussian mixture that one belongs to, and how far off it lies."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np

from poise.data.rows import Array
from poise.data.tables.column import KNOTS, Cell, Column, missing_cells, number_column
from poise.data.tables.values import MISSING, Form
from poise.spec import SpanKind

MODES = 10
"""The most modes of a column."""

REACH = 4.0
"""Deviations of a mode that its places reach to either side."""

FITTED_ON = 5_000
"""Values that a mixture is fitted to: of all of Adult's a fit takes a minute and a half."""

LEAST_SHARE = 1e-3
"""A mode to which a number belongs with less probability is not drawn for it."""


@dataclass(frozen=True)
class Mode:
    """A Gaussian of a mixture.

    Attributes:
        weight: Its share of the numbers.
        mean: Its middle.
        deviation: Its standard deviation.
        reach: How far from its middle a number can lie; 0 if it holds a single number.
    """

    weight: float
    mean: float
    deviation: float
    reach: float


@dataclass(frozen=True)
class ModeColumn:
    """A column of numbers or dates that networks see as a choice of modes, and a place around its middle.

    A missing number has a cell, and so has each mode. The mode of a number is drawn by the probability that
    the number belongs to it, alike for the same rows. A number is no farther from its mode than the mode
    reaches, so that it comes back; what networks make is kept within the numbers that were seen.

    Attributes:
        name: Its name.
        type: What it was recognised as, or was said to be.
        cells: Cells of missing numbers, then one for each mode, in order: its number, or its quantiles.
        form: How its numbers are written.
        modes: The modes of the last cells.

    Source: Xu et al. 2019, section 4.2, mode-specific normalisation; reaches beyond four deviations are ours.
    """

    name: str
    type: str
    cells: tuple[Cell, ...]
    form: Form
    modes: tuple[Mode, ...]
    ordered: ClassVar[bool] = True
    ranged: ClassVar[bool] = True
    within: ClassVar[SpanKind] = "around"

    @cached_property
    def _parameters(self) -> Array:
        """A row each of weights, means, deviations and reaches."""
        return parameters_of(self.modes)

    @cached_property
    def _missing(self) -> dict[str, int]:
        """The cells of missing numbers."""
        cells = self.cells[: len(self.cells) - len(self.modes)]
        return {cell.texts[0]: index for index, cell in enumerate(cells)}

    @cached_property
    def labels(self) -> tuple[str, ...]:
        """What the cells are called in pictures: the middle of each mode, since modes overlap."""
        middles = [("~" if mode.reach else "") + self.form.text(mode.mean) for mode in self.modes]
        return (*self._missing, *middles)

    @cached_property
    def _ends(self) -> tuple[float, float]:
        """The least and the greatest number that was seen."""
        cells = self.cells[len(self._missing) :]
        found = [
            end for cell in cells for end in cell.knots or (self.form.number(text) for text in cell.texts)
        ]
        return min(found), max(found)

    def encode(self, texts: Sequence[str]) -> tuple[Array, Array]:
        """The cell `(N,)` and the place `(N,)` of each text; cell -1 if it is none of the column's."""
        order = {text: number for number, text in enumerate(dict.fromkeys(texts))}
        numbers = np.array([self._number(text) for text in order])
        unset = np.isnan(numbers)
        clipped = np.clip(np.where(unset, self._ends[0], numbers), *self._ends)
        bounds = shares_of(clipped, self._parameters).cumsum(1)
        alone = np.array(
            [self._unset(text) if empty else -1 for text, empty in zip(order, unset, strict=True)]
        )
        rows = np.array([order[text] for text in texts], dtype=np.int64)
        drawn = np.random.default_rng([*self.name.encode()]).random(len(rows))
        mode = (bounds[rows] <= drawn[:, None] * bounds[rows, -1:]).sum(1)
        _, means, _, reaches = self._parameters[:, mode]
        # a mode of a single number reaches nowhere
        place = 0.5 + (clipped[rows] - means) / np.where(reaches > 0, reaches, np.inf) / 2
        cells = np.where(unset[rows], alone[rows], mode + len(self._missing))
        return cells, np.where(unset[rows], 0.5, place.clip(0.0, 1.0))

    def _number(self, text: str) -> float:
        """The number of a text; NaN if it stands for none."""
        try:
            return self.form.number(text)
        except ValueError:
            return np.nan

    def _unset(self, text: str) -> int:
        """The cell of a text that is no number."""
        return self._missing.get(text, self._missing.get("", -1) if text in MISSING else -1)

    def decode(self, cells: Array, places: Array) -> list[str]:
        """The texts of cells `(N,)` and places `(N,)` in [0, 1]."""
        made = np.empty(len(cells), dtype=object)
        for index in np.unique(cells):
            here, cell = cells == index, self.cells[int(index)]
            if cell.single:
                made[here] = cell.texts[0]
                continue
            mode = self.modes[int(index) - len(self._missing)]
            numbers = np.clip(mode.mean + mode.reach * (2 * places[here] - 1), *self._ends)
            made[here] = [self.form.text(number) for number in numbers.tolist()]
        return list(made)

    def numbers(self, texts: Sequence[str]) -> Array:
        """The numbers of texts `(N,)`, NaN where one is missing."""
        return self.form.numbers(texts)

    def to_json(self) -> dict[str, Any]:
        """The record as an object of plain values."""
        record = Column(self.name, self.type, self.cells, self.form).to_json()
        return {**record, "modes": self._parameters.T.tolist()}

    @staticmethod
    def from_json(record: Mapping[str, Any]) -> ModeColumn:
        """The column of a record that `to_json` wrote."""
        plain = Column.from_json(record)
        assert plain.form is not None
        modes = tuple(Mode(*one) for one in record["modes"])
        return ModeColumn(plain.name, plain.type, plain.cells, plain.form, modes)


AnyColumn = Column | ModeColumn
"""A column that networks see."""


def column_from_json(record: Mapping[str, Any]) -> AnyColumn:
    """The column of a record that the `to_json` of either wrote."""
    return ModeColumn.from_json(record) if "modes" in record else Column.from_json(record)


def mode_column(name: str, counts: Mapping[str, int], form: Form) -> AnyColumn:
    """A column of numbers or dates as modes; one of no more numbers than modes has cells alone."""
    texts = {form.number(text): text for text in sorted(counts) if text not in MISSING}
    if len(texts) <= MODES:
        return number_column(name, counts, form)
    numbers = np.array(sorted(texts))
    often: Array = np.zeros(len(numbers))
    for text, count in counts.items():
        if text not in MISSING:
            often[np.searchsorted(numbers, form.number(text))] += count
    cells = missing_cells(counts)
    modes = []
    for mode, shares in fitted_modes(numbers, often):
        if mode.reach:
            values = np.repeat(numbers, np.ceil(shares).astype(np.int64))
            cells.append(Cell(knots=tuple(np.quantile(values, np.linspace(0.0, 1.0, KNOTS)).tolist())))
        else:
            cells.append(Cell((texts[mode.mean],), (float(shares.sum()),)))
        modes.append(mode)
    return ModeColumn(name, form.kind, tuple(cells), form, tuple(modes))


def fitted_modes(numbers: Array, often: Array) -> list[tuple[Mode, Array]]:
    """The modes of different numbers in order, each with how often it holds each of them.

    Args:
        numbers: `(N,)`, each once.
        often: `(N,)`, how often each occurs.

    Source: Xu et al. 2019, section 4.2; the variational mixture is scikit-learn's.
    """
    from sklearn.exceptions import ConvergenceWarning  # noqa: PLC0415 - needed for such columns alone
    from sklearn.mixture import BayesianGaussianMixture  # noqa: PLC0415 - as above

    values = np.repeat(numbers, often.astype(np.int64))
    if len(values) > FITTED_ON:
        values = np.random.default_rng(0).choice(values, FITTED_ON, replace=False)
    middle, scale = float(values.mean()), float(values.std()) or 1.0
    mixture = BayesianGaussianMixture(
        n_components=min(MODES, len(values)),
        weight_concentration_prior_type="dirichlet_process",
        weight_concentration_prior=1e-3,
        random_state=0,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a mixture that still moves serves as well
        mixture.fit(((values - middle) / scale)[:, None])
    deviations = np.sqrt(mixture.covariances_.ravel()) * scale
    means = mixture.means_.ravel() * scale + middle
    order = np.argsort(means, kind="stable")
    found = np.stack([mixture.weights_, means, deviations, REACH * deviations])[:, order]
    held = shares_of(numbers, found)
    # a number that no mode reaches is given to the nearest, whose reach it stretches
    found[3] = np.maximum(found[3], np.where(held > 0, np.abs(numbers[:, None] - found[1]), 0).max(0))
    held = shares_of(numbers, found)
    modes = []
    for parameters, share in zip(found.T.tolist(), held.T, strict=True):
        if np.count_nonzero(share) == 1:
            modes.append(
                (replace(Mode(*parameters), mean=float(numbers[share.argmax()]), reach=0.0), share * often)
            )
        elif share.any():
            modes.append((Mode(*parameters), share * often))
    return modes


def parameters_of(modes: Sequence[Mode]) -> Array:
    """A row each of weights, means, deviations and reaches, `(4, modes)`."""
    return np.array([(one.weight, one.mean, one.deviation, one.reach) for one in modes]).T


def shares_of(numbers: Array, modes: Array) -> Array:
    """The probability that each number belongs to each mode that reaches it, `(N, modes)`.

    A number that none reaches belongs to the one from which it is fewest deviations away.

    Example:
        >>> shares_of(np.array([0.0, 9.0, 30.0]), np.array([[0.5, 0.5], [0.0, 10.0], [1.0, 1.0], [4.0, 4.0]]))
        array([[1., 0.],
               [0., 1.],
               [0., 1.]])
    """
    weights, means, deviations, reaches = modes
    apart = np.abs(numbers[:, None] - means)
    logs = np.log(np.maximum(weights, 1e-300)) - np.log(deviations) - 0.5 * (apart / deviations) ** 2
    logs = np.where(apart <= reaches, logs, -np.inf)
    none = np.isinf(logs).all(1)
    logs[none] = np.where(
        (apart / deviations)[none].argmin(1)[:, None] == np.arange(len(means)), 0.0, -np.inf
    )
    shares = np.exp(logs - logs.max(1, keepdims=True))
    shares /= shares.sum(1, keepdims=True)
    shares[shares < LEAST_SHARE] = 0.0
    made: Array = shares / shares.sum(1, keepdims=True)
    return made
