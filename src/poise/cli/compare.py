"""`poise compare`: runs side by side."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from poise.cli.evaluate import Names
from poise.cli.verb import Count, Json, verb

app = verb(
    "compare",
    ("poise compare runs/a runs/b", "which one is better"),
    ("poise compare runs/* --metrics coverage", "many, by one metric"),
    ("poise compare runs/a runs/b --against test-photos", "trained on different data"),
)


@app.default
def compare(
    *runs: Annotated[str, Parameter(name="RUN")],
    against: Annotated[str | None, Parameter(metavar="DATA|SAMPLES")] = None,
    metrics: Names = (),
    features: Annotated[str | None, Parameter(metavar="NAME")] = None,
    samples: Count = None,
    seed: Count = None,
    checkpoint: Annotated[str, Parameter(metavar="newest|best|N")] = "newest",
    json: Json = False,
) -> int:
    """Put runs in one table, and say which differences are beyond chance.

    What poise evaluate kept of all of them under one protocol is shown as it
    is; else all are measured anew, alike, and what is found is kept in each.

    Args:
        runs: Two or more runs' folders.
        against: What to measure against; what all were trained on where nothing is given.
        metrics: What to measure; a set that suits the data where none is named.
        features: random-convolutions, pixels, classifier, efficientnet-lite0, inception-v3 or dinov2.
        samples: The most of each side; 5,000 where none is given.
        seed: From which latents and rows are drawn.
        checkpoint: Which generator of each run: the newest, the best, or that of a step.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.comparing import show
    from poise.cli.judging import watching
    from poise.evaluation import compare_runs
    from poise.evaluation.inputs import which_of

    with watching(f"{len(runs)} runs", json=json) as (progress, telling):
        compared = compare_runs(
            runs,
            against=against,
            metrics=metrics or None,
            features=features,
            samples=samples,
            seed=seed,
            checkpoint=which_of(checkpoint),
            progress=progress,
            telling=telling,
        )
    show(compared, as_json=json)
    return 0
