"""A small study, planned and finished."""

import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from poise.studies.asking import Request
from poise.studies.folder import StudyFolder
from poise.studies.preparing import prepare
from poise.studies.running import work

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


BRIEF: dict[str, Any] = {"budget": "400-images", "settings": NETWORKS | {"batch_size": 4}}
"""As few updates as there may be, for studies of which only the course matters."""


@cache
def whole() -> StudyFolder:
    """A study that was never interrupted; made once."""
    return finished(Path(tempfile.mkdtemp()) / "whole", **BRIEF)
