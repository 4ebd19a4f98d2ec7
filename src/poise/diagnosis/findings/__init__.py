"""The failures that have a name, a file each: the table of them, causes before what they explain."""

from poise.diagnosis.findings import (
    checkerboard,
    condition_ignored,
    data_mismatch,
    data_shortcut,
    discriminator_dominates,
    discriminator_overfits,
    diverging,
    generator_dominates,
    latent_ignored,
    memorisation,
    mode_collapse,
    mode_hopping,
    modes_apart,
    no_gradient,
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
        no_gradient.RULE,
        data_mismatch.RULE,
        data_shortcut.RULE,
        latent_ignored.RULE,
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
        diverging.RULE,
        modes_apart.RULE,
        checkerboard.RULE,
    ],
)

__all__ = ["FINDINGS"]
