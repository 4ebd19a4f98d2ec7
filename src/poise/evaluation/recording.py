"""The results of a run or samples, and the record of them in the run's folder."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from torch import Tensor

from poise.errors import report_system_errors
from poise.metrics import Result
from poise.metrics.lines import lines_of, results_of
from poise.run_folder import RunFolder
from poise.web import write_report


@dataclass(frozen=True)
class Evaluation:
    """The results of one subject.

    Example:
        >>> import poise, torch
        >>> stream = torch.Generator().manual_seed(0)
        >>> real, fake = (torch.rand(60, 1, 8, 8, generator=stream) for _ in range(2))
        >>> found = poise.evaluate(fake, real, metrics=["kernel-distance"])
        >>> [result.metric for result in found]
        ['kernel-distance']
    """

    name: str  # Of the run or the samples
    against: str  # The name of what they were measured against
    step: int  # Of the generator; 0 for samples
    results: tuple[Result, ...]  # One for each metric
    notices: tuple[str, ...] = ()  # What the user should know
    run: Path | None = None  # The run's folder, if it is a run
    # The fakes that lie nearest to training images, each before that image, as bytes (2 K, C, H, W);
    # None if this was not measured
    pairs: Tensor | None = None
    written: Path | None = None  # The file that the results were appended to, if there is one

    def __iter__(self) -> Iterator[Result]:
        return iter(self.results)

    def __str__(self) -> str:
        return "\n".join(str(result) for result in self.results)

    @property
    def values(self) -> dict[str, float]:
        """All numbers by name; of two metrics with a number of one name, that of the later."""
        return {name: value for result in self.results for name, value in result.values.items()}


def record(found: Evaluation, run: RunFolder) -> Evaluation:
    """Append the results to the run; a run that is being trained is not written to."""
    if run.recipe.get("private"):
        notice = "The run is private, so the results, which depend on rows, were not written to it."
        return replace(found, notices=(*found.notices, notice))
    holder = run.holder()
    if holder is not None:
        notice = f"The run is being trained by {holder}, so the results were not written to it."
        return replace(found, notices=(*found.notices, notice))
    hint = "make room or get the right to write there"
    what, code = f"The results cannot be written to '{run.path}'", "evaluation.cannot-write"
    with run.locked(), report_system_errors(what, code=code, hint=hint):
        for result in found.results:
            for line in lines_of(result, step=found.step, by="evaluate"):
                run.append("metrics", line)
    write_report(run.path)
    return replace(found, written=run.path / "metrics.jsonl")


def recorded(run: RunFolder, step: int) -> dict[str, Result]:
    """The results for a run's generator of one step, by the digest of their protocol; the newest of each."""
    return {
        result.protocol_digest: result
        for at, by, result in results_of(run.lines("metrics"))
        if at == step and by == "evaluate"
    }
