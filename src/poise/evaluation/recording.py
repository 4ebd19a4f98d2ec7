"""The verb: judge, and write what was found of a run into its `metrics.jsonl`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from poise.errors import PoiseError
from poise.evaluation.judging import Evaluation, Telling, judge
from poise.evaluation.subjects import Progress, Which
from poise.metrics import Result
from poise.metrics.lines import lines_of, results_of
from poise.report import write_report
from poise.run_folder import RunFolder


def evaluate(
    run_or_samples: Any,
    against: Any = None,
    *,
    metrics: Sequence[str] | None = None,
    features: Any = None,
    samples: int | None = None,
    seed: int = 0,
    labels: Any = None,
    checkpoint: Which = "newest",
    resolution: int | None = None,
    cache: Path | None = None,
    progress: Progress | None = None,
    telling: Telling | None = None,
) -> Evaluation:
    """Judge the generator of a run, or samples that anyone made.

    What is measured of a run is also appended to its `metrics.jsonl` and shown in its report.

    Args:
        run_or_samples: A run or its folder; or samples: a folder or zip of images, a `.npy` or `.npz` file,
            an array or a tensor.
        against: What to measure against, data or samples alike; by default what the run was trained on. Data
            other than the training data also serve to tell copies of these from honest samples.
        metrics: Names out of `poise.metrics.METRICS`; by default a set that suits the kind of data.
        features: A name out of `poise.metrics.features.EXTRACTORS`, an extractor, a network or a function.
        samples: The most of each side, at least 10; 5,000 where none is given.
        seed: Draws latents, rows and half-samples.
        labels: Classes of the data, `(N,)`, for features that are trained on them; not needed where the data
            came with labels.
        checkpoint: Which generator of the run: `"newest"`, `"best"`, or the step of a checkpoint.
        resolution: Pixels a side, for samples and data of which neither says.
        cache: A folder to keep features and weights in; that of the data where none is given.
        progress: Told `(done, total)` while images are read.
        telling: Told what comes next, in words.

    Returns:
        The results, each with its interval, its floor and its protocol.

    Raises:
        PoiseError: There is nothing to measure against, the two do not fit, an unknown metric or features,
            too few samples, or whatever a metric refuses.

    Example:
        >>> import poise
        >>> print(poise.evaluate("runs/demo", metrics=["frechet-distance"]))  # doctest: +SKIP
    """
    found = judge(
        run_or_samples,
        against,
        metrics=metrics,
        features=features,
        samples=samples,
        seed=seed,
        labels=labels,
        checkpoint=checkpoint,
        resolution=resolution,
        cache=cache,
        progress=progress,
        telling=telling,
    )
    return found if found.run is None else _recorded(found, RunFolder.open(found.run))


def _recorded(found: Evaluation, run: RunFolder) -> Evaluation:
    """The evaluation after its lines are in the run; a run that is being trained is left alone."""
    holder = run.holder()
    if holder is not None:
        said = f"The run is being trained by {holder}, so the results were not written to it."
        return replace(found, notices=(*found.notices, said))
    with run.locked():
        try:
            for result in found.results:
                for line in lines_of(result, step=found.step, by="evaluate"):
                    run.append("metrics", line)
        except OSError as error:
            raise PoiseError(
                f"The results cannot be written to '{run.path}'",
                why=(error.strerror or str(error)).lower(),
                mend="make room or get the right to write there",
            ) from None
    write_report(run.path)
    return replace(found, written=run.path / "metrics.jsonl")


def recorded(run: RunFolder, step: int) -> dict[str, Result]:
    """What was evaluated of a run's generator of one step, by the digest of its protocol; newest wins."""
    return {
        result.protocol_digest: result
        for at, by, result in results_of(run.lines("metrics"))
        if at == step and by == "evaluate"
    }
