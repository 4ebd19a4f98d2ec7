"""What a part of a check is given: the subject, samples, the reals to compare with, and what was before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from torch import Tensor, nn

from poise.diagnosis.reference import LEAST, Reference

Side = Literal["training", "held out", "fake"]
Sample = Callable[[int], Any]  # From how many to samples: a tensor, an array, or a tuple that begins with one
# From samples, and which they are, to scores; a conditional discriminator needs to know their conditions
Score = Callable[[Tensor, Side], Any]
FEW = 64  # Samples that are enough if there is time for no more


@dataclass(frozen=True)
class Subject:
    """What is examined besides the steps' statistics; any of it may be missing."""

    sample: Sample | None = None  # Makes fakes (N, ...)
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
    """

    quantity: str
    measure: Callable[[Look], dict[str, Any]]
    samples: bool = False
    own: bool = False
    calls: bool = False
