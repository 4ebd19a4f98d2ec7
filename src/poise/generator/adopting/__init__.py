"""Generators that public implementations trained, read without running their code."""

from poise.generator.adopting.adopt import Adopted, adopt

__all__ = ["Adopted", "adopt"]
