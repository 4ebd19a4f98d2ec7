"""`poise evaluate`: how good a generator or somebody's samples are."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Count, Json, verb

Names = Annotated[tuple[str, ...], Parameter(metavar="NAME", consume_multiple=True, show_default=False)]

app = verb(
    "evaluate",
    ("poise evaluate runs/demo", "against its training data"),
    ("poise evaluate runs/demo --against test-photos", "and against unseen ones"),
    ("poise evaluate their-samples.zip --against photos", "anybody's samples"),
    ("poise evaluate runs/demo --features classifier", "with your labels' features"),
)


@app.default
def evaluate(
    subject: Annotated[str, Parameter(name="RUN|SAMPLES")],
    /,
    *,
    against: Annotated[str | None, Parameter(metavar="DATA|SAMPLES")] = None,
    metrics: Names = (),
    features: Annotated[str | None, Parameter(metavar="NAME")] = None,
    samples: Count = None,
    seed: Annotated[int, Parameter(metavar="N")] = 0,
    checkpoint: Annotated[str, Parameter(metavar="newest|best|N")] = "newest",
    labels: Annotated[str | None, Parameter(metavar="FILE")] = None,
    label_column: Annotated[str | None, Parameter(metavar="NAME")] = None,
    resolution: Count = None,
    json: Json = False,
) -> int:
    """Measure the generator of a run, or samples that anyone made.

    Each number comes with its 95 % interval and with the floor: what reals
    score against other reals. Those of a run are kept in its metrics.jsonl.

    Args:
        subject: A run's folder; or samples: a folder or zip of images, or a .npy or .npz array.
        against: What to measure against; what the run was trained on where nothing is given.
        metrics: What to measure; a set that suits the data where none is named.
        features: random-convolutions, pixels, classifier, efficientnet-lite0, inception-v3 or dinov2.
        samples: The most of each side; 5,000 where none is given.
        seed: From which latents and rows are drawn.
        checkpoint: Which generator of the run: the newest, the best, or that of a step.
        labels: Classes of the data for --features classifier: a CSV of files and labels, or a .npy.
        label_column: Its column of labels, where it has more than two columns.
        resolution: Pixels on a side, for samples and data that are files of many sizes.
        json: One JSON object a line on standard output, and nothing else.
    """
    from poise.cli.judging import show, watching
    from poise.evaluation import evaluate as judged
    from poise.evaluation.inputs import which_of

    with watching(subject, json=json) as (progress, telling):
        found = judged(
            subject,
            against,
            metrics=metrics or None,
            features=features,
            samples=samples,
            seed=seed,
            labels=labels,
            label_column=label_column,
            checkpoint=which_of(checkpoint),
            resolution=resolution,
            progress=progress,
            telling=telling,
        )
    show(found, as_json=json)
    return 0
