"""Small parts of the metrics: splits, and fingerprints of features in batches."""

from __future__ import annotations

import torch

from poise.metrics.arrays import as_features, digest_of_rows, fingerprint_of_features
from poise.metrics.intervals import splits


def test_a_split_takes_each_thing_once() -> None:
    pairs = splits(4, 2, torch.Generator().manual_seed(0))
    assert [sorted(torch.cat(pair).tolist()) for pair in pairs] == [[0, 1, 2, 3]]


def test_a_fingerprint_does_not_depend_on_batches() -> None:
    rows = as_features([[0, 1], [2, 3], [4, 5]], "real")
    assert rows.dtype is torch.float64
    batches = digest_of_rows(rows[1:], digest_of_rows(rows[:1]))
    assert batches.hexdigest() == fingerprint_of_features(rows)
