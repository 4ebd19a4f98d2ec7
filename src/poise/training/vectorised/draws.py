"""Random draws under vmap, for each game from its own generator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode


class OwnDraws(TorchFunctionMode):
    """While it lasts, a draw from a stand-in generator is made once for each game, from the game's own.

    So a penalty that draws `torch.rand(shape, generator=generator)` draws in each of many games what it draws
    when that game is trained alone. It is entered within the function that is mapped over games.

    Args:
        stand_in: The generator that the game is handed.
        generators: Each game's own.
        index: Which of the games this is; under vmap, a scalar that stands for all of them.

    Example:
        >>> generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
        >>> def draw(index):
        ...     stand_in = torch.Generator()
        ...     with OwnDraws(stand_in, generators, index):
        ...         return torch.rand(3, generator=stand_in)
        >>> drawn = torch.vmap(draw, randomness="same")(torch.arange(2))
        >>> bool((drawn[1] == torch.rand(3, generator=torch.Generator().manual_seed(2))).all())
        True
    """

    def __init__(
        self, stand_in: torch.Generator, generators: Sequence[torch.Generator], index: Tensor
    ) -> None:
        super().__init__()
        self.stand_in, self.generators, self.index = stand_in, generators, index

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Draw for each game if `func` draws from the stand-in; else call it."""
        kwargs = kwargs or {}
        if kwargs.get("generator") is not self.stand_in:
            return func(*args, **kwargs)
        if any(isinstance(value, Tensor) for value in (*args, *kwargs.values())):
            raise TypeError(
                f"many games at once cannot draw with {getattr(func, '__name__', func)} of a tensor"
            )
        drawn = [func(*args, **{**kwargs, "generator": one}) for one in self.generators]
        return torch.stack(drawn)[self.index]
