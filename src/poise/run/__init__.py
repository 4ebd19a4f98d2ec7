"""What people import: train, resume, and the runs on disk."""

from poise.run.runs import Run, Runs, open_run, open_runs
from poise.run.verbs import new_run_path, resume, train

__all__ = ["Run", "Runs", "new_run_path", "open_run", "open_runs", "resume", "train"]
