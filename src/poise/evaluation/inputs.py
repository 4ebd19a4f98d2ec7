"""What people type, as what `evaluate` takes."""

from __future__ import annotations

from poise.errors import PoiseError
from poise.evaluation.subjects import Which


def which_of(written: str) -> Which:
    """A checkpoint by its name or step.

    Raises:
        PoiseError: It is neither.

    Example:
        >>> which_of("best"), which_of("2000")
        ('best', 2000)
    """
    if written == "best":
        return "best"
    if written == "newest":
        return "newest"
    if written.isdecimal():
        return int(written)
    raise PoiseError(f"There is no checkpoint '{written}'", hint="say newest, best, or a step: 2000")
