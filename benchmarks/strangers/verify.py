"""A loop without the Monitor: how good its samples are over time, and a picture of the last."""

from __future__ import annotations

import time
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from benchmarks.strangers.case import Case, Step
from benchmarks.strangers.data import data_of
from benchmarks.strangers.play import JUDGED, judged, loop_of, undisturbed
from benchmarks.strangers.quality import Judge, sound

SHOWN = 64


def verify(case: Case, pictures: Path) -> dict[str, Any]:
    """Play it alone; the line has the quality at eight times of the run."""
    torch.set_num_threads(1)
    torch.manual_seed(case.seed)
    np.random.seed(case.seed)
    data = data_of(case.data)
    judge = Judge(data.train, data.held_out)
    quality: list[tuple[int, float, float]] = []
    begun, error, have = time.process_time(), "", Step()
    try:
        loop = loop_of(case.style)(
            case.fault, case.seed, data, steps=case.steps, onset=case.onset, **case.settings
        )
        for step, have in enumerate(loop):
            if step % max(1, case.steps // JUDGED) == 0 or step == case.steps - 1:
                quality.append((step, *judged(have, judge)))
    except Exception:
        error = traceback.format_exc(limit=-3)
    if have and data.train.dim() == 4:
        with undisturbed(have.get("generator")):
            draw(torch.cat([have["sample"](SHOWN), data.held_out[:SHOWN]]), pictures / f"{case.name}.png")
    return {
        "name": case.name,
        "seconds_cpu": round(time.process_time() - begun, 2),
        "quality": quality,
        "floor": list(judge.floor),
        "error": error,
    }


def table(lines: Iterable[dict[str, Any]]) -> str:
    """What each loop came to, and whether that is healthy."""
    rows = [
        f"| {line['name'].removeprefix('healthy--')} | {line['quality'][-1][1]:.3f} | {line['floor'][0]:.3f} "
        f"| {line['quality'][-1][2]:.2f} | {'yes' if sound(line['quality']) else 'no'} |"
        for line in lines
    ]
    head = ["| loop | distance at the end | of other reals | coverage | healthy |", "|---|---|---|---|---|"]
    return "\n".join([*head, *rows])


def draw(samples: Tensor, file: Path, columns: int = 16) -> None:
    """A grid of pictures: fakes above, held-out reals below."""
    file.parent.mkdir(parents=True, exist_ok=True)
    shown = ((samples.clamp(-1, 1) + 1) * 127.5).nan_to_num().byte()
    rows = [torch.cat(list(shown[start : start + columns]), 2) for start in range(0, len(shown), columns)]
    grid = torch.cat(rows, 1).permute(1, 2, 0)
    picture = Image.fromarray(
        grid.expand(-1, -1, 3).contiguous().numpy() if grid.shape[2] == 1 else grid.numpy()
    )
    picture.resize((picture.width * 3, picture.height * 3), Image.Resampling.NEAREST).save(file)
