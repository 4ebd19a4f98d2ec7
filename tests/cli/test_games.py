from __future__ import annotations

from pathlib import Path

import pytest

from .conftest import Cli


def test_the_list_names_every_game(cli: Cli) -> None:
    done = cli("games")
    assert done.status == 0 and all(name in done.out for name in ("dirac", "bilinear", "curl"))


def test_json_is_rows(cli: Cli) -> None:
    (event,) = cli("games", "bilinear", "--methods", "simultaneous", "extragradient", "--json").events
    rows = {row["method"]: row for row in event["rows"]}
    assert rows["simultaneous"]["verdict"] == "circles"
    assert rows["extragradient"]["spectral_radius"] == pytest.approx(0.7696**0.5, abs=1e-6)


def test_table_and_picture(cli: Cli, tmp_path: Path) -> None:
    done = cli("games", "dirac", "--methods", "r1", "--dynamics", "alternating", "--out", "r1.png")
    assert done.status == 0 and "converges" in done.out
    assert (tmp_path / "r1.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("dirc",), "did you mean 'dirac'?"),
        (("dirac", "--methods", "r11"), "did you mean 'r1'"),
        (("curl", "--dynamics", "alternating"), "its methods are the dynamics"),
        (("dirac", "--out", "r1.jpg"), "ends in .png"),
        (("dirac", "--out", "nowhere/r1.png"), "its folder is not there"),
        (("--methods", "r1"), "No game is named to play; name one"),
    ],
)
def test_mistakes_are_told_in_a_sentence(cli: Cli, words: tuple[str, ...], sentence: str) -> None:
    done = cli("games", *words)
    assert done.status == 2 and sentence in " ".join(done.err.split()) and not done.out
