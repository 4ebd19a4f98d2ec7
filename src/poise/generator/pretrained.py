"""A generator from a folder or from the Hugging Face Hub."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from poise.errors import PoiseError
from poise.run_folder import RunFolder

FILES = ["generator.json", "generator.safetensors", "manifest.json", "README.md"]


def folder_of(name: Path | str, *, revision: str | None = None) -> Path:
    """The folder of a generator, which is fetched from the hub if there is no folder of that name.

    Args:
        name: A folder, or the `"user/name"` of a model on the hub.
        revision: The branch, tag or commit on the hub.

    Raises:
        PoiseError: There is no such folder, the extra is missing, or the hub does not have it.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not RunFolder(path).is_generator and not (path / "recipe.json").is_file():
            what = f"The folder '{path}' holds no generator"
            hint = "name one that poise export --to hub wrote, or a run"
            raise PoiseError(what, code="generator.not-a-generator", hint=hint)
        return path
    if isinstance(name, Path) or str(name).count("/") != 1 or str(name).startswith((".", "/", "~")):
        what = f"There is no folder '{name}'"
        hint = "name a folder, or a model of the Hugging Face Hub as user/name"
        raise PoiseError(what, code="generator.not-a-generator", hint=hint)
    if find_spec("huggingface_hub") is None:
        what = f"There is no folder '{name}', and the Hugging Face Hub needs huggingface-hub"
        hint = "install it: pip install 'poise[hub]'"
        raise PoiseError(what, code="generator.missing-extra", why="it is not installed", hint=hint)
    return _fetched(str(name), revision)


def _fetched(name: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download  # noqa: PLC0415 - an extra

    try:
        found = snapshot_download(name, revision=revision, allow_patterns=FILES)
    except Exception as error:  # its errors are many, from the network to the name
        what = f"The Hugging Face Hub gives no '{name}'"
        why = " ".join(str(error).split())[:200]
        hint = "check the name and the network, or name a folder"
        raise PoiseError(what, code="generator.not-on-the-hub", why=why, hint=hint) from None
    return Path(found)
