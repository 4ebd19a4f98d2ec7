"""Readings from somebody else's log: what columns mean, and the files that they come in."""

from poise.diagnosis.logs.columns import QUANTITIES, guessed, readings_of
from poise.diagnosis.logs.files import read_log

__all__ = ["QUANTITIES", "guessed", "read_log", "readings_of"]
