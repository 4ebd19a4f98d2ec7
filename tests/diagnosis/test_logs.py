"""Other people's logs: what columns mean, which files are read, what is found in them."""

from __future__ import annotations

import contextlib
import json
import math
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from poise.diagnosis import FINDINGS, judged
from poise.diagnosis.logs import files, guessed, measurements_of, read_log
from poise.errors import PoiseError

Rows = list[dict[str, float]]


def found(rows: Rows) -> dict[str, str]:
    return {one.name: one.severity for one in judged(measurements_of(rows)[0], FINDINGS.values()).findings}


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
        (["d_acc", "grad", "lr"], ["auc"]),
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
    finding = judged(measurements_of(rows)[0], FINDINGS.values()).findings[0]
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
    at_once: Rows = [{"step": float(step), "g_loss": 11.0 + step % 3, "d_loss": 1e-4} for step in range(80)]
    assert found(at_once)["discriminator-dominates"] == "watch"
    critic: Rows = [
        {"step": float(step), "g_loss": 3.0, "d_loss": 0.004 * (step % 3 - 1)} for step in range(80)
    ]
    assert "discriminator-dominates" not in found(critic)
    flat: Rows = [{"step": float(step), "g_loss": 0.6931, "d_loss": 1.0} for step in range(80)]
    assert found(flat) == {"not-learning": "watch"}


def test_what_a_log_cannot_tell_is_said() -> None:
    rows: Rows = [{"step": float(step), "fid": 50.0 - step} for step in range(20)]
    unchecked = judged(measurements_of(rows)[0], FINDINGS.values()).unchecked
    assert unchecked["mode-collapse"] == "a log holds no samples"
    assert unchecked["data-shortcut"] == "the log has no column of the AUC"
    assert "quality-regressed" not in unchecked


def test_a_long_log_is_averaged_in_stretches() -> None:
    rows: Rows = [{"it": float(step), "lossG": float(step % 2)} for step in range(10_000)]
    measurements, used = measurements_of(rows)
    assert used == {"step": "it", "generator_loss": "lossG"}
    assert len(measurements) <= 240
    assert all(measurement.generator_loss == pytest.approx(0.5, abs=0.02) for measurement in measurements)


def test_csv_json_lines_and_what_stylegan_writes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step;loss_G;note\n1;n/a;x\n2;0.25;y\n")
    assert read_log(tmp_path / "a.csv") == [{"step": 1.0}, {"step": 2.0, "loss_G": 0.25}]
    (tmp_path / "comma.csv").write_text("step;fid\n1;9,5\n")
    assert read_log(tmp_path / "comma.csv") == [{"step": 1.0, "fid": 9.5}]
    (tmp_path / "wide.csv").write_bytes("step,fid\n1,9.5\n".encode("utf-16"))
    assert read_log(tmp_path / "wide.csv") == [{"step": 1.0, "fid": 9.5}]
    for document in ([{"step": 1, "fid": 9.5}, 3], {"step": 1, "fid": 9.5}):
        (tmp_path / "b.json").write_text(json.dumps(document, indent=1))
        assert read_log(tmp_path / "b.json") == [{"step": 1.0, "fid": 9.5}]
    lines = [
        {"Loss/G/loss": {"num": 3, "mean": 0.7}, "timestamp": 5},
        {"results": {"fid50k_full": 9.5}, "ok": True},
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"half": ')
    assert read_log(tmp_path / "b.jsonl") == [
        {"Loss/G/loss": 0.7, "timestamp": 5.0},
        {"results/fid50k_full": 9.5},
    ]


@pytest.mark.parametrize(
    "content", ["", "hello\nworld\n", "\x00\x01", "{}\n[]\n", "a\rb,c\x0d\x00d\r\re", "[{"]
)
def test_what_is_no_log_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "log.txt").write_text(content)
    with pytest.raises(PoiseError) as caught:
        read_log(tmp_path / "log.txt")
    assert caught.value.code == "diagnosis.log-empty"


def test_what_a_resumed_loop_wrote_anew_is_read_once() -> None:
    rows: Rows = [{"step": float(step), "d_loss": math.nan if step == 9 else 1.0} for step in range(10)]
    rows = [
        *rows,
        {"step": 7.0, "fid": 3.0},
        *({"step": float(step), "d_loss": 2.0} for step in range(5, 12)),
    ]
    measurements, _ = measurements_of(rows)
    losses = {
        measurement.step: measurement.discriminator_loss
        for measurement in measurements
        if measurement.discriminator_loss
    }
    assert losses == {step: 1.0 if step < 5 else 2.0 for step in range(12)}
    assert not any(measurement.non_finite for measurement in measurements)
    assert [measurement.step for measurement in measurements if measurement.metric] == [7]


@pytest.mark.parametrize(
    "steps", [[0, 50, 100, 0, 50, 100, 0, 50, 100], [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]]
)
def test_steps_that_count_anew_or_in_parts_give_way_to_the_number_of_the_row(steps: list[float]) -> None:
    rows: Rows = [{"iter": float(step), "d_loss": 1.0 + place} for place, step in enumerate(steps)]
    measurements, used = measurements_of(rows)
    assert [measurement.step for measurement in measurements] == list(range(9))
    assert [measurement.discriminator_loss for measurement in measurements] == [
        1.0 + place for place in range(9)
    ]
    assert used == {"discriminator_loss": "d_loss"}


def test_columns_that_are_not_named_are_guessed_still() -> None:
    rows: Rows = [{"iter": 10.0 * place, "d_loss": 1.0, "quality": 5.0} for place in range(3)]
    measurements, used = measurements_of(rows, {"metric": "quality"})
    assert used == {"step": "iter", "discriminator_loss": "d_loss", "metric": "quality"}
    assert [measurement.step for measurement in measurements] == [0, 10, 20]


def test_comments_above_the_columns_are_passed_over_and_rows_without_names_are_told(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("# seed 3\n# a note, with a comma\nstep,fid\n1,9\n2,8\n", encoding="utf-8")
    assert read_log(log) == [{"step": 1.0, "fid": 9.0}, {"step": 2.0, "fid": 8.0}]
    log.write_text("0,1.5,0.7\n1,1.4,0.8\n", encoding="utf-8")
    with pytest.raises(PoiseError) as caught:
        measurements_of(read_log(log))
    assert caught.value.code == "diagnosis.no-known-column"
    assert caught.value.why == "it has no line of column names; it begins with 0, 1.5, 0.7"


@pytest.mark.parametrize("step", [math.nan, math.inf, -math.inf])
def test_a_row_whose_step_is_no_number_is_left_out(step: float) -> None:
    rows: Rows = [{"step": step if place == 3 else float(place), "fid": 9.0 - place} for place in range(6)]
    assert [measurement.step for measurement in measurements_of(rows)[0]] == [0, 1, 2, 4, 5]


def test_what_is_not_there_and_what_is_not_known_is_refused(tmp_path: Path) -> None:
    def code(action: Callable[[], object]) -> str:
        with pytest.raises(PoiseError) as caught:
            action()
        return caught.value.code

    (tmp_path / "empty").mkdir()
    (tmp_path / "events.out.tfevents.1").write_bytes(b"x" * 40)
    assert code(lambda: read_log(tmp_path / "nothing.csv")) == "diagnosis.log-unreadable"
    assert code(lambda: read_log(tmp_path / "empty")) == "diagnosis.log-empty"
    assert code(lambda: read_log(tmp_path / "events.out.tfevents.1")) == "diagnosis.log-damaged"
    assert code(lambda: measurements_of([{"colour": 1.0}])) == "diagnosis.no-known-column"
    assert code(lambda: measurements_of([{"fid": 1.0}], {"metric": "fud"})) == "unknown-column"
    assert code(lambda: measurements_of([{"fid": 1.0}], {"metrik": "fid"})) == "unknown-quantity"


def test_a_log_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "LARGEST", 10)
    for name in ("log.csv", "events.out.tfevents.1"):
        (tmp_path / name).write_text("step,fid\n1,2\n")
        with pytest.raises(PoiseError) as caught:
            read_log(tmp_path / name)
        assert caught.value.code == "diagnosis.log-too-large"


def test_a_quantity_may_go_by_its_former_name() -> None:
    rows: Rows = [{"step": 1.0, "told apart": 0.75}]
    (measurement,), used = measurements_of(rows, {"separation": "told apart"})
    assert measurement.auc == 0.75
    assert used["auc"] == "told apart"


FIXTURES = Path(__file__).parent / "event_files"
"""Written by torch's `SummaryWriter`, and by tensorboard's own with tensors, as TensorFlow 2 has them."""


def test_event_files_of_an_independent_writer() -> None:
    rows = read_log(FIXTURES / "of_torch")
    assert [row["step"] for row in rows] == [100.0 * place for place in range(40)]
    assert rows[7]["Loss/G"] == pytest.approx(1.2)
    assert rows[39]["Metrics/FID"] == pytest.approx(100 / 40 + 8 + 6 * 14)
    measurements, used = measurements_of(rows)
    assert used == {
        "step": "step", "generator_loss": "Loss/G", "discriminator_loss": "Loss/D", "metric": "Metrics/FID"
    }  # fmt: skip
    assert {one.name: one.severity for one in judged(measurements, FINDINGS.values()).findings} == {
        "quality-regressed": "trouble"
    }
    tensors = read_log(next((FIXTURES / "of_tensors").iterdir()))
    assert [row["fid"] for row in tensors] == pytest.approx([100 / (1 + place) for place in range(30)])
    assert {row["g_loss"] for row in tensors} == {0.5}


@pytest.mark.parametrize("size", [0, 7, 40, 200, 1_001])
def test_a_cut_event_file_gives_what_is_whole_or_is_refused(tmp_path: Path, size: int) -> None:
    whole = next((FIXTURES / "of_torch").iterdir())
    cut = tmp_path / whole.name
    cut.write_bytes(whole.read_bytes()[:size])
    try:
        rows = read_log(cut)
    except PoiseError as error:
        assert error.code in ("diagnosis.log-empty", "diagnosis.log-damaged")
    else:
        assert rows == read_log(whole)[: len(rows)] or rows[:-1] == read_log(whole)[: len(rows) - 1]


@given(some.binary(max_size=300))
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "events.out.tfevents.1"
        file.write_bytes(content)
        with contextlib.suppress(PoiseError):
            read_log(file)
