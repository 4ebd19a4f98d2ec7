"""What holds of every kind of data; and that nothing else compares the name of one."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars
import pytest
import torch
from PIL import Image

import poise
from graphs import file_of_graphs, typed_graphs
from poise.data import (
    KINDS,
    DataKind,
    Dataset,
    Files,
    Given,
    Range,
    Request,
    described_spec,
    kind_of,
    open_data,
    spec_of,
    survey,
)
from poise.data.dataset import array_dataset
from poise.data.kinds import Defaults
from poise.metrics import METRICS
from poise.metrics.features import EXTRACTORS
from poise.networks import DISCRIMINATORS, GENERATORS
from poise.recipes import RECIPES, Recipe, recipe_with
from poise.run_folder import RunFolder
from poise.spec import CONDITION_KINDS, DataSpec
from poise.training.resolve import resolve
from poise.web import write_report
from tones import folder_of_tones

PEOPLE = Path(__file__).parents[1] / "fixtures" / "people.csv"
RANDOM = np.random.default_rng(0)
EXAMPLES: dict[str, list[Any]] = {
    "image": ["digits", np.linspace(0, 1, 40 * 108).reshape(40, 6, 6, 3)],
    "field": [
        np.random.default_rng(0).lognormal(5.0, 2.0, (40, 2, 12, 16)),
        np.random.default_rng(0).integers(0, 60_000, (40, 10, 9)).astype(np.uint16),
        np.random.default_rng(0).normal(size=(40, 1, 6, 8, 7)).astype(np.float32),
    ],
    "graph": [
        typed_graphs(),
        lambda folder: open_data(file_of_graphs(folder / "graphs.g6"), cache=folder),
    ],
    "series": [
        Files(
            np.random.default_rng(0).normal(size=(40, 2, 20)) * np.geomspace(1, 8, 40)[:, None, None],
            kind="series",
        ),
        Files(np.random.default_rng(0).normal(size=(40, 12)), kind="series"),
    ],
    "sound": [
        lambda folder: open_data(folder_of_tones(folder / "tones"), cache=folder),
        lambda folder: open_data(folder_of_tones(folder / "tones"), encoding="waveform", cache=folder),
    ],
    "table": [
        PEOPLE,
        polars.read_csv(PEOPLE, try_parse_dates=True),
        lambda folder: open_data(PEOPLE, encoding="modes", cache=folder),
    ],
    "vector": ["ring", np.random.default_rng(0).normal(5.0, 3.0, (40, 7))],
}


def examples() -> Iterator[Any]:
    for name in KINDS:
        for number, data in enumerate(EXAMPLES[name]):
            yield pytest.param((name, data), id=f"{name}-{number}")


@pytest.fixture(params=list(examples()))
def dataset(request: pytest.FixtureRequest, tmp_path: Path) -> Dataset:
    name, data = request.param
    opened = data(tmp_path) if callable(data) else open_data(data, cache=tmp_path)
    assert kind_of(opened).name == name
    return opened


def test_every_kind_has_an_example() -> None:
    assert set(EXAMPLES) == set(KINDS)


def test_what_is_encoded_comes_back(dataset: Dataset) -> None:
    stored = dataset.gather(np.arange(8))
    encoded = dataset.transform.encode(stored)
    again = dataset.transform.decode(encoded)
    assert encoded.dtype == torch.float32 and encoded.shape == (8, *dataset.shape)
    assert not dataset.transform.bounded or encoded.abs().max() <= 1
    assert again.dtype == stored.dtype and torch.allclose(
        again.double(), stored.double(), rtol=1e-5, atol=1e-5
    )


def test_a_generators_folder_describes_the_transform_and_the_specification(dataset: Dataset) -> None:
    kind = kind_of(dataset)
    record = {"kind": kind.name, "shape": list(dataset.shape), "encoding": dataset.transform.to_json()}
    written = json.loads(json.dumps(record))
    assert kind.load_transform(written["encoding"]) == dataset.transform
    spec = described_spec(written)
    assert spec == spec_of(dataset) and spec.kind == kind.name and spec.shape == dataset.shape
    assert sum(span.size for span in spec.spans) in (0, spec.numbers, spec.shape[0])


def test_the_data_decide_a_recipe_whose_networks_serve_them(dataset: Dataset) -> None:
    kind, spec = kind_of(dataset), spec_of(dataset)
    recipe = resolve(RECIPES["relativistic-r1r2"], spec)
    assert GENERATORS[recipe.generator.name].serves(spec)
    assert DISCRIMINATORS[recipe.discriminator.name].serves(spec)
    assert recipe.steps == kind.defaults(spec).steps > 0
    assert recipe.regularisers["r1"].weight == kind.gradient_weight(spec) > 0
    for name in kind.augmentations:
        assert name in Recipe.model_fields


@pytest.mark.parametrize("change", [{"horizontal_flips": True}, {"jitter": {"shift": 0.1}}], ids=str)
def test_an_augmentation_that_does_not_fit_is_refused(dataset: Dataset, change: dict[str, Any]) -> None:
    recipe = recipe_with(RECIPES["non-saturating"], change)
    (name,) = change
    if name in kind_of(dataset).augmentations:
        assert resolve(recipe, spec_of(dataset))
        return
    with pytest.raises(poise.PoiseError) as caught:
        resolve(recipe, spec_of(dataset))
    assert caught.value.code == "training.augmentation-unfit"


def test_a_picture_shows_samples(dataset: Dataset) -> None:
    kind = kind_of(dataset)
    encoded = dataset.transform.encode(dataset.gather(np.arange(9)))
    real = None if kind.gridded else encoded
    plain = kind.picture(encoded, dataset.transform, dataset.shape, columns=3, real=real)
    other = kind.picture(-encoded, dataset.transform, dataset.shape, columns=3, real=real)
    assert min(plain.size) >= 48 and np.asarray(plain).std() > 0
    assert plain.size == other.size and plain.tobytes() != other.tobytes()
    with pytest.raises(poise.PoiseError) as caught:
        kind.picture(encoded[..., :-1], dataset.transform, dataset.shape)
    assert caught.value.code == "data.no-picture"


def test_samples_are_written_to_the_files_that_are_announced(dataset: Dataset, tmp_path: Path) -> None:
    kind = kind_of(dataset)
    encoded = dataset.transform.encode(dataset.gather(np.arange(5)))
    samples = kind.sample(encoded, dataset.transform)
    assert samples.dtype == torch.float32 and len(samples) == len(encoded)
    folder = tmp_path / "samples"
    folder.mkdir()
    kind.write(folder, iter([samples[:3], samples[3:]]), 5, dataset.transform)
    assert sorted(path.name for path in folder.iterdir()) == sorted(kind.written(5, dataset.transform))
    assert all(path.stat().st_size for path in folder.iterdir())


def test_files_that_were_written_open_as_the_same_data(tmp_path: Path) -> None:
    kind, pixels = KINDS["image"], open_data("digits").gather(np.arange(5))
    transform = open_data("digits").transform
    folder = tmp_path / "samples"
    folder.mkdir()
    kind.write(folder, [kind.sample(transform.encode(pixels), transform)], 5, transform)
    assert torch.equal(open_data(folder, cache=tmp_path).gather(np.arange(5)), pixels)


def test_data_and_samples_are_measured_in_one_form(dataset: Dataset) -> None:
    kind, transform = kind_of(dataset), dataset.transform
    stored = dataset.gather(np.arange(8))
    encoded = transform.encode(stored)
    data = kind.stored_data(stored, transform)
    assert torch.allclose(kind.to_data(encoded, transform).double(), data.double(), rtol=1e-5, atol=1e-5)
    measured = kind.comparable(data, transform)
    assert torch.allclose(kind.measured(encoded, transform).double(), measured.double(), atol=1e-4)
    assert (kind.value_range == "0..255") == (measured.dtype == torch.uint8)


def test_metrics_and_features_exist_and_serve_the_kind() -> None:
    for kind in KINDS.values():
        assert EXTRACTORS[kind.features].serves(kind.name)
        assert set(kind.metrics) <= set(METRICS)


def test_words_for_people(dataset: Dataset) -> None:
    kind = kind_of(dataset)
    one, many = kind.describe(dataset.shape, 1), kind.describe(dataset.shape, 4_000)
    assert one.startswith("1 ") and many.startswith("4,000 ")
    assert kind.singular != kind.plural and kind.lead.endswith(".")


# A kind of one's own ---------------------------------------------------------------------------------------


def melody_kind() -> DataKind:
    """Melodies: lists of lists of whole tones, which no other kind recognises."""

    def opened(given: Given, request: Request) -> Dataset:
        rows = np.array(given.data, dtype=np.float32)
        found = survey(rows)
        return array_dataset(
            rows, found.digest, "melody", name="melodies", transform=Range(0.0, 12.0), summary={}, notices=[]
        )

    def draw(
        samples: torch.Tensor, transform: Any, *, columns: int | None = None, real: torch.Tensor | None = None
    ) -> Image.Image:
        tones = transform.decode(samples).cpu().numpy() * 20
        return Image.fromarray(tones.astype(np.uint8)).resize((64, 64))

    def write(folder: Path, pieces: Any, count: int, transform: Any) -> None:
        rows = torch.cat(list(pieces)).tolist()
        (folder / "melodies.json").write_text(json.dumps(rows))

    return dataclasses.replace(
        KINDS["vector"],
        name="melody",
        singular="melody",
        plural="melodies",
        describe=lambda shape, count: f"{count:,} melodies of {shape[0]} tones",
        recognises=lambda given: isinstance(given.data, list),
        open=opened,
        spec=lambda shape, transform: DataSpec("melody", shape),
        network=lambda spec: "melody",
        defaults=lambda spec: Defaults(8, 1e-3, 6),
        draw=draw,
        written=lambda count, transform: ["melodies.json"],
        write=write,
        lead="Each row is a melody.",
        as_files="in a list",
    )


def test_a_kind_of_ones_own_trains_samples_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(KINDS._parts, "melody", melody_kind())
    for networks in (GENERATORS, DISCRIMINATORS):
        own = dataclasses.replace(networks["mlp"], name="melody", kinds=("melody",))
        monkeypatch.setitem(networks._parts, "melody", own)
    melodies = np.random.default_rng(0).integers(0, 12, (60, 8)).tolist()
    changes: dict[str, Any] = {"batch_size": 8, "evaluate_every": 3}
    run = poise.train(melodies, out=tmp_path / "run", steps=6, **changes)
    data = json.loads((run.path / "data.json").read_text())
    assert data["kind"] == "melody" and data["shape"] == [8] and data["encoding"]["high"] == 12.0
    assert any(line["metric"] == "frechet_distance" for line in RunFolder.open(run.path).lines("metrics"))
    assert list((run.path / "samples").glob("*.png"))
    generator = poise.Generator.load(run.path)
    samples = generator.sample(5)
    assert samples.shape == (5, 8) and samples.min() >= 0 and samples.max() <= 12
    assert generator.kind.describe(generator.shape, 5) == "5 melodies of 8 tones"
    assert "Each row is a melody." in write_report(run.path).read_text(encoding="utf-8")
    with pytest.raises(poise.PoiseError) as caught:
        poise.train(melodies, out=tmp_path / "other", steps=6, generator="dcgan")
    assert caught.value.code == "training.network-unfit"


# Nobody compares a kind ------------------------------------------------------------------------------------

NAMES = {*KINDS, *CONDITION_KINDS}
SOURCE = Path(poise.__file__).parent


def names_in(node: ast.expr) -> set[str]:
    """The kinds that a literal names: a string, or a tuple, a list or a set of them."""
    parts = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    return {str(part.value) for part in parts if isinstance(part, ast.Constant)} & NAMES


def transforms_in(tree: ast.AST) -> set[str]:
    """The classes that encode and decode."""
    return {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and {"encode", "decode"} <= {one.name for one in node.body if isinstance(one, ast.FunctionDef)}
    }


@cache
def texts() -> dict[Path, str]:
    """Every module of Poise."""
    return {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}


@cache
def trees(*words: str) -> dict[Path, ast.AST]:
    """The modules in which any of the words stands."""
    found = re.compile("|".join(words))
    return {path: ast.parse(text) for path, text in texts().items() if found.search(text)}


@cache
def transforms() -> set[str]:
    """The names of all transforms."""
    return set().union(*map(transforms_in, trees("def encode").values()))


def comparisons(tree: ast.AST) -> Iterator[int]:
    """Lines that compare something with the name of a kind, match it, or look it up in a table in place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            if isinstance(node.ops[0], ast.In | ast.NotIn):
                # `"label" in names` asks a container of any kind; only `kind in ("image", "vector")` compares
                sides = [side for side in sides[1:] if not isinstance(side, ast.Constant)]
            if any(names_in(side) for side in sides):
                yield node.lineno
        elif isinstance(node, ast.MatchValue) and names_in(node.value):
            yield node.value.lineno
        elif isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            yield from (node.lineno for key in node.value.keys if key is not None and names_in(key))


@pytest.mark.parametrize(
    "text",
    [
        'kind == "image"',
        '"vector" != data["kind"]',
        'kind in ("label", "image")',
        '{"image": 1, "vector": 2}[kind]',
        'match kind:\n    case "vector":\n        pass',
    ],
)
def test_a_comparison_is_found(text: str) -> None:
    assert list(comparisons(ast.parse(text)))


def test_nothing_outside_the_kinds_compares_the_name_of_one() -> None:
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path, tree in trees(*(f"[\"']{name}[\"']" for name in NAMES)).items()
        if path.parent != SOURCE / "data" / "kinds"
        for line in comparisons(tree)
    ]
    assert not found


def of_a_transform(tree: ast.AST) -> Iterator[int]:
    """Lines that ask whether something is the transform of a kind."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "isinstance":
            if {one.id for one in ast.walk(node.args[1]) if isinstance(one, ast.Name)} & transforms():
                yield node.lineno
        elif isinstance(node, ast.MatchClass) and isinstance(node.cls, ast.Name):
            yield from [node.cls.lineno] if node.cls.id in transforms() else []


def test_nothing_outside_the_data_asks_of_which_kind_a_transform_is() -> None:
    assert {"Pixels", "TableTransform", "GraphTransform"} <= transforms()
    assert list(of_a_transform(ast.parse("isinstance(made, Sounds | TableTransform)")))
    found = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path, tree in trees(*transforms()).items()
        if SOURCE / "data" not in path.parents
        for line in of_a_transform(tree)
    ]
    assert not found
