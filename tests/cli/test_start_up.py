"""What must come up at once brings none of the heavy libraries with it."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

HEAVY = {"torch", "numpy", "sklearn", "scipy", "matplotlib", "PIL", "jinja2"}


@pytest.mark.parametrize(
    "words",
    [
        ["--help"],
        ["--version"],
        ["recipes"],
        ["recipes", "dragan"],
        ["recipes", "--json"],
        ["train", "--help"],
    ],
    ids=" ".join,
)
def test_comes_up_without_heavy_libraries(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "poise", *words],
        capture_output=True,
        text=True,
        check=False,
    )
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, flags=re.MULTILINE))
    assert done.returncode == 0 and done.stdout
    assert "poise.cli.app" in imported, "the list of imports was not read"
    assert not {name.partition(".")[0] for name in imported} & HEAVY


def test_help_does_not_even_bring_the_recipes() -> None:
    code = (
        "import sys; from poise.cli import main; main(['--help']); "
        "sys.exit(any(name in sys.modules for name in ('pydantic', 'poise.recipes')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
