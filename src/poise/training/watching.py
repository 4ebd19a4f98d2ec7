"""Who watches every run: what is drawn and measured depends on what the game makes."""

from __future__ import annotations

from poise.data import Source
from poise.training.assemble import Assembly
from poise.training.observer import Observer, Say
from poise.training.pictures import PictureSaver
from poise.training.quality import QualityWatch
from poise.training.setups import SETUPS
from poise.training.translation_pictures import TranslationPictures
from poise.training.translations import TranslationQuality


def watchers(assembly: Assembly, source: Source, say: Say) -> list[Observer]:
    """The observers that draw and measure.

    Args:
        assembly: What is trained.
        source: The data.
        say: Tells a person what could not be written.
    """
    recipe = assembly.recipe
    if SETUPS.named(recipe.game.name).directions is None:
        return [PictureSaver(recipe, source, say), QualityWatch(assembly, source, say)]
    return [TranslationPictures(recipe, source, say), TranslationQuality(recipe, source, say)]
