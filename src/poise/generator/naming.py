"""Names of samples: which generator, seed and index made one, so that it can be drawn again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import torch
from torch import Tensor, nn

from poise.errors import PoiseError

if TYPE_CHECKING:
    from poise.generator.generator import Generator

DIGITS = 12  # Of the weights' SHA-256 in a name
MOST_INDEX = 1_000_000  # A sample of an index costs all latents before it
FORM = re.compile(
    rf"(?P<run>[^@?\n]*)@((?P<step>\d+)-)?(?P<weights>[0-9a-f]{{{DIGITS}}})"
    r"/(?P<seed>\d+)/(?P<index>\d+)(\?(?P<more>.*))?"
)


@dataclass(frozen=True)
class SampleName:
    """The name of one sample.

    Example:
        >>> name = SampleName("hands", "087b6442f7ba", seed=3, index=5, step=5081, label="open hand")
        >>> str(name)
        'hands@5081-087b6442f7ba/3/5?label=open+hand'
        >>> SampleName.read(str(name)) == name
        True
    """

    run: str  # The name of the run's folder, for people; the weights decide
    weights: str  # The first digits of `weights_hash`
    seed: int
    index: int  # Which of the samples of the seed
    step: int | None = None  # Of the weights, by which a checkpoint is found
    label: str | None = None  # The class that was asked for
    tags: str | None = None  # The tags that were asked for
    truncation: float = 1.0

    def __str__(self) -> str:
        step = "" if self.step is None else f"{self.step}-"
        asked = {"label": self.label, "tags": self.tags}
        more = {name: value for name, value in asked.items() if value is not None}
        if self.truncation != 1:
            more["truncation"] = f"{self.truncation:.12g}"
        query = f"?{urlencode(more)}" if more else ""
        return f"{self.run}@{step}{self.weights}/{self.seed}/{self.index}{query}"

    @staticmethod
    def read(text: str) -> SampleName:
        """The name that a text spells.

        Raises:
            PoiseError: It is no such name.
        """
        found = FORM.fullmatch(text.strip())
        try:
            if found is None:
                raise ValueError
            more = dict(
                parse_qsl(found["more"] or "", keep_blank_values=True, strict_parsing=bool(found["more"]))
            )
            truncation = float(more.pop("truncation", "1"))
            label, tags = more.pop("label", None), more.pop("tags", None)
            if more or not 0 <= truncation <= 2:
                raise ValueError
        except ValueError:
            what = f"'{text}' is no name of a sample"
            hint = "copy one that poise sample printed, such as hands@5081-087b6442f7ba/0/3, or name its PNG"
            raise PoiseError(what, code="generator.no-name", hint=hint) from None
        index = int(found["index"])
        if index >= MOST_INDEX:
            what, hint = f"The index of '{text}' is too large", f"give one below {MOST_INDEX:,}"
            raise PoiseError(what, code="generator.index-too-large", hint=hint)
        step = None if found["step"] is None else int(found["step"])
        run, weights, seed = found["run"], found["weights"], int(found["seed"])
        return SampleName(run, weights, seed, index, step, label, tags, truncation)


def weights_hash(module: nn.Module) -> str:
    """The SHA-256 of a module's parameters and buffers, in hexadecimal; the device does not matter.

    Example:
        >>> import torch
        >>> one, other = nn.Linear(2, 1), nn.Linear(2, 1)
        >>> weights_hash(one) == weights_hash(other)
        False
        >>> _ = other.load_state_dict(one.state_dict())
        >>> weights_hash(one) == weights_hash(other)
        True
    """
    digest = hashlib.sha256()
    for name, value in sorted(module.state_dict().items()):
        held = value.detach().cpu().contiguous()
        digest.update(f"{name} {held.dtype} {tuple(held.shape)}\n".encode())
        digest.update(held.flatten().view(torch.uint8).numpy() if held.numel() else b"")
    return digest.hexdigest()


def name_of(generator: Generator, run: str | Path, *, seed: int = 0, **asked: Any) -> SampleName:
    """The name of the first sample of a seed; those that follow differ in their `index`.

    Args:
        generator: The generator.
        run: The folder or the name of its run.
        seed: The seed that draws latents, and conditions if none is asked for.
        asked: `label` and `tags`, as `Generator.sample` takes them.
    """
    weights, step = weights_hash(generator.module)[:DIGITS], generator.description.get("step")
    plain = re.sub(r"[@?\n]", "-", Path(run).name)
    tags = asked.get("tags")
    text = tags if tags is None or isinstance(tags, str) else ";".join(tags)
    return SampleName(
        plain, weights, seed, 0, step, asked.get("label"), text, truncation=generator.truncation
    )


def check_weights(generator: Generator, names: Sequence[SampleName]) -> None:
    """Refuse names that are of another generator.

    Raises:
        PoiseError: The weights differ from those that made one of the samples.
    """
    weights = weights_hash(generator.module)[:DIGITS]
    for name in names:
        if name.weights != weights:
            what = f"'{name}' is a sample of other weights"
            why = f"those of this generator are {weights}"
            hint = f"name the run that made it, which was called '{name.run}', as it was at that time"
            raise PoiseError(what, code="generator.name-of-other-weights", why=why, hint=hint)


def inputs_of(generator: Generator, names: Sequence[SampleName]) -> tuple[Tensor, Tensor | None]:
    """The latents `(N, latent_size)` and conditions of named samples, in their order.

    Raises:
        PoiseError: A name is of another generator, or there is no such class or tag.
    """
    check_weights(generator, names)
    latents, conditions = list[Tensor](), list[Tensor]()
    for name in names:
        latents.append(generator.latents(name.index + 1, seed=name.seed)[-1])
        drawn = generator.conditions(name.index + 1, seed=name.seed, label=name.label, tags=name.tags)
        if drawn is not None:
            conditions.append(drawn[-1])
    return torch.stack(latents), torch.stack(conditions) if conditions else None
