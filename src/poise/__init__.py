"""Poise trains generative adversarial networks and says by name what goes wrong while it goes wrong.

import poise

run = poise.train("digits", steps=2000)
run.sample(64, seed=1)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from poise.version import VERSION

if TYPE_CHECKING:
    from poise.api import Run, Runs, Study, open_run, open_runs, open_study, resume, study, train
    from poise.data import Domains, Files, Labelled, Pairs
    from poise.diagnosis import Monitor
    from poise.errors import PoiseError
    from poise.evaluation import Evaluation, evaluate
    from poise.extension import use
    from poise.generator import Generator
    from poise.metrics import DensityRatio, density_ratio
    from poise.recipes import RECIPES, Recipe

__version__ = VERSION

# Looked up on first use: `import poise` comes up without torch, and a generator without the trainer.
_HOMES = {
    "DensityRatio": "poise.metrics",
    "Domains": "poise.data",
    "Files": "poise.data",
    "Evaluation": "poise.evaluation",
    "Generator": "poise.generator",
    "Labelled": "poise.data",
    "Monitor": "poise.diagnosis",
    "Pairs": "poise.data",
    "PoiseError": "poise.errors",
    "RECIPES": "poise.recipes",
    "Recipe": "poise.recipes",
    "Run": "poise.api",
    "Runs": "poise.api",
    "Study": "poise.api",
    "density_ratio": "poise.metrics",
    "evaluate": "poise.evaluation",
    "open_run": "poise.api",
    "open_runs": "poise.api",
    "open_study": "poise.api",
    "resume": "poise.api",
    "study": "poise.api",
    "train": "poise.api",
    "use": "poise.extension",
}

__all__ = [
    "RECIPES",
    "DensityRatio",
    "Domains",
    "Evaluation",
    "Files",
    "Generator",
    "Labelled",
    "Monitor",
    "Pairs",
    "PoiseError",
    "Recipe",
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
    "use",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'poise' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
