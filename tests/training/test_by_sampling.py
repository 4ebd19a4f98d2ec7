"""Training by sampling: conditions and rows as the paper draws them, and samples as the data are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poise
from poise.data import Dataset, open_data, spec_of
from poise.dynamics import Batch
from poise.errors import PoiseError
from poise.recipes import asked_for
from poise.tasks.by_sampling import ConditionDraws, category_slices
from poise.tasks.held_out import split
from poise.training.batches import batches_of
from poise.training.components import Components
from poise.training.planning import plan

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {
    "batch_size": 4,
    "packing": 2,
    "generator.width": 16,
    "discriminator.width": 16,
    "latent.size": 24,
}
COUNTS = {"common": 900, "rare": 90, "single": 10}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1,000 rows of two categories of very unequal values, and a number."""
    stream = np.random.default_rng(0)
    kinds = stream.permutation([name for name, count in COUNTS.items() for _ in range(count)])
    rows = [f"{kind},{stream.choice(['left', 'right'])},{stream.integers(9)}" for kind in kinds]
    path = tmp_path_factory.mktemp("sampling") / "rows.csv"
    path.write_text("\n".join(["kind,side,size", *rows]) + "\n", encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def planned(table: Path) -> tuple[Dataset, Components]:
    found = plan(str(table), asked_for("ctgan", SMALL), CPU)
    return found.dataset, found.components


def test_a_column_is_drawn_evenly_a_value_by_the_logarithm_of_its_count_and_a_row_evenly(table: Path) -> None:
    """Xu et al. 2019, section 4.3, the steps of training-by-sampling."""
    data = open_data(table)
    spans, count = spec_of(data).spans, 60_000
    draws = ConditionDraws(data, spans, None, seed=3)
    rows, condition = draws(0, count)
    assert condition.shape == (count, 5) and bool((condition.sum(1) == 1).all())
    shares, near = condition.mean(0).tolist(), 5 * np.sqrt(0.25 / count)
    assert sum(shares[:3]) == pytest.approx(0.5, abs=near)
    logs = np.log1p([900, 90, 10])
    assert shares[:3] == pytest.approx((0.5 * logs / logs.sum()).tolist(), abs=near)
    encoded = data.transform.encode(data.gather(rows))
    own = torch.cat([encoded[:, one] for one in category_slices(spans)], 1)
    assert bool(((own * condition).sum(1) == 1).all()), "every row has the value that was drawn"
    of_single = rows[condition[:, 2].numpy() == 1]
    times = np.unique(of_single, return_counts=True)[1]
    assert len(times) == 10 and times.min() > 0.7 * times.mean()
    again, _ = ConditionDraws(data, spans, None, seed=3)(0, count)
    assert np.array_equal(rows, again) and not np.array_equal(rows, draws(1, count)[0])


def test_only_rows_that_are_trained_on_are_drawn(table: Path) -> None:
    data = open_data(table)
    training = split(len(data), 0.3, 0).training
    rows, _ = ConditionDraws(data, spec_of(data).spans, training, seed=0)(0, 5_000)
    assert set(rows.tolist()) <= set(training.tolist())


def test_both_players_see_the_condition_of_the_batch(planned: tuple[Dataset, Components]) -> None:
    data, components = planned
    batch = batches_of(components.recipe, data, CPU, drawn=0).next(0)
    players = components.players
    outputs = players.game.forward(players.networks, batch)
    assert batch.condition is not None
    for side in ("real", "fake"):
        assert torch.equal(outputs[side][:, -5:], batch.condition)
    assert torch.equal(outputs["real"][:, :-5], batch.real)
    loss = players.game.loss("generator", players.networks, batch, outputs, players.state)
    shares = outputs["shares"]
    assert shares[:, :3].sum(1).tolist() == pytest.approx([1.0] * len(shares))
    expected = -shares[batch.condition == 1].log().mean().detach()
    assert float(loss.logs["condition_loss"]) == pytest.approx(float(expected), rel=1e-4)


def test_samples_ask_for_values_as_often_as_the_data_hold_them(table: Path, tmp_path: Path) -> None:
    run = poise.train(table, "ctgan", steps=2, out=tmp_path / "run", evaluate_every=0, **SMALL)
    module = run.generator.module
    asked = module.condition_of(run.generator.latents(20_000, seed=1)).mean(0)
    assert asked[:3].tolist() == pytest.approx([0.45, 0.045, 0.005], abs=0.012)
    assert run.generator.table(30)["kind"]


def test_training_makes_what_is_asked_for(table: Path, tmp_path: Path) -> None:
    """The cross-entropy alone teaches the generator to make the value that it is asked for."""
    run = poise.train(
        table, "ctgan", steps=150, out=tmp_path / "run", evaluate_every=0, doctor="off",
        **(SMALL | {"batch_size": 20, "optimisers.generator.learning_rate": 5e-3}),
    )  # fmt: skip
    module = run.generator.module
    condition = torch.eye(5)[torch.arange(500) % 5]
    with torch.no_grad():
        whole = module(run.generator.latents(500, seed=2), condition, whole=True)
    made = torch.cat([whole[:, one] for one in category_slices(spec_of(open_data(table)).spans)], 1)
    assert float((made * condition).sum(1).mean()) > 0.8


def test_rows_alone_are_scored_with_a_condition_that_they_meet(planned: tuple[Dataset, Components]) -> None:
    data, components = planned
    rows = data.transform.encode(data.gather(np.arange(8)))
    discriminator = components.modules["discriminator"].eval()
    column = torch.arange(8) % 2
    own = torch.cat([rows[:, :3] * (column == 0)[:, None], rows[:, 3:5] * (column == 1)[:, None]], 1)
    packed = torch.cat([rows, own], 1).reshape(4, -1)
    assert torch.allclose(discriminator(rows.reshape(4, -1)), discriminator(packed))
    components.modules["discriminator"].train()


def test_a_run_goes_on_bit_for_bit(table: Path, tmp_path: Path) -> None:
    options: dict[str, Any] = {"steps": 4, "evaluate_every": 0, **SMALL}
    whole = poise.train(table, "ctgan", out=tmp_path / "whole", **options)
    poise.train(
        table, "ctgan", out=tmp_path / "cut", callbacks=[lambda c: "stop" if c.step == 2 else None], **options
    )
    again = poise.resume(tmp_path / "cut")
    for name, value in whole.generator.module.state_dict().items():
        assert torch.equal(value, again.generator.module.state_dict()[name])


@pytest.mark.parametrize(
    ("text", "changes", "code"),
    [
        ("a,b\n" + "\n".join(f"{i % 7},{i % 5}" for i in range(200)), {}, "tasks.no-categories"),
        (
            "a,b\n" + "\n".join(f"{'xy'[i % 2]},{i % 5}" for i in range(200)),
            {"generator": "mlp"},
            "tasks.no-shares",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_refused(
    tmp_path: Path, text: str, changes: dict[str, str], code: str
) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(PoiseError) as caught:
        plan(str(path), asked_for("ctgan", {"batch_size": 4, "packing": 2, **changes}), CPU)
    assert caught.value.code == code


def test_a_batch_without_a_condition_draws_its_own(planned: tuple[Dataset, Components]) -> None:
    _, components = planned
    game, networks = components.players.game, components.players.networks
    latent = torch.randn(8, components.recipe.latent.size, generator=torch.Generator().manual_seed(0))
    real = torch.zeros(8, 5 + 9)
    outputs = game.forward(networks, Batch(real, latent, 0, torch.Generator()))
    assert torch.equal(outputs["fake"][:, -5:], outputs["real"][:, -5:])
