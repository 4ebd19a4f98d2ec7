"""The data as a person names them on the command line, and the recipe that goes with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from poise.errors import PoiseError

PAIRED_RECIPE = "pix2pix"
UNPAIRED_RECIPE = "cyclegan"

Side = Literal["left", "right"]


@dataclass(frozen=True)
class NamedData:
    """What was named, not opened and not looked at: torch need not be there.

    Attributes:
        data: One folder, file or built-in set.
        pairs: Sources and targets.
        side_by_side: Images that hold both.
        source_side: Which half of those is the source.
        domains: Two kinds of images without pairs.
        held_out: The share that is never trained on, of pairs and domains.
        labels: A CSV file with the label of each file or row.
        label_column: Its column of labels.
    """

    data: str | None = None
    pairs: tuple[str, str] | None = None
    side_by_side: str | None = None
    source_side: Side = "left"
    domains: tuple[str, str] | None = None
    held_out: float | None = None
    labels: str | None = None
    label_column: str | None = None

    def __post_init__(self) -> None:
        given = [way for way, value in self._ways.items() if value is not None]
        if not given:
            raise PoiseError(
                "There are no data to train on",
                hint="name a folder, an array or a built-in set: poise train digits",
            )
        if len(given) > 1:
            raise PoiseError(f"The data are named twice, by {given[0]} and by {given[1]}", hint="keep one")
        if self.label_column is not None and self.labels is None:
            raise PoiseError(
                f"There is no file with the column '{self.label_column}'", hint="name it: --labels FILE.csv"
            )
        if self.labels is not None and self.data is None:
            raise PoiseError(
                "--labels says what each sample is, and translations have no labels", hint="leave it out"
            )
        if self.held_out is not None and self.data is not None:
            raise PoiseError(
                "--held-out divides pairs and domains, and there are none",
                hint="leave it out, or give --pairs or --domains",
            )

    @property
    def _ways(self) -> dict[str, Any]:
        return {
            "DATA": self.data,
            "--pairs": self.pairs,
            "--side-by-side": self.side_by_side,
            "--domains": self.domains,
        }

    @property
    def name(self) -> str:
        """What to call them while they are read."""
        return next(
            value if isinstance(value, str) else " and ".join(value)
            for value in self._ways.values()
            if value is not None
        )

    @property
    def recipe(self) -> str:
        """The recipe where none is named."""
        from poise.recipes import DEFAULT_RECIPE

        if self.domains is not None:
            return UNPAIRED_RECIPE
        return DEFAULT_RECIPE if self.data is not None else PAIRED_RECIPE

    def to_open(self) -> Any:
        """The data as `poise.train` takes them."""
        from poise.data import HELD_OUT, Domains, Labelled, Pairs

        share = HELD_OUT if self.held_out is None else self.held_out
        if self.pairs is not None:
            return Pairs(*self.pairs, held_out=share)
        if self.side_by_side is not None:
            return Pairs(self.side_by_side, source_side=self.source_side, held_out=share)
        if self.domains is not None:
            return Domains(*self.domains, held_out=share)
        return self.data if self.labels is None else Labelled(self.data, self.labels, self.label_column)
