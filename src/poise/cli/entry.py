"""Where the `poise` command starts and how it leaves."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What was typed after `poise`; that of this process where none is given.

    Returns:
        The exit status: 0 when all went well, 2 for bad input, 1 for a fault of Poise, 130 after Ctrl-C.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal without a letter shows another; it never raises
            stream.reconfigure(errors="replace")
    try:
        from poise.cli.app import app

        status = app(typed)
        sys.stdout.flush()
    except BaseException as error:
        from poise.cli.failure import tell

        return tell(error, typed)
    return status if isinstance(status, int) else 0
