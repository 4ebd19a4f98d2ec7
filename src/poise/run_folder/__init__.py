"""The run folder: the only reader and writer of a run on disk."""

from poise.run_folder.checkpoints import Checkpoint, DamagedError, Restored, step_name
from poise.run_folder.folder import RunFolder, refuse_existing
from poise.run_folder.games import (
    Makes,
    game_folders,
    is_many,
    makes,
    new_run_path,
    one_run,
    read_games,
    write_games,
)
from poise.run_folder.tensors_folder import FORMAT

__all__ = [
    "FORMAT",
    "Checkpoint",
    "DamagedError",
    "Makes",
    "Restored",
    "RunFolder",
    "game_folders",
    "is_many",
    "makes",
    "new_run_path",
    "one_run",
    "read_games",
    "refuse_existing",
    "step_name",
    "write_games",
]
