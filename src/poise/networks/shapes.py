"""The shapes that networks require of the data, and the errors for others."""

from collections.abc import Sequence

from poise.errors import PoiseError
from poise.spec import LEAST_SIDE, MOST_SIDE, DataSpec, size_text


def checked_shape(shape: tuple[int, ...], *, network: str) -> tuple[int, ...]:
    """The shape itself, if it is that of an image or of a vector; a `PoiseError` names `network` otherwise.

    Example:
        >>> checked_shape((3, 28, 28), network="mlp")
        (3, 28, 28)
    """
    if len(shape) not in (1, 3) or min(shape) < 1:
        what = f"The network '{network}' cannot be built for the shape {shape}"
        why = "a sample is an image of (channels, height, width) or a vector of (numbers,)"
        hint = "give a shape of three or of one positive sizes"
        raise PoiseError(what, code="networks.unknown-shape", why=why, hint=hint)
    return shape


def image_shape(shape: tuple[int, ...], *, network: str) -> tuple[int, int, int]:
    """Channels, height and width of an image; a `PoiseError` if the shape is that of a vector.

    Example:
        >>> image_shape((3, 28, 28), network="infogan")
        (3, 28, 28)
    """
    if len(checked_shape(shape, network=network)) == 1:
        what = f"The network '{network}' cannot be built for vectors of {shape[0]} numbers"
        why = "it is made of convolutions over images"
        raise PoiseError(what, code="networks.not-images", why=why, hint="use the network 'mlp'")
    channels, height, width = shape
    return channels, height, width


def translated_shape(spec: DataSpec, *, network: str) -> tuple[int, int, int, int]:
    """Channels of the condition, channels of the sample, and the height and width of both.

    Example:
        >>> translated_shape(DataSpec("image", (3, 32, 32), condition=(1, 32, 32)), network="unet")
        (1, 3, 32, 32)
    """
    channels, height, width = image_shape(spec.shape, network=network)
    if spec.condition is None or len(spec.condition) != 3:
        what = f"The network '{network}' cannot be built for data without images to translate"
        hint = "give pairs of images, or two domains"
        raise PoiseError(what, code="networks.no-image-to-translate", hint=hint)
    taken, *sides = image_shape(spec.condition, network=network)
    if sides != [height, width]:
        what = f"The network '{network}' cannot make {size_text(height, width)} from {size_text(*sides)}"
        raise PoiseError(what, code="networks.sides-differ", hint="give both kinds of images one size")
    return taken, channels, height, width


def check_sides(height: int, width: int, *, network: str, least: int = LEAST_SIDE) -> None:
    """Raises a `PoiseError` with the nearest size that fits, if a side is below `least` or above 1,024.

    Example:
        >>> check_sides(48, 64, network="dcgan")
    """
    if least <= min(height, width) <= max(height, width) <= MOST_SIDE:
        return
    largest = max(height, width)
    shrink = min(1.0, MOST_SIDE / largest)
    fitting = [max(least, round(side * shrink)) for side in (height, width)]
    asked = str(fitting[0]) if fitting[0] == fitting[1] else size_text(*fitting)
    other = "" if largest > MOST_SIDE else ", or use the network 'mlp' (any sides)"
    raise PoiseError(
        f"The network '{network}' cannot be built for images of {size_text(height, width)}",
        code="networks.side-out-of-range",
        why=f"it halves and doubles sides from {least} to {MOST_SIDE:,}",
        hint=f"the nearest that fits is --resolution {asked}{other}",
    )


def halved_sides(height: int, width: int, smallest: int | None, *, network: str) -> list[tuple[int, int]]:
    """The sides of an image halved, rounding up, until none is above `smallest`: the image's own come first.

    Args:
        height: That of the image.
        width: That of the image.
        smallest: `None` for 4, and for a quarter of a side below 16.
        network: Its name, for the error.

    Raises:
        PoiseError: A side is below 8 or above 1,024.

    Example:
        >>> halved_sides(28, 50, None, network="dcgan")
        [(28, 50), (14, 25), (7, 13), (4, 7), (2, 4)]
    """
    check_sides(height, width, network=network)
    until = smallest or min(4, max(height, width) // 4)
    return [(tall, wide) for tall, wide in halved_axes((height, width), until)]


def halved_axes(axes: Sequence[int], until: int) -> list[tuple[int, ...]]:
    """The lengths of axes halved, rounding up, until none is above `until`: their own come first.

    Example:
        >>> halved_axes((100,), 8), halved_axes((4, 9, 16), 2)
        ([(100,), (50,), (25,), (13,), (7,)], [(4, 9, 16), (2, 5, 8), (1, 3, 4), (1, 2, 2)])
    """
    lengths = [tuple(axes)]
    while max(lengths[-1]) > until:
        lengths.append(tuple(-(-length // 2) for length in lengths[-1]))
    return lengths


def halving_kernel(height: int, width: int) -> tuple[int, int]:
    """The kernel that halves these sides, rounding up, or doubles to them: stride 2, padding 1.

    Example:
        >>> halving_kernel(28, 25)
        (4, 3)
    """
    return 4 - height % 2, 4 - width % 2


def grids_of(spec: DataSpec, *, network: str) -> list[tuple[int, int]]:
    """Height and width of each grid of a network that doubles its sides up to an image: the smallest first.

    Example:
        >>> grids_of(DataSpec("image", (3, 24, 32)), network="r3gan")
        [(3, 4), (6, 8), (12, 16), (24, 32)]
    """
    _, height, width = image_shape(spec.shape, network=network)
    return halved_sides(height, width, 4, network=network)[::-1]


def quarterable_sides(height: int, width: int, *, network: str, least: int = 4) -> tuple[int, int]:
    """A quarter of height and width, for a network that halves twice and serves sides from `least`."""
    if height % 4 == 0 and width % 4 == 0 and min(height, width) >= least:
        return height // 4, width // 4
    low = size_text(*(max(least, side // 4 * 4) for side in (height, width)))
    high = size_text(*(max(least, -(-side // 4) * 4) for side in (height, width)))
    what = f"The network '{network}' cannot be built for images of {size_text(height, width)}"
    why = f"it halves both sides twice, so that both must be divisible by 4 and at least {least}"
    hint = f"resize them: --resolution {' or '.join(dict.fromkeys((low, high)))}"
    raise PoiseError(what, code="networks.side-not-divisible-by-four", why=why, hint=hint)
