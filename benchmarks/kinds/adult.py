"""Adult, the census table: `python -m benchmarks.kinds.adult FOLDER [--steps N] [--recipe NAME]`.

Trains on the 32,561 rows of the training part and makes as many. Shapes, pairs and detection compare these
with the training part; trees that are trained on them are tested on the official test part of 16,281 rows.
Beside them stand the real test rows, independent columns, and the generator as it is before its first step.
Each subject is a line of FOLDER/adult.jsonl; a subject whose line is there is not measured again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold

import poise
from poise.data import Array, Dataset, TableTransform, open_data
from poise.evaluation.tables import row_set
from poise.metrics import METRICS
from poise.metrics.row_sets import RowSet, independent_columns

DATA = Path("/work/shared/data/adult")
FOLDS = 3


def main() -> None:
    """Measure every subject that is not measured yet, and print its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--recipe", default="table")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", default=["start", "trained", "real", "independent"])
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE")
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    train = open_data(asked.data / "train.csv.gz")
    seconds = time.perf_counter() - began
    test = open_data(asked.data / "test.csv.gz", like=train.transform)
    print(json.dumps({"preprocessing": round(seconds, 2)}), flush=True)
    changes = dict(one.split("=", 1) for one in asked.set)
    for subject in asked.only:
        name = subject if subject in ("real", "independent") else f"{asked.recipe}, {subject}"
        if name in measured_before(asked.folder / "adult.jsonl"):
            continue
        steps = 1 if subject == "start" else asked.steps
        line = measured(name, subject, train, test, asked.folder, asked.recipe, steps, asked.seed, changes)
        with (asked.folder / "adult.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def measured_before(path: Path) -> set[str]:
    """The subjects whose lines are in a file."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return {json.loads(line)["name"] for line in lines}


def measured(
    name: str,
    subject: str,
    train: Dataset,
    test: Dataset,
    folder: Path,
    recipe: str,
    steps: int | None,
    seed: int,
    changes: dict[str, Any],
) -> dict[str, Any]:
    """The line of a subject."""
    real, unseen = (rows_of(one) for one in (train, test))
    about: dict[str, Any] = {"name": name, "seed": seed}
    began = time.perf_counter()
    if subject == "real":
        fake = unseen
    elif subject == "independent":
        fake = independent_columns(real, seed=seed)
    else:
        where = folder / name.replace(", ", "-")
        run = poise.train(train.name, recipe, steps=steps, seed=seed, out=where, evaluate_every=0, **changes)
        about |= {"steps": run.recipe.steps, "seconds": round(time.perf_counter() - began, 1)}
        stored = run.generator.data(run.generator.latents(len(real), seed=seed + 1)).numpy()
        assert isinstance(run.generator.transform, TableTransform)  # its encoding may be another
        fake = row_set(stored, run.generator.transform)
    return about | judged(real, fake, unseen, seed=seed, teachers=real if subject == "real" else fake)


def judged(
    real: RowSet, fake: RowSet, unseen: RowSet, *, seed: int, teachers: RowSet | None = None
) -> dict[str, Any]:
    """The measures of rows beside real ones; trees are trained on `teachers`, or on the rows."""
    about: dict[str, Any] = {}
    for metric in ("column-shapes", "pair-trends", "boosted-detection"):
        result = METRICS[metric].measure(real, fake, seed=seed)
        about[metric] = round(float(result), 4)
        about[f"{metric} interval"] = [round(bound, 4) for bound in next(iter(result.intervals.values()))]
    about["logistic-detection"] = round(logistic(real, fake, seed), 4)
    learnt = METRICS["trained-on-fakes"].measure(real, teachers or fake, unseen, seed=seed)
    about["auc"] = round(learnt.values["trained_on_fakes_auc"], 4)
    about["auc interval"] = [round(bound, 4) for bound in learnt.intervals["trained_on_fakes_auc"]]
    return about


def rows_of(data: Dataset) -> RowSet:
    """The rows of a table."""
    assert isinstance(data.transform, TableTransform)
    return row_set(data.gather(np.arange(len(data))).numpy(), data.transform)


def logistic(real: RowSet, fake: RowSet, seed: int) -> float:
    """The score of logistic regression in three folds: 1 if it cannot tell fakes, 0 if it always can."""
    rows = np.concatenate([_plain(side, real) for side in (real, fake)])
    labels = np.repeat([0, 1], [len(real), len(fake)])
    scores = np.zeros(len(rows))
    for seen, left in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(rows, labels):
        model = LogisticRegression(max_iter=200).fit(rows[seen], labels[seen])
        scores[left] = model.predict_proba(rows[left])[:, 1]
    return float(2 - 2 * max(0.5, roc_auc_score(labels, scores)))


def _plain(rows: RowSet, like: RowSet) -> Array:
    """Numbers standardised, categories as one number for each value."""
    parts = []
    for index, ordered in enumerate(rows.ordered):
        known, column = like.values[:, index], rows.values[:, index]
        if ordered:
            parts.append(((column - np.nanmean(known)) / max(np.nanstd(known), 1e-9))[:, None])
        else:
            parts.append(column[:, None] == np.arange(known.max() + 1))
    made: Array = np.nan_to_num(np.concatenate(parts, 1).astype(np.float64))
    return made


if __name__ == "__main__":
    main()
