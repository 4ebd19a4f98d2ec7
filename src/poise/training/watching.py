"""Who watches every run: what is drawn and measured depends on what the game makes."""

from __future__ import annotations

from poise.data import Dataset
from poise.tasks import TASKS
from poise.training.callback import Callback, Notify
from poise.training.components import Components
from poise.training.pictures import PictureSaver
from poise.training.quality import QualityWatch
from poise.training.translation_pictures import TranslationPictures
from poise.training.translations import TranslationQuality


def watchers(components: Components, source: Dataset, notify: Notify) -> list[Callback]:
    """The observers that draw and measure.

    Args:
        components: What is trained.
        source: The data.
        notify: Tells a person what could not be written.
    """
    recipe = components.recipe
    if TASKS.named(recipe.game.name).directions is None:
        return [PictureSaver(recipe, source, notify), QualityWatch(components, source, notify)]
    return [TranslationPictures(recipe, source, notify), TranslationQuality(recipe, source, notify)]
