"""What checks may take: a share of the time."""

from hypothesis import given
from hypothesis.strategies import floats

from poise.diagnosis.allowance import MOST_SHARE, affordable

SECONDS = floats(0, 1e6)


@given(SECONDS)
def test_the_first_check_is_always_made(elapsed: float) -> None:
    assert affordable(0.0, elapsed)


@given(SECONDS, SECONDS)
def test_no_check_is_made_beyond_the_share(spent: float, elapsed: float) -> None:
    assert affordable(spent, elapsed) == (spent <= MOST_SHARE * elapsed)


def test_the_whole_time_is_every_check() -> None:
    assert affordable(10.0, 10.0, 1.0)
