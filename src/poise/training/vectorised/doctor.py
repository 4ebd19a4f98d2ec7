"""The doctor beside many games: each is read as a run of its own is, all of them at the same steps."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from poise.data import Dataset, spec_of
from poise.diagnosis.budget import Budget
from poise.diagnosis.window import STEPS
from poise.dynamics.dynamics import Logs
from poise.run_folder import RunFolder
from poise.training.callbacks.callback import Notify, StepContext
from poise.training.callbacks.doctor import Doctor
from poise.training.components import Components, build_components
from poise.training.held_out import examined
from poise.training.state import Position
from poise.training.vectorised.stack import Stack


@dataclass(frozen=True)
class Patient:
    """One of many games as the doctor sees it.

    Attributes:
        doctor: Its own.
        run: Its folder.
        components: Networks whose weights are those of the stack.
    """

    doctor: Doctor
    run: RunFolder
    components: Components


class StackDoctor:
    """Reads every game of a stack sixty times, into `readings.jsonl` and `findings.jsonl` of its own folder.

    All games are read at a step, or none: what that takes may be no more than a share of the time.

    Args:
        stack: The games.
        sources: The data of each.
        runs: The folder of each.
        notify: Tells a person one sentence.
        most_share: Of the time; 1 for every check, whatever it takes.
    """

    def __init__(
        self,
        stack: Stack,
        sources: Sequence[Dataset],
        runs: Sequence[RunFolder],
        notify: Notify,
        *,
        most_share: float | None = None,
    ) -> None:
        self.budget = Budget(most_share)
        self.patients = [
            _patient(stack, place, source, run, notify)
            for place, (source, run) in enumerate(zip(sources, runs, strict=True))
        ]
        self._kept: deque[tuple[int, Logs]] = deque(maxlen=STEPS)

    def look(self, logs: Logs, position: Position, *, last: bool) -> None:
        """Take a step down; read every game where it is time.

        Args:
            logs: What the step measured, `(G, ...)` each.
            position: Where all games stand.
            last: Whether no step follows in this sitting.
        """
        self._kept.append((position.step, logs))
        if position.step % self.patients[0].doctor.every and not last:
            return
        if last or self.budget.affordable():
            with self.budget:
                for place in range(len(self.patients)):
                    self._visit(place, position, last=last)
        self._kept.clear()

    def _visit(self, place: int, position: Position, *, last: bool) -> None:
        patient = self.patients[place]
        for step, logs in self._kept:
            patient.doctor(
                StepContext(
                    step=step,
                    images_seen=position.images_seen,
                    seconds=position.seconds,
                    run=patient.run,
                    recipe=patient.doctor.recipe,
                    components=patient.components,
                    logs={name: value[place] for name, value in logs.items()},
                    line=None,
                    last=last and step == position.step,
                )
            )

    def severities(self) -> Counter[str]:
        """How many games are in `trouble`, and how many have at worst something to `watch`."""
        worst = []
        for patient in self.patients:
            found = {finding.severity for finding in patient.doctor.tracker.open}
            worst += [severity for severity in ("trouble", "watch") if severity in found][:1]
        return Counter(worst)


def _patient(stack: Stack, place: int, source: Dataset, run: RunFolder, notify: Notify) -> Patient:
    recipe = stack.recipes[place]
    components = build_components(recipe, spec_of(source), stack.players.sound.device)
    for player, module in components.modules.items():
        _share(module, stack, player, place)
    doctor = Doctor(
        recipe, *examined(recipe, source), lambda told: notify(f"{run.path.name}: {told}"), most_share=1.0
    )
    return Patient(doctor, run, components)


def _share(module: nn.Module, stack: Stack, player: str, place: int) -> None:
    """Let a module's tensors be the stretch of the stacked ones that is its game's."""
    game = stack.players.game
    stacked = {**game.parameters[player], **game.buffers[player]}
    for name, own in (*module.named_parameters(), *module.named_buffers()):
        own.data = stacked[name].detach()[place]


def health(doctors: Sequence[StackDoctor]) -> str:
    """How many games are, in a word: `OK`, or how many of them are in trouble or to be watched."""
    games = sum(len(one.patients) for one in doctors)
    counts = sum((one.severities() for one in doctors), Counter[str]())
    said = [
        f"{counts[severity]} of {games} {severity.upper()}"
        for severity in ("trouble", "watch")
        if counts[severity]
    ]
    return ", ".join(said) if said else "OK" if games else ""
