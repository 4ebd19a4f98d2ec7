"""What `poise evaluate` shows: what it does, then a table with the protocol below."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from poise.evaluation import Evaluation
    from poise.metrics import Result

PAIRS = "nearest-pairs.png"
Watching = tuple[Callable[[int, int], None], Callable[[str], None]]


@contextmanager
def watching(name: str, *, json: bool) -> Iterator[Watching]:
    """Something to tell reading and measuring to: one line on a terminal, nothing elsewhere.

    Args:
        name: What is judged.
        json: Whether a program reads standard output.
    """
    from poise.cli.console import output

    console = output()
    if json or not (console.is_interactive and console.file.isatty()):
        yield (lambda done, total: None), (lambda words: None)
        return
    from rich.text import Text

    with console.status(Text(f"opening {name} ...", "dim")) as status:
        console.show_cursor(True)

        def progress(done: int, total: int) -> None:
            status.update(Text(f"reading images: {done:,} of {total:,}", "dim"))

        yield progress, lambda words: status.update(Text(f"{name}: {words} ...", "dim"))


def show(found: Evaluation, *, as_json: bool) -> None:
    """Tell what was found, and where it is kept.

    Args:
        found: What was found.
        as_json: Whether a program reads.
    """
    from poise.cli.console import emit, output

    pairs = _save_pairs(found)
    if as_json:
        for result in found.results:
            emit({"event": "result", **result.to_json()})
        emit(
            {
                "event": "end",
                "name": found.name,
                "against": found.against,
                "run": None if found.run is None else str(found.run.absolute()),
                "step": found.step if found.run else None,
                "notices": list(found.notices),
                "metrics": None if found.written is None else str(found.written.absolute()),
                "nearest_pairs": None if pairs is None else str(pairs.absolute()),
            }
        )
        return
    console = output()
    if console.is_terminal:
        _panel(console, found, pairs)
    else:
        _lines(console, found, pairs)


def _save_pairs(found: Evaluation) -> Path | None:
    """The picture of the nearest pairs in the run's folder, where there is a run and where it can be."""
    if found.run is None or found.pairs is None or found.written is None:
        return None
    from poise.data import to_pillow

    columns = 2 * max(1, round((len(found.pairs) / 2) ** 0.5))
    path = found.run / PAIRS
    to_pillow(found.pairs, columns=columns).save(path)
    return path


def _panel(console: Console, found: Evaluation, pairs: Path | None) -> None:
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    parts: list[RenderableType] = [table(found), Text()]
    parts += [Text(sentence, "dim") for sentence in [*protocol(found), *found.notices]]
    parts += [Text(), _kept(found, pairs)] if found.written else []
    heading = Text(_title(found), "bold")
    console.print(Panel(Group(*parts), title=heading, title_align="left", border_style="dim", padding=(1, 2)))


def _lines(console: Console, found: Evaluation, pairs: Path | None) -> None:
    from poise.cli.console import line

    line(console, _title(found))
    for result in found.results:
        line(console, str(result))
    for sentence in found.notices:
        line(console, sentence)
    if found.written:
        line(console, _kept(found, pairs).plain)


def table(found: Evaluation) -> RenderableType:
    """The numbers, a row each.

    Args:
        found: What was found.
    """
    from rich.table import Table
    from rich.text import Text

    rows = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    rows.add_column("")
    for heading in ("value", "95 % interval", "reals"):
        rows.add_column(heading, justify="right", no_wrap=True)
    rows.add_column("better", style="dim")
    for result in found.results:
        for name, value in result.values.items():
            rows.add_row(
                Text(words(name), "cyan"),
                Text(number(value), "bold"),
                _interval(result, name),
                number(result.floors[name]) if name in result.floors else "-",
                better(result, name),
            )
    return rows


def protocol(found: Evaluation) -> list[str]:
    """What is needed to believe the numbers, in sentences; equal ones once."""
    seconds = sum(result.seconds for result in found.results)
    last = f"reals: what {found.against} scores against itself; measured in {seconds:.1f} s"
    return [*protocol_of(found.results), last]


def protocol_of(results: Sequence[Result]) -> list[str]:
    """How results were had, in sentences; equal ones once.

    Args:
        results: Of one subject.
    """
    said: dict[str, None] = {}
    for result in results:
        sides = " against ".join(
            f"{count:,} {side.replace('_', '-')}" for side, count in reversed([*result.samples.items()])
        )
        made = result.extractor + (f" {result.weights_hash[:12]}" if result.weights_hash else "")
        how = f" ({result.preparation})" if result.preparation else ""
        said[f"{sides}; {made}{how}"] = None
    return [*said]


def words(name: str) -> str:
    """A number's name for people.

    Example:
        >>> words("frechet-distance"), words("c_t")
        ('Fréchet distance', 'C_T')
    """
    if name == "c_t":
        return "C_T"
    told = name.replace("-", " ").replace("_", " ").replace("frechet", "fréchet").replace(" kl", " KL")
    return told[:1].upper() + told[1:]


def number(value: float) -> str:
    """A number in four digits.

    Example:
        >>> number(0.081234), number(12.0), number(float("inf"))
        ('0.08123', '12', 'no end')
    """
    return "no end" if value == float("inf") else f"{value:.4g}"


def better(result: Result, name: str) -> str:
    """Which way is better: `lower`, `higher`, or nothing."""
    from poise.metrics.lines import better_side

    return better_side(result.metric, name)


def _interval(result: Result, name: str) -> str:
    if name not in result.intervals:
        return "-"
    low, high = result.intervals[name]
    return f"{number(low)} to {number(high)}"


def _title(found: Evaluation) -> str:
    step = f" at step {found.step:,}" if found.run else ""
    return f"{found.name}{step}, against {found.against}"


def _kept(found: Evaluation, pairs: Path | None) -> Text:
    from rich.text import Text

    from poise.cli.wording import shown

    assert found.run is not None
    there = ["metrics.jsonl", "report.html", *([PAIRS] if pairs else [])]
    told = Text.assemble("kept in ", (shown(found.run), "cyan"), f": {', '.join(there)}")
    if pairs:
        told.append("\nnearest pairs: each sample beside the training image that it is nearest to", "dim")
    return told
