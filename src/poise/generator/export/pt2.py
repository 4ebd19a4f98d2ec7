"""Export to torch's own format: a program that runs without Poise."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.export import Dim, ExportedProgram

from poise.errors import PoiseError
from poise.generator.export.parity import parities, parity_line, runner
from poise.generator.export.portable import Portable, facts_of, portable
from poise.generator.export.target import Exported, ExportTarget, Subject
from poise.generator.generator import Generator

FACTS = "poise.json"
EXAMPLES = 2  # An example of one sample would be taken for the only size


def write_pt2(subject: Subject, path: Path) -> Exported:
    """Write a `.pt2` file, which `torch.export.load(path).module()` reads."""
    generator = subject.generator
    made = portable(generator)
    facts = facts_of(generator, subject.name, made.inputs)
    program = traced(generator, made)
    torch.export.save(program, path, extra_files={FACTS: json.dumps(facts)})
    found = parities(generator, made, runner(torch.export.load(path).module()))
    return Exported((path,), {**facts, "parity": [one.to_json() for one in found]}, (parity_line(found),))


def traced(generator: Generator, made: Portable) -> ExportedProgram:
    """The graph of a portable generator for batches of any size.

    Raises:
        PoiseError: The network does something that torch cannot trace.
    """
    try:
        with torch.no_grad():
            inputs = made.example(generator, EXAMPLES)
            made.module(
                *inputs
            )  # Tensors that functions keep are made before the trace, which would own them
            return torch.export.export(made.module, inputs, dynamic_shapes=(shapes_of(made),))
    except Exception as error:
        raise not_traceable(generator, error) from None


def shapes_of(made: Portable) -> tuple[dict[int, Any], ...]:
    """Which axes of the inputs have any size: the batch of all but the truncation."""
    batch = Dim("batch")
    return tuple({} if name == "truncation" else {0: batch} for name in made.inputs)


def not_traceable(generator: Generator, error: Exception) -> PoiseError:
    """The error for a network that cannot be traced."""
    part = generator.description.get("network") or {}
    why = " ".join(str(error).split("\n\n")[0].split())[:200]
    return PoiseError(
        f"The network '{part.get('name', 'of this generator')}' cannot be exported",
        code="export.not-traceable",
        why=f"torch cannot trace it: {type(error).__name__}: {why}",
        hint="export another generator",
    )


PT2 = ExportTarget(
    name="pt2",
    write=write_pt2,
    summary="A program of torch.export that runs in PyTorch without Poise.",
    suffix=".pt2",
)
