"""The command."""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from benchmarks.translation.quality import TINY, Sizes, domains_part, pairs_part
from benchmarks.translation.throughput import throughput_part

PARTS = ("pairs", "domains", "throughput")

INTRODUCTION = """\
Written by `python -m benchmarks.translation DATA --page docs/benchmarks/translation.md`; the first lines
of `benchmarks/translation/__init__.py` say what is measured and how. All figures are of held-out pairs."""

ATTRIBUTION = """\
All emojis designed by [OpenMoji](https://openmoji.org), the open-source emoji and icon project, in line and
colour; scaled, and coloured by the networks. License: CC BY-SA 4.0, as of the pictures of this page."""


def machine() -> str:
    """What the figures were taken on."""
    return f"{os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"


def main(words: Sequence[str] | None = None) -> None:
    """Run what is asked for; print it, and write the page where one is named."""
    parser = argparse.ArgumentParser(description="Images from images on OpenMoji.")
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--tiny", action="store_true", help="a few steps, to see that it runs")
    parser.add_argument("--pairs-steps", type=int, help="of pix2pix and of its twin")
    parser.add_argument("--domains-steps", type=int, help="of CycleGAN")
    parser.add_argument("--page", type=Path, help="where to write the results, with pictures beside")
    arguments = parser.parse_args(words)
    steps = {"pairs_steps": arguments.pairs_steps, "domains_steps": arguments.domains_steps}
    given = {name: count for name, count in steps.items() if count is not None}
    sizes = TINY if arguments.tiny else dataclasses.replace(Sizes(), **given)
    page: Path | None = arguments.page
    pictures = {part: None if page is None else page.with_name(f"{page.stem}-{part}.png") for part in PARTS}
    parts: dict[str, Callable[[], list[str]]] = {
        "pairs": lambda: pairs_part(arguments.data, sizes, arguments.seed, pictures["pairs"]),
        "domains": lambda: domains_part(arguments.data, sizes, arguments.seed, pictures["domains"]),
        "throughput": lambda: throughput_part(arguments.data, sizes),
    }
    titles = {
        "pairs": "From pairs: line art to colour",
        "domains": "Without pairs: line art and colour",
        "throughput": "Throughput",
    }
    columns = {
        "pairs": "Held-out pairs, four columns each: line art, the U-Net with L1 alone, pix2pix, the target.",
        "domains": "Held-out images, four columns each: line art, cyclegan, translated back, hidden target.",
    }
    lines = ["# Images from images", "", INTRODUCTION, "", f"Taken on {machine()}.", ""]
    for part in arguments.only:
        found = [f"## {titles[part]}", "", *parts[part](), ""]
        picture = pictures[part]
        if picture is not None and picture.exists() and part in columns:
            found += [f"![{columns[part]}]({picture.name})", "", columns[part], ""]
        print("\n".join(found), flush=True)
        lines += found
    lines += [ATTRIBUTION, ""]
    if page is not None:
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
