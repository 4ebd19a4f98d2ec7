"""Where the `poise` command starts, and how it ends: a sentence and an exit status for every error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from poise.errors import BROKEN_PIPE

if TYPE_CHECKING:
    from cyclopts import CycloptsError

    from poise.errors import PoiseError

FAULT, INTERRUPTED = 1, 130
DETAILS = 20  # Lines below the sentence that fit on a screen
# Options of other programs, which no name of ours is near to, and what does it here
OF_OTHERS = dict.fromkeys(
    ("--resume", "--continue", "--checkpoint", "--pretrained", "--finetune", "--init"),
    "go on with a run: poise resume RUN; begin on these data from the weights of another run: --from RUN",
)
FOLDERS = {
    "--pairs": "name the folders of the two sides: --pairs data/trainA data/trainB",
    "--domains": "name the folders of the two domains: --domains data/trainA data/trainB",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line on what was typed after `poise`, by default the arguments of this process."""
    typed = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that lacks a letter shows another one instead
            stream.reconfigure(errors="replace")
    try:
        from poise.cli.app import app

        status = app(without_parts(typed))
        sys.stdout.flush()
    except BaseException as error:
        return report_error(error, as_json="--json" in typed)
    return status if isinstance(status, int) else 0


def without_parts(typed: Sequence[str]) -> list[str]:
    """What was typed but for `--use FILE`, which every verb takes; the parts of the files are in use then."""
    rest, words = [], iter(typed)
    for word in words:
        option, equals, value = word.partition("=")
        if option != "--use":
            rest.append(word)
            continue
        named = value if equals else next(words, "")
        from poise.errors import PoiseError
        from poise.extension import use

        if not named or (not equals and named.startswith("-")):
            hint = "name a file with parts, or a module: --use my_parts.py"
            raise PoiseError("--use needs a value", code="cli.missing-argument", hint=hint)
        use(named)
    return rest


def report_error(error: BaseException, *, as_json: bool) -> int:
    """Print what stopped the command, with `as_json` for a program, too, and return its exit status."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else FAULT if error.code else 0
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, BrokenPipeError):
        # The reader has gone; the interpreter's last flush must not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    from poise.cli.verb import emit, line, output

    found = as_poise_error(error)
    if as_json:
        emit({"event": "error", **found.to_json(), "exit_status": found.exit_status})
    console = output(sys.stderr)
    line(console, ("error: ", "bold red"), found.sentence)
    for detail in found.details[:DETAILS]:
        line(console, f"  {detail}")
    if len(found.details) > DETAILS:
        line(console, f"  and {len(found.details) - DETAILS:,} more; --json lists all of them")
    return found.exit_status


def as_poise_error(error: BaseException) -> PoiseError:
    """Any error as one sentence; an error that nobody expected is a fault of Poise."""
    from cyclopts import CycloptsError

    from poise.errors import PoiseError

    if isinstance(error, PoiseError):
        return error
    if isinstance(error, CycloptsError):
        return usage_error(error)
    # torch's own class is recognised by its name, so that torch need not be imported here.
    by_name = type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error)
    if isinstance(error, MemoryError) or by_name:
        hint = "use a smaller --batch-size, --resolution or -n"
        return PoiseError("There is not enough memory", code="cli.out-of-memory", hint=hint, exit_status=3)
    import tempfile
    import traceback

    whole = "".join(traceback.format_exception(error))
    summary = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    hint = "run it again with POISE_DEBUG=1 and report what it prints"
    if os.environ.get("POISE_DEBUG") not in (None, "", "0"):
        sys.stderr.write(whole)
        hint = "please report the lines above"
    else:
        with (
            contextlib.suppress(OSError),
            tempfile.NamedTemporaryFile("w", prefix="poise-fault-", suffix=".txt", delete=False) as file,
        ):
            file.write(whole)
            hint = f"please report it with the file {file.name}"
    what = f"This is a fault of Poise, not yours ({summary})"
    return PoiseError(what, code="cli.fault", hint=hint, exit_status=FAULT)


def usage_error(error: CycloptsError) -> PoiseError:
    """What was typed wrong, in one sentence, with the nearest names that exist."""
    from cyclopts import exceptions

    from poise.errors import PoiseError, unknown_name

    words = " ".join(["poise", *(error.command_chain or ())])
    hint = f"see {words} --help"
    match error:
        case exceptions.UnknownCommandError():
            typed = (error.unused_tokens or ["?"])[0]
            dashed = typed.startswith("-")
            known = [name for name in (error.app or ()) if name.startswith("-") == dashed]
            return unknown_name("option" if dashed else "command", typed, known, where="of poise")
        case exceptions.UnknownOptionError():
            typed = error.token.keyword or error.token.value
            taken = [name for one in error.argument_collection if one.parse for name in one.names]
            known = [name for name in taken if name.startswith("-")]
            of_others = OF_OTHERS.get(typed.partition("=")[0], "") if words == "poise train" else ""
            return unknown_name("option", typed, known, where=f"of {words}", hint=of_others)
        case exceptions.MissingArgumentError() if error.argument is not None:
            needed, _ = error.argument.token_count()
            values = "a value" if needed == 1 else f"{needed} values"
            what = (
                f"{error.keyword} needs {values}" if error.keyword else f"{words} needs {error.argument.name}"
            )
            code, hint = "missing-argument", FOLDERS.get(error.keyword or "", hint)
        case exceptions.CoercionError() if error.token is not None:
            name = error.token.keyword or (error.argument.name if error.argument else "it")
            what, code = f"{name} cannot be '{error.token.value}'", "bad-value"
            kinds = {int: "a whole number", float: "a number", bool: "no value"}
            choices = ", ".join(map(str, get_args(error.target_type)))
            kind = kinds.get(error.target_type or str, "another value")
            hint = f"choose one of {choices}" if choices else f"give it {kind}"
        case exceptions.RepeatArgumentError():
            what, code, hint = f"{error.token.keyword} is given twice", "repeated", "give it once"
        case exceptions.UnusedCliTokensError():
            what, code = f"{words} does not expect '{' '.join(error.unused_tokens or ())}'", "unexpected"
        case _:
            what, code = " ".join(str(error).split()), "usage"
    return PoiseError(what, code=f"cli.{code}", hint=hint)
