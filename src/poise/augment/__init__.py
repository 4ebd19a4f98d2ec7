"""Augmentations: the chain between samples and discriminator."""

from poise.augment.adaptive import ADA
from poise.augment.augmentation import Augmentation, AugmentContext
from poise.augment.diffaugment import DIFFAUGMENT
from poise.augment.noise import INSTANCE_NOISE, LABEL_FLIP
from poise.augment.packing import PACKING
from poise.registry import Registry

AUGMENTATIONS: Registry[Augmentation] = Registry(
    "augmentation", [INSTANCE_NOISE, LABEL_FLIP, PACKING, DIFFAUGMENT, ADA]
)

__all__ = ["AUGMENTATIONS", "AugmentContext", "Augmentation"]
