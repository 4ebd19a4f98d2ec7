"""Console logs and text files as public programs write them: each format is one row of a table."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from poise.diagnosis.logs.names import meaning

SAMPLE = 2000  # Lines at the beginning, and as many at the end, by which the program is told
COUNTS = frozenset(
    ["step", "epoch", "batch", "batches", "iteration", "tick", "kimg"]
)  # Columns that only count
_COUNTED = frozenset(["STEP", "EPOCH", "BATCH", "IMAGES"])

NUMBER = r"[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?!\d|\.\d)|[-+]?(?:nan|inf(?:inity)?)\b"
_VALUE = re.compile(NUMBER, re.IGNORECASE)
# A name and the number behind it: "D loss: 0.5", "Loss_D_fake 0.2", "D(G(z)): 0.2 / 0.1"
_PAIR = re.compile(
    r"(?P<name>(?!nan\b|inf\b)[A-Za-z][\w./+-]*(?:[ ](?!nan\b|inf\b)[A-Za-z][\w./+-]*)*\.?(?:[ "
    r"]?\((?:[^()]|\([^()]*\))*\))?)"
    rf"(?P<between>\s*[:=]\s*|[ ]+)\[?\s*(?P<value>{NUMBER})(?P<more>(?:\s*,\s*(?:{NUMBER}))*)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Format:
    """How one program prints a reading.

    The pattern's groups are columns; `pairs` is the part of the line that holds names with their numbers. A
    line with `epoch` and `batch` out of `batches` counts steps from both.
    """

    program: str
    line: str
    source: str
    spaces: bool = False  # Whether names and numbers may be set apart by a space alone
    goes_on: bool = (
        False  # Whether the lines that follow, a name and a number each, belong to the same reading
    )
    earlier: bool = False  # Whether it repeats a reading of an earlier step
    names: Mapping[str, str] = field(default_factory=dict)  # Groups that stand for columns of another name


_N = rf"(?:{NUMBER})"
_GITHUB = "https://github.com"
FORMATS: tuple[Format, ...] = (
    Format(
        "pix2pix, CycleGAN",
        r"\(epoch: (?P<epoch>\d+), iters: (?P<iteration>\d+)[^)]*\) *(?P<pairs>.*)",
        f"{_GITHUB}/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/util/visualizer.py",
    ),
    Format(
        "DCGAN, WassersteinGAN",
        r"\[(?P<epoch>\d+)/\d+\]\[(?P<batch>\d+)/(?P<batches>\d+)\](?:\[\d+\])?\s*(?P<pairs>Loss_.*)",
        f"{_GITHUB}/pytorch/examples/blob/main/dcgan/main.py",
        spaces=True,
    ),
    Format(
        "PyTorch-GAN",
        r"\[Epoch (?P<epoch>\d+)/\d+\]\s*(?:\[Batch (?P<batch>\d+)/(?P<batches>\d+)\])?\s*(?P<pairs>\[.*)",
        f"{_GITHUB}/eriklindernoren/PyTorch-GAN/blob/master/implementations/gan/gan.py",
    ),
    Format(
        "Keras-GAN",
        r"^\s*(?P<iteration>\d+)\s*(?P<pairs>\[[DC] loss.*)",
        f"{_GITHUB}/eriklindernoren/Keras-GAN/blob/master/gan/gan.py",
    ),
    Format(
        "DCGAN-tensorflow",
        r"Epoch: \[\s*(?P<epoch>\d+)(?:/\s*\d+)?\]\s*\[\s*(?P<batch>\d+)/\s*(?P<batches>\d+)\](?P<pairs>.*)",
        f"{_GITHUB}/carpedm20/DCGAN-tensorflow/blob/master/model.py",
    ),
    Format(
        "pro_gan_pytorch, BMSG-GAN",
        r"Elapsed:? \[[^\]]*\]\s*(?:Step: \d+\s*)?batch: (?P<iteration>\d+)\s*(?P<pairs>.*)",
        f"{_GITHUB}/akanimax/BMSG-GAN/blob/master/sourcecode/MSG_GAN/GAN.py",
    ),
    Format(
        "lightweight-gan, stylegan2-pytorch, gigagan-pytorch",
        r"(?P<iteration>\d+)/\d+ \[[^\]]*\](?P<pairs>\s*G: .*)",
        f"{_GITHUB}/lucidrains/lightweight-gan/blob/main/lightweight_gan/lightweight_gan.py",
    ),
    Format(
        "StyleGAN2-ada, StyleGAN3",
        rf"^tick (?P<tick>\d+)\s+kimg (?P<kimg>{_N})\s+time .*?(?:augment (?P<augment>{_N}))?\s*$",
        f"{_GITHUB}/NVlabs/stylegan3/blob/main/training/training_loop.py",
    ),
    Format(
        "StyleGAN2-ada, StyleGAN3",
        rf"^network-snapshot-(?P<kimg>\d+)\s+time .*?(?P<name>(?:fid|kid)\w*)\s+(?P<value>{_N})",
        f"{_GITHUB}/NVlabs/stylegan2-ada/blob/main/metrics/metric_base.py",
    ),
    Format(
        "StudioGAN",
        r"Step:\s*(?P<step>\d+) Progress: \S+%?\s*Elapsed: (?:\d+ days?, )?[\d:]+\s*(?P<pairs>.*)",
        f"{_GITHUB}/POSTECH-CVLab/PyTorch-StudioGAN/blob/master/src/worker.py",
    ),
    Format(
        "StudioGAN",
        rf"(?<!Best )FID score \(Step: (?P<step>\d+)[^)]*\): (?P<FID>{_N})",
        f"{_GITHUB}/POSTECH-CVLab/PyTorch-StudioGAN/blob/master/src/worker.py",
    ),
    Format(
        "StudioGAN",
        rf"Best FID score \(Step: (?P<step>\d+)[^)]*\): (?P<FID>{_N})",
        f"{_GITHUB}/POSTECH-CVLab/PyTorch-StudioGAN/blob/master/src/worker.py",
        earlier=True,
    ),
    Format(
        "CTGAN",
        r"Epoch (?P<epoch>\d+), (?P<pairs>Loss [GD]: .*)",
        f"{_GITHUB}/sdv-dev/CTGAN/blob/main/ctgan/synthesizers/ctgan.py",
    ),
    Format(
        "CTGAN",
        rf"Gen\. \((?P<generator>{_N})\) \| Discrim\. \((?P<discriminator>{_N})\):.*?(?P<epoch>\d+)/\d+ \[",
        f"{_GITHUB}/sdv-dev/CTGAN/blob/main/ctgan/synthesizers/ctgan.py",
        names={"generator": "generator loss", "discriminator": "discriminator loss"},
    ),
    Format(
        "mmgeneration",
        r"Iter \[(?P<iteration>\d+)/\d+\]\s*(?P<pairs>.*)",
        f"{_GITHUB}/open-mmlab/mmgeneration",
    ),
    Format(
        "BasicSR",
        r"<?\[?epoch:\s*(?P<epoch>\d+), iter:\s*(?P<iteration>[\d,]+)[^>\]]*[>\]](?P<pairs>.*)",
        f"{_GITHUB}/XPixelGroup/BasicSR/blob/master/basicsr/utils/logger.py",
    ),
    Format(
        "pix2pix-tensorflow",
        r"^progress  epoch (?P<epoch>\d+)  step (?P<batch>\d+)  image/sec",
        f"{_GITHUB}/affinelayer/pix2pix-tensorflow/blob/master/pix2pix.py",
        goes_on=True,
    ),
    Format(
        "Keras",
        r"(?P<batch>\d+)/(?P<batches>\d+) (?:\[[=>.]*\]|\x1b\[\d+m|━+).*? - (?P<pairs>.*)",
        "https://keras.io/api/utils/python_utils/#progbar-class",
    ),
    Format(
        "the tutorials of Machine Learning Mastery",
        r"^>(?P<epoch>\d+), (?P<batch>\d+)/(?P<batches>\d+), (?P<pairs>.*)",
        "https://machinelearningmastery.com/practical-guide-to-gan-failure-modes/",
    ),
    Format(
        "tqdm",
        r"(?:[Ee]poch\W{0,3}(?P<epoch>\d+)\D.*?)?\d+%\|[^|]*\|\s*(?P<iteration>\d+)/\d+ "
        r"\[[^\]]*?(?:/s|s/it|/it)\]?,?\s*(?P<pairs>.*)",
        "https://tqdm.github.io",
    ),
)
# A line of no known program that holds losses: its step is told by one of these, or by its place
_STEP = re.compile(
    r"(?<![A-Za-z])(?:global[ _]?)?(?P<kind>step|iter(?:ation)?s?|kimg|epoch|batch)\W{0,4}(?P<value>\d[\d,]*)"
    r"(?:\s*(?:/|of)\s*(?P<most>\d+))?",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"\s*(?P<name>[A-Za-z]\S*)\s+(?P<value>{NUMBER})\s*", re.IGNORECASE)  # "gen_loss_L1 0.3"
_TENSOR = re.compile(rf"tensor\(\s*({NUMBER})[^()]*\)", re.IGNORECASE)
# Values that are words: "ada_p: No", "Cls_loss: N/A"
_NO_NUMBER = re.compile(r"[:=]\s*(?:no|yes|none|null|n/a|true|false)\b", re.IGNORECASE)
_HEADER = re.compile(r"^\s*Epoch (?P<epoch>\d+)(?:/\d+)?\s*$", re.MULTILINE)


def read_lines(text: str) -> tuple[list[dict[str, float]], str]:
    """The readings of a console log, and the name of the program whose format it is.

    The program whose lines are most is taken. A log of none of them is read by its names and numbers alone,
    and the name is empty; its lines without a name that is known are left out.

    Example:
        >>> rows, program = read_lines("[0/25][7/782] Loss_D: 1.2 Loss_G: 5.5 D(G(z)): 0.4 / 0.0")
        >>> print(program, rows[0])
        DCGAN, WassersteinGAN {'step': 7.0, 'epoch': 0.0, 'Loss_D': 1.2, 'Loss_G': 5.5, 'D(G(z))': 0.4}
    """
    lines = re.split(r"[\r\n]+", re.sub(r"\x1b\[[\d;]*[A-Za-z]|\x08", "", text))
    sample = lines if len(lines) <= 2 * SAMPLE else [*lines[:SAMPLE], *lines[-SAMPLE:]]
    programs = dict.fromkeys(form.program for form in FORMATS)
    program = max(programs, key=lambda one: len(_rows(sample, _formats(one))))
    if rows := _rows(lines, _formats(program)):
        return rows, program
    known = functools.cache(lambda name: bool(meaning(name)[0] - _COUNTED))
    return [row for row in map(_any, lines) if any(map(known, row))], ""


def _formats(program: str) -> list[Format]:
    return [form for form in FORMATS if form.program == program]


def _rows(lines: Sequence[str], forms: Sequence[Format]) -> list[dict[str, float]]:
    patterns = [(form, re.compile(form.line)) for form in forms]
    rows: list[dict[str, float]] = []
    epoch: str | None = None
    going_on = False
    for line in lines:
        if header := _HEADER.match(line):
            epoch = header["epoch"]
        for form, pattern in patterns:
            if match := pattern.search(line):
                groups = match.groupdict()
                row = _row(form, groups if groups.get("epoch") else {**groups, "epoch": epoch})
                if not form.earlier:
                    rows.append(row)
                elif row not in rows:
                    rows.insert(sum(one.get("step", 0) <= row["step"] for one in rows), row)
                going_on = form.goes_on
                break
        else:
            if going_on and (more := _ALONE.fullmatch(line)):
                rows[-1][more["name"]] = _number(more["value"])
    return [row for row in rows if row.keys() - COUNTS]


def _row(form: Format, groups: Mapping[str, str | None]) -> dict[str, float]:
    found = {name: text for name, text in groups.items() if text is not None}
    pairs = found.pop("pairs", "")
    if "name" in found:
        found[found.pop("name")] = found.pop("value")
    row = {form.names.get(name, name): _number(text) for name, text in found.items()}
    batch, batches = row.pop("batch", None), row.pop("batches", None)
    if batch is not None and batches and "epoch" in row:
        row = {"step": row["epoch"] * batches + batch, **row}
    elif batch is not None:
        row["iteration"] = batch
    return row | {name: value for name, value in _pairs(pairs, spaces=form.spaces) if name not in row}


def _any(line: str) -> dict[str, float]:
    """Names and numbers of a line of an unknown program, with the step that it tells."""
    row: dict[str, float] = {}
    for match in _STEP.finditer(line):
        kind, value = match["kind"].lower().removesuffix("s"), _number(match["value"])
        kind = "iteration" if kind == "iter" else kind
        if match["most"] and kind != "epoch" and "epoch" in row:
            row.setdefault("step", row["epoch"] * float(match["most"]) + value)
        row.setdefault(kind, value)
    pairs = dict(_pairs(line, spaces=False)) or dict(_pairs(line, spaces=True))
    return row | {name: value for name, value in pairs.items() if name.lower() not in row}


def _pairs(text: str, *, spaces: bool) -> Iterator[tuple[str, float]]:
    plain = text.replace("'", "").replace('"', "")  # {'loss_D': 0.5}, as dictionaries are printed
    for match in _PAIR.finditer(_TENSOR.sub(r"\1", _NO_NUMBER.sub(" ;", plain))):
        if not spaces and not match["between"].strip():
            continue
        name, more = match["name"].strip(" .-"), _VALUE.findall(match["more"])
        if not more:
            yield name, _number(match["value"])
        for place, value in enumerate([match["value"], *more] if more else ()):
            yield f"{name}_{place}", _number(value)


def _number(text: str) -> float:
    return float(text.replace(",", ""))
