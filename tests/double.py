"""A run in double precision, the same numbers on every processor; golden/README.md says why."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from poise.training import batches, components
from poise.training.vectorised import stack

DRAWS = {torch.rand, torch.randn, torch.rand_like, torch.randn_like}
LAYERS = {torch.conv2d, nn.functional.linear}


@contextmanager
def in_double() -> Iterator[None]:
    """Networks that are built within are doubles, and so is all that they are given and all that is drawn."""
    built, drawn = components.build_networks, batches.BatchSampler.batch

    def networks(*arguments: Any) -> dict[str, nn.Module]:
        torch.set_default_dtype(torch.float64)
        try:
            return {player: module.double() for player, module in built(*arguments).items()}
        finally:
            torch.set_default_dtype(torch.float32)

    def batch(sampler: batches.BatchSampler, draw: batches.Draw, real: Tensor, step: int) -> Any:
        made = drawn(sampler, draw, real, step)
        return dataclasses.replace(made, **{name: widened(value) for name, value in vars(made).items()})

    with (
        mock.patch.object(components, "build_networks", networks),
        mock.patch.object(stack, "build_networks", networks),
        mock.patch.object(batches.BatchSampler, "batch", batch),
        Widening(),
    ):
        yield


class Widening(TorchFunctionMode):
    """Where doubles meet floats, the floats become doubles."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        named = dict(kwargs or {})
        if func in DRAWS:
            named["dtype"] = torch.float64  # the normal draws of floats depend on the processor, too
        # What is written to must remain the same tensor. Layers of float networks extract features.
        if not func.__name__.endswith("_") and (func in LAYERS or has_double([*args, *named.values()])):
            args, named = tuple(map(widened, args)), {name: widened(value) for name, value in named.items()}
        return func(*args, **named)


def has_double(values: Iterable[Any]) -> bool:
    return any(
        value.dtype == torch.float64
        if isinstance(value, Tensor)
        else isinstance(value, list | tuple) and has_double(value)
        for value in values
    )


def widened(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.double() if value.dtype == torch.float32 else value
    return type(value)(map(widened, value)) if type(value) in (list, tuple) else value
