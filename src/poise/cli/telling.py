"""What people are told at the start and the end of a sitting, in a terminal and in a log alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from poise.cli.console import facts, line
from poise.cli.view import Beginning, Ending
from poise.cli.wording import clock, command, counted, data_sentence, recipe_sentence, shown

if TYPE_CHECKING:
    from rich.console import Console


def tell_start(console: Console, beginning: Beginning) -> None:
    """What is trained on what, where, into which folder; then what should be known of the data."""
    data = beginning.data
    rows = [
        ("data", f"{data['name']}: {data_sentence(data['kind'], data['shape'], data['count'])}{_of(data)}"),
        ("recipe", recipe_sentence(beginning.recipe)),
    ]
    if beginning.parameters:
        sizes = " and ".join(f"{player} {count:,}" for player, count in beginning.parameters.items())
        rows.append(("networks", f"{sizes} parameters"))
    if beginning.games > 1:
        varied = [f"{path} of {', '.join(map(str, values))}" for path, values in beginning.grid.items()]
        rows.append(("games", "; ".join([f"{beginning.games} side by side", *varied])))
    rows += [("device", beginning.device), ("run", shown(beginning.run))]
    if beginning.step:
        rows.append(("going on", f"from step {beginning.step:,}"))
    facts(console, rows)
    for sentence in data.get("notices", []):
        tell_notice(console, sentence)


def _of(data: Mapping[str, Any]) -> str:
    """How many classes there are, where the game is told the class."""
    condition = data.get("condition") or {}
    return f", {counted(condition['shape'][0], 'class')}" if condition.get("kind") == "label" else ""


def tell_notice(console: Console, sentence: str) -> None:
    """A sentence that a person should not miss."""
    line(console, ("note: ", "yellow"), sentence)


def tell_finding(console: Console, finding: Mapping[str, Any]) -> None:
    """What was found, and the first thing to try."""
    style = {"trouble": "bold red", "watch": "yellow"}.get(str(finding.get("severity")), "cyan")
    cause = f", because of {finding['because_of']}" if finding.get("because_of") else ""
    line(console, (f"{finding.get('name')}{cause}: ", style), str(finding.get("sentence")))
    for remedy in list(finding.get("remedies") or [])[:1]:
        line(console, ("  try: ", "dim"), f"{remedy.get('change')}, since {remedy.get('why')}")
        if remedy.get("command"):
            line(console, ("       ", ""), (str(remedy["command"]), "cyan"))


def tell_end(console: Console, ending: Ending) -> None:
    """What there is now and what to do next; after a stop, the one command that goes on."""
    if ending.status == "interrupted":
        tell_stop(console, ending)
        return
    title = f"{ending.status}: {counted(ending.step, 'step')}, {ending.images_seen:,} samples seen, "
    if console.is_terminal:
        from rich.panel import Panel
        from rich.text import Text

        heading = Text(
            f"{title}{clock(ending.seconds)}",
            "bold green" if ending.status == "finished" else "bold yellow",
        )
        console.print(
            Panel(_ending(ending), title=heading, title_align="left", border_style="dim", padding=(1, 2))
        )
        return
    line(console, f"{title}{clock(ending.seconds)}")
    facts(console, [*_reached(ending), *_paths(ending)])
    for words, what in next_commands(ending):
        line(console, f"{what + ':':<18} {words}")


def tell_stop(console: Console, ending: Ending) -> None:
    """Where it was saved, and how to go on."""
    line(
        console,
        (f"saved at step {ending.step:,}", "bold"),
        "; go on with: ",
        (command("poise", "resume", ending.run), "cyan"),
    )


def next_commands(ending: Ending) -> list[tuple[str, str]]:
    """Commands for a run, each with what it does."""
    run = ending.run
    sample = (command("poise", "sample", run, "-n", "64"), "more samples")
    if ending.makes == "images":
        sample = (command("poise", "translate", run, "inputs", "--out", "outputs"), "translate more")
    elif ending.makes == "tags":
        sample = (command("poise", "tag", run, "picture.png"), "tag a picture")
    report = (command("poise", "report", run), "the report anew")
    resume = (command("poise", "resume", run, "--steps", str(2 * ending.step)), "train on")
    return [
        *([sample] if ending.generator else []),
        report,
        *([resume] if ending.status == "finished" else []),
    ]


def _reached(ending: Ending) -> list[tuple[str, str]]:
    if not ending.reached:
        return []
    from poise.text import label, number

    def short(value: float) -> str:
        return number(float(f"{value:.3g}"))

    rows = [
        (
            label(one.metric),
            f"median {short(one.median)}, worst {short(one.worst)} in {one.run} "
            f"({counted(one.games, 'game')})",
        )
        for one in ending.reached
    ]
    return rows + [(title, f"in {count} games: {where}") for title, count, where in ending.open_findings]


def _paths(ending: Ending) -> list[tuple[str, str]]:
    paths = {"samples": ending.samples, "report": ending.report, "generator": ending.generator}
    return [(label, shown(path)) for label, path in paths.items() if path is not None]


def _ending(ending: Ending) -> Any:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    there = Table.grid(padding=(0, 2, 0, 0))
    there.add_column(style="dim", no_wrap=True)
    there.add_column(overflow="fold")
    for label, value in [*_reached(ending), *_paths(ending)]:
        there.add_row(label, value)
    following = Table.grid(padding=(0, 3, 0, 0))
    following.add_column(style="cyan", overflow="fold")
    following.add_column(style="dim")
    for words, what in next_commands(ending):
        following.add_row(words, what)
    return Group(there, Text(), following)
