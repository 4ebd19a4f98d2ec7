"""Each of many games as callbacks see it: a run of its own whose networks share the memory of the stack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from poise.data import spec_of
from poise.dynamics.game import Logs
from poise.run_folder import RunFolder
from poise.training.callbacks import CallbackContext, callbacks_of
from poise.training.callbacks.callback import DoctorMode, Named, Notify, StepContext
from poise.training.components import Components, build_components
from poise.training.ema import EmaGenerator
from poise.training.state import StepEvent
from poise.training.vectorised.plan import EnsembleExperiment
from poise.training.vectorised.stack import StackedState


class GameLogs(Mapping[str, Tensor]):
    """What a step measured of one game; nothing is cut out of the stack before it is asked for."""

    def __init__(self, logs: Logs, index: int) -> None:
        self._logs, self._index = logs, index

    def __getitem__(self, name: str) -> Tensor:
        return self._logs[name][self._index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._logs)

    def __len__(self) -> int:
        return len(self._logs)


@dataclass
class GameView:
    """One of many games: its folder, its networks and its callbacks."""

    run: RunFolder
    components: Components  # Networks and averages are those of the stack; optimisers are not
    named: Named
    line: dict[str, Any] = field(default_factory=dict)  # The newest of its history
    stop: bool = False  # Whether one of its callbacks has asked to stop

    def show(self, stack: StackedState, index: int) -> None:
        """Let the networks, their average and the game's numbers be those of a game of a stack."""
        components, players = self.components, stack.players
        for player, module in components.modules.items():
            _share(module, {**players.parameters[player], **players.game.buffers[player]}, index)
        average = {name: value[index] for name, value in stack.ema.own.items()}
        components.ema = EmaGenerator(components.modules["generator"], components.recipe.ema, average)

    def context(self, stack: StackedState, index: int, event: StepEvent) -> StepContext:
        """What callbacks are given just after a step."""
        if stack.players.state:
            state = {name: value[index] for name, value in stack.players.state.items()}
            self.components.players.state = state
        line = None if event.line is None else self.line
        return event.of(self.run, self.components, GameLogs(stack.logs, index), line)


def view_of(
    experiment: EnsembleExperiment, number: int, run: RunFolder, notify: Notify, *, doctor: DoctorMode
) -> GameView:
    """The view of a game by its number, with the callbacks that its recipe asks for."""
    dataset = experiment.datasets[number]
    components = build_components(experiment.games[number].recipe, spec_of(dataset), experiment.device)
    context = CallbackContext(
        components,
        dataset,
        run,
        lambda sentence: notify(f"{run.path.name}: {sentence}"),
        doctor,
        games=len(experiment.games),
    )
    return GameView(run, components, callbacks_of(context))


def health(views: Iterable[GameView]) -> str:
    """How many games are in trouble or to be watched by their callbacks' status; `OK` if none is."""
    found = [getattr(callback, "status", None) for view in views for callback in view.named.values()]
    known = [status for status in found if status in ("OK", "WATCH", "TROUBLE")]
    counts = Counter(known)
    texts = [f"{counts[word]} of {len(known)} {word}" for word in ("TROUBLE", "WATCH") if counts[word]]
    return ", ".join(texts) if texts else "OK" if known else ""


def _share(module: nn.Module, stacked: Mapping[str, Tensor], index: int) -> None:
    for name, own in (*module.named_parameters(), *module.named_buffers()):
        own.data = stacked[name].detach()[index]
