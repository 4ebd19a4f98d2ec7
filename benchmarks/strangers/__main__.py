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

from benchmarks.strangers import sets
from benchmarks.strangers.jobs import do_all, lines_of
from benchmarks.strangers.play import play
from benchmarks.strangers.report import judged, report
from benchmarks.strangers.verify import verify


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
    asked = parser.parse_args()
    every = sets.SETS[asked.set]()
    cases = [case for case in every if any(fnmatch(case.name, one) for one in asked.cases)]
    asked.out.mkdir(parents=True, exist_ok=True)
    if asked.verify:
        cases = [case for case in cases if not case.fault or asked.cases != ["*"]]
        todo = [(case, asked.out / "pictures") for case in cases]
        do_all(verify, todo, asked.out / f"{asked.set}-verified.jsonl", asked.jobs)
        return
    file = asked.out / f"{asked.set}.jsonl"
    if not asked.table:
        do_all(play, [(case,) for case in cases], file, asked.jobs)
    print(report(judged(cases, lines_of(file)), of=len(cases)))


if __name__ == "__main__":
    main()
