"""A generator of a public implementation of StyleGAN2, as a folder that Poise samples, edits and exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.generator.adopting.layouts import Described, described, layout_of
from poise.generator.adopting.pickles import read_inert
from poise.generator.adopting.records import DamagedError, Record, Stored, attributes_of, tensors_of
from poise.networks import GENERATORS
from poise.networks.stylegan2 import StyleGenerator
from poise.randomness import torch_stream
from poise.run_folder.tensors_folder import write_tensors_folder
from poise.spec import DataSpec
from poise.version import VERSION

SUFFIXES = (".pkl", ".pt", ".pth", ".ckpt", ".safetensors")
AVERAGED = ("G_ema", "g_ema", "state_dict")
"""Under which names files hold the averaged generator, the first that is there."""

MEAN_OF = 10_000
"""Latents of which the mean style is taken if the file has none."""


@dataclass(frozen=True)
class Adopted:
    """What was adopted.

    Attributes:
        path: The generator's folder.
        source: The file that it is of.
        layout: The implementation.
        shape: Of its images.
        latent_size: Of its latents.
        classes: How many; 0 for none.
        parameters: How many numbers its weights have.
        notes: What differs from the original, a sentence each.
    """

    path: Path
    source: Path
    layout: str
    shape: tuple[int, int, int]
    latent_size: int
    classes: int
    parameters: int
    notes: tuple[str, ...]


def adopt(source: Path | str, out: Path | str) -> Adopted:
    """Write the generator of a file as a folder of Poise's own; no code of the file is run.

    Args:
        source: A `.pkl` of NVlabs/stylegan2-ada-pytorch; a `.pt` or `.safetensors` with the names of that or
            of rosinality/stylegan2-pytorch; or a folder with one such file.
        out: The generator's folder, which must be new or empty.

    Raises:
        PoiseError: There is no such file, it is damaged, it names code that is not known, it holds no
            generator of StyleGAN2 with output skips, or the folder holds something.

    Example:
        >>> adopt("network.pkl", "generators/faces").layout  # doctest: +SKIP
        'NVlabs/stylegan2-ada-pytorch'
    """
    path, place = _file(Path(source).expanduser()), Path(out).expanduser()
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        what, hint = f"'{place}' is there already", "name a new folder with --out"
        raise PoiseError(what, code="import.would-overwrite", hint=hint)
    weights, notes = _weights(path)
    made = described(weights)
    module = _built(made)
    if "mean_style" not in made.weights:
        notes.append(f"the mean style was computed of {MEAN_OF:,} latents, since the file has none")
    description = _description(made, path)
    write_tensors_folder(place, "generator", module.state_dict(), {"generator": description}, 0)
    return Adopted(
        path=place,
        source=path,
        layout=layout_of(weights).name,
        shape=made.shape,
        latent_size=made.latent_size,
        classes=made.condition_size,
        parameters=sum(value.numel() for value in module.parameters()),
        notes=tuple(notes),
    )


def _file(source: Path) -> Path:
    """The file, or the only one of a folder."""
    if source.is_dir():
        found = sorted(one for one in source.iterdir() if one.suffix.lower() in SUFFIXES)
        if len(found) != 1:
            what = f"The folder '{source}' holds {len(found)} files that may be generators"
            hint = f"name one of them: {found[0]}" if found else f"name a file: {', '.join(SUFFIXES)}"
            raise PoiseError(what, code="import.which-file", hint=hint)
        return found[0]
    if not source.is_file():
        what = f"There is no file '{source}'"
        raise PoiseError(what, code="import.no-file", hint="name a .pkl, .pt or .safetensors")
    return source


def _weights(path: Path) -> tuple[dict[str, Tensor], list[str]]:
    """The weights of the averaged generator by their names in the file, and what to say of them."""
    if path.suffix.lower() == ".safetensors":
        return _safetensors(path), []
    found = read_inert(path)
    try:
        return _weights_in(found, path)
    except (DamagedError, RecursionError, TypeError, ValueError) as error:
        why = str(error) or type(error).__name__
        raise PoiseError(f"'{path}' cannot be read as a generator", code="import.damaged", why=why) from None


def _weights_in(found: Any, path: Path) -> tuple[dict[str, Tensor], list[str]]:
    notes = list[str]()
    if isinstance(found, Mapping):
        name = next((one for one in AVERAGED if one in found), None)
        mean = found.get("latent_avg")
        found = found if name is None else found[name]
        weights = tensors_of(found)
        if isinstance(mean, Stored):
            weights["latent_avg"] = mean.tensor()
    else:
        weights = tensors_of(found)
    if isinstance(found, Record):
        _check_attributes(found, notes)
    if not weights:
        what = f"'{path}' holds no generator"
        why = f"it has no weights under {', '.join(AVERAGED)}"
        raise PoiseError(what, code="import.no-generator", why=why)
    return weights, notes


def _safetensors(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError  # noqa: PLC0415 - beside the function that raises it
    from safetensors.torch import load_file  # noqa: PLC0415

    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise PoiseError(f"'{path}' cannot be read", code="import.damaged", why=str(error)) from None


def _check_attributes(record: Record, notes: list[str]) -> None:
    """Refuse what weights alone do not show, and say what is computed in another way."""
    for name, usual in (("activation", {"lrelu", "linear"}), ("architecture", {"skip"})):
        if other := attributes_of(record, name) - usual:
            what = f"The generator's {name} is '{min(map(str, other))}'"
            hint = "import one with leaky ReLU and output skips, the usual ones"
            raise PoiseError(what, code="import.other-architecture", hint=hint)
    if True in attributes_of(record, "use_fp16"):
        notes.append("its high resolutions were trained in float16 and are computed in float32 here")
    if clamps := attributes_of(record, "conv_clamp") - {None}:
        notes.append(f"features are not clamped to {min(clamps):g}, which hardly ever matters")


def _built(made: Described) -> StyleGenerator:
    """The network with these weights.

    Raises:
        PoiseError: They are not of the shapes that it has.
    """
    condition = (made.condition_size,) if made.condition_size else None
    spec = DataSpec("image", made.shape, condition=condition)
    module = GENERATORS["stylegan2"].build(spec, latent_size=made.latent_size, **made.settings)
    assert isinstance(module, StyleGenerator)
    own, missing = module.state_dict(), {"mean_style"}
    missing |= {name for name in own if name.endswith(".noise")}
    weights = {**{name: torch.zeros_like(own[name]) for name in missing}, **made.weights}
    try:
        module.load_state_dict(weights)
    except RuntimeError as error:
        what = "The weights are not of the shapes of a StyleGAN2 generator"
        why = str(error).splitlines()[-1].strip()
        raise PoiseError(what, code="import.other-architecture", why=why) from None
    if "mean_style" not in made.weights:
        latents = torch.randn(MEAN_OF, made.latent_size, generator=torch_stream(0, 0, "mean style"))
        condition_row = torch.full((MEAN_OF, max(made.condition_size, 1)), 1 / max(made.condition_size, 1))
        with torch.no_grad():
            style = module.mapping(latents, condition_row if made.condition_size else None)
            module.mean_style.copy_(style.mean(0))
    return module.eval()


def _description(made: Described, path: Path) -> dict[str, Any]:
    """What `generator.json` says."""
    classes = [str(number) for number in range(made.condition_size)]
    condition = {
        "kind": "label",
        "shape": [made.condition_size],
        "encoding": None,
        "names": classes,
        "counts": [1] * len(classes),
        "paired": True,
    }
    return {
        "format": 1,
        "game": {"name": "conditional" if classes else "noise-to-data"},
        "network": {"name": "stylegan2", **made.settings},
        "class": None,
        "shape": list(made.shape),
        "kind": "image",
        "encoding": {"name": "pixels"},
        "latent": {"size": made.latent_size, "distribution": "normal"},
        "condition": condition if classes else None,
        "data": f"not known; imported from {path.name}",
        "recipe": "imported",
        "seed": 0,
        "step": 0,
        "images_seen": 0,
        "made_by": f"Poise {VERSION}",
    }
