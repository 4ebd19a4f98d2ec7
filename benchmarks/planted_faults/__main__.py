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
from pathlib import Path

import torch

from benchmarks.planted_faults.cases import cases
from benchmarks.planted_faults.judge import judge_all
from benchmarks.planted_faults.pages import refresh
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
    parser.add_argument("--page", type=Path, help="write the tables to this page, too")
    arguments = parser.parse_args()
    if arguments.stage == "judge":
        page = report(judge_all(arguments.out))
        print(page)
        if arguments.page is not None:
            arguments.page.write_text(page + "\n", encoding="utf-8")
        return
    if arguments.stage == "pages":
        refresh()
        return
    torch.set_num_threads(1)
    if arguments.stage == "pictures":
        from benchmarks.planted_faults.pictures import draw

        for file in draw(arguments.out, arguments.only):
            print(f"{file}: {file.stat().st_size:,} bytes")
        return
    began = time.monotonic()
    if arguments.stage == "rescue":
        found = []
        for case in (case for case in rescue_cases() if arguments.only in case.name):
            if time.monotonic() - began > arguments.seconds:
                break
            found.append(rescue(case, arguments.out))
            print(f"{case.name}: {found[-1]}", flush=True)
        written = table(found)
        print(written)
        if arguments.page is not None:
            arguments.page.write_text(written + "\n", encoding="utf-8")
        return
    for case in (case for case in cases() if arguments.only in case.name):
        if time.monotonic() - began > arguments.seconds:
            break
        new = not (arguments.out / "records" / f"{case.name}.json").is_file()
        start = time.monotonic()
        record(case, arguments.out, arguments.openmoji)
        if new:
            print(f"{case.name}: {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
