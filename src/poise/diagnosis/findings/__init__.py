"""The failures that have a name, a file each: the table of them, causes before what they explain."""

from poise.diagnosis.findings import (
    condition_ignored,
    data_shortcut,
    discriminator_dominates,
    discriminator_overfits,
    generator_dominates,
    memorisation,
    mode_collapse,
    mode_hopping,
    non_finite,
    not_learning,
    oscillation,
    quality_regressed,
)
from poise.diagnosis.rule import Rule
from poise.registry import Registry

FINDINGS: Registry[Rule] = Registry(
    "finding",
    [
        non_finite.RULE,
        data_shortcut.RULE,
        memorisation.RULE,
        discriminator_overfits.RULE,
        not_learning.RULE,
        discriminator_dominates.RULE,
        mode_hopping.RULE,
        generator_dominates.RULE,
        oscillation.RULE,
        mode_collapse.RULE,
        quality_regressed.RULE,
        condition_ignored.RULE,
    ],
)

__all__ = ["FINDINGS"]
