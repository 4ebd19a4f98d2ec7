"""Heads for outputs that are cut into spans, and what a discriminator sees of spans that are in order."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from poise.spec import Span


def chosen(probabilities: Tensor, uniform: Tensor | None = None) -> Tensor:
    """One choice of each row, forwards as 0 and 1 and backwards as the probabilities (straight-through).

    Args:
        probabilities: `(N, size, ...)`, each of the second axis summing to 1.
        uniform: `(N, ...)` in [0, 1): the choice is drawn by inverting the cumulative probabilities; without
            it the most probable one is taken.

    Example:
        >>> probabilities = torch.tensor([[0.2, 0.5, 0.3]])
        >>> chosen(probabilities), chosen(probabilities, torch.tensor([0.9]))
        (tensor([[0., 1., 0.]]), tensor([[0., 0., 1.]]))

    Source: Bengio et al. 2013, "Estimating or propagating gradients through stochastic neurons", section 4.
    """
    size = probabilities.shape[1]
    if uniform is None:
        place = probabilities.argmax(1, keepdim=True)
    else:
        passed = probabilities.detach().cumsum(1) <= uniform.unsqueeze(1)
        place = passed.sum(1, keepdim=True).clamp(max=size - 1)
    each = torch.arange(size, device=probabilities.device).reshape(-1, *[1] * (probabilities.dim() - 2))
    hard = (place == each).to(probabilities.dtype)
    # Subtracting a number from itself first leaves exact zeros and ones
    return hard + (probabilities - probabilities.detach())


class SpanHeads(nn.Module):
    """What a network's last layer gives, made into spans along the second axis.

    `real` numbers stay as they are, `bounded` ones and those `around` a mode go through tanh, a `flag` is 0
    or 1, and of a `one-hot` or an `ordered` span one number is 1. Flags and choices are hard forwards and
    have the gradient of their probabilities backwards, so that a discriminator cannot tell soft choices from
    hard ones.

    Args:
        spans: The spans, in order.

    Example:
        >>> heads = SpanHeads([Span("age", "real", 1), Span("colour", "one-hot", 3)])
        >>> heads(torch.tensor([[7.0, 1.0, 3.0, 2.0]]))
        tensor([[7., 0., 1., 0.]])
    """

    def __init__(self, spans: Sequence[Span]) -> None:
        super().__init__()
        self.spans = tuple(spans)
        self.sizes = [span.size for span in spans]

    def forward(self, values: Tensor, uniform: Tensor | None = None) -> Tensor:
        """Samples `(N, numbers, ...)` of as many values.

        Args:
            values: Numbers, logits of flags and logits of choices.
            uniform: `(N, choices, ...)` in [0, 1) to draw each flag and choice by, in their order; without
                it the most probable is taken.
        """
        draws = iter(()) if uniform is None else iter(uniform.unbind(1))
        made = []
        for span, part in zip(self.spans, values.split(self.sizes, 1), strict=True):
            if span.kind in ("bounded", "around"):
                part = part.tanh()  # noqa: PLW2901
            elif span.kind == "flag":
                part = self._flag(part.sigmoid(), next(draws, None))  # noqa: PLW2901
            elif span.chooses:
                part = chosen(part.softmax(1), next(draws, None))  # noqa: PLW2901
            made.append(part)
        return torch.cat(made, 1)

    @staticmethod
    def _flag(probabilities: Tensor, uniform: Tensor | None) -> Tensor:
        bound = 0.5 if uniform is None else uniform.unsqueeze(1)
        hard = (probabilities.detach() > bound).to(probabilities.dtype)
        return hard + (probabilities - probabilities.detach())

    def extra_repr(self) -> str:
        """How many spans there are of each kind, for `print`."""
        kinds = [span.kind for span in self.spans]
        return ", ".join(f"{kinds.count(kind)} {kind}" for kind in dict.fromkeys(kinds))


def draws(spans: Sequence[Span]) -> int:
    """How many flags and choices there are: the uniform numbers that `SpanHeads` takes for a sample.

    Example:
        >>> draws([Span("age", "real", 1), Span("colour", "one-hot", 3), Span("married", "flag", 1)])
        2
    """
    return sum(span.kind == "flag" or span.chooses for span in spans)


class SpanFeatures(nn.Module):
    """Samples, and beside them the cumulative sums of their ordered spans: a 1 for each step that is reached.

    A linear layer behind it compares steps with thresholds, as a tree does, and neighbouring steps look
    alike to it.

    Args:
        spans: The spans of a sample, in order.
        packing: How many samples stand in a row.

    Example:
        >>> SpanFeatures([Span("size", "ordered", 3)])(torch.tensor([[0.0, 1.0, 0.0]]))
        tensor([[0., 1., 0., 0., 1., 1.]])
    """

    def __init__(self, spans: Sequence[Span], packing: int = 1) -> None:
        super().__init__()
        self.parts: list[slice] = []
        start = 0
        for span in tuple(spans) * packing:
            if span.kind == "ordered":
                self.parts.append(slice(start, start + span.size))
            start += span.size
        self.numbers = start + sum(part.stop - part.start for part in self.parts)

    def forward(self, samples: Tensor) -> Tensor:
        """`(N, numbers)` of samples `(N, d)`."""
        return torch.cat([samples, *(samples[:, part].cumsum(1) for part in self.parts)], 1)
