"""Games with conditions: labels and tags, each judged by what knows nothing of the training.

    python -m benchmarks.conditional [labels] [tags] [--seeds 0 1 2] [--data OPENMOJI] [--page FILE]

Each section trains, judges, prints a table, and writes it into its own section of the page, by default
docs/benchmarks/conditional.md; the other sections of the page stay.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.conditional import labels, tags
from benchmarks.conditional.page import PAGE, write_section

SECTIONS: dict[str, tuple[str, Callable[..., str]]] = {
    "labels": ("Labels: the digits", labels.section),
    "tags": ("Tags from images: OpenMoji", tags.section),
}


def main() -> None:
    """Measure what is asked for, print it, and write it down."""
    parser = argparse.ArgumentParser(description="Games with conditions, measured.")
    parser.add_argument("sections", nargs="*", choices=[*SECTIONS, []], metavar="SECTION")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--steps", type=int, default=None, help="of the default recipe; by the data")
    parser.add_argument("--data", type=Path, default=None, help="the folder of OpenMoji, for tags")
    parser.add_argument("--page", type=Path, default=PAGE)
    arguments = parser.parse_args()
    chosen: Sequence[str] = arguments.sections or list(SECTIONS)
    for name in chosen:
        title, section = SECTIONS[name]
        text = section(seeds=arguments.seeds, steps=arguments.steps, data=arguments.data)
        print(text, flush=True)
        write_section(arguments.page, title, text)


if __name__ == "__main__":
    main()
