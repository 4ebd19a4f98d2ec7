"""The run folder: the only reader and writer of a run on disk."""

from poise.run_folder.checkpoints import Checkpoint, DamagedError, Restored, step_name
from poise.run_folder.folder import RunFolder
from poise.run_folder.games import (
    game_folders,
    one_run,
    read_games,
    write_games,
)
from poise.run_folder.places import new_run_path, refuse_existing
from poise.run_folder.tensors_folder import FORMAT

__all__ = [
    "FORMAT",
    "Checkpoint",
    "DamagedError",
    "Restored",
    "RunFolder",
    "game_folders",
    "new_run_path",
    "one_run",
    "read_games",
    "refuse_existing",
    "step_name",
    "write_games",
]
