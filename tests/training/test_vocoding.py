"""A vocoder: its conditions, segments and terms; how it is used, measured and shown."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import poise
from poise.cli.entry import main
from poise.data import Dataset, open_data
from poise.data.mel import MelSpectrogram
from poise.data.sources.sound_files import decoded, encoded_wave
from poise.dynamics import Batch
from poise.errors import PoiseError
from poise.games.view import Scoring, View
from poise.metrics.vocoder_errors import vocoder_errors
from poise.networks.hifigan import WaveDiscriminator
from poise.recipes import RECIPES, recipe_with
from poise.schedules import Schedule
from poise.spec import DataSpec
from poise.tasks import TASKS
from poise.tasks.vocoding import feature_error, from_segments, mel_error, times, with_spectrograms
from poise.training import begin, pick_device, plan
from poise.training.components import build_game, build_networks
from poise.training.resolve import resolve
from tones import LENGTH, RATE, folder_of_tones, tone

MEL = MelSpectrogram.for_rate(RATE)
SMALL = {
    "batch_size": 4,
    "steps": 3,
    "held_out": 8,
    "generator.width": 4,
    "discriminator.width": 2,
    "game.segment": 8,
    "sample_every": 3,
    "evaluate_every": 2,
}


def refused(call: Callable[[], object]) -> PoiseError:
    with pytest.raises(PoiseError) as caught:
        call()
    return caught.value


def silent(sentence: str) -> None:
    """Nobody is told."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vocoder")
    recipe = recipe_with(RECIPES["mel-to-wave"], SMALL)
    tones = folder_of_tones(folder / "tones", 20)
    begin(plan(tones, recipe, pick_device("cpu")), folder / "run", notify=silent, doctor="off")
    return folder / "run"


@pytest.fixture(scope="module")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_tones(tmp_path_factory.mktemp("tones") / "tones")


def waves_of(tones: Path) -> Dataset:
    return open_data(tones, encoding="waveform")


def test_each_recording_is_conditioned_on_its_own_spectrogram(tones: Path) -> None:
    plain = waves_of(tones)
    made = with_spectrograms(plain)
    assert made.condition is not None and made.condition.of_sounds and made.condition.paired
    rows = np.array([3, 0, 20])
    expected = MEL(plain.transform.encode(plain.gather(rows))[:, 0])
    assert torch.equal(made.condition.gather(rows), expected)
    encoded = made.condition.encode(made.condition.gather(np.arange(len(made))))
    assert [encoded.min().item(), encoded.max().item()] == pytest.approx([-1, 1])
    assert made.condition.shape == (40, LENGTH // 64) and made.fingerprint != plain.fingerprint
    assert with_spectrograms(plain, bands=20).condition.shape == (20, 16)  # type: ignore[union-attr]


def test_other_data_are_refused_with_what_to_do(tones: Path) -> None:
    assert refused(lambda: with_spectrograms(open_data("digits"))).code == "tasks.no-waves"
    assert refused(lambda: with_spectrograms(open_data(tones))).code == "tasks.no-waves"
    (tones.parent / "fast").mkdir(exist_ok=True)
    (tones.parent / "fast" / "a.wav").write_bytes(encoded_wave(tone(300, 0, length=1_088), 44_100))
    fast = open_data(tones.parent / "fast", encoding="waveform,1088")
    error = refused(lambda: with_spectrograms(fast))
    assert error.code == "tasks.clips-without-frames" and "1536" in error.hint


class Copying(nn.Module):
    """A generator that gives the first band of each frame as all values of its hop."""

    def forward(self, latent: Tensor, condition: Tensor) -> Tensor:
        return condition[:, :1].repeat_interleave(4, 2)


def test_a_segment_and_its_recording_are_the_same_stretch_another_for_each() -> None:
    frames = torch.arange(30.0).repeat(5, 3, 1) + 100 * torch.arange(5.0)[:, None, None]
    batch = Batch(
        real=frames[:, :1].repeat_interleave(4, 2),
        latent=torch.zeros(5, 1),
        step=0,
        generator=torch.Generator().manual_seed(0),
        condition=frames,
    )
    made = from_segments(6, {"generator": Copying()}, batch)
    assert made["fake"].shape == (5, 1, 24) and torch.equal(made["fake"], made["real"])
    starts = (made["real"][:, 0, 0] % 100).tolist()
    assert len(set(starts)) > 2 and made["real"][:, 0, 0].div(100).floor().tolist() == [0, 1, 2, 3, 4]
    whole = from_segments(99, {"generator": Copying()}, batch)
    assert torch.equal(whole["real"], batch.real)


def view_of(fake: Tensor, real: Tensor, discriminator: Callable[[Tensor], Tensor]) -> View:
    batch = Batch(real, torch.zeros(len(real), 1), 0, torch.Generator())
    networks = {"discriminator": discriminator, "critic": discriminator}
    return View(Scoring(), networks, batch, {"fake": fake}, player="generator")


def test_the_terms_are_the_papers() -> None:
    stream = torch.Generator().manual_seed(0)
    fake, real = (torch.rand(2, 1, 512, generator=stream) - 0.5 for _ in range(2))
    view = view_of(fake, real, lambda samples: samples.flatten(1)[:, :10])
    expected = [(MEL(one) - MEL(other)).abs().mean() for one, other in zip(fake, real, strict=True)]
    assert mel_error(MEL)(view).tolist() == pytest.approx([float(one) for one in expected], rel=1e-5)
    assert torch.allclose(feature_error(4)(view), (fake - real).flatten(1)[:, 4:10].abs().sum(1))


def test_the_generators_loss_is_the_sum_over_eight_discriminators_and_the_weighted_terms() -> None:
    spec = DataSpec("sound", (1, LENGTH), condition=(40, 16), rate=RATE)
    recipe = resolve(recipe_with(RECIPES["mel-to-wave"], {**SMALL, "game.segment": None}), spec)
    modules = build_networks(recipe, spec, {})
    game, networks = build_game(recipe, spec), TASKS["vocoding"].networks(recipe, modules)
    stream = torch.Generator().manual_seed(0)
    real = torch.rand(3, 1, LENGTH, generator=stream) - 0.5
    batch = Batch(real, torch.zeros(3, 1), 0, stream, condition=MEL(real[:, 0]))
    outputs = game.forward(networks, batch)
    found = game.loss("generator", networks, batch, outputs, {})
    scoring, fake = modules["discriminator"], outputs["fake"]
    assert isinstance(scoring, WaveDiscriminator)
    seen = scoring.judged(fake) - scoring.judged(real)
    scores = scoring(fake)
    judged = 8 * (scores - 1).square().mean()
    matched = seen[:, scores.shape[1] :].abs().sum(1).mean()
    mels = (MEL(fake[:, 0]) - MEL(real[:, 0])).abs().mean()
    assert found.value.item() == pytest.approx((judged + 2 * matched + 45 * mels).item(), rel=1e-5)


def test_a_weight_or_its_schedule_so_many_times() -> None:
    assert times(2.0, 8) == 16
    assert times(Schedule(start=1.0, end=0.0), 8) == Schedule(start=8.0, end=0.0)


def test_features_of_a_discriminator_that_shows_none_are_refused(tones: Path) -> None:
    other: dict[str, Any] = {"discriminator": {"name": "wavegan", "width": 2}, "generator.width": 4}
    recipe = recipe_with(RECIPES["mel-to-wave"], other)
    error = refused(lambda: plan(tones, recipe, pick_device("cpu")))
    assert error.code == "tasks.no-features-of-waves"
    plan(tones, recipe_with(recipe, {"game.feature_matching": 0}), pick_device("cpu"))


def test_recordings_of_any_length_come_back_as_long_and_as_loud(run: Path, tmp_path: Path) -> None:
    sounds = tmp_path / "sounds"
    sounds.mkdir()
    for name, length, rate in (("short", 300, RATE), ("long", 5_000, RATE), ("fast", 4_000, 2 * RATE)):
        (sounds / f"{name}.wav").write_bytes(encoded_wave(tone(400, 0, length=length, rate=rate), rate))
    found = poise.open_run(run).vocode(sounds)
    assert {name: len(wave) for name, wave in found.items()} == {
        "fast.wav": 2_000,
        "long.wav": 5_000,
        "short.wav": 300,
    }
    waves = tone(400, 0, length=5_000)[None].astype(np.float32)
    (loud,), (quiet,) = (poise.open_run(run).vocode(waves * by).values() for by in (1.0, 0.01))
    np.testing.assert_allclose(quiet, loud / 100, atol=1e-6)
    one = poise.open_run(run).vocode(sounds / "long.wav")
    np.testing.assert_array_equal(one["long.wav"], found["long.wav"])


def test_spectrograms_are_taken_as_they_are(run: Path, tmp_path: Path) -> None:
    waves = torch.from_numpy(tone(400, 0)[None]).float()
    peak = float(waves.abs().max())
    mels = MEL(waves * 0.9 / peak)
    np.save(tmp_path / "mels.npy", mels.numpy())
    (made,) = poise.open_run(run).vocode(tmp_path / "mels.npy").values()
    (again,) = poise.open_run(run).vocode(waves).values()
    np.testing.assert_allclose(made * peak / 0.9, again, atol=1e-5)
    error = refused(lambda: poise.open_run(run).vocode(np.zeros((2, 13, 5), np.float32)))
    assert error.code == "generator.no-waves" and "(N, 40, frames)" in error.hint
    assert refused(lambda: poise.open_run(run).vocode(tmp_path / "none")).code == "generator.no-recordings"


def test_a_vocoder_makes_nothing_of_noise_and_translates_no_images(run: Path) -> None:
    generator = poise.open_run(run).generator
    assert refused(lambda: generator.sample(2)).code == "generator.needs-sounds"
    assert refused(lambda: generator.translate("digits")).code == "generator.translates-sounds"


def test_the_command_writes_waves_under_the_names_of_recordings(
    run: Path, tones: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["translate", str(run), str(tones), "--out", str(tmp_path / "waves"), "--json"]
    assert main(words) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["count"] == 24 and told["rate"] == RATE
    rate, wave = decoded((tmp_path / "waves" / "low" / "3.wav").read_bytes(), ".wav")
    expected = poise.open_run(run).vocode(tones)["low/3.wav"]
    assert rate == RATE
    np.testing.assert_allclose(wave, expected, atol=1e-4)


def test_training_measures_what_is_held_out_and_evaluation_agrees(run: Path) -> None:
    lines = [line for line in poise.open_run(run).folder.lines("metrics") if line["step"] == 3]
    found = {line["metric"]: line for line in lines}
    assert set(found) == {"log_mel_l1", "spectral_convergence"}
    assert all(line["recordings"] == "8 held out" for line in lines)
    assert found["log_mel_l1"]["griffin_lim"] < found["log_mel_l1"]["value"]
    (result,) = poise.evaluate(run).results
    assert result.samples == {"recordings": 8}
    for name, line in found.items():
        assert result.values[name] == pytest.approx(line["value"], rel=1e-3)
        assert result.values[f"griffin_lim_{name}"] == pytest.approx(line["griffin_lim"], rel=1e-3)
    error = refused(lambda: poise.evaluate(run, metrics=["frechet-distance"]))
    assert error.code == "evaluation.not-for-vocoders"
    assert (run / "checkpoints" / "best").is_dir()


def test_errors_are_none_for_the_recording_and_one_for_silence_by_convergence() -> None:
    waves = torch.from_numpy(np.stack([tone(400, 0), tone(900, 1)])).float()
    found = vocoder_errors(waves, waves, torch.zeros_like(waves), MEL)
    assert found.values["log_mel_l1"] == 0 and found.values["spectral_convergence"] == 0
    assert found.values["griffin_lim_spectral_convergence"] == pytest.approx(1)
    error = refused(lambda: vocoder_errors(waves[:, 1:], waves, waves, MEL))
    assert error.code == "metrics.different-waves"


def test_the_report_has_players_of_recordings_and_of_what_is_made_of_them(run: Path) -> None:
    names = sorted(path.name for path in (run / "sounds").iterdir())
    assert len(names) == 24 and names[:3] == ["01-griffin-lim.wav", "01-recording.wav", "01-vocoder.wav"]
    page = poise.open_run(run).report().read_text(encoding="utf-8")
    assert page.count("<audio") == 24 and "what the vocoder makes of its mel" in page
    assert "poise translate" in page and "poise sample" not in page
