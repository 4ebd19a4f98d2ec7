"""Files and folders of other people's logs, and the measurements that their columns hold."""

from __future__ import annotations

import contextlib
import json
import math
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from poise.diagnosis.logs import diagnose, files, read_logs, readings_of, tracking
from poise.diagnosis.logs.columns import replaced_rows, steps_of
from poise.errors import PoiseError

Rows = list[dict[str, float]]


def read(path: Path) -> Rows:
    (log,) = read_logs(path).values()
    return log.rows


def code(action: Callable[[], object]) -> str:
    with pytest.raises(PoiseError) as caught:
        action()
    return caught.value.code


def test_what_a_log_cannot_tell_is_said() -> None:
    (readings,) = readings_of([{"step": float(step), "fid": 50.0 - step} for step in range(20)])
    unchecked = diagnose(readings.measurements).unchecked
    assert unchecked["mode-collapse"] == "a log holds no samples"
    assert unchecked["discriminator-dominates"] == "the log has no column of the generator loss"
    assert "quality-regressed" not in unchecked


def test_a_long_log_is_averaged_in_stretches() -> None:
    (readings,) = readings_of([{"it": float(step), "lossG": float(step % 2)} for step in range(10_000)])
    assert readings.columns == {"step": "it", "generator_loss": "lossG"}
    assert len(readings.measurements) <= 240
    losses = [measurement.generator_loss for measurement in readings.measurements]
    assert losses == pytest.approx([0.5] * len(losses), abs=0.02)


def test_csv_json_lines_and_what_stylegan_writes(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("step;loss_G;note\n1;n/a;x\n2;0.25;y\n")
    assert read(tmp_path / "a.csv") == [{"step": 1.0}, {"step": 2.0, "loss_G": 0.25}]
    (tmp_path / "comma.csv").write_text("step;fid\n1;9,5\n")
    assert read(tmp_path / "comma.csv") == [{"step": 1.0, "fid": 9.5}]
    (tmp_path / "wide.csv").write_bytes("step,fid\n1,9.5\n".encode("utf-16"))
    assert read(tmp_path / "wide.csv") == [{"step": 1.0, "fid": 9.5}]
    lines = [
        {"Loss/G/loss": {"num": 3, "mean": 0.7}, "timestamp": 5},
        {"results": {"fid50k_full": 9.5}, "ok": True, "snapshot_pkl": "network-snapshot-000200.pkl"},
    ]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, lines)) + '\n{"half": ')
    assert read(tmp_path / "b.jsonl") == [
        {"Loss/G/loss": 0.7, "timestamp": 5.0},
        {"results/fid50k_full": 9.5, "kimg": 200.0},
    ]


@pytest.mark.parametrize(
    "document",
    [
        [{"step": 0, "d_loss": 1.0, "g_loss": 3.0}, 3, {"step": 5, "d_loss": 2.0, "g_loss": 4.0}],
        {"step": [0, 5], "d_loss": [1.0, 2.0], "g_loss": [3.0, 4.0]},
        {"d_loss": {"0": 1.0, "5": 2.0}, "g_loss": {"0": 3.0, "5": 4.0}},
        {"0": {"d_loss": 1.0, "g_loss": 3.0}, "5": {"d_loss": 2.0, "g_loss": 4.0}},
        {"columns": ["d_loss", "g_loss"], "index": [0, 5], "data": [[1.0, 3.0], [2.0, 4.0]]},
    ],
    ids=["records", "lists", "columns", "index", "split"],
)
def test_json_in_the_shapes_that_people_have(tmp_path: Path, document: object) -> None:
    (tmp_path / "log.json").write_text(json.dumps(document, indent=1))
    assert read(tmp_path / "log.json") == [
        {"step": 0.0, "d_loss": 1.0, "g_loss": 3.0},
        {"step": 5.0, "d_loss": 2.0, "g_loss": 4.0},
    ]


def test_nested_lists_of_unequal_length_and_pairs_of_steps_and_values(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"losses": {"train": {"G": [1, NaN, 3], "D": [4, 5]}}, "name": "x"}')
    rows = read(tmp_path / "a.json")
    assert rows[0] == {"losses/train/G": 1.0, "losses/train/D": 4.0}
    assert math.isnan(rows[1]["losses/train/G"]) and rows[2] == {"losses/train/G": 3.0}
    (readings,) = readings_of(rows)
    assert readings.columns == {"generator_loss": "losses/train/G", "discriminator_loss": "losses/train/D"}
    (tmp_path / "b.json").write_text('{"loss_G": [[0, 1.5], [10, 1.25]]}')
    assert read(tmp_path / "b.json") == [{"step": 0.0, "loss_G": 1.5}, {"step": 10.0, "loss_G": 1.25}]


def test_texts_that_are_numbers_and_headers_that_come_again(tmp_path: Path) -> None:
    log = tmp_path / "log.csv"
    log.write_text("step,d_loss,acc\n1,nan,12%\n2,-inf,50%\nstep,d_loss,acc\n3,0.5,n/a\n", encoding="utf-8")
    first, second, third = read(log)
    assert math.isnan(first["d_loss"]) and first["acc"] == 0.12
    assert second["d_loss"] == -math.inf and third == {"step": 3.0, "d_loss": 0.5}
    log.write_text("step,d_loss\n1,3,4\n2,3,5\n", encoding="utf-8")
    assert code(lambda: read_logs(log)) == "diagnosis.ragged-rows"


def test_arrays_of_numpy(tmp_path: Path) -> None:
    np.savez(tmp_path / "losses.npz", G=np.array([1.0, 2.0]), D=np.array([3, 4, 5]), names=np.array(["a"]))
    assert read(tmp_path / "losses.npz") == [{"G": 1.0, "D": 3.0}, {"G": 2.0, "D": 4.0}, {"D": 5.0}]
    np.save(tmp_path / "G_losses.npy", np.array([1.5, 2.5], dtype=np.float32))
    assert read(tmp_path / "G_losses.npy") == [{"G_losses": 1.5}, {"G_losses": 2.5}]
    np.save(tmp_path / "objects.npy", np.array([{"a": 1}], dtype=object))
    assert code(lambda: read_logs(tmp_path / "objects.npy")) == "diagnosis.log-damaged"


def test_the_runs_of_an_export_are_kept_apart(tmp_path: Path) -> None:
    names = [
        f'"{run} - {name}{end}"'
        for run in ("sun-1", "sea-2")
        for name in ("d_loss", "g_loss")
        for end in ("", "__MIN")
    ]
    rows = [f'"{step}",' + ",".join(f'"{step + place}"' for place in range(8)) for step in (0, 10)]
    (tmp_path / "wandb.csv").write_text("\n".join([",".join(['"Step"', *names]), *rows]))
    logs = read_logs(tmp_path / "wandb.csv")
    assert list(logs) == ["sun-1", "sea-2"]
    assert logs["sea-2"].rows == [
        {"Step": 0.0, "d_loss": 4.0, "g_loss": 6.0},
        {"Step": 10.0, "d_loss": 14.0, "g_loss": 16.0},
    ]


def test_the_folders_of_stylegan_are_runs_with_their_losses_and_metrics(tmp_path: Path) -> None:
    for place, run in enumerate(("00000-mine", "00001-mine")):
        (tmp_path / run).mkdir()
        stats = [
            {"Loss/G/loss": {"mean": 1.0 + place}, "Progress/kimg": {"mean": 4.0 * tick}} for tick in range(3)
        ]
        (tmp_path / run / "stats.jsonl").write_text("\n".join(map(json.dumps, stats)))
        fid = {"results": {"fid50k_full": 9.5}, "snapshot_pkl": "network-snapshot-000008.pkl"}
        (tmp_path / run / "metric-fid50k_full.jsonl").write_text(json.dumps(fid))
        (tmp_path / run / "log.txt").write_text("tick 1 kimg 4.0 time 1m\n")
    logs = read_logs(tmp_path)
    assert list(logs) == ["00000-mine", "00001-mine"]
    (readings,) = readings_of(logs["00001-mine"].rows)
    assert {(one.step, one.generator_loss, one.metric) for one in readings.measurements} == {
        (0, 2.0, None), (4, 2.0, None), (8, 2.0, None), (8, None, 9.5)
    }  # fmt: skip


def test_the_versions_of_lightning_are_runs_and_a_single_one_has_no_name(tmp_path: Path) -> None:
    for version in ("version_0", "version_1"):
        (tmp_path / "lightning_logs" / version).mkdir(parents=True)
        metrics = tmp_path / "lightning_logs" / version / "metrics.csv"
        metrics.write_text("d_loss,epoch,g_loss,step\n0.5,0,,1\n,0,1.25,0\n0.5,0,,3\n,0,1.5,2\n")
    logs = read_logs(tmp_path)
    assert list(logs) == ["lightning_logs/version_0", "lightning_logs/version_1"]
    assert list(read_logs(tmp_path / "lightning_logs/version_0")) == [""]


def test_sessions_of_one_text_are_kept_apart_and_a_resumed_one_is_not(tmp_path: Path) -> None:
    def lines(*epochs: int) -> str:
        return "".join(
            f"(epoch: {epoch}, iters: {iters}, time: 0.1) D_A: 0.{epoch} G_A: 0.5 \n"
            for epoch in epochs
            for iters in (50, 90)
        )

    header = "================ Training Loss (Mon Jan  1 00:00:00 2024) ================\n"
    log = tmp_path / "loss_log.txt"
    log.write_text(header + lines(1, 2, 3, 4) + header + lines(1) + header + lines(1, 2, 3))
    assert {name: len(one.rows) for name, one in read_logs(log).items()} == {"session 1": 8, "session 2": 6}
    log.write_text(header + lines(1, 2, 3, 4) + header + lines(4, 5, 6))
    (readings,) = readings_of(read(log))
    assert [one.discriminator_loss for one in readings.measurements] == [
        epoch / 10 for epoch in range(1, 7) for _ in range(2)
    ]
    log.write_text(header)
    assert code(lambda: read_logs(log)) == "diagnosis.log-empty"


def test_mlflow_runs(tmp_path: Path) -> None:
    for run in ("a1", "b2"):
        metrics = tmp_path / "mlruns" / "0" / run / "metrics" / "train"
        metrics.mkdir(parents=True)
        (metrics.parents[1] / "meta.yaml").write_text("run_id: x\n")
        (metrics / "g_loss").write_text("1700000000000 1.5 0\n1700000000001 nan 10\n")
        (metrics.parent / "d_loss").write_text("1700000000000 0.5 0\n")
    logs = read_logs(tmp_path / "mlruns")
    assert list(logs) == ["0/a1", "0/b2"]
    assert logs["0/a1"].rows[0] == {"step": 0.0, "train/g_loss": 1.5, "d_loss": 0.5}
    assert math.isnan(logs["0/a1"].rows[1]["train/g_loss"])


def test_a_console_without_losses_is_refused_with_the_file_that_has_them(tmp_path: Path) -> None:
    tick = "tick {0}     kimg {0}.0      time 1m 00s       sec/tick 71.0    gpumem 8.9   augment 0.1{0}\n"
    (tmp_path / "log.txt").write_text("".join(tick.format(place) for place in range(9)))
    with pytest.raises(PoiseError) as caught:
        read_logs(tmp_path / "log.txt")
    assert caught.value.code == "diagnosis.log-without-losses" and "stats.jsonl" in caught.value.hint


@pytest.mark.parametrize(
    "content", ["", "hello\nworld\n", "\x00\x01", "{}\n[]\n", "a\rb,c\x0d\x00d\r\re", "[{", "epoch,loss\n"]
)
def test_what_is_no_log_is_refused_by_name(tmp_path: Path, content: str) -> None:
    (tmp_path / "log.txt").write_text(content)
    assert code(lambda: read_logs(tmp_path / "log.txt")) == "diagnosis.log-empty"


def test_what_a_resumed_loop_wrote_anew_is_read_once() -> None:
    rows: Rows = [{"step": float(step), "d_loss": math.nan if step == 9 else 1.0} for step in range(10)]
    rows = [
        *rows,
        {"step": 7.0, "fid": 3.0},
        *({"step": float(step), "d_loss": 2.0} for step in range(5, 12)),
    ]
    (readings,) = readings_of(rows)
    losses = {one.step: one.discriminator_loss for one in readings.measurements if one.discriminator_loss}
    assert losses == {step: 1.0 if step < 5 else 2.0 for step in range(12)}
    assert not any(one.non_finite for one in readings.measurements)
    assert [one.step for one in readings.measurements if one.metric] == [7]
    assert replaced_rows([{"loss": 1.0}] * 4, [10, 20, 15, 25], "loss") == {1}


@pytest.mark.parametrize(
    "steps",
    [[0, 50, 100, 0, 50, 100, 0, 50, 100], [0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0], [3] * 9],
)
def test_steps_that_count_anew_or_in_parts_or_not_at_all_give_way_to_the_number_of_the_row(
    steps: list[float],
) -> None:
    rows: Rows = [{"iter": float(step), "d_loss": 1.0 + place} for place, step in enumerate(steps)]
    (readings,) = readings_of(rows)
    assert [one.step for one in readings.measurements] == list(range(9))
    assert [one.discriminator_loss for one in readings.measurements] == [1.0 + place for place in range(9)]
    assert readings.columns == {"discriminator_loss": "d_loss"}


def test_the_finest_column_that_counts_the_whole_run_is_the_step() -> None:
    rows: Rows = [
        {"iter": float(place % 3), "epoch": float(place // 3), "global_step": 10.0 * place, "d_loss": 1.0}
        for place in range(9)
    ]
    assert steps_of(rows, [("iter", "global_step"), ("epoch",)], ["d_loss"]) == (
        [10.0 * p for p in range(9)],
        "global_step",
    )
    steps, name = steps_of(rows, [("iter",), ("epoch",)], ["d_loss"])
    assert name == "epoch + iter" and steps == sorted(set(steps))
    images: Rows = [{"kimg": 4.008 * place, "d_loss": 1.0} for place in range(9)]
    assert steps_of(images, [("kimg",)], ["d_loss"])[1] == "kimg"


def test_columns_that_are_not_named_are_guessed_still() -> None:
    rows: Rows = [{"iter": 10.0 * place, "d_loss": 1.0, "quality": 5.0} for place in range(3)]
    (readings,) = readings_of(rows, {"metric": "quality"})
    assert readings.columns == {"step": "iter", "discriminator_loss": "d_loss", "metric": "quality"}
    assert [one.step for one in readings.measurements] == [0, 10, 20]


def test_comments_above_the_columns_are_passed_over_and_columns_without_names_have_numbers(
    tmp_path: Path,
) -> None:
    log = tmp_path / "log.csv"
    log.write_text("# seed 3\n# a note, with a comma\nstep,fid\n1,9\n2,8\n", encoding="utf-8")
    assert read(log) == [{"step": 1.0, "fid": 9.0}, {"step": 2.0, "fid": 8.0}]
    for text in ("0,1.5,0.7\n1,1.4,0.8\n", "0 1.5 0.7\n1 1.4 0.8\n"):
        log.write_text(text, encoding="utf-8")
        with pytest.raises(PoiseError) as caught:
            readings_of(read(log))
        assert caught.value.code == "diagnosis.no-known-column"
        assert caught.value.why == "it has no line of column names, so that they are 1, 2, 3"
        (readings,) = readings_of(read(log), {"discriminator_loss": "3", "step": "1"})
        assert [one.discriminator_loss for one in readings.measurements] == [0.7, 0.8]


def test_a_log_of_a_classifier_is_refused() -> None:
    rows: Rows = [{"epoch": 1.0, "batch": float(place), "loss": 0.6, "accuracy": 0.5} for place in range(9)]
    assert code(lambda: readings_of(rows)) == "diagnosis.no-known-column"


@pytest.mark.parametrize("step", [math.nan, math.inf, -math.inf])
def test_a_row_whose_step_is_no_number_is_left_out(step: float) -> None:
    rows: Rows = [{"step": step if place == 3 else float(place), "fid": 9.0 - place} for place in range(6)]
    (readings,) = readings_of(rows)
    assert [one.step for one in readings.measurements] == [0, 1, 2, 4, 5]


def test_a_row_without_a_step_belongs_to_the_step_before() -> None:
    rows: Rows = [
        {"step": 10.0, "d_loss": 1.0},
        {"fid": 9.0},
        {"step": 20.0, "d_loss": 1.0},
        {"step": 30.0, "d_loss": 1.0},
    ]
    (readings,) = readings_of(rows)
    assert [(one.step, one.metric) for one in readings.measurements][1] == (10, 9.0)


@pytest.mark.parametrize("value", [1e57, -3e68, -20.0])
def test_a_metric_that_no_distance_can_have_is_not_finite(value: float) -> None:
    (readings,) = readings_of(
        [{"step": 0.0, "fid": 300.0}, {"step": 1.0, "fid": value}, {"step": 2.0, "fid": 9.0}]
    )
    assert [one.non_finite for one in readings.measurements] == [None, "column 'fid'", None]


def test_what_is_not_there_and_what_is_not_known_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "events.out.tfevents.1").write_bytes(b"x" * 40)
    assert code(lambda: read_logs(tmp_path / "nothing.csv")) == "diagnosis.log-unreadable"
    assert code(lambda: read_logs(tmp_path / "empty")) == "diagnosis.log-empty"
    assert code(lambda: read_logs(tmp_path / "events.out.tfevents.1")) == "diagnosis.event-file-damaged"
    assert code(lambda: readings_of([{"colour": 1.0}])) == "diagnosis.no-known-column"
    assert code(lambda: readings_of([{"fid": 1.0}], {"metric": "fud"})) == "unknown-column"
    assert code(lambda: readings_of([{"fid": 1.0}], {"metrik": "fid"})) == "unknown-quantity"


def test_a_log_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "LARGEST", 10)
    for name in ("log.csv", "events.out.tfevents.1"):
        (tmp_path / name).write_text("step,fid\n1,2\n")
        assert code(lambda name=name: read_logs(tmp_path / name)) == "diagnosis.log-too-large"  # type: ignore[misc]


def test_a_quantity_may_go_by_its_former_name() -> None:
    (readings,) = readings_of([{"step": 1.0, "told apart": 0.75}], {"separation": "told apart"})
    assert readings.measurements[0].auc == 0.75
    assert readings.columns["auc"] == "told apart"


FIXTURES = Path(__file__).parent / "event_files"
"""Written by torch's `SummaryWriter`, and by tensorboard's own with tensors, as TensorFlow 2 has them."""


def test_event_files_of_an_independent_writer() -> None:
    rows = read(FIXTURES / "of_torch")
    assert [row["step"] for row in rows] == [100.0 * place for place in range(40)]
    assert rows[7]["Loss/G"] == pytest.approx(1.2)
    assert rows[39]["Metrics/FID"] == pytest.approx(100 / 40 + 8 + 6 * 14)
    (readings,) = readings_of(rows)
    assert readings.columns == {
        "step": "step", "discriminator_loss": "Loss/D", "generator_loss": "Loss/G", "metric": "Metrics/FID"
    }  # fmt: skip
    assert {one.name: one.severity for one in diagnose(readings.measurements).findings} == {
        "quality-regressed": "trouble"
    }
    tensors = read(next((FIXTURES / "of_tensors").iterdir()))
    assert [row["fid"] for row in tensors] == pytest.approx([100 / (1 + place) for place in range(30)])
    assert {row["g_loss"] for row in tensors} == {0.5}


def test_the_runs_of_a_folder_of_tensorboard(tmp_path: Path) -> None:
    for run, source in (("first", "of_torch"), ("second/version_0", "of_tensors")):
        file = next((FIXTURES / source).iterdir())
        (tmp_path / run).mkdir(parents=True)
        (tmp_path / run / file.name).write_bytes(file.read_bytes())
    logs = read_logs(tmp_path)
    assert list(logs) == ["first", "second/version_0"]
    assert logs["first"].rows == read(FIXTURES / "of_torch")


def event(step: int, tag: str, value: float) -> bytes:
    """A record of an event file with one scalar; its checksums, which are not read, are 0."""
    name = tag.encode()
    scalar = bytes([0x0A, len(name)]) + name + b"\x15" + struct.pack("<f", value)
    summary = bytes([0x0A, len(scalar)]) + scalar
    content = bytes([0x10, step, 0x2A, len(summary)]) + summary
    return struct.pack("<QI", len(content), 0) + content + bytes(4)


def test_what_add_scalars_puts_into_folders_of_its_own_belongs_to_its_run(tmp_path: Path) -> None:
    for run in ("one", "two"):
        series = {"": ("FID", 9.0), "Loss_train_G": ("Loss/train", 1.5), "Loss_train_D": ("Loss/train", 0.5)}
        for folder, (tag, value) in series.items():
            (tmp_path / run / folder).mkdir(parents=True, exist_ok=True)
            file = tmp_path / run / folder / "events.out.tfevents.1795345608.host.0"
            file.write_bytes(b"".join(event(step, tag, value + step) for step in range(3)))
    logs = read_logs(tmp_path)
    assert list(logs) == ["one", "two"]
    assert logs["two"].rows[2] == {"step": 2.0, "FID": 11.0, "Loss/train/G": 3.5, "Loss/train/D": 2.5}
    (readings,) = readings_of(logs["one"].rows)
    assert readings.columns["generator_loss"] == "Loss/train/G"


@pytest.mark.parametrize("size", [0, 7, 40, 200, 1_001])
def test_a_cut_event_file_gives_what_is_whole_or_is_refused(tmp_path: Path, size: int) -> None:
    whole = next((FIXTURES / "of_torch").iterdir())
    cut = tmp_path / whole.name
    cut.write_bytes(whole.read_bytes()[:size])
    try:
        rows = read(cut)
    except PoiseError as error:
        assert error.code in ("diagnosis.log-empty", "diagnosis.event-file-damaged")
    else:
        assert rows == read(whole)[: len(rows)] or rows[:-1] == read(whole)[: len(rows) - 1]


@given(some.binary(max_size=300), some.sampled_from(["events.out.tfevents.1", "log.txt", "a.npz", "b.npy"]))
def test_no_bytes_raise_anything_else(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes({"a.npz": b"PK\x03\x04", "b.npy": b"\x93NUMPY"}.get(name, b"") + content)
        with contextlib.suppress(PoiseError):
            read_logs(file)


@given(some.text(alphabet='0123456789.,:=[]()-+eEnaif/ \n\t{}"loss_GDdx%|', max_size=200))
def test_no_text_raises_anything_else(text: str) -> None:
    with contextlib.suppress(PoiseError):
        for log in files.read_text(text).values():
            for readings in readings_of(log.rows):
                diagnose(readings.measurements)
