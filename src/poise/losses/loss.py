"""The record that a loss is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

LossFunction = Callable[..., Tensor]
State = Mapping[str, Tensor]


@dataclass(frozen=True)
class Loss:
    """How scores are turned into a loss for each player.

    Both functions take `(real_scores, fake_scores)`, raw and of shape `(N, ...)`, and return the loss of each
    sample, `(N,)`. Scores of more than one value a sample (patches) are averaged within the sample. The
    caller takes the mean over samples, once. Higher scores mean "more real" in every loss.

    Attributes:
        name: What people type.
        discriminator: The discriminator's loss of each sample. Its keyword-only parameters are settings.
        generator: The generator's loss of each sample. It is given `None` for the scores of reals unless the
            loss is relativistic.
        summary: One sentence on what it does.
        source: Paper and equation.
        boundary: The score that separates real from fake, if the loss fixes one; `None` if only the
            difference of scores has a meaning.
        relativistic: Whether the generator's loss depends on the scores of reals, too.
        init: Numbers that the loss carries from step to step, by name; each is given to `discriminator` as a
            keyword.
        update: `(state, real_scores, fake_scores, **settings) -> state`, called after the discriminator has
            moved; its keyword-only parameters are settings, too.
        log_ratio: Scores `(N,)` of the best discriminator to the log ratio of the densities of reals and
            fakes, up to a constant; `None` if the ratio does not follow from them.

    Example:
        >>> import torch
        >>> from poise.losses import LOSSES
        >>> LOSSES["hinge"].discriminator(torch.tensor([2.0]), torch.tensor([-2.0]))
        tensor([0.])
    """

    name: str
    discriminator: LossFunction
    generator: LossFunction
    summary: str
    source: str
    boundary: float | None = 0.0
    relativistic: bool = False
    init: Mapping[str, float] = field(default_factory=dict)
    update: Callable[..., State] | None = None
    log_ratio: Callable[[Tensor], Tensor] | None = None

    @property
    def functions(self) -> list[Callable[..., Any]]:
        """The functions whose keyword-only parameters are the settings of the loss."""
        return [self.discriminator, self.generator, *([self.update] if self.update else [])]


def as_logits(scores: Tensor) -> Tensor:
    """The log ratio of a discriminator whose scores are logits: the scores themselves."""
    return scores


def per_sample(costs: Tensor) -> Tensor:
    """The mean of whatever a sample has more than one of: `(N, ...)` to `(N,)`.

    Example:
        >>> import torch
        >>> per_sample(torch.tensor([[1.0, 3.0], [0.0, 0.0]]))
        tensor([2., 0.])
    """
    return costs if costs.dim() == 1 else costs.flatten(1).mean(1)
