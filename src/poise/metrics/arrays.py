"""Features, labels and images as users give them, checked and in one form; and fingerprints of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from poise.errors import PoiseError

ValueRange = Literal["0..255", "0..1", "-1..1"]
BOUNDS: dict[str, tuple[float, float]] = {"0..255": (0.0, 255.0), "0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0)}
SLACK = 1e-3


def as_tensor(thing: Any, name: str) -> Tensor:
    """A tensor of anything that holds numbers: a tensor, an array, nested lists."""
    try:
        given = thing.detach() if isinstance(thing, Tensor) else torch.from_numpy(np.ascontiguousarray(thing))
    except (TypeError, ValueError):
        raise PoiseError(
            f"The {name} samples are a {type(thing).__name__} that holds no plain numbers",
            code="metrics.not-numbers",
            hint="give an array or a tensor",
        ) from None
    if given.is_complex():
        raise PoiseError(
            f"The {name} samples are complex numbers", code="metrics.not-numbers", hint="give real ones"
        )
    return given


def as_features(features: Any, name: str, *, least: int = 2) -> Tensor:
    """Features as a float64 tensor `(N, d)` on their device; the name is for messages."""
    given = as_tensor(features, name)
    if given.dim() != 2 or given.shape[1] == 0:
        raise PoiseError(
            f"The {name} features have the shape {tuple(given.shape)}",
            code="metrics.not-features",
            why="a metric takes one row of numbers for each sample, (N, d)",
            hint="run images through an extractor first, or flatten them",
        )
    if len(given) < least:
        raise PoiseError(
            f"There are {len(given)} {name} samples, and this metric needs at least {least}",
            code="metrics.too-few-samples",
            hint=f"give at least {least}",
        )
    # Apple's devices have no float64, and in float32 a Fréchet distance loses its last digits.
    wide = (given.cpu() if given.device.type == "mps" else given).to(torch.float64)
    if not bool(torch.isfinite(wide.sum())):
        wrong = int((~torch.isfinite(wide)).any(1).sum())
        if wrong:
            raise PoiseError(
                f"{wrong} of the {len(given)} {name} samples hold NaN or infinite features",
                code="metrics.not-finite",
                why="every number computed from them would be NaN",
                hint="find out whether they come from the samples or from the extractor",
            )
    return wide


def as_pair(
    real: Any, fake: Any, *, least: int = 2, names: tuple[str, str] = ("real", "fake")
) -> tuple[Tensor, Tensor]:
    """Two sets of features that can be measured against one another, on the device of the first."""
    first, second = as_features(real, names[0], least=least), as_features(fake, names[1], least=least)
    if first.shape[1] != second.shape[1]:
        raise PoiseError(
            f"The {names[0]} features are {first.shape[1]} wide and the {names[1]} ones {second.shape[1]}",
            code="metrics.different-widths",
            hint="use one extractor, and samples of one size, for both",
        )
    (low_1, high_1), (low_2, high_2) = (map(float, side.aminmax()) for side in (first, second))
    sides = (
        (first, low_1, high_1, low_2, high_2, names),
        (second, low_2, high_2, low_1, high_1, names[::-1]),
    )
    for one, low, high, other_low, other_high, (its, others) in sides:
        # Pixels of 0..255 are whole numbers, and some of them are large.
        bytes_like = low >= 0 and 32 < high <= 255 and bool((one[:64] == one[:64].round()).all())
        if bytes_like and -1.001 <= other_low < other_high <= 1.001:
            raise PoiseError(
                f"The {its} values lie in 0..255 and the {others} values in -1..1",
                code="metrics.different-ranges",
                why="their distance would measure the scale and nothing else",
                hint="bring both to one range",
            )
    return first, second.to(first.device)


def with_held_out(
    real: Any, fake: Any, held_out: Any, *, least: int, least_held_out: int = 2
) -> tuple[Tensor, Tensor, Tensor | None]:
    """A pair, and the features of held-out reals if there are any."""
    reals, fakes = as_pair(real, fake, least=least)
    if held_out is None:
        return reals, fakes, None
    return reals, fakes, as_pair(reals, held_out, least=least_held_out, names=("real", "held-out"))[1]


def as_labels(labels: Any, name: str, count: int) -> Tensor:
    """Class numbers `(N,)` from 0, one for each of `count` samples."""
    given = as_tensor(labels, f"labels of the {name}")
    if given.dim() != 1 or len(given) != count:
        raise PoiseError(
            f"There are {count} {name} samples and labels of shape {tuple(given.shape)}",
            code="metrics.labels-do-not-match",
            why="each sample needs one label",
            hint="give as many labels as samples, in the same order",
        )
    whole = given.to(torch.int64)
    if bool((whole != given).any()) or (count and int(whole.min()) < 0):
        raise PoiseError(
            f"The labels of the {name} samples are not class numbers",
            code="metrics.not-class-numbers",
            hint="give whole numbers from 0",
        )
    return whole


def as_samples(samples: Any, name: str) -> Tensor:
    """Samples as a tensor: vectors `(N, d)`, images `(N, C, H, W)`, or fields `(N, C, D, H, W)`.

    Images may also be `(N, H, W, C)` with 1, 3 or 4 channels, or `(N, H, W)`.
    """
    given = as_tensor(samples, name)
    if given.dim() == 3:
        return given[:, None]
    if given.dim() == 4:
        channels_last = given.shape[3] in (1, 3, 4) and given.shape[1] not in (1, 3, 4)
        return given.permute(0, 3, 1, 2) if channels_last else given
    if given.dim() in (2, 5):
        return given
    raise PoiseError(
        f"The {name} samples have the shape {tuple(given.shape)}",
        code="metrics.not-samples",
        hint="give vectors (N, d) or images (N, C, H, W)",
    )


def planes_of(samples: Tensor) -> Tensor:
    """Samples `(N, C, D, H, W)` as planes `(N, C * D, H, W)`; others as they are.

    Example:
        >>> planes_of(torch.zeros(2, 3, 1, 8, 9)).shape, planes_of(torch.zeros(2, 3, 4, 8, 9)).shape
        (torch.Size([2, 3, 8, 9]), torch.Size([2, 12, 8, 9]))
    """
    return samples.flatten(1, 2) if samples.dim() == 5 else samples


def range_of(images: Tensor, name: str, given: ValueRange | None = None) -> ValueRange:
    """The range of the pixels: the one given, which they may not exceed, or by their type and extremes."""
    low, high = (float(end) for end in images.aminmax())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise PoiseError(
            f"The {name} images hold NaN or infinite pixels",
            code="metrics.not-finite",
            hint="find out which step made them",
        )
    seen: ValueRange | None = None
    if images.dtype == torch.uint8 or (low >= 0 and 1 + SLACK < high <= 255):
        seen = "0..255"
    elif low >= -1 - SLACK and high <= 1 + SLACK:
        seen = "0..1" if low >= 0 else "-1..1"
    if given is not None:
        least, most = BOUNDS[given]
        slack = SLACK * (most - least)
        if not (least - slack <= low and high <= most + slack):
            raise PoiseError(
                f"The {name} images are in {seen or 'no known range'} (from {low:.4g} to {high:.4g}), "
                f"not in {given}",
                code="metrics.different-ranges",
                hint="bring both sides to one range",
            )
        return given
    if seen is None:
        raise PoiseError(
            f"The {name} images have values from {low:.4g} to {high:.4g}",
            code="metrics.unknown-range",
            why="that is none of the ranges 0..255, 0..1 and -1..1",
            hint="bring them to one of these, and name it by 'value_range'",
        )
    return seen


def common_range(real: Tensor, fake: Tensor) -> ValueRange:
    """The one range of both sides."""
    of_real, of_fake = range_of(real, "real"), range_of(fake, "fake")
    if of_real != of_fake:
        raise PoiseError(
            f"The real images are in {of_real} and the fake ones in {of_fake}",
            code="metrics.different-ranges",
            why="the distance would measure the scale and nothing else",
            hint="bring both to one range, or name that of both by 'value_range'",
        )
    return of_real


def to_range(images: Tensor, value_range: ValueRange, wanted: ValueRange) -> Tensor:
    """Images brought from one range to another, as float32."""
    (low, high), (new_low, new_high) = BOUNDS[value_range], BOUNDS[wanted]
    scale = (new_high - new_low) / (high - low)
    return images.to(torch.float32) * scale + (new_low - low * scale)


def resize(images: Tensor, height: int, width: int) -> Tensor:
    """Images at another size by Pillow's bicubic filter in float: antialiased, and without rounding to bytes.

    They are float32 on the same device, and their values may overshoot the range a little.

    Source: Parmar et al. 2022 (clean-fid), section 3: how much aliasing moves a Fréchet distance.
    """
    if images.shape[2:] == (height, width):
        return images
    planes = images.detach().to(torch.float32).cpu().flatten(0, 1).numpy()
    filtered = [Image.fromarray(plane).resize((width, height), Image.Resampling.BICUBIC) for plane in planes]
    resized = torch.from_numpy(np.stack([np.asarray(plane) for plane in filtered]))
    return resized.reshape(*images.shape[:2], height, width).to(images.device)


def as_colour(images: Tensor) -> Tensor:
    """Three channels: grey ones repeated, a fourth (opacity) dropped."""
    return images.expand(-1, 3, -1, -1) if images.shape[1] == 1 else images[:, :3]


def fingerprint(data: Any) -> str:
    """SHA-256 over type, shape and bytes of an array or a tensor; one changed pixel changes it."""
    tensor = as_tensor(data, "given")
    digest = hashlib.sha256(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
    digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def hash_of_weights(weights: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, types, shapes and bytes of a `state_dict`."""
    digest = hashlib.sha256()
    for name in sorted(weights):
        tensor = weights[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(_bytes_of(tensor))
    return digest.hexdigest()


def hash_of_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as `sha256sum` prints it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of_rows(rows: Tensor, before: Any = None) -> Any:
    """A SHA-256 over rows `(n, d)` in float64, after the rows of `before`, which does not change."""
    digest = hashlib.sha256(f"{rows.shape[1]}".encode()) if before is None else before.copy()
    digest.update(_bytes_of(rows.to(torch.float64)))
    return digest


def fingerprint_of_features(features: Tensor) -> str:
    """The fingerprint of features `(N, d)`, the same for any float type and any batches."""
    return str(digest_of_rows(features).hexdigest())


def _bytes_of(tensor: Tensor) -> memoryview:
    flat = tensor.detach().cpu().contiguous().reshape(-1)
    return memoryview(flat.view(torch.uint8).numpy().data) if flat.numel() else memoryview(b"")
