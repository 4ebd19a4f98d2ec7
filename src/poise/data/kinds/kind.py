"""The record of a kind of data: all that the rest of Poise must know of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from PIL import Image
from torch import Tensor

from poise.data.dataset import Array, Dataset, Progress
from poise.data.sources.files import Collection
from poise.data.sources.live import Items
from poise.data.transform import Transform
from poise.errors import PoiseError
from poise.spec import DataSpec


@dataclass(frozen=True, eq=False)
class Given:
    """What a person named, read as far as a kind needs it to recognise its own.

    Attributes:
        data: What the person gave.
        name: What to call it.
        origin: `"array"`, `"tensor"`, `"npy"`, `"built-in"`, `"folder"`, `"zip"`, `"file"`, or `"dataset"`.
        array: Rows in memory or mapped from disk, `(N, ...)`.
        transform: From stored values to the networks' space, if that is known.
        path: The folder or the file.
        files: The files of a folder or an archive.
        read: Reads a map-style data set live, if the person gave an object of another type.
    """

    data: Any
    name: str
    origin: str
    array: Array | None = None
    transform: Transform | None = None
    path: Path | None = None
    files: Collection | None = None
    read: Callable[[], Items] | None = None

    @cached_property
    def items(self) -> Items | None:
        """The items of a map-style data set; `None` if it is none."""
        return None if self.read is None else self.read()

    @property
    def axes(self) -> int:
        """How many axes the rows have, with that of the rows; 0 if they are files."""
        if self.array is not None:
            return self.array.ndim
        return 0 if self.items is None else 1 + self.items.first.ndim


@dataclass(frozen=True)
class Request:
    """What a person asks of the data.

    Attributes:
        cache: Folder for decoded data.
        resolution: Pixels a side.
        channels: 1 for grey, 3 for colour.
        refuse_above: The share of files that may be unusable.
        progress: Called with (done, total) while files are read.
    """

    cache: Path
    resolution: int | None = None
    channels: int | None = None
    refuse_above: float = 0.01
    progress: Progress | None = None


@dataclass(frozen=True)
class Defaults:
    """What `auto` and null in a recipe become."""

    width: int
    learning_rate: float
    steps: int


class Draw(Protocol):
    """Draws a picture of samples."""

    def __call__(
        self, samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
    ) -> Image.Image:
        """A picture of samples `(N, *shape)` in the networks' space."""


@dataclass(frozen=True, kw_only=True)
class DataKind:
    """A kind of data. A new one is a file beside this, a row in `KINDS`, and a test.

    Attributes:
        name: What `data.json` and `generator.json` call it.
        singular: One sample, in messages: `"image"`.
        plural: Several: `"images"`.
        describe: `(shape, count)` to what the data are, for people: `"1,797 images of 8x8, grey"`.
        recognises: Whether what a person named is of this kind; the newest kind that recognises it opens it.
        open: Opens it.
        load_transform: The transform that a generator's folder describes.
        spec: `(shape, transform)` to the specification that networks are built from.
        network: The network that `auto` becomes, unless the task chooses another.
        defaults: What else the data decide of a recipe.
        gradient_weight: The weight of R1 and R2 if none is given.
        settings: Settings of a recipe that follow from the data.
        augmentations: The settings of a recipe that change samples and fit this kind.
        draw: Draws a picture; `picture` checks the shape first.
        preview: How many samples the picture of a run shows.
        gridded: Whether a picture has a cell for each sample; else all lie in one plane, reals beneath them.
        pictorial: Whether samples are pictures, which can be translated and tagged.
        sample: From the networks' space to what `Generator.sample` returns, float32.
        to_data: From the networks' space to data: bytes of images, vectors in the units of the data.
        stored_data: From stored values to the same form as `to_data`.
        written: `(count)` to the names of the files that so many samples are written to.
        write: `(folder, pieces, count)` writes these files from pieces of what `Generator.sample` returns.
        lead: What the pictures of a run show, for the report.
        as_picture: How a picture shows the samples: `"in a grid"`.
        as_files: How files hold them: `"in a PNG each"`.
        features: The extractor that metrics use if none is named, of `poise.metrics.features.EXTRACTORS`.
        metrics: The metrics that are measured if none is named.
        value_range: The range of what `measured` returns, for extractors; `None` if it has none.
        measured: From the networks' space to what extractors take.
        comparable: From data, as `to_data` returns them, to what extractors take.
        preparation: `(shape, transform)` to how `comparable` prepared them, for a protocol.
    """

    name: str
    singular: str
    plural: str
    describe: Callable[[tuple[int, ...], int], str]
    recognises: Callable[[Given], bool]
    open: Callable[[Given, Request], Dataset]
    load_transform: Callable[[Mapping[str, Any]], Transform]
    spec: Callable[[tuple[int, ...], Transform], DataSpec]
    network: Callable[[DataSpec], str]
    defaults: Callable[[DataSpec], Defaults]
    gradient_weight: Callable[[DataSpec], float]
    settings: Callable[[DataSpec], Mapping[str, Any]]
    augmentations: frozenset[str]
    draw: Draw
    preview: int
    gridded: bool
    pictorial: bool
    sample: Callable[[Tensor, Transform], Tensor]
    to_data: Callable[[Tensor, Transform], Tensor]
    stored_data: Callable[[Tensor, Transform], Tensor]
    written: Callable[[int], list[str]]
    write: Callable[[Path, Iterable[Tensor], int], None]
    lead: str
    as_picture: str
    as_files: str
    features: str
    metrics: tuple[str, ...]
    value_range: Literal["0..255", "0..1", "-1..1"] | None
    measured: Callable[[Tensor, Transform], Tensor]
    comparable: Callable[[Tensor, Transform], Tensor]
    preparation: Callable[[tuple[int, ...], Transform], str]

    @property
    def words(self) -> dict[str, Any]:
        """What `data.json` says of the kind to readers that do not import it."""
        unit = self.plural if self.pictorial else "samples"
        return {"unit": unit, "lead": self.lead, "gridded": self.gridded}

    def picture(
        self,
        samples: Tensor,
        transform: Transform,
        shape: tuple[int, ...],
        *,
        columns: int | None = None,
        real: Tensor | None = None,
    ) -> Image.Image:
        """A picture of samples; `real` ones lie beneath them if the kind has no cells."""
        if tuple(samples.shape[1:]) != tuple(shape) or not len(samples):
            what = f"Samples of shape {tuple(samples.shape)} are not {tuple(shape)} each, or there are none"
            raise PoiseError(what, code="data.no-picture")
        return self.draw(samples, transform, columns=columns, real=real)
