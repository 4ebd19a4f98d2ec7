"""A run or samples in, results out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.data import default_cache, kind_of
from poise.errors import PoiseError
from poise.evaluation.choosing import metric_named, suiting
from poise.evaluation.copies import nearest_pairs, training_data
from poise.evaluation.extractors import extractor_for
from poise.evaluation.opening import opened
from poise.evaluation.recording import Evaluation, record
from poise.evaluation.subjects import Progress, Subject, Telling, Which, with_labels
from poise.evaluation.translations import translates, translations
from poise.metrics import Result
from poise.metrics import evaluate as measure
from poise.metrics.features import ClassifierExtractor, Extractor
from poise.metrics.path_length import latent_path_length

MOST = 5_000
"""Samples of each side where a person does not say."""

APART = ("latent-path-length", "memorisation")
"""What is not measured between fakes and the reference."""


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
        labels: Classes of what is measured against, as `poise.Labelled` takes them: a CSV file, one a row,
            or a mapping from file to label; not needed where the data came with labels.
        label_column: The file's column of labels, where it has more than two columns.
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
    _check(samples, seed)
    tell = telling or (lambda words: None)
    named = tuple(dict.fromkeys(map(metric_named, metrics or ())))
    subject, reference = opened(run_or_samples, against, checkpoint, resolution, seed, progress)
    reference = with_labels(reference, labels, label_column)
    most, place = samples or MOST, cache or default_cache()
    made = _extractor(features, reference, place)
    if subject.run is not None and translates(subject):
        if against is not None:
            raise PoiseError(
                f"'{subject.name}' translates images, and is measured on those that it held out",
                why="other images have no targets",
                hint="leave --against out",
            )
        tell("translating what was held out")
        found = translations(subject, reference, named, made, most=most, seed=seed)
        return record(replace(found, notices=_notices(subject, reference)), subject.run)
    chosen = named or suiting(kind_of(reference), mixture=reference.modes is not None)
    assert reference.count is not None
    count = min(most, reference.count if subject.count is None else subject.count)
    tell(f"drawing {count:,} samples")
    real, fake = reference.draw(min(most, reference.count), seed), subject.draw(count, seed)
    real, fake = reference.encoded(real), reference.encoded(fake)
    facts: dict[str, Any] = {"extractor": made, "seed": seed, "cache": place, "telling": tell}
    results: dict[str, Result] = {}
    if "latent-path-length" in chosen:
        results["latent-path-length"] = _path_length(subject, seed)
    between = [name for name in chosen if name not in APART]
    if "classifier-accuracy-score" in between:
        facts |= _labels(subject, reference, len(real), len(fake), seed)
    results |= _between(between, real, fake, reference, facts)
    pairs = None
    facts = {name: value for name, value in facts.items() if not name.endswith("labels")}
    if "memorisation" in chosen:
        train, held_out = training_data(subject, reference, real, seed, progress)
        (copied,) = measure(train, fake, metrics=["memorisation"], held_out=held_out, **facts)
        results["memorisation"], pairs = copied, nearest_pairs(copied, fake, train)
    prepared = _preparation(reference)
    found = Evaluation(
        name=subject.name,
        against=reference.name,
        step=subject.step,
        results=tuple(_prepared(results[name], prepared) for name in chosen),
        notices=_notices(subject, reference),
        run=subject.run.path if subject.run else None,
        pairs=pairs,
    )
    return found if subject.run is None else record(found, subject.run)


def _check(samples: int | None, seed: int) -> None:
    if samples is not None and samples < 10:
        raise PoiseError(f"{samples} samples are too few to measure", hint="give 10 or more")
    if seed < 0:
        raise PoiseError(f"The seed cannot be {seed}", hint="give 0 or more")


def _extractor(features: Any, reference: Subject, cache: Path) -> Extractor:
    trained = isinstance(features, str) and features == "classifier"
    assert reference.count is not None
    rows = reference.draw(reference.count if trained else min(2, reference.count), 0)
    return extractor_for(features, kind_of(reference), reference.encoded(rows), reference.labels, cache)


def _between(
    names: list[str], real: Tensor, fake: Tensor, reference: Subject, facts: dict[str, Any]
) -> dict[str, Result]:
    """The results of metrics that hold fakes against the reference, by name."""
    more: dict[str, Any] = {}
    if reference.modes is not None:
        more = {
            "centres": reference.modes.centres,
            "standard_deviation": reference.modes.standard_deviation,
        }
    if "mode-statistics" in names and not more:
        raise PoiseError(
            f"The modes of '{reference.name}' are not known",
            hint="leave 'mode-statistics' out; it is for the mixtures ring and grid",
        )
    if "inception-score" in names and not isinstance(facts["extractor"], ClassifierExtractor):
        raise PoiseError("The inception score needs class probabilities", hint="add --features classifier")
    return dict(zip(names, measure(real, fake, metrics=names, **more, **facts), strict=True)) if names else {}


def _labels(subject: Subject, reference: Subject, reals: int, fakes: int, seed: int) -> dict[str, Any]:
    """The classes of both sides."""
    found = {"real_labels": reference.classes(reals, seed), "fake_labels": subject.classes(fakes, seed)}
    missing = [
        side for side, labels in zip((reference, subject), found.values(), strict=True) if labels is None
    ]
    if missing:
        raise PoiseError(
            f"The classifier accuracy score needs the class of each sample, and '{missing[0].name}' has none",
            hint="take a conditional run on labelled data, or call "
            "poise.metrics.classifier_accuracy_score with both sides' labels",
        )
    if subject.label_names != reference.label_names:
        made, there = (_few(side.label_names) for side in (subject, reference))
        raise PoiseError(
            f"The classes of '{subject.name}' are {made}, and those of '{reference.name}' {there}",
            hint="measure against data with the same classes",
        )
    return found


def _few(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names[:6]) + (f" and {len(names) - 6} more" if names[6:] else "")


def _path_length(subject: Subject, seed: int) -> Result:
    generator = subject.generator
    if generator is None:
        raise PoiseError(
            "The latent path length is of a generator, and these are samples",
            hint="name a run, or leave 'latent-path-length' out",
        )

    def made(latents: Tensor) -> Tensor:
        return generator(latents, generator.conditions(len(latents), seed=seed))

    def latent(count: int, stream: torch.Generator) -> Tensor:
        drawn = int(torch.randint(2**31, (1,), generator=stream))
        return generator.latents(count, seed=drawn)

    if generator.latent.distribution == "normal":
        return latent_path_length(made, latent, interpolation="spherical", seed=seed)
    return latent_path_length(made, latent, interpolation="linear", seed=seed)


def _preparation(reference: Subject) -> str:
    assert reference.source is not None
    return kind_of(reference).preparation(reference.shape, reference.source.transform)


def _prepared(result: Result, prepared: str) -> Result:
    if not result.preparation and result.metric in ("mode-statistics", "latent-path-length"):
        return result
    return replace(result, preparation="; ".join(filter(None, (prepared, result.preparation))))


def _notices(subject: Subject, reference: Subject) -> tuple[str, ...]:
    said = [*(reference.source.notices if reference.source else ())]
    said += subject.source.notices if subject.source else ()
    if subject.run is not None and reference.source is not None:
        same = subject.run.data.get("name") == reference.name
        drawn_alike = reference.seed == subject.run.data.get("summary", {}).get("seed")
        if same and drawn_alike and not reference.is_what_was_trained_on(subject.run):
            said.append("The data have changed since the run was trained on them.")
    return tuple(dict.fromkeys(said))
