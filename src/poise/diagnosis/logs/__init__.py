"""Measurements from logs of other programs: what columns mean, and the files that they come in."""

from poise.diagnosis.logs.columns import QUANTITIES, guessed, measurements_of
from poise.diagnosis.logs.files import read_log

__all__ = ["QUANTITIES", "guessed", "measurements_of", "read_log"]
