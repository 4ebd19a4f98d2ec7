"""Images in arrays: which axis is what, which range, and what is refused."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from PIL import Image

from poise.data.cache import Conversion
from poise.data.rows import Array, Survey
from poise.data.sources.decoding import Target, fitted
from poise.data.sources.pictures import found_scale
from poise.data.transform import Pixels, Range, Transform
from poise.errors import PoiseError
from poise.spec import Fit, size_text

_LUMINANCE = np.array([0.299, 0.587, 0.114])

Layout = Literal["HW", "HWC", "CHW"]
_FEW_CHANNELS = 4


def image_layout(shape: tuple[int, ...], *, channels: int | None, name: str) -> Layout:
    """Which axis of one image is which.

    One axis of 1 to 4 is that of the channels; of more channels it is the one beside two equal sides.
    """
    if len(shape) == 2:
        if 3 <= shape[1] <= _FEW_CHANNELS < shape[0]:
            what = f"The images of '{name}' are {shape[1]} pixels wide and {shape[0]} high"
            why = "so are the rows of one image with its channels last"
            hint = (
                "for one image add a first axis, array[None]; for narrow images a last one, array[..., None]"
            )
            raise PoiseError(what, code="data.one-image", why=why, hint=hint)
        return "HW"
    sizes: dict[Layout, tuple[int, bool]] = {
        "CHW": (shape[0], shape[1] == shape[2]),
        "HWC": (shape[2], shape[0] == shape[1]),
    }
    few = [layout for layout, (depth, _) in sizes.items() if 1 <= depth <= _FEW_CHANNELS]
    named = [layout for layout, (depth, _) in sizes.items() if depth == channels]
    squares = [layout for layout, (_, square) in sizes.items() if square]
    for chosen in (few, named if len(few) != 1 else few, [one for one in few or sizes if one in squares]):
        if len(chosen) == 1:
            return chosen[0]
    raise PoiseError(
        f"In '{name}' images have the shape {dimensions(shape)}",
        code="data.axes-unclear",
        why="two axes could be the channels",
        hint="give (N, height, width, channels), (N, channels, height, width) or (N, height, width), "
        "or give the number of channels",
    )


def to_channels_first(images: Array, layout: Layout) -> Array:
    """Images `(N, ...)` of a layout as `(N, C, H, W)`, a view."""
    if layout == "HW":
        return images[:, None]
    return np.moveaxis(images, 3, 1) if layout == "HWC" else images


def dimensions(shape: tuple[int, ...]) -> str:
    """A shape in words: `32x32x3`."""
    return "x".join(str(side) for side in shape)


def image_transform(
    found: Survey, dtype: np.dtype[Any], name: str, scale: tuple[float, float] | None = None
) -> tuple[Transform, list[str]]:
    """The transform of images from the type and range of their values, with notices for the person.

    Floats are recognised as [0, 1], [-1, 1] or 0..255, the last only if the brightest is 128 or more:
    values up to 1.3 or to 16 are far more likely a mistake of scale than dark pictures. A scale that is named
    holds whatever the values are.
    """
    if scale is not None and dtype.kind != "b":
        beyond = "" if scale[0] <= found.low and found.high <= scale[1] else "; values beyond are cut off"
        return Range(*scale), [f"The images of '{name}' are taken as {scale[0]:g} to {scale[1]:g}{beyond}."]
    low, high = found.low, found.high
    if dtype.kind == "b":
        return Pixels(), [f"The truth values of '{name}' are taken as black and white."]
    if dtype.kind in "ui":
        if low < 0 or high > 255:
            what = f"The {dtype} images of '{name}' have values from {low:g} to {high:g}"
            hint = f"name the values that become black and white: --scale {_likely(low, high)}"
            raise PoiseError(what, code="data.integer-range", why="integers are taken as 0 to 255", hint=hint)
        notices = [] if dtype == np.uint8 else [f"The {dtype} images of '{name}' are taken as 0 to 255."]
        if 0 < high < 64:
            notices.append(
                f"The brightest value of '{name}' is {high:g} of 255: the images are dark or not scaled."
            )
        return Pixels(), notices
    slack = 1e-4
    if low >= -slack and high <= 1 + slack:
        bounds = (0.0, 1.0)
    elif low >= -1 - slack and high <= 1 + slack:
        bounds = (-1.0, 1.0)
    elif low >= 0 and 128 <= high <= 255:
        bounds = (0.0, 255.0)
    else:
        what = f"The images of '{name}' have values from {low:g} to {high:g}"
        why = "floats are taken as 0 to 1, as -1 to 1, or as 0 to 255"
        hint = f"scale them to one of these, or name the scale: --scale {_likely(low, high)}"
        raise PoiseError(what, code="data.float-range", why=why, hint=hint)
    sentence = f"The float images of '{name}' are taken as {bounds[0]:g} to {bounds[1]:g}."
    return Range(*bounds), [sentence]


def _likely(low: float, high: float) -> str:
    """The scale that holds these values, as it is typed."""
    return ",".join(f"{number:g}" for number in found_scale(low, high, whole=False))


def image_plan(
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    transform: Transform,
    *,
    target: Target | None,
    channels: int | None,
    name: str,
) -> Conversion:
    """What has to be done to images (C, H, W) to train on them; without a target they keep their size."""
    depth, height, width = shape
    if channels is not None and channels != depth and {channels, depth} != {1, 3}:
        what = f"The images of '{name}' have {depth} channels and cannot be given {channels}"
        raise PoiseError(what, code="data.channels", hint="only 1 to 3 and 3 to 1 can be converted")
    stored = "uint8" if isinstance(transform, Pixels) else "float32"
    steps: list[str] = []
    jobs: list[Callable[[Array], Array]] = []
    if dtype.kind == "b":
        steps.append("truth values to 0 and 255")
        jobs.append(lambda block: block.astype(np.uint8) * np.uint8(255))
    elif dtype != np.dtype(stored) or not dtype.isnative:
        steps.append(f"{dtype} to {stored}")
        jobs.append(lambda block: block.astype(stored))
    if channels is not None and channels != depth:
        steps.append("luminance" if channels == 1 else "grey repeated as colour")
        jobs.append(_to_grey if channels == 1 else (lambda block: np.repeat(block, 3, axis=1)))
    if target is not None and (target.height, target.width) != (height, width):
        steps.append(policy_of(target))
        white = transform.high if isinstance(transform, Range) else 255.0
        jobs.append(lambda block: resized(block, target, white=white))
        height, width = target.height, target.width

    def convert(block: Array) -> Array:
        for job in jobs:
            block = job(block)
        return block

    return Conversion((channels or depth, height, width), stored, convert if jobs else None, tuple(steps))


def _to_grey(block: Array) -> Array:
    grey: Array = np.tensordot(block, _LUMINANCE, axes=([1], [0]))[:, None]
    return np.rint(grey).astype(np.uint8) if block.dtype == np.uint8 else grey.astype(np.float32)


def policy_of(target: Target) -> str:
    """What is done to images of another size, in words."""
    square = target.height == target.width
    to = f"{'a square' if square else 'these proportions'}, antialiased bicubic resize to {target.text}"
    return {
        "crop": f"centre crop to {to}",
        "pad": f"white margins to {to}",
        "stretch": f"antialiased bicubic resize to {target.text}, stretched",
    }[target.fit]


def fitted_text(sizes: Sequence[tuple[int, int]], target: Target) -> str:
    """What images of these widths and heights are brought to a size by; empty if they have it.

    Example:
        >>> fitted_text([(4032, 3024), (640, 480)], Target(64, 64))
        'cropped from sizes between 640x480 and 4032x3024'
    """
    if all(size == (target.width, target.height) for size in sizes):
        return ""
    words: Mapping[Fit, str] = {"crop": "cropped", "pad": "padded", "stretch": "stretched"}
    how = words[target.fit] if any(target.changes(*size) for size in sizes) else "resized"
    ordered = sorted(set(sizes), key=math.prod)
    ends = dict.fromkeys(size_text(height, width) for width, height in (ordered[0], ordered[-1]))
    return f"{how} from {'sizes between ' if len(ends) > 1 else ''}{' and '.join(ends)}"


def resized(block: Array, target: Target, *, white: float = 255.0) -> Array:
    """Images (n, C, H, W), uint8 or float32, brought to a size, channel by channel."""
    result = np.empty((*block.shape[:2], target.height, target.width), dtype=block.dtype)
    for index in np.ndindex(*block.shape[:2]):
        plane = np.ascontiguousarray(block[index])
        fit = np.asarray(fitted(Image.fromarray(plane), target, white=white))
        # bicubic overshoots at edges: Pillow clips bytes, floats are kept within their plane's own range here
        low, high = plane.min(), plane.max()
        if target.fit == "pad":
            high = max(high, plane.dtype.type(white))
        result[index] = fit if plane.dtype == np.uint8 else np.clip(fit, low, high)
    return result
