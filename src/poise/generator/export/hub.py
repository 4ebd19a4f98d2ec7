"""A folder for the Hugging Face Hub: weights, how to build the network, and a card; no discriminator."""

from __future__ import annotations

import json
from pathlib import Path

from poise.errors import PoiseError
from poise.generator.export.card import NOT_GIVEN, Checks, card_of, checked
from poise.generator.export.target import Exported, ExportTarget, Subject
from poise.run_folder.files import write_whole
from poise.run_folder.tensors_folder import write_tensors_folder
from poise.tasks import GIVEN
from poise.version import VERSION

CARD = "README.md"
OURS = {CARD, "generator.json", "generator.safetensors", "manifest.json", ".gitattributes"}


def write_hub(
    subject: Subject, path: Path, *, license: str = "", rights: str = "", check: bool = True, seed: int = 0
) -> Exported:
    """Write the folder that `Generator.from_pretrained` opens.

    Args:
        subject: The generator.
        path: The folder; one that holds anything else is refused.
        license: Of the weights, as the hub names it: `"cc-by-4.0"`.
        rights: In the data, in your words.
        check: Whether copies and membership are measured.
        seed: Of the samples that are measured.

    Raises:
        PoiseError: The generator is a module of yours, or the folder holds other things.
    """
    generator = subject.generator
    part = generator.description.get("network") or {}
    if part.get("name") == GIVEN:
        what = "This generator is your own module, which nobody else can build from this folder"
        hint = "export it as a program: --to pt2 or --to onnx"
        raise PoiseError(what, code="export.own-module", hint=hint)
    _refuse_strangers(path)
    checks = checked(subject, seed=seed) if check else Checks(why_not="it was not asked for")
    description = {**generator.description, "made_by": f"Poise {VERSION}", "checks": checks.to_json()}
    card = card_of(subject, checks, license=license, rights=rights)
    step = int(generator.description.get("step", 0))
    objects = {"generator": json.loads(json.dumps(description))}
    write_tensors_folder(path, "generator", generator.module.state_dict(), objects, step)
    # Not in the manifest, so that people can go on writing it.
    write_whole(path / CARD, card.encode())
    facts = {"license": license or None, "rights": rights or None, **checks.to_json()}
    return Exported((path,), facts, tuple(_lines(license, rights, checks.why_not)))


def _lines(license: str, rights: str, why_not: str) -> list[str]:
    lines = [f"a card, {CARD}: look at it before you publish it"]
    for option, given, what in (("license", license, "licence"), ("rights", rights, "rights in the data")):
        if not given:
            lines.append(f"the {what}: {NOT_GIVEN}; say it with --{option}")
    if why_not:
        lines.append(f"copies and membership were not measured: {why_not}")
    return lines


def _refuse_strangers(path: Path) -> None:
    if path.exists() and not path.is_dir():
        what, hint = f"'{path}' is a file, not a folder", "name a folder with --out"
        raise PoiseError(what, code="export.not-a-folder", hint=hint)
    there = {one.name for one in path.iterdir()} if path.is_dir() else set()
    if strangers := sorted(there - OURS):
        what = f"The folder '{path}' holds other things, such as '{strangers[0]}'"
        hint = "name a new or an empty folder with --out"
        raise PoiseError(what, code="export.folder-not-ours", hint=hint)


HUB = ExportTarget(
    name="hub",
    write=write_hub,
    summary="A folder for the Hugging Face Hub, with a card; poise.Generator.from_pretrained opens it.",
)
