"""Private runs: gradients of single rows, what they cost, and what an audit with planted rows can tell."""

from __future__ import annotations

import json
import math
import shutil
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import brentq
from scipy.special import gammaln, logsumexp
from scipy.stats import beta, norm

import poise
from poise.data import Array, Table, TableTransform, open_data
from poise.data.tables.private import Privately
from poise.dynamics import Batch
from poise.dynamics.private import clipped_sum, per_sample_gradients, private
from poise.errors import PoiseError
from poise.networks.noised_mixture import noised_mixture
from poise.recipes import asked_for
from poise.training import planning
from poise.training import private as private_runs
from poise.training.batches import PoissonBatches
from poise.training.budget import Looks, solved
from poise.training.components import Components

CPU = torch.device("cpu")
DELTA = 1e-5
SMALL = {"batch_size": 50, "discriminator.width": 8, "generator.width": 8, "generator.components": 4}
COLOURS, SIZES = ["red", "green", "blue", "black"], ["small", "large"]
SCHEMA: dict[str, dict[str, Any]] = {
    "colour": {"values": COLOURS},
    "size": {"values": SIZES},
    "age": {"low": 0, "high": 99},
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """800 rows of three columns, one value of which is in a single row."""
    stream = np.random.default_rng(0)
    rows = [
        ",".join(map(str, (stream.choice(COLOURS[:3]), stream.choice(SIZES), stream.integers(20, 60))))
        for _ in range(799)
    ]
    path = tmp_path_factory.mktemp("private") / "things.csv"
    path.write_text("\n".join(["colour,size,age", *rows, "turquoise,small,33"]) + "\n", encoding="utf-8")
    return path


def trained(table: Path, out: Path, **settings: Any) -> poise.Run:
    options: dict[str, Any] = {"steps": 6, "private": "epsilon=8,delta=1e-4", "out": out}
    options |= {} if "recipe" in settings else SMALL
    run: poise.Run = poise.train(Table(table, schema=SCHEMA), **(options | settings))
    return run


@pytest.fixture(scope="module")
def private_run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> poise.Run:
    """A run that tests look at; what changes it takes a copy."""
    return trained(table, tmp_path_factory.mktemp("private") / "run", seed=5)


def players_of(table: Path, rows: int, **settings: Any) -> tuple[Components, Array]:
    """What a small plain run trains, in 64 bits, and rows as its networks see them."""
    changes = {"batch_size": 20, "discriminator.width": 8, "generator.width": 8, **settings}
    plan = planning.plan(str(table), asked_for("table", changes), CPU)
    for module in plan.components.modules.values():
        module.double()
    real = plan.dataset.transform.encode(plan.dataset.gather(np.arange(rows))).double()
    return plan.components, real.numpy()


@pytest.mark.parametrize("regulariser", ["wgan-gp", "r1", "r2", "dragan"])
def test_gradients_of_single_rows_are_those_of_single_batches(table: Path, regulariser: str) -> None:
    components, rows = players_of(table, 12, regularisers={"wgan-gp": None, regulariser: {"weight": 3.0}})
    players, real = components.players, torch.from_numpy(rows)
    latent = torch.randn(12, components.recipe.latent.size, dtype=torch.float64)
    fakes = players.game.forward(players.networks, Batch(real, latent, 0, torch.Generator()))["fake"].detach()
    found = per_sample_gradients(players, Batch(real, latent, 0, torch.Generator().manual_seed(1)), fakes)
    stream = torch.Generator().manual_seed(1)
    if regulariser == "dragan":  # it draws a tensor and a number for each, which one pass draws in that order
        assert all(len(one) == 12 and bool(torch.isfinite(one).all()) for one in found.values())
        return
    for index in range(12):
        here = slice(index, index + 1)
        batch = Batch(real[here], latent[here], 0, stream)
        loss = players.game.loss(
            "discriminator", players.networks, batch, {"fake": fakes[here]}, players.state
        )
        for one, expected in zip(found.values(), players.gradients("discriminator", loss), strict=True):
            assert expected is not None
            assert float((one[index] - expected).abs().max()) < 1e-6


def test_a_row_changes_the_sum_by_no_more_than_the_clip(table: Path) -> None:
    components, rows = players_of(table, 70)
    players, real = components.players, torch.from_numpy(rows)
    latent = torch.randn(70, components.recipe.latent.size, dtype=torch.float64)
    fakes = players.game.forward(players.networks, Batch(real, latent, 0, torch.Generator()))["fake"].detach()

    def summed(count: int, clip: float) -> torch.Tensor:
        batch = Batch(real[:count], latent[:count], 0, torch.Generator().manual_seed(1))
        total = clipped_sum(players, batch, fakes[:count], clip)
        return torch.cat([one.flatten() for one in total])

    assert float((summed(70, 0.3) - summed(69, 0.3)).norm()) == pytest.approx(0.3)
    large = float((summed(70, 1e6) - summed(69, 1e6)).norm())
    assert large > 0.3 and float(summed(0, 1.0).norm()) == 0


# What it costs ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("noise", [0.7, 2.0, 9.0])
def test_the_cost_of_one_look_is_the_exact_one_of_gaussian_noise(noise: float) -> None:
    def delta(epsilon: float) -> float:
        # Balle and Wang 2018, theorem 8, for a change of 1
        near, far = 0.5 / noise - epsilon * noise, -0.5 / noise - epsilon * noise
        return float(norm.cdf(near) - math.exp(epsilon) * norm.cdf(far))

    exact = brentq(lambda epsilon: delta(epsilon) - DELTA, 1e-6, 60)
    assert exact <= Looks(start=noise).epsilon(DELTA) <= 1.01 * exact + 0.002


@pytest.mark.parametrize(
    ("noise", "updates", "rate"), [(1.0, 600, 0.015), (2.0, 1_000, 0.02), (1.2, 300, 0.015)]
)
def test_the_cost_of_many_updates_agrees_with_a_second_accountant(
    noise: float, updates: int, rate: float
) -> None:
    """Rényi's is an upper bound, which lies some tenths above where updates are few."""
    found, bound = Looks(steps=noise, updates=updates, rate=rate).epsilon(DELTA), renyi(noise, updates, rate)
    assert 0.75 * bound < found < bound


def renyi(noise: float, updates: int, rate: float) -> float:
    """Epsilon by Rényi divergences of whole orders: Mironov, Talwar and Zhang 2019, section 3.3, and
    Canonne, Kamath and Steinke 2020, proposition 12, for the way to epsilon."""
    found = []
    for order in range(2, 200):
        k = np.arange(order + 1)
        binomial = gammaln(order + 1) - gammaln(k + 1) - gammaln(order - k + 1)
        terms = binomial + k * math.log(rate) + (order - k) * math.log1p(-rate) + k * (k - 1) / (2 * noise**2)
        divergence = updates * logsumexp(terms) / (order - 1)
        found.append(divergence + math.log1p(-1 / order) - math.log(DELTA * order) / (order - 1))
    return float(min(found))


def test_noise_is_solved_for_what_is_asked(table: Path) -> None:
    asked = asked_for("table", {**SMALL, "steps": 40, "private": "epsilon=8,delta=1e-4"})
    plan = planning.plan(Table(table, schema=SCHEMA), asked, CPU)
    found = private_runs.guarantee(plan.recipe, len(plan.dataset), 40)
    assert found is not None and 7.8 < found["spent_epsilon"] <= 8
    halfway = private_runs.guarantee(plan.recipe, len(plan.dataset), 20)
    assert halfway is not None and halfway["spent_epsilon"] < found["spent_epsilon"]
    assert solved(lambda noise: 1 / noise, 1e-3) >= 1e3


def test_a_schema_that_says_all_leaves_the_budget_to_the_rest(table: Path) -> None:
    only = Table(table, {"age": "drop"}, schema={"colour": SCHEMA["colour"], "size": SCHEMA["size"]})
    plan = planning.plan(only, asked_for("table", {**SMALL, "private": "epsilon=8,delta=1e-4"}), CPU)
    assert plan.recipe.private is not None and plan.recipe.private.column_noise == 0


# An audit --------------------------------------------------------------------------------------------------


def least_epsilon(release: Callable[[bool, int], float], trials: int) -> float:
    """What epsilon must be at least, given what tells a planted row's releases from the others'.

    Half of the trials choose the threshold and the others are counted, with exact bounds of 95 % each.
    """
    scores = {there: np.array([release(there, trial) for trial in range(trials)]) for there in (True, False)}
    chosen, counted = ({there: side[half] for there, side in scores.items()} for half in halves(trials))
    at = np.concatenate(list(chosen.values()))
    threshold = max(at, key=lambda one: float((chosen[True] >= one).mean() - (chosen[False] >= one).mean()))
    half = trials // 2
    right, wrong = (int((counted[there] >= threshold).sum()) for there in (True, False))
    least_right = beta.ppf(0.05, right, half - right + 1) if right else 0.0
    most_wrong = beta.ppf(0.95, wrong + 1, half - wrong) if wrong < half else 1.0
    return math.log(max(least_right - DELTA, 1e-12) / most_wrong)


def halves(trials: int) -> tuple[slice, slice]:
    return slice(0, trials // 2), slice(trials // 2, trials)


def critic_of(table: Path, noise: float) -> Callable[[bool, int], float]:
    """How far a critic of four private updates has moved along the gradient of a planted row."""
    sgd = {"name": "sgd", "learning_rate": 0.01, "beta1": 0.0}
    components, rows = players_of(table, 20, **{"optimisers.discriminator": sgd})
    players, real = components.players, torch.from_numpy(rows)
    planted = real[:1] + 3.0
    real = real[:1].expand(20, -1)
    weights = [value.detach().clone() for value in players.parameters["discriminator"].values()]
    stream = torch.Generator().manual_seed(0)
    latent = torch.randn(20, components.recipe.latent.size, generator=stream, dtype=torch.float64)
    fake = players.game.forward(players.networks, Batch(real, latent, 0, torch.Generator()))["fake"].detach()

    def direction(row: torch.Tensor) -> torch.Tensor:
        batch = Batch(row.expand(20, -1), latent, 0, torch.Generator().manual_seed(0))
        return torch.cat([one.flatten() for one in clipped_sum(players, batch, fake, 1.0)])

    towards, usual = direction(planted), direction(real[:1])
    towards = towards - (towards @ usual) / (usual @ usual) * usual  # what other rows do not do

    def release(there: bool, trial: int) -> float:
        batches = PoissonBatches(
            Stored(torch.cat([real, planted]) if there else real), Same(), samples=10,
            latent=components.recipe.latent, secret=1_000 * there + trial, device=CPU,
        )  # fmt: skip
        players.set_values("discriminator", weights)
        for step in range(4):
            batch = batches.next(step)
            drawn = iter([replace(batch, latent=batch.latent.double())])
            private(players, drawn.__next__, step, expected=10, clip=1.0, noise=noise)
        moved = [
            before - now.detach()
            for before, now in zip(weights, players.parameters["discriminator"].values(), strict=True)
        ]
        return float(torch.cat([one.flatten() for one in moved]) @ towards)

    return release


class Stored:
    """Rows that are stored as networks see them."""

    def __init__(self, rows: torch.Tensor) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def gather(self, indices: Array) -> torch.Tensor:
        return self.rows[torch.from_numpy(indices)]


class Same:
    """A transform that leaves rows as they are."""

    name = "same"
    bounded = False

    def encode(self, stored: torch.Tensor) -> torch.Tensor:
        return stored

    def decode(self, value: torch.Tensor) -> torch.Tensor:
        return value

    def to_json(self) -> dict[str, Any]:
        return {}


def test_an_audit_of_the_critic_does_not_break_its_epsilon(table: Path) -> None:
    noise, trials = 4.0, 40  # with more noise fewer trials could break what is claimed
    claimed = Looks(steps=noise, updates=4, rate=0.5).epsilon(DELTA)
    assert least_epsilon(critic_of(table, noise), trials) <= claimed < 1.1
    # and it is able to: without noise the planted row is found out
    assert least_epsilon(critic_of(table, 1e-6), trials) > claimed


def test_an_audit_of_the_start_does_not_break_its_epsilon() -> None:
    rows = torch.eye(4)[torch.tensor([0, 1, 2] * 10)]
    planted = torch.cat([rows, torch.eye(4)[3:]])

    def audited(noise: float) -> float:
        def release(there: bool, trial: int) -> float:
            stream = np.random.default_rng([there, trial])
            _, shares, whole = noised_mixture(planted if there else rows, [4], 2, noise=noise, stream=stream)
            return float(whole[3] + shares[:, 3].sum())

        return least_epsilon(release, 100)

    claimed = Looks(start=3.0).epsilon(DELTA)
    assert audited(3.0) <= claimed < 1.5 < audited(1e-3)


# What is seen of rows --------------------------------------------------------------------------------------


def test_a_value_of_one_row_is_not_named_and_frequent_ones_are(table: Path) -> None:
    for secret in range(20):
        opened = open_data(Table(table, privately=Privately(secret, 0.5, 1e-6)))
        assert isinstance(opened.transform, TableTransform)
        texts = {text for column in opened.transform.columns for cell in column.cells for text in cell.texts}
        assert "turquoise" not in texts and {"red", "green", "blue", "small", "large"} <= texts
        ages = next(column for column in opened.transform.columns if column.name == "age")
        assert ages.type == "integer" and ages.form is not None


def test_counts_are_noised_by_what_the_budget_says(table: Path) -> None:
    """Of one column of two values: forms take a tenth of the budget and values the rest."""
    counts = []
    for secret in range(200):
        only = Table(table, {"colour": "drop", "age": "drop"}, privately=Privately(secret, 2.0, 1e-6))
        transform = open_data(only).transform
        assert isinstance(transform, TableTransform)
        counts.append(
            sum(sum(cell.shares) for cell in transform.columns[0].cells if cell.texts == ("small",))
        )
    assert np.std(counts) == pytest.approx(2.0 / math.sqrt(0.9), rel=0.17)


def test_rows_are_drawn_each_by_itself_and_from_the_secret(table: Path) -> None:
    data = open_data(table)

    def batches(secret: int) -> PoissonBatches:
        latent = asked_for("table", {}).latent  # type: ignore[union-attr]
        return PoissonBatches(data, data.transform, samples=80, latent=latent, secret=secret, device=CPU)

    one = batches(1)
    sizes = [len(one.next(0).real) for _ in range(300)]
    assert np.mean(sizes) == pytest.approx(80, abs=4 * math.sqrt(72 / 300))
    assert np.var(sizes) == pytest.approx(72, rel=0.3)
    again, other = batches(1), batches(2)
    again.drawn = 5
    wanted = batches(1)
    wanted.drawn = 5
    assert torch.equal(again.next(0).real, wanted.next(0).real)
    assert not torch.equal(batches(1).next(0).latent[:80], other.next(0).latent[:80])
    assert len(wanted.next(0).latent) == 80 + len(again.next(0).real)


def test_a_run_goes_on_bit_for_bit_and_says_what_it_guarantees(
    table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "new_secret", lambda: 77)
    whole = trained(table, tmp_path / "whole", private={"epsilon": 8, "delta": 1e-4})
    trained(table, tmp_path / "cut", callbacks=[lambda context: "stop" if context.step == 2 else None])
    description = json.loads((tmp_path / "cut" / "generator" / "generator.json").read_text())
    assert description["private"]["mechanism"]["updates"] == 2
    again = poise.resume(tmp_path / "cut")
    one, two = whole.generator, again.generator
    for name, value in one.module.state_dict().items():
        assert torch.equal(value, two.module.state_dict()[name])
    lines = [run.path / "generator" / "generator.json" for run in (whole, again)]
    assert json.loads(lines[0].read_text())["private"] == json.loads(lines[1].read_text())["private"]
    card = (whole.path / "generator" / "card.md").read_text()
    assert "epsilon = 8, delta = 0.0001" in card and "one row" in card


def test_noise_does_not_follow_from_the_seed_and_the_secret_stays_in_the_run(
    table: Path, private_run: poise.Run, tmp_path: Path
) -> None:
    runs = [private_run, trained(table, tmp_path / "two", seed=5)]
    states = [run.generator.module.state_dict() for run in runs]
    assert not torch.equal(states[0]["logits"], states[1]["logits"])
    path = runs[0].path / "secret.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    secret = json.loads(path.read_text())["secret"]
    assert len(secret) > 50
    others = [one for one in runs[0].path.rglob("*") if one.is_file() and one != path]
    assert not any(secret.encode() in one.read_bytes() for one in others)


def test_the_folder_holds_nothing_that_looks_at_rows(table: Path, private_run: poise.Run) -> None:
    run = private_run
    files = {str(one.relative_to(run.path)) for one in run.path.rglob("*") if one.is_file()}
    assert not files & {"metrics.jsonl", "readings.jsonl", "findings.jsonl", "nearest-pairs.png"}
    assert not any("close-look" in name or "best" in name for name in files)
    history = json.loads((run.path / "history.jsonl").read_text().splitlines()[-1])
    assert not {name for name in history if "real" in name or name in ("discriminator_loss", "wgan-gp")}
    data, plain = json.loads((run.path / "data.json").read_text()), open_data(table)
    assert data["fingerprint"] != plain.fingerprint and "missing" not in data["summary"]
    assert "turquoise" not in json.dumps(data)
    found = poise.evaluate(run.path, table, metrics=["column-shapes"])
    assert any("private" in notice for notice in found.notices) and not (run.path / "metrics.jsonl").exists()


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("training.private-unfit", {"packing": 2}),
    ("training.private-unfit", {"loss": "relativistic-pairing"}),
    ("training.private-unfit", {"dynamics": "simultaneous"}),
    ("training.private-unfit", {"held_out": 0.1}),
    ("training.private-unfit", {"evaluate_every": 5}),
    ("training.private-unfit", {"regularisers.wgan-gp.every": 2}),
    (
        "training.private-network",
        {"recipe": "ctgan", "game": "noise-to-data", "packing": 1, "encoding": None},
    ),
    ("data.private-encoding", {"encoding": "modes"}),
    ("training.private-remedies", {"doctor": "apply"}),
    ("training.private-many", {"seeds": 2}),
]


@pytest.mark.parametrize(("code", "settings"), REFUSED)
def test_what_is_not_covered_is_refused(
    table: Path, tmp_path: Path, code: str, settings: dict[str, Any]
) -> None:
    with pytest.raises(PoiseError) as caught:
        trained(table, tmp_path / "run", **settings)
    assert caught.value.code == code and not (tmp_path / "run").exists()


def test_data_that_are_no_tables_and_looks_beyond_the_budget_are_refused(
    table: Path, private_run: poise.Run, tmp_path: Path
) -> None:
    asked = asked_for("table", {"private": "epsilon=3,delta=1e-5"})
    for data, code in (
        (Table(table, constraints=["fixed: colour, size"]), "data.private-rules"),
        (Table(table, {"size": "new"}), "data.private-rules"),
        (Table(table, schema={"hue": {"values": ["a"]}}), "unknown-column"),
        ("digits", "training.private-tables-only"),
        (np.zeros((80, 3), dtype=np.float32), "training.private-tables-only"),
    ):
        with pytest.raises(PoiseError) as caught:
            planning.plan(data, asked, CPU)
        assert caught.value.code == code
    path = shutil.copytree(private_run.path, tmp_path / "run")
    with pytest.raises(PoiseError) as caught:
        poise.resume(path, steps=60)
    assert caught.value.code == "training.private-steps-spent"
    with pytest.raises(PoiseError) as caught:
        trained(table, tmp_path / "second", start_from=path)
    assert caught.value.code == "training.private-start"
    with pytest.raises(PoiseError) as caught:
        poise.evaluate(path)
    assert caught.value.code == "generator.private-data"
    (path / "secret.json").unlink()
    with pytest.raises(PoiseError) as caught:
        poise.resume(path, steps=3)
    assert caught.value.code == "training.private-secret"
