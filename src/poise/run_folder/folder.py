"""The run folder: the one place where training writes and everything else reads.

    recipe.json  environment.json  data.json  status.json  lock
    history.jsonl  readings.jsonl  findings.jsonl  metrics.jsonl
    samples/step-00001000.png
    checkpoints/step-00001000/   tensors.safetensors, state.json, manifest.json (sizes, SHA-256, its own too)
    checkpoints/best/            the same, of the best step by a metric
    quarantine/                  checkpoints that failed their manifest
    generator/                   generator.safetensors, generator.json, card.md
    lineage.jsonl  lineage.json  tries of remedies; in a branch, where it came from
    games.json                   above many games: which they are
    report.html

Nothing here is pickled. A checkpoint comes into being by a rename of a folder whose manifest is complete, so
a process that dies at any moment leaves either the old ones or the new one.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poise.errors import PoiseError
from poise.run_folder.checkpoints import (
    Checkpoint,
    Restored,
    checkpoint_steps,
    load_checkpoint,
    restore_newest,
    save_checkpoint,
    step_name,
)
from poise.run_folder.lines import append_line, forget_lines_after, read_lines
from poise.run_folder.lock import holder_of, locked
from poise.run_folder.place import refuse_existing, unwritable
from poise.run_folder.tensors_folder import (
    FORMAT,
    DamagedError,
    read_object,
    read_tensors,
    recover,
    verify,
    write_tensors_folder,
    write_whole,
)

if TYPE_CHECKING:
    from torch import Tensor

Status = Literal["running", "finished", "interrupted", "failed"]
Json = Mapping[str, Any]


class RunFolder:
    """A run on disk.

    Args:
        path: The folder.

    Example:
        >>> import tempfile
        >>> run = RunFolder.create(Path(tempfile.mkdtemp()) / "mine", recipe={}, environment={}, data={})
        >>> run.append("history", {"step": 1}); run.lines("history")
        [{'step': 1}]
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)

    @staticmethod
    def create(path: Path | str, *, recipe: Json, environment: Json, data: Json) -> RunFolder:
        """Make a new run folder.

        Raises:
            PoiseError: There is a run or a non-empty folder already, or the place cannot be written.
        """
        path = Path(path)
        refuse_existing(path)
        # Built beside and renamed: a process that dies here leaves no half a run in the way of the next try.
        # An empty folder that is there, perhaps the one worked in, is filled where it is.
        filled = path.is_dir()
        run = RunFolder(path if filled else path.with_name(f".partial-{path.name}"))
        try:
            if not filled:
                shutil.rmtree(run.path, ignore_errors=True)
                run.path.mkdir(parents=True)
            (run.path / "samples").mkdir()
            (run.path / "checkpoints").mkdir()
            run.write_json("environment", {"format": FORMAT, **environment})
            run.write_json("data", data)
            run.write_json("recipe", recipe)
            if not filled:
                run.path.rename(path)
        except OSError as error:
            if not filled:
                shutil.rmtree(run.path, ignore_errors=True)
            raise unwritable(path, error) from None
        return RunFolder(path)

    @staticmethod
    def open(path: Path | str) -> RunFolder:
        """Open a run that is there.

        Raises:
            PoiseError: There is none, or it is of a newer format.
        """
        run = RunFolder(path)
        if not (run.path / "recipe.json").is_file():
            raise PoiseError(
                f"'{path}' is no run: it holds no recipe.json", hint="name a folder that poise train made"
            )
        found = run.environment.get("format")
        if not isinstance(found, int) or found > FORMAT:
            raise PoiseError(
                f"The run '{path}' is of format {found}, and this version reads up to {FORMAT}",
                hint="update Poise: pip install --upgrade poise",
            )
        return run

    # What is said once -----------------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """One of the run's JSON files by its name without the ending; empty where it is not there.

        Raises:
            PoiseError: The file is damaged.
        """
        file = self.path / f"{name}.json"
        try:
            found = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            raise PoiseError(
                f"'{file}' cannot be read", why=str(error).lower(), hint="restore it from a copy"
            ) from None
        if not isinstance(found, dict):
            raise PoiseError(f"'{file}' holds no object", hint="restore it from a copy")
        return found

    def write_json(self, name: str, value: Json) -> None:
        """Write one of the run's JSON files, whole or not at all."""
        write_whole(self.path / f"{name}.json", (json.dumps(value, indent=1) + "\n").encode())

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe, every value spelled out."""
        return self.read_json("recipe")

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, device, seeds, command line."""
        return self.read_json("environment")

    @property
    def data(self) -> dict[str, Any]:
        """What the run was trained on, with its fingerprint."""
        return self.read_json("data")

    # How it stands ---------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """How the run stands; one that says it is running while nobody holds its lock was interrupted."""
        said = self.read_json("status").get("status", "interrupted")
        if said == "running" and self.holder() is None:
            return "interrupted"
        return said if said in ("running", "finished", "failed") else "interrupted"

    def set_status(self, status: Status, **more: Any) -> None:
        """Say how the run stands."""
        self.write_json("status", {"status": status, **more})

    def holder(self) -> str | None:
        """The process that trains this run now, as `pid 123 on host`; `None` where there is none."""
        return holder_of(self.path)

    def locked(self) -> AbstractContextManager[None]:
        """Hold the run for writing; the lock goes with the process, however it ends.

        Raises:
            PoiseError: Another process holds it; its pid is named.
        """
        return locked(self.path)

    # What grows ------------------------------------------------------------------------------------------

    def append(self, name: str, line: Json) -> None:
        """Add one line to `history`, `measurements`, `findings` or `metrics`, whole or not at all.

        Raises:
            OSError: It could not be written.
        """
        append_line(self._lines_of(name), line)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The lines of `history`, `measurements`, `findings` or `metrics`, without half a line."""
        return read_lines(self._lines_of(name))

    def forget_after(self, name: str, step: int) -> None:
        """Drop the lines beyond `step` and a half-written last one; a resumed run writes them anew."""
        forget_lines_after(self._lines_of(name), step)

    def _lines_of(self, name: str) -> Path:
        return self.path / f"{name}.jsonl"

    def sample_path(self, step: int) -> Path:
        """Where the picture of a step lies."""
        return self.path / "samples" / f"{step_name(step)}.png"

    def samples(self) -> list[tuple[int, Path]]:
        """The pictures by step."""
        found = (self.path / "samples").glob("step-*.png")
        return sorted((int(path.stem.removeprefix("step-")), path) for path in found)

    # Checkpoints -----------------------------------------------------------------------------------------

    def checkpoint_steps(self) -> list[int]:
        """The steps with a checkpoint, oldest first."""
        return checkpoint_steps(self.path)

    def save_checkpoint(self, checkpoint: Checkpoint, *, keep: int, best: bool = False) -> Path:
        """Save a state whole or not at all, then drop the oldest beyond `keep`.

        Raises:
            OSError: It could not be written (a full disk, say); the checkpoints before it are as they were.
        """
        return save_checkpoint(self.path, checkpoint, keep=keep, best=best)

    def load_checkpoint(self, which: int | Literal["best"]) -> Checkpoint:
        """Load the checkpoint that is named, and no other in its place.

        Raises:
            PoiseError: It is not there, or its files do not agree with its manifest.
        """
        return load_checkpoint(self.path, which)

    def restore(self) -> Restored:
        """The newest checkpoint that verifies; those that do not are moved to `quarantine/`."""
        return restore_newest(self.path)

    # The generator ---------------------------------------------------------------------------------------

    def save_generator(self, tensors: Mapping[str, Tensor], description: Json, card: str) -> None:
        """Write all that sampling needs: weights, how to build the network, and a card for people."""
        step = int(description.get("step", 0))
        extra = {"generator": description}
        write_tensors_folder(self.path / "generator", "generator", tensors, extra, step, card=card)

    def load_generator(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The generator's weights and its description.

        Raises:
            PoiseError: There is none yet, or it is damaged.
        """
        folder = self.path / "generator"
        recover(folder)
        if not (folder / "manifest.json").is_file():
            raise PoiseError(
                f"The run '{self.path}' has no generator yet",
                why="it has not saved one",
                hint=f"let it train to its first checkpoint: poise resume {self.path}",
            )
        try:
            verify(folder, "generator.safetensors", "generator.json")
            return read_tensors(folder / "generator.safetensors"), read_object(folder / "generator.json")
        except DamagedError as error:
            raise PoiseError(
                f"The generator in '{folder}' is damaged",
                why=str(error),
                hint=f"poise resume {self.path} makes it anew",
            ) from None
