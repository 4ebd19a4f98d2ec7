"""Evaluate a run or samples as the user asks: metrics, features, a checkpoint, or what suits the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poise.data import KINDS, Dataset, default_cache, kind_of, labelled
from poise.devices import pick_device
from poise.errors import PoiseError
from poise.evaluation.measuring import Asked, evaluate_samples, evaluate_translations
from poise.evaluation.recording import Evaluation, record
from poise.evaluation.subjects import (
    Notify,
    Progress,
    Subject,
    Which,
    comparable,
    drawn,
    opened,
    was_trained_on,
)
from poise.evaluation.vocoding import evaluate_vocoder
from poise.metrics import METRICS
from poise.metrics.features import EXTRACTORS, Extractor, as_extractor, placed
from poise.metrics.table import default_metrics
from poise.spec import Resolution, condition_kind

CPU = torch.device("cpu")
MOST = 5_000  # Samples of each side if the user does not say


def evaluate(
    run_or_samples: Any,
    against: Any = None,
    *,
    metrics: Sequence[str] | None = None,
    features: Any = None,
    samples: int | None = None,
    seed: int = 0,
    labels: Any = None,
    label_column: str | None = None,
    checkpoint: Which = "newest",
    resolution: Resolution | str | None = None,
    cache: Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    telling: Notify | None = None,
) -> Evaluation:
    """Measure the generator of a run, or samples from anywhere.

    The results of a run are also appended to its `metrics.jsonl` and shown in its report.

    Args:
        run_or_samples: A run or its folder; or samples: a folder or zip of images, a `.npy` or `.npz` file,
            an array or a tensor.
        against: What to measure against, data or samples alike; by default the training data of the run.
            With other data, these also serve to tell copies of the training data from other samples.
        metrics: Names out of `poise.metrics.METRICS`; by default a set that suits the kind of data.
        features: A name out of `poise.metrics.features.EXTRACTORS`, an extractor, a network or a function.
        samples: The most of each side, at least 10; by default 5,000.
        seed: Draws latents, rows and half-samples.
        labels: Classes of the data to measure against, as `poise.Labelled` takes them: a CSV file, one a
            row, or a mapping from file to label; not needed if the data came with labels.
        label_column: The file's column of labels, if it has more than two columns.
        checkpoint: Which generator of the run: `"newest"`, `"best"`, or the step of a checkpoint.
        resolution: Pixels a side, height and width, or "64x48", if neither samples nor data determine it.
        cache: A folder for features and weights; by default that of the data.
        device: Where samples and features are made; `"auto"` takes CUDA if it is there.
        progress: Called with `(done, total)` while images are read.
        telling: Called with what comes next, in words.

    Returns:
        The results, each with its interval, its floor and its protocol.

    Raises:
        PoiseError: There is nothing to measure against, the two do not fit, an unknown metric or features,
            too few samples, or whatever a metric refuses.

    Example:
        >>> import poise
        >>> print(poise.evaluate("runs/demo", metrics=["frechet-distance"]))  # doctest: +SKIP
    """
    if samples is not None and samples < 10:
        raise PoiseError(
            f"{samples} samples are too few to measure",
            code="evaluation.too-few-samples",
            hint="give 10 or more",
        )
    if seed < 0:
        raise PoiseError(f"The seed cannot be {seed}", code="evaluation.negative-seed", hint="give 0 or more")
    if labels is None and label_column is not None:
        raise PoiseError(
            f"There is no file with the column '{label_column}'",
            code="evaluation.column-without-file",
            hint="name it: --labels FILE.csv",
        )
    named = tuple(dict.fromkeys(map(metric_named, metrics or ())))
    where = pick_device(device, float64=True)
    subject, reference = opened(run_or_samples, against, checkpoint, resolution, seed, progress, where)
    if labels is not None:
        reference = labelled(reference, labels, label_column)
    place = cache or default_cache()
    extractor = extractor_for(features, reference, place, where)
    asked = Asked(subject, reference, named, extractor, samples or MOST, seed, place, progress, telling)
    generator = subject.generator
    of_sounds = generator is not None and condition_kind(generator.condition).sounds
    if generator is None or not (of_sounds or generator.directions):
        found = evaluate_samples(asked)
    elif against is None and of_sounds:
        found = evaluate_vocoder(asked)
    elif against is None:
        found = evaluate_translations(asked)
    else:
        raise PoiseError(
            f"'{subject.name}' is measured on what it held out of its own data",
            code="evaluation.translations-have-targets",
            why="others have no targets",
            hint="leave --against out",
        )
    found = replace(found, notices=_notices(subject, reference))
    return found if subject.run is None else record(found, subject.run)


def _notices(subject: Subject, reference: Dataset) -> tuple[str, ...]:
    found = [*reference.notices, *(subject.samples.notices if subject.samples else ())]
    if subject.run is not None:
        recorded = subject.run.data
        same = recorded.get("name") == reference.name
        drawn_alike = reference.summary.get("seed") == recorded.get("summary", {}).get("seed")
        if same and drawn_alike and not was_trained_on(subject.run, reference):
            found.append("The data have changed since the run was trained on them.")
    return tuple(dict.fromkeys(found))


def metric_named(written: str) -> str:
    """The metric of that name, or with a number of that name."""
    number = written.replace("-", "_")
    for metric in METRICS.values():
        if isinstance(metric.lower_is_better, Mapping) and number in metric.lower_is_better:
            return metric.name
    return METRICS.named(written.replace("_", "-")).name


def metrics_for(data: Mapping[str, Any]) -> tuple[str, ...]:
    """The metrics that suit a run's data, by the record in its `data.json`."""
    sides = data.get("summary", {}).get("origin")
    if sides in ("pairs", "domains"):
        return default_metrics(sides)
    if condition_kind(data.get("condition")).sounds:
        return default_metrics("vocoder")
    known = data.get("origin", {}).get("kind") == "built-in" and data.get("name") in ("ring", "grid")
    return default_metrics("mixture") if known else kind_of(data).metrics


def extractor_for(features: Any, data: Dataset, cache: Path, device: torch.device = CPU) -> Extractor:
    """The extractor that the user means: a name, an extractor, a network, a function, or `None`.

    A network of the user stays where it is; one by its name is put on the device.
    """
    if features is not None and not isinstance(features, str):
        return as_extractor(features)
    of = kind_of(data)
    kind = EXTRACTORS.named(of.features if features is None else features)
    if not kind.serves(of.name) and kind.name != of.features:
        fit = ", ".join(f"'{other.name}'" for other in EXTRACTORS.values() if other.serves(of.name))
        takes = " and ".join(KINDS[name].plural for name in kind.takes)
        raise PoiseError(
            f"The features '{kind.name}' are of {takes}, and these samples are {of.plural}",
            code="evaluation.features-unfit",
            hint=f"choose one of {fit}",
        )
    if "channels" in kind.needs:
        return placed(kind.build(data.shape[0]), device)
    if "labels" in kind.needs:
        if data.labels is None:
            raise PoiseError(
                f"The features '{kind.name}' are trained on labels, and the data came without",
                code="evaluation.no-labels",
                hint="give them: --labels FILE.csv, or choose other features",
            )
        samples = comparable(drawn(data, len(data), 0), data)
        labels = torch.as_tensor(np.asarray(data.labels))
        return placed(kind.build(samples, labels, cache=cache), device)
    return placed(kind.build(cache=cache) if "cache" in kind.needs else kind.build(), device)


def which_of(written: str) -> Which:
    """A checkpoint by its name or step, as the command line takes it."""
    named: dict[str, Which] = {"newest": "newest", "best": "best"}
    if written in named or written.isdecimal():
        return named[written] if written in named else int(written)
    raise PoiseError(
        f"There is no checkpoint '{written}'",
        code="evaluation.no-checkpoint",
        hint="say newest, best, or a step: 2000",
    )
