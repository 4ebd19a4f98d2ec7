"""The data as they are named on the command line, and the recipe that suits them."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from cyclopts import Parameter

from poise.cli.verb import Name
from poise.errors import PoiseError

Two: TypeAlias = Annotated[tuple[str, str] | None, Parameter(metavar="PATH PATH")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Reading:
    """How data are read, as typed; nothing is opened yet, and torch need not be imported.

    Args:
        scale: The values that become black and white, for images of more than 8 bits, as 0,4095.
        split: Which of the folders train, val and test is read, or all; by default train.
        column: The type of a table's column, as age=integer: number, integer, date, category, new (generated)
            or drop; may be given often.
        constraint: What holds in every row of a table: "low < high", "total = part + rest" or
            "fixed: city, country"; may be given often.
        schema: A JSON file of what is publicly known of a table's columns, for --private.
        target: The column of a table that predictions are tested on; by default the last category.
        tolerate_bad: The share of files that may be unusable, as 5%; by default 1%.
        kind: The kind of data, if it is not the one that Poise recognises: field for all 16 bits of a TIFF.
    """

    scale: Annotated[str | None, Parameter(metavar="LOW,HIGH")] = None
    split: Name = None
    column: Annotated[tuple[str, ...], Parameter(metavar="NAME=TYPE", show_default=False)] = ()
    constraint: Annotated[tuple[str, ...], Parameter(metavar="RULE", show_default=False)] = ()
    schema: Annotated[Path | None, Parameter(metavar="FILE")] = None
    target: Name = None
    tolerate_bad: Annotated[str | None, Parameter(metavar="SHARE")] = None
    kind: Name = None

    def of(self, data: Any) -> Any:
        """Data with how they are to be read, if anything is asked for."""
        from poise.data import Files, Table
        from poise.data.tables.asked import read_columns
        from poise.data.tables.schema import read_schema

        if self.column or self.constraint or self.target is not None or self.schema is not None:
            schema = {} if self.schema is None else read_schema(self.schema)
            data = Table(data, read_columns(self.column), self.constraint, self.target, schema)
        given: dict[str, Any] = {} if self.split is None else {"split": self.split}
        if self.scale is not None:
            given["scale"] = _scale(self.scale)
        if self.tolerate_bad is not None:
            given["tolerate"] = _share(self.tolerate_bad)
        if self.kind is not None:
            given["kind"] = self.kind
        return Files(data, **given) if given else data

    @property
    def words(self) -> list[str]:
        """What was typed, in words of a command line."""
        words = []
        for field in fields(self):
            value = getattr(self, field.name)
            for one in value if isinstance(value, tuple) else () if value is None else (value,):
                words += [f"--{field.name.replace('_', '-')}", str(one)]
        return words


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class DataOptions:
    """The data options of `poise train` as typed, not opened yet: torch need not be imported.

    Args:
        pairs: Sources and targets, two folders or zips with the same names, or two arrays.
        side_by_side: Images that hold source and target side by side.
        source_side: Which half of those is the source, left or right.
        domains: Two kinds of images without pairs, to be made into each other.
        held_out: The share of pairs or domains never trained on, to judge by; 0.1 by default.
        labels: A CSV of files and labels, or a dataset.json, for a recipe with conditions; sub-folders
            need none.
        label_column: Its column of labels, if it has more than two columns; several of tags, with commas.
        file_column: Its column of files, if it is not found by itself.
        reading: How they are read.
    """

    data: Annotated[str | None, Parameter(parse=False)] = None  # named without an option
    pairs: Two = None
    side_by_side: Annotated[str | None, Parameter(metavar="PATH")] = None
    source_side: Annotated[Literal["left", "right"], Parameter(metavar="SIDE")] = "left"
    domains: Two = None
    held_out: Annotated[float | None, Parameter(metavar="SHARE")] = None
    labels: Annotated[str | None, Parameter(metavar="FILE")] = None
    label_column: Name = None
    file_column: Name = None
    reading: Reading = Reading()

    def check(self) -> None:
        """Refuse what is named twice, or not at all, or for nothing."""
        given = list(self._given)
        if not given:
            what, code = "There are no data to train on", "cli.no-data"
            hint = "name a folder, an array or a built-in set: poise train digits"
        elif len(given) > 1:
            what = f"The data are named twice, by {given[0]} and by {given[1]}"
            code, hint = "cli.data-named-twice", "keep one"
        elif (self.label_column or self.file_column) is not None and self.labels is None:
            what = f"There is no file with the column '{self.label_column or self.file_column}'"
            code, hint = "cli.label-column-without-labels", "name it: --labels FILE.csv"
        elif self.labels is not None and self.data is None:
            what = "--labels gives each sample a label, and translations have no labels"
            code, hint = "cli.labels-of-translations", "leave it out"
        elif self.held_out is not None and self.data is not None:
            what = "--held-out divides pairs and domains, and there are none"
            code, hint = "cli.nothing-to-hold-out", "leave it out, or give --pairs or --domains"
        else:
            return
        raise PoiseError(what, code=code, hint=hint)

    @property
    def _given(self) -> dict[str, Any]:
        ways = {
            "DATA": self.data,
            "--pairs": self.pairs,
            "--side-by-side": self.side_by_side,
            "--domains": self.domains,
        }
        return {way: value for way, value in ways.items() if value is not None}

    @property
    def name(self) -> str:
        """What to call them while they are read."""
        (value,) = self._given.values()
        return value if isinstance(value, str) else " and ".join(value)

    @property
    def recipe(self) -> str:
        """The recipe if none is named."""
        from poise.recipes import AUTO

        if self.domains is not None:
            return "cyclegan"
        return AUTO if self.data is not None else "pix2pix"

    def to_open(self) -> Any:
        """The data as `poise.train` takes them."""
        from poise.data import HELD_OUT, Domains, Labelled, Pairs

        share = HELD_OUT if self.held_out is None else self.held_out
        if self.pairs is not None:
            source, target = map(self.reading.of, self.pairs)
            return Pairs(source, target, held_out=share)
        if self.side_by_side is not None:
            return Pairs(self.reading.of(self.side_by_side), source_side=self.source_side, held_out=share)
        if self.domains is not None:
            a, b = map(self.reading.of, self.domains)
            return Domains(a, b, held_out=share)
        data = self.reading.of(self.data)
        if self.labels is None:
            return data
        return Labelled(data, self.labels, self.label_column, self.file_column)


def _scale(text: str) -> tuple[float, float]:
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        hint = "give the values that become black and white: --scale 0,4095"
        raise PoiseError(f"The scale cannot be '{text}'", code="cli.scale", hint=hint) from None
    return low, high


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        hint = "give a share: --tolerate-bad 5%, or 0.05"
        raise PoiseError(f"The bad files cannot be '{text}'", code="cli.tolerate-bad", hint=hint) from None
    return share
