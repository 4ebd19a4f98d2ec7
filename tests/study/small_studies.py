"""A small study, planned and finished."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from poise.studies.asking import Request
from poise.studies.folder import StudyFolder
from poise.studies.preparing import prepare
from poise.studies.running import work
from poise.studies.space import Space

NETWORKS = {
    "generator": "mlp",
    "discriminator": "mlp",
    "generator.width": 8,
    "discriminator.width": 8,
    "batch_size": 16,
}


def small(**changes: Any) -> Request:
    """A study of points in the plane that takes seconds."""
    asked: dict[str, Any] = {
        "data": "ring",
        "recipes": ("lucic/non-saturating", "lucic/wasserstein"),
        "space": "wide",
        "budget": "2k-images",
        "trials": 3,
        "seeds": 2,
        "shortlist": 2,
        "stack": 1,
        "evaluations": 2,
        "device": "cpu",
        "settings": NETWORKS,
    }
    return Request(**{**asked, **changes})


def finished(path: Path, **changes: Any) -> StudyFolder:
    """The study, trained in this process."""
    folder = StudyFolder(path)
    prepare(small(**changes), folder)
    assert work(folder, lambda sentence: None, on_unit=lambda: None) == 0
    return folder


QUICK = Space.model_validate({
    "name": "quick",
    "settings": [
        {
            "paths": ["optimisers.discriminator.learning_rate", "optimisers.generator.learning_rate"],
            "draw": "log", "low": 1e-5, "high": 1e-2,
        },
        {
            "paths": ["optimisers.discriminator.beta1", "optimisers.generator.beta1"],
            "draw": "uniform", "low": 0.0, "high": 1.0,
        },
        {"paths": ["dynamics.discriminator_steps"], "draw": "choice", "values": [1, 2]},
    ],
})  # fmt: skip
"""The wide space, with two updates of the discriminator where that has five."""


BRIEF: dict[str, Any] = {
    "budget": "160-images",
    "space": QUICK,
    "settings": NETWORKS | {"batch_size": 4, "dynamics.discriminator_steps": 2},
}
"""As few updates as there may be, for studies of which only the course matters."""


FOUR: dict[str, Any] = {**BRIEF, "recipes": ("lucic/wasserstein",), "trials": 2, "shortlist": 1}
"""Four trials: two are searched with, and the better one is confirmed with two seeds."""


@cache
def whole() -> StudyFolder:
    """A brief study that was never interrupted; made once."""
    return finished(Path(tempfile.mkdtemp()) / "whole", **BRIEF)


@cache
def four() -> StudyFolder:
    """Four trials that were never interrupted; made once."""
    return finished(Path(tempfile.mkdtemp()) / "four", **FOUR)


def results_of(folder: StudyFolder) -> dict[str, dict[str, Any]]:
    """What its trials came to, but for what depends on the clock, as what a doctor finds does."""
    return {
        name: {key: value for key, value in one.items() if key not in ("seconds", "findings")}
        for name, one in folder.results().items()
    }
