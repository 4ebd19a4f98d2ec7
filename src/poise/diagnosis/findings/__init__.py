"""The failures that have a name, a file each."""

from poise.diagnosis.findings.registry import FINDINGS

__all__ = ["FINDINGS"]
