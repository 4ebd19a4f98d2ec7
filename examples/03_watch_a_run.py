"""Watch a run with an observer of your own: print the discriminator's lead, stop when it is too long.

python examples/03_watch_a_run.py [--steps 1000] [--out runs/example-watch]
"""

import argparse
from typing import Literal

import poise
from poise.training import StepContext

parser = argparse.ArgumentParser()
parser.add_argument("--steps", type=int, default=1000)
parser.add_argument("--out", default="runs/example-watch")
arguments = parser.parse_args()


class Lead:
    """Asks the loop to stop once the discriminator has got nearly all right for ten lines in a row."""

    def __init__(self) -> None:
        self.lines = 0

    def __call__(self, moment: StepContext) -> Literal["stop"] | None:
        """Look at each line of the history; do nothing on the steps between."""
        if moment.line is None:
            return None
        right = (moment.line["real_right"] + moment.line["fake_right"]) / 2
        print(f"step {moment.step}: the discriminator gets {right:.0%} right")
        self.lines = self.lines + 1 if right > 0.98 else 0
        return "stop" if self.lines == 10 else None


run = poise.train("digits", "minimax", steps=arguments.steps, out=arguments.out, callbacks=[Lead()])
print(run)
