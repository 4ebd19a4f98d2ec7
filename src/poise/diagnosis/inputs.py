"""What people hand over, as the doctor needs it: bytes, arrays, lists, pairs, data sets and labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

MOST_READ = 2_048  # Samples that are read of a data set or a loader

Note = Callable[[str, str], None]  # Takes the name of what could not be used, and why


class Given(NamedTuple):
    """Samples, and the labels that came with them."""

    samples: Tensor
    labels: Any = None


def samples_of(name: str, given: Any, note: Note) -> Tensor | None:
    """Samples as a detached tensor `(N, ...)`; `None`, and a note, if they are none.

    Args:
        name: The argument's name, for the note.
        given: A tensor, an array, a list of samples, a pair of samples and labels, a dictionary that holds
            one of these, a data set or a loader.
        note: Takes what could not be used, and why.

    Example:
        >>> samples_of("real", [[1.0, 2.0], [3.0, 4.0]], print).shape
        torch.Size([2, 2])
        >>> samples_of("real", "reals", print)
        real it is text
    """
    found = given_of(name, given, note)
    return None if found is None else found.samples


def given_of(name: str, given: Any, note: Note) -> Given | None:
    """The same with the labels that came along, if there were any."""
    if given is None:
        return None
    try:
        samples, labels = _read(given)
    except _UnfitError as error:
        note(name, str(error))
        return None
    except Exception as error:
        note(name, f"it could not be read ({type(error).__name__}: {error})")
        return None
    if not samples.dim() or not len(samples):
        note(name, f"it holds no samples: its shape is {tuple(samples.shape)}")
        return None
    samples = samples.detach()
    return Given(torch.view_as_real(samples) if samples.is_complex() else samples, labels)


class _UnfitError(Exception):
    """What was given cannot be used; the message says why."""


def _read(given: Any) -> tuple[Tensor, Any]:
    """The samples of anything, and the labels beside them."""
    if isinstance(given, str | bytes):
        raise _UnfitError("it is text")
    if isinstance(given, torch.nn.Module):
        raise _UnfitError(f"it is a network ({type(given).__name__}); samples are wanted")
    readers: tuple[tuple[Any, Callable[[Any], tuple[Tensor, Any]]], ...] = (
        (Tensor, lambda one: (one, None)),
        ((np.ndarray, int, float, np.generic), lambda one: (torch.as_tensor(one), None)),
        (Mapping, _of_mapping),
        ((tuple, list), _of_row),
    )
    for kinds, read in readers:
        if isinstance(given, kinds):
            return read(given)
    if hasattr(given, "__getitem__") and hasattr(given, "__len__"):
        return _of_items([given[index] for index in _spread_out(len(given))])
    if not isinstance(given, Iterable):
        raise _UnfitError(f"it is a {type(given).__name__}; a tensor (N, ...) of samples is wanted")
    return _of_batches(given)


def _of_mapping(given: Mapping[Any, Any]) -> tuple[Tensor, Any]:
    """The images of a dictionary: of a known name, or else its only tensor with most dimensions."""
    names = (
        "image",
        "images",
        "img",
        "imgs",
        "pixel_values",
        "x",
        "sample",
        "samples",
        "fake",
        "real",
        "data",
    )
    for name in names:
        if name in given:
            return _read(given[name])[0], given.get("label", given.get("labels"))
    tensors = [value for value in given.values() if isinstance(value, Tensor) and value.dim() > 1]
    if not tensors:
        raise _UnfitError(f"the dictionary holds no samples; its keys are {', '.join(map(str, given))[:80]}")
    return max(tensors, key=lambda one: one.dim()), given.get("label", given.get("labels"))


def _of_row(given: Sequence[Any]) -> tuple[Tensor, Any]:
    """A list of samples, or samples with something beside them."""
    if not given:
        raise _UnfitError("it is empty")
    first = given[0]
    if not isinstance(first, int | float) and (isinstance(given, tuple) or _is_pair(given)):
        return _read(first)[0], given[1] if len(given) > 1 else None
    if isinstance(first, Tensor | np.ndarray | tuple | Mapping):
        return _of_items(given)
    return torch.as_tensor(given), None


def _is_pair(given: Sequence[Any]) -> bool:
    """Whether a list is samples and their labels, as the loader of a torchvision data set gives them."""
    if len(given) != 2 or not all(isinstance(one, Tensor | np.ndarray) for one in given):
        return False
    return bool(given[0].ndim > given[1].ndim and len(given[0]) == len(given[1])) if given[1].ndim else False


def _uneven(given: Sequence[Any]) -> bool:
    return len({tuple(getattr(one, "shape", ())) for one in given}) > 1


def _of_items(items: Sequence[Any]) -> tuple[Tensor, Any]:
    """One sample an item, each perhaps with its label."""
    items = items[:MOST_READ] if len(items) > MOST_READ else items
    labels = None
    if isinstance(items[0], Mapping):
        pairs = [_of_mapping(item) for item in items]
        items, labels = [one for one, _ in pairs], [label for _, label in pairs]
    elif isinstance(items[0], tuple | list) and not isinstance(items[0][0], int | float):
        labels = [item[1] for item in items] if len(items[0]) > 1 else None
        items = [item[0] for item in items]
    tensors = [one if isinstance(one, Tensor) else torch.as_tensor(np.asarray(one)) for one in items]
    if _uneven(tensors):
        raise _UnfitError("its samples differ in shape; hand them over as the discriminator sees them")
    return torch.stack(tensors), labels


def _of_batches(given: Iterable[Any]) -> tuple[Tensor, Any]:
    """The first batches of a loader; the random streams that it draws from are given back."""
    data = getattr(given, "dataset", None)
    if data is not None and hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        found, labels = _of_items([data[index] for index in _spread_out(len(data))])
        return found, labels
    batches: list[Tensor] = []
    for batch in islice(given, 64):
        batches.append(_read(batch)[0].detach())
        if sum(map(len, batches)) >= MOST_READ:
            break
    if not batches:
        raise _UnfitError("it holds no batches")
    return torch.cat(batches), None


def _spread_out(count: int) -> list[int]:
    """Indices of at most `MOST_READ` items, evenly spaced, since data are often sorted."""
    return list(range(0, count, max(1, count // MOST_READ)))[:MOST_READ]


def only_samples(made: Any) -> Tensor:
    """The samples that a generator returned, as a detached tensor: of a tuple, its first entry."""
    if isinstance(made, Tensor):
        return made.detach()
    if isinstance(made, list) and made and isinstance(made[0], Tensor) and made[0].dim() > 1:
        made = made[0]
    try:
        return _read(made)[0].detach()
    except _UnfitError:
        raise TypeError(f"samples of type {type(made).__name__}") from None


def labels_of(given: Any, count: int, note: Note) -> Tensor | None:
    """The label of each of the reals, `(N,)` whole numbers; `None`, and a note, if there are none.

    One-hot rows, `(N, 1)`, floats that are whole and names are taken, too.

    Example:
        >>> labels_of(torch.tensor([[0.0, 1.0], [1.0, 0.0]]), 2, print).tolist()
        [1, 0]
    """
    if given is None:
        return None
    try:
        found = _whole_labels(given)
    except _UnfitError as error:
        note("conditions", f"one whole number for each of the reals is wanted, and {error}")
        return None
    except Exception as error:
        note("conditions", f"it holds no labels ({type(error).__name__}: {error})")
        return None
    if len(found) != count:
        note("conditions", f"there are {len(found)} for {count} reals")
        return None
    return found


def _whole_labels(given: Any) -> Tensor:
    if isinstance(given, list | tuple) and given and isinstance(given[0], str):
        names = {name: number for number, name in enumerate(sorted(set(given)))}
        given = [names[name] for name in given]
    found = given.detach() if isinstance(given, Tensor) else torch.as_tensor(np.asarray(given))
    if found.dim() == 2 and found.shape[1] == 1:
        found = found[:, 0]
    if found.dim() == 2 and bool(((found == 0) | (found == 1)).all()):
        if not bool((found.sum(1) == 1).all()):
            raise _UnfitError("its rows have several ones or none")
        found = found.argmax(1)
    if found.dim() != 1 or found.is_complex():
        raise _UnfitError(f"its shape is {tuple(found.shape)}")
    if found.is_floating_point() and not bool((found == found.round()).all()):
        raise _UnfitError("it holds fractions")
    return found.long()


DARK = 64  # Bytes below this alone are of fewer bits than eight, as scikit-learn's digits of 0 to 16 are


def brought_to(samples: Tensor, loop: Tensor | None, *, like: Tensor | None = None) -> Tensor:
    """Reals in the layout and the space of the loop's own samples, as far as that is no guess.

    The order of the dimensions follows the shapes. Bytes become floats between 0 and 1 if the loop's samples
    are, else between -1 and 1; if the loop has bytes, too, they stay what they are. White is 255, or the
    greatest value of bytes that are of fewer bits.

    Args:
        samples: Reals `(N, ...)`.
        loop: Samples of the loop, `(M, ...)`.
        like: Samples of the same scale, which says what white is; these by default.
    """
    greatest = float((samples if like is None else like).max())
    white = greatest if 1 <= greatest < DARK else 255.0
    if loop is None:
        return 2 * samples.float() / white - 1 if samples.dtype == torch.uint8 else samples
    here, there = tuple(samples.shape[1:]), tuple(loop.shape[1:])
    if here != there:
        if len(here) == 3 and (here[2], *here[:2]) == there:
            samples = samples.permute(0, 3, 1, 2)
        elif len(here) == 3 and (*here[1:], here[0]) == there:
            samples = samples.permute(0, 2, 3, 1)
        elif torch.Size(here).numel() == torch.Size(there).numel():
            samples = samples.reshape(len(samples), *there)
    if samples.dtype != torch.uint8 or loop.dtype == torch.uint8:
        return samples
    low, high = float(loop.min()), float(loop.max())
    if high > 4 and low >= 0:
        return samples.float()
    scaled = samples.float() / white
    return scaled if low >= -0.01 and high <= 1.01 else 2 * scaled - 1
