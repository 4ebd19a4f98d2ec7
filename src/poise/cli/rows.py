"""Rows of a table from a run: into a file of rows, or under a condition."""

from __future__ import annotations

import filecmp
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poise.cli.verb import emit, line, output
from poise.errors import PoiseError
from poise.text import counted, short_path

SUFFIXES = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".parquet", ".pq")
"""The files of tables."""

DEFAULT_COUNT = 64
PIECE = 4_096  # Rows made at once


def names_rows(out: str | None) -> bool:
    """Whether a file of this name holds rows of a table."""
    return out is not None and out.lower().endswith(SUFFIXES)


def sample_rows(
    folder: Path,
    count: int | None,
    seed: int,
    where: str | None,
    out: str | None,
    others: Mapping[str, Any],
    *,
    json: bool,
) -> int:
    """Write rows of a table, all of which meet a condition if there is one.

    Args:
        folder: The run.
        count: How many; `None` for 64.
        seed: Draws them.
        where: The condition.
        out: The file; `None` for `rows.csv` in the run.
        others: Options of samples that are no rows, by their names.
        json: Whether one JSON object is written instead of words.

    Raises:
        PoiseError: The run makes no tables, rows have no such option, or it is no condition that rows meet.
    """
    from poise.cli.outputs import whole_file, would_overwrite, writing_to
    from poise.cli.progress import view_for

    used = next((name for name, value in others.items() if value), None)
    if used is not None:
        what = f"Rows of a table have no {used}"
        hint = "ask for rows by a condition: --where \"age > 40 and city == 'Oslo'\""
        raise PoiseError(what, code="cli.not-of-rows", hint=hint)
    path = folder / "rows.csv" if out is None else Path(out).expanduser()
    count = DEFAULT_COUNT if count is None else count
    with view_for(json=json).reading(short_path(folder)):
        import torch

        from poise.generator import Generator
        from poise.generator.rows import table_of

        generator = Generator.load(folder)
        transform, write = table_of(generator), generator.kind.write_file
        if not names_rows(str(path)) or write is None:
            hint = f"name a file that ends in {', '.join(SUFFIXES)}"
            raise PoiseError(f"Rows cannot be written to '{path}'", code="cli.no-file-of-rows", hint=hint)
        found = None if where is None else generator.where(where, count, seed=seed)
        pieces = (
            [transform.encode(torch.from_numpy(found.rows))]
            if found is not None
            else [generator(piece) for piece in generator.latents(count, seed=seed).split(PIECE)]
        )
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as partial:
                write(partial, pieces, transform)
                # A table has no room for a mark of ours, so it may only be written again with the same rows.
                if path.exists() and not (path.is_file() and filecmp.cmp(path, partial, shallow=False)):
                    raise would_overwrite(path)
    said = "" if found is None else found.sentence
    if json:
        paths = {"run": str(folder.absolute()), "samples": str(path.absolute())}
        step = generator.description.get("step")
        emit(
            {
                "event": "samples",
                **paths,
                "count": count,
                "seed": seed,
                "where": where,
                "met": said,
                "step": step,
            }
        )
        return 0
    if said:
        line(output(), said)
    under = "" if where is None else f" where {where}"
    line(output(), "wrote ", (short_path(path), "cyan"), f": {counted(count, 'row')}{under}, seed {seed}")
    return 0
