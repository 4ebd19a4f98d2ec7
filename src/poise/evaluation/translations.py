"""What a run makes of images that it held out, against what they should be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from poise.data import Condition, Dataset, Pixels
from poise.errors import PoiseError
from poise.evaluation.choosing import FOR_DOMAINS, FOR_PAIRS
from poise.evaluation.recording import Evaluation
from poise.evaluation.subjects import Subject
from poise.metrics import METRICS, Result
from poise.metrics import evaluate as measure
from poise.metrics.features import Extractor
from poise.randomness import numpy_stream


def translates(subject: Subject) -> bool:
    """Whether it is a run that makes images of images."""
    return subject.generator is not None and bool(subject.generator.directions)


def translations(
    subject: Subject, data: Subject, chosen: Sequence[str], extractor: Extractor, *, most: int, seed: int
) -> Evaluation:
    """Measure what a run makes of the images that it held out.

    Args:
        subject: The run.
        data: Its own data.
        chosen: Names of metrics; none for those that suit.
        extractor: Makes the features of the others.
        most: The most images of either side.
        seed: Draws which, where there are more, and half-samples.

    Raises:
        PoiseError: A metric does not measure such translations, or too few images were held out.
    """
    generator, source = subject.generator, data.source
    assert generator is not None and source is not None and source.held_out is not None
    apart, condition = source.held_out, source.held_out.condition
    assert condition is not None
    rows = _rows(len(apart), most, seed)
    paired = condition.paired
    first = _encoded(condition, rows if paired else _rows(len(condition), most, seed))
    made = generator.translated(first, seed=seed)
    wanted = _encoded(apart, rows)
    suiting = FOR_PAIRS if paired else FOR_DOMAINS
    results: list[Result] = []
    for name in chosen or suiting:
        if name == "translation-errors" and paired:
            results.append(METRICS[name].measure(made, wanted))
        elif name == "cycle-error" and not paired:
            back = generator.translated(made, direction="b-to-a", seed=seed)
            results.append(METRICS[name].measure(back, first))
        elif METRICS[name].needs == ("real", "fake"):
            sides = (Pixels().decode(images) for images in (wanted, made))
            results += measure(*sides, metrics=[name], extractor=extractor, seed=seed)
        else:
            raise PoiseError(
                f"The metric '{name}' does not measure what '{subject.name}' makes",
                hint=f"choose {' and '.join(suiting)}, or another of outputs against targets",
            )
    return Evaluation(
        name=subject.name,
        against=f"the held-out images of {data.name}",
        step=subject.step,
        results=tuple(results),
        run=None if subject.run is None else subject.run.path,
    )


def _rows(count: int, most: int, seed: int) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    if count <= most:
        return np.arange(count)
    return np.sort(numpy_stream(seed, 0, "evaluated rows").permutation(count)[:most])


def _encoded(side: Dataset | Condition, rows: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> Tensor:
    """Images in the networks' space."""
    stored = side.gather(rows)
    encoded: Tensor = side.encode(stored) if isinstance(side, Condition) else side.transform.encode(stored)
    return encoded.to(torch.float32)
