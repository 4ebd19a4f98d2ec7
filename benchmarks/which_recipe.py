"""Which recipe: several on several sets of pictures, each for the same processor time.

    OMP_NUM_THREADS=1 python -m benchmarks.which_recipe HANDS EMOJI [--seconds 150] [--out FOLDER]

HANDS has a sub-folder for each class, and EMOJI has pictures. Beside them stand 100 of the hands, and the
digits of scikit-learn. A recipe has as many steps as fit in the seconds; samples are compared with held-out
pictures as in `benchmarks.choosing`. What was measured before is in `which.json` and is not repeated. Prints
a table, and writes a sheet with the held-out pictures above samples of each recipe.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import poise
from benchmarks.choosing import divided, judged

RECIPES = (
    "default",
    "narrow, diffaugment",
    "relativistic-r1r2, narrow, diffaugment",
    "hinge-sn, narrow, diffaugment",
    "wasserstein-gp, narrow, diffaugment",
    "fastgan, narrow",
)
COLUMNS, ROWS, SIDE = 8, 3, 32


def write_digits(folder: Path) -> Path:
    """Scikit-learn's digits as pictures, a sub-folder for each class."""
    found = load_digits()
    for number, (image, label) in enumerate(zip(found.images, found.target, strict=True)):
        place = folder / str(label) / f"{number:04}.png"
        if not place.exists():
            place.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.round(image * 255 / 16).astype(np.uint8)).save(place)
    return folder


def tiled(pictures: list[Image.Image]) -> Image.Image:
    """A few pictures side by side."""
    sheet = Image.new("RGB", (COLUMNS * SIDE, ROWS * SIDE))
    for number, picture in enumerate(pictures[: COLUMNS * ROWS]):
        row, column = divmod(number, COLUMNS)
        sheet.paste(picture.convert("RGB").resize((SIDE, SIDE)), (column * SIDE, row * SIDE))
    return sheet


def of_reals(folder: Path) -> Image.Image:
    """Pictures of a folder that lie evenly in it."""
    files = sorted(folder.rglob("*.png")) or sorted(folder.rglob("*.jpg"))
    chosen = files[:: max(1, len(files) // (COLUMNS * ROWS))]
    return tiled([Image.open(file) for file in chosen])


def of_run(run: Path) -> Image.Image:
    """Samples of a run."""
    generator = poise.open_run(run).generator
    data = generator.data(generator.latents(COLUMNS * ROWS, seed=1)).permute(0, 2, 3, 1).numpy()
    return tiled([Image.fromarray(one.squeeze()) for one in data])


def row_of(name: str, found: dict[str, dict[str, Any]], sets: list[str]) -> str:
    """A line of the table."""
    cells = [name]
    for one in sets:
        result = found.get(f"{one}: {name}")
        if result is None:
            cells.append("")
            continue
        distance = result["frechet-distance"]
        low, high = distance["interval"]
        cells.append(f"{distance['value']:.1f} [{low:.1f}, {high:.1f}], {result['steps']:,} steps")
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("hands", type=Path)
    parser.add_argument("emoji", type=Path)
    parser.add_argument("--seconds", type=float, default=150.0)
    parser.add_argument("--out", type=Path, default=Path("which"))
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    sets: dict[str, tuple[Path, int | None, int]] = {
        "hands": (asked.hands, None, 32),
        "100 hands": (asked.hands, 100, 32),
        "emoji": (asked.emoji, None, 32),
        "digits": (write_digits(asked.out / "digits-files"), None, 16),
    }
    kept = asked.out / "which.json"
    found: dict[str, dict[str, Any]] = json.loads(kept.read_text()) if kept.exists() else {}
    sheet = Image.new(
        "RGB", (len(sets) * (COLUMNS * SIDE + 8), (len(RECIPES) + 1) * (ROWS * SIDE + 8)), "white"
    )
    for place, (title, (folder, few, resolution)) in enumerate(sets.items()):
        out = asked.out / title.replace(" ", "-")
        train, test = divided(folder, out, few)
        left = place * (COLUMNS * SIDE + 8)
        sheet.paste(of_reals(test), (left, 0))
        for number, name in enumerate(RECIPES, 1):
            if f"{title}: {name}" not in found:
                result = judged(name, train, test, asked.seconds, out, resolution=resolution)
                found[f"{title}: {name}"] = json.loads(json.dumps(result, default=str))
                kept.write_text(json.dumps(found, indent=1))
            sheet.paste(of_run(out / "runs" / name.replace(", ", "-")), (left, number * (ROWS * SIDE + 8)))
            sheet.save(asked.out / "which.png")
    print(f"| {' | '.join(['recipe', *sets])} |\n|{'---|' * (len(sets) + 1)}")
    for name in RECIPES:
        print(row_of(name, found, list(sets)))


if __name__ == "__main__":
    main()
