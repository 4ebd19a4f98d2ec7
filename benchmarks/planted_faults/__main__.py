"""The doctor's error rates on planted faults.

python -m benchmarks.planted_faults record --openmoji PATH   # 2.7 hours of a core beside other work
python -m benchmarks.planted_faults judge                    # seconds
python -m benchmarks.planted_faults rescue                   # about twenty minutes of one core
python -m benchmarks.planted_faults pictures                 # draws those of docs/failures from the runs
python -m benchmarks.planted_faults pages                    # writes what the rules say into those pages
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch

from benchmarks import failure_pages as pages
from benchmarks.planted_faults.faults import Case, cases
from benchmarks.planted_faults.judge import judge_all
from benchmarks.planted_faults.record import record
from benchmarks.planted_faults.report import report
from benchmarks.planted_faults.rescue import rescue, rescue_cases, table


def main() -> None:
    """One of the stages."""
    parser = argparse.ArgumentParser(description="The doctor's error rates on planted faults.")
    parser.add_argument("stage", choices=("record", "judge", "rescue", "pictures", "pages"))
    parser.add_argument("--out", type=Path, default=Path("runs/planted-faults"))
    parser.add_argument("--openmoji", type=Path, help="the folder of OpenMoji's colour pictures")
    parser.add_argument("--only", default="", help="runs whose name holds this")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no run after so long")
    parser.add_argument("--page", type=Path, help="write the counts between the marks of this page, too")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    counts = ""

    def chosen(among: Iterable[Case]) -> Iterator[Case]:
        end = time.monotonic() + asked.seconds
        return (case for case in among if asked.only in case.name and time.monotonic() <= end)

    match asked.stage:
        case "record":
            for case in chosen(cases()):
                print(record(case, asked.out, asked.openmoji), flush=True)
        case "judge":
            counts = report(judge_all(asked.out))
        case "rescue":
            counts = table([rescue(case, asked.out) for case in chosen(rescue_cases())])
        case "pictures":
            from benchmarks.planted_faults.pictures import draw

            print(*draw(asked.out, asked.only), sep="\n")
        case "pages":
            pages.refresh()
    if counts:
        print(counts)
    if counts and asked.page is not None:
        pages.write(asked.page, counts=counts)


if __name__ == "__main__":
    main()
