"""People's pictures, brought to the size and the channels of a generator."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from poise.data import EVERY, Dataset, Files, Target, as_channels, open_data, read_image, reason_of
from poise.errors import PoiseError
from poise.recipes import saved_recipe
from poise.spec import size_text

if TYPE_CHECKING:
    from poise.generator.generator import Generator

IMAGES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def read_picture(
    path: Path, channels: int, target: Target, *, scale: tuple[float, float] | None = None
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """One picture, brought to a size and a number of channels, as bytes `(1, channels, height, width)`.

    Raises:
        PoiseError: It cannot be read.
    """
    try:
        image = read_image(io.BytesIO(path.read_bytes()), target=target, scale=scale, alpha=channels == 4)
    except (FileNotFoundError, IsADirectoryError):
        what = f"'{path}' is a folder" if path.is_dir() else f"There is no picture '{path}'"
        raise PoiseError(what, code="generator.no-picture", hint="name one picture") from None
    except Exception as error:
        what, why = f"The picture '{path}' cannot be read", reason_of(error)
        raise PoiseError(what, code="generator.unreadable-picture", why=why) from None
    return np.array(as_channels(image, channels))[None]


def opened(
    pictures: Any,
    channels: int,
    target: Target,
    *,
    scale: tuple[float, float] | None = None,
    refuse_above: float,
) -> Dataset:
    """A picture, a folder or zip, a `.npy` file, an array or a tensor of images, as rows of one size.

    Args:
        pictures: The pictures.
        channels: How many channels they are brought to.
        target: The size that they are brought to, and how.
        scale: Where pictures of 16 bits and of floats have black and white; `None` for where they say.
        refuse_above: The share of files that cannot be read above which all are refused.
    """
    if isinstance(pictures, str | Path) and Path(pictures).suffix.lower() in IMAGES:
        pictures = read_picture(Path(pictures), channels, target, scale=scale)
    elif isinstance(pictures, str | Path):
        pictures = Files(pictures, scale=scale, split=EVERY, tolerate=refuse_above)
    size = target.height, target.width
    return open_data(pictures, resolution=size, fit=target.fit, channels=channels, refuse_above=refuse_above)


@dataclass(frozen=True)
class Pictures:
    """Pictures as a generator would make them.

    Attributes:
        names: Their files, or numbers.
        images: `(N, C, H, W)` in [-1, 1].
        notices: What was done to them, as sentences.
    """

    names: tuple[str, ...]
    images: Tensor
    notices: tuple[str, ...]


def open_pictures(generator: Generator, pictures: Any) -> Pictures:
    """Pictures, brought to the size and the channels of a generator.

    Args:
        generator: The generator.
        pictures: A picture, a folder or zip, a `.npy` file, an array or a tensor of images.

    Raises:
        PoiseError: They cannot be read, or are no pictures.
    """
    if not generator.kind.pictorial:
        what = f"This generator makes {generator.kind.plural}, and no pictures"
        raise PoiseError(
            what, code="generator.makes-no-pictures", hint="take a run that was trained on images"
        )
    channels, height, width = generator.shape
    fit = "crop" if generator.run is None else saved_recipe(generator.run.recipe).fit
    dataset = opened(pictures, channels, Target(height, width, fit), refuse_above=1)
    if dataset.kind != generator.kind.name:
        what = f"'{pictures}' holds {dataset.kind}s, and this generator makes {generator.kind.plural}"
        raise PoiseError(
            what, code="generator.other-kind-of-data", hint="give a picture or a folder of pictures"
        )
    single = (Path(pictures).name,) if isinstance(pictures, str | Path) and len(dataset) == 1 else ()
    names = dataset.files or single or tuple(str(number) for number in range(len(dataset)))
    images = dataset.transform.encode(dataset.gather(np.arange(len(dataset)))).float().clamp(-1, 1)
    notices = list(dataset.notices)
    target = f"{size_text(height, width)} with {channels} channel{'s' if channels > 1 else ''}"
    notices += [
        f"The pictures were brought to {target}: {dataset.summary.get('fitted') or 'as the run was'}."
    ]
    return Pictures(tuple(names), images, tuple(notices))
