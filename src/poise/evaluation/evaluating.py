"""Evaluate a run or samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.data import default_cache, kind_of
from poise.errors import PoiseError
from poise.evaluation.choosing import extractor_for, metric_named
from poise.evaluation.recording import Evaluation, record
from poise.evaluation.subjects import (
    Notify,
    Progress,
    Subject,
    Which,
    as_measured,
    opened,
    own_data,
    with_labels,
)
from poise.evaluation.translations import evaluate_translations, translates
from poise.metrics import METRICS, Metric, Result
from poise.metrics import evaluate as measure
from poise.metrics.features import ClassifierExtractor, Extractor
from poise.metrics.table import default_metrics
from poise.randomness import numpy_stream
from poise.training.held_out import split

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
    resolution: int | None = None,
    cache: Path | None = None,
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
        resolution: Pixels a side, if neither samples nor data determine them.
        cache: A folder for features and weights; by default that of the data.
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
    tell = telling or (lambda words: None)
    named = tuple(dict.fromkeys(map(metric_named, metrics or ())))
    subject, reference = opened(run_or_samples, against, checkpoint, resolution, seed, progress)
    reference = with_labels(reference, labels, label_column)
    most, place = samples or MOST, cache or default_cache()
    made = _extractor(features, reference, place)
    if translates(subject):
        if against is not None:
            raise PoiseError(
                f"'{subject.name}' translates images, and is measured on those that it held out",
                code="evaluation.translations-have-targets",
                why="other images have no targets",
                hint="leave --against out",
            )
        tell("translating what was held out")
        found = evaluate_translations(subject, reference, named, made, most=most, seed=seed)
    else:
        suiting = kind_of(reference).metrics if reference.modes is None else default_metrics("mixture")
        chosen = [METRICS[name] for name in named or suiting]
        assert reference.count is not None
        count = min(most, reference.count if subject.count is None else subject.count)
        tell(f"drawing {count:,} samples")
        real, fake = (
            reference.encoded(side.draw(size, seed))
            for side, size in ((reference, min(most, reference.count)), (subject, count))
        )
        shared: dict[str, Any] = {"extractor": made, "seed": seed, "cache": place, "telling": tell}
        results = _against_reference(chosen, real, fake, subject, reference, shared)
        pairs = None
        for metric in chosen:
            if "latent" in metric.needs:
                results[metric.name] = _of_generator(metric, subject, seed)
            elif "train" in metric.needs:
                train, held_out = training_data(subject, reference, real, seed, progress)
                (copied,) = measure(train, fake, metrics=[metric.name], held_out=held_out, **shared)
                results[metric.name], pairs = copied, nearest_pairs(copied, fake, train)
        found = Evaluation(
            name=subject.name,
            against=reference.name,
            step=subject.step,
            results=tuple(_prepared(results[metric.name], metric, reference) for metric in chosen),
            run=subject.run.path if subject.run else None,
            pairs=pairs,
        )
    found = replace(found, notices=_notices(subject, reference))
    return found if subject.run is None else record(found, subject.run)


def _extractor(features: Any, reference: Subject, cache: Path) -> Extractor:
    trained = isinstance(features, str) and features == "classifier"
    assert reference.count is not None
    rows = reference.draw(reference.count if trained else min(2, reference.count), 0)
    return extractor_for(features, kind_of(reference), reference.encoded(rows), reference.labels, cache)


def _against_reference(
    chosen: Sequence[Metric],
    real: Tensor,
    fake: Tensor,
    subject: Subject,
    reference: Subject,
    shared: dict[str, Any],
) -> dict[str, Result]:
    """The results of the metrics that measure fakes against the reference, by name."""
    between = [metric for metric in chosen if not {"train", "latent"} & set(metric.needs)]
    needs = {need for metric in between for need in metric.needs}
    more: dict[str, Any] = {}
    if "centres" in needs:
        if reference.modes is None:
            raise PoiseError(
                f"The modes of '{reference.name}' are not known",
                code="evaluation.modes-not-known",
                hint="leave 'mode-statistics' out; it is for the mixtures ring and grid",
            )
        more = {"centres": reference.modes.centres, "standard_deviation": reference.modes.standard_deviation}
    if "probabilities" in needs and not isinstance(shared["extractor"], ClassifierExtractor):
        raise PoiseError(
            "The inception score needs class probabilities",
            code="evaluation.no-probabilities",
            hint="add --features classifier",
        )
    if "real_labels" in needs:
        more |= _labels(subject, reference, len(real), len(fake), shared["seed"])
    names = [metric.name for metric in between]
    return {one.metric: one for one in measure(real, fake, metrics=names, **more, **shared)} if names else {}


def _labels(subject: Subject, reference: Subject, reals: int, fakes: int, seed: int) -> dict[str, Any]:
    """The classes of both sides."""
    found = {"real_labels": reference.classes(reals, seed), "fake_labels": subject.classes(fakes, seed)}
    for side, labels in zip((reference, subject), found.values(), strict=True):
        if labels is None:
            raise PoiseError(
                f"The classifier accuracy score needs the class of each sample, and '{side.name}' has none",
                code="evaluation.no-classes",
                hint="take a conditional run on labelled data, or call "
                "poise.metrics.classifier_accuracy_score with both sides' labels",
            )
    if subject.label_names != reference.label_names:
        made, there = (_few(side.label_names) for side in (subject, reference))
        raise PoiseError(
            f"The classes of '{subject.name}' are {made}, and those of '{reference.name}' {there}",
            code="evaluation.different-classes",
            hint="measure against data with the same classes",
        )
    return found


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names[:6]) + (f" and {len(names) - 6} more" if names[6:] else "")


def _of_generator(metric: Metric, subject: Subject, seed: int) -> Result:
    """The result of a metric of a generator and its latents."""
    generator = subject.generator
    if generator is None:
        raise PoiseError(
            "The latent path length is of a generator, and these are samples",
            code="evaluation.no-generator",
            hint=f"name a run, or leave '{metric.name}' out",
        )

    def made(latents: Tensor) -> Tensor:
        return generator(latents, generator.conditions(len(latents), seed=seed))

    def latent(count: int, stream: torch.Generator) -> Tensor:
        drawn = int(torch.randint(2**31, (1,), generator=stream))
        return generator.latents(count, seed=drawn)

    normal = generator.latent.distribution == "normal"
    return metric.measure(made, latent, interpolation="spherical" if normal else "linear", seed=seed)


def _prepared(result: Result, metric: Metric, reference: Subject) -> Result:
    """The result with what was done to the samples of both sides, unless it measures none of these."""
    if {"centres", "latent"} & set(metric.needs):
        return result
    assert reference.dataset is not None
    prepared = kind_of(reference).preparation(reference.shape, reference.dataset.transform)
    return replace(result, preparation="; ".join(filter(None, (prepared, result.preparation))))


def _notices(subject: Subject, reference: Subject) -> tuple[str, ...]:
    found = [notice for side in (reference, subject) if side.dataset for notice in side.dataset.notices]
    if subject.run is not None and reference.dataset is not None:
        same = subject.run.data.get("name") == reference.name
        drawn_alike = reference.seed == subject.run.data.get("summary", {}).get("seed")
        if same and drawn_alike and not reference.is_what_was_trained_on(subject.run):
            found.append("The data have changed since the run was trained on them.")
    return tuple(dict.fromkeys(found))


MOST_TRAINING = 20_000  # The most training samples that copies are searched among


def training_data(
    subject: Subject, reference: Subject, real: Tensor, seed: int, progress: Progress | None
) -> tuple[Tensor, Tensor | None]:
    """The samples that may have been copied, and reals that were not trained on, if there are any.

    For a run these are its training rows, and the rows that it held out; or the reference, if that is other
    data. For samples it is the reference, which is assumed to be what they were trained on. Both are encoded
    as `real`, which was drawn of the reference.
    """
    assert reference.count is not None
    run = subject.run
    own = run is not None and reference.is_what_was_trained_on(run)
    data = reference if own else None
    if run is not None and not own:
        try:
            data = own_data(run, progress=progress)
        except PoiseError:  # the training data are gone, and only the reference is left
            data = None
    if run is None or data is None or data.dataset is None:
        return reference.encoded(reference.draw(min(MOST_TRAINING, reference.count), seed)), None
    of_run = int(run.recipe.get("seed") or 0)
    rows = split(len(data.dataset), float(run.recipe.get("held_out") or 0.0), of_run)
    trained = rows.training
    if len(trained) > MOST_TRAINING:
        trained = np.sort(numpy_stream(of_run, 0, "evaluated rows").permutation(trained)[:MOST_TRAINING])
    learned = reference.encoded(as_measured(data.dataset, trained))
    if not own:
        return learned, real
    if not len(rows.held_out):
        return learned, None
    return learned, reference.encoded(as_measured(data.dataset, rows.held_out))


def nearest_pairs(result: Result, fake: Tensor, train: Tensor) -> Tensor | None:
    """Each of the nearest fakes before its nearest training image; `None` if they are not images."""
    if fake.dim() != 4:
        return None
    found = result.details["nearest_pairs"]
    return torch.stack([image for _, one, other in found for image in (fake[one], train[other])])
