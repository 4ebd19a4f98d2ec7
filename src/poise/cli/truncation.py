"""`poise truncation`: what more typical samples cost in variety."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Count, Device, Json, Name, Number, emit, line, output, table, verb
from poise.text import label, number, short_path

if TYPE_CHECKING:
    from poise.evaluation.truncation import Curve

app = verb(
    "truncation",
    ("poise truncation runs/faces", "precision against recall"),
    ("poise truncation runs/faces --at 0.5 0.7 1", "at these"),
    ("poise truncation runs/demo --against test-photos", "and unseen data"),
)


@app.default
def truncation(
    run: Path,
    /,
    *,
    at: Annotated[
        tuple[float, ...], Parameter(metavar="NUMBER", consume_multiple=True, show_default=False)
    ] = (),
    against: Annotated[str | None, Parameter(metavar="DATA")] = None,
    features: Name = None,
    samples: Count = None,
    seed: Number = 0,
    checkpoint: Annotated[str, Parameter(metavar="newest|best|N")] = "newest",
    out: Annotated[str | None, Parameter(metavar="FILE")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Measure samples at several truncations, and draw the curve.

    Precision is the share of samples that look real, recall the share of the
    data that samples reach. Without styles latents are multiplied instead.

    Args:
        run: The run's folder.
        at: The truncations; by default 0.3 to 1.
        against: What to measure against; by default what was trained on.
        features: As for poise evaluate.
        samples: The most of each side; by default 2,000.
        seed: Draws latents and rows.
        checkpoint: Which generator of the run: the newest, the best, or that of a step.
        out: A .png; by default in the run. The numbers are beside it as .json.
        device: Where samples and features are made.
    """
    import json as to_json

    from poise.cli.evaluate import watched
    from poise.cli.named import png_path
    from poise.cli.outputs import whole_file, writing_to
    from poise.evaluation.evaluating import which_of
    from poise.evaluation.truncation import TRUNCATIONS, advice, truncation_curve
    from poise.run_folder import one_run

    folder = one_run(run).path
    path = png_path(out, folder / "truncation.png", "A curve")
    with watched(str(run), json=json) as (progress, telling):
        curve = truncation_curve(
            folder,
            against,
            truncations=at or TRUNCATIONS,
            features=features,
            samples=samples,
            seed=seed,
            checkpoint=which_of(checkpoint),
            device=device,
            progress=progress,
            telling=telling,
        )
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            _draw(curve, partial)
        numbers = path.with_suffix(".json")
        numbers.write_text(to_json.dumps(curve.to_json(), indent=1), encoding="utf-8")
    if json:
        paths = {"picture": str(path.absolute()), "numbers": str(numbers.absolute())}
        emit({"event": "truncation", **curve.to_json(), **paths, "advice": advice(curve)})
        return 0
    _print(curve)
    line(output(), advice(curve))
    line(output(), "wrote ", (short_path(path), "cyan"), " and ", (short_path(numbers), "cyan"))
    return 0


def _print(curve: Curve) -> None:
    from poise.evaluation.truncation import SHOWN

    console = output()
    word = "truncation" if curve.of_styles else "temperature"
    rows = [(f"{one:g}", *(number(curve.values(one)[name]) for name in SHOWN)) for one in curve.points]
    line(console, f"{curve.name}, against {curve.against}")
    if console.is_terminal:
        made = table(word, *map(label, SHOWN))
        for row in rows:
            made.add_row(*row)
        console.print(made)
        return
    for row in rows:
        named = ", ".join(f"{name} {value}" for name, value in zip(SHOWN, row[1:], strict=True))
        line(console, f"{word} {row[0]}: {named}")


def _draw(curve: Curve, path: Path) -> None:
    """Recall and precision of each truncation, and the distance over truncation."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    from poise.toys.picture import INK, PAPER, QUIET, STYLE

    word = "truncation" if curve.of_styles else "temperature"
    along = list(curve.points)
    found = [curve.values(one) for one in along]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.4, 4.2), facecolor=PAPER, dpi=130)
        left, right = figure.subplots(1, 2)
        recall, precision = ([one[name] for one in found] for name in ("recall", "precision"))
        left.plot(recall, precision, "-o", color="#2a62c9", markersize=5)
        across, up = map(curve.intervals, ("recall", "precision"))
        quiet = {"color": "#2a62c9", "alpha": 0.25, "linewidth": 1.5}
        left.hlines(precision, [low for low, _ in across], [high for _, high in across], **quiet)
        left.vlines(recall, [low for low, _ in up], [high for _, high in up], **quiet)
        left.margins(0.08)
        for place, point in enumerate(zip(recall, precision, strict=True)):
            beside = (5, -13 if place % 2 else 5)
            text = f"{along[place]:g}"
            left.annotate(text, point, textcoords="offset points", xytext=beside, color=INK, fontsize=8)
        left.set(xlabel="Recall", ylabel="Precision", title=f"Precision and recall at each {word}")
        distance = [one["frechet-distance"] for one in found]
        spans = curve.intervals("frechet-distance")
        right.fill_between(
            along, [low for low, _ in spans], [high for _, high in spans], color="#7446b8", alpha=0.18
        )
        right.plot(along, distance, "-o", color="#7446b8", markersize=5)
        right.set(xlabel=word.capitalize(), ylabel="Fréchet distance", title="Lower is nearer to the data")
        for panel in (left, right):
            panel.spines[["top", "right"]].set_visible(False)
            panel.grid(color="#ece9e2", linewidth=0.8)
            panel.set_axisbelow(True)
            panel.tick_params(colors=QUIET)
        figure.tight_layout()
        figure.savefig(path, format="png", metadata={"poise": "made by poise truncation"})
