"""Many games in one folder: which they are, and the run of each.

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
from typing import Any

from poise.errors import PoiseError
from poise.run_folder.folder import RunFolder


def write_games(parent: RunFolder, games: Sequence[Mapping[str, Any]]) -> None:
    """Write the games, each as `{"run": folder, "seed": seed, "settings": {path: value}, "recipe": ...}`."""
    parent.write_json("games", {"games": [dict(game) for game in games]})


def read_games(parent: RunFolder) -> list[dict[str, Any]]:
    """The games, as they were written.

    Raises:
        PoiseError: The file is damaged.
    """
    rows = parent.read_json("games").get("games")
    wanted = {"run", "seed", "settings", "recipe"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and wanted <= set(row) for row in rows):
        what, hint = f"'{parent.path}/games.json' names no games", "restore it from a copy"
        raise PoiseError(what, code="run-folder.damaged-file", hint=hint)
    return rows


def one_run(path: Path | str) -> RunFolder:
    """Open the folder of a single run, or that of a generator alone.

    Raises:
        PoiseError: There is none, or it holds many games.
    """
    alone = RunFolder(path)
    run = alone if alone.is_generator else RunFolder.open(path)
    if run.is_many:
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
