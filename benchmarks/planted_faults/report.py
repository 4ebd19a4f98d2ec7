"""Stage three: the counts, what was missed and what was named wrongly, run by run."""

import statistics
import textwrap
from collections.abc import Sequence

from benchmarks.planted_faults.faults import FIRST, FOURTH, SECOND, THIRD, cases
from benchmarks.planted_faults.judge import Judged
from poise.diagnosis import FINDINGS

AT_ONCE = 0.1
"""Share of the run within which the worst are to be named."""


_KINDS = {fault.finding for fault in (*FIRST, *SECOND, *THIRD, *FOURTH)}
PLANTED = [name for name in FINDINGS if name in _KINDS]
"""The findings of which faults are planted here; strangers' loops have the others."""


def report(runs: Sequence[Judged]) -> str:
    """The counts as Markdown, of the runs that were kept out of calibration and of the others."""
    everything, recorded = cases(), {run.case.name for run in runs}
    absent = [case.name for case in everything if case.name not in recorded]
    planted = [case for case in everything if case.fault is not None]
    kept, used = (len({case.kind for case in planted if case.kept_out == out}) for out in (True, False))
    missing = f" Not recorded: {', '.join(absent)}." if absent else ""
    kinds = f"{used} kinds of fault for calibration, {kept} kept out"
    lines = _paragraph(f"Recorded: {len(recorded)} of {len(everything)} runs; {kinds}.{missing}")
    for title, out in (("Kept out of calibration", True), ("Used for calibration", False)):
        part = [run for run in runs if run.case.kept_out == out]
        faulty = [run for run in part if run.planted]
        lines += [f"## {title}", "", *_summary(part), *_effects(faulty), table(part), ""]
        missed = [f"{run.case.name} ({run.planted}; named: {', '.join(run.alone_at) or 'nothing'})"
                  for run in faulty if not run.right]  # fmt: skip
        wrong = [f"{run.case.name} ({', '.join(run.wrong)})" for run in faulty if run.wrong]
        lines += _paragraph(f"Missed: {', '.join(missed) or 'none'}.")
        lines += _paragraph(f"Named wrongly in runs with a fault: {', '.join(wrong) or 'none'}.")
        lines += [confusion(part), ""]
    return "\n".join(lines).rstrip()


def _summary(part: Sequence[Judged]) -> list[str]:
    faulty, healthy = ([run for run in part if bool(run.planted) == planted] for planted in (True, False))
    alarmed = [run for run in healthy if run.findings]
    grave = sum(any(one.severity == "trouble" for one in run.findings) for run in alarmed)
    named = [f"{run.case.name} ({', '.join(run.alone_at)})" for run in alarmed]
    early = []
    for name in ("non-finite", "mode-collapse", "discriminator-dominates"):
        found = [run for run in faulty if run.planted == name]
        if name == "mode-collapse":
            found = [run for run in found if run.case.fault and run.case.fault.complete]
        soon = sum(run.delay is not None and run.delay <= AT_ONCE for run in found)
        title = "complete collapse" if name == "mode-collapse" else name
        early += [f"{title} in {soon} of {len(found)}"] if found else []
    which = ": " + ", ".join(named) if named else ""
    return _paragraph(
        f"{len(faulty)} runs with a fault, {len(healthy)} healthy ones. Of the healthy, {len(alarmed)} had a "
        f"finding at some time, {grave} of them `trouble`{which}. Within a tenth of the run after the onset "
        f"were named: {', '.join(early)}."
    )


def _effects(planted: Sequence[Judged]) -> list[str]:
    """Which planted faults did nothing, and the recall without them; nothing if it was not measured."""
    if not planted or any(run.took is None or run.took.yes is None for run in planted):
        return []
    effective = [run for run in planted if run.took and run.took.yes]
    idle = [f"{run.case.name} ({run.took.because}; {'named' if run.right else 'not named'})"
            for run in planted if run.took and not run.took.yes]  # fmt: skip
    whole, least = (
        f"{sum(run.right for run in runs)} of {len(runs)}, {sum(run.right for run in runs) / len(runs):.2f}"
        for runs in (planted, effective)
    )
    return _paragraph(
        f"Recall of all that were planted: {whole}. Recall of those that took: {least}. "
        f"Did not take: {', '.join(idle) or 'none'}."
    )


def table(runs: Sequence[Judged]) -> str:
    """Recall and precision of each finding, as a Markdown table."""
    head = [
        "finding",
        "runs with it",
        "named",
        "as a cause",
        "recall",
        "named in all",
        "wrong",
        "precision",
        "median delay",
    ]
    rows = [_row(name, [name], runs) for name in PLANTED]
    return "\n".join([f"| {' | '.join(head)} |", "|---" * 9 + "|", *rows, _row("all", list(PLANTED), runs)])


def _row(title: str, names: Sequence[str], runs: Sequence[Judged]) -> str:
    planted = [run for run in runs if run.planted in names]
    named = sum(run.right for run in planted)
    causes = sum(run.right and run.planted in run.alone_at for run in planted)
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
    lines = [f"| planted | runs | {' | '.join(PLANTED)} | nothing |", "|---" * (len(PLANTED) + 3) + "|"]
    for kind in dict.fromkeys(run.case.kind for run in runs):
        of_kind = [run for run in runs if run.case.kind == kind]
        cells = {name: sum(name in run.counted for run in of_kind) for name in PLANTED}
        shown = [f"**{cell}**" if cell and name == of_kind[0].planted else str(cell or "")
                 for name, cell in cells.items()]  # fmt: skip
        nothing = sum(not run.counted for run in of_kind) or ""
        lines.append(f"| {kind} | {len(of_kind)} | " + " | ".join(shown) + f" | {nothing} |")
    return "\n".join(lines)


def _paragraph(text: str) -> list[str]:
    """Lines of even width, and an empty one."""
    return [*textwrap.wrap(text, 118, break_on_hyphens=False, break_long_words=False), ""]
