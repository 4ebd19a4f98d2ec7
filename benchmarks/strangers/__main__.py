"""Play a set of strangers' loops with the Monitor at its defaults.

    python -m benchmarks.strangers --set practice [--cases 'dcgan*'] [--jobs 2] [--out DIR]
    python -m benchmarks.strangers --set practice --table  # plays nothing: the table of what was played
    python -m benchmarks.strangers --set practice --verify # no Monitor: are the healthy loops healthy?

Each case is a line of `DIR/SET.jsonl`; what has one is not played again. `--cases` takes patterns of names.
"""

from __future__ import annotations

import argparse
from fnmatch import fnmatch
from pathlib import Path

from benchmarks.failure_pages import write
from benchmarks.strangers import sets
from benchmarks.strangers.jobs import do_all, lines_of
from benchmarks.strangers.play import play
from benchmarks.strangers.report import judged, report
from benchmarks.strangers.verify import table, verify


def main() -> None:
    """Play what is missing and print the table."""
    parser = argparse.ArgumentParser(description="The doctor in strangers' loops.")
    parser.add_argument("--set", choices=tuple(sets.SETS), default="practice")
    parser.add_argument("--cases", nargs="*", default=["*"], help="patterns of names")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/strangers"))
    parser.add_argument("--table", action="store_true", help="play nothing")
    parser.add_argument(
        "--verify", action="store_true", help="without the Monitor: how good are the samples?"
    )
    parser.add_argument("--page", type=Path, help="write the table between the marks of this page, too")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    every = sets.SETS[asked.set]()
    cases = [case for case in every if any(fnmatch(case.name, one) for one in asked.cases)]
    if asked.verify:
        cases = [case for case in cases if not case.fault or asked.cases != ["*"]]
    what = f"{asked.set}-verified" if asked.verify else asked.set
    file = asked.out / f"{what}.jsonl"
    if not asked.table and asked.verify:
        do_all(verify, [(case, asked.out / "pictures") for case in cases], file, asked.jobs)
    elif not asked.table:
        do_all(play, [(case,) for case in cases], file, asked.jobs)
    lines = lines_of(file)
    if asked.verify:
        text = table(lines[case.name] for case in cases if case.name in lines)
    else:
        text = report(judged(cases, lines), of=len(cases))
    print(text)
    if asked.page is not None:
        write(asked.page, **{what: text})


if __name__ == "__main__":
    main()
