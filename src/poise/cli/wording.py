"""How numbers, times, paths and recipes read on a terminal."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poise.recipes import Recipe


def clock(seconds: float) -> str:
    """A time span as a stopwatch shows it.

    Example:
        >>> clock(7.4), clock(83), clock(7265), clock(200_000)
        ('0:07', '1:23', '2:01:05', '2 days 7:33:20')
    """
    whole = max(0, round(seconds))
    days, rest = divmod(whole, 86_400)
    hours, rest = divmod(rest, 3_600)
    minutes, left = divmod(rest, 60)
    text = f"{hours}:{minutes:02}:{left:02}" if hours or days else f"{minutes}:{left:02}"
    return f"{days} {'day' if days == 1 else 'days'} {text}" if days else text


def decimal(value: float) -> str:
    """A loss in few digits.

    Example:
        >>> decimal(0.69314), decimal(-12.5), decimal(123456.0)
        ('0.693', '-12.500', '1.23e+05')
    """
    return f"{value:.3f}" if abs(value) < 1_000 else f"{value:.3g}"


def percent(share: float) -> str:
    """A share in whole percent, rounded down so that 100 means all.

    Example:
        >>> percent(0.5), percent(0.9999)
        ('50 %', '99 %')
    """
    return f"{int(100 * share + 1e-9)} %"


def counted(count: int, thing: str) -> str:
    """A number of things.

    Example:
        >>> counted(1, "step"), counted(4000, "step"), counted(2, "batch")
        ('1 step', '4,000 steps', '2 batches')
    """
    ending = "" if count == 1 else "es" if thing.endswith(("s", "x", "ch", "sh")) else "s"
    return f"{count:,} {thing}{ending}"


def shown(path: Path | str) -> str:
    """A path as a person reads it: from here where that is shorter.

    Example:
        >>> shown(Path.cwd() / "runs" / "demo")
        'runs/demo'
    """
    whole = str(Path(path).absolute())
    return min(os.path.relpath(whole), whole, key=len)


def command(*words: str | Path) -> str:
    """A command that can be copied into a shell.

    Example:
        >>> command("poise", "train", "my photos")
        "poise train 'my photos'"
    """
    return shlex.join(shown(word) if isinstance(word, Path) else word for word in words)


def data_sentence(kind: str, shape: Sequence[int], count: int) -> str:
    """What the data are.

    Example:
        >>> data_sentence("image", (1, 8, 8), 1797), data_sentence("vector", (2,), 1)
        ('1,797 images of 8x8, grey', '1 row of 2 numbers')
    """
    if kind == "vector":
        return f"{counted(count, 'row')} of {counted(shape[0], 'number')}"
    channels, height, width = shape
    colours = {1: "grey", 3: "colour", 4: "colour with alpha"}.get(channels, f"{channels} channels")
    return f"{counted(count, 'image')} of {height}x{width}, {colours}"


def recipe_sentence(recipe: Recipe) -> str:
    """A recipe in a line: what it plays, with which networks, for how long.

    Example:
        >>> from poise.recipes import RECIPES
        >>> recipe_sentence(RECIPES["wasserstein-gp"])
        'wasserstein-gp: wasserstein loss, wgan-gp penalty, auto networks, batches of 64'
    """
    pieces = [f"{recipe.loss.name} loss"]
    if recipe.penalties:
        pieces.append(
            " and ".join(recipe.penalties) + (" penalty" if len(recipe.penalties) == 1 else " penalties")
        )
    networks = {recipe.generator.name, recipe.discriminator.name}
    pieces.append(
        f"{recipe.generator.name} networks"
        if len(networks) == 1
        else f"{recipe.generator.name} against {recipe.discriminator.name}"
    )
    pieces.append(f"batches of {recipe.batch_size:,}")
    pieces += [counted(recipe.steps, "step")] if recipe.steps else []
    pieces += [f"seed {recipe.seed}"] if recipe.seed else []
    return f"{recipe.name}: {', '.join(pieces)}"


def flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Nested settings by their dotted paths, as `--set` takes them.

    Example:
        >>> flat({"loss": {"name": "hinge"}, "packing": 2, "penalties": {}})
        [('loss', 'hinge'), ('packing', 2), ('penalties', {})]
    """
    pairs: list[tuple[str, Any]] = []
    for key, value in values.items():
        if key == "name" and prefix:
            pairs.append((prefix, value))
        elif isinstance(value, Mapping) and value:
            pairs += flat(value, f"{prefix}.{key}" if prefix else key)
        else:
            pairs.append((f"{prefix}.{key}" if prefix else key, value))
    return pairs


def value_word(value: Any) -> str:
    """A setting's value as a person writes it after `--set path=`.

    Example:
        >>> value_word(0.0002), value_word(None), value_word("auto"), value_word({}), value_word(True)
        ('0.0002', 'null', 'auto', 'none', 'true')
    """
    if value is None:
        return "null"
    if value in ({}, []):
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else str(value)
