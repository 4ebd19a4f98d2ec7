"""A trained generator without its data and without the trainer: samples, grids, tags of a picture."""

from poise.generator.generator import Generator
from poise.generator.tagging import Tag, tags_of

__all__ = ["Generator", "Tag", "tags_of"]
