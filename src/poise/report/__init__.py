"""Reports: a run as one HTML file that opens anywhere."""

from poise.report.write import write_report

__all__ = ["write_report"]
