"""One check: what is looked at, and the parts of it that there is time for, measured or missing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from torch import Tensor, nn

from poise.diagnosis.finding import Measurement
from poise.diagnosis.reference import LEAST, LEAST_OTHERS, MOST_PROBED, Reference
from poise.diagnosis.rule import LATER
from poise.diagnosis.undisturbed import still
from poise.diagnosis.window import first_non_finite

Side = Literal["training", "held out", "fake"]
Sample = Callable[[int], Tensor]  # From how many to samples (N, ...)
# From samples, and which they are, to scores; a conditional discriminator needs to know their conditions
Score = Callable[[Tensor, Side], Any]
FEW = 64  # Samples that are enough if there is time for no more
DEARER = 1.5  # Times what a part took before that it is taken to cost at most now
# Difference of the energy distances, and share of the greater one, below which the loop's fakes may stand for
# the generator's samples
SAME, SAME_SHARE = 0.06, 0.15


@dataclass(frozen=True)
class Subject:
    """What is examined besides the steps' statistics; any of it may be missing."""

    sample: Sample | None = None  # Makes fakes
    # Whether they are of the same latents each time, so that their movement can be measured
    fixed: bool = False
    score: Score | None = None  # From samples to scores
    swapped: Sample | None = None  # Makes the same fakes with each one's condition exchanged for another
    redrawn: Sample | None = None  # Makes fakes of the same conditions and of other latents
    asked: Tensor | None = None  # The labels that sample asks for, (N,), if conditions are labels
    modules: Sequence[nn.Module] = ()  # Networks that this runs; they are in eval mode meanwhile
    handed: Tensor | None = None  # The fakes of the loop's last step
    latent: Tensor | None = None  # The latents of that step
    real: Tensor | None = None  # Its reals
    generator: nn.Module | None = None  # Whose weights are watched
    discriminator: nn.Module | None = None  # The same
    translates: bool = False  # Whether latents are samples of another domain, so that copies mean nothing
    # The operations that samples are augmented with before the discriminator; None if that is not known
    operations: Collection[str] | None = None
    # From samples to waves (N, T) that can be heard; None if samples of one axis are waves
    waves: Callable[[Tensor], Tensor] | None = None
    metric: float | None = None  # What the caller measured


class MissingError(Exception):
    """An input is not there; the message says which."""


@dataclass
class Memory:
    """What one check leaves to later ones."""

    previous: Tensor | None = None  # Rows of the generator's samples of the last check
    weights: dict[str, Tensor] = field(default_factory=dict)  # A few of each network, at the last check
    stood_for: bool = False  # Whether the loop's fakes may stand for the generator's samples
    handed: Tensor | None = None  # Rows of the loop's fakes at the last check
    first: Tensor | None = None  # Those at the first check
    in_units: bool = False  # Whether both are in the units of the reference
    laid_out: int = 0  # Checks that said how the loop's reals lie to those that were handed over
    reals: Tensor | None = None  # The loop's at the last check
    real_waves: Tensor | None = None

    def state(self) -> dict[str, Tensor]:
        """What measurements after a resume depend on."""
        found = {} if self.previous is None else {"previous_samples": self.previous}
        return found | {f"weights/{name}": value for name, value in self.weights.items()}

    def load(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.previous = state.get("previous_samples")
        prefix = "weights/"
        self.weights = {
            name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)
        }


@dataclass
class Look:
    """One check.

    Args:
        subject: What is examined.
        fake: The samples that are compared, if there are any.
        reference: Reals to compare with.
        memory: Of the checks before, and for those to come.
        alone: Whether the generator's own samples are left out at this check.
    """

    subject: Subject
    fake: Tensor | None
    reference: Reference | None
    memory: Memory
    alone: bool = False
    _rows: Tensor | None = None

    def known(self) -> Reference:
        """The reals to compare with, if there are enough."""
        if self.reference is None or len(self.reference.real) < LEAST:
            raise MissingError("no reals to compare with were given")
        return self.reference

    def samples(self) -> Tensor:
        """The samples, if there are enough and reals have their shape."""
        if self.fake is None:
            raise MissingError("no samples were given")
        reference = self.known()
        if self.fake.shape[1:] != reference.real.shape[1:]:
            raise MissingError(
                f"samples have the shape {tuple(self.fake.shape[1:])} "
                f"and reals {tuple(reference.real.shape[1:])}"
            )
        if len(self.fake) < LEAST:
            raise MissingError(f"{len(self.fake)} samples are too few")
        return self.fake

    def rows(self) -> Tensor:
        """The samples as rows that are compared with the reference."""
        fake = self.samples()
        if self._rows is None:
            self._rows = self.known().rows(fake)
        return self._rows


@dataclass(frozen=True)
class Part:
    """A row of the table of parts.

    Attributes:
        quantity: Under whose name it is noted why the part gave nothing.
        measure: The quantities that it finds.
        samples: Whether it looks at samples of the generator.
        own: Whether the loop's fakes never stand for these.
        calls: Whether it calls a network otherwise.
        first: Times what making and comparing samples takes that it is taken to cost before it was measured.
    """

    quantity: str
    measure: Callable[[Look], dict[str, Any]]
    samples: bool = False
    own: bool = False
    calls: bool = False
    first: float = 1.0


class Examiner:
    """Measures. It remembers the last samples and weights, to see how far they move.

    Args:
        reference: Reals to compare with.
        parts: What can be measured, by name.

    Attributes:
        seconds: What each part costs, as its last measurements say.
        took: Seconds that all of them took at the last check.
        counts: How many samples were compared then.
        memory: What earlier checks have left.
    """

    def __init__(self, reference: Reference | None, parts: Mapping[str, Part]) -> None:
        self.reference, self.parts = reference, parts
        self.seconds: dict[str, float] = {}
        self.counts: dict[str, int] = {}
        self.took = 0.0
        self.memory = Memory()

    @property
    def stood_for(self) -> bool:
        """Whether the loop's fakes may stand for the generator's samples."""
        return self.memory.stood_for

    def sampled(self, *, conditioned: bool) -> frozenset[str]:
        """Parts for which the generator is called: those for which the loop's fakes do not stand."""
        found = {name for name, part in self.parts.items() if (part.own if self.stood_for else part.samples)}
        return frozenset(found if conditioned else found - {"conditions"})

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
        chosen = tuple(self.parts) if parts is None else parts
        missing = {part.quantity: LATER for name, part in self.parts.items() if name not in chosen}
        wanted = any(self.parts[name].samples for name in chosen)
        called = self.sampled(conditioned=subject.swapped is not None) & set(chosen)
        stands = self.stood_for and not called
        self.took = 0.0
        calls = (wanted and not stands) or any(self.parts[name].calls for name in chosen)
        with still(subject.modules) if calls else nullcontext():
            began = time.perf_counter()
            if stands:
                fake = None if subject.handed is None or not wanted else subject.handed[:count]
                count = count if fake is None else len(fake)
            else:
                fake = self._fakes(subject, count, missing) if wanted else None
            culprit = None if fake is None else first_non_finite([("samples of the generator", fake)])
            if culprit:
                found["non_finite"] = found["non_finite"] or culprit
                missing["distance"] = "the samples hold values that are not finite"
                fake = None
            if wanted and not stands:
                self._took("sampling", time.perf_counter() - began, count)
            look = Look(subject, fake, self.reference, self.memory, alone="samples" not in chosen)
            names = [name for name in chosen if self.parts[name].quantity not in missing]
            self._measure(names, look, found, missing, count=count)
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
        self,
        names: Sequence[str],
        look: Look,
        found: dict[str, Any],
        missing: dict[str, str],
        *,
        count: int,
    ) -> None:
        """Add what the parts find, or why they find nothing."""
        for name in names:
            part, began = self.parts[name], time.perf_counter()
            try:
                made = part.measure(look)
                found |= made | {"non_finite": found["non_finite"] or made.get("non_finite")}
            except MissingError as error:
                missing[part.quantity] = str(error)
            except Exception as error:  # a user's network may raise anything
                missing[part.quantity] = f"it raised {type(error).__name__}: {error}"
            self._took(name, time.perf_counter() - began, count)

    def _took(self, part: str, seconds: float, count: int) -> None:
        """Note what a part costs: other programs can only make it seem dearer, at times many times over."""
        self.took, self.counts[part] = self.took + seconds, count
        self.seconds[part] = min(seconds, DEARER * self.seconds.get(part, math.inf))

    def _fakes(self, subject: Subject, count: int, missing: dict[str, str]) -> Tensor | None:
        if subject.sample is None:
            if subject.handed is None:
                missing["distance"] = "no samples were given"
            return subject.handed
        try:
            return subject.sample(count)[:count]
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
