"""The share of a loop's time that checks may take."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType

MOST_SHARE = 0.03  # Of the loop's time
REPAYS = 0.5  # Share of the allowance that goes on while the rest of it pays for the first checks


class Budget:
    """Counts the seconds that checks take beside those of the loop.

    Enter it around each check; a check within a check counts once, so several doctors can share a budget.
    The first checks, of which the dearest fits the reference, come at once: what they cost is an advance,
    paid back by half of the allowance until the whole of it is within the share again.

    Attributes:
        most_share: Share of the loop's time that checks may take.
        spent: Seconds that they took, without the advance.
        advance: Seconds that the first checks took.
        free: Whether the next check belongs to them.

    Example:
        >>> budget = Budget()
        >>> with budget:
        ...     pass  # a check
        >>> budget.affordable()
        True
    """

    def __init__(self, most_share: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self.most_share = MOST_SHARE if most_share is None else most_share
        self.spent, self.advance, self.free = 0.0, 0.0, True
        self._clock, self._began = clock, clock()
        self._entered, self._depth, self._checks = 0.0, 0, 0

    @property
    def elapsed(self) -> float:
        """Seconds of the loop since its first check."""
        return self._clock() - self._began

    @property
    def allowed(self) -> float:
        """Seconds that checks beside the first may have taken by now; without an end from a share of 1 on."""
        if self.most_share >= 1:
            return math.inf
        whole = self.most_share * self.elapsed
        return max(whole - self.advance, REPAYS * whole)

    def left(self) -> float:
        """Seconds that checks may take now; below 0 if they took too many."""
        inside = self._clock() - self._entered if self._depth else 0.0
        return self.allowed - self.spent - inside

    def affordable(self) -> bool:
        """Whether there is time left for a check."""
        return self.free or self.spent <= self.allowed

    def __enter__(self) -> Budget:
        if self._depth == 0:
            self._entered = self._clock()
        self._depth += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._depth -= 1
        if self._depth:
            return
        self._checks += 1
        now = self._clock()
        if self._checks == 1:
            self._began = now
        if self.free:
            self.advance += now - self._entered
        else:
            self.spent += now - self._entered
        self.free = False
