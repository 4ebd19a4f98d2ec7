"""Tables: rows of numbers, categories and dates, from CSV, Parquet and data frames, and back to the same."""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

from PIL import Image
from torch import Tensor

from poise.data.dataset import Dataset, fingerprint
from poise.data.kinds.kind import DataKind, Defaults, Given, Request
from poise.data.kinds.marginals import marginals_picture
from poise.data.rows import JSON, Array, survey
from poise.data.tables import Frame, Table, TableTransform, read_frame
from poise.data.tables.frame import is_table, write_frame
from poise.data.tables.private import Privately, keyed, private_rows
from poise.data.tables.private_columns import private_columns
from poise.data.tables.recognise import NUMBERS, Recognised, recognised
from poise.data.tables.rules import Rule, read_rule
from poise.data.tables.schema import declared
from poise.data.transform import Transform
from poise.errors import PoiseError, unknown_name
from poise.spec import DataSpec

NAME = "table"
_FILE = "samples.csv"
_FEW = 500  # Rows from which a generator learns more than to repeat them


def _open(given: Given, request: Request) -> Dataset:
    if request.sides is not None or request.channels is not None or request.fit != "crop":
        what = f"'{given.name}' is a table, which has no resolution and no channels"
        raise PoiseError(what, code="data.tables-are-no-images", hint="leave them out")
    if request.like is not None:
        return _like(given, of_table(request.like))
    asked = request.table if isinstance(request.table, Table) else Table(given.data)
    encoding = request.encoding or next(iter(NUMBERS))
    if encoding not in NUMBERS:
        raise unknown_name("encoding of tables", encoding, NUMBERS)
    if asked.privately is not None:
        if request.encoding is not None:
            what = f"A private table cannot have the encoding '{encoding}'"
            why = "its columns are made of noised counts"
            raise PoiseError(what, code="data.private-encoding", why=why, hint="leave the encoding out")
        return _open_privately(given, asked, asked.privately)
    if asked.schema:
        what = f"The schema of '{given.name}' is used in private training alone"
        raise PoiseError(
            what, code="data.schema-unused", hint="leave --schema out, or add --private epsilon=3,delta=1e-5"
        )
    frame = read_frame(given.data, given.path, given.name)
    order = tuple(name for name in frame.columns if asked.columns.get(name) != "drop")
    rules: list[Rule] = []
    learnt = frame
    for text in asked.constraints:
        rules.append(read_rule(text, learnt))
        learnt = dataclasses.replace(learnt, columns=rules[-1].apply(learnt.columns))
    found = recognised(learnt, asked, encoding)
    like = {"delimiter": frame.delimiter, "dtypes": dict(frame.dtypes), "backend": frame.backend}
    target = _target(asked, found, frame)
    transform = TableTransform(found.columns, found.derived, tuple(rules), order, like, target)
    stored = transform.rows(frame.columns, frame.name)
    shape = (transform.numbers,)
    types = {one.name: one.type for one in found.columns} | {one.name: one.type for one in found.derived}
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": len(stored),
        "columns": types,
        "target": target,
        "missing": _missing(frame),
        "constraints": list(asked.constraints),
        "policy": f"{len(found.columns)} columns as {shape[0]} numbers",
    }
    return Dataset(
        name=given.name,
        kind=NAME,
        shape=shape,
        transform=transform,
        fingerprint=fingerprint(
            survey(stored).digest, shape=stored.shape, dtype=str(stored.dtype), transform=transform
        ),
        summary=summary,
        notices=found.notices,
        array=stored,
    )


def _open_privately(given: Given, asked: Table, privately: Privately) -> Dataset:
    """A table of whose rows nothing is kept that is not noised, but the rows themselves."""
    frame = read_frame(given.data, given.path, given.name)
    frame.check_columns((*asked.columns, *asked.schema))
    if asked.constraints or "new" in asked.columns.values():
        what = "Constraints and generated columns are read off the rows, which a private run may not show"
        raise PoiseError(what, code="data.private-rules", hint="leave --constraint and =new out")
    columns, notices = private_columns(frame, asked.columns, declared(asked.schema), privately)
    order = tuple(column.name for column in columns)
    like = {"delimiter": frame.delimiter, "dtypes": dict(frame.dtypes), "backend": frame.backend}
    target = _target(asked, Recognised(columns, (), ()), frame)
    transform = TableTransform(columns, (), (), order, like, target)
    stored = private_rows(frame, transform)
    print_of = fingerprint(
        survey(stored).digest, shape=stored.shape, dtype=str(stored.dtype), transform=transform
    )
    summary: dict[str, JSON] = {
        "origin": given.origin,
        "count": len(stored),
        "columns": {column.name: column.type for column in columns},
        "target": target,
        "policy": f"{len(columns)} columns as {transform.numbers} numbers",
    }
    return Dataset(
        name=given.name,
        kind=NAME,
        shape=(transform.numbers,),
        transform=transform,
        fingerprint=keyed(privately.secret, print_of),
        summary=summary,
        notices=notices,
        array=stored,
        secret=privately.secret,
    )


def _like(given: Given, transform: TableTransform) -> Dataset:
    """A table as rows of another: with its cells; rows of values that it does not have are left out."""
    frame = read_frame(given.data, given.path, given.name)
    known = transform.known(frame.columns, frame.name)
    columns = {
        name: [text for text, fits in zip(texts, known, strict=True) if fits]
        for name, texts in frame.columns.items()
    }
    stored = transform.rows(columns, frame.name)
    left = len(known) - len(stored)
    told = [f"{left:,} rows of '{frame.name}' hold values that the data do not have, and were left out."]
    summary: dict[str, JSON] = {"origin": given.origin, "count": len(stored)}
    digest = survey(stored).digest
    return Dataset(
        name=given.name,
        kind=NAME,
        shape=(transform.numbers,),
        transform=transform,
        fingerprint=fingerprint(digest, shape=stored.shape, dtype=str(stored.dtype), transform=transform),
        summary=summary,
        notices=tuple(told if left else ()),
        array=stored,
    )


def _target(asked: Table, found: Recognised, frame: Frame) -> str:
    """The column that is asked for, or the last category, or the last column."""
    names = [column.name for column in found.columns]
    if asked.target is not None:
        if asked.target not in names:
            raise unknown_name("column", asked.target, names, where=f"to predict in '{frame.name}'")
        return asked.target
    categories = [column.name for column in found.columns if not column.ordered]
    return (categories or names)[-1]


def _missing(frame: Frame) -> dict[str, JSON]:
    """How many cells of each column are empty, of those that have any."""
    empty = {name: sum(not text for text in texts) for name, texts in frame.columns.items()}
    return {name: count for name, count in empty.items() if count}


def of_table(transform: Transform) -> TableTransform:
    """The transform of a table."""
    assert isinstance(transform, TableTransform)
    return transform


def _draw(
    samples: Tensor, transform: Transform, *, columns: int | None = None, real: Tensor | None = None
) -> Image.Image:
    """A panel for each column."""
    table = of_table(transform)
    return marginals_picture(_hard(samples, table), None if real is None else _hard(real, table), table)


def _hard(samples: Tensor, table: TableTransform) -> Array:
    rows: Array = table.encode(table.decode(samples.detach().nan_to_num().cpu())).numpy()
    return rows


def _write(folder: Path, pieces: Iterable[Tensor], count: int, transform: Transform) -> None:
    write_table(folder / _FILE, pieces, transform)


def write_table(path: Path, pieces: Iterable[Tensor], transform: Transform) -> None:
    """Write samples as a table with the columns, the types and the forms of the data."""
    table = of_table(transform)
    whole: dict[str, list[str]] = {name: [] for name in table.order}
    start = 0
    for piece in pieces:
        for name, texts in table.texts(table.decode(piece).numpy(), start=start).items():
            whole[name].extend(texts)
        start += len(piece)
    write_frame(path, whole, table.like)


def _describe(shape: tuple[int, ...], count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'} of a table, as {shape[0]:,} numbers"


def _advice(dataset: Dataset) -> tuple[str, ...]:
    if len(dataset) >= _FEW:
        return ()
    return (f"Few to learn from: {len(dataset):,} rows; a generator of so few repeats them or blurs them.",)


TABLE = DataKind(
    name=NAME,
    singular="table",
    plural="tables",
    describe=_describe,
    recognises=lambda given: is_table(given.data, given.path),
    open=_open,
    advice=_advice,
    load_transform=TableTransform.from_json,
    spec=lambda shape, transform: DataSpec(NAME, shape, spans=of_table(transform).spans),
    network=lambda spec: "mlp",
    defaults=lambda spec: Defaults(256, 2e-4, 600),
    gradient_weight=lambda spec: 0.1,
    settings=lambda spec: {},
    augmentations=frozenset(),
    draw=_draw,
    preview=2_000,
    pictures=12,
    gridded=False,
    pictorial=False,
    sample=lambda samples, transform: samples,
    to_data=lambda samples, transform: transform.decode(samples),
    stored_data=lambda stored, transform: stored.float(),
    written=lambda count, transform: [_FILE],
    write=_write,
    lead="All pictures show the samples of the same latents: the shares of each column's values.",
    as_picture="as shares of each column's values",
    as_files="in a table",
    features="identity",
    metrics=(
        "column-shapes",
        "pair-trends",
        "missing-share",
        "boosted-detection",
        "trained-on-fakes",
        "nearer-to-training",
    ),
    value_range=None,
    encodings=tuple(NUMBERS),
    measured=lambda samples, transform: transform.encode(transform.decode(samples)),
    comparable=lambda data, transform: transform.encode(data),
    write_file=write_table,
    table=of_table,
    recipe="table",
    preparation=lambda shape, transform: "one number for each value of a column",
)
