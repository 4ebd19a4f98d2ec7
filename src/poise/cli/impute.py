"""`poise impute`: fill in the missing cells of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from poise.cli.verb import Json, Number, Switch, at_least, emit, line, output, verb
from poise.errors import PoiseError
from poise.text import counted, short_path

app = verb(
    "impute",
    ("poise impute runs/adult rows.csv", "into rows-filled.csv"),
    ("poise impute runs/adult rows.csv --draws 5 --out filled/", "five tables"),
)


@app.default
def impute(
    run: Path,
    rows: Path,
    /,
    *,
    draws: Annotated[int, Parameter(metavar="N")] = 1,
    expected: Switch = False,
    seed: Number = 0,
    out: Annotated[str | None, Parameter(metavar="PATH")] = None,
    json: Json = False,
) -> int:
    """Fill in the missing cells of a table with the generator of a run.

    Each missing cell is drawn from what the row's known cells make probable.
    Several draws differ by as much as is not known.

    Args:
        run: The run's folder; of the recipe table.
        rows: A table with the columns that were trained on, empty cells where values are missing, or NA where
            numbers are.
        draws: How many tables.
        expected: One table of best guesses: the expected number, the most probable category.
        seed: Draws them.
        out: A file for one draw, a folder/ for several; by default beside the table.
    """
    from poise.cli.outputs import OutputFolder, whole_file, would_overwrite, writing_to
    from poise.cli.progress import view_for
    from poise.data.tables.frame import check_written_as, suffix_of, write_frame
    from poise.run_folder import one_run

    at_least(1, draws=draws)
    if expected and draws > 1:
        what, code = "There is one expected value, and several draws", "cli.expected-draws"
        raise PoiseError(what, code=code, hint="leave --draws or --expected out")
    at_least(0, seed=seed)
    folder = one_run(run).path
    suffix = suffix_of(rows) or ".csv"
    stem = rows.name.removesuffix(suffix)
    many = draws > 1 or (out is not None and out.endswith("/"))
    default = rows.with_name(f"{stem}-filled" + ("" if many else suffix))
    path = default if out is None else Path(out).expanduser()
    names = [f"{stem}-{number}{suffix}" for number in range(1, draws + 1)] if many else [path.name]
    files = OutputFolder(path, made_by="poise impute", card="imputed.json") if many else None
    if files is None:
        check_written_as(path)
        if path.exists():
            raise would_overwrite(path)
    with view_for(json=json).reading(short_path(folder)):
        from poise.generator import Generator
        from poise.generator.gaps import missing_cells
        from poise.generator.imputing import expected as expected_rows
        from poise.generator.imputing import imputed
        from poise.generator.rows import table_of

        generator = Generator.load(folder)
        like, frame = table_of(generator).like, generator.frame(rows)
        missing = missing_cells(table_of(generator), frame.columns)
        filled = (
            iter([expected_rows(generator, frame.columns, seed=seed, name=str(rows))])
            if expected
            else imputed(generator, frame.columns, draws=draws, seed=seed, name=str(rows))
        )
        with writing_to(path):
            if files is not None:
                with files.writing(names, {"run": str(folder), "draws": draws, "seed": seed}):
                    for name, texts in zip(names, filled, strict=True):
                        write_frame(path / name, texts, like)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                with whole_file(path) as partial:
                    write_frame(partial, next(filled), like)
    if json:
        paths = {"run": str(folder.absolute()), "tables": str(path.absolute())}
        emit(
            {"event": "imputed", **paths, "draws": draws, "cells": missing, "rows": len(frame), "seed": seed}
        )
        return 0
    cells = counted(missing, "missing cell")
    times = f", {draws} times" if draws > 1 else ""
    line(output(), "wrote ", (short_path(path), "cyan"), f": {cells} of {len(frame):,} rows filled in{times}")
    return 0
