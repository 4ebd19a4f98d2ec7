"""The command."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.translation.page import page
from benchmarks.translation.quality import TINY, Sizes, domains_part, pairs_part
from benchmarks.translation.throughput import throughput_part

PARTS = ("pairs", "domains", "throughput")


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
    parser.add_argument("--domains-steps", type=int, help="of CycleGAN with residual generators")
    parser.add_argument("--linked-steps", type=int, help="of CycleGAN with U-Nets")
    parser.add_argument("--runs", type=Path, default=Path("runs/translation"), help="where runs are kept")
    parser.add_argument("--page", type=Path, help="where to write the results, with JSON and pictures beside")
    arguments = parser.parse_args(words)
    steps = {name: getattr(arguments, name) for name in ("pairs_steps", "domains_steps", "linked_steps")}
    given = {name: count for name, count in steps.items() if count is not None}
    sizes = TINY if arguments.tiny else dataclasses.replace(Sizes(), **given)
    with tempfile.TemporaryDirectory() as folder:
        place: Path = arguments.page or Path(folder) / "translation.md"
        kept = place.with_suffix(".json")
        results: dict[str, Any] = json.loads(kept.read_text("utf-8")) if kept.exists() else {}
        pictures = {part: place.with_name(f"{place.stem}-{part}.png") for part in PARTS}
        for part in arguments.only:
            if part == "throughput":
                found: dict[str, Any] = {"steps": throughput_part(arguments.data, sizes)}
                results[part] = {"machine": machine(), **found}
            else:
                make = pairs_part if part == "pairs" else domains_part
                first = min([arguments.seed, *map(int, results.get(part, {}))]) == arguments.seed
                shown = pictures[part] if first else None
                found = make(arguments.data, sizes, arguments.seed, arguments.runs, shown)
                results.setdefault(part, {})[str(arguments.seed)] = {"machine": machine(), **found}
            # Kept after each part, so that a later one that is cut off costs none of these.
            there = {name: picture.name for name, picture in pictures.items() if picture.exists()}
            place.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(results, indent=1) + "\n", "utf-8")
            place.write_text(page(results, there), "utf-8")
        print(place.read_text("utf-8"))


if __name__ == "__main__":
    main()
