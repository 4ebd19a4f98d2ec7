"""Extractors of features: networks and functions, frozen and checked while they measure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.metrics.arrays import ValueRange, as_samples, fingerprint, hash_of_weights, range_of, to_range
from poise.metrics.features.files import cached

UNHASHED = "not known"


@runtime_checkable
class Extractor(Protocol):
    """Maps samples to features.

    Attributes:
        name: A few words.
        weights_hash: SHA-256 of its weights as they are now; `UNHASHED` if they cannot be found.
        takes: The range of pixels that it takes; `None` for samples as they are given.
        preparation: What it does to samples first, in words: the resizing. Empty for nothing.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - described above

    @property
    def weights_hash(self) -> str: ...  # noqa: D102

    @property
    def takes(self) -> ValueRange | None: ...  # noqa: D102

    @property
    def preparation(self) -> str: ...  # noqa: D102

    def __call__(self, samples: Tensor) -> Tensor:
        """Features `(N, d)` of samples `(N, ...)`."""
        ...


@dataclass(frozen=True)
class ExtractorKind:
    """A row of the table of extractors."""

    name: str  # What people type
    build: Callable[..., Extractor]  # Builds it; what it needs is in needs
    summary: str  # One sentence on what it is good for
    needs: tuple[str, ...] = ()  # What build takes: channels, samples, labels, weights, cache
    takes: tuple[str, ...] = ("image",)  # The names of the kinds of data that it can be used on

    def serves(self, kind: str) -> bool:
        """Whether it can be used on data of the kind of this name."""
        return kind in self.takes

    def plain(self, samples: Tensor) -> Extractor:
        """The extractor, if it needs nothing but to know how many channels there are."""
        return self.build(samples.shape[1]) if "channels" in self.needs else self.build()


def protocol_of(extractor: Extractor) -> dict[str, Any]:
    """The fields of a result that describe the features."""
    return {
        "extractor": extractor.name,
        "weights_hash": extractor.weights_hash,
        "preparation": extractor.preparation,
    }


@dataclass(frozen=True)
class ModuleExtractor:
    """A network as an extractor; its module maps samples to features."""

    name: str
    module: nn.Module
    takes: ValueRange | None = None
    preparation: str = ""

    @property
    def weights_hash(self) -> str:
        """SHA-256 of parameters and buffers as they are now."""
        return hash_of_weights(self.module.state_dict())

    def __call__(self, samples: Tensor) -> Tensor:
        """Features `(N, d)`, made where the module is."""
        place = next(self.module.parameters(), next(self.module.buffers(), samples))
        return _tensor(self.module(samples.to(place.device)), self.name)


@dataclass(frozen=True)
class FunctionExtractor:
    """Any callable as an extractor; `weights_hash` is for callers that know one."""

    name: str
    function: Callable[[Tensor], Tensor]
    takes: ValueRange | None = None
    preparation: str = ""
    weights_hash: str = UNHASHED

    def __call__(self, samples: Tensor) -> Tensor:
        """Features `(N, d)`."""
        return _tensor(self.function(samples), self.name)


def placed(extractor: Extractor, device: torch.device) -> Extractor:
    """The extractor with its network, if it has one, moved to a device."""
    if isinstance(extractor, ModuleExtractor):
        extractor.module.to(device)
    return extractor


def as_extractor(thing: Any) -> Extractor:
    """An extractor of anything that can be one: an extractor, a module, a callable.

    Raises:
        PoiseError: It is none of them.

    Example:
        >>> as_extractor(nn.Flatten()).name
        'Flatten'
    """
    if isinstance(thing, Extractor):
        return thing
    if isinstance(thing, nn.Module):
        return ModuleExtractor(type(thing).__name__, thing)
    if callable(thing):
        return FunctionExtractor(getattr(thing, "__qualname__", type(thing).__name__), thing)
    raise PoiseError(
        f"A {type(thing).__name__} is not an extractor",
        code="metrics.not-an-extractor",
        hint="give a network or a function from samples to features",
    )


def extract(
    extractor: Any,
    samples: Any,
    *,
    batch_size: int = 256,
    value_range: ValueRange | None = None,
    name: str = "given",
    cache: Path | None = None,
) -> Tensor:
    """Features of samples, from an extractor that is in eval mode, frozen, and checked to have stayed the
    same.

    Args:
        extractor: An `Extractor`, a module or a callable.
        samples: Images `(N, C, H, W)` (other layouts are understood) or vectors `(N, d)`, array or tensor.
        batch_size: Samples at once.
        value_range: The range of the pixels; recognised if it is not given.
        name: What the samples are, for messages.
        cache: A folder to store features in, by the content of samples and weights.

    Returns:
        `(N, d)`, float, on the device of the extractor's output.

    Raises:
        PoiseError: Pixels in no known range or beyond the one given; features of the wrong shape; or an
            extractor that changes while it measures, or whose features of a sample depend on the others of
            its batch.

    Example:
        >>> extract(nn.Flatten(), torch.zeros(5, 1, 2, 2)).shape
        torch.Size([5, 4])
    """
    made = as_extractor(extractor)
    given = as_samples(samples, name)
    if len(given) == 0:
        raise PoiseError(f"There are no {name} samples", code="metrics.no-samples", hint="give some")
    pixels: ValueRange | None = None
    if given.dim() == 4 and made.takes is not None:
        pixels = range_of(given, name, value_range)
    # The networks that can be found in it.
    inside = vars(made).values() if hasattr(made, "__dict__") else ()
    with frozen(*(thing for thing in (made, *inside) if isinstance(thing, nn.Module))):
        before = made.weights_hash
        compute = partial(_compute, made, given, pixels, batch_size)
        if cache is None or before == UNHASHED:
            features = compute()
        else:
            parts = (fingerprint(given), made.name, before, made.preparation, str(pixels))
            features = cached(cache, "features", parts, lambda: {"features": compute()})["features"]
        if made.weights_hash != before:
            raise PoiseError(
                f"The extractor '{made.name}' changed its weights while it was measuring",
                code="metrics.extractor-changes",
                why="features from before and after cannot be compared",
                hint="make sure that it neither trains nor updates running statistics in eval mode",
            )
    return features


@contextmanager
def frozen(*modules: nn.Module) -> Iterator[None]:
    """Modules in eval mode and without gradients; afterwards as they were."""
    parts = [part for module in modules for part in module.modules()]
    parameters = [parameter for module in modules for parameter in module.parameters()]
    training = [part.training for part in parts]
    wanting = [parameter.requires_grad for parameter in parameters]
    try:
        for part in parts:
            part.training = False
        for parameter in parameters:
            parameter.requires_grad_(False)
        with torch.no_grad():
            yield
    finally:
        for part, was in zip(parts, training, strict=True):
            part.training = was
        for parameter, was in zip(parameters, wanting, strict=True):
            parameter.requires_grad_(was)


@contextmanager
def full_float32() -> Iterator[None]:
    """Products and convolutions of float32 in float32, also on cards that round them to TF32 by default.

    Example:
        >>> with full_float32():
        ...     torch.backends.cudnn.allow_tf32
        False
    """
    products, convolutions = torch.backends.cuda.matmul, torch.backends.cudnn
    kept = products.allow_tf32, convolutions.allow_tf32
    products.allow_tf32 = convolutions.allow_tf32 = False
    try:
        yield
    finally:
        products.allow_tf32, convolutions.allow_tf32 = kept


@full_float32()  # as on a CPU, so that numbers can be compared
def _compute(extractor: Extractor, samples: Tensor, pixels: ValueRange | None, batch_size: int) -> Tensor:
    rows: list[Tensor] = []
    for start in range(0, len(samples), batch_size):
        rows.append(_features_of(extractor, samples[start : start + batch_size], pixels))
        if rows[-1].shape[1] != rows[0].shape[1]:
            raise PoiseError(
                f"The extractor '{extractor.name}' gave features first {rows[0].shape[1]} and then "
                f"{rows[-1].shape[1]} wide",
                code="metrics.feature-shape",
                hint="make the width independent of the samples",
            )
    features = torch.cat(rows)
    again = _features_of(extractor, samples[:8], pixels)
    finite = features[torch.isfinite(features)]
    scale = float(finite.abs().mean()) if len(finite) else 1.0
    if not torch.allclose(again, features[: len(again)], rtol=1e-3, atol=1e-3 * scale):
        raise PoiseError(
            f"The extractor '{extractor.name}' gives other features for the same samples a second time",
            code="metrics.extractor-changes",
            why="it draws at random, has a state, or mixes the samples of a batch",
            hint="make each sample's features depend on that sample alone",
        )
    return features


def _features_of(extractor: Extractor, batch: Tensor, pixels: ValueRange | None) -> Tensor:
    if pixels is not None and extractor.takes is not None:
        batch = to_range(batch, pixels, extractor.takes)
    features = extractor(batch)
    if features.dim() != 2 or len(features) != len(batch) or features.shape[1] == 0:
        raise PoiseError(
            f"The extractor '{extractor.name}' gave features of shape {tuple(features.shape)} "
            f"for {len(batch)} samples",
            code="metrics.feature-shape",
            why="a metric takes one row of numbers for each sample, (N, d)",
            hint="pool or flatten what it returns",
        )
    return features


def _tensor(features: Any, name: str) -> Tensor:
    try:
        return torch.as_tensor(features).detach()
    except (TypeError, ValueError, RuntimeError):
        raise PoiseError(
            f"The extractor '{name}' gave a {type(features).__name__}, and no tensor",
            code="metrics.feature-shape",
            hint="return features of shape (N, d)",
        ) from None
