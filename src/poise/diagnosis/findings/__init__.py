"""The failures that have a name, in families: the table of them, causes before what they explain."""

from poise.diagnosis.findings import (
    augmentation,
    data,
    discriminator_wins,
    generalisation,
    generator_wins,
    gradients,
    ignored,
    movement,
    numbers,
    quality,
    variety,
    waves,
)
from poise.diagnosis.rule import Rule
from poise.registry import Registry

FINDINGS: Registry[Rule] = Registry(
    "finding",
    [
        numbers.NON_FINITE,
        gradients.NO_GRADIENT,
        data.DATA_MISMATCH,
        data.DATA_SHORTCUT,
        ignored.LATENT_IGNORED,
        generalisation.MEMORISATION,
        generalisation.DISCRIMINATOR_OVERFITS,
        movement.NOT_LEARNING,
        discriminator_wins.DISCRIMINATOR_DOMINATES,
        variety.MODE_HOPPING,
        generator_wins.GENERATOR_DOMINATES,
        movement.OSCILLATION,
        variety.MODE_COLLAPSE,
        quality.QUALITY_REGRESSED,
        ignored.CONDITION_IGNORED,
        numbers.DIVERGING,
        generalisation.MODES_APART,
        quality.CHECKERBOARD,
        waves.SILENCE,
        waves.CLIPPING,
        waves.WHISTLING,
        augmentation.AUGMENTATION_LEAKS,
    ],
)

__all__ = ["FINDINGS"]
