"""Evaluate a run that translates images, on the images that it held out."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from poise.data import Pixels
from poise.errors import PoiseError
from poise.evaluation.recording import Evaluation
from poise.evaluation.subjects import Subject, rows_of
from poise.metrics import METRICS, Result
from poise.metrics import evaluate as measure
from poise.metrics.features import Extractor
from poise.metrics.table import default_metrics
from poise.training.callbacks.translations import condition_of, held_out_of, images_of


def translates(subject: Subject) -> bool:
    """Whether it is a run that translates images."""
    return subject.generator is not None and bool(subject.generator.directions)


def evaluate_translations(
    subject: Subject, data: Subject, chosen: Sequence[str], extractor: Extractor, *, most: int, seed: int
) -> Evaluation:
    """Measure the translations of the images that a run held out, at most `most` of either side."""
    generator = subject.generator
    assert generator is not None and data.dataset is not None
    apart = held_out_of(data.dataset)
    condition = condition_of(apart)
    rows = rows_of(len(apart), most, seed)
    shown = images_of(apart, rows if condition.paired else rows_of(len(condition), most, seed), rows)
    first, wanted = shown.first.to(torch.float32), shown.second.to(torch.float32)
    made = generator.translated(first, seed=seed)
    suiting = default_metrics("pairs" if condition.paired else "domains")
    results: list[Result] = []
    for metric in (METRICS[name] for name in chosen or suiting):
        if metric.needs == ("made", "wanted") and condition.paired:
            results.append(metric.measure(made, wanted))
        elif metric.needs == ("back", "start") and not condition.paired:
            back = generator.translated(made, direction="b-to-a", seed=seed)
            results.append(metric.measure(back, first))
        elif metric.needs == ("real", "fake"):
            sides = (Pixels().decode(images) for images in (wanted, made))
            results += measure(*sides, metrics=[metric.name], extractor=extractor, seed=seed)
        else:
            raise PoiseError(
                f"The metric '{metric.name}' does not measure what '{subject.name}' makes",
                code="evaluation.not-for-translations",
                hint=f"choose {' and '.join(suiting)}, or another of outputs against targets",
            )
    return Evaluation(
        name=subject.name,
        against=f"the held-out images of {data.name}",
        step=subject.step,
        results=tuple(results),
        run=None if subject.run is None else subject.run.path,
    )
