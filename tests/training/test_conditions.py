"""What a game needs of the data, and how its batches bring it."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from small_feeds import feed_of, numbered

from poise.data import Condition, Dataset, Identity, open_data, spec_of
from poise.errors import PoiseError
from poise.tasks import TASKS
from poise.tasks.prepare import prepared
from poise.training.batches import BatchSampler


def digits() -> Dataset:
    return open_data("digits")


def relabelled(labels: list[int], names: tuple[str, ...]) -> Dataset:
    source = digits()
    rows = len(labels)
    return dataclasses.replace(
        source, array=np.asarray(source.array)[:rows], labels=np.array(labels), label_names=names
    )


def test_labels_become_conditions_and_games_without_them_get_none() -> None:
    conditional = prepared(digits(), TASKS["conditional"])
    assert conditional.condition is not None
    assert spec_of(conditional).condition == (10,)
    assert sum(conditional.condition.counts) == 1797
    assert conditional.condition.names == tuple("0123456789")
    plain = prepared(conditional, TASKS["noise-to-data"])
    assert plain.condition is None and spec_of(plain).condition is None


@pytest.mark.parametrize(
    ("labels", "names", "code"),
    [
        ([0, 0, 1], ("sun", "moon"), "tasks.rare-classes"),
        ([0, 0, 0], ("sun",), "tasks.single-class"),
    ],
)
def test_labels_that_say_nothing_are_refused(labels: list[int], names: tuple[str, ...], code: str) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == code):
        prepared(relabelled(labels, names), TASKS["conditional"])


def test_data_without_labels_are_refused() -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "tasks.no-labels"):
        prepared(open_data("spiral"), TASKS["conditional"])


def sampler(conditions: Condition, **more: Any) -> BatchSampler:
    return feed_of(numbered(10, beside=100), conditions=conditions, seed=5, **more)


def image_condition(rows: int, *, paired: bool) -> Condition:
    pixels = numbered(rows, beside=100)
    return Condition("image", pixels.shape[1:], pixels, Identity(), paired=paired)


def test_each_sample_comes_with_its_own_condition() -> None:
    labels = Condition("label", (10,), np.arange(10), names=tuple("abcdefghij"))
    batches = sampler(labels)
    for step in range(6):
        batch = batches.next(step)
        assert batch.condition is not None
        torch.testing.assert_close(batch.condition.argmax(1).float(), batch.real[:, 0, 0, 0])


def test_pairs_are_mirrored_together_and_domains_apart() -> None:
    together, apart = sampler(image_condition(10, paired=True), horizontal_flips=True), None
    for step in range(8):
        batch = together.next(step)
        assert batch.condition is not None
        torch.testing.assert_close(batch.condition, batch.real)
    apart = sampler(image_condition(7, paired=False), horizontal_flips=True)
    seen = [apart.next(step) for step in range(20)]
    mirrored = [
        (b.real[:, 0, 0, 0] >= 100, b.condition[:, 0, 0, 0] >= 100) for b in seen if b.condition is not None
    ]
    real, other = (torch.cat(side) for side in zip(*mirrored, strict=True))
    assert 0 < (real != other).float().mean() < 1, "each domain is mirrored by a draw of its own"
    rows = torch.cat([b.condition[:, 0].amin((1, 2)) % 100 for b in seen if b.condition is not None])
    assert sorted(set(rows.tolist())) == list(range(7)), "every row of the other domain comes up"


def test_a_later_batch_is_the_same_wherever_one_begins() -> None:
    condition = image_condition(7, paired=False)
    walked = sampler(condition)
    for step in range(5):
        walked.next(step)
    here, there = walked.next(5), sampler(condition, drawn=5).next(5)
    assert here.condition is not None and there.condition is not None
    assert torch.equal(here.condition, there.condition) and torch.equal(here.real, there.real)
