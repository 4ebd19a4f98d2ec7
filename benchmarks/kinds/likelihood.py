"""Tables whose distribution is known: `python -m benchmarks.kinds.likelihood FOLDER [--networks asia child]`.

Rows are drawn from a Bayesian network, 10,000 to train on and 10,000 to test. As many are made by each
subject. Two means of log-likelihoods, in nats, tell how good they are: that of what was made under the true
network, and that of the test rows under a network of the true edges that is refitted to what was made, as in
Xu et al. 2019. The second falls if values, or combinations of them, are missing. Beside them stand the true
rows, and independent columns. Each subject is a line of FOLDER/likelihood.jsonl.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import poise
from poise.data import Array

DATA = Path("/work/shared/data/bayesian-networks")
NETWORKS = ("asia", "child", "insurance", "alarm")
ROWS = 10_000
LEAST = 1e-12  # A probability, so that an impossible row has a finite logarithm

Tables = Mapping[str, Array]
Rows = Mapping[str, Array]


@dataclass(frozen=True)
class Network:
    """A discrete Bayesian network.

    Attributes:
        values: The values of each column.
        parents: The columns that each depends on; every column stands after its parents.
        tables: The probabilities of each column, by the values of its parents and then its own.
    """

    values: Mapping[str, tuple[str, ...]]
    parents: Mapping[str, tuple[str, ...]]
    tables: Tables

    def drawn(self, count: int, seed: int) -> dict[str, Array]:
        """Rows, as the numbers of their values."""
        stream, rows = np.random.default_rng(seed), dict[str, Array]()
        for column, parents in self.parents.items():
            shares = self.tables[column][tuple(rows[one] for one in parents)]
            shares = np.broadcast_to(shares, (count, len(self.values[column])))
            above = stream.random((count, 1)) > shares.cumsum(1)
            rows[column] = np.minimum(above.sum(1), len(self.values[column]) - 1)
        return rows

    def log_likelihood(self, rows: Rows) -> float:
        """The mean over rows, in nats."""
        total = sum(
            np.log(np.maximum(self.tables[column][tuple(rows[one] for one in (*parents, column))], LEAST))
            for column, parents in self.parents.items()
        )
        return float(np.mean(total))

    def refitted(self, rows: Rows) -> Network:
        """The same edges with the shares of these rows; one row is spread over the values of every case."""
        tables: dict[str, Array] = {}
        for column, parents in self.parents.items():
            counts = np.full(self.tables[column].shape, 1 / len(self.values[column]))
            np.add.at(counts, tuple(rows[one] for one in (*parents, column)), 1)
            tables[column] = counts / counts.sum(-1, keepdims=True)
        return Network(self.values, self.parents, tables)


def read_network(path: Path) -> Network:
    """A network of a file in the BIF format."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"variable (\S+) \{\s*type discrete \[ \d+ \] \{ (.*?) \};", text)
    values = {column: tuple(one.strip() for one in listed.split(",")) for column, listed in found}
    parents: dict[str, tuple[str, ...]] = {}
    tables: dict[str, Array] = {}
    for about, body in re.findall(r"probability \( (.*?) \) \{(.*?)\n\}", text, flags=re.DOTALL):
        column, *others = re.split(r"[|,\s]+", about)
        parents[column] = tuple(others)
        table = np.zeros([len(values[one]) for one in (*others, column)])
        for case, shares in re.findall(r"(?:\((.*?)\)|table) (.*?);", body):
            place = zip(others, case.split(", "), strict=True) if others else ()
            table[tuple(values[one].index(value) for one, value in place)] = np.fromstring(shares, sep=",")
        tables[column] = table / table.sum(-1, keepdims=True)
    order: list[str] = []
    while len(order) < len(values):
        order += [one for one in values if one not in order and set(parents[one]) <= set(order)]
    return Network(values, {one: parents[one] for one in order}, tables)


def made(network: Network, train: Rows, folder: Path, subject: str, steps: int | None, seed: int) -> Rows:
    """As many rows of a subject as there are to train on."""
    if subject == "true rows":
        return network.drawn(ROWS, seed + 2)
    if subject == "independent columns":
        stream = np.random.default_rng(seed)
        return {column: stream.permutation(numbers) for column, numbers in train.items()}
    path = folder / "train.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(train)
        # A letter before each value: every column is one of categories, and "None" is not a missing cell
        words = [[f"v{number}" for number in numbers] for numbers in train.values()]
        writer.writerows(zip(*words, strict=True))
    steps = 1 if subject == "table, start" else steps
    run = poise.train(
        path, "table", steps=steps, seed=seed, out=folder / subject.replace(", ", "-"), evaluate_every=0
    )
    columns = run.generator.table(ROWS, seed=seed + 1)
    return {one: np.array([int(word[1:]) for word in columns[one]]) for one in train}


def main() -> None:
    """Measure every subject that is not measured yet, and print its line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--networks", nargs="*", default=NETWORKS, choices=NETWORKS)
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    lines = asked.folder / "likelihood.jsonl"
    known = [json.loads(one) for one in lines.read_text().splitlines()] if lines.exists() else []
    before = {(one["network"], one["subject"], one["seed"]) for one in known}
    for name in asked.networks:
        network = read_network(asked.data / f"{name}.bif")
        train, test = (network.drawn(ROWS, 10 * asked.seed + part) for part in (0, 1))
        for subject in ("true rows", "independent columns", "table, start", "table"):
            if (name, subject, asked.seed) in before:
                continue
            folder = asked.folder / f"{name}-{asked.seed}"
            folder.mkdir(exist_ok=True)
            began = time.process_time()
            rows = made(network, train, folder, subject, asked.steps, asked.seed)
            line = {
                "network": name,
                "subject": subject,
                "seed": asked.seed,
                "processor_seconds": round(time.process_time() - began, 1),
                "made_under_true": round(network.log_likelihood(rows), 3),
                "test_under_refitted": round(network.refitted(rows).log_likelihood(test), 3),
                "test_under_true": round(network.log_likelihood(test), 3),
            }
            with lines.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
