"""What checks may take: two seconds, or a share of the time."""

from hypothesis import given
from hypothesis.strategies import floats

from poise.diagnosis.allowance import LEAST_SECONDS, MOST_SHARE, affordable

SECONDS = floats(0, 1e6)


@given(SECONDS)
def test_a_run_of_minutes_is_read_in_full(elapsed: float) -> None:
    assert affordable(LEAST_SECONDS, elapsed)


@given(SECONDS, SECONDS)
def test_a_long_run_spends_its_share_and_one_check_more_at_most(spent: float, elapsed: float) -> None:
    if affordable(spent, elapsed):
        assert spent <= max(LEAST_SECONDS, MOST_SHARE * elapsed)
    else:
        assert spent > LEAST_SECONDS and spent > MOST_SHARE * elapsed


def test_the_whole_time_is_never_spent() -> None:
    assert affordable(10.0, 10.0, 1.0)
