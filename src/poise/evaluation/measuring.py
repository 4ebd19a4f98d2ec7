"""What a run or samples score: against reals, against targets, and as a generator."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from poise.data import Dataset, Pixels, kind_of, rejoined
from poise.errors import PoiseError
from poise.evaluation.graphs import measured_graphs
from poise.evaluation.known_truth import measured_triangles
from poise.evaluation.recording import Evaluation
from poise.evaluation.subjects import (
    Notify,
    Progress,
    Subject,
    as_measured,
    classes_of,
    comparable,
    drawn,
    modes_of,
    rows_of,
    training_data_of,
    was_trained_on,
)
from poise.evaluation.tables import measured_rows
from poise.evaluation.waves import measured_waves
from poise.metrics import METRICS, Metric, Result
from poise.metrics import evaluate as measure
from poise.metrics.features import ClassifierExtractor, Extractor
from poise.metrics.table import default_metrics
from poise.randomness import numpy_stream
from poise.tasks.held_out import split
from poise.training.callbacks.translations import condition_of, held_out_of, images_of

MOST_TRAINING = 20_000  # The most training samples that copies are searched among


@dataclass(frozen=True)
class Asked:
    """What is measured, and how."""

    subject: Subject
    reference: Dataset
    metrics: tuple[str, ...]  # By name; empty for those that suit the data
    extractor: Extractor
    most: int  # Samples of either side
    seed: int
    cache: Path
    progress: Progress | None
    telling: Notify | None

    def tell(self, words: str) -> None:
        """Say what comes next."""
        if self.telling is not None:
            self.telling(words)

    def measured(self, metrics: Sequence[str], real: Tensor, fake: Tensor, **more: Any) -> list[Result]:
        """The results of metrics of samples against samples."""
        settings: dict[str, Any] = {
            "extractor": self.extractor,
            "seed": self.seed,
            "cache": self.cache,
            "telling": self.tell,
        }
        return measure(real, fake, metrics=metrics, **settings, **more) if metrics else []

    def evaluation(self, against: str, results: Sequence[Result], pairs: Tensor | None = None) -> Evaluation:
        """The results under the subject's name."""
        run = None if self.subject.run is None else self.subject.run.path
        return Evaluation(self.subject.name, against, self.subject.step, tuple(results), run=run, pairs=pairs)


def evaluate_samples(asked: Asked) -> Evaluation:
    """Measure samples against the reference, what may be copied, and the generator itself."""
    subject, reference = asked.subject, asked.reference
    suiting = kind_of(reference).metrics if modes_of(reference) is None else default_metrics("mixture")
    chosen = [METRICS[name] for name in asked.metrics or suiting]
    of_reference = min(asked.most, len(reference))
    count = of_reference if subject.samples is None else min(asked.most, len(subject.samples))
    asked.tell(f"drawing {count:,} samples")
    data, made = drawn(reference, of_reference, asked.seed), subject.draw(count, asked.seed)
    real, fake = comparable(data, reference), comparable(made, reference)
    of_waves = [metric for metric in chosen if "fake_waves" in metric.needs]
    of_rows = [metric for metric in chosen if "fake_rows" in metric.needs]
    of_graphs = [metric for metric in chosen if "fake_graphs" in metric.needs]
    of_truth = [metric for metric in chosen if "fake_triangles" in metric.needs]
    apart = (*of_rows, *of_graphs, *of_truth, *of_waves)
    metrics = [metric for metric in chosen if "latent" not in metric.needs and metric not in apart]
    given = _given(asked, {need for metric in metrics for need in metric.needs}, real, fake)
    measured = asked.measured([metric.name for metric in metrics], real, fake, **given)
    results = {result.metric: result for result in measured}
    results |= measured_rows(asked, of_rows, named=bool(asked.metrics)) | measured_graphs(asked, of_graphs)
    results |= measured_waves(asked, of_waves, data, made)
    for metric in of_truth:
        asked.tell(metric.name)
        results[metric.name] = measured_triangles(subject, reference, samples=asked.most, seed=asked.seed)
    chosen = [metric for metric in chosen if metric.name in results or "latent" in metric.needs]
    pairs = None
    for metric in chosen:
        if "latent" in metric.needs:
            results[metric.name] = _of_generator(metric, subject, asked.seed)
        elif "train" in metric.needs:
            pairs = nearest_pairs(results[metric.name], fake, given["train"])
    return asked.evaluation(
        reference.name, [_prepared(results[metric.name], metric, reference) for metric in chosen], pairs
    )


def _given(asked: Asked, needs: Collection[str], real: Tensor, fake: Tensor) -> dict[str, Any]:
    """What metrics need besides samples."""
    given: dict[str, Any] = {}
    if "centres" in needs:
        modes = modes_of(asked.reference)
        if modes is None:
            raise PoiseError(
                f"The modes of '{asked.reference.name}' are not known",
                code="evaluation.modes-not-known",
                hint="leave 'mode-statistics' out; it is for the mixtures ring and grid",
            )
        given |= {"centres": modes.centres, "standard_deviation": modes.standard_deviation}
    if "probabilities" in needs and not isinstance(asked.extractor, ClassifierExtractor):
        raise PoiseError(
            "The inception score needs class probabilities",
            code="evaluation.no-probabilities",
            hint="add --features classifier",
        )
    if "real_labels" in needs:
        given |= _labels(asked, len(real), len(fake))
    if "train" in needs:
        given["train"], given["unseen"] = training_data(asked, real)
    return given


def _labels(asked: Asked, reals: int, fakes: int) -> Mapping[str, Tensor | None]:
    """The classes of both sides."""
    subject, reference = asked.subject, asked.reference
    of_reals, of_fakes = classes_of(reference, reals, asked.seed), subject.classes(fakes, asked.seed)
    for side, labels in ((reference, of_reals), (subject, of_fakes)):
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
    return {"real_labels": of_reals, "fake_labels": of_fakes}


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


def _prepared(result: Result, metric: Metric, reference: Dataset) -> Result:
    """The result with what was done to the samples of both sides, unless it measures none of these."""
    of_others = {"centres", "latent", "fake_rows", "fake_graphs", "fake_triangles"}
    if of_others & set(metric.needs):
        return result
    prepared = kind_of(reference).preparation(reference.shape, reference.transform)
    return replace(result, preparation="; ".join(filter(None, (prepared, result.preparation))))


def training_data(asked: Asked, real: Tensor) -> tuple[Tensor, Tensor | None]:
    """The samples that may have been copied, and reals that were not trained on, if there are any.

    For a run these are its training rows, and the rows that it held out; or the reference, if that is other
    data. For samples it is the reference, which is assumed to be what they were trained on. Both are encoded
    as `real`, which was drawn of the reference.
    """
    run, reference = asked.subject.run, asked.reference
    own = run is not None and was_trained_on(run, reference)
    data = reference if own else None
    if run is not None and not own:
        try:
            data = training_data_of(run, progress=asked.progress)
        except PoiseError:  # the training data are gone, and only the reference is left
            data = None
    if run is None or data is None:
        return comparable(drawn(reference, MOST_TRAINING, asked.seed), reference), None
    of_run = int(run.recipe.get("seed") or 0)
    rows = split(len(data), run.recipe.get("held_out") or 0, of_run)
    trained = rows.training
    if len(trained) > MOST_TRAINING:
        trained = np.sort(numpy_stream(of_run, 0, "evaluated rows").permutation(trained)[:MOST_TRAINING])
    learned = comparable(as_measured(data, trained), reference)
    if not own:
        return learned, real
    whole, others = rejoined(data), rows.held_out
    if data.held_out is not None:
        others = np.arange(len(data), len(whole))
    return learned, comparable(as_measured(whole, others), reference) if len(others) else None


def nearest_pairs(result: Result, fake: Tensor, train: Tensor) -> Tensor | None:
    """Each of the nearest fakes before its nearest training image; `None` if they are not images."""
    found = result.details.get("nearest_pairs")
    if fake.dim() != 4 or not found:
        return None
    return torch.stack([image for _, one, other in found for image in (fake[one], train[other])])


def evaluate_translations(asked: Asked) -> Evaluation:
    """Measure the translations of the images that a run held out."""
    subject, generator, seed = asked.subject, asked.subject.generator, asked.seed
    assert generator is not None
    asked.tell("translating what was held out")
    apart = held_out_of(asked.reference)
    condition = condition_of(apart)
    targets = rows_of(len(apart), asked.most, seed)
    sources = targets if condition.paired else rows_of(len(condition), asked.most, seed)
    shown = images_of(apart, sources, targets)
    first, wanted = shown.first.to(torch.float32), shown.second.to(torch.float32)
    made = generator.translated(first, seed=seed)
    suiting = default_metrics("pairs" if condition.paired else "domains")
    results: list[Result] = []
    for metric in (METRICS[name] for name in asked.metrics or suiting):
        if metric.needs == ("made", "wanted") and condition.paired:
            results.append(metric.measure(made, wanted))
        elif metric.needs == ("back", "start") and not condition.paired:
            back = generator.translated(made, direction="b-to-a", seed=seed)
            results.append(metric.measure(back, first))
        elif metric.needs == ("real", "fake"):
            sides = (Pixels().decode(images) for images in (wanted, made))
            results += measure(*sides, metrics=[metric.name], extractor=asked.extractor, seed=seed)
        else:
            raise PoiseError(
                f"The metric '{metric.name}' does not measure what '{subject.name}' makes",
                code="evaluation.not-for-translations",
                hint=f"choose {' and '.join(suiting)}, or another of outputs against targets",
            )
    return asked.evaluation(f"the held-out images of {asked.reference.name}", results)
