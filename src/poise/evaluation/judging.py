"""A run or samples in, results out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from poise.data import BUILT_IN, default_cache
from poise.errors import PoiseError
from poise.evaluation.extractors import extractor_for
from poise.evaluation.subjects import (
    Progress,
    Subject,
    Which,
    is_run,
    of_data,
    of_run,
    own_data,
    trained_and_held_out,
)
from poise.metrics import METRICS, Result
from poise.metrics import evaluate as measure
from poise.metrics.arrays import as_labels
from poise.metrics.features import ClassifierExtractor, Extractor
from poise.metrics.path_length import latent_path_length
from poise.run_folder import RunFolder

MOST = 5_000
"""Samples of each side where a person does not say."""

MOST_TRAINING = 20_000
"""Training samples that copies are looked for among."""

APART = ("latent-path-length", "memorisation")
"""What is not measured between fakes and the reference."""

FOR_IMAGES = (
    "frechet-distance",
    "kernel-distance",
    "precision-recall-density-coverage",
    "memorisation",
)
FOR_VECTORS = (
    "frechet-distance",
    "kernel-distance",
    "sliced-wasserstein-distance",
    "precision-recall-density-coverage",
)
FOR_MIXTURES = ("mode-statistics", "frechet-distance", "precision-recall-density-coverage")

Telling = Callable[[str], None]


@dataclass(frozen=True)
class Evaluation:
    """What was measured of one subject.

    Attributes:
        name: Of the run or the samples.
        against: Of what they were measured against.
        step: Of the generator; 0 for samples.
        results: One for each metric.
        notices: What a person should know.
        run: The run's folder, where it is a run.
        pairs: The fakes that lie nearest to training images, each before that image, as bytes
            `(2 K, C, H, W)`; `None` where nobody looked.
        written: The file that the results were appended to, if they were.

    Example:
        >>> import torch
        >>> stream = torch.Generator().manual_seed(0)
        >>> real, fake = (torch.rand(60, 1, 8, 8, generator=stream) for _ in range(2))
        >>> found = judge(fake, real, metrics=["kernel-distance"])
        >>> [result.metric for result in found]
        ['kernel-distance']
    """

    name: str
    against: str
    step: int
    results: tuple[Result, ...]
    notices: tuple[str, ...] = ()
    run: Path | None = None
    pairs: Tensor | None = None
    written: Path | None = None

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __str__(self) -> str:
        return "\n".join(str(result) for result in self.results)

    @property
    def values(self) -> dict[str, float]:
        """All numbers by name; of two metrics with a number of one name, that of the later."""
        return {name: value for result in self.results for name, value in result.values.items()}


def judge(
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
    """Measure and write nothing: `evaluate` without its record.

    Args:
        run_or_samples: A run or samples; this and the next six as for `evaluate`.
        against: What to measure against.
        metrics: What to measure.
        features: In which features.
        samples: The most of each side.
        seed: Draws everything.
        labels: Classes of the data.
        checkpoint: Which generator of the run.
        resolution: Pixels a side, for samples and data of which neither says.
        cache: A folder to keep features and weights in; that of the data where none is given.
        progress: Told `(done, total)` while images are read.
        telling: Told what comes next, in words.

    Raises:
        PoiseError: As `evaluate`.
    """
    _check(samples, seed)
    tell = telling or (lambda words: None)
    named = tuple(dict.fromkeys(map(metric_named, metrics or ())))
    subject, reference = _opened(run_or_samples, against, checkpoint, resolution, seed, progress)
    chosen = named or _suiting(reference.kind, mixture=reference.modes is not None)
    most = samples or MOST
    assert reference.count is not None
    count = min(most, reference.count if subject.count is None else subject.count)
    tell(f"drawing {count:,} samples")
    real, fake = reference.draw(min(most, reference.count), seed), subject.draw(count, seed)
    place = cache or default_cache()
    known = reference.labels if labels is None else as_labels(labels, "real", reference.count)
    made = _extractor(features, reference, known, place)
    real, fake = _encoded(real, reference), _encoded(fake, reference)
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
        train, held_out = _training_data(subject, reference, real, seed, progress)
        results["memorisation"] = measure(train, fake, metrics=["memorisation"], held_out=held_out, **facts)[
            0
        ]
        pairs = _pairs(results["memorisation"], fake, train)
    prepared = _preparation(reference)
    return Evaluation(
        name=subject.name,
        against=reference.name,
        step=subject.step,
        results=tuple(_prepared(results[name], prepared) for name in chosen),
        notices=_notices(subject, reference),
        run=subject.run.path if subject.run else None,
        pairs=pairs,
    )


def _opened(
    thing: Any, against: Any, checkpoint: Which, resolution: int | None, seed: int, progress: Progress | None
) -> tuple[Subject, Subject]:
    """What is judged and what it is judged against, of one shape."""
    judged = of_run(thing, checkpoint) if is_run(thing) else None
    if against is None and (judged is None or judged.run is None):
        named = str(thing) if isinstance(thing, str | Path) else type(thing).__name__
        if isinstance(thing, str | Path) and not Path(thing).expanduser().exists() and named not in BUILT_IN:
            raise PoiseError(
                f"There is no run, file or folder '{named}'", mend="name a run, or samples and --against DATA"
            )
        raise PoiseError(
            f"'{named}' is no run, and samples are measured against something",
            mend="say what: --against DATA, or name a folder that poise train made",
        )
    if against is None:
        assert judged is not None and judged.run is not None
        reference = own_data(judged.run, progress=progress)
    elif is_run(against):
        path = against if isinstance(against, str | Path) else against.path
        reference = own_data(RunFolder.open(path), progress=progress)
    else:
        like = judged.shape if judged else None
        reference = of_data(against, like=like, resolution=resolution, seed=seed, progress=progress)
    subject = judged or of_data(
        thing, like=reference.shape, resolution=resolution, seed=seed, progress=progress
    )
    if subject.shape != reference.shape:
        raise PoiseError(
            f"The samples of '{subject.name}' have the shape {list(subject.shape)}, and those of "
            f"'{reference.name}' {list(reference.shape)}",
            mend="measure against data of the same shape",
        )
    return subject, reference


def _check(samples: int | None, seed: int) -> None:
    if samples is not None and samples < 10:
        raise PoiseError(f"{samples} samples are too few to measure", mend="give 10 or more")
    if seed < 0:
        raise PoiseError(f"The seed cannot be {seed}", mend="give 0 or more")


def metric_named(written: str) -> str:
    """The metric that a person means by its name, or by the name of one of its numbers.

    Raises:
        PoiseError: There is none.

    Example:
        >>> metric_named("frechet_distance"), metric_named("coverage")
        ('frechet-distance', 'precision-recall-density-coverage')
    """
    number = written.replace("-", "_")
    for metric in METRICS.values():
        if isinstance(metric.lower_is_better, Mapping) and number in metric.lower_is_better:
            return metric.name
    return METRICS.named(written.replace("_", "-")).name


def default_metrics(data: Mapping[str, Any]) -> tuple[str, ...]:
    """What suits a run's data.

    Args:
        data: What its `data.json` says.

    Example:
        >>> default_metrics({"kind": "vector", "name": "points.npy"})[0]
        'frechet-distance'
    """
    known = data.get("origin", {}).get("kind") == "built-in" and data.get("name") in ("ring", "grid")
    return _suiting(str(data.get("kind", "image")), mixture=known)


def _suiting(kind: str, *, mixture: bool) -> tuple[str, ...]:
    if mixture:
        return FOR_MIXTURES
    return FOR_IMAGES if kind == "image" else FOR_VECTORS


def _encoded(samples: Tensor, reference: Subject) -> Tensor:
    """Vectors in the space where each column of the reference weighs the same; images as they are."""
    if reference.kind == "image" or reference.source is None:
        return samples
    return reference.source.encoding.encode(samples)


def _extractor(features: Any, reference: Subject, labels: Tensor | None, cache: Path) -> Extractor:
    trained = isinstance(features, str) and features == "classifier"
    assert reference.count is not None
    rows = reference.draw(reference.count if trained else min(2, reference.count), 0)
    return extractor_for(features, _encoded(rows, reference), labels, cache)


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
            mend="leave 'mode-statistics' out; it is for the mixtures ring and grid",
        )
    if "inception-score" in names and not isinstance(facts["extractor"], ClassifierExtractor):
        raise PoiseError("The inception score needs class probabilities", mend="add --features classifier")
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
            mend="take a conditional run on labelled data, or call "
            "poise.metrics.classifier_accuracy_score with both sides' labels",
        )
    return found


def _training_data(
    subject: Subject, reference: Subject, real: Tensor, seed: int, progress: Progress | None
) -> tuple[Tensor, Tensor | None]:
    """What may have been copied, and reals that were not trained on, if there are any.

    Of a run: its training rows and those that it held out, or the reference where that is other data. Of
    samples: the reference, which is taken for what they were trained on.
    """
    assert reference.count is not None
    run = subject.run
    if run is None:
        return _encoded(reference.draw(min(MOST_TRAINING, reference.count), seed), reference), None
    own = run.data.get("fingerprint") == reference.fingerprint
    try:
        data = reference if own else own_data(run, progress=progress)
    except PoiseError:  # the training data are gone: the reference is all there is
        return _encoded(reference.draw(min(MOST_TRAINING, reference.count), seed), reference), None
    trained, held_out = trained_and_held_out(data, run, most=MOST_TRAINING)
    if not own:
        return _encoded(trained, reference), real
    return _encoded(trained, reference), None if held_out is None else _encoded(held_out, reference)


def _pairs(result: Result, fake: Tensor, train: Tensor) -> Tensor | None:
    """Each of the nearest fakes before its nearest training image."""
    if fake.dim() != 4:
        return None
    found = result.details["nearest_pairs"]
    return torch.stack([image for _, one, other in found for image in (fake[one], train[other])])


def _path_length(subject: Subject, seed: int) -> Result:
    generator = subject.generator
    if generator is None:
        raise PoiseError(
            "The latent path length is of a generator, and these are samples",
            mend="name a run, or leave 'latent-path-length' out",
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
    if reference.kind == "image":
        _, height, width = reference.shape
        return f"bytes of {height} x {width}"
    encoding = reference.source.encoding.name if reference.source else ""
    return "columns standardised by the reference" if encoding == "standardised" else ""


def _prepared(result: Result, prepared: str) -> Result:
    if not result.preparation and result.metric in ("mode-statistics", "latent-path-length"):
        return result
    return replace(result, preparation="; ".join(filter(None, (prepared, result.preparation))))


def _notices(subject: Subject, reference: Subject) -> tuple[str, ...]:
    said = [*(reference.source.notices if reference.source else ())]
    said += subject.source.notices if subject.source else ()
    if subject.run is not None and reference.source is not None:
        record = subject.run.data
        if record.get("name") == reference.name and record.get("fingerprint") != reference.fingerprint:
            said.append("The data have changed since the run was trained on them.")
    return tuple(dict.fromkeys(said))
