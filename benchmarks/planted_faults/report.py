"""Stage three: the page with the counts, what was missed and what was named wrongly, run by run."""

from __future__ import annotations

import statistics
import textwrap
from collections.abc import Iterable, Sequence

from benchmarks.planted_faults.cases import cases
from benchmarks.planted_faults.judge import Judged
from benchmarks.planted_faults.took import MEDIUM, WORSE
from poise.diagnosis import FINDINGS

WIDTH = 118

AT_ONCE = 0.1
"""Share of the run within which the worst are to be named."""

HOW = """
Written by `python -m benchmarks.planted_faults judge --page docs/failures/README.md` from readings that
`record` took down, on two Xeon cores of 2.5 GHz beside other work, torch 2.13 on the CPU, one thread a run.
The runs are small: a few hundred steps of multilayer perceptrons on digits, mixtures in the plane,
triangles at 16x16 and OpenMoji at 32x32, with sixty checks each.

Every fault is planted in the recipe, in the data, or by a hand that meddles while it trains, and has the
one name that it should be given. Named means: a finding of that name, from `watch` on, that is open at its
onset or opens after it. The delay is from onset to naming, as a share of the run. As a cause means: not
told as the consequence of another finding. A consequence that was not planted counts neither for nor
against, since its cause does. A name is wrong if it is not true of the run, and everything is wrong before
the onset.

What else is true of a fault (`also` in the lists of the rounds, `benchmarks/planted_faults`) was written
down with the fault, from what its mechanism must bring about: a generator that has only one sample left is
also told by its discriminator and worse than it was. One kind was mended after the first round, where the
runs showed it beyond doubt: with labels that only the discriminator sees it told every fake and the
generator collapsed. Lists were never widened for a run that had been kept out.
"""

ROUNDS = """
Rules and thresholds were chosen on the calibration runs below, seeds 0 to 8, in four rounds; what had been
kept out of one round had been seen afterwards, and is calibration for the next. The first kept out seed 2
and six kinds of fault: recall 0.88, precision 0.82, at 42 runs with a fault. The second kept out new kinds
at seeds 3 to 5: recall 0.75 and precision 0.90 at 44 runs with a fault; of 17 healthy ones one had a
finding, `watch`. The third kept out thirteen new kinds at seeds 6 to 8: recall 0.89 and precision 1.00 at 27
runs with a fault; of 13 healthy ones none had a finding.

The runs that are kept out now are the fourth round's: every one at a seed from 9 to 12, every fault of a
kind that calibration never saw, four of the games never played with a doctor before, the others seen at
other seeds. The kinds, the games, the rules and the measure of what took were committed before the first of
them was played{commit}, and none of them was changed after it.
"""

COMMIT = "commit fac1e6b"
"""Where all that is judged by stood before the fourth round was played."""

TOOK = """
A fault that does nothing is no failure. Whether a planted one took is told by what it did, and by nothing
that the doctor reads, with four measures that were written down before the round was played
(`benchmarks/planted_faults/took.py`). What harms the result took where the last Fréchet distance of the
run's own evaluation is more than {worse} times that of the healthy run of the same game and seed at the same
step, and farther from it than reals are from reals. A discriminator overfits where, at the end, its scores
of the rows that it was shown lie {medium} deviations or more above those of all that were held out. A run is
not finite where its weights are not at the end, or the training refused to go on. Copies, shortcuts and
conditions that are passed over are there by construction. Runs whose fault did not take are listed, and the
recall is given with and without them. In earlier rounds there is no healthy run of the same seed.
"""


WEAK = """
What the fourth round shows besides: a generator that stands still is told first as one that a
discriminator dominates, with not-learning as what follows, and a regression as what follows from a collapse;
the tables count what was told as a cause apart. Missed were noise on colour samples, copies of colour
pictures blended with a little of something else, and a discriminator whose labels were drawn by lot.
"""

PAGES = """
Each finding has a page with pictures of it, its thresholds and its remedies, to which the tables link.
[What `--doctor apply` makes of such runs](rescues.md) is measured apart.
"""


def report(runs: Sequence[Judged]) -> str:
    """The page.

    Args:
        runs: What was judged, of those that were kept out of calibration and of the others.
    """
    everything = cases()
    recorded = {run.case.name for run in runs}
    absent = [case.name for case in everything if case.name not in recorded]
    lines = ["# The doctor's error rates on planted faults", "", *_paragraphs(HOW)]
    lines += _paragraphs(ROUNDS.format(commit=f" ({COMMIT})" if COMMIT else ""))
    lines += [*_paragraphs(TOOK.format(worse=WORSE, medium=MEDIUM))]
    lines += [*_paragraphs(WEAK), *_paragraphs(PAGES)]
    kept = {case.kind for case in everything if case.kept_out and case.fault is not None}
    seen = {case.kind for case in everything if not case.kept_out and case.fault is not None}
    kinds = f"{len(seen)} kinds of fault for calibration, {len(kept)} kept out"
    missing = f" Not recorded: {_listed(absent)}." if absent else ""
    lines += _paragraphs(f"Recorded: {len(recorded)} of {len(everything)} runs; {kinds}.{missing}")
    for title, part in (
        ("Kept out of calibration", [run for run in runs if run.case.kept_out]),
        ("Used for calibration", [run for run in runs if not run.case.kept_out]),
    ):
        lines += [f"## {title}", "", *_summary(part), *_taken(part), table(part), ""]
        lines += [*_errors(part), confusion(part), ""]
    return "\n".join(lines).rstrip()


def _summary(part: Sequence[Judged]) -> list[str]:
    faulty = [run for run in part if run.case.fault is not None]
    healthy = [run for run in part if run.case.fault is None]
    alarmed = [run for run in healthy if run.names]
    grave = [run for run in healthy if run.troubles]
    said = f"{len(faulty)} runs with a fault, {len(healthy)} healthy ones. "
    said += f"Of the healthy, {len(alarmed)} had a finding at some time, {len(grave)} of them `trouble`"
    told = [f"{run.case.name} ({', '.join(run.alone_at)})" for run in alarmed]
    said += f": {_listed(told)}." if told else "."
    early = []
    for name in ("non-finite", "mode-collapse", "discriminator-dominates"):
        found = [run for run in faulty if run.case.fault and run.case.fault.finding == name]
        if name == "mode-collapse":
            found = [run for run in found if run.case.fault and run.case.fault.complete]
        soon = sum(run.delay is not None and run.delay <= AT_ONCE for run in found)
        title = "complete collapse" if name == "mode-collapse" else name
        early += [f"{title} in {soon} of {len(found)}"] if found else []
    said += f" Within a tenth of the run after the onset were named: {_listed(early)}."
    return _paragraphs(said)


def _taken(part: Sequence[Judged]) -> list[str]:
    """Which planted faults did nothing, and the recall without them; nothing where it was not measured."""
    measured = [run for run in part if run.took is not None and run.took.yes is not None]
    planted = [run for run in part if run.case.fault is not None]
    if not planted or len(measured) < len(planted):
        return []
    taken = [run for run in planted if run.took is not None and run.took.yes]
    idle = [
        f"{run.case.name} ({run.took.because}; {'named' if run.right else 'not named'})"
        for run in planted
        if run.took is not None and not run.took.yes
    ]
    whole, least = (
        f"{sum(run.right for run in runs)} of {len(runs)}, {sum(run.right for run in runs) / len(runs):.2f}"
        for runs in (planted, taken)
    )
    return _paragraphs(
        f"Recall of all that were planted: {whole}. Recall of those that took: {least}. "
        f"Did not take: {_listed(idle) or 'none'}."
    )


def _errors(part: Sequence[Judged]) -> list[str]:
    """Each miss and each wrong name."""
    missed = [
        f"{run.case.name} ({run.case.fault.finding}; named: {', '.join(run.alone_at) or 'nothing'})"
        for run in part
        if run.case.fault is not None and not run.right
    ]
    wrong = [f"{run.case.name} ({', '.join(run.wrong)})" for run in part if run.case.fault and run.wrong]
    return [
        *_paragraphs(f"Missed: {_listed(missed) or 'none'}."),
        *_paragraphs(f"Named wrongly in runs with a fault: {_listed(wrong) or 'none'}."),
    ]


def table(runs: Sequence[Judged]) -> str:
    """Recall and precision of each finding, as a Markdown table."""
    lines = [
        "| finding | runs with it | named | as a cause | recall | named in all | wrong | precision "
        "| median delay |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    rows = [_row(name, [name], runs) for name in FINDINGS]
    return "\n".join([*lines, *rows, _row("all", list(FINDINGS), runs)])


def _row(title: str, names: Sequence[str], runs: Sequence[Judged]) -> str:
    planted = [run for run in runs if run.case.fault and run.case.fault.finding in names]
    named, causes = sum(run.right for run in planted), sum(run.first_right for run in planted)
    everywhere = sum(name in run.counted for run in runs for name in names)
    wrong = sum(name in run.wrong for run in runs for name in names)
    delays = [run.delay for run in planted if run.delay is not None]
    recall = f"{named / len(planted):.2f}" if planted else "–"
    precision = f"{1 - wrong / everywhere:.2f}" if everywhere else "–"
    delay = f"{statistics.median(delays):.0%}".replace("%", " %") if delays else "–"
    linked = f"[{title}]({title}.md)" if title in FINDINGS else title
    cells = (linked, len(planted), named, causes, recall, everywhere, wrong, precision, delay)
    return "| " + " | ".join(map(str, cells)) + " |"


def confusion(runs: Sequence[Judged]) -> str:
    """What was planted against what was named, as a Markdown table: runs of each kind by finding."""
    names = list(FINDINGS)
    lines = ["| planted | runs | " + " | ".join(names) + " | nothing |", "|---" * (len(names) + 3) + "|"]
    for kind in dict.fromkeys(run.case.kind for run in runs):
        of_kind = [run for run in runs if run.case.kind == kind]
        cells = [sum(name in run.counted for run in of_kind) or "" for name in names]
        nothing = sum(not run.counted for run in of_kind) or ""
        fault = of_kind[0].case.fault
        shown = [f"**{cell}**" if fault and name == fault.finding and cell else str(cell)
                 for name, cell in zip(names, cells, strict=True)]  # fmt: skip
        lines.append(f"| {kind} | {len(of_kind)} | " + " | ".join(shown) + f" | {nothing} |")
    return "\n".join(lines)


def _paragraphs(text: str) -> list[str]:
    """Paragraphs of even lines, each with an empty one after it."""
    found: list[str] = []
    for paragraph in text.strip().split("\n\n"):
        found += [*textwrap.wrap(" ".join(paragraph.split()), WIDTH, break_on_hyphens=False,
                                 break_long_words=False), ""]  # fmt: skip
    return found


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words)
