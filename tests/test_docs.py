"""The documentation held against the code: its examples run, its commands exist, its tables are complete."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROSE = [
    *PAGES,
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs/decisions").glob("*.md")),
]
SKIP = "<!-- skip -->"
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    Attributes:
        page: Where it stands.
        line: The line of its first line of code, from 1.
        body: What is in it.
        skipped: Whether it is marked not to be run.
    """

    page: Path
    line: int
    body: str
    skipped: bool


def blocks(page: Path, language: str) -> Iterator[Block]:
    """The blocks of a page in one language, from top to bottom."""
    lines = page.read_text(encoding="utf-8").splitlines()
    opened: int | None = None
    for number, line in enumerate(lines):
        if opened is None and line.startswith("```"):
            opened = number
        elif opened is not None and line == "```":
            if lines[opened] == f"```{language}":
                above = next((text for text in reversed(lines[:opened]) if text.strip()), "")
                body = "\n".join(lines[opened + 1 : number]) + "\n"
                yield Block(page, opened + 2, body, above == SKIP)
            opened = None
    assert opened is None, f"{page.name}: the fence of line {(opened or 0) + 1} is not closed"


def shell_commands(page: Path) -> list[str]:
    """Every `poise ...` line of the page's shell blocks, without its comment."""
    lines = [line for block in blocks(page, "sh") for line in block.body.splitlines()]
    return [line.strip() for line in lines if line.strip().startswith("poise ")]


def names_in(text: str) -> set[str]:
    """Everything that the text sets in code."""
    return set(re.findall(r"`([^`\n]+)`", text))


with_python = [page for page in PAGES if any(not block.skipped for block in blocks(page, "python"))]


@pytest.mark.parametrize("page", with_python, ids=lambda page: page.name)
def test_every_example_of_a_page_runs(
    page: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_parts: None,
) -> None:
    """The page's blocks in turn, in one namespace, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    namespace: dict[str, Any] = {"__name__": f"docs.{page.stem}"}
    for block in blocks(page, "python"):
        file = re.match(r"# (\w+\.py)\n", block.body)
        if file is not None:  # the block belongs to a file of the reader's
            with (tmp_path / file[1]).open("a", encoding="utf-8") as stream:
                stream.write(block.body)
        elif not block.skipped:
            # Blank lines before it, so that a traceback names the line of the page.
            source = "\n" * (block.line - 1) + block.body
            exec(compile(source, str(page), "exec", dont_inherit=True), namespace)
            assert_printed(block, capsys.readouterr().out)


def assert_printed(block: Block, printed: str) -> None:
    """Where a block's `print` is followed by a comment `# -> text`, that is what it must print."""
    promised = re.findall(r"# -> (.*)", block.body)
    if promised:
        assert printed.splitlines() == promised, f"{block.page.name}, line {block.line}"


def test_the_pages_have_examples() -> None:
    """So that a change of the fences does not let the test above pass on nothing."""
    assert {"README.md", "start.md", "choose.md", "extend.md"} <= {page.name for page in with_python}


def test_the_rows_of_diffs_belong_where_the_page_puts_them() -> None:
    """What a diff leaves or takes out is in the source file, in that order, and its additions are not."""
    found = list(blocks(ROOT / "docs/extend.md", "diff"))
    assert len(found) > 5
    for block in found:
        header, *lines = block.body.splitlines()
        source = (ROOT / header.removeprefix("+++ ")).read_text(encoding="utf-8").splitlines()
        place = 0
        for line in lines:
            if line.startswith("+"):
                assert line[1:] not in source
            else:
                assert line[1:] in source[place:], f"extend.md, line {block.line}: {line}"
                place += source[place:].index(line[1:]) + 1


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_every_command_is_one_that_the_command_line_takes(page: Path) -> None:
    """Verbs, options and the types of their values; nothing is run."""
    from poise.cli.app import app

    for command in shell_commands(page):
        words = shlex.split(re.sub(r" --use \S+", "", command), comments=True)[1:]
        if words not in ([], ["--help"], ["--version"]):
            app.parse_args(words, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("page", PROSE, ids=lambda page: page.name)
def test_every_link_to_a_page_or_a_folder_leads_somewhere(page: Path) -> None:
    """Files and headings of this repository; pictures are made by a run and looked at by people."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" in target or target.endswith(".png"):
            continue
        name, _, heading = target.partition("#")
        linked = page if not name else (page.parent / name).resolve()
        assert linked.exists(), f"{page.name} links to {target}"
        if heading:
            headings = re.findall(r"^#+ (.*)$", linked.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}
            assert heading in slugs, f"{page.name} links to {target}"


def test_the_readme_lists_every_recipe() -> None:
    """The rows of the table that begins with a recipe's name."""
    from poise.recipes import RECIPES

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    table = text.partition("## Recipes")[2].partition("\n## ")[0]
    assert {name for name in names_in(table) if name in RECIPES} == set(RECIPES)


def test_how_to_choose_names_every_part() -> None:
    """No loss, penalty, dynamics or recipe is left out of the page that compares them."""
    from poise.dynamics import DYNAMICS
    from poise.losses import LOSSES
    from poise.recipes import RECIPES
    from poise.regularisers import REGULARISERS

    named = names_in((ROOT / "docs/choose.md").read_text(encoding="utf-8"))
    assert {*LOSSES, *REGULARISERS, *DYNAMICS, *RECIPES} - named == set()


def test_the_legend_explains_every_logged_number(tmp_path: Path) -> None:
    """Each column of a real history, and none that no run writes."""
    import poise
    from poise.regularisers import REGULARISERS

    settings: dict[str, Any] = {"steps": 2, "log_every": 1, "batch_size": 8, "sample_every": 2}
    settings |= {"generator.width": 8, "discriminator.width": 8}
    families = [
        poise.train("digits", name, out=tmp_path / name, **settings) for name in ("stylegan2", "fastgan")
    ]
    plain = {name: {"weight": 1.0} for name, row in REGULARISERS.items() if not row.needs_parts}
    settings |= {"regularisers": plain}
    run = poise.train("spiral", out=tmp_path / "run", **settings)
    classes = poise.train("digits", "auxiliary-classifier", out=tmp_path / "classes", **settings)
    settings |= {"generator": "auto", "discriminator": "auto", "regularisers": {"r1": {"every": 1}}}
    tags = poise.train("digits", "anime", out=tmp_path / "tags", **settings)
    logged = {name for one in (run, classes, tags, *families) for line in one.history for name in line}
    text = (ROOT / "docs/history.md").read_text(encoding="utf-8")
    legend = text.partition("## history.jsonl")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", legend, re.MULTILINE)) == logged
