"""Folders and archives of sounds: read, cut by an index if there is one, of one rate and one length."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import wave
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import numpy as np

from poise.data.rows import Array, in_order
from poise.data.sources.decoding import reason_of
from poise.data.sources.files import SOUND_SUFFIXES, Collection, Listing, suffix_of
from poise.data.sources.image_texts import shown
from poise.errors import PoiseError
from poise.text import counted, first_few

_INDEX = "index.csv"
_LEAST_LENGTH, _MOST_LENGTH = 1_024, 65_536
_MOST_CLASSES = 100
_CLASS_COLUMNS = frozenset(("label", "class", "word"))
_LOUDEST = 0.9  # The peak that every recording is brought to
_QUIET = 1e-6  # Peak below which a recording is silent


@dataclass(frozen=True, eq=False)
class Clip:
    """A recording, or the part of one that a row of an index names."""

    name: str
    rate: int
    wave: Array  # (T,) float32
    label: str = ""


@dataclass(frozen=True, eq=False)
class Clips:
    """The recordings of a folder, as they came."""

    clips: tuple[Clip, ...]
    refused: dict[str, str]
    listing: Listing
    digest: str  # Of the content of all files
    notices: list[str] = field(default_factory=list)


def read_clips(collection: Collection, name: str, *, labelled: bool) -> Clips:
    """Every recording of a folder, cut as its `index.csv` says if it has one.

    Raises:
        PoiseError: There is none, or the index does not fit.
    """
    listing = collection.listing()
    files = [file for file in listing.files if suffix_of(file) in SOUND_SUFFIXES]
    refused = dict(listing.refused)
    found: dict[str, tuple[int, Array]] = {}
    digest = hashlib.sha256()

    def read(file: str) -> tuple[str, int, Array] | str:
        try:
            content = collection.read(file)
            return hashlib.sha256(content).hexdigest(), *decoded(content, suffix_of(file))
        except PoiseError as error:
            return error.sentence
        except Exception as error:
            return reason_of(error)

    for file, one in zip(files, in_order(read, files), strict=True):
        if isinstance(one, str):
            refused[file] = one
        else:
            digest.update(f"{file} {one[0]}\n".encode())
            found[file] = one[1:]
    if not found:
        few = first_few([f"{shown(file)} ({why})" for file, why in sorted(refused.items())])
        what = f"'{name}' holds no sound" + (f" that can be used: {few}" if refused else "")
        raise PoiseError(what, code="data.no-sounds", hint="name a folder of WAV or FLAC files")
    index = next((file for file in listing.files if PurePosixPath(file).name == _INDEX), None)
    notices: list[str] = []
    if index is None:
        clips = [Clip(file, rate, wave) for file, (rate, wave) in found.items()]
    else:
        content = collection.read(index)
        digest.update(content)
        clips, notices = _cut(content, found, labelled=labelled)
    silent = [clip.name for clip in clips if not len(clip.wave) or np.abs(clip.wave).max() < _QUIET]
    refused |= dict.fromkeys(silent, "it is silent")
    return Clips(
        tuple(clip for clip in clips if clip.name not in refused),
        refused,
        listing,
        digest.hexdigest(),
        notices,
    )


def decoded(content: bytes, suffix: str) -> tuple[int, Array]:
    """The rate and the wave of a file, its channels averaged, full scale at 1.

    Raises:
        PoiseError: It needs the package soundfile, which is not there.
    """
    if suffix == ".wav":
        try:
            return _plain_wave(content)
        except wave.Error:
            pass  # floats, or a header that the standard library does not know
    try:
        import soundfile  # noqa: PLC0415 - an optional package
    except ImportError:
        what, why = "FLAC files, and WAV files of floats, cannot be read", "the package soundfile is missing"
        raise PoiseError(
            what, code="data.needs-soundfile", why=why, hint="pip install 'poise[sound]'"
        ) from None
    try:
        waves, rate = soundfile.read(io.BytesIO(content), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        what = f"it is no {suffix[1:].upper()} file that can be read: {error.error_string.rstrip('.')}"
        raise PoiseError(what, code="data.no-sound-file") from None
    return int(rate), np.asarray(waves.mean(axis=1), dtype=np.float32)


def _plain_wave(content: bytes) -> tuple[int, Array]:
    """A WAV file of whole numbers of 8, 16, 24 or 32 bits."""
    with wave.open(io.BytesIO(content)) as opened:
        width, channels, rate = opened.getsampwidth(), opened.getnchannels(), opened.getframerate()
        raw = np.frombuffer(opened.readframes(opened.getnframes()), np.uint8)
    raw = raw[: len(raw) // (width * channels) * width * channels].reshape(-1, width)
    if width == 1:  # the only one without a sign
        values = (raw[:, 0].astype(np.float64) - 128) / 128
    else:
        padded = np.zeros((len(raw), 4), np.uint8)
        padded[:, 4 - width :] = raw
        values = padded.view("<i4")[:, 0] / 2.0**31
    return rate, values.reshape(-1, channels).mean(axis=1).astype(np.float32)


def encoded_wave(values: Array, rate: int) -> bytes:
    """A WAV file of 16 bits of a wave `(T,)` in [-1, 1]; what lies beyond becomes the loudest.

    Example:
        >>> decoded(encoded_wave(np.array([0.0, 0.5, -1.0]), 8_000), ".wav")[1].round(3).tolist()
        [0.0, 0.5, -1.0]
    """
    whole = np.rint(np.nan_to_num(values, nan=0.0).clip(-1, 1) * 32_767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(rate)
        opened.writeframes(whole.tobytes())
    return file.getvalue()


def _cut(
    content: bytes, found: Mapping[str, tuple[int, Array]], *, labelled: bool
) -> tuple[list[Clip], list[str]]:
    """The parts that an index names by file, start and number of values."""
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig"))))
    except (UnicodeDecodeError, csv.Error):
        rows = []
    stems = {PurePosixPath(file).stem: file for file in found} | {file: file for file in found}
    columns = list(rows[0]) if rows else []
    of_file = next((one for one in columns if all(row[one] in stems for row in rows)), None)
    if of_file is None or not {"start", "samples"} <= set(columns):
        what = f"'{_INDEX}' does not say which parts of the recordings are meant"
        why = f"its columns are {', '.join(columns)}" if columns else "it is no table"
        hint = "give it a column of file names and the columns start and samples, or take it away"
        raise PoiseError(what, code="data.sound-index", why=why, hint=hint)
    column = None if labelled else _label_column(rows, [one for one in columns if one != of_file])
    clips = []
    for number, row in enumerate(rows, 2):
        file = stems[row[of_file]]
        rate, whole = found[file]
        try:
            start, count = int(row["start"]), int(row["samples"])
        except (TypeError, ValueError):
            start, count = -1, 0
        if not 0 <= start < start + count <= len(whole):
            what = f"Row {number} of '{_INDEX}' names a part that '{shown(file)}' does not have"
            why = f"start {row['start']} and samples {row['samples']}, of {len(whole):,}"
            raise PoiseError(what, code="data.sound-index", why=why, hint="correct it, or take it away")
        label = "" if column is None else row[column]
        clips.append(Clip(f"{file}#{number - 2:05}", rate, whole[start : start + count], label))
    if column is None:
        return clips, []
    return clips, [f"The labels are the column '{column}' of {_INDEX}."]


def _label_column(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> str | None:
    """The column of classes: one that is called so, or the first whose values all occur several times."""
    for column in columns:
        if column.lower() in _CLASS_COLUMNS:
            return column
    for column in columns:
        often = Counter(row[column] for row in rows)
        if (
            column not in ("start", "samples")
            and 2 <= len(often) <= _MOST_CLASSES
            and min(often.values()) > 1
        ):
            return column
    return None


def at_rate(values: Array, rate: int, wanted: int) -> Array:
    """A wave at another rate, its spectrum cut or filled with zeros.

    Example:
        >>> len(at_rate(np.zeros(16_000), 16_000, 8_000))
        8000
    """
    if rate == wanted:
        return values
    length = max(1, round(len(values) * wanted / rate))
    spectrum = np.fft.rfft(values)
    made = np.zeros(length // 2 + 1, dtype=spectrum.dtype)
    common = min(len(made), len(spectrum))
    made[:common] = spectrum[:common]
    return np.asarray(np.fft.irfft(made, length) * (length / len(values)), dtype=np.float32)


def common_length(clips: Sequence[Clip], rate: int) -> int:
    """The power of two that three quarters of the clips are no longer than, at this rate."""
    lengths = [len(clip.wave) * rate / clip.rate for clip in clips]
    wanted = float(np.quantile(lengths, 0.75)) * 0.98
    return int(min(_MOST_LENGTH, max(_LEAST_LENGTH, 2 ** math.ceil(math.log2(max(1.0, wanted))))))


def fitted(values: Array, length: int) -> tuple[Array, bool]:
    """A wave with its peak at 0.9, amid silence, or the loudest part of a longer one; whether it was cut."""
    longer = len(values) > length
    if longer:
        power = np.concatenate([[0.0], np.cumsum(np.square(values, dtype=np.float64))])
        start = int((power[length:] - power[:-length]).argmax())
        values = values[start : start + length]
    before = (length - len(values)) // 2
    padded = np.pad(values, (before, length - len(values) - before))
    return (padded * (_LOUDEST / max(float(np.abs(padded).max()), _QUIET))).astype(np.float32), longer


def wave_rows(read: Clips, form: str, length: int | None, name: str) -> tuple[Array, int, list[str]]:
    """The clips as rows `(N, T)` of one rate and length, with what was done to them.

    Raises:
        PoiseError: Nothing is left, or the length cannot be one.
    """
    if not read.clips:
        what = f"'{name}' holds no sound but silence"
        raise PoiseError(what, code="data.no-sounds", hint="check the recordings")
    rates = Counter(clip.rate for clip in read.clips)
    rate = rates.most_common(1)[0][0]
    length = length or common_length(read.clips, rate)
    notices = list(read.notices)
    if len(rates) > 1:
        others = ", ".join(f"{count:,} of {other:,} Hz" for other, count in rates.most_common()[1:])
        first = next(clip.name for clip in read.clips if clip.rate != rate)
        notices.append(
            f"Recordings of other rates were brought to {rate:,} Hz: {others}, the first is {shown(first)}."
        )
    rows = np.empty((len(read.clips), length), np.float32)
    cut = 0
    for number, clip in enumerate(read.clips):
        rows[number], longer = fitted(at_rate(clip.wave, clip.rate, rate), length)
        cut += longer
    longer_ones = f"of {counted(cut, 'longer one')} the loudest part is taken" if cut else "none is longer"
    notices.append(
        f"Clips are {length:,} values, {length / rate:.2f} s at {rate:,} Hz, peaks at {_LOUDEST}; "
        f"{longer_ones}. For another length: --set encoding={form},{2 * length}"
    )
    return rows, rate, notices
