"""What truncation costs: precision, recall and distance over how far samples stay from the mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.data import Dataset, default_cache
from poise.devices import pick_device
from poise.errors import PoiseError
from poise.evaluation.evaluating import extractor_for
from poise.evaluation.subjects import Notify, Progress, Which, comparable, drawn, opened
from poise.generator import Generator
from poise.metrics import Result
from poise.metrics import evaluate as measure
from poise.registry import takes

METRICS = ("precision-recall-density-coverage", "frechet-distance")
SHOWN = ("precision", "recall", "density", "coverage", "frechet-distance")
TRUNCATIONS = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
MOST = 2_000  # Samples of each side if the user does not say


@dataclass(frozen=True)
class Curve:
    """What samples score at each truncation.

    Attributes:
        name: The run.
        against: What they are measured against.
        of_styles: Whether styles are drawn to their mean; otherwise latents are, by a temperature.
        points: The results by truncation, in rising order.
    """

    name: str
    against: str
    of_styles: bool
    points: Mapping[float, Sequence[Result]]

    def values(self, truncation: float) -> dict[str, float]:
        """Every number at one truncation."""
        return {name: value for one in self.points[truncation] for name, value in one.values.items()}

    def intervals(self, name: str) -> list[tuple[float, float]]:
        """The interval of a number at each truncation; the number alone if it has none."""
        return [
            next(one.intervals.get(name, (one.values[name],) * 2) for one in results if name in one.values)
            for results in self.points.values()
        ]

    def to_json(self) -> dict[str, Any]:
        """As an object, with the whole protocol of every result."""
        points = [
            {
                "truncation": truncation,
                **self.values(truncation),
                "results": [one.to_json() for one in results],
            }
            for truncation, results in self.points.items()
        ]
        what = "truncation" if self.of_styles else "temperature"
        return {"run": self.name, "against": self.against, "of": what, "points": points}


def truncation_curve(
    run: Any,
    against: Any = None,
    *,
    truncations: Sequence[float] = TRUNCATIONS,
    features: Any = None,
    samples: int | None = None,
    seed: int = 0,
    checkpoint: Which = "newest",
    cache: Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    telling: Notify | None = None,
) -> Curve:
    """Measure a generator at several truncations; without styles, latents are multiplied by them.

    All truncations have the same latents, so that differences between them are not those of draws.

    Args:
        run: A run or its folder.
        against: Data to measure against; by default the training data.
        truncations: How far samples stay from the mean, each from 0 to 2.
        features: As for `poise.evaluate`.
        samples: The most of each side; by default 2,000.
        seed: Draws latents and rows.
        checkpoint: Which generator of the run.
        cache: A folder for features and weights.
        device: Where samples and features are made; `"auto"` takes CUDA if it is there.
        progress: Called with `(done, total)` while images are read.
        telling: Called with what comes next, in words.

    Raises:
        PoiseError: A truncation is out of range, or there is no law of latents to narrow.

    Example:
        >>> curve = truncation_curve("runs/hands", samples=500)  # doctest: +SKIP
        >>> curve.values(0.7)["precision"]  # doctest: +SKIP
    """
    for one in truncations:
        if not 0 <= one <= 2:
            what, hint = f"The truncation cannot be {one:g}", "give numbers from 0 to 2"
            raise PoiseError(what, code="evaluation.truncation-out-of-range", hint=hint)
    where = pick_device(device, float64=True)
    subject, reference = opened(run, against, checkpoint, None, seed, progress, where)
    generator = subject.generator
    if generator is None or generator.directions:
        what = f"'{subject.name}' makes no samples from noise"
        raise PoiseError(what, code="evaluation.no-samples-of-noise", hint="name a run that does")
    of_styles = takes(generator.module.forward, "truncation")
    if not of_styles and generator.latent.distribution != "normal":
        what, why = "This generator cannot be truncated", "it has no styles, and its latents are uniform"
        raise PoiseError(
            what, code="evaluation.no-temperature", why=why, hint="measure it: poise evaluate RUN"
        )
    most = samples or MOST
    real = comparable(drawn(reference, most, seed), reference)
    place = cache or default_cache()
    extractor = extractor_for(features, reference, place, where)
    points: dict[float, Sequence[Result]] = {}
    for one in sorted(set(truncations)):
        if telling is not None:
            telling(f"measuring at {one:g}")
        fake = _samples(generator, one, min(most, len(real)), reference, seed=seed, of_styles=of_styles)
        points[one] = measure(real, fake, metrics=list(METRICS), extractor=extractor, seed=seed, cache=place)
    return Curve(subject.name, reference.name, of_styles, points)


def _samples(
    generator: Generator, truncation: float, count: int, reference: Dataset, *, seed: int, of_styles: bool
) -> Any:
    """Samples at one truncation as extractors take them."""
    latent, condition = generator.latents(count, seed=seed), generator.conditions(count, seed=seed)
    if of_styles:
        made = generator.truncated(truncation).data(latent, condition)
    else:
        made = generator.data(latent * truncation, condition)
    return comparable(made, reference)


def advice(curve: Curve) -> str:
    """Which truncation to take, as a sentence: the lowest distance, and what precision costs."""
    word = "truncation" if curve.of_styles else "temperature"
    best = min(curve.points, key=lambda one: curve.values(one)["frechet-distance"])
    most = max(curve.points, key=lambda one: curve.values(one)["precision"])
    nearest, finest = curve.values(best), curve.values(most)
    sentence = f"the distance is least at {word} {best:g}"
    if most == best:
        return sentence
    spans = dict(zip(curve.points, curve.intervals("precision"), strict=True))
    if spans[most][0] <= spans[best][1]:
        return f"{sentence}; no other precision is higher by more than chance"
    gained, lost = finest["precision"] - nearest["precision"], nearest["recall"] - finest["recall"]
    costs = f"{most:g} gains {gained:.2f} of precision and loses {lost:.2f} of recall"
    return f"{sentence}; {costs}"
