"""A case: one loop of a style, with a fault or healthy, and which names of the doctor are true of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Step = dict[str, Any]
"""What a loop has after a step: what `Monitor.observe` takes, and `sample`, which makes N samples."""

HARM = "discriminator-dominates generator-dominates mode-collapse mode-hopping oscillation not-learning " \
    "quality-regressed diverging"  # fmt: skip
"""What a fault of the game as such may turn into; which of these depends on the seed."""


@dataclass(frozen=True)
class Fault:
    """A kind of fault: the names that name it, and those that are true of it besides."""

    right: str
    also: str = ""
    unmistakable: bool = False  # Whether it is to be named within three checks anywhere
    by_result: bool = False  # Whether it took effect only if the samples are not healthy at the end


COLLAPSE = Fault("mode-collapse latent-ignored", f"{HARM} no-gradient", unmistakable=True)
UNMOVED = Fault("not-learning no-gradient", HARM, unmistakable=True)
BROKEN = Fault("non-finite", f"{HARM} no-gradient", unmistakable=True)
SHUT_OUT = Fault("discriminator-dominates not-learning", f"{HARM} no-gradient non-finite", by_result=True)
GAME = Fault(HARM, "non-finite", by_result=True)

# fmt: off
FAULTS: Mapping[str, Fault] = {
    # One sample, whatever the latent.
    "zero-latent": COLLAPSE,           # torch.zeros instead of torch.randn
    "dead-relu": COLLAPSE,             # every unit of a layer is dead
    "latent-ignored": COLLAPSE,        # the latent is multiplied by 0, or replaced within the generator
    "constant-output": Fault(           # a last bias far outside the range of the samples
        "mode-collapse latent-ignored no-gradient not-learning", HARM, unmistakable=True
    ),
    "one-latent-a-batch": COLLAPSE,    # torch.randn(1, z).expand(batch, z) at every step
    "noise-as-constant": COLLAPSE,     # the mapping's output does not depend on its input
    "faint-latent": COLLAPSE,  # the latent is scaled by a thousandth; norms of batches undo it
    "source-ignored": Fault("mode-collapse latent-ignored condition-ignored", HARM, unmistakable=True),
    # Less variety.
    "same-latent": Fault("latent-ignored mode-collapse", f"{HARM} memorisation"),  # a fixed batch of latents
    "few-latents": Fault("mode-collapse", HARM),  # one of six latents each time
    "big-generator-rate": Fault(HARM, "non-finite", by_result=True),
    "one-reference": Fault("mode-collapse mode-hopping", HARM),  # the generator is drawn to one sample
    # No gradient, or no step.
    "detached": UNMOVED,               # the fakes are detached before the generator's loss
    "fakes-without-graph": UNMOVED,    # the fakes are made under no_grad
    "generator-never-steps": UNMOVED,  # opt_g.step() forgotten
    "optimiser-of-a-copy": UNMOVED,    # the optimiser holds other parameters than those that are used
    "ema-never-moves": Fault("not-learning no-gradient modes-apart", HARM, unmistakable=True),
    "rates-end": Fault("not-learning no-gradient", HARM),  # a schedule that ends far too early
    # Gradients that add up.
    "no-zero-grad-d": GAME,
    "no-zero-grad-g": GAME,
    # The balance.
    "huge-rate-d": SHUT_OUT,
    "frozen-d": Fault("generator-dominates no-gradient", HARM, by_result=True),
    "tiny-rate-d": Fault("generator-dominates", HARM, by_result=True),
    "sigmoid-twice": Fault("generator-dominates", HARM, by_result=True),
    "swapped-label-g": Fault(
        "discriminator-dominates not-learning quality-regressed mode-collapse", HARM, by_result=True
    ),
    "swapped-sign": Fault(HARM, "non-finite", by_result=True),
    "fakes-forgotten": Fault("generator-dominates", HARM, by_result=True),  # D's loss has reals alone
    "rates-exchanged": SHUT_OUT,
    # Values.
    "nan": BROKEN,                     # a NaN from a step on
    "log-of-zero": BROKEN,
    "overflow": BROKEN,
    # Wasserstein.
    "no-clipping": Fault("diverging", f"{HARM} non-finite", by_result=True),
    "no-penalty": Fault("diverging", f"{HARM} non-finite", by_result=True),
    "clips-generator": GAME,  # the wrong player's weights are clipped
    # Data.
    "reals-in-0-1": Fault("data-mismatch data-shortcut"),   # the Monitor's reals -1..1, the loop's 0..1
    "reals-in-bytes": Fault("data-mismatch data-shortcut", HARM),  # the loop's reals 0..255 against a tanh
    "colours-exchanged": Fault("data-mismatch", "data-shortcut"),  # BGR in the loop
    "grey-fakes": Fault("data-mismatch data-shortcut", HARM),
    "same-batch": Fault("data-mismatch discriminator-overfits memorisation", HARM),
    "few-data": Fault("discriminator-overfits", f"memorisation {HARM}"),
    "copies": Fault("memorisation", f"discriminator-overfits {HARM}"),
    "inverted-reals": Fault("data-mismatch data-shortcut", HARM),
    "noisy-reals": Fault("data-mismatch data-shortcut", HARM),
    # Conditions.
    "shuffled-labels": Fault("condition-ignored data-mismatch", HARM),
    "labels-exchanged": Fault("condition-ignored data-mismatch", HARM),
    "condition-dropped": Fault("condition-ignored", HARM),
    # Modes and dynamics.
    "moves-in-turns": Fault("oscillation mode-hopping", HARM, by_result=True),  # players in turn
    "modes-apart": Fault("modes-apart", HARM),
    "oscillating": Fault("oscillation mode-hopping", HARM, by_result=True),
    "rate-rises": Fault(f"quality-regressed {HARM}", "non-finite", by_result=True),
    "weights-decay": Fault("quality-regressed", HARM, by_result=True),
    "chequered": Fault("checkerboard", "data-shortcut"),
    "gridded": Fault("checkerboard", f"data-shortcut {HARM}"),  # chequered, with a sign by chance
}
# fmt: on


@dataclass(frozen=True)
class Case:
    """One run."""

    style: str
    data: str
    fault: str = ""  # Empty if it is healthy
    seed: int = 0
    steps: int = 2_000
    onset: int = 0  # The step from which the fault bites
    hands: str = "all"  # What the loop's author hands over, see `play.HANDS`
    settings: Mapping[str, Any] = field(default_factory=dict)  # Widths, rates and the like of the style
    right: str = ""  # Names that count instead of those of the fault
    also: str = ""  # Names that are true of this run besides

    @property
    def name(self) -> str:
        """One that says what it is."""
        parts = (self.fault or "healthy", self.style, self.data, self.hands, str(self.seed))
        return "--".join(parts)

    @property
    def names(self) -> frozenset[str]:
        """Those that count as named."""
        return frozenset((self.right or (FAULTS[self.fault].right if self.fault else "")).split())

    @property
    def true(self) -> frozenset[str]:
        """Those that are not false."""
        more = FAULTS[self.fault].also if self.fault else ""
        return self.names | frozenset(f"{more} {self.also}".split())

    @property
    def by_result(self) -> bool:
        """Whether it took effect only if the samples are not healthy at the end."""
        return bool(self.fault) and FAULTS[self.fault].by_result

    @property
    def unmistakable(self) -> bool:
        """Whether it is to be named within three checks."""
        return bool(self.fault) and FAULTS[self.fault].unmistakable


def case(style: str, data: str, fault: str = "", *, seed: int, steps: int, **more: Any) -> Case:
    """A case whose further fields and whose settings are given side by side."""
    own = {name: more.pop(name) for name in ("onset", "hands", "right", "also") if name in more}
    return Case(style, data, fault, seed, steps, settings=more, **own)
