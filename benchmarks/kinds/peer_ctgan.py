"""The package `ctgan`, trained on a table by an interpreter that has it; `benchmarks.kinds.peer` calls it.

`PYTHON peer_ctgan.py TABLE.csv SAMPLES.csv ROWS EPOCHS COLUMN ...`: the columns are those of categories. Each
number of epochs, apart by commas, is a fit of its own; the last one is sampled. Prints seconds as JSON.
"""

import importlib
import json
import sys
import time
from typing import Any

import torch

# of the other interpreter alone
ctgan: Any = importlib.import_module("ctgan")
pandas: Any = importlib.import_module("pandas")


def main() -> None:
    """Train for each number of epochs, and write samples of the last."""
    table, samples, rows, epochs, *categories = sys.argv[1:]
    torch.set_num_threads(1)
    seconds = {}
    for count in map(int, epochs.split(",")):
        torch.manual_seed(0)
        began = time.perf_counter(), time.process_time()
        data = pandas.read_csv(table, dtype=dict.fromkeys(categories, str), keep_default_na=False)
        model = ctgan.CTGAN(epochs=count, batch_size=500, cuda=False)
        model.fit(data, categories)
        passed = time.perf_counter() - began[0], time.process_time() - began[1]
        seconds[count] = [round(one, 2) for one in passed]
    if int(rows):
        model.sample(int(rows)).to_csv(samples, index=False)
    print(json.dumps({"version": ctgan.__version__, "seconds": seconds}))


if __name__ == "__main__":
    main()
