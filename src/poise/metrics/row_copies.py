"""Whether generated rows are copies: on which side their nearest row lies."""

from __future__ import annotations

import numpy as np

from poise.errors import PoiseError
from poise.metrics.intervals import share_interval
from poise.metrics.metric import metric
from poise.metrics.result import Result
from poise.metrics.row_sets import LEAST, Array, RowSet
from poise.randomness import torch_stream

COPIES_AT_ONCE = 256


@metric(
    "The share of fakes that are nearer to a training row than to an unseen one: one half without copies.",
    "distance to the closest record, both sides of one size, as TabSyn's evaluation says it must be",
    needs=("train_rows", "fake_rows", "test_rows"),
    lower_is_better=True,
)
def nearer_to_training(train: RowSet, fake: RowSet, test: RowSet, *, seed: int = 0) -> Result:
    """Tells of copies. It says nothing of privacy: sets that pass it are open to membership inference.

    The distance is the mean over columns of the difference over the range of the training rows, at most 1,
    or of 0 and 1 for categories. Both sides have as many rows; a tie counts half.

    Args:
        train: Rows that were trained on.
        fake: Fakes.
        test: Rows that were not trained on.
        seed: Draws the rows.
    """
    size = min(len(train), len(test))
    if size < LEAST:
        what = f"There are {size} rows on the smaller side, and {LEAST} are needed"
        raise PoiseError(
            what, code="metrics.too-few-unseen-rows", hint="hold more rows out: --set held_out=0.1"
        )
    chosen = [
        side.taken(np.sort(torch_rows(len(side), size, seed, what)))
        for side, what in ((train, "training rows"), (test, "test rows"))
    ]
    range_of = np.nan_to_num(np.nanmax(train.values, 0) - np.nanmin(train.values, 0))
    near = [_nearest(fake, side, range_of) for side in chosen]
    nearer = (near[0] < near[1]) + 0.5 * (near[0] == near[1])
    share = float(nearer.mean())
    return Result(
        "nearer-to-training",
        share,
        share_interval(share * len(fake), len(fake)),
        "Wilson's, of a share",
        0.5,
        "what fakes without copies score",
        {"train": size, "held_out": size, "fake": len(fake)},
        settings={"seed": seed},
        reference="rows",
    )


def torch_rows(count: int, size: int, seed: int, what: str) -> Array:
    """So many of the rows, drawn by a seed."""
    import torch  # noqa: PLC0415 - one call

    order: Array = torch.randperm(count, generator=torch_stream(seed, 0, what)).numpy()[:size]
    return order


def _nearest(fake: RowSet, rows: RowSet, range_of: Array) -> Array:
    """The distance of each fake to its nearest row."""
    found = []
    there = rows.values
    for start in range(0, len(fake), COPIES_AT_ONCE):
        here = fake.values[start : start + COPIES_AT_ONCE]
        total = np.zeros((len(here), len(there)), dtype=np.float32)
        for index, ordered in enumerate(fake.ordered):
            one, two = here[:, index, None], there[None, :, index]
            if ordered:
                gap = np.minimum(np.abs(one - two) / max(range_of[index], 1e-12), 1.0)
                total += np.where(np.isnan(one) & np.isnan(two), 0.0, np.where(np.isnan(gap), 1.0, gap))
            else:
                total += one != two
        found.append(total.min(1))
    return np.concatenate(found)
