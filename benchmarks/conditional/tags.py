"""Tags of pictures that were held out: a generator of tags beside a plain classifier of many labels.

- Data: OpenMoji, a fifth held out by a seed. A picture's tags are those of its table, its group and its
  sub-group.
- Both sides see the same features (`colours-and-shapes`, 768 numbers) of the same pictures, and know the same
  tags: those on ten training pictures or more.
- The classifier is scikit-learn's multi-layer perceptron, one hidden layer of 256 and a logistic loss a tag,
  stopped early on a tenth of its pictures; tags are ranked by its probabilities.
- The generator ranks tags by the share of 200 latents that name them.
- Precision and recall of the first five: of five answers, the share that is right; of what is right, the
  share that is named; the mean over held-out pictures that have a tag, its interval by resampling pictures.
- Different answers: how many tags are named to a picture by a twentieth of the latents or more, and the share
  of all latents that name a right one; a single answer for each picture would be 1 tag.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from sklearn.neural_network import MLPClassifier

from benchmarks.conditional.page import machine
from poise.data import Dataset, Labelled, open_data
from poise.errors import PoiseError
from poise.generator import Generator
from poise.generator.tagging import ranked
from poise.recipes import RECIPES, recipe_with
from poise.tasks.tagging import image_extractor, image_features
from poise.training import begin, pick_device, plan

FIRST, DRAWS, RESAMPLED = 5, 200, 2_000
Array = np.ndarray[Any, Any]


class Split(NamedTuple):
    """Two folders of pictures with their tables."""

    training: Labelled
    held_out: Labelled


def split(data: Path, folder: Path, *, held_out: float = 0.2, seed: int = 0) -> Split:
    """Links to the pictures of OpenMoji, and a table of their tags, for either part.

    Args:
        data: The folder with `color/` and `metadata.csv`.
        folder: Where the parts go.
        held_out: The share that training does not see.
        seed: Of the split.
    """
    with (data / "metadata.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    order = np.random.default_rng(seed).permutation(len(rows))
    first = int(len(rows) * held_out)
    parts = []
    for name, numbers in (("training", order[first:]), ("held-out", order[:first])):
        (folder / name).mkdir()
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file)
            table.writerow(["file", "tags"])
            for row in (rows[number] for number in numbers):
                (folder / name / row["file"]).symlink_to((data / "color" / row["file"]).absolute())
                tags = {*row["tags"].split(";"), row["group"], row["subgroup"]} - {""}
                table.writerow([row["file"], ";".join(sorted(tags))])
        parts.append(Labelled(folder / name, folder / f"{name}.csv", "tags"))
    return Split(*parts)


def truth_of(source: Dataset, names: Sequence[str]) -> Array:
    """Which of the tags each picture has, `(N, tags)` of truth values."""
    assert source.labels is not None
    place = {name: number for number, name in enumerate(names)}
    truth = np.zeros((len(source), len(names)), bool)
    for row, label in enumerate(source.labels):
        known = [place[tag] for tag in source.label_names[label].split(";") if tag in place]
        truth[row, known] = True
    return truth


def precision_and_recall(ranking: Array, truth: Array) -> Array:
    """Of the first five of each picture that has a tag: `(2, pictures)`."""
    top = np.argsort(-ranking, axis=1, kind="stable")[:, :FIRST]
    # What was never named is no answer, though it has to stand somewhere in the order.
    named = np.take_along_axis(ranking, top, 1) > 0
    hits = (np.take_along_axis(truth, top, 1) & named).sum(1)
    some = truth.any(1)
    return np.stack([hits[some] / FIRST, hits[some] / truth.sum(1)[some]])


def with_interval(values: Array) -> str:
    """The mean, and its 95 % interval over resampled pictures."""
    rows = np.random.default_rng(0).integers(len(values), size=(RESAMPLED, len(values)))
    low, high = np.percentile(values[rows].mean(1), [2.5, 97.5])
    return f"{values.mean():.3f} ({low:.3f} to {high:.3f})"


def shares_named(generator: Generator, features: Array, names: Sequence[str]) -> Array:
    """The share of latents that name each tag of each picture, `(N, tags)`."""
    place = {name: number for number, name in enumerate(names)}
    shares = np.zeros((len(features), len(names)))
    found = ranked(generator, torch.from_numpy(features), draws=DRAWS, seed=0)
    for row, tags in enumerate(found):
        for name, count in tags:
            shares[row, place[name]] = count / DRAWS
    return shares


def section(
    *, seeds: Sequence[int], steps: int | None = None, data: Path | None = None, **changes: Any
) -> str:
    """The table, with how it was measured.

    Args:
        seeds: Of the runs.
        steps: Of the recipe; its own where none are given.
        data: The folder of OpenMoji.
        changes: Other settings of the recipe.

    Raises:
        PoiseError: There is no such folder.
    """
    if data is None or not (data / "metadata.csv").is_file():
        raise PoiseError("The benchmark of tags needs OpenMoji", hint="name its folder: --data openmoji/")
    changes = changes if steps is None else {**changes, "steps": steps}
    lines: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        parts = split(data, Path(folder))
        seen = open_data(parts.held_out)
        for seed in seeds:
            recipe = recipe_with(RECIPES["image-tagging"], {**changes, "seed": seed})
            planned = plan(parts.training, recipe, pick_device("cpu"))
            condition = planned.dataset.condition
            assert condition is not None
            names = condition.about["tags"]
            truth = truth_of(seen, names)
            extractor = image_extractor(condition.about["features"], seen.shape[0])
            features = image_features(seen, extractor)
            if not lines:
                lines = _beginning(planned.dataset, truth)
                baselines = _baselines(truth_of(open_data(parts.training), names), condition.array, features)
                for name, ranking in baselines.items():
                    lines.append(_row(name, ranking, truth))
            run = Path(folder) / f"run-{seed}"
            begin(planned, run, notify=lambda sentence: None)
            shares = shares_named(Generator.load(run), features, names)
            lines.append(_row(f"`image-tagging`, seed {seed}", shares, truth, latents=True))
            print(lines[-1], flush=True)
    return "\n".join(lines)


def _beginning(source: Dataset, truth: Array) -> list[str]:
    facts = source.summary
    return [
        f"{machine()}; {facts['images_with_tags']:,} training pictures, "
        f"{int(truth.any(1).sum()):,} held out; "
        f"{facts['tags']} tags known, {facts['tags_dropped']:,} rarer ones dropped; "
        f"{truth.sum(1).mean():.1f} known tags a held-out picture. Intervals are of 95 %, over pictures.",
        "",
        f"| | precision of the first {FIRST} | recall | tags named to a picture | latents that are right |",
        "|---|---|---|---|---|",
    ]


def _baselines(known: Array, features: Array, held_out: Array) -> dict[str, Array]:
    frequent = np.tile(known.mean(0), (len(held_out), 1))
    classifier = MLPClassifier((256,), alpha=1e-3, early_stopping=True, max_iter=100, random_state=0)
    classifier.fit(features, known.astype(int))
    return {
        "the most frequent tags": frequent,
        "classifier of many labels": classifier.predict_proba(held_out),
    }


def _row(name: str, ranking: Array, truth: Array, *, latents: bool = False) -> str:
    precision, recall = precision_and_recall(ranking, truth)
    some = truth.any(1)
    different = f"{(ranking[some] >= 0.05).sum(1).mean():.1f}" if latents else ""
    right = with_interval((ranking * truth).sum(1)[some]) if latents else ""
    return f"| {name} | {with_interval(precision)} | {with_interval(recall)} | {different} | {right} |"
