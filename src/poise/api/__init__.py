"""The public face: what `import poise` offers."""

from poise.api.runs import Run, Runs, open_run, open_runs
from poise.api.sessions import resume, train
from poise.api.studies import Study, open_study, study
from poise.data import Domains, Files, Labelled, Pairs
from poise.diagnosis import Monitor
from poise.evaluation import Evaluation, evaluate
from poise.generator import Generator
from poise.metrics import DensityRatio, density_ratio

__all__ = [
    "DensityRatio",
    "Domains",
    "Evaluation",
    "Files",
    "Generator",
    "Labelled",
    "Monitor",
    "Pairs",
    "Run",
    "Runs",
    "Study",
    "density_ratio",
    "evaluate",
    "open_run",
    "open_runs",
    "open_study",
    "resume",
    "study",
    "train",
]
