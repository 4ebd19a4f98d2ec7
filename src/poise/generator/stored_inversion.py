"""Inversions on disk: tensors and JSON, nothing pickled."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import torch

from poise.data import to_pixels
from poise.data.transform import Pixels
from poise.errors import PoiseError
from poise.generator.inverted import MEASURES, Inversion
from poise.generator.recovery import Recovery
from poise.run_folder.checkpoints import DamagedError
from poise.run_folder.tensors_folder import damage_reported, read_tensors_folder, write_tensors_folder

FORMAT = 1
NAME = "inversion"


def save_inversion(folder: Path, inversion: Inversion, *, step: int = 0) -> None:
    """Write an inversion into a folder of tensors and JSON, whole or not at all; nothing is pickled.

    `inversion.safetensors` holds `points`, `condition` and `detail` if there are such, and `targets` and
    `results` as bytes; `inversion.json` the hash of the generator's weights, the space, the names, the
    measures and the search.
    """
    tensors = {"points": inversion.points.contiguous()}
    for name in ("condition", "detail"):
        if (value := getattr(inversion, name)) is not None:
            tensors[name] = value.contiguous()
    for name in ("targets", "results"):
        tensors[name] = torch.from_numpy(to_pixels(getattr(inversion, name), Pixels()))
    measures = {
        name: None if (value := getattr(inversion, name)) is None else value.double().tolist()
        for name in MEASURES
    }
    description = {
        "format": FORMAT,
        "generator": inversion.generator,
        "space": inversion.space,
        "names": list(inversion.names),
        "keys": list(inversion.keys),
        "measures": measures,
        "recovery": None if inversion.recovery is None else vars(inversion.recovery),
        "search": inversion.search,
        "layer": inversion.layer,
        "notices": list(inversion.notices),
    }
    write_tensors_folder(folder, NAME, tensors, {NAME: description}, step)


def read_inversion(folder: Path) -> Inversion:
    """The inversion that a folder holds.

    Raises:
        PoiseError: It holds none, or it is damaged.
    """
    again = "find the pictures again: poise invert RUN PICTURES"
    none = PoiseError(
        f"There are no inverted pictures in '{folder}'", code="generator.no-inversion", hint=again
    )

    def damaged(why: str) -> PoiseError:
        what = f"The inverted pictures in '{folder}' cannot be read"
        return PoiseError(what, code="generator.damaged-inversion", why=why, hint=again)

    with damage_reported(folder, none=none, damaged=damaged):
        found = read_tensors_folder(folder, f"{NAME}.safetensors", f"{NAME}.json")
        about, tensors = found.objects[NAME], found.tensors
        if about["format"] != FORMAT:
            raise DamagedError(f"its format is {about['format']}")
        tried = about["recovery"]
        # an inversion without detail may have been written before there was any
        written = {"plain_psnr": about["measures"]["psnr"], **about["measures"]}
        measures = {
            name: None if value is None else torch.tensor(value, dtype=torch.float64)
            for name, value in written.items()
        }
        return Inversion(
            generator=about["generator"],
            space=about["space"],
            names=tuple(about["names"]),
            keys=tuple(about["keys"]),
            points=tensors["points"],
            condition=tensors.get("condition"),
            targets=Pixels().encode(tensors["targets"]),
            results=Pixels().encode(tensors["results"]),
            recovery=None if tried is None else Recovery(**{**tried, "interval": tuple(tried["interval"])}),
            search=about["search"],
            layer=about.get("layer", ""),
            detail=tensors.get("detail"),
            notices=tuple(about["notices"]),
            **measures,  # type: ignore[arg-type]  # by their names
        )


def earlier_inversion(folder: Path) -> Inversion | None:
    """The inversion that a folder holds; `None` if there is none that can be read."""
    with suppress(PoiseError):
        return read_inversion(folder)
    return None
