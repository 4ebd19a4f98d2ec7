"""The doctor: failures named while they happen. See docs/design.md."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from poise.diagnosis.doctor import Doctor
    from poise.diagnosis.finding import Evidence, Finding, Measurement, Remedy
    from poise.diagnosis.findings import FINDINGS
    from poise.diagnosis.monitor import Monitor
    from poise.diagnosis.rule import Rule, Setting
    from poise.diagnosis.tracker import FindingTracker, judged

# Imported on first use: a report reads findings without torch.
_HOMES = {
    "FINDINGS": "findings",
    "Doctor": "doctor",
    "Monitor": "monitor",
    **dict.fromkeys(("Evidence", "Finding", "Measurement", "Remedy"), "finding"),
    **dict.fromkeys(("FindingTracker", "judged"), "tracker"),
    **dict.fromkeys(("Rule", "Setting"), "rule"),
}

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


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'poise.diagnosis' has no attribute '{name}'")
    return getattr(import_module(f"poise.diagnosis.{_HOMES[name]}"), name)
