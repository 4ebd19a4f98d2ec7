"""Short sounds of two classes, as files: low tones and high ones."""

from pathlib import Path

import numpy as np

from poise.data import Files
from poise.data.sources.sound_files import encoded_wave

RATE, LENGTH = 8_000, 1_024


def tone(pitch: float, number: int, *, length: int = LENGTH, rate: int = RATE) -> np.ndarray:
    """A tone that fades, a little different for each number."""
    times = np.arange(length) / rate
    return 0.5 * np.sin(2 * np.pi * (pitch + 5 * number) * times) * np.exp(-times * (5 + number))


def folder_of_tones(folder: Path, count: int = 12) -> Path:
    """So many WAV files of each of two classes."""
    for name, pitch in (("high", 1_500.0), ("low", 300.0)):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            (folder / name / f"{number}.wav").write_bytes(encoded_wave(tone(pitch, number), RATE))
    return folder


def series_of_tones(path: Path, count: int = 20) -> Files:
    """Series of 24 steps, whose scales differ tenfold, in a file."""
    rows = [10 ** (number / count) * (2 + tone(700.0, number, length=24)) for number in range(count)]
    np.save(path, np.array(rows))
    return Files(path, kind="series")
