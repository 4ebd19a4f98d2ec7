"""Every `--help` page as one Markdown page: `python tests/cli/help_page.py` writes `docs/help.md`."""

import io
import sys
from pathlib import Path

from rich.console import Console

from poise.cli.app import VERBS, app

WIDTH = 80
PAGE = Path("docs/help.md")


def help_text(*words: str) -> str:
    """What `poise ... --help` prints on a terminal of 80 columns without colours."""
    stream = io.StringIO()
    console = Console(file=stream, width=WIDTH, color_system=None, force_terminal=False, highlight=False)
    app.help_print(list(words), console=console)
    return "\n".join(line.rstrip() for line in stream.getvalue().strip().splitlines())


def help_page() -> str:
    """The whole page, in Markdown."""
    verbs = [str(module.app.name[0]) for module in VERBS]
    parts = [
        "# The command line",
        "",
        "What `--help` prints for each command. `python tests/cli/help_page.py` writes this page.",
    ]
    for words in [(), *((verb,) for verb in verbs)]:
        parts += ["", f"## {' '.join(['poise', *words])}", "", "```text", help_text(*words), "```"]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else PAGE
    target.write_text(help_page(), encoding="utf-8")
