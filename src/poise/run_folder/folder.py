"""The run folder: training writes it and everything else reads it, through this room only.

    recipe.json  environment.json  data.json  status.json  lock
    secret.json                  of a private run: what its noise is drawn from, readable by its owner alone
    history.jsonl  readings.jsonl  findings.jsonl  metrics.jsonl
    samples/step-00001000.png
    close-look/captions.json     with a picture for each: what needs the data or the networks, for the report
    checkpoints/step-00001000/   tensors.safetensors, state.json, manifest.json (sizes, SHA-256, its own too)
    checkpoints/best/            the same, of the best step by a metric
    quarantine/                  damaged checkpoints
    generator/                   generator.safetensors, generator.json, card.md, manifest.json
    lineage.jsonl  lineage.json  remedies that were tried; in a branch, the run that it came from
    games.json                   above many games: which they are
    report.html

Nothing here is pickled. A checkpoint appears by a rename of a complete folder, so a process that dies at any
moment leaves either the old ones or the new one. Only the holder of the lock writes or repairs.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from poise.errors import PoiseError
from poise.run_folder.checkpoints import Checkpoint, DamagedError, Restored, checkpoint_of, step_name
from poise.run_folder.files import (
    append_line,
    forget_lines_after,
    from_json,
    holder_of,
    is_held_here,
    locked,
    read_lines,
    sync_folder,
    to_json,
    write_whole,
)
from poise.run_folder.places import not_a_run, refuse_existing, unwritable
from poise.run_folder.tensors_folder import (
    FORMAT,
    is_there,
    read_tensors_folder,
    remove_folder,
    repair,
    write_tensors_folder,
)

if TYPE_CHECKING:
    from torch import Tensor

    from poise.run_folder.tensors_folder import Contents

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
            PoiseError: There is a run or a folder that is not empty, or the folder cannot be written.
        """
        path = Path(path)
        refuse_existing(path)
        # Built beside and renamed: a process that dies here leaves nothing in the way of the next try.
        # An empty folder that is there, perhaps the working directory, is filled in place.
        in_place = path.is_dir()
        run = RunFolder(path if in_place else path.with_name(f".partial-{path.name}"))
        try:
            if not in_place:
                shutil.rmtree(run.path, ignore_errors=True)
                run.path.mkdir(parents=True)
            (run.path / "samples").mkdir()
            (run.path / "checkpoints").mkdir()
            run.write_json("environment", {"format": FORMAT, **environment})
            run.write_json("data", data)
            run.write_json("recipe", recipe)
            sync_folder(run.path)
            if not in_place:
                run.path.rename(path)
                run = RunFolder(path)
                sync_folder(path.parent)
        except OSError as error:
            if not in_place:
                shutil.rmtree(run.path, ignore_errors=True)
            raise unwritable(path, error) from None
        return run

    @staticmethod
    def open(path: Path | str) -> RunFolder:
        """Open a run.

        Raises:
            PoiseError: There is none, or it has a newer format.
        """
        run = RunFolder(path)
        if not (run.path / "recipe.json").is_file():
            raise not_a_run(run.path)
        found = run.environment.get("format")
        if not isinstance(found, int) or found > FORMAT:
            what = f"The run '{path}' has format {found}, and this version reads up to {FORMAT}"
            hint = "update Poise: pip install --upgrade poise"
            raise PoiseError(what, code="run-folder.newer-format", hint=hint)
        return run

    # JSON files ------------------------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """One of the run's JSON files by its name without the ending; empty if it is not there.

        Raises:
            PoiseError: The file is damaged.
        """
        file = self.path / f"{name}.json"
        why = "it does not hold an object"
        try:
            found = from_json(file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            found, why = None, str(error).lower()
        if not isinstance(found, dict):
            what, hint = f"'{file}' cannot be read", "restore it from a copy"
            raise PoiseError(what, code="run-folder.damaged-file", why=why, hint=hint)
        return found

    def write_json(self, name: str, value: Json) -> None:
        """Write one of the run's JSON files, whole or not at all."""
        write_whole(self.path / f"{name}.json", (to_json(value, indent=1) + "\n").encode())

    @property
    def recipe(self) -> dict[str, Any]:
        """The recipe with every value."""
        return self.read_json("recipe")

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, device, seeds, command line."""
        return self.read_json("environment")

    @property
    def data(self) -> dict[str, Any]:
        """The training data: their origin, shape and fingerprint."""
        return self.read_json("data")

    def write_secret(self, secret: int) -> None:
        """Write what the noise of a private run is drawn from, for its owner's eyes alone."""
        path = self.path / "secret.json"
        path.touch(mode=0o600)
        self.write_json("secret", {"secret": f"{secret:x}"})
        path.chmod(0o600)

    # Status and lock -------------------------------------------------------------------------------------

    @property
    def status(self) -> Status:
        """The status of the run; one that is `running` while no process holds its lock was interrupted."""
        found = self.read_json("status").get("status", "interrupted")
        if found == "running" and self.holder() is None:
            return "interrupted"
        return found if found in ("running", "finished", "failed") else "interrupted"

    def set_status(self, status: Status, **more: Any) -> None:
        """Write the status of the run."""
        self.write_json("status", {"status": status, **more})

    def holder(self) -> str | None:
        """The process that trains this run now, as `pid 123 on host`; `None` if there is none."""
        return holder_of(self.path)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run for writing, and repair what a process that died left; the lock goes with the process.

        Raises:
            PoiseError: Another process holds it; the message has its pid.
        """
        with locked(self.path):
            repair(self.path)
            yield

    # Lines and pictures ----------------------------------------------------------------------------------

    def append(self, name: str, line: Json) -> None:
        """Add one line to `history`, `readings`, `findings` or `metrics`, whole or not at all.

        Raises:
            OSError: It could not be written.
        """
        append_line(self._lines_of(name), line)

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The lines of `history`, `readings`, `findings` or `metrics`, without one that is incomplete."""
        return read_lines(self._lines_of(name))

    def forget_after(self, name: str, step: int) -> None:
        """Drop the lines beyond `step` and a last one that is incomplete; a resumed run writes them again."""
        forget_lines_after(self._lines_of(name), step)

    def _lines_of(self, name: str) -> Path:
        return self.path / f"{name}.jsonl"

    def sample_path(self, step: int) -> Path:
        """The path of a step's picture."""
        return self.path / "samples" / f"{step_name(step)}.png"

    def samples(self) -> list[tuple[int, Path]]:
        """The pictures by step."""
        found = (self.path / "samples").glob("step-*.png")
        return sorted((int(path.stem.removeprefix("step-")), path) for path in found)

    # Checkpoints and the generator -----------------------------------------------------------------------

    def checkpoint_steps(self) -> list[int]:
        """The steps with a checkpoint, oldest first."""
        # One listing: between two, a folder that is being replaced can leave the name that the second reads.
        places = list(self._checkpoints.iterdir()) if self._checkpoints.is_dir() else []
        found = (re.fullmatch(r"(?:\.old-)?step-(\d+)", place.name) for place in places)
        return sorted({int(match[1]) for match in found if match})

    @property
    def _checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def save_checkpoint(self, checkpoint: Checkpoint, *, keep: int, best: bool = False) -> Path:
        """Save a state whole or not at all, then remove the oldest beyond `keep`.

        Raises:
            OSError: It could not be written, for example on a full disk; the checkpoints are as they were.
        """
        folder = self._checkpoints / ("best" if best else step_name(checkpoint.step))
        state = {"state": checkpoint.state}
        write_tensors_folder(folder, "tensors", checkpoint.tensors, state, checkpoint.step)
        for step in self.checkpoint_steps()[:-keep]:
            remove_folder(self._checkpoints / step_name(step))
        return folder

    def load_checkpoint(self, which: int | Literal["best"]) -> Checkpoint:
        """Load the checkpoint that is named, and no other in its place; nothing in the folder changes.

        Raises:
            PoiseError: It is not there, or its files do not agree with its manifest.
        """
        folder = self._checkpoints / (which if isinstance(which, str) else step_name(which))
        there = ", ".join(map(str, self.checkpoint_steps())) or "none"
        missing = PoiseError(
            f"The run '{self.path}' has no checkpoint '{which}'",
            code="run-folder.no-checkpoint",
            hint=f"there are: {there}",
        )
        damaged = f"The checkpoint '{folder}' is damaged", "checkpoint", "name another, or resume without one"
        return checkpoint_of(_read(folder, ("tensors.safetensors", "state.json"), missing, damaged))

    def restore(self) -> Restored:
        """The newest sound checkpoint; damaged ones are moved to `quarantine/`.

        Raises:
            RuntimeError: This process does not hold the run's lock.
        """
        if not is_held_here(self.path):
            raise RuntimeError(f"'{self.path}' can be restored only while its lock is held")
        quarantined: list[tuple[str, str]] = []
        steps = self.checkpoint_steps()
        for step in reversed(steps):
            folder = self._checkpoints / step_name(step)
            try:
                found = read_tensors_folder(folder, "tensors.safetensors", "state.json")
                return Restored(checkpoint_of(found), quarantined, steps[-1])
            except DamagedError as error:
                quarantined.append((folder.name, str(error)))
                place = self.path / "quarantine" / folder.name
                place.parent.mkdir(exist_ok=True)
                shutil.rmtree(place, ignore_errors=True)
                folder.rename(place)
        return Restored(None, quarantined, steps[-1] if steps else 0)

    def save_generator(self, tensors: Mapping[str, Tensor], description: Json, card: str) -> None:
        """Write all that sampling needs: weights, how to build the network, and a card for people.

        Raises:
            OSError: It could not be written; the generator before is as it was.
        """
        step = int(description.get("step", 0))
        objects = {"generator": description}
        write_tensors_folder(self.path / "generator", "generator", tensors, objects, step, card=card)

    @property
    def is_many(self) -> bool:
        """Whether this holds many games, each a run below it, and not one run."""
        return (self.path / "games.json").is_file()

    @property
    def is_generator(self) -> bool:
        """Whether this is a generator's own folder, without the run that it is of."""
        return (self.path / "generator.json").is_file() and not (self.path / "recipe.json").is_file()

    def load_generator(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The generator's weights and its description; nothing in the folder changes.

        Raises:
            PoiseError: There is none yet, or it is damaged.
        """
        folder = self.path if self.is_generator else self.path / "generator"
        missing = PoiseError(
            f"The run '{self.path}' has no generator yet",
            code="run-folder.no-generator",
            why="it has not saved one",
            hint=f"let it train to its first checkpoint: poise resume {self.path}",
        )
        again = "copy it again" if self.is_generator else f"poise resume {self.path} makes it again"
        damaged = f"The generator in '{folder}' is damaged", "generator", again
        found = _read(folder, ("generator.safetensors", "generator.json"), missing, damaged)
        return found.tensors, found.objects["generator"]


def _read(
    folder: Path, needed: tuple[str, ...], missing: PoiseError, damaged: tuple[str, str, str]
) -> Contents:
    """What a folder holds; `damaged` is what to say, the end of its code, and the hint."""
    try:
        return read_tensors_folder(folder, *needed)
    except DamagedError as error:
        if not is_there(folder):
            raise missing from None
        what, code, hint = damaged
        raise PoiseError(what, code=f"run-folder.damaged-{code}", why=str(error), hint=hint) from None
