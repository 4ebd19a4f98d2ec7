"""The generator that people use: load it from a run, sample it."""

from poise.generator.generator import Generator

__all__ = ["Generator"]
