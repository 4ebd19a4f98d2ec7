"""The data of a run as its folder records them: written down, found again, compared."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from poise.data import Dataset, data_of, kind_of
from poise.errors import PoiseError
from poise.run_folder import RunFolder
from poise.training.callbacks.callback import Notify
from poise.training.planning import Data


def data_record(dataset: Dataset, origin: Mapping[str, Any]) -> dict[str, Any]:
    """What `data.json` says."""
    return {
        "name": dataset.name,
        "origin": dict(origin),
        "kind": dataset.kind,
        "shape": list(dataset.shape),
        "count": len(dataset),
        "fingerprint": dataset.fingerprint,
        "encoding": dataset.transform.to_json(),
        "condition": None if dataset.condition is None else dataset.condition.to_json(),
        "summary": dataset.summary,
        "words": kind_of(dataset).words,
        "notices": list(dataset.notices),
    }


def recorded_data_of(run: RunFolder, data: Data | None) -> Data:
    """What the run was given, to be opened again.

    Raises:
        PoiseError: The data were given in memory and are not given again.
    """
    if data is not None:
        return data
    again = data_of(run.data.get("origin", {}))
    if again is None:
        raise PoiseError(
            f"The run '{run.path}' was given its data in memory",
            code="training.data-in-memory",
            hint=f"resume it in Python: poise.resume({str(run.path)!r}, data=...)",
        )
    return again


def same_data(run: RunFolder, dataset: Dataset, *, accept: bool, notify: Notify) -> None:
    """Refuse data other than those the run began with, unless accepted; then it is recorded."""
    recorded = run.data
    if recorded.get("fingerprint") == dataset.fingerprint:
        return
    shape = list(dataset.shape)
    if recorded["shape"] != shape:
        raise PoiseError(
            f"The data '{dataset.name}' have the shape {shape}, and the run began with {recorded['shape']}",
            code="training.data-changed-shape",
            hint="give the data that it began with, or begin a new run",
        )
    if not accept:
        raise PoiseError(
            f"The data '{dataset.name}' have changed since the run began",
            code="training.data-changed",
            why=f"they held {recorded.get('count')} samples and now hold {len(dataset)}, or some differ",
            hint="restore them, or go on with --accept-changed-data",
        )
    notify(
        f"The data have changed since the run began: {recorded['count']} samples then, {len(dataset)} now."
    )
    change = {"fingerprint": recorded.get("fingerprint"), "count": recorded.get("count"), "at": time.time()}
    earlier = [*recorded.get("earlier", []), change]
    run.write_json("data", {**data_record(dataset, recorded["origin"]), "earlier": earlier})
