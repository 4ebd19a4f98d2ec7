"""The doctor of many games: each is checked as a run of its own is, all at the same steps."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from poise.data import Dataset, spec_of
from poise.diagnosis.budget import Budget
from poise.diagnosis.window import STEPS
from poise.dynamics.game import Logs
from poise.run_folder import RunFolder
from poise.training.callbacks.callback import Notify, StepContext
from poise.training.callbacks.doctor import Doctor
from poise.training.components import Components, build_components
from poise.training.held_out import examined
from poise.training.state import Position
from poise.training.vectorised.stack import StackedState


@dataclass(frozen=True)
class ExaminedGame:
    """One of many games as the doctor sees it.

    Attributes:
        doctor: Its own.
        run: Its folder.
        components: Networks whose weights are those of the stack.
    """

    doctor: Doctor
    run: RunFolder
    components: Components


class EnsembleDoctor:
    """Reads every game of a stack sixty times, into `readings.jsonl` and `findings.jsonl` of its own folder.

    All games are read at a step, or none: what that takes may be no more than a share of the time.

    Args:
        stack: The games.
        datasets: The data of each.
        runs: The folder of each.
        notify: Called with a sentence for the user.
        most_share: Of the time; 1 for every check, whatever it takes.
    """

    def __init__(
        self,
        stack: StackedState,
        datasets: Sequence[Dataset],
        runs: Sequence[RunFolder],
        notify: Notify,
        *,
        most_share: float | None = None,
    ) -> None:
        self.budget = Budget(most_share)
        self.games = [
            _examined_game(stack, index, dataset, run, notify)
            for index, (dataset, run) in enumerate(zip(datasets, runs, strict=True))
        ]
        self._recent: deque[tuple[int, Logs]] = deque(maxlen=STEPS)

    def look(self, logs: Logs, position: Position, *, last: bool) -> None:
        """Record a step; check every game if a check is due.

        Args:
            logs: What the step measured, `(G, ...)` each.
            position: The position of the run.
            last: Whether no step follows in this session.
        """
        self._recent.append((position.step, logs))
        if position.step % self.games[0].doctor.every and not last:
            return
        if last or self.budget.affordable():
            with self.budget:
                for index in range(len(self.games)):
                    self._visit(index, position, last=last)
        self._recent.clear()

    def _visit(self, index: int, position: Position, *, last: bool) -> None:
        game = self.games[index]
        for step, logs in self._recent:
            game.doctor(
                StepContext(
                    step=step,
                    images_seen=position.images_seen,
                    seconds=position.seconds,
                    run=game.run,
                    recipe=game.doctor.recipe,
                    components=game.components,
                    logs={name: value[index] for name, value in logs.items()},
                    line=None,
                    last=last and step == position.step,
                )
            )

    def severities(self) -> Counter[str]:
        """How many games are in `trouble`, and how many have at worst something to `watch`."""
        worst = []
        for game in self.games:
            found = {finding.severity for finding in game.doctor.tracker.open}
            worst += [severity for severity in ("trouble", "watch") if severity in found][:1]
        return Counter(worst)


def _examined_game(
    stack: StackedState, index: int, dataset: Dataset, run: RunFolder, notify: Notify
) -> ExaminedGame:
    recipe = stack.recipes[index]
    components = build_components(recipe, spec_of(dataset), stack.players.sound.device)
    for player, module in components.modules.items():
        _share(module, stack, player, index)
    doctor = Doctor(
        recipe,
        *examined(recipe, dataset),
        lambda sentence: notify(f"{run.path.name}: {sentence}"),
        most_share=1.0,
    )
    return ExaminedGame(doctor, run, components)


def _share(module: nn.Module, stack: StackedState, player: str, index: int) -> None:
    """Let a module's tensors be the stretch of the stacked ones that is its game's."""
    game = stack.players.game
    stacked = {**game.parameters[player], **game.buffers[player]}
    for name, own in (*module.named_parameters(), *module.named_buffers()):
        own.data = stacked[name].detach()[index]


def health(doctors: Sequence[EnsembleDoctor]) -> str:
    """How many games are, in a word: `OK`, or how many of them are in trouble or to be watched."""
    games = sum(len(one.games) for one in doctors)
    counts = sum((one.severities() for one in doctors), Counter[str]())
    texts = [
        f"{counts[severity]} of {games} {severity.upper()}"
        for severity in ("trouble", "watch")
        if counts[severity]
    ]
    return ", ".join(texts) if texts else "OK" if games else ""
