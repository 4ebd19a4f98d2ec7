"""The doctor: failures named while they happen. See docs/design.md."""

from poise.diagnosis.doctor import Doctor
from poise.diagnosis.finding import Evidence, Finding, Remedy
from poise.diagnosis.findings import FINDINGS
from poise.diagnosis.measurement import Measurement
from poise.diagnosis.monitor import Monitor
from poise.diagnosis.rule import Rule, Setting
from poise.diagnosis.tracker import FindingTracker, judged

__all__ = [
    "FINDINGS",
    "Doctor",
    "Evidence",
    "Finding",
    "FindingTracker",
    "Measurement",
    "Monitor",
    "Remedy",
    "Rule",
    "Setting",
    "judged",
]
