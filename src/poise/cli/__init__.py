"""The command line: one thin file for each verb. See docs/design.md."""

from poise.cli.entry import main

__all__ = ["main"]
