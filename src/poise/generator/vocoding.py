"""Waves of recordings or of mel spectrograms, by a generator that is a vocoder; of any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from poise.data import Array, transform_from_json
from poise.data.mel import MelSpectrogram
from poise.data.sources.files import (
    SOUND_SUFFIXES,
    Collection,
    FolderCollection,
    OneFile,
    ZipCollection,
    suffix_of,
)
from poise.data.sources.sound_files import at_rate, read_clips
from poise.errors import PoiseError
from poise.generator.sampling import generate
from poise.spec import condition_kind

if TYPE_CHECKING:
    from poise.generator.generator import Generator

LOUDEST = 0.9  # The peak that recordings were trained at


@dataclass(frozen=True)
class Made:
    """A wave and what it was made of."""

    name: str  # The file of the recording, or the number of the row
    wave: Array  # (T,) float32, as loud as the recording


def vocoder_of(generator: Generator) -> MelSpectrogram:
    """The mel spectrograms that a generator takes.

    Raises:
        PoiseError: It takes none.
    """
    condition = generator.condition
    if condition is None or not condition_kind(condition).sounds:
        hint = "train one that does: poise train recordings/ --recipe mel-to-wave"
        what = "This generator makes no waves of mel spectrograms"
        raise PoiseError(what, code="generator.no-vocoder", hint=hint)
    return MelSpectrogram.from_json(condition["mel"])


def vocoded(generator: Generator, sounds: Any) -> Iterator[Made]:
    """The wave of each recording, made of nothing but its mel spectrogram.

    Args:
        generator: That of a run with the recipe `mel-to-wave`.
        sounds: A folder or zip of WAV and FLAC files, or one of them; a `.npy` file, an array or a tensor:
            waves `(N, T)` of the run's rate, or logarithms `(N, bands, frames)` as
            `poise.data.mel.MelSpectrogram` makes them.

    Raises:
        PoiseError: It is no vocoder, or the sounds cannot be used.
    """
    mel = vocoder_of(generator)
    if isinstance(sounds, str | Path) and Path(sounds).suffix.lower() != ".npy":
        path = Path(sounds).expanduser()
        read = read_clips(_collection(path), str(path), labelled=True)
        if read.refused and not read.clips:
            raise PoiseError(f"'{path}' holds no sound but silence", code="generator.only-silence")
        for clip in read.clips:
            yield Made(clip.name, _again(generator, mel, at_rate(clip.wave, clip.rate, mel.rate)))
        return
    rows = _rows(sounds)
    if rows.ndim == 3 and rows.shape[1] == mel.bands:
        for number, row in enumerate(rows):
            yield Made(str(number), waves_of_mels(generator, torch.from_numpy(row)[None])[0].numpy())
    elif rows.ndim == 2 and rows.shape[1]:
        for number, row in enumerate(rows):
            yield Made(str(number), _again(generator, mel, row))
    else:
        what = f"The array has the shape {rows.shape}, and this generator takes waves or mel spectrograms"
        hint = f"give waves (N, T) of {mel.rate:,} Hz, or logarithms (N, {mel.bands}, frames)"
        raise PoiseError(what, code="generator.no-waves", hint=hint)


def waves_of_mels(generator: Generator, logarithms: Tensor) -> Tensor:
    """Waves `(N, T)`, on the CPU, of logarithms `(N, bands, frames)` of any number of frames."""
    assert generator.condition is not None
    return remade(generator.module, logarithms, transform_from_json(generator.condition["encoding"]).encode)


def remade(module: nn.Module, logarithms: Tensor, encode: Any) -> Tensor:
    """Waves `(N, T)`, on the CPU, by the module of a vocoder.

    Args:
        module: Of latents, which it does not use, and conditions.
        logarithms: `(N, bands, frames)`.
        encode: From logarithms to conditions as the networks see them.
    """
    device = next((value.device for value in module.state_dict().values()), torch.device("cpu"))
    conditions = encode(logarithms.float()).to(device)
    return generate(module, conditions.new_zeros(len(conditions), 1), conditions, batch_size=32)[:, 0]


def _again(generator: Generator, mel: MelSpectrogram, values: Array) -> Array:
    """A wave made of the mel spectrogram of a wave, as long and as loud."""
    peak = float(np.abs(values).max(initial=0.0))
    scale = LOUDEST / max(peak, 1e-6)
    padded = np.pad(np.asarray(values, np.float32) * np.float32(scale), (0, -len(values) % mel.hop))
    made = waves_of_mels(generator, mel(torch.from_numpy(padded)[None]))[0].numpy()
    return made[: len(values)] / np.float32(scale)


def _rows(sounds: Any) -> Array:
    if isinstance(sounds, str | Path):
        try:
            sounds = np.load(Path(sounds).expanduser(), allow_pickle=False)
        except (OSError, ValueError) as error:
            what = f"'{sounds}' cannot be read"
            raise PoiseError(what, code="generator.unreadable-waves", why=str(error)) from None
    rows = sounds.detach().cpu().numpy() if isinstance(sounds, Tensor) else np.asarray(sounds)
    return np.ascontiguousarray(rows, dtype=np.float32)


def _collection(path: Path) -> Collection:
    if path.is_dir():
        return FolderCollection(path)
    if not path.exists():
        what = f"There is no file or folder '{path}'"
        raise PoiseError(what, code="generator.no-recordings", hint="name a folder of WAV or FLAC files")
    return OneFile(path) if suffix_of(path.name) in SOUND_SUFFIXES else ZipCollection(path)
