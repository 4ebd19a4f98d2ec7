from __future__ import annotations

from pathlib import Path

import pytest

import poise
from poise.cli.app import VERBS, app

from .conftest import Cli
from .help_page import WIDTH, help_page, help_text

NAMES = [module.app.name[0] for module in VERBS]
PAGE = Path(__file__).parents[2] / "docs" / "help.md"


def test_the_verbs_are_those_of_the_documentation() -> None:
    assert NAMES == [
        "train",
        "resume",
        "sample",
        "impute",
        "walk",
        "mix",
        "truncation",
        "invert",
        "directions",
        "edit",
        "export",
        "import",
        "translate",
        "tag",
        "evaluate",
        "compare",
        "study",
        "diagnose",
        "report",
        "recipes",
        "inspect",
        "games",
        "demo",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_every_verb_has_a_sentence_help_for_each_option_and_examples(name: str) -> None:
    text = help_text(name)
    usage, _, rest = text.partition("\n\n")
    assert usage.startswith(f"Usage: poise {name}")
    assert rest.splitlines()[0].endswith(".")
    _, _, examples = text.partition("\nExamples\n")
    assert all(line.startswith(f"  poise {name}") for line in examples.splitlines())
    assert examples
    with app.app_stack([name]):
        for argument in app[name].assemble_argument_collection(parse_docstring=True):
            if (
                argument.name != "*" and argument.parse
            ):  # neither a group of options nor one that is not typed
                assert argument.parameter.help, f"{argument.name} of {name} says nothing"


@pytest.mark.parametrize("name", ["", *NAMES])
def test_help_fits_eighty_columns(name: str) -> None:
    assert max(len(line) for line in help_text(*name.split()).splitlines()) <= WIDTH


@pytest.mark.parametrize("name", NAMES)
def test_every_example_can_be_parsed(name: str) -> None:
    for line in help_text(name).partition("\nExamples\n")[2].splitlines():
        words = line.strip().partition("  ")[0].split()
        command, bound, _ = app.parse_args(words[1:])
        assert command.__name__.rstrip("_") == name and bound is not None


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == help_page(), "write it again: python tests/cli/help_page.py"


def test_version(cli: Cli) -> None:
    assert cli("--version").out.strip() == poise.__version__


def test_no_words_at_all_give_help(cli: Cli) -> None:
    done = cli()
    assert done.status == 0 and "Usage: poise COMMAND" in done.out
