"""What a GPU gives, and whether everything works there: `make gpu-check`, at most eight minutes.

    python -m benchmarks.gpu [--device cuda] [--minutes 8] [--only SECTION ...]
    python -m benchmarks.gpu --device cpu --quick     # every section in seconds, at tiny sizes

Sections: the tests marked `gpu`; twenty steps on the CPU and on the device from the same batches, in float32;
float32 against bfloat16 on the device; penalties under `torch.compile`; images a second and memory of DCGAN,
StyleGAN2 and R3GAN; forty games of width 400 at once against one by one; the shares of the doctor and of the
evaluation. A section that fails says why, and the others go on. Results go to docs/benchmarks/gpu.json and to
a page beside it; with `--quick`, or on another device, to a folder of their own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmarks import many, penalties
from poise.dynamics import Batch
from poise.metrics.features.extractor import full_float32
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.registry import bound, provided
from poise.tasks.held_out import examined
from poise.training import StepContext, begin, plan
from poise.training.batches import training_batches
from poise.training.callbacks.doctor import Doctor
from poise.training.callbacks.quality import QualityWatch
from poise.training.components import Components, build_components
from poise.training.engine import synchronised, with_precision
from poise.training.planning import Experiment

CPU = torch.device("cpu")
FOLDER = Path(__file__).parents[1] / "docs" / "benchmarks"
STEPS = 20  # In which losses are compared

Result = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """Where it runs, and how small."""

    device: torch.device
    quick: bool


def pictures(side: int, count: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Colour pictures of blurred noise."""
    noise = np.random.default_rng(0).integers(0, 256, (count, side // 4, side // 4, 3), dtype=np.uint8)
    return noise.repeat(4, axis=1).repeat(4, axis=2)


def planned(name: str, side: int, changes: Mapping[str, Any], device: torch.device) -> Experiment:
    """A recipe on such pictures."""
    common = {"steps": 1_000, "evaluate_every": 0, "sample_every": 1_000, "precision": "float32", **changes}
    recipe = recipe_with(RECIPES[name], common)
    return plan(pictures(side, max(256, 2 * recipe.batch_size)), recipe, device)


def step_of(experiment: Experiment, components: Components) -> Callable[[int], Mapping[str, Tensor]]:
    """From a number to what that step of the game measured."""
    recipe = components.recipe
    sampler = training_batches(recipe, experiment.dataset, components.device, drawn=0)
    step = provided(bound(components.dynamics.step, recipe.dynamics.options), epoch_steps=sampler.epoch_steps)
    return lambda number: step(components.players, partial(sampler.next, number), number)


# Sections -------------------------------------------------------------------------------------------------


def tests(asked: Asked) -> Result:
    """The tests that are marked for a GPU."""
    words = [sys.executable, "-m", "pytest", "-m", "gpu", "-p", "no:cacheprovider", "--tb=short", "-n", "8"]
    files = ["training/test_gpu.py", "training/test_gpu_battery.py", "networks/test_filter_kernel.py"]
    found = subprocess.run(
        [*words, *(f"tests/{file}" for file in files)],
        cwd=FOLDER.parents[1],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    print(found.stdout, found.stderr, file=sys.stderr)
    lines = [line for line in (found.stdout + found.stderr).splitlines() if line.strip()]
    return {"passed": found.returncode == 0, "status": found.returncode, "end": lines[-8:]}


def equal_losses(asked: Asked) -> Result:
    """Twenty steps from the same weights and batches on the CPU and on the device, in float32."""
    found: Result = {}
    for name, side, changes in (
        ("non-saturating", 32, {"batch_size": 16}),
        ("relativistic-r1r2", 32, {"batch_size": 16}),
        ("stylegan2", 32, {"batch_size": 8, **_narrow_stylegan2(512)}),
    ):
        size = {"batch_size": 4} if asked.quick else {}
        steps = 4 if asked.quick else STEPS
        experiment = planned(name, 16 if asked.quick else side, {**changes, **size, **_exact(name)}, CPU)
        with full_float32():
            here = logs_of(experiment, CPU, "float32", steps)
            there = logs_of(experiment, asked.device, "float32", steps)
        found[name] = differences(here, there) | {"steps": steps}
    return found


def _exact(name: str) -> dict[str, Any]:
    """Without what is drawn on the device itself, whose streams are not those of the CPU."""
    if name != "stylegan2":
        return {}
    return {"regularisers.r1.every": 4, "regularisers.path-length": None, "generator.mixing": 0.0}


def _narrow_stylegan2(base: int) -> dict[str, Any]:
    networks = {f"{player}.channel_base": base for player in ("generator", "discriminator")}
    return {**networks, "latent.size": 64}


def logs_of(
    experiment: Experiment, device: torch.device, precision: str, steps: int
) -> list[dict[str, float]]:
    """The losses and scores of some steps, from batches that are drawn on the CPU."""
    recipe = experiment.recipe.model_copy(update={"precision": precision})
    components = build_components(recipe, experiment.spec, device)
    sampler = training_batches(recipe, experiment.dataset, CPU, drawn=0)
    step = bound(components.dynamics.step, recipe.dynamics.options)
    step = provided(step, epoch_steps=sampler.epoch_steps)
    rows = []

    def batch(number: int) -> Batch:
        drawn = sampler.next(number)
        stream = torch.Generator(device).manual_seed(number)
        return replace(drawn, real=drawn.real.to(device), latent=drawn.latent.to(device), generator=stream)

    for number in range(steps):
        torch.manual_seed(number)
        logs = step(components.players, partial(batch, number), number)
        rows.append({name: float(value.float().mean()) for name, value in logs.items()})
    return rows


def differences(one: Sequence[Mapping[str, float]], other: Sequence[Mapping[str, float]]) -> Result:
    """The greatest difference of each loss, over its own mean size: of the first step, and of all."""
    names = [name for name in one[-1] if name.endswith("_loss")]
    sizes = {name: max(statistics.fmean(abs(row[name]) for row in one), 1e-12) for name in names}
    apart = [
        max(abs(a[name] - b[name]) / sizes[name] for name in names) for a, b in zip(one, other, strict=True)
    ]
    return {"first_step": apart[0], "all_steps": max(apart)}


def bfloat16(asked: Asked) -> Result:
    """Twenty steps in float32 and in bfloat16 on the device, from the same weights and batches."""
    found: Result = {}
    for name, changes in (
        ("non-saturating", {"batch_size": 16}),
        ("stylegan2", {"batch_size": 8, **_narrow_stylegan2(512), **_exact("stylegan2")}),
    ):
        size = {"batch_size": 4} if asked.quick else {}
        experiment = planned(name, 16 if asked.quick else 32, {**changes, **size}, CPU)
        steps = 4 if asked.quick else STEPS
        full, half = (
            logs_of(experiment, asked.device, precision, steps) for precision in ("float32", "bf16")
        )
        taken = with_precision(
            experiment.recipe.model_copy(update={"precision": "auto"}), asked.device
        ).precision
        found[name] = differences(full, half) | {"steps": steps, "auto": taken}
    return found


def compiled_penalties(asked: Asked) -> Result:
    """Each penalty as everybody writes it, ours, and ours under `torch.compile`: milliseconds, values."""
    side, batch, rounds = (16, 4, 2) if asked.quick else (64, 64, 15)
    found: Result = {}
    for name in ("r1",) if asked.quick else penalties.PENALTIES:
        torch.manual_seed(0)
        discriminator, real, fake = _discriminator(asked.device, side, batch)
        ways = penalties.candidates(name, discriminator, real, fake, compiled=not asked.quick)
        values = {way: float(run().detach()) for way, run in ways.items()} if name == "r1" else {}
        seconds = penalties.measure(ways, discriminator, rounds)
        found[name] = {
            "milliseconds": {way: 1e3 * statistics.median(times) for way, times in seconds.items()},
            "values": values,
        }
    return found


def _discriminator(device: torch.device, side: int, batch: int) -> tuple[torch.nn.Module, Tensor, Tensor]:
    from poise.networks import DISCRIMINATORS
    from poise.spec import DataSpec
    from poise.training.engine import channels_last

    network = channels_last(DISCRIMINATORS["dcgan"].build(DataSpec("image", (3, side, side)), width=32))
    real, fake = (torch.randn(batch, 3, side, side, device=device) for _ in range(2))
    return network.to(device), real, fake


@dataclass(frozen=True)
class Speed:
    """What is timed: a recipe at the sizes that are published for it."""

    title: str
    recipe: str
    side: int
    changes: Mapping[str, Any]
    small: Mapping[str, Any]


SPEEDS = (
    Speed(
        "DCGAN 64", "non-saturating", 64, {"batch_size": 64}, {"generator.width": 8, "discriminator.width": 8}
    ),
    Speed("StyleGAN2 128", "stylegan2", 128, {"batch_size": 32}, _narrow_stylegan2(256)),
    Speed("StyleGAN2 256", "stylegan2", 256, {"batch_size": 16}, _narrow_stylegan2(256)),
    Speed("R3GAN 64", "r3gan", 64, {"batch_size": 64}, {"generator.width": 8, "discriminator.width": 8}),
)


def throughput(asked: Asked) -> Result:
    """Images a second and peak memory, in float32 (with TF32 for convolutions) and in bfloat16."""
    found: Result = {}
    for speed in SPEEDS:
        side = 16 if asked.quick else speed.side
        changes = {**speed.changes, **({**speed.small, "batch_size": 4} if asked.quick else {})}
        for precision in ("float32", "bf16"):
            name = f"{speed.title}, {precision}"
            try:
                found[name] = timed(speed.recipe, side, {**changes, "precision": precision}, asked)
            except Exception as error:  # such as out of memory; the others are still to be seen
                traceback.print_exc()
                found[name] = {"error": f"{type(error).__name__}: {str(error)[:200]}"}
            if asked.device.type == "cuda":
                torch.cuda.empty_cache()
    return found


def timed(recipe: str, side: int, changes: Mapping[str, Any], asked: Asked) -> Result:
    """A window of steps with their share of lazy ones, until it has taken four seconds."""
    device = asked.device
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    experiment = planned(recipe, side, changes, device)
    run, period = step_of(experiment, experiment.components), 16
    for number in range(1 if asked.quick else period):
        run(number)
    synchronised(device)
    began, steps = time.perf_counter(), 0
    while steps < (1 if asked.quick else period) or (time.perf_counter() - began < 4 and not asked.quick):
        for number in range(1 if asked.quick else period):
            run(steps + number)
        synchronised(device)
        steps += 1 if asked.quick else period
    seconds = time.perf_counter() - began
    memory = torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None
    batch = experiment.recipe.batch_size
    return {
        "images_per_second": batch * steps / seconds,
        "seconds_per_thousand": 1e3 * seconds / (batch * steps),
        "milliseconds_per_step": 1e3 * seconds / steps,
        "gigabytes": memory,
        "batch": batch,
        "parameters": {
            player: sum(value.numel() for value in own.values())
            for player, own in experiment.components.players.parameters.items()
        },
    }


def games(asked: Asked) -> Result:
    """Forty games at once against one by one, of width 400 and of width 64."""
    cases = many.TINY if asked.quick else tuple(replace(case, steps=100) for case in many.ON_GPU)
    found: Result = {}
    for case in cases:
        with tempfile.TemporaryDirectory() as folder:
            alone = many.one_by_one(case, asked.device, Path(folder)) / case.steps
            together = many.side_by_side(case, asked.device, Path(folder)) / case.steps
        found[f"{case.games} games of width {case.width}, batch {case.batch_size}"] = {
            "one_by_one_ms": 1e3 * alone,
            "at_once_ms": 1e3 * together,
            "times": alone / together,
            "wanted": case.wanted,
        }
    return found


def shares(asked: Asked) -> Result:
    """The share of a run's time that the doctor and the evaluation take, beside the loop."""
    steps, side = (6, 16) if asked.quick else (400, 64)
    small = {"generator.width": 8, "discriminator.width": 8, "batch_size": 8} if asked.quick else {}
    experiment = planned("non-saturating", side, {**small, "steps": steps}, asked.device)
    recipe: Recipe = experiment.recipe.model_copy(update={"evaluate_every": max(1, steps // 2)})
    components = experiment.components
    components.recipe = recipe
    beside: dict[str, Callable[[StepContext], object]] = {
        "doctor": Doctor(recipe, *examined(recipe, experiment.dataset), _silent),
        "evaluation": QualityWatch(components, experiment.dataset, _silent),
    }
    spent = dict.fromkeys(beside, 0.0)

    def watched(context: StepContext) -> None:
        for name, callback in beside.items():
            synchronised(asked.device)
            began = time.perf_counter()
            callback(context)
            spent[name] += time.perf_counter() - began

    with tempfile.TemporaryDirectory() as folder:
        outcome = begin(experiment, Path(folder) / "run", callbacks=[watched], notify=_silent, doctor="off")
    seconds = outcome.position.seconds
    found: Result = {name: value / seconds for name, value in spent.items()}
    return found | {"steps": steps, "evaluations": 2, "seconds": seconds}


def _silent(sentence: str) -> None:
    """Nobody is notified."""


SECTIONS: Mapping[str, Callable[[Asked], Result]] = {
    "equal losses": equal_losses,
    "bfloat16": bfloat16,
    "throughput": throughput,
    "games": games,
    "shares": shares,
    "tests": tests,
    "penalties": compiled_penalties,
}
"""In this order: what matters most comes first, should time run out."""


def main() -> None:
    """Run the sections, and write what they found."""
    parser = argparse.ArgumentParser(description="Whether everything works on a GPU, and how fast.")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that every section runs")
    parser.add_argument("--minutes", type=float, default=8.0, help="begin no section after so long")
    parser.add_argument("--only", nargs="+", choices=list(SECTIONS), help="these sections alone")
    parser.add_argument("--out", type=Path, help="the folder of gpu.json and gpu.md")
    given = parser.parse_args()
    device = torch.device(given.device)
    if device.type == "cuda" and not torch.cuda.is_available():
        print(f"There is no GPU that this PyTorch ({torch.__version__}) can use, so nothing was measured.")
        return
    published = device.type == "cuda" and not given.quick
    out = given.out or (FOLDER if published else Path(tempfile.mkdtemp(prefix="gpu-check-")))
    found = where(device) | {"quick": given.quick, "sections": {}}
    began = time.monotonic()
    for name in given.only or SECTIONS:
        if time.monotonic() - began > 60 * given.minutes:
            found["sections"][name] = {"error": "there was no time left for it"}
            continue
        start = time.monotonic()
        try:
            section = SECTIONS[name](Asked(device, given.quick))
        except Exception as error:
            traceback.print_exc()
            section = {"error": f"{type(error).__name__}: {str(error)[:400]}"}
        found["sections"][name] = section
        print(f"{name}, {time.monotonic() - start:.1f} s: {json.dumps(section)}", flush=True)
        write(found, out, time.monotonic() - began)
    print(f"Written to {out / 'gpu.json'} and {out / 'gpu.md'}.")


def where(device: torch.device) -> Result:
    """The machine."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or "CPU"
    return {
        "card": name,
        "device": str(device),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "processors": os.cpu_count(),
        "date": time.strftime("%Y-%m-%d"),
    }


def write(found: Result, out: Path, seconds: float) -> None:
    """The JSON file and the page, anew after each section, so that an end from outside loses one."""
    out.mkdir(parents=True, exist_ok=True)
    found = {**found, "seconds": round(seconds, 1)}
    (out / "gpu.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    (out / "gpu.md").write_text(page(found), encoding="utf-8")


def page(found: Result) -> str:
    """The results as Markdown."""
    words = f"{found['card']}, torch {found['torch']}, CUDA {found['cuda']}, {found['date']}"
    quick = "\n**Tiny sizes, to see that every section runs: no number here says anything.**\n"
    lines = ["# On a GPU", "", f"Written by `make gpu-check` in {found['seconds']:.0f} s on: {words}."]
    lines += [quick] if found["quick"] else [""]
    for name, section in found["sections"].items():
        lines += [f"## {name[0].upper()}{name[1:]}", ""]
        doc = (SECTIONS[name].__doc__ or "").partition("\n")[0]
        lines += [doc, "", *rows(section), ""]
    return "\n".join(lines).rstrip() + "\n"


def rows(section: Result) -> list[str]:
    """A table of a section: a line for each entry, a column for each of its numbers."""
    if "error" in section:
        return [f"It could not be measured: {section['error']}"]
    entries = {name: value for name, value in section.items() if isinstance(value, dict)}
    plain = {name: value for name, value in section.items() if name not in entries}
    lines = [
        "| | value |",
        "|---|---|",
        *(f"| {label(name)} | {shown(value)} |" for name, value in plain.items()),
    ]
    lines = lines if plain else []
    columns = list(dict.fromkeys(key for value in entries.values() for key in value))
    if entries:
        lines += [""] * bool(lines)
        lines += [f"| | {' | '.join(map(label, columns))} |", "|---" * (len(columns) + 1) + "|"]
        lines += [
            f"| {name} | {' | '.join(shown(value.get(key)) for key in columns)} |"
            for name, value in entries.items()
        ]
    return lines


def label(name: str) -> str:
    """A key as a title."""
    return name.replace("_", " ")


def shown(value: Any) -> str:
    """A value as a short text."""
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1_000 else f"{value:,.0f}"
    if isinstance(value, dict):
        return ", ".join(f"{name} {shown(one)}" for name, one in value.items()) or "–"
    if isinstance(value, list):
        return " / ".join(str(one) for one in value)
    return "–" if value is None else str(value)


if __name__ == "__main__":
    main()
