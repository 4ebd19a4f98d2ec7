"""One check: sample, measure the parts that there is time for, and note what gave nothing and why."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from torch import Tensor

from poise.diagnosis.finding import Measurement
from poise.diagnosis.inputs import only_samples
from poise.diagnosis.look import Look, Memory, MissingError, Subject
from poise.diagnosis.parts import PARTS
from poise.diagnosis.reference import LEAST_OTHERS, MOST_PROBED, Reference
from poise.diagnosis.rule import LATER
from poise.diagnosis.undisturbed import still
from poise.diagnosis.window import first_non_finite

SAMPLED = frozenset(name for name, part in PARTS.items() if part.samples)
OWN = frozenset(name for name, part in PARTS.items() if part.own)
CALLING = frozenset(name for name, part in PARTS.items() if part.calls)
DEARER = 1.5  # Times what a part took before that it is taken to cost at most now
# Difference of the energy distances, and share of the greater one, below which the loop's fakes may stand for
# the generator's samples
SAME, SAME_SHARE = 0.06, 0.15


class Examiner:
    """Measures. It remembers the last samples and weights, to see how far they move.

    Args:
        reference: Reals to compare with.

    Attributes:
        seconds: What each part costs, as its last measurements say.
        count: How many samples were compared then.
        memory: What earlier checks have left.
    """

    def __init__(self, reference: Reference | None) -> None:
        self.reference = reference
        self.seconds: dict[str, float] = {}
        self.count = MOST_PROBED
        self.memory = Memory()

    @property
    def stood_for(self) -> bool:
        """Whether the loop's fakes may stand for the generator's samples."""
        return self.memory.stood_for

    def examine(
        self,
        window: Measurement,
        subject: Subject,
        *,
        parts: Sequence[str] | None = None,
        count: int = MOST_PROBED,
    ) -> Measurement:
        """Measure. A part that raises is left out, and its reason is in `missing`.

        Args:
            window: The statistics of the steps.
            subject: What is examined.
            parts: Those that there is time for; all by default.
            count: How many samples are compared.
        """
        found: dict[str, Any] = {"metric": subject.metric, "non_finite": window.non_finite}
        if self.reference is not None:
            found |= {
                "training_count": len(self.reference.real),
                "held_out_count": 0 if self.reference.held_out is None else len(self.reference.held_out),
            }
        chosen = tuple(PARTS) if parts is None else parts
        missing = {part.quantity: LATER for name, part in PARTS.items() if name not in chosen}
        wanted = SAMPLED & set(chosen)
        own = OWN if subject.swapped is not None else OWN - {"conditions"}
        stands = self.stood_for and not own & set(chosen)
        self.count = count
        with still(subject.modules) if (wanted and not stands) or CALLING & set(chosen) else nullcontext():
            began = time.perf_counter()
            if stands:
                fake = None if subject.handed is None or not wanted else subject.handed[:count]
                self.count = count if fake is None else len(fake)
            else:
                fake = self._fakes(subject, count, missing) if wanted else None
            culprit = None if fake is None else first_non_finite([("samples of the generator", fake)])
            if culprit:
                found["non_finite"] = found["non_finite"] or culprit
                missing["distance"] = "the samples hold values that are not finite"
                fake = None
            if wanted and not stands:
                self._took("sampling", time.perf_counter() - began)
            look = Look(subject, fake, self.reference, self.memory, alone="samples" not in chosen)
            self._measure(
                [name for name in chosen if PARTS[name].quantity not in missing], look, found, missing
            )
        if subject.sample is None or "samples" in chosen:
            enough = subject.handed is not None and len(subject.handed) >= LEAST_OTHERS
            self.memory.stood_for = enough and _agree(found.get("distance"), found.get("fake_distance"))
        elif "distance" in found:
            missing["movement"] = missing.pop("distance")
        if window.auc is None:
            missing["auc"] = "no scores of reals and fakes were given"
        return replace(window, **found, missing=missing)

    def state(self) -> dict[str, Tensor]:
        """What later measurements depend on."""
        return self.memory.state()

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.memory.load(state)

    def _measure(
        self, names: Sequence[str], look: Look, found: dict[str, Any], missing: dict[str, str]
    ) -> None:
        """Add what the parts find, or why they find nothing."""
        for name in names:
            part, began = PARTS[name], time.perf_counter()
            try:
                made = part.measure(look)
                found |= made | {"non_finite": found["non_finite"] or made.get("non_finite")}
            except MissingError as error:
                missing[part.quantity] = str(error)
            except Exception as error:  # a user's network may raise anything
                missing[part.quantity] = f"it raised {type(error).__name__}: {error}"
            self._took(name, time.perf_counter() - began)

    def _took(self, part: str, seconds: float) -> None:
        """Note what a part costs: other programs can only make it seem dearer, at times many times over."""
        self.seconds[part] = min(seconds, DEARER * self.seconds.get(part, math.inf))

    def _fakes(self, subject: Subject, count: int, missing: dict[str, str]) -> Tensor | None:
        if subject.sample is None:
            if subject.handed is None:
                missing["distance"] = "no samples were given"
            return subject.handed
        try:
            return only_samples(subject.sample(count))[:count]
        except Exception as error:
            missing["sampling"] = f"sampling raised {type(error).__name__}: {error}"
            if subject.handed is None:
                missing["distance"] = missing["sampling"]
            return subject.handed


def _agree(own: float | None, handed: float | None) -> bool:
    """Whether the loop's fakes are about as far from the reals as the generator's samples."""
    if own is None or handed is None:
        return False
    return abs(own - handed) < max(SAME, SAME_SHARE * max(own, handed))
