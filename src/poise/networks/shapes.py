"""The shapes that networks require of the data, and the errors for others."""

from poise.errors import PoiseError
from poise.spec import DataSpec

POWER_OF_TWO_SIDES = (8, 16, 32, 64, 128, 256)
LEAST_SIDE, MOST_SIDE = 8, 1024


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
        what = f"The network '{network}' cannot make {height}x{width} from {sides[0]}x{sides[1]}"
        raise PoiseError(what, code="networks.sides-differ", hint="give both kinds of images one size")
    return taken, channels, height, width


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
    sides = [(height, width)]
    if not LEAST_SIDE <= min(sides[0]) <= max(sides[0]) <= MOST_SIDE:
        raise PoiseError(
            f"The network '{network}' cannot be built for images of {height}x{width}",
            code="networks.side-out-of-range",
            why=f"it halves and doubles sides from {LEAST_SIDE} to {MOST_SIDE:,}",
            hint=f"give a resolution of {LEAST_SIDE} or more, or use the network 'mlp' (any sides)",
        )
    until = smallest or min(4, max(height, width) // 4)
    while max(sides[-1]) > until:
        sides.append((-(-sides[-1][0] // 2), -(-sides[-1][1] // 2)))
    return sides


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


def power_of_two_side(height: int, width: int, *, network: str) -> int:
    """The side of a square image that a network of doublings can make, a power of two from 8 to 256."""
    if height == width and height in POWER_OF_TWO_SIDES:
        return height
    side = max(height, width)
    below = [other for other in POWER_OF_TWO_SIDES if other <= side][-1:]
    above = [other for other in POWER_OF_TWO_SIDES if other >= side][:1]
    sides = " or ".join(f"{other}x{other}" for other in dict.fromkeys(below + above))
    dcgan = "'dcgan' (sides from 8 to 1,024) or " if LEAST_SIDE <= side <= MOST_SIDE else ""
    raise PoiseError(
        f"The network '{network}' cannot be built for images of {height}x{width}",
        code="networks.side-not-a-power-of-two",
        why="it makes and scores squares by doubling and halving, so that the side must be one of "
        + ", ".join(str(other) for other in POWER_OF_TWO_SIDES),
        hint=f"resize to {sides}, or use the network {dcgan}'mlp' (any sides)",
    )


def quarterable_sides(height: int, width: int, *, network: str, least: int = 4) -> tuple[int, int]:
    """A quarter of height and width, for a network that halves twice and serves sides from `least`."""
    if height % 4 == 0 and width % 4 == 0 and min(height, width) >= least:
        return height // 4, width // 4
    low = "x".join(str(max(least, side // 4 * 4)) for side in (height, width))
    high = "x".join(str(max(least, -(-side // 4) * 4)) for side in (height, width))
    what = f"The network '{network}' cannot be built for images of {height}x{width}"
    why = f"it halves both sides twice, so that both must be divisible by 4 and at least {least}"
    hint = f"resize to {' or '.join(dict.fromkeys((low, high)))}, or use the network 'mlp' (any sides)"
    raise PoiseError(what, code="networks.side-not-divisible-by-four", why=why, hint=hint)
