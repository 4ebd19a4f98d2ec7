"""What people import: pinned here, so that it changes on purpose only; and how little it costs."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

import poise

FACE = [
    "RECIPES",
    "Domains",
    "Evaluation",
    "Generator",
    "Labelled",
    "Monitor",
    "Pairs",
    "PoiseError",
    "Recipe",
    "Run",
    "Runs",
    "evaluate",
    "open_run",
    "open_runs",
    "resume",
    "train",
]


def test_the_public_names_are_these() -> None:
    assert poise.__all__ == FACE
    assert set(FACE) <= set(dir(poise))


@pytest.mark.parametrize("name", FACE)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    found = getattr(poise, name)
    assert found is getattr(import_module(poise._HOMES[name]), name)
    assert inspect.getdoc(found)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'poise' has no attribute 'tarin'"):
        _ = poise.tarin
    assert not hasattr(poise, "__path_of_nothing__")


def test_what_typing_sees_is_what_there_is() -> None:
    """Names for type checkers and homes at run time are two lists; they must be one."""
    assert sorted(poise._HOMES) == sorted(poise.__all__)


@pytest.mark.parametrize(
    "code",
    [
        "import poise",
        "import poise; dir(poise); poise.__version__",
        "import poise; poise.RECIPES['minimax']",
        "import poise.recipes; poise.recipes.parse_override('packing=2')",
        "import poise.run_folder, poise.registry, poise.errors, poise.randomness",
    ],
)
def test_this_needs_no_torch(code: str) -> None:
    heavy = "print(sorted({'torch', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{heavy}"], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"
