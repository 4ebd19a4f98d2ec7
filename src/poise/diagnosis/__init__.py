"""The doctor: failures named while they happen. See docs/design.md."""

from poise.diagnosis.course import Course, judged
from poise.diagnosis.finding import Evidence, Finding, Remedy
from poise.diagnosis.findings import FINDINGS
from poise.diagnosis.monitor import Monitor
from poise.diagnosis.reading import Reading
from poise.diagnosis.rule import Rule, Setting

__all__ = [
    "FINDINGS",
    "Course",
    "Evidence",
    "Finding",
    "Monitor",
    "Reading",
    "Remedy",
    "Rule",
    "Setting",
    "judged",
]
