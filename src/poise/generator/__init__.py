"""A trained generator without its data and without the trainer: samples, inversion, directions, tags."""

from poise.generator.directions import Direction, Directions, read_directions
from poise.generator.generator import Generator
from poise.generator.inversion import Search
from poise.generator.inverted import Inversion
from poise.generator.tagging import Tag, tags_of

__all__ = ["Direction", "Directions", "Generator", "Inversion", "Search", "Tag", "read_directions", "tags_of"]
