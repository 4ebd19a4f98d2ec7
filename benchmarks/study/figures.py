"""The seven losses of Lucic et al. under one budget, in slices that are killed at random.

    python -m benchmarks.study.figures digits --minutes 9

Each slice goes on with the study below `studies/`, and kills it with SIGKILL at random times; when nothing is
left, the table goes to `docs/benchmarks/study-NAME.json`.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from poise.studies.folder import StudyFolder
from poise.studies.progress import standing
from poise.studies.results import table_of

SMALL = {"generator.width": 16, "generator.hidden_size": 128, "discriminator.width": 16}
"""A quarter of the published channels, an eighth of the generator's hidden units."""

SMALLER = {"generator.width": 8, "generator.hidden_size": 64, "discriminator.width": 8}
"""Half of `SMALL`: some 30 s of one core for 32,000 images."""

PLAIN = ["lucic/minimax", "lucic/non-saturating", "lucic/least-squares", "lucic/wasserstein"]
ALL = [*PLAIN, "lucic/wasserstein-gp", "lucic/dragan", "lucic/began"]

STUDIES: dict[str, dict[str, Any]] = {
    "digits": {"data": "digits", "recipes": ALL, "budget": "32k-images", "trials": 20, "seeds": 10},
    "triangles": {
        "data": "triangles",
        "recipes": ALL,
        "budget": "32k-images",
        "trials": 20,
        "seeds": 10,
        "settings": SMALLER,
    },
    "digits-quick": {"data": "digits", "recipes": ALL, "budget": "6400-images", "trials": 4, "seeds": 5},
    "ring": {
        "data": "ring",
        "recipes": PLAIN,
        "budget": "4k-images",
        "trials": 6,
        "seeds": 6,
        "settings": {"generator": "mlp", "discriminator": "mlp", "batch_size": 16},
        "stack": 6,
    },
}
"""Small enough for two cores; the same command adds trials, seeds and recipes."""


def command(name: str, out: Path) -> list[str]:
    """The command of a study, which also goes on with it."""
    asked = STUDIES[name]
    settings = asked.get("settings", SMALL)
    words = ["study", asked["data"], "--recipes", *asked["recipes"], "--space", "wide", "--out", str(out)]
    words += ["--budget", asked["budget"], "--trials", str(asked["trials"]), "--seeds", str(asked["seeds"])]
    words += [
        "--evaluations",
        "5",
        "--stack",
        str(asked.get("stack", 8)),
        "--shortlist",
        str(asked.get("shortlist", 3)),
    ]
    words += [word for path, value in settings.items() for word in ("--set", f"{path}={value}")]
    return [sys.executable, "-m", "poise", *words]


def run_slice(name: str, out: Path, *, seconds: float, kill_after: tuple[float, float] | None) -> bool:
    """Go on with a study for so long, killing it at random; whether it is finished."""
    end, log = time.monotonic() + seconds, out.with_name(f"{out.name}.log")
    out.parent.mkdir(parents=True, exist_ok=True)
    kills = Kills(out)
    while time.monotonic() < end:
        with log.open("ab") as file:
            process = subprocess.Popen(command(name, out), stdout=file, stderr=file)
        left = end - time.monotonic()
        wait = left if kill_after is None else min(left, random.uniform(*kill_after))
        try:
            status = process.wait(wait)
            if status:
                raise SystemExit(f"the study ended with status {status}; see {log}")
            return True
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills.add()
            print(f"killed, {kills.count} so far: {standing(StudyFolder.open(out))}", flush=True)
    return False


class Kills:
    """How often a study was killed, kept beside it."""

    def __init__(self, out: Path) -> None:
        self.file = out.with_name(f"{out.name}.kills")

    @property
    def count(self) -> int:
        """So far."""
        return int(self.file.read_text("utf-8")) if self.file.is_file() else 0

    def add(self) -> None:
        """One more."""
        self.file.write_text(str(self.count + 1), "utf-8")


def table_json(out: Path) -> dict[str, Any]:
    """The table of a study as plain values, without times."""
    folder = StudyFolder.open(out)
    return table_of(folder.plan, folder.results()).to_json()


def main() -> None:
    """One slice of a study, or a study with and without kills."""
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=STUDIES)
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--between", type=float, nargs=2, default=(25.0, 90.0))
    parser.add_argument("--never", action="store_true", help="kill it at the end of the slice only")
    parser.add_argument("--out", type=Path, default=None)
    given = parser.parse_args()
    out = given.out or Path("studies") / f"benchmark-{given.name}"
    between = None if given.never else (given.between[0], given.between[1])
    if not run_slice(given.name, out, seconds=60 * given.minutes, kill_after=between):
        print(standing(StudyFolder.open(out)))
        return
    folder = StudyFolder.open(out)
    table = table_of(folder.plan, folder.results())
    about = {
        "killed": Kills(out).count,
        "seconds": round(sum(row.cost.seconds for row in table.rows), 1),
        "failures": {row.recipe: dict(row.failures) for row in table.rows},
        "protocol": table.protocol,
        "advice": list(table.advice),
        **table.to_json(),
    }
    Path(f"docs/benchmarks/study-{given.name}.json").write_text(json.dumps(about, indent=1) + "\n", "utf-8")
    print(table)


if __name__ == "__main__":
    main()
