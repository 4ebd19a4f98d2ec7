"""`poise evaluate`: how good a generator or somebody's samples are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from poise.cli.verb import (
    Count,
    Device,
    Json,
    Listed,
    Name,
    Size,
    emit,
    is_watched,
    line,
    output,
    panel,
    table,
    verb,
)
from poise.text import label, number, short_path

if TYPE_CHECKING:
    from poise.evaluation import Evaluation
    from poise.metrics import Result

PAIRS = "nearest-pairs.png"
COPIES = "C_T, Authentic: below the reals' value are copies of training data, above it poor samples"
Watched = tuple[Callable[[int, int], None], Callable[[str], None]]

app = verb(
    "evaluate",
    ("poise evaluate runs/demo", "against its training data"),
    ("poise evaluate runs/demo --against test-photos", "and against unseen ones"),
    ("poise evaluate their-samples.zip --against photos", "anybody's samples"),
    ("poise evaluate runs/demo --features classifier", "with your labels' features"),
)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Measuring:
    """What is measured, and how; the options that evaluating and comparing share.

    Args:
        against: What to measure against; by default what was trained on.
        metrics: Names such as frechet-distance, coverage, memorisation; by default a set for the data.
        features: random-convolutions, pixels, colours-and-shapes, classifier, efficientnet-lite0,
            inception-v3 or dinov2.
        samples: The most of each side; by default 5,000.
        seed: Draws latents and rows; 0 by default.
        checkpoint: Which generator of a run: the newest, the best, or that of a step.
        device: Where samples and features are made.
    """

    against: Annotated[str | None, Parameter(metavar="DATA|SAMPLES")] = None
    metrics: Listed = ()
    features: Name = None
    samples: Count = None
    seed: Count = None
    checkpoint: Annotated[str, Parameter(metavar="newest|best|N")] = "newest"
    device: Device = "auto"

    def arguments(self) -> dict[str, Any]:
        """The options as `poise.evaluation` takes them."""
        from poise.evaluation.evaluating import which_of

        return {**asdict(self), "metrics": self.metrics or None, "checkpoint": which_of(self.checkpoint)}


@app.default
def evaluate(
    subject: Annotated[str, Parameter(name="RUN|SAMPLES")],
    /,
    *,
    how: Measuring = Measuring(),
    labels: Annotated[str | None, Parameter(metavar="FILE")] = None,
    label_column: Name = None,
    resolution: Size = None,
    json: Json = False,
) -> int:
    """Measure the generator of a run, or samples that anyone made.

    Each number comes with its 95 % interval and with the floor: what reals
    score against other reals. Those of a run are saved in its metrics.jsonl.

    Args:
        subject: A run's folder; or samples: a folder or zip of images, or a .npy or .npz array.
        labels: Classes of the data for --features classifier: a CSV of files and labels, or a .npy.
        label_column: Its column of labels, if it has more than two columns.
        resolution: Pixels a side, or width and height, for samples and data that are files of many sizes.
    """
    from poise.evaluation import evaluate as measured

    with watched(subject, json=json) as (progress, telling):
        found = measured(
            subject,
            **{**how.arguments(), "seed": how.seed or 0},
            labels=labels,
            label_column=label_column,
            resolution=resolution,
            progress=progress,
            telling=telling,
        )
    pairs = _save_pairs(found)
    if not json:
        _print(found, pairs)
        return 0
    for result in found.results:
        emit({"event": "result", **result.to_json()})
    about = {"name": found.name, "against": found.against, "step": found.step if found.run else None}
    paths = {"run": found.run, "metrics": found.written, "nearest_pairs": pairs}
    absolute = {name: None if path is None else str(path.absolute()) for name, path in paths.items()}
    emit({"event": "end", **about, "notices": list(found.notices), **absolute})
    return 0


@contextmanager
def watched(name: str, *, json: bool) -> Iterator[Watched]:
    """Show reading and measuring: one line on a terminal, nothing elsewhere."""
    console = output()
    if json or not is_watched(console):
        yield (lambda done, total: None), (lambda words: None)
        return
    from rich.text import Text

    with console.status(Text(f"opening {name} ...", "dim")) as status:
        console.show_cursor(True)

        def progress(done: int, total: int) -> None:
            status.update(Text(f"reading images: {done:,} of {total:,}", "dim"))

        yield progress, lambda words: status.update(Text(f"{name}: {words} ...", "dim"))


def protocol(results: Sequence[Result]) -> list[str]:
    """How the results of one subject were measured, in sentences; equal ones once."""
    sentences: dict[str, None] = {}
    for result in results:
        *others, side = (f"{count:,} {side.replace('_', '-')}" for side, count in result.samples.items())
        sides = f"{side} against {' and '.join(others)}" if others else side
        weights = f" {result.weights_hash[:12]}" if result.weights_hash else ""
        preparation = f" ({result.preparation})" if result.preparation else ""
        sentences[f"{sides}; {result.extractor}{weights}{preparation}"] = None
    return [*sentences]


def _save_pairs(found: Evaluation) -> Path | None:
    """Save the picture of the nearest pairs in the run's folder, if there is one."""
    if found.run is None or found.pairs is None or found.written is None:
        return None
    from poise.data import to_pillow

    columns = 2 * max(1, round((len(found.pairs) / 2) ** 0.5))
    path = found.run / PAIRS
    to_pillow(found.pairs, columns=columns).save(path)
    return path


def _print(found: Evaluation, pairs: Path | None) -> None:
    from rich.text import Text

    from poise.metrics.lines import better_side

    step = f" at step {found.step:,}" if found.run else ""
    title = f"{found.name}{step}, against {found.against}"
    saved: list[Text] = []
    if found.written and found.run:
        files = ", ".join(["metrics.jsonl", "report.html", *([PAIRS] if pairs else [])])
        saved.append(Text.assemble("saved in ", (short_path(found.run), "cyan"), f": {files}"))
    if pairs:
        caption = "nearest pairs: each sample beside the training image that is nearest to it"
        saved.append(Text(caption, "dim"))
    console = output()
    if not console.is_terminal:
        for words in [title, *map(str, found.results), *found.notices, *(one.plain for one in saved)]:
            line(console, words)
        return
    made = table("", "value", "95 % interval", "reals", "better")
    for result in found.results:
        for name, value in result.values.items():
            interval = " to ".join(map(number, result.intervals.get(name, ()))) or "-"
            floor = number(result.floors[name]) if name in result.floors else "-"
            better = Text(better_side(result.metric, name), "dim")
            made.add_row(Text(label(name), "cyan"), Text(number(value), "bold"), interval, floor, better)
    seconds = sum(result.seconds for result in found.results)
    reals = f"reals: what reals score against other reals; measured in {seconds:.1f} s"
    copies = [COPIES] if any(result.metric == "memorisation" for result in found.results) else []
    sentences = [*protocol(found.results), reals, *copies, *found.notices]
    below = [Text(sentence, "dim") for sentence in sentences]
    blank = [Text()] if saved else []
    panel(console, Text(title, "bold"), made, Text(), *below, *blank, *saved)
