"""Kinds of games, and how each is set up from a recipe and data."""

from poise.registry import Registry
from poise.training.setups.auxiliary_classifier import AUXILIARY_CLASSIFIER
from poise.training.setups.conditional import CONDITIONAL
from poise.training.setups.image_tagging import IMAGE_TAGGING
from poise.training.setups.noise_to_data import NOISE_TO_DATA
from poise.training.setups.paired_translation import PAIRED_TRANSLATION
from poise.training.setups.projection import PROJECTION
from poise.training.setups.setup import GIVEN, Setup, Shapes
from poise.training.setups.unpaired_translation import UNPAIRED_TRANSLATION

SETUPS: Registry[Setup] = Registry(
    "game",
    [
        NOISE_TO_DATA,
        CONDITIONAL,
        PROJECTION,
        AUXILIARY_CLASSIFIER,
        IMAGE_TAGGING,
        PAIRED_TRANSLATION,
        UNPAIRED_TRANSLATION,
    ],
)

__all__ = ["GIVEN", "SETUPS", "Setup", "Shapes"]
