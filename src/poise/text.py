"""How numbers, times, names, paths and commands read, wherever people read them."""

from __future__ import annotations

import math
import os
import re
import shlex
from collections.abc import Sequence
from pathlib import Path


def number(value: float) -> str:
    """A number with four significant digits.

    Example:
        >>> number(256000), number(0.69314), number(0.00002), number(1.5e9)
        ('256,000', '0.6931', '2e-5', '1,500,000,000')
    """
    if not math.isfinite(value):
        return {math.inf: "infinity", -math.inf: "-infinity"}.get(value, "not a number")
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}"
    if 1e-3 <= abs(value) < 1e6:
        text = f"{value:,.0f}" if abs(value) >= 1e4 else f"{float(f'{value:.4g}'):,}"
        return text.removesuffix(".0")
    mantissa, _, exponent = f"{value:.3g}".partition("e")
    return f"{mantissa}e{int(exponent)}" if exponent else mantissa


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
        >>> counted(1, "step"), counted(4000, "step"), counted(2, "batch"), counted(2, "try")
        ('1 step', '4,000 steps', '2 batches', '2 tries')
    """
    if count == 1:
        return f"1 {thing}"
    if thing.endswith("y") and thing[-2] not in "aeiou":
        return f"{count:,} {thing[:-1]}ies"
    return f"{count:,} {thing}{'es' if thing.endswith(('s', 'x', 'ch', 'sh')) else 's'}"


def clock(seconds: float) -> str:
    """A time span as a stopwatch shows it.

    Example:
        >>> clock(7.4), clock(83), clock(7265), clock(200_000)
        ('0:07', '1:23', '2:01:05', '2 days 7:33:20')
    """
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    text = f"{hours}:{minutes:02}:{rest:02}" if hours or days else f"{minutes}:{rest:02}"
    return f"{counted(days, 'day')} {text}" if days else text


def duration(seconds: float) -> str:
    """A time span in its two largest units.

    Example:
        >>> duration(4.31), duration(723), duration(7300), duration(200_000)
        ('4.3 s', '12 min 3 s', '2 h 1 min', '2 d 7 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    rest, parts = round(seconds), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        parts.append((count, unit))
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count)


def seconds_of(text: str) -> float | None:
    """The seconds that a time span as people type it has; `None` if it is none.

    Example:
        >>> seconds_of("30m"), seconds_of("1h30m"), seconds_of("90 s"), seconds_of("2 d"), seconds_of("soon")
        (1800.0, 5400.0, 90.0, 172800.0, None)
    """
    sizes = {"d": 86_400, "h": 3_600, "m": 60, "min": 60, "s": 1}
    if not re.fullmatch(r"\s*(\d+(\.\d+)?\s*(d|h|min|m|s)\s*)+", text):
        return None
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)", text)
    return float(sum(float(count) * sizes[unit] for count, unit in parts))


def first_few(names: Sequence[str], *, most: int = 3) -> str:
    """The first names of a list, and how many more there are.

    Example:
        >>> first_few(["a", "b", "c", "d"], most=2)
        'a, b and 2 more'
    """
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def label(name: str) -> str:
    """A plain name as words.

    Example:
        >>> label("discriminator_gradient_norm"), label("frechet-distance"), label("c_t"), label("psnr")
        ('Discriminator gradient norm', 'Fréchet distance', 'C_T', 'PSNR')
    """
    if name == "c_t":
        return "C_T"
    words = name.replace("_", " ").replace("-", " ").split()
    spelt = {"frechet": "Fréchet", "kl": "KL", "psnr": "PSNR", "ssim": "SSIM"}
    text = " ".join(spelt.get(word, word) for word in words)
    return text[:1].upper() + text[1:]


def short_path(path: Path | str) -> str:
    """A path as a person reads it: relative to the current folder if that is shorter.

    Example:
        >>> short_path(Path.cwd() / "runs" / "demo")
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
    return shlex.join(short_path(word) if isinstance(word, Path) else word for word in words)
