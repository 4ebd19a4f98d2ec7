"""Conditions on rows, such as `income == '>50K' and age > 40`: read as an expression, never run as code."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from poise.data.rows import Array
from poise.data.tables.column import Derived
from poise.data.tables.modes import AnyColumn
from poise.data.tables.transform import TableTransform
from poise.data.tables.values import MISSING, Form
from poise.errors import PoiseError, unknown_name

_SIGNS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_ORDERS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
_QUOTED = re.compile(r"('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|`[^`]*`)")
STEPS = 512
"""Places within a range at which a condition is looked at."""

EXAMPLE = "write, for example, \"income == '>50K' and age > 40\""


@dataclass(frozen=True)
class Allowed:
    """What a condition leaves of one column.

    Attributes:
        shares: The share of each cell that is left, from 0 to 1.
        places: For each cell the places that are left, and the weight of each.
    """

    shares: Array
    places: tuple[tuple[Array, Array], ...]


@dataclass(frozen=True)
class Condition:
    """A condition on rows.

    Attributes:
        text: As it was written.
        alone: For each column that stands alone in a part of the condition, what is left of it.
        whole: Whether rows meet the condition: texts by column to `(N,)` of truth values.
        exact: Whether `alone` says all of it; otherwise rows that do not meet it are left out.
    """

    text: str
    alone: Mapping[int, Allowed]
    whole: Callable[[Mapping[str, Sequence[str]]], Array]
    exact: bool


@dataclass(frozen=True)
class _Names:
    """The columns that a condition can name, and how their values are compared."""

    table: TableTransform

    @cached_property
    def forms(self) -> dict[str, Form | None]:
        """How each column is written, by its name; `None` for one of categories."""
        found: dict[str, Form | None] = {column.name: column.form for column in self.table.columns}
        for rule in self.table.rules:
            if rule.kind != "fixed":
                found |= dict.fromkeys(rule.replaced, rule.form)
            else:
                found |= dict.fromkeys(rule.columns)
        found |= {one.name: None for one in self.table.derived}
        return {name: form for name, form in found.items() if name in self.table.order}

    def values(self, name: str) -> set[str] | None:
        """Every value that a column of categories has; `None` if it makes others."""
        column = next((one for one in self.table.columns if one.name == name), None)
        if column is not None:
            return {text for cell in column.cells for text in cell.texts}
        derived = next((one for one in self.table.derived if one.name == name), None)
        return set(derived.values.values()) if derived is not None and derived.type == "copy" else None


def read_condition(text: str, table: TableTransform) -> Condition:
    """The condition of a text over the columns of a table.

    Raises:
        PoiseError: It is no condition, names a column or a value that there is none of, or no row meets it.
    """
    names = _Names(table)
    placeholders = {f"_column_{number}_": name for number, name in enumerate(names.forms)}
    try:
        tree = ast.parse(_with_placeholders(text, placeholders), mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise _unread(text, str(error).partition("(")[0].strip()) from None
    evaluate = _Reader(text, names, placeholders)
    evaluate.check(tree)
    parts = tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]
    numbers = {column.name: index for index, column in enumerate(table.columns)}
    copies = {one.name: one for one in table.derived if one.type == "copy"}
    by_column: dict[int, list[Callable[[Sequence[str]], Array]]] = {}
    exact = True
    for part in parts:
        name = next(iter(mentioned)) if len(mentioned := evaluate.mentioned(part)) == 1 else ""
        of = copies[name].of if name in copies else name
        if of not in numbers or name not in table.order:
            exact = False
            continue
        by_column.setdefault(numbers[of], []).append(
            partial(_met_alone, evaluate, part, name, copies.get(name))
        )
    alone = {index: _allowed(table.columns[index], tests) for index, tests in by_column.items()}
    for index, one in alone.items():
        if not one.shares.any():
            what = f"No value of the column '{table.columns[index].name}' meets '{text}'"
            hint = "ask for values that the data have"
            raise PoiseError(what, code="data.condition-empty", hint=hint)
    return Condition(text, alone, lambda texts: evaluate(tree, texts), exact)


def _met_alone(
    evaluate: _Reader, part: ast.expr, name: str, copy: Derived | None, texts: Sequence[str]
) -> Array:
    """Whether values of a column meet a part of a condition that names it, or a copy of it, alone."""
    return evaluate(part, {name: texts if copy is None else [copy.values[text] for text in texts]})


def _with_placeholders(text: str, placeholders: Mapping[str, str]) -> str:
    """The text with an identifier for each name of a column outside of quotes, the longest names first."""
    by_name = sorted(((name, mark) for mark, name in placeholders.items()), key=lambda pair: -len(pair[0]))
    pieces = []
    for piece in _QUOTED.split(text):
        if piece.startswith("`"):
            mark = next((mark for name, mark in by_name if name == piece[1:-1]), None)
            if mark is None:
                raise unknown_name("column", piece[1:-1], placeholders.values(), where="in the condition")
            pieces.append(mark)
            continue
        if not piece.startswith(("'", '"')):
            for name, mark in by_name:
                piece = re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", mark, piece)  # noqa: PLW2901
        pieces.append(piece)
    return "".join(pieces).strip()


class _Reader:
    """Evaluates the expression of a condition on columns of texts."""

    def __init__(self, text: str, names: _Names, placeholders: Mapping[str, str]) -> None:
        self.text, self.names, self.placeholders = text, names, placeholders

    def mentioned(self, tree: ast.AST) -> set[str]:
        """The columns that are named."""
        found = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        return {self.placeholders[name] for name in found}

    def check(self, tree: ast.expr) -> None:
        """Refuse whatever is no condition on the columns."""
        if isinstance(tree, ast.BoolOp):
            for part in tree.values:
                self.check(part)
        elif isinstance(tree, ast.UnaryOp) and isinstance(tree.op, ast.Not):
            self.check(tree.operand)
        elif isinstance(tree, ast.Compare):
            self._check_comparison(tree)
        else:
            raise _unread(self.text, "it compares nothing")

    def _check_comparison(self, tree: ast.Compare) -> None:
        sides = [tree.left, *tree.comparators]
        for side in sides:
            for node in ast.walk(side):
                if isinstance(node, ast.Name) and node.id not in self.placeholders:
                    raise unknown_name("column", node.id, self.names.forms, where=f"in '{self.text}'")
        named = [self.placeholders[side.id] for side in sides if isinstance(side, ast.Name)]
        if not named:
            raise _unread(self.text, "a comparison names no column")
        for sign, right in zip(tree.ops, tree.comparators, strict=True):
            if not isinstance(sign, (*_SIGNS, ast.In, ast.NotIn, ast.Is, ast.IsNot)):
                raise _unread(self.text, "it holds an operation that is no comparison")
            if isinstance(sign, _ORDERS) and any(self.names.forms[name] is None for name in named):
                strange = next(name for name in named if self.names.forms[name] is None)
                raise _unread(self.text, f"the values of '{strange}' have no order")
            for value in _constants(right, self.text) if not isinstance(right, ast.Name) else []:
                self._check_value(named[0], value)
        if not isinstance(tree.left, ast.Name):
            for value in _constants(tree.left, self.text):
                self._check_value(named[0], value)

    def _check_value(self, name: str, value: Any) -> None:
        form, known = self.names.forms[name], self.names.values(name)
        if value is None or (form is None and known is None):
            return
        if form is None:
            if str(value) not in (known or ()):
                raise unknown_name("value", str(value), known or (), where=f"in the column '{name}'")
            return
        self._number(name, value)

    def _number(self, name: str, value: Any) -> float:
        """A value as the number that is compared with a column's."""
        form = self.names.forms[name]
        assert form is not None
        try:
            if isinstance(value, bool):
                raise ValueError(value)
            return (
                float(value)
                if isinstance(value, int | float) and form.kind != "date"
                else form.number(str(value))
            )
        except ValueError:
            shown = "a date such as " + form.text(0.0) if form.kind == "date" else "a number"
            what = f"The column '{name}' cannot be compared with '{value}'"
            raise PoiseError(what, code="data.condition-value", hint=f"compare it with {shown}") from None

    def __call__(self, tree: ast.expr, texts: Mapping[str, Sequence[str]]) -> Array:
        """Whether each row meets the expression, `(N,)`."""
        if isinstance(tree, ast.BoolOp):
            combine = np.logical_and if isinstance(tree.op, ast.And) else np.logical_or
            both: Array = combine.reduce([self(part, texts) for part in tree.values])
            return both
        if isinstance(tree, ast.UnaryOp):
            return ~self(tree.operand, texts)
        assert isinstance(tree, ast.Compare)
        sides = [tree.left, *tree.comparators]
        met = [
            self._compared(left, sign, right, texts)
            for left, sign, right in zip(sides[:-1], tree.ops, sides[1:], strict=True)
        ]
        whole: Array = np.logical_and.reduce(met)
        return whole

    def _compared(
        self, left: ast.expr, sign: ast.cmpop, right: ast.expr, texts: Mapping[str, Sequence[str]]
    ) -> Array:
        named = left if isinstance(left, ast.Name) else right
        assert isinstance(named, ast.Name)
        name = self.placeholders[named.id]
        form = self.names.forms[name]
        if isinstance(sign, ast.In | ast.NotIn):
            inside: Array = np.logical_or.reduce(
                [self._equal(name, texts[name], one) for one in _constants(right, self.text)]
            )
            return ~inside if isinstance(sign, ast.NotIn) else inside
        other = right if named is left else left
        if isinstance(other, ast.Name):
            second = self.placeholders[other.id]
            if form is not None and self.names.forms[second] is not None:
                return _with_missing(
                    sign, self._numbers(name, texts), self._numbers(second, texts), flipped=named is right
                )
            pairs = np.array([one == two for one, two in zip(texts[name], texts[second], strict=True)])
            return pairs if isinstance(sign, ast.Eq | ast.Is) else ~pairs
        (value,) = _constants(other, self.text)
        if isinstance(sign, ast.Eq | ast.Is):
            return self._equal(name, texts[name], value)
        if isinstance(sign, ast.NotEq | ast.IsNot):
            return ~self._equal(name, texts[name], value)
        compared = np.full(len(texts[name]), self._number(name, value))
        return _with_missing(sign, self._numbers(name, texts), compared, flipped=named is right)

    def _numbers(self, name: str, texts: Mapping[str, Sequence[str]]) -> Array:
        form = self.names.forms[name]
        assert form is not None
        known = {
            text: np.nan if text in MISSING else form.number(text) for text in dict.fromkeys(texts[name])
        }
        return np.array([known[text] for text in texts[name]], dtype=np.float64)

    def _equal(self, name: str, texts: Sequence[str], value: Any) -> Array:
        form = self.names.forms[name]
        if value is None:
            missing = ("",) if form is None else MISSING
            return np.array([text in missing for text in texts])
        if form is None:
            return np.array([text == str(value) for text in texts])
        equal: Array = self._numbers(name, {name: texts}) == self._number(name, value)
        return equal


def _with_missing(sign: ast.cmpop, left: Array, right: Array, *, flipped: bool) -> Array:
    """A comparison of numbers, which no missing one meets."""
    first, second = (right, left) if flipped else (left, right)
    with np.errstate(invalid="ignore"):
        met: Array = _SIGNS[type(sign)](first, second)
    return met & ~np.isnan(left) & ~np.isnan(right)


def _constants(tree: ast.expr, text: str) -> list[Any]:
    """The values of a literal, or of a tuple, a list or a set of literals."""
    try:
        value = ast.literal_eval(tree)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        raise _unread(text, "a value is neither a number nor a text in quotes") from None
    values = list(value) if isinstance(value, tuple | list | set) else [value]
    if any(not (one is None or isinstance(one, str | int | float)) for one in values):
        raise _unread(text, "a value is neither a number nor a text in quotes")
    return values


def _allowed(column: AnyColumn, tests: Sequence[Callable[[Sequence[str]], Array]]) -> Allowed:
    """What conditions on one column leave of its cells."""

    def met(texts: Sequence[str]) -> Array:
        whole: Array = np.logical_and.reduce([test(texts) for test in tests])
        return whole

    shares, places = [], []
    for index, cell in enumerate(column.cells):
        if cell.texts:
            at, weight = (
                np.array([cell.middle(number) for number in range(len(cell.texts))]),
                np.array(cell.shares),
            )
            fits = met(cell.texts)
        else:
            at = (np.arange(STEPS) + 0.5) / STEPS
            weight = np.full(STEPS, 1.0)
            fits = met(column.decode(np.full(STEPS, index), at))
        shares.append(weight[fits].sum() / weight.sum())
        places.append((at[fits], weight[fits] / max(weight[fits].sum(), 1e-300)))
    return Allowed(np.array(shares), tuple(places))


def _unread(text: str, why: str) -> PoiseError:
    return PoiseError(
        f"'{text}' is no condition on rows", code="data.condition-unread", why=why, hint=EXAMPLE
    )
