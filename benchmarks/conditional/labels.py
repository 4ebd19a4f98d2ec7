"""Digits by class: are samples of the class that was asked for, and as near to the data as without classes?

- Agreement: the share of 1,797 samples, of each class as many as in the data, that an independent classifier
  gives the class that was asked for. The classifier is a support vector machine on pixels, of scikit-learn,
  fitted to three quarters of the real digits; it never sees a sample. Its own accuracy on the last quarter
  is stated: agreement beyond it means that samples are more typical than digits are.
- Fréchet ratio: as in `benchmarks.digits`, in features of another classifier; 1.0 is what real digits get.
- Every recipe sees as many images as the default one.

What each run came to is kept in `labels.jsonl` of the folder of runs; the same command plays none twice.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from scipy import stats
from sklearn.svm import SVC

from benchmarks.conditional.page import machine
from benchmarks.digits import Judge
from poise.data import open_data
from poise.generator import Generator
from poise.recipes import DEFAULT_RECIPE, RECIPES, recipe_with
from poise.training import begin, pick_device, plan

COMPARED: tuple[tuple[str, str, Mapping[str, Any]], ...] = (
    (f"`{DEFAULT_RECIPE}`, no classes", DEFAULT_RECIPE, {}),
    ("`conditional`", "conditional", {}),
    ("`auxiliary-classifier`", "auxiliary-classifier", {}),
    ("`projection`", "projection", {}),
    ("`projection`, one move of the discriminator", "projection", {"dynamics.discriminator_steps": 1}),
)
"""What the table calls it, the recipe, and what differs from it; the first has no classes."""


class Measured(NamedTuple):
    """One run: share of samples of the asked class (NaN without classes), and Fréchet ratio."""

    agreement: float
    ratio: float
    seconds: float
    images: int


class Arbiter:
    """A classifier of digits by their pixels, and how often it is right on digits that it has not seen."""

    def __init__(self) -> None:
        source = open_data("digits")
        rows = np.random.default_rng(0).permutation(len(source))
        pixels = source.gather(rows).numpy().reshape(len(rows), -1) / 255
        labels = np.asarray(source.labels)[rows]
        self.labels = np.asarray(source.labels)
        fitted = len(rows) * 3 // 4
        self.classifier = SVC(C=10, gamma=0.05).fit(pixels[:fitted], labels[:fitted])
        self.accuracy = float(self.classifier.score(pixels[fitted:], labels[fitted:]))

    def agreement(self, samples: np.ndarray[Any, Any], asked: np.ndarray[Any, Any]) -> float:
        """The share of samples `(N, 1, 8, 8)` in [-1, 1] that it gives the asked class."""
        pixels = np.rint((samples.clip(-1, 1) + 1) * 127.5).reshape(len(samples), -1) / 255
        return float((self.classifier.predict(pixels) == asked).mean())


def measured(
    name: str, seed: int, images: int | None, judge: Judge, arbiter: Arbiter, **changes: Any
) -> Measured:
    """Train one recipe, and judge its averaged generator.

    Args:
        name: The recipe.
        seed: Of the run.
        images: How many it is to see; by its default steps where none are given.
        judge: Of the distance.
        arbiter: Of the classes.
        changes: Other settings of the recipe.
    """
    recipe = recipe_with(RECIPES.named(name), {**changes, "seed": seed})
    rounds = int(recipe.dynamics.options.get("discriminator_steps", 1))
    if images is not None:
        recipe = recipe_with(recipe, {"steps": max(1, images // (recipe.batch_size * rounds))})
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        outcome = begin(
            plan("digits", recipe, pick_device("cpu")), Path(folder) / "run", notify=lambda sentence: None
        )
        seconds = time.monotonic() - start
        generator = Generator.load(Path(folder) / "run")
    latent = generator.latents(len(arbiter.labels), seed=1)
    condition, agreement = None, float("nan")
    if generator.classes:
        codes = torch.from_numpy(arbiter.labels)
        condition = torch.nn.functional.one_hot(codes, len(generator.classes)).float()
    samples = generator(latent, condition)
    if generator.classes:
        agreement = arbiter.agreement(samples.numpy(), arbiter.labels)
    return Measured(agreement, judge(samples)["ratio"], seconds, outcome.position.images_seen)


def interval(values: Sequence[float]) -> str:
    """The mean and the half width of its 95 % interval over seeds, by Student's t."""
    mean = float(np.mean(values))
    if len(values) < 2:
        return f"{mean:.3f}"
    half = stats.t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    return f"{mean:.3f} ± {half:.3f}"


def section(
    *,
    seeds: Sequence[int],
    steps: int | None = None,
    runs: Path = Path("runs/conditional"),
    compared: Sequence[tuple[str, str, Mapping[str, Any]]] = COMPARED,
    **changes: Any,
) -> str:
    """The table, with how it was measured.

    Args:
        seeds: Of the runs.
        steps: Of the default recipe; all others see as many images.
        runs: Where the results of runs are kept.
        compared: What is compared; the first is the one without classes.
        changes: Other settings, for all.
    """
    judge, arbiter = Judge(), Arbiter()
    rows: dict[str, list[Measured]] = {title: [] for title, _, _ in compared}
    images: int | None = None
    for seed in seeds:
        for title, name, different in compared:
            asked = {**different, **changes, **({} if steps is None else {"steps": steps})}
            one = _kept(runs, name, seed, asked)
            if one is None:
                one = measured(name, seed, images, judge, arbiter, **asked)
                _keep(runs, name, seed, asked, one)
            images = images or one.images
            rows[title].append(one)
            print(f"{title} seed {seed}: {one}", flush=True)
    return table(rows, seeds, judge, arbiter)


def _kept(runs: Path, name: str, seed: int, changes: Mapping[str, Any]) -> Measured | None:
    """What an earlier command found of the same run."""
    place = runs / "labels.jsonl"
    lines = place.read_text(encoding="utf-8").splitlines() if place.is_file() else []
    for line in map(json.loads, lines):
        if (line["recipe"], line["seed"], line["changes"]) == (name, seed, changes):
            return Measured(**line["measured"])
    return None


def _keep(runs: Path, name: str, seed: int, changes: Mapping[str, Any], one: Measured) -> None:
    runs.mkdir(parents=True, exist_ok=True)
    line = {"recipe": name, "seed": seed, "changes": changes, "measured": one._asdict()}
    with (runs / "labels.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def table(
    rows: Mapping[str, Sequence[Measured]], seeds: Sequence[int], judge: Judge, arbiter: Arbiter
) -> str:
    """What was measured, a row for each recipe."""
    images = next(iter(rows.values()))[0].images
    lines = [
        f"{machine()}; seeds {', '.join(map(str, seeds))}; {images:,} images seen by each run. "
        f"The classifier that judges the classes is right on {arbiter.accuracy:.1%} of real digits "
        f"that it has not seen, the one in whose features distances are taken on {judge.accuracy:.1%}. "
        "± is Student's interval of the mean over seeds.",
        "",
        "| recipe | asked class, share | least of a seed | Fréchet ratio | seconds a run |",
        "|---|---|---|---|---|",
    ]
    for title, runs in rows.items():
        agreements = [run.agreement for run in runs]
        known = not np.isnan(agreements[0])
        share, least = (interval(agreements), f"{min(agreements):.3f}") if known else ("", "")
        seconds = np.mean([run.seconds for run in runs])
        ratio = interval([run.ratio for run in runs])
        lines.append(f"| {title} | {share} | {least} | {ratio} | {seconds:.0f} |")
    return "\n".join(lines)
