"""The Dirac-GAN: theory's verdicts and rates, and the record against the game itself."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from poise.errors import PoiseError
from poise.toys import TOYS, Row, run_toy
from poise.toys.dirac import METHODS, RATE, dirac_trials
from poise.toys.lab import paths
from poise.toys.picture import draw

CIRCLING = {"unregularised", "non-saturating", "wgan", "wgan-gp"}


STEPS = {"simultaneous": 500, "alternating": 250, "alternating-5": 200}
"""The paper's, whose distances are compared; the others until the slowest is below a hundredth."""


@cache
def rows(schedule: str) -> dict[str, Row]:
    toy = replace(TOYS["dirac"], steps=STEPS[schedule])
    return {row.method: row for _, row in run_toy(toy, (), schedule)}


def share(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def last_distance(loss: str, *, r1: float = 0.0, half_gp: float = 0.0, clip: float = math.inf) -> float:
    """Simultaneous updates in plain numbers, with the derivatives by hand; the paper's penalties."""
    theta, psi = 1.0, -1.0
    for _ in range(500):
        score = theta * psi
        slope = 1.0 if loss == "wasserstein" else share(score)
        own = theta * slope + r1 * psi + half_gp * (abs(psi) - 1) * math.copysign(1, psi)
        other = -psi * (share(-score) if loss == "non-saturating" else slope)
        theta, psi = theta - RATE * other, psi - RATE * own
        psi = max(-clip, min(clip, psi))
    return math.hypot(theta, psi)


@pytest.mark.parametrize(
    ("method", "paper", "by_hand"),
    [
        ("unregularised", 3.0969, last_distance("minimax")),
        ("non-saturating", 0.6402, last_distance("non-saturating")),
        ("wgan", 1.0022, last_distance("wasserstein", clip=1.0)),
        ("wgan-gp", 1.8018, last_distance("wasserstein", half_gp=0.7)),
        ("r1", 2.6426e-6, last_distance("minimax", r1=0.3)),
    ],
)
def test_final_distances_are_those_of_the_paper(method: str, paper: float, by_hand: float) -> None:
    """Mescheder et al. 2018 and their notebook: its start (1, 1), with the labels exchanged (1, -1)."""
    found = rows("simultaneous")[method].final_distance
    assert found == pytest.approx(paper, rel=1e-3)
    assert found == pytest.approx(by_hand, rel=1e-8)


@pytest.mark.parametrize("schedule", ["simultaneous", "alternating"])
def test_the_verdicts_are_those_of_the_theory(schedule: str) -> None:
    """Mescheder et al. 2018, sections 2 to 4."""
    circling = {name for name, row in rows(schedule).items() if row.verdict == "circles"}
    converging = {name for name, row in rows(schedule).items() if row.verdict == "converges"}
    assert circling == CIRCLING and converging == set(METHODS) - CIRCLING


@pytest.mark.parametrize("schedule", ["simultaneous", "alternating"])
def test_observed_rates_agree_with_the_spectral_radius(schedule: str) -> None:
    for row in rows(schedule).values():
        if row.verdict == "converges":
            assert row.spectral_radius is not None and row.spectral_radius < 1
            assert row.observed_rate == pytest.approx(row.spectral_radius, rel=0.01), row.method


def test_eigenvalues_of_simultaneous_updates_have_closed_forms() -> None:
    """With f'(0) = 1/2: 1 - h gamma/2 +- h/2 sqrt(gamma^2 - 1), Mescheder et al. 2018, lemma 2.2 and 4.1."""
    for name, gamma in (
        ("unregularised", 0.0),
        ("r1", 0.3),
        ("r1-critical", 1.0),
        ("non-saturating-r1", 0.3),
    ):
        radius = math.sqrt((1 - RATE * gamma / 2) ** 2 + (RATE / 2) ** 2 * (1 - gamma**2))
        assert rows("simultaneous")[name].spectral_radius == pytest.approx(radius, abs=1e-6)
    # Consensus adds weight * J'J = weight / 4 to the diagonal.
    consensus = math.hypot(1 - RATE / 4, RATE / 2)
    assert rows("simultaneous")["consensus"].spectral_radius == pytest.approx(consensus, abs=1e-6)
    assert rows("simultaneous")["wgan"].spectral_radius == pytest.approx(math.hypot(1, RATE), abs=1e-6)


def test_alternating_keeps_the_modulus_of_what_only_turns() -> None:
    for name in ("unregularised", "non-saturating", "wgan"):
        assert rows("alternating")[name].spectral_radius == pytest.approx(1.0, abs=1e-6)


def test_a_kink_has_no_eigenvalues() -> None:
    assert rows("simultaneous")["wgan-gp"].eigenvalues is None


def test_five_discriminator_steps_converge_at_the_predicted_rate() -> None:
    assert rows("alternating-5")["wgan"].verdict == "circles"
    assert rows("alternating-5")["r1"].verdict == "converges"
    for name, row in rows("alternating-5").items():
        if row.verdict == "converges":
            assert row.observed_rate == pytest.approx(row.spectral_radius, rel=0.01), name


def test_side_by_side_is_one_by_one() -> None:
    names = ["r1", "non-saturating", "wgan", "wgan-gp", "instance-noise"]
    (together,) = dirac_trials(names, "alternating")
    found = dict(zip(together.methods, paths(together, (1.0, -1.0), 20), strict=True))
    for name in names:
        (alone,) = dirac_trials([name], "alternating")
        (path,) = paths(alone, (1.0, -1.0), 20)
        assert found[name] == pytest.approx(path, abs=1e-12)


def test_consensus_with_five_discriminator_steps_leaves_though_its_equilibrium_attracts() -> None:
    """Against plain numbers with the derivatives by hand: far out the field vanishes, too, and that pulls."""
    theta, psi = 1.0, -1.0

    def moved() -> tuple[float, float]:
        fake = share(theta * psi)
        slope = fake * (1 - fake)
        first, second = -psi * fake, theta * fake
        mixed = fake + theta * psi * slope
        along = first - psi * psi * slope * first + mixed * second
        across = second - mixed * first + theta * theta * slope * second
        return RATE * along, RATE * across

    for _ in range(STEPS["alternating-5"]):
        for _ in range(5):
            psi -= moved()[1]
        theta -= moved()[0]
    row = rows("alternating-5")["consensus"]
    assert row.final_distance == pytest.approx(math.hypot(theta, psi), rel=1e-9)
    assert row.verdict == "diverges" and row.spectral_radius is not None and row.spectral_radius < 0.9


def test_rows_are_json_without_nan() -> None:
    for row in rows("simultaneous").values():
        saved = json.loads(json.dumps(row.to_json(), allow_nan=False))
        assert {"method", "dynamics", "final_distance", "verdict", "spectral_radius", "observed_rate"} <= set(
            saved
        )


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(PoiseError) as caught:
        run_toy(TOYS["dirac"], ["r11"])
    assert caught.value.code == "unknown-method" and "'r1'" in caught.value.hint


def test_a_schedule_is_refused_if_the_methods_are_the_dynamics() -> None:
    with pytest.raises(PoiseError) as caught:
        run_toy(TOYS["curl"], [], "alternating")
    assert caught.value.code == "toys.no-dynamics"


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    toy = TOYS["dirac"]
    draw(toy, run_toy(toy, ["consensus"]), tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(PoiseError) as caught:
        draw(toy, run_toy(toy, ["consensus"]), tmp_path / "none" / "one.png")
    assert caught.value.code == "toys.unwritable-picture"
