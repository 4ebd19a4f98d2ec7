"""Other people's logs: what columns mean, which files are read, what is found in them."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from poise.diagnosis import FINDINGS, judged
from poise.diagnosis.logs import guessed, read_log, readings_of
from poise.errors import PoiseError

Rows = list[dict[str, float]]


def found(rows: Rows) -> dict[str, str]:
    return {one.name: one.severity for one in judged(readings_of(rows)[0], FINDINGS.values()).findings}


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["step", "generator_loss", "discriminator_loss"], ["step", "generator_loss", "discriminator_loss"]),
        (["epoch", "loss_G", "loss_D", "FID"], ["step", "generator_loss", "discriminator_loss", "metric"]),
        (["iter", "errD", "errG", "D(x)"], ["step", "generator_loss", "discriminator_loss", "real_score"]),
        (
            ["Loss/G/loss", "Loss/scores/fake", "Loss/scores/real"],
            ["generator_loss", "real_score", "fake_score"],
        ),
        (["d_acc", "grad", "lr"], ["separation"]),
        (["colour", "size"], []),
    ],
)
def test_columns_are_guessed_by_the_names_that_people_use(names: list[str], wanted: list[str]) -> None:
    assert list(guessed(names)) == wanted


def test_a_metric_past_its_best_is_a_regression() -> None:
    fid = [100 / (1 + step) + 10 for step in range(30)] + [13 + 2 * step for step in range(30)]
    rows: Rows = [{"step": 1000.0 * step, "fid": value} for step, value in enumerate(fid)]
    assert found(rows) == {"quality-regressed": "trouble"}
    assert found(rows[:30]) == {}


def test_a_nan_is_named_with_its_column_and_step() -> None:
    losses = [math.nan if step == 500 else 1.0 + step % 7 for step in range(1000)]
    rows: Rows = [{"step": float(step), "G loss": loss} for step, loss in enumerate(losses)]
    finding = judged(readings_of(rows)[0], FINDINGS.values()).findings[0]
    assert (finding.name, finding.first_step) == ("non-finite", 500)
    assert "column 'G loss'" in finding.sentence


def test_losses_in_opposite_phase_and_one_period_swing() -> None:
    rows: Rows = [
        {"step": float(step), "g_loss": 1 + 0.5 * math.sin(step / 2), "d_loss": 1 - 0.5 * math.sin(step / 2)}
        for step in range(200)
    ]
    assert found(rows) == {"oscillation": "watch"}


def test_a_discriminator_that_has_won_and_a_flat_line() -> None:
    won: Rows = [
        {"step": float(step), "g_loss": 1 + 0.2 * step + 0.1 * (step % 3), "d_loss": 1.3 * 0.9**step}
        for step in range(80)
    ]
    assert found(won)["discriminator-dominates"] == "watch"
    flat: Rows = [{"step": float(step), "g_loss": 0.6931, "d_loss": 1.0} for step in range(80)]
    assert found(flat) == {"not-learning": "watch"}


def test_what_a_log_cannot_tell_is_said() -> None:
    rows: Rows = [{"step": float(step), "fid": 50.0 - step} for step in range(20)]
    unchecked = judged(readings_of(rows)[0], FINDINGS.values()).unchecked
    assert unchecked["mode-collapse"] == "a log has none"
    assert "quality-regressed" not in unchecked


def test_a_long_log_is_averaged_in_stretches() -> None:
    rows: Rows = [{"it": float(step), "lossG": float(step % 2)} for step in range(10_000)]
    readings, used = readings_of(rows)
    assert used == {"step": "it", "generator_loss": "lossG"}
    assert len(readings) <= 240
    assert all(reading.generator_loss == pytest.approx(0.5, abs=0.02) for reading in readings)


def test_csv_json_lines_and_what_stylegan_writes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step;loss_G;note\n1;0,5;x\n2;0.25;y\n")
    assert read_log(tmp_path / "a.csv") == [{"step": 1.0}, {"step": 2.0, "loss_G": 0.25}]
    lines = [
        {"Loss/G/loss": {"num": 3, "mean": 0.7}, "timestamp": 5},
        {"results": {"fid50k_full": 9.5}, "ok": True},
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"half": ')
    assert read_log(tmp_path / "b.jsonl") == [
        {"Loss/G/loss": 0.7, "timestamp": 5.0},
        {"results/fid50k_full": 9.5},
    ]


@pytest.mark.parametrize("content", ["", "hello\nworld\n", "\x00\x01", "{}\n[]\n"])
def test_what_is_no_log_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "log.txt").write_text(content)
    with pytest.raises(PoiseError, match="holds no numbers in columns"):
        read_log(tmp_path / "log.txt")


def test_what_is_not_there_and_what_is_not_known_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match="cannot be read, because No such file"):
        read_log(tmp_path / "nothing.csv")
    with pytest.raises(PoiseError, match="No column of the log is known"):
        readings_of([{"colour": 1.0}])
    with pytest.raises(PoiseError, match="no column 'fud' in the log; did you mean 'fid'"):
        readings_of([{"fid": 1.0}], {"metric": "fud"})
    with pytest.raises(PoiseError, match="no quantity 'metrik'"):
        readings_of([{"fid": 1.0}], {"metrik": "fid"})


def test_event_files_ask_for_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.backend.event_processing.event_accumulator", None)
    (tmp_path / "events.out.tfevents.1").write_bytes(b"")
    with pytest.raises(PoiseError, match=r"pip install 'poise\[tensorboard\]'"):
        read_log(tmp_path / "events.out.tfevents.1")
