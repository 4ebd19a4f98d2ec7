"""Damaged data rank as they should in the numbers that training picks its best state by."""

from __future__ import annotations

import pytest
from benchmarks.damage import Ranking, digits, rankings


@pytest.fixture(scope="module")
def found() -> dict[tuple[str, str], Ranking]:
    images, labels, other = digits()
    return {(one.damage, one.number): one for one in rankings(images[:800], labels[:800], other)}


@pytest.mark.parametrize("damage", ["noise", "blur", "dropped modes", "duplicates", "mixed in"])
def test_the_distance_rises_with_every_strength_of_every_damage(
    damage: str, found: dict[tuple[str, str], Ranking]
) -> None:
    along = found[damage, "frechet-distance"]
    assert len(along.values) == 6
    assert along.strict, along


def test_what_is_missing_lowers_coverage_and_what_is_foreign_lowers_precision(
    found: dict[tuple[str, str], Ranking],
) -> None:
    assert found["dropped modes", "coverage"].strict
    assert found["duplicates", "coverage"].strict
    assert found["mixed in", "precision"].strict
    # Nothing is missing where foreign images are added, so recall hardly moves.
    recalls = found["mixed in", "recall"].values
    assert max(recalls) - min(recalls) < 0.1
