"""How much of a loop's time checks may take."""

from __future__ import annotations

MOST_SHARE = 0.03
"""Of the loop's time."""


def affordable(spent: float, elapsed: float, most_share: float = MOST_SHARE) -> bool:
    """Whether there is time left for a check; where there is none, it is left out.

    So a run of seconds has few checks, and rules that wait for a number of them stay silent: what swings in
    its first steps is no failure yet.

    Args:
        spent: Seconds that checks took so far.
        elapsed: Seconds since the loop began.
        most_share: Of the loop's time.

    Example:
        >>> affordable(0.0, 0.0), affordable(1.0, 10.0), affordable(1.0, 100.0)
        (True, False, True)
    """
    return spent <= most_share * elapsed
