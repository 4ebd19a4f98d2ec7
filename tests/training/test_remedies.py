"""Remedies as settings and as commands: what is offered can be done, and the command does what it says."""

from __future__ import annotations

import itertools
import shlex
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import _SpectralNorm

import poise
from poise.diagnosis import FINDINGS, Setting, budget
from poise.errors import PoiseError
from poise.recipes import RECIPES, Recipe, parse_override, recipe_with
from poise.run_folder import RunFolder
from poise.spec import DataSpec
from poise.tasks import TASKS
from poise.training import Request, Resumption, StepContext, begin, pick_device, plan
from poise.training.again import command_again
from poise.training.callbacks import doctor
from poise.training.callbacks.doctor import setting_of
from poise.training.components import build_networks
from poise.training.remedies import begin_with_remedies, last_good, ranked, resume_with_remedies
from poise.training.remedies.branches import BranchSettings, Trial, train_branch
from poise.training.resolve import resolve
from poise.training.state import unpack

pytestmark = pytest.mark.usefixtures("few_compared")
CPU = pick_device("cpu")
SMALL: dict[str, Any] = {"batch_size": 16, "steps": 40, "generator.width": 8, "discriminator.width": 8}

SHAPES = {
    "rows": [DataSpec("image", (1, 8, 8)), DataSpec("image", (3, 32, 32)), DataSpec("vector", (2,))],
    "labels": [DataSpec("image", (1, 8, 8), (10,)), DataSpec("vector", (2,), (8,))],
    "classes": [DataSpec("vector", (10,), (1, 8, 8))],
    "pairs": [DataSpec("image", (1, 32, 32), (1, 32, 32))],
    "domains": [DataSpec("image", (1, 32, 32), (1, 32, 32))],
}
"""Data of each kind that a game may need."""


def played() -> list[tuple[Recipe, DataSpec]]:
    """Every recipe as it is resolved on the data that it can be played on."""
    found = []
    for recipe in RECIPES.values():
        for spec in SHAPES[TASKS[recipe.game.name].needs]:
            try:
                found.append((resolve(recipe, spec), spec))
            except PoiseError as error:
                assert error.code == "training.network-unfit"
    return found


PLAYED = played()


def data_of(spec: DataSpec) -> dict[str, Any]:
    """A `data.json` of such data."""
    origins = {
        "pairs": {"kind": "pairs", "source": {"value": "/data/line art"}, "target": {"value": "/data/b"},
                  "source_side": "left", "held_out": 0.1},
        "domains": {"kind": "domains", "a": {"value": "/data/a"}, "b": {"value": "/data/b"}, "held_out": 0.2},
    }  # fmt: skip
    return {
        "name": "line art", "kind": spec.kind, "shape": list(spec.shape), "encoding": {"name": "identity"},
        "condition": None if spec.condition is None else {"shape": list(spec.condition)},
        "origin": {"kind": "path", "value": "/data/line art"}, "origins": origins,
    }  # fmt: skip


NETWORKS = ("game", "generator", "discriminator", "packing")
TRIED = set[str]()
"""What was resolved, and what was built, for a finding need not be for the next."""


def new(*words: object) -> bool:
    """Whether this is tried for the first time."""
    known = str(words) in TRIED
    TRIED.add(str(words))
    return not known


@pytest.mark.parametrize("name", list(FINDINGS))
def test_every_remedy_that_is_offered_can_be_trained_with(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    # Shapes alone, which is all that can be refused, need no first singular vectors.
    monkeypatch.setattr(_SpectralNorm, "_power_method", lambda self, weight, iterations: None)
    for place, (recipe, spec) in enumerate(PLAYED):
        for remedy in Setting(1000, recipe.model_dump(), "digits").remedies(FINDINGS[name].proposals):
            if remedy.settings and new(place, remedy.settings):
                changed = resolve(recipe_with(recipe, remedy.settings), spec)
                parts = changed.game, changed.generator, changed.discriminator, changed.packing, spec
                if any(path.partition(".")[0] in NETWORKS for path in remedy.settings) and new(parts):
                    with torch.device("meta"):
                        networks = build_networks(changed, spec, {})
                    assert set(networks) == {"generator", "discriminator"}


@pytest.mark.parametrize("place", range(len(PLAYED)))
def test_the_command_makes_the_run_again_with_the_remedy(place: int) -> None:
    from poise.cli.app import app

    recipe, spec = PLAYED[place]
    changes: dict[str, Any] = {"seed": 3, "steps": 777, "batch_size": 8, "held_out": 0.0, "log_every": 3,
                               "optimisers.generator.learning_rate": 1e-5}  # fmt: skip
    recipe = resolve(recipe_with(recipe, changes), spec)
    needs = TASKS[recipe.game.name].needs
    data = data_of(spec)
    data["origin"] = data["origins"].get(needs, data["origin"])
    again = command_again(recipe, data)
    assert again is not None
    function, bound, _ = app.parse_args(list(again[1:]), exit_on_error=False, print_error=False)
    assert function.__name__ == "train"
    flags = {
        name: value for name, value in bound.arguments.items() if name in ("steps", "seed", "batch_size")
    }
    setting = Setting(1000, recipe.model_dump(), again=again)
    offered = [remedy for rule in FINDINGS.values() for remedy in setting.remedies(rule.proposals)]
    for remedy in {remedy.command: remedy for remedy in offered}.values():  # many findings offer the same
        if remedy.command:
            words = shlex.split(remedy.command)
            assert set(words[: -2 * len(remedy.settings)]) <= set(again)
            typed = [text for flag, text in itertools.pairwise(words) if flag == "--set"]
            assert words[-2 * len(remedy.settings) :: 2] == ["--set"] * len(remedy.settings)
            paths = [text.partition("=")[0] for text in typed]
            assert len(set(paths)) == len(paths), "nothing is set twice"
            settings: dict[str, Any] = dict(map(parse_override, typed))
            changed = recipe_with(RECIPES[bound.arguments["recipe"]], {**settings, **flags})
            resolve(changed, spec)  # which refuses what a part does not take
            dumped = changed.model_dump()
            wanted = recipe_with(recipe, remedy.settings).model_dump()
            assert all(lies_in(dumped, path) == lies_in(wanted, path) for path in remedy.settings)
    told = dict(map(parse_override, bound.arguments.get("settings", ())))
    made = recipe_with(RECIPES[bound.arguments["recipe"]], {**told, **flags})
    apart = {"sample_every", "evaluate_every", "resolution"}
    assert resolve(made, spec).model_dump(exclude=apart) == recipe.model_dump(exclude=apart)


def lies_in(values: Any, path: str) -> Any:
    """A value of a dumped recipe; the name, of a part."""
    for folder in path.split("."):
        values = values[folder]
    return values.get("name", values) if isinstance(values, dict) else values


def test_runs_that_no_command_makes_again() -> None:
    recipe, spec = PLAYED[0]
    data = data_of(spec)
    assert command_again(recipe.model_copy(update={"name": "my own"}), data) is None
    assert command_again(recipe, {**data, "origin": {"kind": "given", "value": "ndarray"}}) is None


class Points(nn.Module):
    """A network of a person's own."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, 8), nn.ReLU(), nn.Linear(8, outputs))

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.layers(values)
        return found if found.shape[1] > 1 else found.squeeze(1)


class Spoiler:
    """Spoils a weight once, of the first run alone."""

    def __init__(self, at: int, run: Path) -> None:
        self.at, self.run = at, run

    def __call__(self, context: StepContext) -> None:
        if context.step == self.at and context.run.path == self.run:
            with torch.no_grad():
                next(context.components.modules["generator"].parameters()).fill_(torch.nan)


@pytest.fixture
def few_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too few for any rule but that of values that are not finite."""
    monkeypatch.setattr(doctor, "CHECKS", 4)


@pytest.mark.usefixtures("few_checks")
def test_remedies_are_applied_to_a_persons_own_modules(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator, discriminator = Points(16, 2), Points(2, 1)
    out = tmp_path / "run"
    run = poise.train(
        "spiral", steps=40, batch_size=16, latent={"size": 16}, generator=generator,
        discriminator=discriminator, out=out, callbacks=[Spoiler(15, out)], doctor="apply",
        sample_every=10, checkpoints={"every_steps": 10},
    )  # fmt: skip
    assert run.path == tmp_path / "run-remedy-1"
    assert run.status == "finished"
    assert run.folder.read_json("lineage")["from_step"] == 10
    # The person's own modules hold what was kept.
    kept = run.folder.load_checkpoint(40).trained
    for player, module in (("generator", generator), ("discriminator", discriminator)):
        for name, value in module.state_dict().items():
            assert torch.equal(value, kept[f"network/{player}/{name}"])
    # What a command line cannot do is said in Python.
    (line,) = RunFolder(out).lines("findings")
    assert line["remedies"][0]["command"].startswith(
        "poise.train(..., **{'optimisers.generator.learning_rate'"
    )


def test_a_module_of_which_no_copy_can_be_made_is_refused_before_training(tmp_path: Path) -> None:
    class Held(Points):
        def __deepcopy__(self, memo: Any) -> Held:
            raise TypeError("it holds a file")

    with pytest.raises(PoiseError, check=lambda error: error.code == "training.module-not-copyable"):
        poise.train("spiral", steps=4, batch_size=4, latent={"size": 16}, discriminator=Held(2, 1),
                    out=tmp_path / "run", doctor="apply")  # fmt: skip
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.generator-not-copyable"):
        poise.train("spiral", steps=4, batch_size=4, latent={"size": 16}, generator=Held(16, 2),
                    out=tmp_path / "run")  # fmt: skip
    assert not (tmp_path / "run").exists()


def test_a_doctor_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match="suggest"):
        poise.train("spiral", steps=4, out=tmp_path / "run", doctor="sugest")  # type: ignore[call-overload]  # on purpose


@pytest.mark.parametrize("verb", ["train", "resume"])
def test_many_games_are_not_branched(verb: str, tmp_path: Path) -> None:
    from poise.cli.app import app

    out = tmp_path / "many"
    words = ["train", "ring", "--seeds", "2", "--steps", "2", "--out", str(out), "--json"]
    if verb == "resume":
        app(words, result_action="return_value")
        words = ["resume", str(out), "--steps", "4", "--json"]
    else:
        with pytest.raises(PoiseError) as refused:
            poise.train("ring", steps=2, seeds=2, out=out, doctor="apply")
        assert refused.value.code == "training.one-run-only"
    with pytest.raises(PoiseError) as refused:
        app([*words, "--doctor", "apply"], result_action="return_value")
    assert refused.value.code == "training.one-run-only"


@pytest.mark.usefixtures("few_checks")
def test_a_resumed_run_tries_what_was_not_tried(tmp_path: Path) -> None:
    out = tmp_path / "run"
    changes = {**SMALL, "sample_every": 10, "checkpoints.every_steps": 10}

    def spoil(context: StepContext) -> None:
        if context.step == 15:
            with torch.no_grad():
                next(context.components.modules["generator"].parameters()).fill_(torch.nan)

    planned = plan("spiral", recipe_with(RECIPES["non-saturating"], changes), CPU)
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.non-finite"):
        begin_with_remedies(planned, out, callbacks=[spoil], notify=lambda sentence: None, tries=1)
    assert len(RunFolder(out).lines("lineage")) == 1
    outcome = resume_with_remedies(
        Resumption(out, CPU), callbacks=[Spoiler(15, out)], notify=lambda sentence: None
    )
    tried = [line["remedy"]["change"] for line in RunFolder(out).lines("lineage")]
    assert len(tried) == len(set(tried)) == 2
    assert outcome.run.path == tmp_path / "run-remedy-2"
    assert outcome.status == "finished"


def test_a_healthy_run_is_saved_where_it_can_be_branched_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budget, "MOST_SHARE", 1e9)
    monkeypatch.setattr(doctor, "FINDINGS", {})
    planned = plan(
        "spiral",
        recipe_with(
            RECIPES["non-saturating"], {**SMALL, "steps": 16, "checkpoints.keep": 99, "sample_every": 64}
        ),
        CPU,
    )
    outcome = begin_with_remedies(planned, tmp_path / "run", notify=lambda sentence: None)
    assert outcome.run.checkpoint_steps() == list(range(4, 17, 4))
    words = setting_of(outcome.run, planned.recipe).again
    assert words is not None
    assert words[:5] == ("poise", "train", "spiral", "--recipe", "non-saturating")
    assert set(zip(words[5::2], words[6::2], strict=True)) == {
        ("--steps", "16"), ("--batch-size", "16"), ("--set", "generator.width=8"),
        ("--set", "discriminator.width=8"), ("--set", "checkpoints.keep=99"), ("--set", "sample_every=64"),
    }  # fmt: skip


def test_a_state_that_has_learned_nothing_is_not_kept(tmp_path: Path) -> None:
    planned = plan(
        "spiral", recipe_with(RECIPES["non-saturating"], {**SMALL, "checkpoints.every_steps": 10}), CPU
    )
    run = begin(planned, tmp_path / "run", notify=lambda sentence: None, doctor="off").run
    for learned, wanted in ((True, 30), (False, None)):
        (run.path / "readings.jsonl").unlink(missing_ok=True)
        for step in range(1, 31):
            run.append("readings", {"step": step, "distance": 1 / step if learned else 0.9})
        found = last_good(run, 35)
        assert (found.step if found else None) == wanted


def test_causes_are_mended_before_what_they_bring_about() -> None:
    def line(name: str, step: int, *changes: str, **more: Any) -> dict[str, Any]:
        remedies = [{"change": change, "settings": {"steps": 1}} for change in changes]
        return {"name": name, "first_step": step, "status": "open", "severity": "trouble",
                "remedies": [{"change": "look at the data", "settings": {}}, *remedies], **more}  # fmt: skip

    found = ranked([
        line("quality-regressed", 10, "a", because_of="mode-collapse"),
        line("mode-collapse", 30, "b", "c"),
        line("oscillation", 20, "d", "e"),
        line("mode-hopping", 5, "f"),
        line("mode-hopping", 5, "f", status="recovered"),
        line("not-learning", 5, "g", severity="watch"),
    ])  # fmt: skip
    assert [remedy["change"] for _, remedy in found] == ["d", "b", "e", "c", "a"]


def test_a_branch_turns_adaptive_augmentation_on_and_resumes_bit_for_bit(tmp_path: Path) -> None:
    """It goes on from the last good weights, though the run had no state of ADA to save."""
    small = {**SMALL, "checkpoints.every_steps": 10, "log_every": 5, "evaluate_every": 0}
    planned = plan("digits", recipe_with(RECIPES["non-saturating"], small), CPU)
    run = begin(planned, tmp_path / "run", notify=lambda sentence: None, doctor="off").run
    proposal = FINDINGS["discriminator-overfits"].proposals[0]
    remedy = Setting(25_000, {**planned.recipe.model_dump(), "steps": 25_000}).remedy(proposal)
    assert remedy is not None
    recipe = resolve(recipe_with(planned.recipe, remedy.settings), planned.spec)
    trial = Trial("discriminator-overfits", 35, remedy.to_json(), recipe)

    def stop(context: StepContext) -> Request | None:
        return "stop" if context.step == 33 else None

    ends = []
    for name, callbacks in (("whole", []), ("cut", [stop])):
        settings = BranchSettings(planned, {}, callbacks, lambda sentence: None, 1)
        branch = train_branch(settings, run, trial, tmp_path / name).outcome.run
        assert branch.read_json("lineage")["from_step"] == 30
        if callbacks:
            assert branch.status == "interrupted"
            poise.resume(tmp_path / name)
        assert {"ada_probability", "ada_r_t"} <= set(branch.lines("history")[-1])
        ends.append(branch.load_checkpoint(40).trained)
    assert float(ends[0]["game/ada/counted"]) > 0 or float(ends[0]["game/ada/probability"]) > 0
    assert ends[0].keys() == ends[1].keys()
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])
    start = run.load_checkpoint(30)
    with pytest.raises(PoiseError, check=lambda error: error.code == "training.checkpoint-of-other-networks"):
        unpack(start, settings.components(recipe))
