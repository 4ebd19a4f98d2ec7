"""The pages of failures say what the code says, of every finding and of nothing else."""

from __future__ import annotations

import re

import pytest
from benchmarks.failure_pages import FOLDER, constants, refreshed
from PIL import Image

from poise.diagnosis import FINDINGS


def test_every_finding_has_its_page_and_no_other() -> None:
    pages = {page.stem for page in FOLDER.glob("*.md")} - {"README", "rescues"}
    assert pages == set(FINDINGS)


@pytest.mark.parametrize("name", list(FINDINGS))
def test_a_page_is_as_the_code_has_it(name: str) -> None:
    rule, text = FINDINGS[name], (FOLDER / f"{name}.md").read_text(encoding="utf-8")
    assert text == refreshed(text, rule), "run: python -m benchmarks.planted_faults pages"
    for threshold, value, words in constants(rule):
        assert f"| `{threshold}` | {value} |" in text
        assert words
    for proposal in rule.proposals:
        assert proposal.change[1:] in text
    assert "https://" in text.partition("## Literature")[2]
    assert text.startswith(f"# {name}\n")


@pytest.mark.parametrize("name", list(FINDINGS))
def test_a_page_has_a_small_picture(name: str) -> None:
    file = FOLDER / f"{name}.png"
    assert re.search(rf"!\[.+\]\({name}\.png\)", (FOLDER / f"{name}.md").read_text(encoding="utf-8"))
    assert file.stat().st_size < 60_000
    with Image.open(file) as picture:
        assert picture.width > 600
