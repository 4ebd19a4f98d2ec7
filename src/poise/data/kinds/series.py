"""Series: numbers in time, in several channels, each with a level and a spread of its own, of any lengths."""

import dataclasses
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from poise.data.courses import Courses, load_courses
from poise.data.dataset import Dataset, array_dataset
from poise.data.kinds.drawing import BEYOND, as_curves
from poise.data.kinds.image import to_pillow
from poise.data.kinds.kind import DataKind, Defaults, Given, Request
from poise.data.levels import levels_of, spread
from poise.data.rows import JSON, Array, survey
from poise.data.sources.series_columns import SeriesColumns
from poise.data.sources.series_tables import series_of
from poise.data.tables.frame import CSV, PARQUET, in_blocks, is_table, read_frame, write_frame
from poise.data.transform import Transform
from poise.errors import PoiseError
from poise.spec import ATTRIBUTE, DataSpec, Span, SpanKind
from poise.text import counted

NAME = "series"
OWN, COMMON = "own", "common"
_LEAST, _MOST = 4, 16_384  # Steps of a series
_TEST = 0.2  # The share of time at the end that is held out if series are cut into windows
_FEW = 20  # Series below which windows of them are proposed
_WINDOWS = {1: 60, 60: 60, 3_600: 24, 86_400: 28, 604_800: 52}  # Their usual steps, by the seconds of one
_DIFFER = 3.0  # Times that spreads differ from which each series is scaled by its own
_LEAST_SPREAD = 1e-6  # Of a series, over that of all
_STILL = 0.25  # Of the space between levels, in which values of a series that stands still are spread
_DRAWN = 6  # Channels in a picture
_FILE, _TABLE = "samples.npy", "samples.csv"


def _open(given: Given, request: Request) -> Dataset:
    if is_table(given.data, given.path):
        tabled = series_of(read_frame(given.data, given.path, given.name), request.column_types)
        made = _opened(tabled.values, given, request, tabled.columns.channels)
        held_out = None if made.held_out is None else _in_columns(made.held_out, tabled.columns)
        notices = (*tabled.notices, *made.notices)
        return dataclasses.replace(_in_columns(made, tabled.columns), notices=notices, held_out=held_out)
    if given.array is None or given.array.ndim not in (2, 3):
        what = f"'{given.name}' is no array of series"
        hint = (
            "give a table with a row for each moment, or an array (N, steps) or (N, channels, steps), "
            "with NaN after the end of each"
        )
        raise PoiseError(what, code="data.not-series", hint=hint)
    array = given.array[:, None] if given.array.ndim == 2 else given.array
    numbers = [f"channel {number}" for number in range(1, array.shape[1] + 1)]
    return _opened(array, given, request, numbers)


def _opened(array: Array, given: Given, request: Request, names: Sequence[str]) -> Dataset:
    """Series `(N, channels, steps)` as a data set, cut into windows if that is asked for."""
    if request.sides is not None or request.scale is not None:
        what = f"'{given.name}' holds series, which have no resolution and no scale"
        raise PoiseError(what, code="data.series-are-no-images", hint="leave them out")
    window, scaling = _asked(request.encoding)
    length = window or array.shape[2]
    if not _LEAST <= length <= min(_MOST, array.shape[2]):
        what = f"The series of '{given.name}' have {array.shape[2]:,} steps, and {length:,} are asked for"
        hint = f"take {_LEAST} to {_MOST:,} of them: --set encoding=365 cuts windows of 365 steps"
        raise PoiseError(what, code="data.series-length", hint=hint)
    values = np.asarray(array, dtype=np.float64)
    present = _present(values, given.name)
    if window is None:
        return _dataset(values, present, None, given, scaling, array.dtype, names)
    if not present.all():
        what = f"The series of '{given.name}' end at different steps and cannot be cut into windows"
        raise PoiseError(what, code="data.series-gaps", hint="fill them, or cut them yourself")
    # time is divided before windows are cut, so that none of the test's steps was trained on
    windows = values.shape[2] // window
    apart = max(1, round(_TEST * windows)) if windows > 1 else 0
    cut = values[:, :, : windows * window].reshape(*values.shape[:2], windows, window).transpose(0, 2, 1, 3)
    first = cut[:, : windows - apart].reshape(-1, values.shape[1], window)
    last = cut[:, windows - apart :].reshape(-1, values.shape[1], window)
    made = _dataset(first, np.ones(first[:, 0].shape, bool), None, given, scaling, array.dtype, names)
    if not apart:
        return made
    courses = _courses_of(made.transform)
    held_out = _dataset(last, np.ones(last[:, 0].shape, bool), courses, given, scaling, array.dtype, names)
    series = "The series" if len(values) == 1 else f"Each of {len(values):,} series"
    notice = f"{series} is cut into {windows} windows of {window}; the last {apart} in time are held out."
    return dataclasses.replace(made, held_out=held_out, notices=(*made.notices, notice))


def _advice(dataset: Dataset) -> tuple[str, ...]:
    """What helps if few long series are all there is."""
    courses, count, length = _courses_of(dataset.transform), len(dataset), dataset.shape[-1]
    seconds = 0.0 if courses.columns is None else courses.columns.seconds
    window = _WINDOWS.get(round(seconds), length // 50)
    if courses.ends or count >= _FEW or window < _LEAST or length < 4 * window:
        return ()
    many = count * (length // window)
    text = f"{count} series are" if count > 1 else "One series is"
    return (
        f"{text} little to learn from; --set encoding={window} cuts {many:,} windows of {window} steps, "
        "and makes such stretches.",
    )


def _in_columns(dataset: Dataset, columns: SeriesColumns) -> Dataset:
    courses = dataclasses.replace(_courses_of(dataset.transform), columns=columns)
    return dataclasses.replace(dataset, transform=courses)


def _asked(encoding: str | None) -> tuple[int | None, str | None]:
    """The length of windows and how series are scaled, if they are named: `"365,own"`."""
    window, scaling = None, None
    for word in (encoding or "").replace(" ", "").split(","):
        if word.isdecimal():
            window = int(word)
        elif word in (OWN, COMMON):
            scaling = word
        elif word:
            what = f"The encoding of series cannot be '{encoding}'"
            hint = f"name the length of windows, {OWN} or {COMMON}: --set encoding=365,{OWN}"
            raise PoiseError(what, code="data.series-encoding", hint=hint)
    return window, scaling


def _present(values: Array, name: str) -> Array:
    """Where each series has not ended, `(N, T)`: NaN may follow the last step, in all channels at once."""
    missing = np.isnan(values)
    if np.isinf(values).any():
        raise PoiseError(f"'{name}' holds infinite values", code="data.not-finite", hint="take them out")
    present = np.asarray(~missing.all(axis=1))
    inside = missing.any(axis=1) & present
    gap = np.asarray((np.diff(present.astype(np.int8), axis=1) > 0).any(axis=1) | inside.any(axis=1))
    if gap.any():
        row = int(np.argmax(gap))
        what = f"{counted(int(gap.sum()), 'row')} of '{name}' have gaps, the first is row {row:,}"
        why = "NaN may only follow the last step of a series, in all of its channels"
        raise PoiseError(what, code="data.series-gaps", why=why, hint="fill gaps, as by interpolation, first")
    if not present[:, 0].all():
        row = int(np.argmin(present[:, 0]))
        what = f"Row {row:,} of '{name}' is empty"
        raise PoiseError(what, code="data.series-empty", hint="take it out")
    return present


def _dataset(
    values: Array,
    present: Array,
    known: Courses | None,
    given: Given,
    scaling: str | None,
    dtype: "np.dtype[Any]",
    names: Sequence[str],
) -> Dataset:
    count, channels, length = values.shape
    ends = not present.all() if known is None else known.ends
    exact = np.where(present[:, None], values, np.nan)
    levels = known.levels if known else tuple(levels_of(exact[:, one]) for one in range(channels))
    step = 1.0 if dtype.kind in "iu" else 0.0
    shown = np.stack([spread(exact[:, one], own, step=step) for one, own in enumerate(levels)], axis=1)
    overall = max(float(np.nanstd(shown)), 1e-12)
    low, high, middle, half = _ranges(shown, overall)
    own = _is_own(half, scaling) if known is None else known.own
    if own:
        # A series that stands still is told by its half range: spread as far as others, it would become one
        # of small steps with the least error in its numbers; much less, and others would stand still, too
        still = np.nanmin(exact, axis=2) == np.nanmax(exact, axis=2)
        shown = np.where(still[:, :, None], exact + _STILL * (shown - exact), shown)
        low, high, middle, half = _ranges(shown, overall)
    flag = [present[:, None].astype(np.float64)] if ends else []
    attributes = np.concatenate([middle, np.log(half)], axis=1)
    columns = [np.repeat(attributes[:, :, None], length, axis=2)] if own else []
    stored = np.concatenate([np.nan_to_num(shown, nan=0.0), *flag, *columns], axis=1).astype(np.float32)
    if known is None:
        center = attributes.mean(axis=0) if own else np.nanmean(shown, axis=(0, 2))
        scale = attributes.std(axis=0) if own else np.nanstd(shown, axis=(0, 2))
        scale = np.where(scale > 1e-12, scale, 1.0)
        type_name = str(dtype.newbyteorder("="))
        full = own and not ends and bool((high - low > 2 * _LEAST_SPREAD * overall).all())
        known = Courses(
            channels, ends, own, tuple(center.tolist()), tuple(scale.tolist()), type_name, full, levels
        )
    found = survey(stored)
    steps = present.sum(axis=1)
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": count,
        "channels": channels,
        "steps": [int(steps.min()), int(steps.max())],
        "scaled": "each series by its own middle and half range" if own else "all series alike",
        "range": [float(np.nanmin(exact)), float(np.nanmax(exact))],
        "dtype": known.dtype,
    }
    text = "each scaled by its own middle and half range" if own else "all scaled alike"
    lengths = f"{steps.min():,} to {steps.max():,}" if ends else f"{length:,}"
    notices = [
        f"{count:,} series of {lengths} steps, {text}; --set encoding={COMMON if own else OWN} changes that."
    ]
    if any(levels):
        few = ", ".join(f"{name} ({len(one)})" for name, one in zip(names, levels, strict=True) if one)
        notices.append(f"Values come in few levels, which samples keep to: {few}.")
    return array_dataset(stored, found.digest, NAME, given.name, known, summary, notices)


def _ranges(values: Array, overall: float) -> tuple[Array, Array, Array, Array]:
    """The least and the greatest value of each channel of a series, the middle and the half range."""
    low, high = np.nanmin(values, axis=2), np.nanmax(values, axis=2)
    return low, high, (low + high) / 2, np.maximum((high - low) / 2, _LEAST_SPREAD * overall)


def _is_own(half: Array, scaling: str | None) -> bool:
    if scaling is not None:
        return scaling == OWN
    few, many = np.quantile(half, [0.1, 0.9], axis=0)
    return bool((many > _DIFFER * np.maximum(few, 1e-12)).any())


def _courses_of(transform: Transform) -> Courses:
    assert isinstance(transform, Courses)
    return transform


def _spec(shape: tuple[int, ...], transform: Transform) -> DataSpec:
    courses = _courses_of(transform)
    of_values: SpanKind = "bounded" if courses.full else "real"
    spans = [Span(f"channel {number}", of_values, 1) for number in range(courses.channels)]
    spans += [Span("present", "real", 1)] if courses.ends else []
    attributes = shape[0] - len(spans)
    spans += [Span(f"{ATTRIBUTE} {number}", "real", 1) for number in range(attributes)]
    return DataSpec(NAME, shape, spans=tuple(spans))


def _draw(
    samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
) -> Image.Image:
    """A cell for each series, a curve for each channel; by its own scale if each has one."""
    courses = _courses_of(transform)
    shown = courses.drawn(samples.detach().float().cpu())[:, :_DRAWN]
    high = 1.1 if courses.own else BEYOND
    return to_pillow(as_curves(shown.numpy(), low=-high, high=high), columns=columns)


def _written(count: int, transform: Transform) -> list[str]:
    return [_FILE if _courses_of(transform).columns is None else _TABLE]


def _write(folder: Path, pieces: Iterable[Tensor], count: int, transform: Transform) -> None:
    if _courses_of(transform).columns is not None:
        _write_file(folder / _TABLE, pieces, transform)
        return
    series = np.concatenate([piece.numpy() for piece in pieces])
    like = np.dtype(_courses_of(transform).dtype)
    if like.kind in "ui" and not np.isnan(series).any():
        series = series.clip(np.iinfo(like).min, np.iinfo(like).max).astype(like)
    np.save(folder / _FILE, series)


def _write_file(path: Path, pieces: Iterable[Tensor], transform: Transform) -> None:
    """Samples as a table like that of the data: dates from its first on, and a name for each sample."""
    columns, blocks, first = _courses_of(transform).columns, [], 0
    assert columns is not None
    for piece in pieces:
        blocks.append(columns.texts(piece.numpy(), first=first))
        first += len(piece)
    write_frame(path, in_blocks(blocks), columns.like)


def _planes(samples: Tensor) -> Tensor:
    return samples[:, :, None, None]


SERIES = DataKind(
    name=NAME,
    singular="a series",
    plural="series",
    describe=lambda shape, count: f"{count:,} series of {shape[1]:,} steps",
    recognises=lambda given: False,  # arrays of series look like vectors and images: --kind series
    open=_open,
    load_transform=load_courses,
    spec=_spec,
    network=lambda spec: "series",
    defaults=lambda spec: Defaults(32, 4e-4, 20_000),
    gradient_weight=lambda spec: min(10.0, 0.1 * math.prod(spec.shape) / 64),
    settings=lambda spec: {},
    augmentations=frozenset(),
    draw=_draw,
    preview=24,
    gridded=True,
    pictorial=False,
    sample=lambda samples, transform: _courses_of(transform).series(transform.decode(samples)),
    to_data=lambda samples, transform: transform.decode(samples),
    stored_data=lambda stored, transform: stored.float(),
    written=_written,
    write=_write,
    write_file=_write_file,
    file_suffixes=lambda transform: () if _courses_of(transform).columns is None else (*CSV, *PARQUET),
    lead="Each cell is the series of one latent, a curve for each channel. "
    "The latents are the same in every picture.",
    as_picture="as curves",
    as_files="in one file",
    features="field-statistics",
    metrics=(
        "autocorrelation",
        "power-spectrum",
        "value-distribution",
        "classifier-two-sample-test",
        "frechet-distance",
    ),
    value_range=None,
    measured=lambda samples, transform: _planes(samples),
    comparable=lambda data, transform: _planes(transform.encode(data)),
    preparation=lambda shape, transform: "values by the scale that the networks see",
    recipe="series",
    encodings=(OWN, COMMON),
    advice=_advice,
)
