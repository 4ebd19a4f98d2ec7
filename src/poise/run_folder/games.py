"""What a folder holds: a run, or many games, and what their generators make; and where a new one goes.

Many games are a folder with what they share, and the run folder of each below it:

PARENT/
  games.json                 the games: folder, seed, settings of the grid, recipe
  recipe.json  environment.json  data.json  status.json  lock  history.jsonl (medians over the games)
  checkpoints/               the stacked state of all games
  seed-0/  seed-1/  ...      a run each: history, metrics and, once a session ends, state and generator
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from poise.errors import PoiseError
from poise.run_folder.folder import RunFolder
from poise.spec import condition_kind

GAMES_FILE = "games"

# What a generator makes: samples of noise, images of images, the tags of an image, or waves of recordings
Makes = Literal["samples", "images", "tags", "waves"]


def is_many(path: Path | str) -> bool:
    """Whether a folder holds many games, and not one run."""
    return (Path(path) / f"{GAMES_FILE}.json").is_file()


def write_games(parent: RunFolder, games: Sequence[Mapping[str, Any]]) -> None:
    """Write the games, each as `{"run": folder, "seed": seed, "settings": {path: value}, "recipe": ...}`."""
    parent.write_json(GAMES_FILE, {"games": [dict(game) for game in games]})


def read_games(parent: RunFolder) -> list[dict[str, Any]]:
    """The games, as they were written.

    Raises:
        PoiseError: The file is damaged.
    """
    rows = parent.read_json(GAMES_FILE).get("games")
    wanted = {"run", "seed", "settings", "recipe"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and wanted <= set(row) for row in rows):
        what, hint = f"'{parent.path}/{GAMES_FILE}.json' names no games", "restore it from a copy"
        raise PoiseError(what, code="run-folder.damaged-file", hint=hint)
    return rows


def one_run(path: Path | str) -> RunFolder:
    """Open the folder of a single run, or that of a generator alone.

    Raises:
        PoiseError: There is none, or it holds many games.
    """
    alone = RunFolder(path)
    run = alone if alone.is_generator else RunFolder.open(path)
    if is_many(run.path):
        first = read_games(run)[0]["run"]
        what, hint = f"'{path}' holds many games", f"name one of them: {Path(path) / first}"
        raise PoiseError(what, code="run-folder.many-games", hint=hint)
    return run


def game_folders(path: Path | str) -> list[RunFolder]:
    """The run folders of many games, in their order.

    Raises:
        PoiseError: There are none.
    """
    parent = RunFolder.open(path)
    return [RunFolder.open(parent.path / str(row["run"])) for row in read_games(parent)]


def new_run_path(data: str, recipe: str, *, below: Path | str = "runs") -> Path:
    """A folder for a new run that does not exist yet: `runs/digits-non-saturating`, then `...-2`."""
    stem = "-".join([Path(data).stem or "data", *recipe.split("/")])
    name = "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in stem).strip("-.")
    first = Path(below) / (name or "run")
    numbered = (Path(below) / f"{first.name}-{number}" for number in range(2, 10_000))
    return first if not first.exists() else next(path for path in numbered if not path.exists())


def makes(data: Mapping[str, Any]) -> Makes:
    """What a run's generator makes.

    Example:
        >>> makes({"condition": None}), makes({"condition": {"kind": "image"}})
        ('samples', 'images')
    """
    condition = data.get("condition") or {}
    if condition_kind(condition).images:
        return "images"
    if condition_kind(condition).sounds:
        return "waves"
    return "tags" if "tags" in condition else "samples"
