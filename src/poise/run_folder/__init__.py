"""The run folder: the only reader and writer of a run on disk."""

from poise.run_folder.checkpoints import Checkpoint, Restored, step_name
from poise.run_folder.folder import Makes, RunFolder, makes, new_run_path, refuse_existing
from poise.run_folder.games import game_folders, is_many, one_run, read_games, write_games
from poise.run_folder.tensors_file import DamagedError
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
