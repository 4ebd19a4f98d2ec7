"""Adult, asked: `python -m benchmarks.kinds.adult_asked RUN [--data FOLDER]`, after `benchmarks.kinds.adult`.

Conditions: do all rows meet them, and are the other columns distributed as in the rows of the training part
that meet them? The floor is that of the official test part's rows against these.
Missing cells: a tenth of the known cells of 1,000 test rows are emptied and filled in. Numbers by the mean of
the draws, in deviations of the training part; categories by the most frequent draw. Beside it means and
modes, and the mean or mode of the ten nearest of 10,000 training rows.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

import poise
from poise.data import Array, TableTransform, open_data
from poise.data.tables import read_frame
from poise.data.tables.conditions import read_condition
from poise.evaluation.tables import row_set
from poise.generator.imputing import imputed
from poise.metrics import METRICS

CONDITIONS = (
    "income == '>50K' and age > 40",
    "education == 'Masters' and sex == 'Female'",
    "30 < age <= 35 and hours-per-week >= 50",
    "native-country == 'Mexico'",
    "capital-gain > 5000",
)
MOST, ROWS, DRAWS, NEAREST, KNOWN = 5_000, 1_000, 20, 10, 10_000


def main() -> None:
    """Print a line for each condition, and one for the missing cells."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", type=Path, default=Path("/work/shared/data/adult"))
    asked = parser.parse_args()
    generator = poise.Generator.load(asked.run)
    transform = generator.transform
    assert isinstance(transform, TableTransform)
    train, test = (
        open_data(asked.data / f"{part}.csv.gz", like=transform).gather(np.arange(size)).numpy()
        for part, size in (("train", 32_561), ("test", 16_000))
    )
    for condition in CONDITIONS:
        print(json.dumps(_condition(generator, transform, condition, train, test)), flush=True)
    print(json.dumps(_missing(generator, transform, asked.data, train)), flush=True)


def _condition(
    generator: poise.Generator, transform: TableTransform, text: str, train: Array, test: Array
) -> dict[str, Any]:
    condition = read_condition(text, transform)
    real, unseen = (rows[condition.whole(transform.texts(rows))] for rows in (train, test))
    found = generator.where(text, min(MOST, len(real)), seed=1)
    made = found.rows
    sides = [row_set(rows, transform) for rows in (real, made, unseen)]
    shapes = [float(METRICS["column-shapes"].measure(sides[0], side, seed=0)) for side in sides[1:]]
    return {
        "condition": text,
        "rows": len(real),
        "met": float(np.mean(condition.whole(transform.texts(made)))),
        "probability": round(found.probability, 4),
        "share in train": round(len(real) / len(train), 4),
        "shapes": round(shapes[0], 4),
        "shapes of test rows": round(shapes[1], 4),
    }


def _missing(
    generator: poise.Generator, transform: TableTransform, folder: Path, train: Array
) -> dict[str, Any]:
    frame = read_frame(None, folder / "test.csv.gz", "test")
    known = transform.known(frame.columns)
    rows = np.flatnonzero(known)[:ROWS]
    whole = {name: [texts[row] for row in rows] for name, texts in frame.columns.items()}
    stream = np.random.default_rng(0)
    names = [column.name for column in transform.columns]
    gone = {
        name: (stream.random(ROWS) < 0.1) & np.array([bool(text) for text in whole[name]]) for name in names
    }
    hidden = gone | {copy.name: gone[copy.of] for copy in transform.derived if copy.of in gone}
    holed = {
        name: ["" if name in hidden and hidden[name][row] else text for row, text in enumerate(texts)]
        for name, texts in whole.items()
    }
    filled = list(imputed(generator, holed, draws=DRAWS, seed=0))
    plain, near = _plain(transform, holed, gone, train)
    found: dict[str, dict[str, list[float]]] = {}
    for column in transform.columns:
        places = np.flatnonzero(gone[column.name])
        if column.ordered:
            truth = column.numbers([whole[column.name][row] for row in places])
            spread = np.nanstd(column.numbers(transform.learnt(train)[column.name]))
            drawn = [column.numbers([one[column.name][row] for row in places]) for one in filled]
            guesses = {"poise": np.mean(drawn, 0), "means": plain[column.name], "nearest": near[column.name]}
            for who, guess in guesses.items():
                error = np.square((guess - truth) / spread)
                found.setdefault(who, {}).setdefault("numbers", []).append(float(error.mean()))
            continue
        wanted = [whole[column.name][row] for row in places]
        said = [_mode([one[column.name][row] for one in filled]) for row in places]
        for who, texts in (("poise", said), ("means", plain[column.name]), ("nearest", near[column.name])):
            right = float(np.mean([one == other for one, other in zip(texts, wanted, strict=True)]))
            found.setdefault(who, {}).setdefault("categories", []).append(right)
    return {
        who: {
            "root mean squared error of numbers, in deviations": round(
                float(np.sqrt(np.mean(of["numbers"]))), 4
            ),
            "categories right": round(float(np.mean(of["categories"])), 4),
        }
        for who, of in found.items()
    }


def _mode(texts: list[str]) -> str:
    return max(dict.fromkeys(texts), key=texts.count)


def _plain(
    transform: TableTransform, holed: dict[str, list[str]], gone: dict[str, Array], train: Array
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The mean or mode of all training rows, and of the nearest, for each cell that is gone."""
    learnt = transform.learnt(train[np.random.default_rng(1).permutation(len(train))[:KNOWN]])
    distance = np.zeros((ROWS, KNOWN), dtype=np.float32)
    for column in transform.columns:
        here, there = holed[column.name], learnt[column.name]
        present = np.array([bool(text) for text in here])[:, None]
        if column.ordered:
            one, two = column.numbers(here)[:, None], column.numbers(there)[None]
            gap = np.minimum(np.abs(one - two) / (4 * np.nanstd(two)), 1.0)
            distance += np.where(present & ~np.isnan(gap), gap, 0)
        else:
            codes = {text: number for number, text in enumerate(dict.fromkeys([*here, *there]))}
            first, second = (np.array([codes[text] for text in side]) for side in (here, there))
            distance += present & (first[:, None] != second[None])
    nearest = np.argpartition(distance, NEAREST, axis=1)[:, :NEAREST]
    plain: dict[str, Any] = {}
    near: dict[str, Any] = {}
    for column in transform.columns:
        places, texts = np.flatnonzero(gone[column.name]), np.array(learnt[column.name], dtype=object)
        if column.ordered:
            numbers = column.numbers(list(texts))
            plain[column.name] = np.full(len(places), np.nanmean(numbers))
            near[column.name] = np.nanmean(numbers[nearest[places]], 1)
        else:
            often = _mode([text for text in texts.tolist() if text])
            plain[column.name] = [often] * len(places)
            near[column.name] = [
                _mode([text for text in texts[nearest[row]].tolist() if text] or [often]) for row in places
            ]
    return plain, near


if __name__ == "__main__":
    main()
