"""The page of results: a section for each part, written anew without touching the others."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import torch

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks" / "conditional.md"

HEAD = """# Games with conditions

What `python -m benchmarks.conditional` printed. Intervals are of 95 %.
"""


def write_section(page: Path, title: str, text: str) -> None:
    """Put a section onto the page, in the place of one of the same title or at the end.

    Args:
        page: The page; made where there is none.
        title: Of the section.
        text: What stands below the title.
    """
    whole = page.read_text(encoding="utf-8") if page.exists() else HEAD
    before, *sections = ("\n" + whole).split("\n## ")
    kept = {section.partition("\n")[0]: section.partition("\n")[2].strip() for section in sections}
    kept[title] = text.strip()
    parts = [before.strip(), *(f"## {name}\n\n{body}" for name, body in kept.items())]
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def machine() -> str:
    """What it was measured on."""
    threads = f"{torch.get_num_threads()} threads on {os.cpu_count()} cores"
    return f"torch {torch.__version__}, {platform.machine()}, {threads}"
