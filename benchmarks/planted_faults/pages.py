"""The pages of failures: what the code says of a rule is written into them, so that they cannot drift."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from poise.diagnosis import FINDINGS, Setting
from poise.diagnosis.rule import Rule
from poise.recipes import RECIPES

FOLDER = Path(__file__).parents[2] / "docs" / "failures"
"""Where the pages are."""


def constants(rule: Rule) -> Iterator[tuple[str, str, str]]:
    """The thresholds of a rule as its file has them: name, value, and the words that stand below.

    Args:
        rule: Which.
    """
    body = ast.parse(inspect.getsource(sys.modules[rule.judge.__module__])).body
    for place, pair in enumerate(pairwise(body)):
        match pair:
            case ast.Assign() as line, ast.Expr(value=ast.Constant(value=str(words))) if place:
                name, value = ast.unparse(line.targets[0]), ast.unparse(line.value)
                yield name.strip("()"), value.strip("()"), inspect.cleandoc(words)


def recognised(rule: Rule) -> str:
    """How a rule decides, in words and numbers of its own."""
    summary = (inspect.getdoc(rule.judge) or "").partition("\n")[0]
    lines = [f"{rule.summary} {summary}".strip(), ""]
    found = list(constants(rule))
    if found:
        lines += ["| threshold | value | what it is |", "|---|---|---|"]
        lines += [f"| `{name}` | {value} | {' '.join(doc.split())} |" for name, value, doc in found]
        lines.append("")
    wait = f"Nothing is said in the first {rule.warm_up} of about sixty checks. " if rule.warm_up else ""
    lines.append(
        f"{wait}It is WATCH after {_checks(rule.watch_after)}, TROUBLE after {_checks(rule.trouble_after)} "
        f"at the graver level, and recovered after {rule.recovered_after} healthy ones."
    )
    if rule.explains:
        names = ", ".join(f"[{name}]({name}.md)" for name in rule.explains)
        lines.append(f"While it is open, what follows from it is not named beside it: {names}.")
    return "\n".join([*lines, "", f"The rule is after {rule.source}."])


def _checks(count: int) -> str:
    return "one check" if count == 1 else f"{count} checks in a row"


def remedies(rule: Rule) -> str:
    """What to do, in order; commands are those for a run of the default recipe on 32x32 images."""
    recipe = {**RECIPES["non-saturating"].model_dump(), "resolution": 32}
    recipe["generator"] = recipe["discriminator"] = {"name": "dcgan", "width": 64}
    setting = Setting(recipe=recipe, again=("poise", "train", "DATA"))
    lines = []
    for place, proposal in enumerate(rule.proposals, start=1):
        change = proposal.change[0].upper() + proposal.change[1:]
        lines.append(f"{place}. **{change}**, since {proposal.why}.")
        share = f"{100 * proposal.share:.0f} % of the run's steps"
        lines.append(f"   Expect within {share}: {proposal.expect}." + (
            " It needs a start from fresh weights." if proposal.restart else ""))  # fmt: skip
        made = setting.remedy(proposal)
        if made is not None and made.command:
            lines += ["", f"       {made.command}", ""]
        elif proposal.settings is not None:
            lines.append("   Offered where the recipe takes it and does not have it.")
    return "\n".join(lines).rstrip()


def refreshed(text: str, rule: Rule) -> str:
    """A page with what the code says put between its marks.

    Args:
        text: The page.
        rule: Whose it is.

    Raises:
        ValueError: The page has no such marks.
    """
    for name, content in (("recognised", recognised(rule)), ("remedies", remedies(rule))):
        pattern = rf"<!-- begin: {name} -->.*?<!-- end: {name} -->"
        old = re.search(pattern, text, flags=re.DOTALL)
        if old is None:
            raise ValueError(f"the page of '{rule.name}' has no marks for '{name}'")
        block = f"<!-- begin: {name} -->\n{content}\n<!-- end: {name} -->"
        text = text[: old.start()] + block + text[old.end() :]
    return text


def refresh() -> None:
    """Write every page anew."""
    for name, rule in FINDINGS.items():
        page = FOLDER / f"{name}.md"
        page.write_text(refreshed(page.read_text(encoding="utf-8"), rule), encoding="utf-8")
