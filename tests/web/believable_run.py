"""A run folder as training leaves it: a made-up run that collapses on the way and finds back."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from poise.recipes import RECIPES, recipe_with
from poise.run_folder import RunFolder
from poise.run_folder.folder import Status

SIDE, CELLS = 32, 8
STEPS, BATCH = 4000, 64
COLLAPSE = (1700, 2450)


def write_believable_run(
    folder: Path,
    *,
    data_name: str = "openmoji",
    status: Status = "finished",
    until: int = STEPS,
    pictures: int = 10,
) -> Path:
    """Write the run up to a step."""
    recipe = recipe_with(
        RECIPES["non-saturating"],
        {
            "steps": STEPS,
            "resolution": SIDE,
            "channels": 3,
            "horizontal_flips": True,
            "regularisers.r1.weight": 1.0,
            "label_flip": 0.05,
            "optimisers.generator.learning_rate": 2e-3,
            "generator": {"name": "resnet", "width": 64},
            "discriminator": {"name": "resnet", "width": 64, "spectral_norm": False},
        },
    )
    run = RunFolder.create(
        folder, recipe=recipe.model_dump(), environment=environment(folder), data=data(data_name)
    )
    random = np.random.default_rng(0)
    for step in range(25, until + 1, 25):
        run.append("history", line(step, random))
    for step in sample_steps(pictures):
        if step <= until:
            sheet(step).save(run.sample_path(step))
    for finding in findings():
        if finding["last_step"] <= until:
            run.append("findings", finding)
    for step in range(500, until + 1, 500):
        for metric in metrics(step, random):
            run.append("metrics", metric)
    run.set_status(status, step=until)
    return folder


def sample_steps(count: int) -> list[int]:
    """Denser at the start, the last at the end."""
    shares = np.linspace(0, 1, count) ** 1.6
    return sorted({int(round(STEPS * share / 25) * 25) for share in shares})


def environment(folder: Path) -> dict[str, Any]:
    return {
        "poise": "0.1.0",
        "torch": "2.13.0+cpu",
        "numpy": "2.4.1",
        "python": "3.11.9",
        "platform": "Linux-6.8-x86_64",
        "device": "cpu",
        "threads": 2,
        "command": [
            "/usr/local/bin/poise",
            "train",
            "my emoji",
            "--set",
            "optimisers.generator.learning_rate=2e-3",
        ],
        "cwd": str(folder.parent),
        "git": {"commit": "90eba0b7f2d1c5e4a3b2918070f6e5d4c3b2a190", "dirty": True},
        "started": "2026-07-30T14:05:09+00:00",
        "seed": 0,
    }


def data(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "origin": {"kind": "folder", "path": "/home/anna/my emoji"},
        "kind": "image",
        "words": {"unit": "images", "lead": "One latent each.", "gridded": True},
        "shape": [3, SIDE, SIDE],
        "count": 4083,
        "fingerprint": "5f1c0a7be98d3f4f2b6a917c4d0e8b55aa12c34d56e7f8091a2b3c4d5e6f7081",
        "encoding": {"name": "pixels"},
        "summary": {
            "origin": "folder",
            "count": 4083,
            "original_size": [72, 72],
            "policy": "centre crop; shrink with Lanczos",
            "duplicates": 12,
            "refused": [f"broken/{index:03d}.png: the file ends early" for index in range(11)],
        },
        "notices": [
            "11 files were refused; they are listed below.",
            "The images have transparency; it was laid on white.",
        ],
    }


def collapsed(step: float) -> float:
    """How far the run is collapsed, from 0 to 1."""
    first, last = COLLAPSE
    return max(0.0, min(1.0, (step - first) / 150, (last - step) / 200))


def line(step: int, random: np.random.Generator) -> dict[str, Any]:
    """One line of the history; every fifth has no penalty, as lazy ones do."""
    early, bad, noise = math.exp(-step / 500), collapsed(step), random.normal
    gap = 1.6 * early + 0.9 + 2.4 * bad + 0.12 * noise()
    right = 0.5 + 0.5 * math.tanh(gap / 2.4)
    found = {
        "step": step,
        "images_seen": step * BATCH,
        "seconds": step * 0.181 + 6 * math.sin(step / 900),
        "images_per_second": 353.0 + 14 * noise() - (120 if 2900 < step < 3000 else 0),
        "discriminator_loss": 1.38 * math.exp(-gap / 2.2) + 0.05 * abs(noise()) + 0.9 * early,
        "generator_loss": 0.69 + 0.62 * gap + 0.14 * noise() + (6 if step == 50 else 0),
        "discriminator_gradient_norm": math.exp(0.4 * noise() + 0.8 - 1.2 * bad),
        "generator_gradient_norm": math.exp(0.35 * noise() - 0.2 - 4.2 * bad),
        "real_score": gap / 2 + 0.1 * noise() + 0.3,
        "fake_score": -gap / 2 + 0.1 * noise() + 0.3,
        "real_right": min(1.0, right + 0.03 * noise()),
        "fake_right": min(1.0, right + 0.03 * noise() + 0.02),
    }
    return found | ({} if step % 125 == 0 else {"penalty_r1": math.exp(-3 + 0.5 * noise() + 0.9 * bad)})


def findings() -> list[dict[str, Any]]:
    collapse = {
        "name": "mode-collapse",
        "severity": "trouble",
        "status": "open",
        "first_step": COLLAPSE[0],
        "last_step": 2100,
        "confidence": 0.93,
        "sentence": "The generator makes nearly the same picture from every latent: samples lie 19 times "
        "closer together than reals do.",
        "evidence": {
            "measured": {"pairwise_distance_ratio": 0.052, "cells_covered": 4},
            "threshold": {"pairwise_distance_ratio": 0.1, "cells_covered": 20},
            "healthy": {"pairwise_distance_ratio": "0.8 to 1.1", "cells_covered": "above 55 of 64"},
        },
        "remedies": [
            {
                "change": "lower the generator's learning rate to 1e-3",
                "why": "it is twice that of the recipe, and the collapse began where its gradient peaked",
                "command": "poise train 'my emoji' --set optimisers.generator.learning_rate=1e-3",
            },
            {
                "change": "let the discriminator score two samples at once",
                "why": "repetition then shows in what it sees (PacGAN)",
                "command": "poise train 'my emoji' --recipe pacgan",
            },
        ],
    }
    return [
        collapse,
        collapse | {"status": "recovered", "last_step": COLLAPSE[1]},
        {
            "name": "generator-rate-high",
            "severity": "watch",
            "status": "open",
            "first_step": 3100,
            "last_step": STEPS,
            "confidence": 0.61,
            "sentence": "The generator's weights move 3.4 times as fast as the discriminator's.",
            "evidence": {
                "measured": {"relative_speed": 3.4},
                "threshold": {"relative_speed": 3.0},
                "healthy": {"relative_speed": "0.5 to 2"},
            },
            "remedies": [
                {
                    "change": "take the recipe's own rate",
                    "why": "",
                    "command": "poise train 'my emoji' --set optimisers.generator.learning_rate=1e-3",
                }
            ],
        },
    ]


def metrics(step: int, random: np.random.Generator) -> list[dict[str, Any]]:
    distance = 9 + 70 * math.exp(-step / 900) + 45 * collapsed(step) + random.normal()
    coverage = 0.92 - 0.8 * math.exp(-step / 700) - 0.6 * collapsed(step)
    protocol = {
        "samples": 2048,
        "extractor": "random-convolutions",
        "weights": "a1b2c3d4",
        "reference": "5f1c0a7b",
    }
    return [
        {
            "step": step,
            "metric": "frechet_distance",
            "value": distance,
            "interval": [distance * 0.93, distance * 1.08],
            "floor": 2.1,
            "better": "lower",
            **protocol,
        },
        {"step": step, "metric": "coverage", "value": coverage, "floor": 0.95, **protocol},
    ]


def sheet(step: int) -> Image.Image:
    """A sheet of little faces that come out of noise, and are all one while the run is collapsed."""
    random = np.random.default_rng(1)
    seeds = random.random((CELLS * CELLS, 5))
    noise = np.random.default_rng(2).random((CELLS * SIDE, CELLS * SIDE, 3)) * 255
    clear = (1 - math.exp(-step / 600)) * 0.97
    blend = collapsed(step) * 0.97
    seeds = seeds * (1 - blend) + seeds[11] * blend
    whole = Image.new("RGB", (CELLS * SIDE, CELLS * SIDE), "white")
    for place, seed in enumerate(seeds):
        whole.paste(face(seed), (place % CELLS * SIDE, place // CELLS * SIDE))
    soft = np.asarray(whole.filter(ImageFilter.GaussianBlur(4 * (1 - clear) + 0.3)), dtype=float)
    return Image.fromarray((soft * clear + noise * (1 - clear)).clip(0, 255).astype(np.uint8))


def face(seed: np.ndarray[Any, Any]) -> Image.Image:
    hue, size, eyes, smile, tilt = map(float, seed)
    image = Image.new("HSV", (SIDE, SIDE), (0, 0, 255)).convert("RGB")
    colour = Image.new("HSV", (1, 1), (int(hue * 255), 150, 245)).convert("RGB").getpixel((0, 0))
    draw = ImageDraw.Draw(image)
    radius, middle = 9 + 5 * size, SIDE / 2 + (tilt - 0.5) * 3
    dark = (50, 40, 40)
    draw.ellipse((middle - radius, middle - radius, middle + radius, middle + radius), fill=colour)
    for side in (-1, 1):
        x, y = middle + side * (3 + 2 * eyes), middle - 3
        draw.ellipse((x - 1.5, y - 2, x + 1.5, y + 2), fill=dark)
    box = (middle - 5, middle - 2 - 3 * smile, middle + 5, middle + 5 + 2 * smile)
    draw.arc(box, 20, 160, fill=dark, width=2)
    return image
