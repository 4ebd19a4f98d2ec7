"""Directions of a generator: what they are, and the folder in which a run keeps them.

`RUN/directions/` holds `directions.safetensors` and `directions.json`, with a manifest of hashes:

    directions.safetensors   "vectors", float32 (K, values): what is added to a latent or to a style for one
                             standard deviation of the samples along the direction, so that a strength of 2
                             means two of them. Row 0 is direction 1, the first in the ranking.
    directions.json          "format": 1
                             "generator": the SHA-256 of the generator's weights
                             "space": "z" (add it to latents) or "w" (add it to the styles of every layer)
                             "directions": for each row "name" (or null), "method", "label" (or null), and
                             "measures": each measure's "value" and "interval"
                             "random": the measures of random directions, to compare them with

`read_directions(RUN)` reads it, `Directions.check(generator)` refuses those of another generator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from poise.errors import PoiseError, nearest
from poise.generator.naming import weights_hash
from poise.run_folder.tensors_folder import (
    damage_reported,
    is_there,
    read_tensors_folder,
    write_tensors_folder,
)

if TYPE_CHECKING:
    from poise.generator.generator import Generator

FORMAT = 1
FOLDER = "directions"


@dataclass(frozen=True)
class Measure:
    """A number with its 95 % interval."""

    value: float
    interval: tuple[float, float]

    def to_json(self) -> dict[str, Any]:
        """As JSON."""
        return {"value": self.value, "interval": list(self.interval)}

    @staticmethod
    def of(found: Mapping[str, Any]) -> Measure:
        """From JSON."""
        low, high = found["interval"]
        return Measure(float(found["value"]), (float(low), float(high)))


@dataclass(frozen=True)
class Direction:
    """A direction in a generator's space.

    Attributes:
        vector: What one standard deviation adds to a latent or a style, `(values,)`.
        method: What found it: `"jacobian"`, `"closed-form"`, `"components"` or `"boundary"`.
        label: The class or the tag of a boundary; `None` for directions that were found without labels.
        name: What people call it; `None` if they gave it no name.
        measures: How it compares with random directions, by the name of the measure.
    """

    vector: Tensor
    method: str
    label: str | None = None
    name: str | None = None
    measures: Mapping[str, Measure] = field(default_factory=dict)

    @property
    def called(self) -> str | None:
        """Its name, or its label if it has no name."""
        return self.name or self.label


@dataclass(frozen=True)
class Directions:
    """The directions of one generator, the best first; people count them from 1.

    Attributes:
        generator: The SHA-256 of the generator's weights.
        space: `"z"`, to be added to latents, or `"w"`, to be added to styles.
        directions: The directions.
        random: The measures of random directions: the value is their mean, the interval the range of them.

    Example:
        >>> one = Direction(torch.ones(4), "jacobian", name="smile")
        >>> found = Directions("5f0c", "z", (one, Direction(torch.zeros(4), "jacobian")))
        >>> found["smile"] is found["1"]
        True
        >>> found.named({2: "hat"})["hat"].method
        'jacobian'
    """

    generator: str
    space: Literal["z", "w"]
    directions: tuple[Direction, ...]
    random: Mapping[str, Measure] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.directions)

    def __getitem__(self, name: str) -> Direction:
        """The direction of this name, or with this number.

        Raises:
            PoiseError: There is none.
        """
        for direction in self.directions:
            if name in (direction.name, direction.label):
                return direction
        if name.isdigit() and 1 <= int(name) <= len(self):
            return self.directions[int(name) - 1]
        names = [one.called for one in self.directions if one.called]
        alike = nearest(name, names)
        hint = f"did you mean '{alike[0]}'?" if alike else f"give a number from 1 to {len(self)}"
        hint += "" if alike or not names else f", or a name: {', '.join(names[:8])}"
        raise PoiseError(f"There is no direction '{name}'", code="generator.unknown-direction", hint=hint)

    def check(self, generator: Generator) -> None:
        """Refuse a generator that has other weights than the one that these were found in.

        Raises:
            PoiseError: It has.
        """
        found = weights_hash(generator.module)
        if found != self.generator:
            raise PoiseError(
                "These directions are of another generator",
                code="generator.directions-of-another",
                why=f"they were found in weights {self.generator[:12]}, and these are {found[:12]}",
                hint="find them again: poise directions RUN",
            )

    def named(self, names: Mapping[int, str]) -> Directions:
        """The same directions, some with names; a name that another one had is taken from it.

        Args:
            names: Names by the direction's number, from 1; an empty name removes one.

        Raises:
            PoiseError: There is no such number, or a name that could not be typed.
        """
        made = list(self.directions)
        for number, name in names.items():
            if not 1 <= number <= len(made):
                _ = self[str(number)]  # Which says so
            if name.isdigit() or any(sign in name for sign in "=,\n"):
                what = f"A direction cannot be called '{name}'"
                hint = "take a word that is no number, without = and commas"
                raise PoiseError(what, code="generator.bad-direction-name", hint=hint)
            if name:
                made = [replace(one, name=None) if one.name == name else one for one in made]
            made[number - 1] = replace(made[number - 1], name=name or None)
        return replace(self, directions=tuple(made))


def save_directions(run: Path, directions: Directions, *, step: int = 0) -> Path:
    """Write directions into the folder of their run, whole or not at all; the folder is returned."""
    description = {
        "format": FORMAT,
        "generator": directions.generator,
        "space": directions.space,
        "directions": [
            {
                "name": one.name,
                "method": one.method,
                "label": one.label,
                "measures": {name: measure.to_json() for name, measure in one.measures.items()},
            }
            for one in directions.directions
        ],
        "random": {name: measure.to_json() for name, measure in directions.random.items()},
    }
    vectors = torch.stack([one.vector.float().cpu() for one in directions.directions])
    write_tensors_folder(run / FOLDER, FOLDER, {"vectors": vectors}, {FOLDER: description}, step)
    return run / FOLDER


def has_directions(run: Path) -> bool:
    """Whether directions were found for a run."""
    return is_there(run / FOLDER)


def read_directions(run: Path) -> Directions:
    """The directions of a run.

    Raises:
        PoiseError: None were found yet, they are damaged, or a newer version wrote them.
    """
    folder = run / FOLDER
    again = f"find them: poise directions {run}"
    none = PoiseError(
        f"The run '{run}' has no directions yet", code="generator.no-directions-yet", hint=again
    )

    def damaged(why: str) -> PoiseError:
        what = f"The directions in '{folder}' are damaged"
        return PoiseError(what, code="generator.damaged-directions", why=why, hint=again)

    with damage_reported(folder, none=none, damaged=damaged):
        found = read_tensors_folder(folder, f"{FOLDER}.safetensors", f"{FOLDER}.json")
        about, vectors = found.objects[FOLDER], found.tensors["vectors"]
        if about["format"] != FORMAT:
            what = f"The directions of '{run}' have format {about['format']}"
            raise PoiseError(what, code="generator.newer-directions", hint="update Poise")
        directions = tuple(
            Direction(vector, one["method"], one["label"], one["name"], _measures(one["measures"]))
            for vector, one in zip(vectors, about["directions"], strict=True)
        )
        return Directions(about["generator"], about["space"], directions, _measures(about["random"]))


def _measures(found: Mapping[str, Any]) -> dict[str, Measure]:
    return {name: Measure.of(measure) for name, measure in found.items()}
