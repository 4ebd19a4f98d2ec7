"""The record of a kind of data: all that the rest of Poise must know of it."""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

from PIL import Image
from torch import Generator, Tensor

from poise.data.dataset import Dataset, Progress
from poise.data.graphs.codes import GraphTransform
from poise.data.rows import Array, Survey, survey
from poise.data.sources.decoding import Side, Target
from poise.data.sources.files import DATA_SUFFIXES, Collection, suffix_of
from poise.data.sources.live import Items
from poise.data.tables.asked import Table
from poise.data.tables.transform import TableTransform
from poise.data.transform import Transform
from poise.errors import PoiseError
from poise.registry import Registry
from poise.spec import DataSpec, Fit


@dataclass(frozen=True, eq=False)
class Given:
    """What a person named, read as far as a kind needs it to recognise its own."""

    data: Any  # What the person gave
    name: str  # What to call it
    origin: str  # `"array"`, `"tensor"`, `"npy"`, `"built-in"`, `"folder"`, `"zip"`, `"file"`, or `"dataset"`
    array: Array | None = None  # Rows in memory or mapped from disk, `(N, ...)`
    transform: Transform | None = None  # From stored values to the networks' space, if that is known
    path: Path | None = None  # The folder or the file
    files: Collection | None = None  # The files of a folder or an archive
    scaled: bool = False  # Whether a scale was given, which only images have
    # Reads a map-style data set live, if the person gave an object of another type
    read: Callable[[], Items] | None = None

    @cached_property
    def items(self) -> Items | None:
        """The items of a map-style data set; `None` if it is none."""
        return None if self.read is None else self.read()

    @cached_property
    def found(self) -> Survey | None:
        """What one pass over the rows in memory finds; `None` if there are none."""
        return None if self.array is None else survey(self.array)

    @cached_property
    def suffix(self) -> str:
        """The suffix that most of the files have among those that hold data; empty if there are none."""
        if self.files is None:
            return "" if self.path is None else self.path.suffix.lower()
        counts = Counter(map(suffix_of, self.files.listing().files))
        known = {suffix: count for suffix, count in counts.items() if suffix in DATA_SUFFIXES}
        return max(known, key=known.__getitem__, default="")

    @property
    def axes(self) -> int:
        """How many axes the rows have, with that of the rows; 0 if they are files."""
        if self.array is not None:
            return self.array.ndim
        return 0 if self.items is None else 1 + self.items.first.ndim


@dataclass(frozen=True)
class Request:
    """What a person asks of the data."""

    cache: Path  # Folder for decoded data
    sides: tuple[int, int] | None = None  # Height and width
    fit: Fit = "crop"  # What becomes of images of other proportions
    channels: int | None = None  # 1 for grey, 3 for colour, 4 for colour with alpha
    refuse_above: float = 0.01  # The share of files that may be unusable
    scale: tuple[float, float] | None = None  # The values that become black and white, of more than 8 bits
    progress: Progress | None = None  # Called with (done, total) while files are read
    labelled: bool = False  # Whether labels are given, so that none are looked for beside the files
    powers_of_two: bool = False  # Whether the sides must be such if no resolution is asked for
    half: Side | None = None  # The half of each image to take, of those that hold two side by side
    kind: str | None = None  # The kind of data that a person says it is
    encoding: str | None = None  # How the kind is to encode samples; None for what suits the data
    table: Table | None = None  # What a person says of the columns of a table
    like: Transform | None = None  # The transform of the data that these are measured with

    @property
    def column_types(self) -> Mapping[str, str]:
        """The types of columns that a person gave, by their names."""
        return {} if self.table is None else self.table.columns

    @property
    def target(self) -> Target | None:
        """The size that is asked for, with the fit; `None` if none is."""
        return None if self.sides is None else Target(*self.sides, self.fit)


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


@dataclass(frozen=True)
class ExportForm:
    """What an exported generator returns instead of samples, if these take more than other programs compute.

    Attributes:
        make: `(samples, transform)` from the networks' space to that form, float32.
        facts: What a program must know of it, ready for JSON.
    """

    make: Callable[[Tensor, Transform], Tensor]
    facts: Callable[[Transform], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class DataKind:
    """A kind of data. A new one is a file beside this, a row in `KINDS`, and a test."""

    name: str  # What `data.json` and `generator.json` call it
    singular: str  # One sample, in messages: `"image"`
    plural: str  # Several: `"images"`
    # `(shape, count)` to what the data are, for people: `"1,797 images of 8x8, grey"`
    describe: Callable[[tuple[int, ...], int], str]
    # Whether what a person named is of this kind; the newest kind that recognises it opens it
    recognises: Callable[[Given], bool]
    open: Callable[[Given, Request], Dataset]  # Opens it
    # The transform that a generator's folder describes
    load_transform: Callable[[Mapping[str, Any]], Transform]
    # `(shape, transform)` to the specification that networks are built from
    spec: Callable[[tuple[int, ...], Transform], DataSpec]
    network: Callable[[DataSpec], str]  # The network that `auto` becomes, unless the task chooses another
    defaults: Callable[[DataSpec], Defaults]  # What else the data decide of a recipe
    gradient_weight: Callable[[DataSpec], float]  # The weight of R1 and R2 if none is given
    settings: Callable[[DataSpec], Mapping[str, Any]]  # Settings of a recipe that follow from the data
    augmentations: frozenset[str]  # The settings of a recipe that change samples and fit this kind
    draw: Draw  # Draws a picture; `picture` checks the shape first
    preview: int  # How many samples the picture of a run shows
    # Whether a picture has a cell for each sample; else all lie in one plane, reals beneath them
    gridded: bool
    pictorial: bool  # Whether samples are pictures, which can be translated and tagged
    # From the networks' space to what `Generator.sample` returns, float32
    sample: Callable[[Tensor, Transform], Tensor]
    # From the networks' space to data: bytes of images, vectors in the units of the data
    to_data: Callable[[Tensor, Transform], Tensor]
    stored_data: Callable[[Tensor, Transform], Tensor]  # From stored values to the same form as `to_data`
    # `(count, transform)` to the names of the files that so many samples are written to
    written: Callable[[int, Transform], list[str]]
    # `(folder, pieces, count, transform)` writes these files from pieces of what `Generator.sample` returns
    write: Callable[[Path, Iterable[Tensor], int, Transform], None]
    lead: str  # What the pictures of a run show, for the report
    as_picture: str  # How a picture shows the samples: `"in a grid"`
    as_files: str  # How files hold them: `"as PNG files"`
    features: str  # The extractor that metrics use if none is named, of `poise.metrics.features.EXTRACTORS`
    metrics: tuple[str, ...]  # The metrics that are measured if none is named
    # The range of what `measured` returns, for extractors; `None` if it has none
    value_range: Literal["0..255", "0..1", "-1..1"] | None
    measured: Callable[[Tensor, Transform], Tensor]  # From the networks' space to what extractors take
    # From data, as `to_data` returns them, to what extractors take
    comparable: Callable[[Tensor, Transform], Tensor]
    # `(shape, transform)` to how `comparable` prepared them, for a protocol
    preparation: Callable[[tuple[int, ...], Transform], str]

    pictures: int = (
        40  # How many pictures a run makes, and some more at its start; few if they are slow to draw
    )
    # The recipe that suits such data if none is named; None if their size and number decide
    recipe: str | None = None
    # `(samples, transform)` in the networks' space to WAV files, if samples can be heard
    play: Callable[[Tensor, Transform], list[bytes]] | None = None
    # `(samples, transform)` in the networks' space to waves `(N, T)` in [-1, 1], if they can be heard; phases
    # that have to be found may be rough
    waves: Callable[[Tensor, Transform], Tensor] | None = None
    # What an exported generator returns; `None` for what `sample` makes
    exported: ExportForm | None = None
    encodings: tuple[str, ...] = ()  # The names of the encodings that a person can choose from
    # `(path, pieces, transform)` writes all samples to one file, if they have such a form
    write_file: Callable[[Path, Iterable[Tensor], Transform], None] | None = None

    file_suffixes: Callable[[Transform], tuple[str, ...]] = lambda transform: ()  # The endings of that file
    # `(stored samples, randomness)` to the same samples in another of their forms, drawn anew in every batch
    vary: Callable[[Tensor, Generator], Tensor] | None = None
    # `(samples, transform)` in the networks' space to the same samples, each in one of its forms, so that
    # numbers can be compared
    arranged: Callable[[Tensor, Transform], Tensor] | None = None

    # The transform with its columns, if samples are rows of a table: for metrics of rows and for conditions
    table: Callable[[Transform], TableTransform] | None = None
    # The transform with its types of nodes and edges, if samples are graphs
    graphs: Callable[[Transform], GraphTransform] | None = None

    # What a person should know before such data are trained on
    advice: Callable[[Dataset], tuple[str, ...]] = lambda dataset: ()

    def as_exported(self, samples: Tensor, transform: Transform) -> Tensor:
        """Samples in the networks' space as an exported program returns them."""
        make = self.sample if self.exported is None else self.exported.make
        return make(samples, transform)

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


KINDS: Registry[DataKind] = Registry("kind of data", [])


class OfKind(Protocol):
    """Anything that names its kind: a `Dataset`, a `DataSpec`."""

    @property
    def kind(self) -> str:
        """The name of its kind."""


def kind_of(what: OfKind | Mapping[str, Any]) -> DataKind:
    """The kind of data, of a specification, or of what a `data.json` or a `generator.json` describes.

    Example:
        >>> kind_of(DataSpec("vector", (2,))).plural
        'vectors'
    """
    # The first runs were of images, and did not record their kind.
    return KINDS.named(str(what.get("kind", "image") if isinstance(what, Mapping) else what.kind))


def spec_of(dataset: Dataset) -> DataSpec:
    """What the data look like to networks."""
    spec = kind_of(dataset).spec(dataset.shape, dataset.transform)
    condition = None if dataset.condition is None else dataset.condition.shape
    return dataclasses.replace(spec, condition=condition)


def described_spec(description: Mapping[str, Any]) -> DataSpec:
    """What the data of a run looked like to networks.

    Args:
        description: What `data.json` or `generator.json` says.

    Example:
        >>> described_spec({"kind": "vector", "shape": [2], "encoding": {"name": "identity"}}).numbers
        2
    """
    kind, condition = kind_of(description), description.get("condition")
    spec = kind.spec(tuple(description["shape"]), kind.load_transform(description["encoding"]))
    return dataclasses.replace(spec, condition=None if condition is None else tuple(condition["shape"]))
