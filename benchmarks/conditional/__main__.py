"""Games with conditions: labels and tags, each judged by what knows nothing of the training.

    python -m benchmarks.conditional [labels] [tags] [--seeds 0 1 2] [--data OPENMOJI] [--runs FOLDER]
                                    [--page FILE]

Each section trains, judges, prints a table, and writes it into its own section of the page, by default
docs/benchmarks/conditional.md; the other sections of the page stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.conditional import labels, tags
from benchmarks.conditional.page import PAGE, write_section

SECTIONS: dict[str, tuple[str, Callable[[argparse.Namespace], str]]] = {
    "labels": (
        "Labels: the digits",
        lambda asked: labels.section(seeds=asked.seeds, steps=asked.steps, runs=asked.runs),
    ),
    "tags": (
        "Tags from images: OpenMoji",
        lambda asked: tags.section(seeds=asked.seeds, steps=asked.steps, data=asked.data),
    ),
}


def main() -> None:
    """Measure what is asked for, print it, and write it down."""
    parser = argparse.ArgumentParser(description="Games with conditions, measured.")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=None, help="of the default recipe; by the data")
    parser.add_argument("--data", type=Path, default=None, help="the folder of OpenMoji, for tags")
    parser.add_argument("--runs", type=Path, default=Path("runs/conditional"), help="where results are kept")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    chosen: Sequence[str] = arguments.sections or list(SECTIONS)
    for name in chosen:
        title, section = SECTIONS[name]
        text = section(arguments)
        print(text, flush=True)
        write_section(arguments.page, title, text)


if __name__ == "__main__":
    main()
