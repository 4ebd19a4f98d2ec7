from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cli, refused


def test_the_list_names_every_game(cli: Cli) -> None:
    done = cli("games")
    assert done.status == 0 and all(name in done.out for name in ("dirac", "bilinear", "curl"))


def test_json_is_rows(cli: Cli) -> None:
    (event,) = cli("games", "bilinear", "--methods", "simultaneous", "extragradient", "--json").events
    rows = {row["method"]: row for row in event["rows"]}
    assert rows["simultaneous"]["verdict"] == "circles"
    assert rows["extragradient"]["spectral_radius"] == pytest.approx(0.7696**0.5, abs=1e-6)


def test_names_may_have_commas_between_them(cli: Cli) -> None:
    apart = cli("games", "bilinear", "--methods", "simultaneous", "extragradient", "--json").events
    joined = cli("games", "bilinear", "--methods", "simultaneous,extragradient", "--json").events
    assert joined == apart


def test_table_and_picture(cli: Cli, tmp_path: Path) -> None:
    done = cli("games", "dirac", "--methods", "r1", "--dynamics", "alternating", "--out", "r1.png")
    assert done.status == 0 and "converges" in done.out
    assert (tmp_path / "r1.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "code", "name"),
    [
        (("dirc",), "unknown-game", "'dirac'"),
        (("dirac", "--methods", "r11"), "unknown-method", "'r1'"),
        (("dirac", "--out", "r1.jpg"), "cli.unknown-format", ".png"),
        (("dirac", "--out", "nowhere/r1.png"), "cli.cannot-write", "nowhere/r1.png"),
        (("--methods", "r1"), "cli.no-game", "poise games dirac"),
    ],
)
def test_mistakes_are_refused(cli: Cli, words: tuple[str, ...], code: str, name: str) -> None:
    refused(cli, "games", *words, code=code, names=(name,))


def test_dynamics_of_a_game_that_has_none_are_refused(cli: Cli) -> None:
    words = ("games", "curl", "--dynamics", "alternating")
    refused(cli, *words, code="toys.no-dynamics", names=("'curl'",))
