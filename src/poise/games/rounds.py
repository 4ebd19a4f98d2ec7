"""A round of a toy game: the chosen methods, each with the trial that it was played in."""

from __future__ import annotations

from collections.abc import Sequence

from poise.errors import PoiseError
from poise.games.lab import Row, Trial, judge
from poise.games.toys import Toy


def play_toy(toy: Toy, methods: Sequence[str] = (), schedule: str | None = None) -> list[tuple[Trial, Row]]:
    """Play a toy game.

    Args:
        toy: The game.
        methods: Which methods; all where none is named.
        schedule: In which order the players move, for a game that leaves it open.

    Returns:
        A row for each method, in the order asked for, with its trial.

    Raises:
        PoiseError: There is no such method, or the game's methods are its dynamics.

    Example:
        >>> from poise.games import TOYS
        >>> [(_, row)] = play_toy(TOYS["dirac"], ["consensus"])
        >>> row.verdict
        'converges'
    """
    chosen = toy.chosen(methods)
    if schedule is not None and not toy.schedules:
        raise PoiseError(
            f"The game '{toy.name}' has no --dynamics",
            why="its methods are the dynamics",
            hint=f"choose among them: --methods {' '.join(toy.methods[:2])}",
        )
    trials = toy.trials(chosen, schedule or next(iter(toy.schedules), ""))
    found = {row.method: (trial, row) for trial in trials for row in judge(trial, toy.start, toy.steps)}
    return [found[name] for name in dict.fromkeys(chosen)]
