"""Sounds: recordings of one rate and length, as spectrograms or as waves; samples are waves again."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from poise.data.dataset import Dataset, array_dataset
from poise.data.kinds.drawing import as_curves, in_colours
from poise.data.kinds.image import to_pillow
from poise.data.kinds.kind import DataKind, Defaults, ExportForm, Given, Request
from poise.data.rows import JSON, survey
from poise.data.sources.files import SOUND_SUFFIXES
from poise.data.sources.image_folders import labelled_by_folders
from poise.data.sources.image_texts import check_share, shown
from poise.data.sources.labels import with_labels
from poise.data.sources.sound_files import encoded_wave, read_clips, wave_rows
from poise.data.spectrogram import BINS, FLOOR, HOP, WINDOW, log_magnitudes, waves_of
from poise.data.transform import Transform, damaged_transform, fields_to_json
from poise.errors import PoiseError, unknown_name
from poise.spec import DataSpec, Span
from poise.text import counted

NAME = "sound"
SPECTROGRAM, WAVEFORM = "spectrogram", "waveform"
_FEW_ROUNDS = 8  # Of Griffin-Lim, for pictures and checks
_LEAST_LENGTH, _MOST_LENGTH = 1_024, 65_536


@dataclass(frozen=True)
class Sounds:
    """Logarithms of magnitudes, each frequency to mean 0 and deviation 1; or waves as they are, in [-1, 1].

    Args:
        form: `"spectrogram"` or `"waveform"`.
        rate: Values a second.
        mean: The mean of each frequency over the data, `(BINS,)`.
        deviation: Its standard deviation.
    """

    form: str
    rate: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    name: ClassVar[str] = "sounds"

    @property
    def bounded(self) -> bool:
        """Whether the networks' space is [-1, 1]: that of waves is."""
        return self.form == WAVEFORM

    def encode(self, stored: Tensor) -> Tensor:
        """`(B, 1, BINS, frames)` or `(B, 1, T)` to the networks' space."""
        values = stored.to(torch.float32)
        return values.clone() if self.bounded else self.standardised(values)

    def decode(self, value: Tensor) -> Tensor:
        """Logarithms of magnitudes, or waves, whose ends are cut as those of every file of sound."""
        values = value.to(torch.float32)
        if self.bounded:
            return values.clamp(-1, 1)
        mean, deviation = self._columns(values)
        return values * deviation + mean

    def standardised(self, logarithms: Tensor) -> Tensor:
        """Logarithms of magnitudes `(B, 1, BINS, frames)` to mean 0 and deviation 1."""
        mean, deviation = self._columns(logarithms)
        return (logarithms - mean) / deviation

    to_json = fields_to_json

    def _columns(self, values: Tensor) -> tuple[Tensor, Tensor]:
        both = torch.tensor([self.mean, self.deviation], dtype=values.dtype, device=values.device)
        return both[0, :, None], both[1, :, None]


def _load_transform(written: Mapping[str, Any]) -> Transform:
    try:
        mean, deviation = (tuple(map(float, written[part])) for part in ("mean", "deviation"))
        made = Sounds(str(written["form"]), int(written["rate"]), mean, deviation)
        good = len(mean) == len(deviation) == BINS and min(deviation) > 0 and made.form in _FORMS
    except (KeyError, TypeError, ValueError):
        good = False
    if not good:
        raise damaged_transform("sounds")
    return made


_FORMS = (SPECTROGRAM, WAVEFORM)


def _open(given: Given, request: Request) -> Dataset:
    if given.files is None:
        what = f"'{given.name}' is no folder of sounds"
        raise PoiseError(what, code="data.not-sounds", hint="name a folder or a zip of WAV or FLAC files")
    if request.sides is not None or request.channels is not None or request.scale is not None:
        what = f"'{given.name}' holds sounds, which have no resolution, no channels and no scale"
        raise PoiseError(what, code="data.sounds-are-no-images", hint="leave them out")
    form, length = _asked(request.encoding)
    read = read_clips(given.files, given.name, labelled=request.labelled)
    check_share(given.name, read.refused, len(read.clips), request.refuse_above, files="sounds")
    waves, rate, notices = wave_rows(read, form, length, given.name)
    logarithms = torch.cat(
        [log_magnitudes(torch.from_numpy(part)) for part in np.array_split(waves, 1 + len(waves) // 512)]
    )
    mean, deviation = logarithms.mean((0, 2)), logarithms.std((0, 2)).clamp(min=1e-3)
    transform = Sounds(form, rate, tuple(mean.tolist()), tuple(deviation.tolist()))
    stored = waves[:, None] if form == WAVEFORM else logarithms[:, None].numpy()
    refused: list[JSON] = [{"file": shown(file), "reason": why} for file, why in sorted(read.refused.items())]
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": len(stored),
        "rate": rate,
        "seconds": round(waves.shape[1] / rate, 3),
        "form": form,
        "refused_count": len(refused),
        "refused": refused,
        "policy": "channels averaged, peaks at 0.9, shorter clips amid silence, the loudest of longer ones",
    }
    found = survey(stored)
    dataset = array_dataset(stored, found.digest, NAME, given.name, transform, summary, notices)
    dataset = dataclasses.replace(dataset, files=tuple(clip.name for clip in read.clips))
    labels = [clip.label for clip in read.clips]
    if any(labels):
        return with_labels(dataset, np.array(labels, dtype=object))
    return dataset if request.labelled else labelled_by_folders(dataset, given.files, read.listing)


def _asked(encoding: str | None) -> tuple[str, int | None]:
    """The form, and the length of clips if it is named: `"waveform,16384"`."""
    form, _, length = (encoding or SPECTROGRAM).partition(",")
    if form not in _FORMS:
        raise unknown_name("encoding of sounds", form, _FORMS)
    if not length:
        return form, None
    if not (
        length.strip().isdecimal() and _LEAST_LENGTH <= int(length) <= _MOST_LENGTH and int(length) % HOP == 0
    ):
        what = f"The length of clips cannot be '{length}'"
        hint = f"give a multiple of {HOP} from {_LEAST_LENGTH:,} to {_MOST_LENGTH:,}, as 8192"
        raise PoiseError(what, code="data.sound-length", hint=hint)
    return form, int(length)


def _sounds_of(transform: Transform) -> Sounds:
    assert isinstance(transform, Sounds)
    return transform


def waves(samples: Tensor, transform: Transform, **how: int) -> Tensor:
    """Waves `(N, T)` in [-1, 1] of samples in the networks' space."""
    decoded = transform.decode(samples.detach())[:, 0]
    return decoded if transform.bounded else waves_of(decoded, **how).clamp(-1, 1)


def _rough_waves(samples: Tensor, transform: Transform) -> Tensor:
    return waves(samples, transform, **({} if transform.bounded else {"rounds": _FEW_ROUNDS}))


def _exported(samples: Tensor, transform: Transform) -> Tensor:
    """Waves, or logarithms of magnitudes: the rounds that find phases are no graph that runtimes know."""
    return waves(samples, transform) if transform.bounded else transform.decode(samples)


def _export_facts(transform: Transform) -> Mapping[str, Any]:
    sounds = _sounds_of(transform)
    facts = {"form": sounds.form, "rate": sounds.rate}
    return facts if sounds.bounded else {**facts, "window": WINDOW, "hop": HOP, "floor": FLOOR}


def planes(samples: Tensor, transform: Transform) -> Tensor:
    """Standardised logarithms of magnitudes `(N, 1, 1, BINS, frames)`, as extractors take sounds."""
    if transform.bounded:
        logarithms = log_magnitudes(transform.decode(samples)[:, 0])[:, None]
        samples = _sounds_of(transform).standardised(logarithms)
    return samples[:, :, None]


def _draw(
    samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
) -> Image.Image:
    """A cell for each sound: its wave above, its spectrogram below, high notes on top."""
    spectra = planes(samples.detach().cpu(), transform)[:, 0, 0].float().numpy()[:, ::-1]
    width = spectra.shape[2]
    shown = _rough_waves(samples.detach().cpu(), transform)
    curves = as_curves(shown.numpy()[:, None], low=-1.0, high=1.0)
    below = in_colours(spectra).repeat(max(1, curves.shape[3] // width), axis=3).repeat(2, axis=2)
    across = min(curves.shape[3], below.shape[3])
    return to_pillow(np.concatenate([curves[..., :across], below[..., :across]], axis=2), columns=columns)


def _written(count: int, transform: Transform) -> list[str]:
    digits = max(5, len(str(count - 1)))
    return [f"sample-{number:0{digits}}.wav" for number in range(count)]


def _write(folder: Path, pieces: Iterable[Tensor], count: int, transform: Transform) -> None:
    sounds = (values for piece in pieces for values in piece.numpy())
    for name, values in zip(_written(count, transform), sounds, strict=True):
        (folder / name).write_bytes(encoded_wave(values, _sounds_of(transform).rate))


def _play(samples: Tensor, transform: Transform) -> list[bytes]:
    rate = _sounds_of(transform).rate
    return [encoded_wave(values, rate) for values in waves(samples.cpu(), transform).numpy()]


def _spec(shape: tuple[int, ...], transform: Transform) -> DataSpec:
    span = Span("wave", "bounded", 1) if transform.bounded else Span("log magnitude", "real", 1)
    return DataSpec(NAME, shape, spans=(span,), rate=_sounds_of(transform).rate)


def _describe(shape: tuple[int, ...], count: int) -> str:
    values = shape[1] if len(shape) == 2 else shape[2] * HOP
    return f"{counted(count, 'sound')} of {values:,} values"


def _network(spec: DataSpec) -> str:
    return "wavegan" if len(spec.shape) == 2 else "dcgan"


SOUND = DataKind(
    name=NAME,
    singular="sound",
    plural="sounds",
    describe=_describe,
    recognises=lambda given: given.files is not None and given.suffix in SOUND_SUFFIXES,
    open=_open,
    load_transform=_load_transform,
    spec=_spec,
    network=_network,
    defaults=lambda spec: Defaults(32, 2e-4 if spec.bounded else 4e-4, 30_000),
    # As for images: in proportion to the numbers of a sample
    gradient_weight=lambda spec: min(10.0, 0.1 * math.prod(spec.shape) / 64),
    settings=lambda spec: {},
    augmentations=frozenset(),
    draw=_draw,
    preview=24,
    gridded=True,
    pictorial=False,
    sample=waves,
    to_data=lambda samples, transform: transform.decode(samples),
    stored_data=lambda stored, transform: stored.float(),
    written=_written,
    write=_write,
    play=_play,
    waves=_rough_waves,
    exported=ExportForm(_exported, _export_facts),
    lead="Each cell is the sound of one latent: its wave, and below it its spectrogram, high notes on top. "
    "The latents are the same in every picture.",
    as_picture="as waves and spectrograms",
    as_files="as WAV files",
    features="spectrogram-convolutions",
    metrics=(
        "frechet-distance",
        "kernel-distance",
        "precision-recall-density-coverage",
        "memorisation",
        "wave-faults",
    ),
    value_range=None,
    measured=planes,
    comparable=lambda data, transform: planes(transform.encode(data), transform),
    preparation=lambda shape, transform: "logarithms of magnitudes, standardised by the reference",
    recipe="spectrogram",
    encodings=_FORMS,
)
