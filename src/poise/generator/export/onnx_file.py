"""Export to ONNX, which runtimes on phones, in browsers and in other languages read."""

from __future__ import annotations

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor, nn

from poise.generator.export.parity import Runner, parities, parity_line
from poise.generator.export.portable import Portable, facts_of, portable
from poise.generator.export.pt2 import EXAMPLES, not_traceable, shapes_of
from poise.generator.export.target import Exported, ExportTarget, Subject
from poise.generator.generator import Generator

OUTPUT = "samples"
KEY = "poise"
LARGEST_HALF = float(np.finfo(np.float16).max)


def write_onnx(
    subject: Subject, path: Path, *, half: bool = False, opset: Annotated[int, Field(ge=18, le=23)] = 20
) -> Exported:
    """Write an ONNX file with its facts, and compare its samples with Poise's own.

    Batches have any size. Inputs are `latent`, and `condition` and `truncation` if the generator has them;
    the output is `samples`, as `Generator.sample` returns them. The metadata of the file hold the facts: the
    latent's size and law, the range, classes, the step and the hash of the weights; `poise` holds all as
    JSON.

    Args:
        subject: The generator.
        path: The file.
        half: Whether it computes in float16, in a file of half the size; inputs and output stay float32.
        opset: The version of ONNX's operators.
    """
    generator = subject.generator
    made = portable(generator)
    facts = {**facts_of(generator, subject.name, made.inputs), "half": half}
    save_onnx(generator, made, path, facts, half=half, opset=opset)
    found = parities(generator, made, onnx_runner(path, made))
    size = path.stat().st_size
    more = {**facts, "bytes": size, "parity": [one.to_json() for one in found]}
    return Exported(
        (path,), more, (f"{size / 1e6:.1f} MB; inputs: {', '.join(made.inputs)}", parity_line(found))
    )


class _Half(nn.Module):
    """A module in float16 between inputs and an output in float32."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module.half()

    def forward(self, *inputs: Tensor) -> Tensor:
        made: Tensor = self.module(*(value.half() for value in inputs))
        return made.float()


def save_onnx(
    generator: Generator, made: Portable, path: Path, facts: dict[str, Any], *, half: bool, opset: int = 20
) -> None:
    """Write the graph of a portable generator with its metadata.

    Raises:
        PoiseError: The network does something that torch cannot trace, or that ONNX does not know.
    """
    module = _Half(copy.deepcopy(made.module)) if half else made.module
    inputs = made.example(generator, EXAMPLES)
    try:
        with _quiet(), torch.no_grad():
            module(*inputs)  # As in `traced`
            program = torch.onnx.export(
                module,
                inputs,
                input_names=list(made.inputs),
                output_names=[OUTPUT],
                dynamic_shapes=(shapes_of(made),),
                opset_version=opset,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
            assert program is not None
            texts = {
                name: value if isinstance(value, str) else json.dumps(value) for name, value in facts.items()
            }
            program.model.metadata_props.update({**texts, KEY: json.dumps(facts)})
            program.save(path, external_data=False)
    except Exception as error:
        raise not_traceable(generator, error) from None


def store_in_half(path: Path) -> None:
    """Store the weights of a float32 ONNX file as float16; it still computes in float32.

    A runtime converts them once, when it opens the file. In a file that computes in float16, one that has no
    instructions for it converts weights and features at every layer of every sample.
    """
    import onnx  # noqa: PLC0415 - of an extra

    model = onnx.load(path)
    casts = []
    for stored in model.graph.initializer:
        values = onnx.numpy_helper.to_array(stored)
        if values.dtype == np.float32 and values.ndim:
            name = f"{stored.name}.half"
            casts.append(onnx.helper.make_node("Cast", [name], [stored.name], to=onnx.TensorProto.FLOAT))
            near = values.clip(-LARGEST_HALF, LARGEST_HALF).astype(np.float16)
            stored.CopyFrom(onnx.numpy_helper.from_array(near, name))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)


def onnx_runner(path: Path, made: Portable) -> Runner:
    """An ONNX file as `parities` calls it."""
    import onnxruntime  # noqa: PLC0415 - of an extra

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # Errors: of float16 it warns that constants are not folded
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def run(inputs: tuple[Tensor, ...]) -> Tensor:
        given = {name: value.numpy() for name, value in zip(made.inputs, inputs, strict=True)}
        return torch.from_numpy(session.run([OUTPUT], given)[0])

    return run


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what the exporter says of its own progress."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


ONNX = ExportTarget(
    name="onnx",
    write=write_onnx,
    summary="A file for ONNX runtimes: phones, browsers, other languages.",
    suffix=".onnx",
    extra="export",
    modules=("onnx", "onnxscript", "onnxruntime"),
)
