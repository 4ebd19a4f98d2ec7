"""What a user's file adds: it trains, stops, resumes to the same bits, samples, evaluates and reports."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poise
from forks import forked
from poise import extension
from poise.cli import main
from poise.losses import LOSSES
from poise.networks import DISCRIMINATORS, GENERATORS, IMAGE_DISCRIMINATORS, Network
from poise.run_folder import RunFolder
from poise.training import Resumption, begin, pick_device, plan, resume

FILE = Path(__file__).parent / "my_parts.py"
CPU = pick_device("cpu")
STEPS = 6
SETTINGS: dict[str, Any] = {"steps": STEPS, "log_every": 1, "sample_every": 3, "checkpoints.every_steps": 2}

LOSS = """
from poise.losses import Loss

def cost(real, fake, *, slope: float = {slope}):
    return slope * fake

LOSSES = [Loss("{name}", cost, cost, "A line.", "none")]
"""


pytestmark = pytest.mark.usefixtures("own_parts")


@pytest.fixture
def walks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    steps = np.random.default_rng(0).normal(0.3, 1.0, (64, 6))
    np.savetxt(tmp_path / "w.walk", steps.cumsum(1), fmt="%.4f")
    return tmp_path / "w.walk"


def same_bits(first: Path, second: Path) -> None:
    one, other = (RunFolder.open(path).load_checkpoint(STEPS) for path in (first, second))
    assert one.trained.keys() == other.trained.keys()
    assert [name for name in one.trained if not torch.equal(one.trained[name], other.trained[name])] == []


def test_a_file_of_every_kind_of_part_trains_resumes_samples_evaluates_and_reports(walks: Path) -> None:
    poise.use(FILE)
    whole = poise.train(walks, "walker", out="whole", **SETTINGS)
    stopped = begin(
        plan(walks, poise.open_run("whole").recipe, CPU),
        "stopped",
        callbacks=[lambda context: "stop" if context.step == 3 else None],
        notify=print,
    )
    assert stopped.status == "interrupted"
    assert resume(Resumption("stopped", CPU), notify=print).status == "finished"
    same_bits(Path("whole"), Path("stopped"))
    tallies = [Path(run, "tally.txt").read_text() for run in ("whole", "stopped")]
    assert tallies[0] == tallies[1] and tallies[0].split()[0] == str(STEPS)
    paid = sum(line["generator_loss"] for line in whole.history)
    assert float(tallies[0].split()[1]) == pytest.approx(2 * paid)

    assert whole.recipe.regularisers["size"].weight == 0.5 / 6  # by the data
    state = RunFolder.open("whole").load_checkpoint(STEPS).tensors
    carried = {name.rpartition("/")[2]: value for name, value in state.items() if name.startswith("game/")}
    assert carried["size"] != 1.0 and carried["amount"] != torch.tensor(0.1)
    assert {"start_loss", "penalty_size"} <= set(whole.history[-1])
    assert {line["name"] for line in whole.folder.lines("findings")} >= {"generator-pays"}
    assert whole.folder.data["kind"] == "walk"

    generator = whole.generator
    assert generator.sample(5, seed=1).shape == (5, 6)
    assert GENERATORS["walk"].part(generator.module, "mapping") is generator.module.mapping
    measured = poise.evaluate("whole", samples=32)
    assert [result.metric for result in measured.results] == ["mean-step-error", "frechet-distance"]
    assert "my_parts.py" in whole.report().read_text(encoding="utf-8")


def test_the_command_line_takes_the_file_and_refuses_the_run_without_it(
    walks: Path,
    capsys: pytest.CaptureFixture[str],
    own_parts: Callable[[], AbstractContextManager[None]],
) -> None:
    settings = [word for path, value in SETTINGS.items() for word in ("--set", f"{path}={value}")]
    train = ["train", str(walks), "--recipe", "walker", "--out", "run", *settings]
    with own_parts():
        assert main([*train, "--use", str(FILE)]) == 0
    assert f"poise sample run --use {FILE}" in capsys.readouterr().out
    recorded = RunFolder.open("run").environment["parts"]
    assert [(one["path"], len(one["sha256"])) for one in recorded] == [(str(FILE), 64)]

    for verb in (["sample", "run"], ["resume", "run", "--steps", "8"], ["evaluate", "run"]):
        assert main([*verb, "--json"]) == 2
        error = json.loads(capsys.readouterr().out.splitlines()[-1])
        assert error["code"] == "extension.not-used"
        assert "'walk'" in error["what"] and f"--use {FILE}" in error["hint"]
        assert ("'pearson'" in error["what"]) == (verb[0] != "sample")
    assert main(["report", "run"]) == 0
    with forked(lambda: main(["resume", "run", "--steps", "8", f"--use={FILE}"])) as process:
        _, errors = process.wait()
    assert process.status == 0, errors
    assert RunFolder.open("run").checkpoint_steps()[-1] == 8
    for words in (["sample", "run", "-n", "4"], ["recipes", "walker"], ["inspect", str(walks)]):
        assert main([*words, "--use", str(FILE)]) == 0


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("loss.targte=2", "unknown-setting"),
        ("loss.target=-1", ""),
        ("regularisers.size.decay=2", ""),
        ("augmentations.adaptive-noise.sped=1", "unknown-setting"),
        ("game.start=-1", ""),
        ("generator.width=0", ""),
        ("callbacks.tally.factr=2", "unknown-setting"),
        ("callbacks.tally.factor=0", ""),
    ],
)
def test_settings_of_parts_from_outside_are_checked(walks: Path, setting: str, code: str) -> None:
    poise.use(FILE)
    path, _, value = setting.partition("=")
    changes: dict[str, Any] = {path: float(value)}
    with pytest.raises(poise.PoiseError) as caught:
        poise.train(walks, "walker", out="run", **changes)
    assert path.rpartition(".")[2] in caught.value.what and (not code or caught.value.code == code)
    assert not Path("run").exists()


def test_a_file_twice_is_one_and_a_changed_file_takes_its_own_place(tmp_path: Path) -> None:
    file = tmp_path / "parts.py"
    file.write_text(LOSS.format(name="line", slope=1.0))
    first = poise.use(file)
    assert poise.use(str(file)) is first
    row = LOSSES["line"]
    file.write_text(LOSS.format(name="line", slope=2.0))
    assert poise.use(file).sha256 != first.sha256
    assert LOSSES["line"] is not row and LOSSES["line"].discriminator(None, 1.0) == 2.0
    assert [one["parts"] for one in extension.used()] == [{"LOSSES": ("line",)}]


@pytest.mark.parametrize(
    ("text", "code", "named"),
    [
        (LOSS.format(name="hinge", slope=1), "extension.name-taken", "'hinge'"),
        (LOSS.format(name="x", slope=1) + "REGULARISERS = LOSSES", "extension.wrong-type", "Loss"),
        ("LOSSES = 3", "extension.no-list", "LOSSES"),
        ("from poise.losses import LOSSES", "extension.no-parts", "parts.py"),
        ("x = 1\ny = 1 / 0\n", "extension.failed", "line 2"),
        ("x = = 1", "extension.failed", "line 1"),
        ("import no_such_module", "extension.failed", "line 1"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_is_refused(tmp_path: Path, text: str, code: str, named: str) -> None:
    file = tmp_path / "parts.py"
    file.write_text(text)
    with pytest.raises(poise.PoiseError) as caught:
        poise.use(file)
    assert caught.value.code == code and named in caught.value.what
    assert extension.used() == []


def test_a_taken_name_names_both_places(tmp_path: Path) -> None:
    for name in ("first.py", "second.py"):
        (tmp_path / name).write_text(LOSS.format(name="line", slope=1.0))
    poise.use(tmp_path / "first.py")
    with pytest.raises(poise.PoiseError) as caught:
        poise.use(tmp_path / "second.py")
    assert caught.value.code == "extension.name-taken"
    assert "first.py" in caught.value.what and "second.py" in caught.value.what


@pytest.mark.parametrize("words", [["--use"], ["--use", "--json"], ["--use="]])
def test_use_needs_a_file(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["recipes", *words]) == 2
    assert "--use" in capsys.readouterr().err


def test_a_discriminator_serves_games_of_images_too() -> None:
    mine = Network("mine", lambda spec: torch.nn.Identity(), "None.", "none", ("image",))
    DISCRIMINATORS.add(mine)
    assert IMAGE_DISCRIMINATORS["mine"] is mine and len(IMAGE_DISCRIMINATORS) == len(DISCRIMINATORS) + 1


def installed(folder: Path, module: str) -> None:
    """A package with an entry point, as pip leaves it."""
    (folder / "lines_for_poise.py").write_text(module)
    about = folder / "lines_for_poise-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lines-for-poise\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[poise.parts]\nlines = lines_for_poise\n")


def test_an_installed_package_is_found_when_a_name_is_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, LOSS.format(name="line", slope=1.0))
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lines_for_poise", raising=False)
    assert LOSSES.named("hinge") and "lines_for_poise" not in sys.modules
    assert LOSSES.named("line").summary == "A line."
    assert [(one["name"], one["installed"]) for one in extension.used()] == [("lines-for-poise", True)]
    with pytest.raises(poise.PoiseError) as caught:
        gone = {**extension.used()[0], "parts": {"LOSSES": ["gone"]}}
        extension.require_parts({"parts": [gone]}, {"loss": {"name": "gone"}}, run="r")
    assert caught.value.code == "extension.not-used" and "install" in caught.value.hint


def test_the_recipes_of_an_installed_package_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = "from poise.recipes import Recipe\nRECIPES = [Recipe(name='of-a-package', paper='None.')]\n"
    installed(tmp_path, row)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "lines_for_poise", raising=False)
    assert main(["recipes"]) == 0
    assert "of-a-package" in capsys.readouterr().out


def test_an_installed_package_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(tmp_path, "raise RuntimeError('no such card')")
    monkeypatch.delitem(sys.modules, "lines_for_poise", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    for _ in range(2):
        with pytest.raises(poise.PoiseError) as caught:
            LOSSES.named("line")
        assert caught.value.code == "extension.broken-package"
        assert "lines-for-poise" in caught.value.what and "no such card" in caught.value.why


def test_a_run_that_names_no_part_of_the_file_goes_on_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own_parts: Callable[[], AbstractContextManager[None]]
) -> None:
    monkeypatch.chdir(tmp_path)
    with own_parts():
        poise.use(FILE)
        poise.train("ring", out="run", **SETTINGS)  # its latent has a size, as the file has a regulariser
    assert poise.open_run("run").sample(2).shape == (2, 2)
    heard: list[str] = []
    resume(Resumption("run", CPU, steps=8), notify=heard.append)
    assert any("not in use" in sentence and str(FILE) in sentence for sentence in heard)


@pytest.mark.parametrize(
    "parts", [3, [3], [{"name": "x"}], [{"name": "x", "path": "", "sha256": "", "parts": [1]}]]
)
def test_a_damaged_record_of_parts_stops_nothing(parts: Any) -> None:
    environment = {"parts": parts}
    assert extension.use_words(environment) == [] == list(extension.changed_since(environment))
    extension.require_parts(environment, {"loss": "x"}, run="run")


def test_a_resumed_run_says_that_its_file_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "parts.py"
    file.write_text(LOSS.format(name="line", slope=1.0))
    poise.use(file)
    poise.train("ring", loss="line", out="run", **SETTINGS)
    file.write_text(LOSS.format(name="line", slope=2.0))
    poise.use(file)
    heard: list[str] = []
    resume(Resumption("run", CPU, steps=8), notify=heard.append)
    assert any("another version" in sentence and "parts.py" in sentence for sentence in heard)
