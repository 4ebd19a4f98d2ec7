"""Sounds: files of every width and rate, cut, brought to one length, and back from magnitudes alone."""

from __future__ import annotations

import io
import struct
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from refusals import refused

import poise
from poise.data import Array, kind_of, open_data
from poise.data.sources.sound_files import at_rate, decoded, encoded_wave, fitted
from poise.data.spectrogram import FLOOR, analysed, log_magnitudes, synthesised, waves_of
from poise.diagnosis import budget
from tones import LENGTH, RATE, folder_of_tones, tone

RANDOM = np.random.default_rng(0)


def wave_of(values: Array, width: int, *, channels: int = 1, rate: int = RATE) -> bytes:
    """A WAV file of so many bytes a value, written by the standard library."""
    scale = 2 ** (8 * width - 1) - 1
    whole = np.rint(values * scale).astype(np.int64) + (128 if width == 1 else 0)
    packed = b"".join(int(one).to_bytes(width, "little", signed=width > 1) for one in whole.ravel())
    file = io.BytesIO()
    with wave.open(file, "wb") as opened:
        opened.setnchannels(channels)
        opened.setsampwidth(width)
        opened.setframerate(rate)
        opened.writeframes(packed)
    return file.getvalue()


@pytest.mark.parametrize(("width", "step"), [(1, 2**-6), (2, 2**-14), (3, 2**-22), (4, 2**-22)])
def test_whole_numbers_of_every_width(width: int, step: float) -> None:
    values = tone(440.0, 1, length=200)
    rate, read = decoded(wave_of(values, width), ".wav")
    assert rate == RATE and read.dtype == np.float32 and np.abs(read - values).max() <= step


def test_floats_flac_and_several_channels(tmp_path: Path) -> None:
    both = np.stack([tone(440.0, 1, length=300), tone(880.0, 2, length=300)], axis=1)
    for suffix, subtype in ((".wav", "FLOAT"), (".wav", "PCM_16"), (".flac", "PCM_16")):
        path = tmp_path / f"two{suffix}"
        soundfile.write(path, both, 11_025, subtype=subtype)
        rate, read = decoded(path.read_bytes(), suffix)
        assert rate == 11_025 and np.abs(read - both.mean(axis=1)).max() < 1e-4


def test_written_waves_are_read_by_another_library_and_are_never_wrapped() -> None:
    values = np.array([0.0, 0.25, -0.25, 3.0, -3.0, np.nan])
    read, rate = soundfile.read(io.BytesIO(encoded_wave(values, 22_050)))
    assert rate == 22_050
    assert np.allclose(read, [0, 0.25, -0.25, 1, -1, 0], atol=1e-4)


def test_another_rate_keeps_the_tone() -> None:
    times = np.arange(8_000) / 16_000
    halved = at_rate(np.sin(2 * np.pi * 1_000 * times).astype(np.float32), 16_000, 8_000)
    assert len(halved) == 4_000
    assert np.abs(halved - np.sin(2 * np.pi * 1_000 * np.arange(4_000) / 8_000)).max() < 1e-3
    high = at_rate(np.sin(2 * np.pi * 6_000 * times).astype(np.float32), 16_000, 8_000)
    assert np.abs(high).max() < 1e-3, "above half of the new rate there is nothing"


def test_the_loudest_part_of_a_longer_clip_is_taken_and_shorter_ones_lie_amid_silence() -> None:
    quiet, loud = np.full(900, 0.01, np.float32), np.full(100, 0.3, np.float32)
    taken, longer = fitted(np.concatenate([quiet, loud]), 100)
    assert longer and np.allclose(taken, 0.9)
    amid, longer = fitted(loud, 300)
    assert not longer and np.allclose(amid[100:200], 0.9) and not amid[:100].any() and not amid[200:].any()


def test_spectra_come_back_as_waves_and_a_tone_stands_at_its_frequency() -> None:
    waves = torch.from_numpy(RANDOM.normal(0, 0.2, (3, 1_024)))
    assert torch.allclose(synthesised(analysed(waves)), waves)
    times = torch.arange(4_096) / 8_000
    spectra = log_magnitudes(torch.sin(2 * torch.pi * 1_000 * times)[None])[0]
    assert spectra.shape == (64, 64) and int(spectra[:, 32].argmax()) == 16  # of 62.5 Hz each
    assert float(spectra[16, 32].exp()) == pytest.approx(0.5 + FLOOR, abs=0.01)


def test_phases_are_found_again() -> None:
    waves = torch.from_numpy(np.stack([tone(pitch, 1, length=2_048) for pitch in (300.0, 700.0, 1_900.0)]))
    wanted = log_magnitudes(waves)
    found = waves_of(wanted)
    assert found.shape == waves.shape and torch.equal(found, waves_of(wanted))
    errors = [
        float((log_magnitudes(one).exp() - wanted.exp()).norm() / wanted.exp().norm())
        for one in (found, waves_of(wanted, rounds=1))
    ]
    assert errors[0] < 0.1 and errors[0] < 0.5 * errors[1]


def test_a_folder_with_classes(tmp_path: Path) -> None:
    folder = folder_of_tones(tmp_path / "tones")
    dataset = open_data(folder, cache=tmp_path)
    assert dataset.kind == "sound" and dataset.shape == (1, 64, LENGTH // 64)
    assert dataset.label_names == ("high", "low") and dataset.class_counts == {"high": 12, "low": 12}
    waves = open_data(folder, encoding="waveform,2048", cache=tmp_path)
    assert "--set encoding=waveform,4096" in " ".join(waves.notices)
    assert waves.shape == (1, 2_048) and float(waves.gather(np.arange(24)).abs().max()) == pytest.approx(0.9)


def test_an_index_cuts_recordings_and_labels_them(tmp_path: Path) -> None:
    parts = [tone(300.0 + 100 * number, number, length=1_024) for number in range(8)]
    soundfile.write(tmp_path / "anna.flac", np.concatenate(parts), RATE)
    lines = ["speaker,digit,start,samples"]
    lines += [f"anna,{number % 2},{1_024 * number},1024" for number in range(8)]
    (tmp_path / "index.csv").write_text("\n".join(lines))
    dataset = open_data(tmp_path, encoding="waveform", cache=tmp_path / "cache")
    assert len(dataset) == 8 and dataset.class_counts == {"0": 4, "1": 4}
    expected = parts[3] * 0.9 / np.abs(parts[3]).max()
    assert np.abs(dataset.gather(np.array([3]))[0, 0].numpy() - expected).max() < 1e-3
    (tmp_path / "index.csv").write_text("\n".join([*lines, "anna,1,8000,1024"]))
    with refused("data.sound-index") as caught:
        open_data(tmp_path, cache=tmp_path / "cache")
    assert "Row 10" in caught.value.what
    (tmp_path / "index.csv").write_text("name\nberta\n")
    with refused("data.sound-index"):
        open_data(tmp_path, cache=tmp_path / "cache")


def test_rates_that_differ_are_told_with_the_first_file(tmp_path: Path) -> None:
    folder = folder_of_tones(tmp_path / "tones")
    (folder / "low" / "z.wav").write_bytes(encoded_wave(tone(300.0, 3, length=2_048, rate=16_000), 16_000))
    notices = " ".join(open_data(folder, cache=tmp_path).notices)
    assert "1 of 16,000 Hz" in notices and "low/z.wav" in notices


@pytest.mark.parametrize("content", [b"RIFF", b"", struct.pack("<4sI4s", b"RIFF", 4, b"WAVE")])
def test_broken_and_silent_files_are_refused_by_name(content: bytes, tmp_path: Path) -> None:
    folder = folder_of_tones(tmp_path / "tones")
    (folder / "low" / "broken.wav").write_bytes(content)
    with refused("data.too-many-refused") as caught:
        open_data(folder, cache=tmp_path)
    assert "low/broken.wav" in caught.value.what
    (folder / "low" / "broken.wav").write_bytes(encoded_wave(np.zeros(500), RATE))
    with refused("data.too-many-refused") as caught:
        open_data(folder, cache=tmp_path)
    assert "it is silent" in caught.value.what


@pytest.mark.parametrize(
    ("encoding", "code"),
    [
        ("mel", "unknown-encoding"),
        ("waveform,1000", "data.sound-length"),
        ("spectrogram,x", "data.sound-length"),
    ],
)
def test_encodings_that_do_not_exist(encoding: str, code: str, tmp_path: Path) -> None:
    folder = folder_of_tones(tmp_path / "tones")
    with refused(code):
        open_data(folder, encoding=encoding, cache=tmp_path)
    with refused("data.sounds-are-no-images"):
        open_data(folder, resolution=32, cache=tmp_path)


def test_a_run_writes_sounds_that_the_report_plays(tmp_path: Path) -> None:
    folder = folder_of_tones(tmp_path / "tones", 20)
    small = {"generator.width": 2, "discriminator.width": 2, "batch_size": 8, "steps": 2}
    poise.train(folder, "conditional", out=tmp_path / "run", **small)
    run = poise.open_run(tmp_path / "run")
    assert sorted(path.name for path in (tmp_path / "run/sounds").iterdir())[0] == "generated-01.wav"
    report = run.report().read_text(encoding="utf-8")
    assert report.count("<audio controls") == report.count("data:audio/wav;base64,") >= 16
    assert "media-src data:" in report and "autoplay" not in report
    samples = run.sample(3, seed=1, label="low")
    assert samples.shape == (3, LENGTH) and np.abs(samples).max() <= 1
    result = poise.evaluate(
        run, metrics=["inception-score", "classifier-accuracy-score"], features="classifier", samples=32
    )
    assert {one.metric for one in result.results} == {"inception-score", "classifier-accuracy-score"}
    kind = kind_of(run.folder.data)
    kind.write(tmp_path, [torch.from_numpy(samples)], 3, run.generator.transform)
    rate, read = decoded((tmp_path / "sample-00000.wav").read_bytes(), ".wav")
    assert rate == RATE and np.abs(read - samples[0]).max() < 1e-4


@pytest.mark.parametrize("recipe", ["spectrogram", "wavegan"])
def test_runs_are_watched_and_evaluated_as_waves(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_SHARE", 1.0)  # every check, whatever it costs
    folder = folder_of_tones(tmp_path / "tones")
    small = {"steps": 6, "batch_size": 4, "generator.width": 2, "discriminator.width": 2}
    run = poise.train(folder, recipe, out=tmp_path / "run", doctor="watch", **small)
    looks = [line["waves"] for line in run.folder.lines("readings") if "waves" in line]
    assert looks and looks[-1]["silent"][1] == 0 and looks[-1]["every 16"][1] > 0
    assert set(looks[-1]) == {"silent", "clipped", *(f"every {stride}" for stride in (2, 4, 8, 16, 64))}
    (result,) = poise.evaluate(run, metrics=["wave-faults"]).results
    assert set(result.values) == {"silent_share", "clipped_share", "stride_tone"}
    assert result.details["real_silent_share"] == 0 and result.floor is not None


def test_a_file_that_is_no_sound_is_refused_in_words(tmp_path: Path) -> None:
    folder = folder_of_tones(tmp_path / "tones")
    (folder / "high" / "broken.wav").write_bytes(b"RIFFxxxx")
    with refused("data.too-many-refused") as caught:
        open_data(folder, cache=tmp_path)
    sentence = caught.value.sentence
    assert "1 of 25 sounds" in sentence and "no WAV file that can be read" in sentence
    assert "<_io" not in sentence
