"""Planted faults: what is kept out, whether a fault took, and plants that do what their words say."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import ANY

import numpy as np
import pytest
import torch
from benchmarks.failure_pages import FOLDER, between
from benchmarks.planted_faults import plants
from benchmarks.planted_faults.faults import FIRST, FOURTH, SECOND, THIRD, cases
from benchmarks.planted_faults.games import GAMES
from benchmarks.planted_faults.judge import METRIC, judge_all, took
from benchmarks.planted_faults.plants import always, once
from benchmarks.planted_faults.report import report
from benchmarks.planted_faults.rescue import table

from poise.data import open_data
from poise.diagnosis import FINDINGS, Measurement

DIGITS = open_data("digits")


def evaluated(*values: float | None, **more: Any) -> dict[str, Any]:
    """A record with one evaluation every hundred steps."""
    lines = [
        {"step": 100 * place, "metric": METRIC, "value": value, "floor": 0.1}
        for place, value in enumerate(values, start=1)
    ]
    return {"metrics": lines, "stopped": "", **more}


def test_what_is_kept_out_was_never_seen() -> None:
    kept = [case for case in cases() if case.kept_out]
    seen = [case for case in cases() if not case.kept_out]
    assert len({case.name for case in cases()}) == len(cases())
    assert not {case.kind for case in kept if case.fault} & {case.kind for case in seen}
    assert not {case.seed for case in kept} & {case.seed for case in seen}
    planted = {fault.finding for fault in [*FIRST, *SECOND, *THIRD]}
    assert {fault.finding for fault in FOURTH} == planted < set(FINDINGS)
    healthy = {(case.base, case.seed) for case in kept if case.fault is None}
    assert {(case.base, case.seed) for case in kept} == healthy


def test_every_row_of_the_table_names_what_there_is() -> None:
    faults = [*FIRST, *SECOND, *THIRD, *FOURTH]
    assert len({fault.name for fault in faults}) == len(faults)
    for fault in faults:
        assert fault.true <= set(FINDINGS)
        labelled = fault.finding == "condition-ignored"
        assert all(game.startswith("conditional-") if labelled else game in GAMES for game in fault.games)
        planted = fault.changes or fault.rows or fault.distort or fault.meddle or fault.handful
        assert labelled or planted


def test_counts_are_put_between_the_marks_of_their_page() -> None:
    for name in ("README", "rescues"):
        text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
        assert between(between(text, "counts", "new"), "counts", "old").count("old") >= 1
        assert len(between(text, "counts", "new")) < len(text)
    with pytest.raises(ValueError, match="no marks"):
        between("a page", "counts", "new")


def test_recorded_runs_are_judged_and_counted(tmp_path: Path) -> None:
    """A run whose weights are spoiled at its middle, and the healthy one beside it."""
    (tmp_path / "records").mkdir()
    chosen = [case for case in cases() if case.name.endswith("--digits-hinge-r1--10")]
    planted = [case for case in chosen if case.kind in ("spoiled-moments", "healthy")]
    for case in planted:
        lines = [Measurement(step, generator_loss=1.0).to_json() for step in range(0, 100, 10)]
        if case.fault is not None:
            lines[6]["non_finite"] = "discriminator's loss"
        end = {"finite": case.fault is None, "known_by_heart": None}
        record = {"steps": 100, "onset": 50, "recipe": {}, "readings": lines, "metrics": [], "end": end}
        (tmp_path / "records" / f"{case.name}.json").write_text(json.dumps(record))
    spoiled, healthy = judge_all(tmp_path)
    assert (spoiled.right, spoiled.delay, spoiled.wrong, spoiled.took) == (True, 0.1, [], (True, ANY))
    assert (healthy.right, healthy.counted, healthy.took) == (False, [], None)
    page = report([spoiled, healthy])
    assert "Recorded: 2 of 310 runs; 64 kinds of fault for calibration, 21 kept out." in " ".join(
        page.split()
    )
    assert "| [non-finite](non-finite.md) | 1 | 1 | 1 | 1.00 | 1 | 0 | 1.00 | 10 % |" in page
    assert "| spoiled-moments | 1 | **1** |" in page
    kept = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert all(
        line in kept for line in page.splitlines() if line.startswith(("| finding", "| planted", "|---"))
    )


def test_the_reasons_of_the_rescues_are_those_of_the_table() -> None:
    page = (FOLDER / "rescues.md").read_text(encoding="utf-8")
    reasons = table([]).partition("are not counted:")[2].strip()
    assert reasons in page


@pytest.mark.parametrize(
    ("ill", "wanted"),
    [
        (evaluated(1.0, 2.0), True),
        (evaluated(9.0, 1.2), False),  # only the end counts
        (evaluated(1.4), False),  # against the healthy run at the same step, which stood at 1
        (evaluated(1.6), True),
        (evaluated(1.0, None), True),
        (evaluated(1.0, stopped="a value that is not finite"), True),
    ],
)
def test_a_result_is_harmed_against_the_healthy_run_of_the_same_step(
    ill: dict[str, Any], wanted: bool
) -> None:
    assert took("oscillation", ill, evaluated(1.0, 0.9)).yes is wanted
    assert took("oscillation", ill, None).yes is None


def test_a_difference_below_that_of_reals_to_reals_is_chance() -> None:
    assert took("mode-collapse", evaluated(0.19), evaluated(0.1)).yes is False
    assert took("mode-collapse", evaluated(0.21), evaluated(0.1)).yes is True


def test_what_is_measured_at_the_end_of_a_run() -> None:
    end = {"finite": True, "known_by_heart": 0.2}
    assert took("discriminator-overfits", evaluated(end=end), None).yes is False
    assert took("discriminator-overfits", evaluated(end={**end, "known_by_heart": 0.7}), None).yes is True
    assert took("discriminator-overfits", evaluated(), None).yes is None
    assert took("non-finite", evaluated(end=end), None).yes is False
    assert took("non-finite", evaluated(end={**end, "finite": False}), None).yes is True
    assert took("data-shortcut", evaluated(), None).yes is True


def context(step: int, **weights: torch.Tensor) -> Any:
    """As much of a step's context as is touched: a generator of these weights, and an optimiser of them."""
    for one in weights.values():
        one.requires_grad_()
    optimiser = torch.optim.Adam(weights.values(), lr=0.1)
    match = SimpleNamespace(parameters={"generator": weights}, optimisers={"generator": optimiser})
    return SimpleNamespace(step=step, components=SimpleNamespace(players=match))


def test_a_step_is_cut_to_its_length() -> None:
    meddle, now = always(plants.steps_clipped, 0.5)(DIGITS, 0), context(1, weight=torch.zeros(2, 2))
    meddle(now)
    weight = now.components.players.parameters["generator"]["weight"]
    with torch.no_grad():
        weight += 4.0
    meddle(now)
    assert float(weight.detach().norm()) == pytest.approx(0.5)


def test_a_generator_is_pulled_towards_one_that_does_not_change() -> None:
    meddle, now = always(plants.pulled_back, 0.5)(DIGITS, 0), context(1, weight=torch.full((3, 4), 9.0))
    found = []
    for _ in range(40):
        meddle(now)
        found.append(now.components.players.parameters["generator"]["weight"].detach().clone())
    assert float((found[-1] - found[-2]).abs().max()) < 1e-4
    assert float(found[-1].abs().max()) < 4


def test_an_optimiser_climbs_and_its_moments_are_spoiled() -> None:
    now = context(7, weight=torch.ones(2))
    weight, optimiser = (
        now.components.players.parameters["generator"]["weight"],
        now.components.players.optimisers["generator"],
    )
    climbing = next(fault for fault in FOURTH if fault.name == "wrong-direction").meddle
    assert climbing is not None
    climbing(DIGITS, 0)(now)
    weight.grad = torch.ones(2)
    for _ in range(9):
        optimiser.step()
    assert float(weight.detach().min()) > 1.5
    now.components.players.optimisers["discriminator"] = optimiser
    once(plants.spoiled_moments)(DIGITS, 0)(now)
    optimiser.step()
    assert not bool(weight.isfinite().any())


def test_a_window_slides_over_the_sorted_rows() -> None:
    exchange = plants.sliding_window(DIGITS, 0.1, 2).exchange
    labels = np.asarray(DIGITS.labels)
    early, late, around = (labels[exchange(np.arange(2_000), done)] for done in (0.0, 0.25, 0.5))
    assert set(early) == {0, 1} or set(early) == {0}
    assert early.max() < late.min()
    assert np.array_equal(early, around)


def test_old_fakes_are_all_that_a_discriminator_gets() -> None:
    class Game:
        players = ("discriminator", "generator")

        def loss(self, player: str, networks: Any, batch: Any, outputs: Any, state: Any) -> float:
            return float(outputs["fake"])

    now = context(1, weight=torch.zeros(1))
    now.components.players.game = Game()
    once(plants.stale_fakes, 3)(DIGITS, 0)(now)
    game = now.components.players.game
    seen = [game.loss("discriminator", {}, None, {"fake": torch.tensor(float(one))}, {}) for one in range(6)]
    assert seen == [0, 0, 0, 1, 2, 3]
    assert game.loss("generator", {}, None, {"fake": torch.tensor(9.0)}, {}) == 9
    assert game.players == Game.players
