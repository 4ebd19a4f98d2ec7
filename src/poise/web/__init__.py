"""What a run shows, as JSON and SVG: the report, which is one file."""

from poise.web.report import write_report

__all__ = ["write_report"]
