"""What can go wrong while a run trains or before it is resumed: nothing good is lost, a person is told."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from poise.dynamics import players
from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder, tensors_folder
from poise.training import Outcome, Resumption, StepContext, begin, loop, pick_device, plan, resume

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")
STEPS = 6


def recipe(**changes: Any) -> Recipe:
    small = {
        "batch_size": 16,
        "steps": STEPS,
        "log_every": 1,
        "sample_every": 100,
        "generator": {"name": "mlp", "width": 8},
        "discriminator": {"name": "mlp", "width": 8},
        "checkpoints.every_steps": 2,
    }
    return recipe_with(RECIPES["non-saturating"], {**small, **changes})


def trained(path: Path, said: list[str] | None = None, **changes: Any) -> Outcome:
    told = [] if said is None else said
    return begin(plan("digits", recipe(**changes), CPU), path, notify=told.append)


def tensors(path: Path, step: int = STEPS) -> dict[str, Tensor]:
    return RunFolder.open(path).load_checkpoint(step).trained


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the plain recipe that nothing befell."""
    path = tmp_path_factory.mktemp("whole") / "run"
    trained(path)
    return path


def same(first: Path, second: Path) -> bool:
    one, other = tensors(first), tensors(second)
    return all(torch.equal(one[name], other[name]) for name in one)


class TestFullDisk:
    """Row 3 of the fault matrix."""

    def test_training_goes_on_keeps_the_old_checkpoint_and_tries_again(
        self, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        said: list[str] = []
        full = False
        write = tensors_folder.write_file

        def failing(path: Path, fill: Any) -> Any:
            if full and path.suffix == ".safetensors":
                path.write_bytes(b"half of it")
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(path, fill)

        def fill(context: StepContext) -> None:
            nonlocal full
            full = context.step in (3, 4)
            if context.step == 4:
                assert RunFolder(tmp_path / "run").checkpoint_steps() == [2]

        monkeypatch.setattr(tensors_folder, "write_file", failing)
        monkeypatch.setattr(loop, "RETRY_SECONDS", 0.0)
        outcome = begin(plan("digits", recipe(), CPU), tmp_path / "run", callbacks=[fill], notify=said.append)
        assert outcome.status == "finished"
        assert any("No space left" in line and "step 2" in line for line in said)
        assert any("takes writes again" in line for line in said)
        assert outcome.run.checkpoint_steps() == [2, 5, 6], "step 4 failed and was made up for at step 5"
        monkeypatch.undo()
        assert same(tmp_path / "run", whole)
        assert list((tmp_path / "run").rglob(".*")) == []

    def test_an_end_that_cannot_be_saved_is_no_finished_run(
        self, tmp_path: Path, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write = tensors_folder.write_file

        def failing(path: Path, fill: Any) -> Any:
            if "6" in path.parent.name:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(path, fill)

        monkeypatch.setattr(tensors_folder, "write_file", failing)
        with pytest.raises(
            PoiseError, match=r"could not be saved; the checkpoint of step 4 is sound.*resume"
        ) as error:
            trained(tmp_path / "run")
        assert error.value.exit_status == 5
        monkeypatch.undo()
        assert RunFolder.open(tmp_path / "run").status == "interrupted"
        resume(Resumption(tmp_path / "run", CPU), notify=print)
        assert same(tmp_path / "run", whole)

    def test_a_real_limit_on_the_size_of_files(self, tmp_path: Path) -> None:
        """The kernel refuses the bytes: RLIMIT_FSIZE with SIGXFSZ ignored, in a child."""
        planned = plan("digits", recipe(), CPU)
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

            def limit(context: StepContext) -> None:
                if context.step == 3:
                    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

            try:
                begin(planned, tmp_path / "run", callbacks=[limit], notify=lambda sentence: None)
            except PoiseError as error:
                os._exit(error.exit_status)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 5
        run = RunFolder.open(tmp_path / "run")
        with run.locked():
            assert run.restore().quarantined == [] and run.checkpoint_steps() == [2]


class TestNotFinite:
    """Row 5: caught before the optimiser's step of either player, never saved as good, named."""

    @pytest.mark.parametrize("player", ["discriminator", "generator"])
    def test_in_a_gradient(self, player: str, tmp_path: Path) -> None:
        planned = plan("digits", recipe(), CPU)
        parameter = next(iter(planned.components.players.parameters[player].values()))
        calls = 0
        before: list[Tensor] = []

        def poison(gradient: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            if before or calls > 3:
                before.append(parameter.detach().clone())
                return gradient * float("nan")
            return gradient

        parameter.register_hook(poison)
        with pytest.raises(PoiseError, match=f"gradient of the {player}'s .*, at step [1-6]") as error:
            begin(planned, tmp_path / "run", notify=print)
        assert error.value.exit_status == 4
        assert torch.equal(parameter, before[0]), "the move was not made"
        run = RunFolder.open(tmp_path / "run")
        assert run.status == "failed"
        finding = run.lines("findings")[-1]
        assert finding["name"] == "non-finite" and finding["severity"] == "trouble"
        assert "poise train" in finding["remedies"][0]["command"]
        for step in run.checkpoint_steps():
            assert all(torch.isfinite(value).all() for value in tensors(tmp_path / "run", step).values())

    @pytest.mark.parametrize("log_every", [3, 100])
    def test_on_an_accelerator_it_shows_at_the_next_line_of_the_history(
        self, log_every: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The device skips the step; the loop asks when it waits anyway, at a line or at the end."""
        monkeypatch.setattr(players, "waits_for_norm", lambda norm, optimiser: False)
        planned = plan("digits", recipe(log_every=log_every), CPU)
        parameter = next(iter(planned.components.players.parameters["discriminator"].values()))
        calls, steps = 0, []

        def poison(gradient: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            return gradient * float("nan") if calls == 2 else gradient

        parameter.register_hook(poison)
        with pytest.raises(PoiseError) as error:
            begin(
                planned,
                tmp_path / "run",
                callbacks=[lambda context: steps.append(context.step)],
                notify=print,
            )
        assert (error.value.code, error.value.exit_status) == ("training.non-finite", 4)
        shown = min(log_every, STEPS)
        assert steps == list(range(1, shown))
        run = RunFolder.open(tmp_path / "run")
        assert run.status == "failed"
        assert run.lines("readings")[-1]["non_finite"] == "gradients"
        assert [line["step"] for line in run.lines("history")] == []
        assert run.checkpoint_steps() == [step for step in (2, 4) if step < shown]
        for step in run.checkpoint_steps():
            assert all(torch.isfinite(value).all() for value in tensors(tmp_path / "run", step).values())

    def test_in_a_weight_is_never_saved(self, tmp_path: Path) -> None:
        def poison(context: StepContext) -> None:
            if context.step == 4:
                with torch.no_grad():
                    next(context.components.modules["generator"].parameters()).view(-1)[0] = float("inf")

        with pytest.raises(PoiseError, check=lambda error: error.code == "training.non-finite"):
            begin(plan("digits", recipe(), CPU), tmp_path / "run", callbacks=[poison], notify=print)
        assert RunFolder.open(tmp_path / "run").checkpoint_steps() == [2]

    def test_in_live_data_is_named_as_data(self, tmp_path: Path) -> None:
        class Poisoned(torch.utils.data.Dataset[Tensor]):
            reads = 0

            def __len__(self) -> int:
                return 64

            def __getitem__(self, index: int) -> Tensor:
                Poisoned.reads += 1
                value = torch.full((3,), float(index))
                return value * float("nan") if Poisoned.reads > 200 else value

        with pytest.raises(PoiseError, match=r"Item \d+ of 'Poisoned' holds NaN or infinity"):
            begin(plan(Poisoned(), recipe(), CPU), tmp_path / "run", notify=print)
        assert RunFolder.open(tmp_path / "run").status == "interrupted"


class TestChangedData:
    """Row 9."""

    @pytest.fixture
    def data(self, tmp_path: Path) -> Path:
        rng = np.random.default_rng(0)
        np.save(tmp_path / "data.npy", rng.integers(0, 255, (64, 8, 8), dtype=np.uint8))
        return tmp_path / "data.npy"

    def half_run(self, data: Path, path: Path) -> None:
        def halt(context: StepContext) -> Any:
            return "stop" if context.step == 3 else None

        begin(plan(str(data), recipe(), CPU), path, callbacks=[halt], notify=print)

    def test_refused_unless_accepted_and_recorded(self, data: Path, tmp_path: Path) -> None:
        self.half_run(data, tmp_path / "run")
        images = np.load(data)
        images[5, 0, 0] ^= 1
        np.save(data, images)
        with pytest.raises(PoiseError, match=r"have changed since the run began.*--accept-changed-data"):
            resume(Resumption(tmp_path / "run", CPU), notify=print)
        old = RunFolder.open(tmp_path / "run").data["fingerprint"]
        said: list[str] = []
        outcome = resume(Resumption(tmp_path / "run", CPU, accept_changed_data=True), notify=said.append)
        assert outcome.status == "finished" and any("have changed" in line for line in said)
        record = outcome.run.data
        assert record["fingerprint"] != old and record["earlier"][0]["fingerprint"] == old

    def test_another_shape_is_refused_even_so(self, data: Path, tmp_path: Path) -> None:
        self.half_run(data, tmp_path / "run")
        np.save(data, np.zeros((64, 8, 8, 3), dtype=np.uint8))
        with pytest.raises(PoiseError, check=lambda error: error.code == "training.data-changed-shape"):
            resume(Resumption(tmp_path / "run", CPU, accept_changed_data=True), notify=print)

    def test_the_same_bytes_under_a_new_date_are_the_same_data(self, data: Path, tmp_path: Path) -> None:
        self.half_run(data, tmp_path / "run")
        os.utime(data, (1, 1))
        assert resume(Resumption(tmp_path / "run", CPU), notify=print).status == "finished"


def test_two_processes_on_one_run(tmp_path: Path) -> None:
    """Row 10: the second is told the pid of the first."""
    trained(tmp_path / "run")
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        with RunFolder.open(tmp_path / "run").locked():
            os.write(writer, b"x")
            time.sleep(60)
        os._exit(0)
    os.read(reader, 1)
    try:
        assert RunFolder.open(tmp_path / "run").status == "finished"
        with pytest.raises(PoiseError, match=f"pid {child} on"):
            resume(Resumption(tmp_path / "run", CPU, steps=9), notify=print)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert resume(Resumption(tmp_path / "run", CPU, steps=9), notify=print).position.step == 9


def test_a_clock_that_jumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row 11: durations are monotonic, whatever the clock on the wall does."""
    jumps = iter([1e9, 0.0, 2e9, -5.0] * 1000)
    monkeypatch.setattr(time, "time", lambda: next(jumps))
    trained(tmp_path / "run")
    lines = RunFolder.open(tmp_path / "run").lines("history")
    seconds = [line["seconds"] for line in lines]
    assert seconds == sorted(seconds) and seconds[0] >= 0 and seconds[-1] < 60
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))


def test_a_half_written_line_is_ignored_and_repaired(tmp_path: Path) -> None:
    """Row 17."""
    trained(tmp_path / "run")
    run = RunFolder.open(tmp_path / "run")
    with (run.path / "history.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"step": 7, "generat')
    assert len(run.lines("history")) == STEPS
    resume(Resumption(run.path, CPU, steps=8), notify=print)
    written = (run.path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in written] == list(range(1, 9))


def test_a_damaged_newest_checkpoint_costs_only_its_steps(tmp_path: Path) -> None:
    """Row 4, in a run: quarantined, fallen back, said; and the end has the same bits."""
    trained(tmp_path / "run")
    trained(tmp_path / "whole", steps=8)
    file = tmp_path / "run" / "checkpoints" / "step-00000006" / "tensors.safetensors"
    content = bytearray(file.read_bytes())
    content[-7] ^= 4
    file.write_bytes(bytes(content))
    said: list[str] = []
    resume(Resumption(tmp_path / "run", CPU, steps=8), notify=said.append)
    assert any("step-00000006 is damaged" in line for line in said)
    assert any("from step 4: 2 steps are trained again" in line for line in said)
    assert (tmp_path / "run" / "quarantine" / "step-00000006").is_dir()
    one, other = tensors(tmp_path / "run", 8), tensors(tmp_path / "whole", 8)
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_extending_a_run_equals_a_longer_run(tmp_path: Path, whole: Path) -> None:
    trained(tmp_path / "run", steps=4)
    with pytest.raises(PoiseError, match=r"has done its 4 steps.*--steps 8"):
        resume(Resumption(tmp_path / "run", CPU), notify=print)
    resume(Resumption(tmp_path / "run", CPU, steps=STEPS), notify=print)
    assert same(tmp_path / "run", whole)


def test_another_number_of_threads_is_said(tmp_path: Path) -> None:
    trained(tmp_path / "run", steps=2)
    record = json.loads((tmp_path / "run" / "environment.json").read_text())
    (tmp_path / "run" / "environment.json").write_text(json.dumps({**record, "threads": 64}))
    said: list[str] = []
    resume(Resumption(tmp_path / "run", CPU, steps=3), notify=said.append)
    assert any("began with threads 64" in line and "same bits" in line for line in said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_finishes_the_step_and_saves(number: signal.Signals, tmp_path: Path, whole: Path) -> None:
    """Row 2, within the process; the command's exit status is tested with the command."""

    def ask(context: StepContext) -> None:
        if context.step == 3:
            os.kill(os.getpid(), number)

    outcome = begin(plan("digits", recipe(), CPU), tmp_path / "run", callbacks=[ask], notify=print)
    assert (outcome.status, outcome.exit_status) == ("interrupted", 128 + number)
    assert outcome.run.checkpoint_steps()[-1] in (3, 4)
    resume(Resumption(tmp_path / "run", CPU), notify=print)
    assert same(tmp_path / "run", whole)


def test_a_stop_that_cannot_be_reported_at_once_is_reported_after_the_step(tmp_path: Path) -> None:
    told: list[str] = []

    def busy_once(sentence: str) -> None:
        if "Stopping" in sentence and not any("refused" in line for line in told):
            told.append("refused")
            raise RuntimeError("reentrant call")
        told.append(sentence)

    def ask(context: StepContext) -> None:
        if context.step == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    begin(plan("digits", recipe(), CPU), tmp_path / "run", callbacks=[ask], notify=busy_once)
    assert [line for line in told if line == "refused" or "Stopping" in line] == [
        "refused",
        "Stopping after this step and saving; once more leaves at once and saves nothing.",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"dynamics": "alternating-by-epoch", "batch_size": 900},
        {"dynamics": "simultaneous", "packing": 3},
        {"loss": "began", "discriminator": "autoencoder", "discriminator.width": 4},
        {"label_flip": 0.1, "instance_noise.deviation": 0.5, "instance_noise.steps": 4},
        {"optimisers.generator.name": "rmsprop", "optimisers.discriminator.name": "sgd"},
        {"horizontal_flips": True, "loss.smoothing": 0.1, "ema.half_life": 0},
        {"generator": {"name": "dcgan", "width": 4}, "discriminator": {"name": "dcgan", "width": 4}},
        {
            "discriminator": {
                "name": "dcgan",
                "width": 4,
                "minibatch_standard_deviation": True,
                "spectral_norm": True,
            },
            "regularisers.dragan.weight": 10,
            "regularisers.dragan.every": 2,
        },
    ],
    ids=lambda changes: "-".join(changes)[:60],
)
def test_every_trick_resumes_to_the_same_bits(changes: dict[str, Any], tmp_path: Path) -> None:
    def halt(context: StepContext) -> Any:
        return "stop" if context.step == 3 else None

    trained(tmp_path / "whole", **changes)
    begin(plan("digits", recipe(**changes), CPU), tmp_path / "run", callbacks=[halt], notify=print)
    resume(Resumption(tmp_path / "run", CPU), notify=print)
    assert same(tmp_path / "run", tmp_path / "whole")
