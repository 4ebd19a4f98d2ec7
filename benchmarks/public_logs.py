"""What the doctor says of logs that public programs wrote: `python -m benchmarks.public_logs`.

It writes the page again. The logs lie in `tests/diagnosis/public_logs`, trimmed to numbers and what stood
around them; `runs.json` says where each is from, how the run ended, and by whose word. A log whose run
ended badly must be named, one whose run ended well must not be trouble, and the columns must be guessed as
they are meant.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

from poise.diagnosis.finding import Finding
from poise.diagnosis.logs import diagnose, read_logs, readings_of

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests/diagnosis/public_logs"
PAGE = ROOT / "docs/benchmarks/public-logs.md"
ABOUT = """\
What `poise diagnose` says of logs that other programs wrote: real runs from public repositories and
reports, their numbers trimmed (`tests/diagnosis/public_logs`, with the address of each in `runs.json`). How
a run ended is what its report, its pictures or its own measurements say. `python -m benchmarks.public_logs`
writes this page again, and a test compares it with the code."""
CAUTION = """\
The rules were set with these logs at hand, together with made series of healthy losses: the figures say
that the rules fit them, and not how they do on others. The last three were first read afterwards: the
rules judged them rightly at once, and for two of them the reader had to learn (an epoch written straight
behind a number; the same place of every epoch is no step). By losses alone a discriminator that has won is
never more than WATCH: of the runs below whose generator's loss stays above 10, two have good pictures, and
a relativistic hinge loss is 0 by its nature."""


@dataclass(frozen=True)
class Outcome:
    """What is known of a run, and what its log was found to say."""

    run: dict[str, str]  # A row of runs.json, without its columns
    wanted: dict[str, str]  # The columns as they are meant
    columns: dict[str, str]  # As they were guessed, of the first game
    readings: int
    findings: list[Finding]  # The open ones of all games
    few: bool  # Whether the log is said to be too short

    @property
    def status(self) -> str:
        """As `poise diagnose` says."""
        severities = {finding.severity for finding in self.findings}
        quiet = "TOO FEW" if self.few else "OK"
        return "TROUBLE" if "trouble" in severities else "WATCH" if "watch" in severities else quiet

    @property
    def right(self) -> bool:
        """Whether a run that ended badly is named, and one that ended well no trouble."""
        return self.status != "TROUBLE" if self.run["ended"] == "well" else bool(self.findings)


def outcomes() -> list[Outcome]:
    """Each log diagnosed; of several sessions in one log the last is taken."""
    found = []
    for run in json.loads((FOLDER / "runs.json").read_text(encoding="utf-8")):
        wanted = run.pop("columns")
        *_, log = read_logs(FOLDER / run["file"]).values()
        games = readings_of(log.rows)
        diagnoses = [diagnose(game.measurements) for game in games]
        findings = [finding for one in diagnoses for finding in one.open]
        few = any(one.few for one in diagnoses)
        found.append(Outcome(run, wanted, dict(games[0].columns), len(log.rows), findings, few))
    return found


def page(found: list[Outcome]) -> str:
    """The page, in Markdown."""
    bad, well = ([one for one in found if one.run["ended"] == end] for end in ("badly", "well"))
    unseen = [one for one in found if "round" in one.run]
    figures = (
        ("logs", len(found), ""),
        ("programs", len({one.run["program"] for one in found}), "at least 8"),
        ("columns guessed as they are meant", sum(one.columns == one.wanted for one in found), len(found)),
        ("runs that ended badly and are named", sum(map(bool, (one.findings for one in bad))), len(bad)),
        ("runs that ended well and are trouble", sum(one.status == "TROUBLE" for one in well), "0"),
        ("runs that ended well and are watched", [one.status for one in well].count("WATCH"), "few"),
        ("of all, first read after the rules had been set", len(unseen), ""),
    )
    lines = [
        "# Logs of public programs",
        "",
        *ABOUT.splitlines(),
        "",
        "| figure | found | wanted |",
        "|---|---|---|",
        *(f"| {name} | {value} | {wanted} |" for name, value, wanted in figures),
        "",
        *CAUTION.splitlines(),
        "",
        "| log | program | readings | ended | why that is known | said | findings |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        names = ", ".join(dict.fromkeys(f"{f.name} ({f.severity})" for f in one.findings)) or "none"
        source = one.run["source"]
        log = (
            f"[{one.run['file']}]({source})" if source.startswith("http") else f"{one.run['file']} ({source})"
        )
        truth = one.run["truth"].replace("|", "\\|")
        lines.append(
            f"| {log} | {one.run['program']} | {one.readings} | {one.run['ended']} | {truth} | "
            f"{one.status} | {names} |"
        )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the figures, and write the page."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    found = outcomes()
    text = page(found)
    PAGE.write_text(text, encoding="utf-8")
    print(text)
    for one in found:
        if not one.right or one.columns != one.wanted:
            print("not as wanted:", one.run["file"], one.status, one.columns)


if __name__ == "__main__":
    main()
