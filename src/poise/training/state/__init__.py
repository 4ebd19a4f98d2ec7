"""The state of what is trained: one game in `single`; many in `poise.training.vectorised`."""

from poise.training.state.packing import non_finite, pack, position_of, unpack
from poise.training.state.train_state import Position, StepEvent, TrainState, Write

__all__ = [
    "Position",
    "StepEvent",
    "TrainState",
    "Write",
    "non_finite",
    "pack",
    "position_of",
    "unpack",
]
