"""Schedules against their closed forms: where they start, how they move, where they end."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from poise.schedules import Schedule, value_at

number = st.floats(-1e6, 1e6)
shapes = st.sampled_from(["constant", "linear", "cosine"])


@pytest.mark.parametrize("images", [0, 100, 150, 250, 299, 300, 10_000])
def test_closed_forms(images: int) -> None:
    share = min(1.0, max(0.0, (images - 100) / 200))
    wanted = {
        "constant": 3.0,
        "linear": 3.0 - 4.0 * share,
        "cosine": -1.0 + 4.0 * (1 + math.cos(math.pi * share)) / 2,  # Loshchilov and Hutter 2017, equation 5
    }
    for shape, value in wanted.items():
        schedule = Schedule.model_validate({"shape": shape, "start": 3, "end": -1, "after": 100, "over": 200})
        assert schedule.at(images) == pytest.approx(value, abs=1e-12)
        assert value_at(schedule, images) == schedule.at(images)


def test_without_an_end_it_stays_and_a_plain_number_is_itself() -> None:
    assert Schedule(start=2.5, over=10).at(5) == 2.5
    assert value_at(2.5, 5) == 2.5


@given(
    shape=shapes,
    ends=st.tuples(number, number),
    after=st.one_of(st.just(0.0), st.floats(1.5, 1e6)),
    over=st.floats(1.5, 1e6),
    images=st.lists(st.integers(0, 3_000_000), min_size=2),
)
def test_it_goes_from_start_to_end_without_turning_back(
    shape: str, ends: tuple[float, float], after: float, over: float, images: list[int]
) -> None:
    start, end = ends
    schedule = Schedule.model_validate(
        {"shape": shape, "start": start, "end": end, "after": after, "over": over}
    )
    rounding = 1e-12 * max(abs(start), abs(end))
    values = [schedule.at(seen) for seen in sorted(images)]
    assert all(min(ends) - rounding <= value <= max(ends) + rounding for value in values)
    direction = 1 if end > start else -1
    pairs = pairwise(values)
    assert all(direction * (later - earlier) >= -rounding for earlier, later in pairs)
    assert schedule.at(math.floor(after)) == start, "nothing moves before its time"
    at_last = start if shape == "constant" else end
    assert schedule.at(math.ceil(after + over)) == pytest.approx(at_last, abs=rounding)


@given(
    shape=shapes,
    after=st.floats(0, 1),
    over=st.floats(0.01, 1),
    images=st.integers(0, 1000),
    longer=st.integers(1, 50),
)
def test_shares_of_a_run_stretch_with_it(
    shape: str, after: float, over: float, images: int, longer: int
) -> None:
    schedule = Schedule.model_validate({"shape": shape, "start": 1, "end": 0, "after": after, "over": over})
    short, long = schedule.at(images, 1000), schedule.at(images * longer, 1000 * longer)
    assert short == pytest.approx(long, abs=1e-9)


@given(after=st.floats(2, 500), over=st.floats(2, 500), images=st.integers(0, 1000))
def test_counts_of_images_do_not_stretch(after: float, over: float, images: int) -> None:
    schedule = Schedule(start=1.0, end=0.0, after=after, over=over)
    assert schedule.at(images, 1000) == schedule.at(images, 50_000) == schedule.at(images)


def test_the_whole_run_is_one_and_a_share_needs_its_length() -> None:
    whole = Schedule(start=0.0, end=1.0)
    assert [whole.at(images, 400) for images in (0, 100, 400, 500)] == [0.0, 0.25, 1.0, 1.0]
    with pytest.raises(ValueError, match="length of the run"):
        whole.at(100)
    with pytest.raises(ValueError, match="left to the data"):
        Schedule(start=None, end=1.0).at(100, 400)


@pytest.mark.parametrize(
    "settings",
    [
        {"start": 1.0, "over": 0.0},
        {"start": 1.0, "over": -1.0},
        {"start": 1.0, "after": -0.5},
        {"start": math.nan},
        {"start": 1.0, "end": math.inf},
        {"start": 1.0, "until": 3},
        {"start": 1.0, "shape": "square"},
    ],
)
def test_what_is_no_schedule_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        Schedule.model_validate(settings)
