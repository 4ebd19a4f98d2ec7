"""The tasks: how a game is set up from a recipe and data."""

from poise.registry import Registry
from poise.tasks.by_sampling import BY_SAMPLING
from poise.tasks.conditional import AUXILIARY_CLASSIFIER, AUXILIARY_TAGS, CONDITIONAL, PROJECTION
from poise.tasks.noise_to_data import NOISE_TO_DATA
from poise.tasks.tagging import IMAGE_TAGGING
from poise.tasks.task import GIVEN, Task
from poise.tasks.translation import PAIRED_TRANSLATION, UNPAIRED_TRANSLATION
from poise.tasks.vocoding import VOCODING

TASKS: Registry[Task] = Registry(
    "game",
    [
        NOISE_TO_DATA,
        CONDITIONAL,
        PROJECTION,
        AUXILIARY_CLASSIFIER,
        AUXILIARY_TAGS,
        IMAGE_TAGGING,
        PAIRED_TRANSLATION,
        UNPAIRED_TRANSLATION,
        VOCODING,
        BY_SAMPLING,
    ],
)

__all__ = ["GIVEN", "TASKS", "Task"]
