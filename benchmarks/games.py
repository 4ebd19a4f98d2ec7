"""How long the toy games compute, each in a process of its own; what importing takes is not counted.

python -m benchmarks.games [--rounds 5]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from poise.toys import TOYS, run_toy


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="What the toy games take.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", nargs=2, metavar=("GAME", "SCHEDULE"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        print(computed(*asked.one))
        return
    print("| game | moves | median seconds | least |")
    print("|---|---|---|---|")
    for toy in TOYS.values():
        for schedule in toy.schedules or ("",):
            command = [sys.executable, "-m", "benchmarks.games", "--one", toy.name, schedule]
            seconds = [
                float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                for _ in range(asked.rounds)
            ]
            print(f"| {toy.name} | {schedule} | {statistics.median(seconds):.2f} | {min(seconds):.2f} |")


def computed(name: str, schedule: str) -> float:
    """The seconds in which one game is played with all its methods.

    Args:
        name: The game.
        schedule: How its players move; empty for a game that has no such choice.
    """
    start = time.perf_counter()
    run_toy(TOYS[name], (), schedule or None)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
