"""The Dirac-GAN: theory's verdicts and rates, and the record against the game itself."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path

import pytest

from poise.errors import PoiseError
from poise.games import TOYS, Row
from poise.games.dirac import METHODS, RATE, SCHEDULES, dirac_trials
from poise.games.lab import play
from poise.games.picture import draw
from poise.games.rounds import play_toy

CIRCLING = {"unregularised", "non-saturating", "wgan", "wgan-gp"}


@cache
def rows(schedule: str) -> dict[str, Row]:
    return {row.method: row for _, row in play_toy(TOYS["dirac"], (), schedule)}


def test_every_method_of_the_reference_is_there() -> None:
    assert len(METHODS) == 9 and list(SCHEDULES) == ["simultaneous", "alternating", "alternating-5"]


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
    for name, row in rows("alternating-5").items():
        if row.verdict == "converges":
            assert row.observed_rate == pytest.approx(row.spectral_radius, rel=0.01), name


def test_five_discriminator_steps() -> None:
    (circling,), (converging,) = (
        [row for _, row in play_toy(TOYS["dirac"], [name], "alternating-5")] for name in ("wgan", "r1")
    )
    assert circling.verdict == "circles" and converging.verdict == "converges"
    assert converging.observed_rate == pytest.approx(converging.spectral_radius, rel=0.01)


def test_side_by_side_is_one_by_one() -> None:
    names = ["r1", "non-saturating", "wgan", "wgan-gp", "instance-noise"]
    (together,) = dirac_trials(names, "alternating")
    paths = dict(zip(together.methods, play(together, (1.0, 1.0), 20), strict=True))
    for name in names:
        (alone,) = dirac_trials([name], "alternating")
        (path,) = play(alone, (1.0, 1.0), 20)
        assert paths[name] == pytest.approx(path, abs=1e-12)


def test_consensus_with_five_discriminator_steps_leaves_though_its_equilibrium_attracts() -> None:
    """Against plain numbers with the derivatives by hand: far out the field vanishes, too, and that pulls."""
    theta, psi = 1.0, 1.0

    def moved() -> tuple[float, float]:
        share = 1 / (1 + math.exp(-theta * psi))
        slope = share * (1 - share)
        first, second = -psi * share, theta * share
        mixed = share + theta * psi * slope
        along = first - psi * psi * slope * first + mixed * second
        across = second - mixed * first + theta * theta * slope * second
        return RATE * along, RATE * across

    for _ in range(500):
        for _ in range(5):
            psi -= moved()[1]
        theta -= moved()[0]
    ((_, row),) = play_toy(TOYS["dirac"], ["consensus"], "alternating-5")
    assert row.final_distance == pytest.approx(math.hypot(theta, psi), rel=1e-9)
    assert row.verdict == "diverges" and row.spectral_radius is not None and row.spectral_radius < 0.9


def test_rows_are_json_without_nan() -> None:
    for row in rows("simultaneous").values():
        saved = json.loads(json.dumps(row.to_json(), allow_nan=False))
        assert {"method", "dynamics", "final_distance", "verdict", "spectral_radius", "observed_rate"} <= set(
            saved
        )


def test_an_unknown_method_is_refused_by_name() -> None:
    with pytest.raises(PoiseError, match="did you mean 'r1'"):
        play_toy(TOYS["dirac"], ["r11"])
    with pytest.raises(PoiseError, match="its methods are the dynamics"):
        play_toy(TOYS["curl"], [], "alternating")


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    toy = TOYS["dirac"]
    draw(toy, play_toy(toy, ["consensus"]), tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(PoiseError, match="cannot be written"):
        draw(toy, play_toy(toy, ["consensus"]), tmp_path / "none" / "one.png")
