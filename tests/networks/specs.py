"""Specifications of data for tests of networks."""

from poise.spec import DataSpec


def of(shape: tuple[int, ...]) -> DataSpec:
    """Images or vectors of a shape."""
    return DataSpec("image" if len(shape) == 3 else "vector", shape)


def image(channels: int, height: int, width: int | None = None) -> DataSpec:
    """Images; square ones where there is no width."""
    return of((channels, height, width or height))


def translated(shape: tuple[int, ...], source: tuple[int, ...]) -> DataSpec:
    """Images that are made from images."""
    return DataSpec("image", shape, condition=source)
