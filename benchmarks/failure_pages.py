"""The pages of failures: what the code says of a rule is written into them, so that they cannot drift."""

from __future__ import annotations

import argparse
import ast
import inspect
import io
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from poise.diagnosis import FINDINGS, Setting
from poise.diagnosis.rule import Rule
from poise.recipes import RECIPES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parents[1] / "docs" / "failures"


def constants(rule: Rule) -> list[tuple[str, str, str]]:
    """The thresholds between a rule and the one before it: name, value, and the comment beside or above."""
    source = inspect.getsource(sys.modules[rule.judge.__module__])
    lines = source.splitlines()
    found: list[tuple[str, str, str]] = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Assign):
            name, value = ast.unparse(node.targets[0]).strip("()"), ast.unparse(node.value).strip("()")
            if value.startswith("Rule("):
                if f"name='{rule.name}'" in value:
                    return found
                found = []
            above = list(takewhile(lambda line: line.startswith("# "), reversed(lines[: node.lineno - 1])))
            beside = lines[node.lineno - 1].partition("  # ")[2]
            if words := beside or " ".join(line.removeprefix("# ") for line in reversed(above)):
                found.append((name, value, f"{words}."))
    raise LookupError(f"no rule '{rule.name}' in {rule.judge.__module__}")


def recognised(rule: Rule) -> str:
    """How a rule decides, in its own words and numbers."""
    summary = (inspect.getdoc(rule.judge) or "").partition("\n")[0]
    lines = [f"{rule.summary} {summary}".strip(), ""]
    if found := constants(rule):
        rows = [f"| `{name}` | {value} | {' '.join(doc.split())} |" for name, value, doc in found]
        lines += ["| threshold | value | what it is |", "|---|---|---|", *rows, ""]
    wait = f"Nothing is said in the first {rule.warm_up} sixtieths of a run. " if rule.warm_up else ""
    watch, trouble = (_lasting(spans) for spans in (rule.watch_after, rule.trouble_after))
    lines.append(
        f"{wait}It is WATCH after {watch}, TROUBLE after {trouble} at the graver level, and recovered after "
        f"{_lasting(rule.recovered_after)} without it. If the length of a run is not known, ten steps count "
        "as a sixtieth at first, and later a fortieth of the steps so far."
    )
    if rule.explains:
        names = ", ".join(f"[{name}]({name}.md)" for name in rule.explains)
        lines.append(f"While it is open, what follows from it is not named beside it: {names}.")
    return "\n".join([*lines, "", f"The rule is after {rule.source}."])


def _lasting(spans: int) -> str:
    return "one check" if spans == 1 else f"{spans} sixtieths of a run"


def remedies(rule: Rule) -> str:
    """What to do, in order; commands are for a run of the default recipe on 32x32 images."""
    recipe = {**RECIPES["non-saturating"].model_dump(), "resolution": 32}
    recipe["generator"] = recipe["discriminator"] = {"name": "dcgan", "width": 64}
    setting = Setting(recipe=recipe, again=("poise", "train", "DATA"))
    lines = []
    for place, proposal in enumerate(rule.proposals, start=1):
        fresh = " It needs a start from fresh weights." if proposal.restart else ""
        lines.append(f"{place}. **{proposal.change[0].upper()}{proposal.change[1:]}**, since {proposal.why}.")
        share = f"{100 * proposal.share:.0f} % of the run's steps"
        lines.append(f"   Expect within {share}: {proposal.expect}.{fresh}")
        made = setting.remedy(proposal)
        if made is not None and made.command:
            lines += ["", f"       {made.command}", ""]
        elif proposal.settings is not None:
            lines.append("   Offered where the recipe takes it and does not have it.")
    return "\n".join(lines).rstrip()


def between(text: str, name: str, content: str) -> str:
    """A page with some content put between its marks of a name; an error if it has none."""
    begin, end = f"<!-- begin: {name} -->", f"<!-- end: {name} -->"
    head, _, rest = text.partition(begin)
    _, mark, tail = rest.partition(end)
    if not mark:
        raise ValueError(f"the page has no marks for '{name}'")
    return f"{head}{begin}\n{content}\n{end}{tail}"


def refreshed(text: str, rule: Rule) -> str:
    """A rule's page with what the code says put between its marks."""
    return between(between(text, "recognised", recognised(rule)), "remedies", remedies(rule))


def write(page: Path, **contents: str) -> None:
    """Put contents between the marks of a page."""
    text = page.read_text(encoding="utf-8")
    for name, content in contents.items():
        text = between(text, name, content)
    page.write_text(text, encoding="utf-8")


def save_picture(figure: Figure, finding: str) -> Path:
    """Save the picture of a page with few colours, so that it takes at most 60 kB."""
    from PIL import Image

    content, file = io.BytesIO(), FOLDER / f"{finding}.png"
    figure.savefig(content, format="png", facecolor="white")
    for colours in (64, 32, 16, 8):
        picture = Image.open(content).convert("RGB").quantize(colours, dither=Image.Dither.NONE)
        picture.save(file, optimize=True)
        if file.stat().st_size <= 60_000:
            break
    return file


def stages(
    description: str,
    findings: Sequence[str],
    record: Callable[[Path, list[int], int, str], None],
    table: Callable[[Path, str], str],
    picture: Callable[[Path, str], Path],
    *,
    out: Path,
    steps: int,
) -> None:
    """The command of a benchmark that records loops, and writes and draws the pages of some findings."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("stage", choices=("record", "page", "picture"))
    parser.add_argument("--out", type=Path, default=out)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--steps", type=int, default=steps)
    parser.add_argument("--only", default="", help="kinds whose name holds this")
    given = parser.parse_args()
    torch.set_num_threads(1)
    if given.stage == "record":
        record(given.out, given.seeds, given.steps, given.only)
        return
    for finding in findings:
        if given.stage == "page":
            rates = table(given.out, finding)
            write(FOLDER / f"{finding}.md", rates=rates)
            print(rates)
        else:
            print(picture(given.out, finding))


def refresh() -> None:
    """Write what the code says into the page of every finding."""
    for name, rule in FINDINGS.items():
        write(FOLDER / f"{name}.md", recognised=recognised(rule), remedies=remedies(rule))
