"""How much of a loop's time checks may take."""

from __future__ import annotations

MOST_SHARE = 0.03
"""Of the loop's time."""

LEAST_SECONDS = 2.0
"""What checks may take in any case: a run of minutes is read in full, whatever the machine is busy with."""


def affordable(spent: float, elapsed: float, most_share: float = MOST_SHARE) -> bool:
    """Whether there is time left for a check; where there is none, it is left out.

    Args:
        spent: Seconds that checks took so far.
        elapsed: Seconds since the loop began.
        most_share: Of the loop's time.

    Example:
        >>> affordable(1.5, 10.0), affordable(3.0, 10.0), affordable(3.0, 200.0)
        (True, False, True)
    """
    return spent <= max(LEAST_SECONDS, most_share * elapsed)
