"""The time that checks may take beside a loop's own, and which parts of a check come in turn for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType

from poise.diagnosis.examination import DEARER, FEW, Examiner
from poise.diagnosis.reference import MOST_PROBED
from poise.diagnosis.rule import part_of
from poise.diagnosis.tracker import FindingTracker
from poise.diagnosis.trends import CLOSE

# Parts of a check that cost next to nothing and are measured whenever there is one
BASE = ("weights", "drawn", "handed", "loop")
# The others, with the spans after which each is due again; all are due at each check that can afford them
DUE: Mapping[str, float] = {
    "samples": 1.0,
    "latents": 2.0,
    "conditions": 2.0,
    "statistics": 3.0,
    "held out": 3.0,
    "grid": 4.0,
    "waves": 4.0,
    "layouts": 4.0,
    "augmentation": 6.0,
    "copies": 4.0,
}
URGENT = "latents"  # A generator that does not answer to its latents is to be named within three checks
STOOD_FOR = 4.0  # The same of samples that the loop's fakes stand for
OPENING = 3  # Checks that come at once, in which what is unmistakable can be named
OPENS = ("samples", "latents", "layouts")  # What they measure beside the base
AMPLE = 0.7  # Share of a span's time below which a check of every part is cheap
# Parts that cost more with more samples
SCALING = ("sampling", "samples", "statistics", "copies", "held out")
MAKING = ("sampling", "samples")  # What makes and compares samples
LIGHT = 0.25  # Share of the allowance for checks of the base alone; the rest is saved for the other parts
TOGETHER = 3  # Other parts that time is saved for, since the base and sampling serve all of a check
DEAR = 0.2  # Share of all that was allowed so far that one part may cost; what is dearer waits
LONG = 3.0  # Times its own interval that a part has waited, from which cheaper ones wait for it
MOST_SHARE = 0.03  # Of the loop's time
REPAYS = 0.5  # Share of the allowance that goes on while the rest of it pays for the first checks


class Budget:
    """Counts the seconds that checks take beside those of the loop.

    Enter it around each check; a check within a check counts once, so several doctors can share a budget.
    The first checks, of which the dearest fits the reference, come at once: what they cost, and what was
    worked out before them, is an advance, paid back by half of the allowance until the whole of it is within
    the share again.

    Attributes:
        most_share: Share of the loop's time that checks may take.
        spent: Seconds that they took, without the advance.
        advance: Seconds that the first checks took, and what was worked out before them.
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

    def until(self, seconds: float) -> float:
        """Seconds of the loop until checks are allowed to have taken `seconds`."""
        if self.most_share >= 1:
            return 0.0
        whole = min(seconds + self.advance, seconds / REPAYS)
        return max(whole / self.most_share - self.elapsed, 0.0)

    @property
    def inside(self) -> float:
        """Seconds that the check has taken so far; 0 outside one."""
        return self._clock() - self._entered if self._depth else 0.0

    def left(self) -> float:
        """Seconds that checks may take now; below 0 if they took too many."""
        return self.allowed - self.spent - self.inside

    def charge(self, seconds: float) -> None:
        """Count seconds that were taken outside checks; those before the first check are an advance.

        Example:
            >>> budget = Budget()
            >>> budget.charge(0.5)
            >>> budget.advance, budget.spent
            (0.5, 0.0)
        """
        if self._checks:
            self.spent += seconds
        else:
            self.advance += seconds

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


class Turns:
    """Which parts of a check are measured, and of how many samples: what is due in turn, if there is time.

    Beside the base, parts come in turn, the one that has waited longest first. Those that are new fit the
    reference, so that they come one at a time.

    Args:
        budget: The time that checks may take.

    Attributes:
        count: How many samples are compared at the check that was chosen last.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget, self.count = budget, MOST_PROBED
        self.measured: dict[str, float] = {}  # The progress at which each part was last measured
        self._conditioned = False  # Whether samples are made with conditions
        self._light = 0.0  # Seconds of checks of the base alone
        self._beside = math.inf  # Seconds that a check takes beside its parts
        self._least = 0.0  # Seconds of a check of the base
        self._next = 0.0  # Seconds of one of the parts that are next, too

    def has_time(self, checks: int) -> bool:
        """Whether there is time for another check to its end, given the number of checks so far."""
        if checks < OPENING or self.budget.most_share >= 1 or self.budget.free:
            return True
        left = self.budget.left()
        light = self._least <= left and self._light + self._least <= LIGHT * self.budget.allowed
        return light or self._next <= left

    def saving(self, checks: int, more: float = 0.0) -> float:
        """Seconds of the loop until there is time for the next check and for `more` seconds beside it."""
        if checks < OPENING or self.budget.most_share >= 1:
            return 0.0
        spent, light = self.budget.spent + more, self._light + self._least
        return self.budget.until(min(max(spent + self._least, light / LIGHT), spent + self._next))

    def chosen(
        self, now: float, examiner: Examiner, tracker: FindingTracker, *, conditioned: bool = False
    ) -> tuple[str, ...]:
        """The parts that are measured at this check, and in `count` of how many samples.

        Args:
            now: The progress of the run, in spans.
            examiner: It knows the parts and what each costs.
            tracker: It knows the checks so far, and what is suspected.
            conditioned: Whether the samples are made with conditions.
        """
        budget, self._conditioned = self.budget, conditioned
        if budget.most_share >= 1:
            return tuple(examiner.parts)
        if len(tracker.measurements) < OPENING:
            self.count = FEW
            return (*BASE, *OPENS)
        spans = max(now - self.measured.get("weights", 0.0), 1.0)
        share = budget.most_share * budget.elapsed / max(now, 1.0)  # Seconds that a span allows
        new = [part for part in examiner.parts if part not in self.measured]
        whole = sum(self._cost(part, examiner, MOST_PROBED) for part in ("sampling", *examiner.parts))
        if whole < AMPLE * share * spans:
            self.count = MOST_PROBED
            return (*(part for part in examiner.parts if part in self.measured), *new[:1])
        enough = (n for n in (MOST_PROBED, 128) if self._cost("sampling", examiner, n) < 0.4 * share)
        self.count = next(enough, FEW)
        found, left = list(BASE), budget.left() - self._least
        waits, sampled = self._payable(now, examiner, tracker), examiner.sampled(conditioned=conditioned)
        for part in waits:
            needs_sampling = part in sampled and not sampled & set(found)
            cost = self._cost(part, examiner) + self._cost("sampling", examiner) * needs_sampling
            second = part in new and not set(found).isdisjoint(new)
            if waits[part] < 1 - CLOSE / DUE[part] or second:
                continue
            if cost <= left:
                found.append(part)
                left -= cost
            elif waits[part] > LONG:
                break
        return tuple(found)

    def note(
        self, parts: Sequence[str], now: float, examiner: Examiner, tracker: FindingTracker, *, seconds: float
    ) -> None:
        """Note that parts were measured in `seconds`, and what the next check will cost."""
        self.measured |= dict.fromkeys(parts, now)
        if set(parts) <= set(BASE):
            self._light += max(seconds, 0.0)
        self._beside = min(max(seconds - examiner.took, 0.0), DEARER * self._beside)
        following = tuple(self._payable(now, examiner, tracker))[:TOGETHER]
        samples = bool(examiner.sampled(conditioned=self._conditioned) & set(following))
        self._least = self._beside + sum(self._cost(part, examiner) for part in BASE)
        costs = sum(self._cost(part, examiner) for part in following)
        self._next = self._least + costs + self._cost("sampling", examiner) * samples

    def waits(self, now: float, examiner: Examiner, tracker: FindingTracker) -> dict[str, float]:
        """How long each part has waited, over the time after which it is due; the longest first.

        What shows an unmistakable failure goes before all others once it is due, and after it what a rule
        suspects: that is due again after a span.
        """
        due = dict(DUE, samples=STOOD_FOR) if examiner.stood_for else dict(DUE)
        noted = {part.quantity for part in examiner.parts.values()}
        names = {name if name in noted else part_of(name) for name in tracker.suspected}
        suspected = {part for part in due if examiner.parts[part].quantity in names}
        due |= dict.fromkeys(suspected, 1.0)
        waits = {part: (now - self.measured.get(part, 0.0)) / spans for part, spans in due.items()}

        def turn(part: str) -> tuple[bool, bool, float]:
            late = waits[part] >= 1
            return not (part == URGENT and late), not (part in suspected and late), -waits[part]

        return {part: waits[part] for part in sorted(waits, key=turn)}

    def _payable(self, now: float, examiner: Examiner, tracker: FindingTracker) -> dict[str, float]:
        """The same of the parts that do not cost too much of what was allowed so far."""
        most = DEAR * self.budget.allowed
        return {
            part: wait
            for part, wait in self.waits(now, examiner, tracker).items()
            if part in OPENS or self._cost(part, examiner) <= most
        }

    def _cost(self, part: str, examiner: Examiner, count: int = 0) -> float:
        """Seconds that a part will take with `count` samples; of one that is new, as its row says."""
        if part in examiner.seconds or part == "sampling":
            known, before = examiner.seconds.get(part, 0.0), examiner.counts.get(part, MOST_PROBED)
        else:
            samples = sum(self._cost(one, examiner, MOST_PROBED) for one in examiner.seconds if one in MAKING)
            known, before = examiner.parts[part].first * samples, MOST_PROBED
        return known * ((count or self.count) / before) ** 0.7 if part in SCALING else known
