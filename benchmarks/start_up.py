"""How long the command takes to come up, beside what importing torch alone takes, in turn.

python -m benchmarks.start_up [--rounds 9]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

COMMANDS = {
    "poise --help": [sys.executable, "-m", "poise", "--help"],
    "poise recipes": [sys.executable, "-m", "poise", "recipes"],
    "python -c pass": [sys.executable, "-c", "pass"],
    "python -c 'import torch'": [sys.executable, "-c", "import torch"],
}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Start-up of the command.")
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    seconds: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(rounds + 1):
        for name, command in COMMANDS.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds[name].append(time.perf_counter() - start)
    print("| command | median seconds | least |")
    print("|---|---|---|")
    for name, values in seconds.items():
        print(f"| `{name}` | {statistics.median(values[1:]):.2f} | {min(values[1:]):.2f} |")


if __name__ == "__main__":
    main()
