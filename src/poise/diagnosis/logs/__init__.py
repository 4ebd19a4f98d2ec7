"""Logs of other programs: the files that they come in, what their columns mean, and what went wrong."""

from poise.diagnosis.logs.columns import QUANTITIES, Readings, readings_of
from poise.diagnosis.logs.files import read_logs
from poise.diagnosis.logs.names import guessed
from poise.diagnosis.logs.tracking import Log
from poise.diagnosis.logs.verdicts import Diagnosis, diagnose

__all__ = ["QUANTITIES", "Diagnosis", "Log", "Readings", "diagnose", "guessed", "read_logs", "readings_of"]
