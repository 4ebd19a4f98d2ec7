"""Rows under conditions and missing cells, against what enumeration gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import poise
from poise.data import Array, TableTransform, open_data
from poise.generator import Generator
from poise.generator.regressing import regressed
from poise.networks.mixture import MixtureGenerator
from poise.recipes.settings import Latent

PEOPLE = Path(__file__).parents[1] / "fixtures" / "people.csv"


@pytest.fixture(scope="module")
def people() -> Generator:
    """A generator that is exactly a mixture fitted to the table: all probabilities are known."""
    dataset = open_data(PEOPLE)
    transform = dataset.transform
    assert isinstance(transform, TableTransform)
    torch.manual_seed(0)
    module = MixtureGenerator(transform.spans, 40, components=6, width=8, depth=1)
    module.fit(transform.encode(dataset.gather(np.arange(len(dataset)))), seed=0)
    description = {
        "shape": [transform.numbers],
        "kind": "table",
        "encoding": transform.to_json(),
        "latent": Latent(size=40).model_dump(),
        "game": {"name": "noise-to-data"},
    }
    return Generator(module, description)


def shares_of(generator: Generator, name: str) -> tuple[torch.Tensor, dict[str, int]]:
    """For each component the share of each cell of a column of single values; and the cells by their text."""
    transform, module = generator.transform, generator.module
    assert isinstance(transform, TableTransform) and isinstance(module, MixtureGenerator)
    index = [column.name for column in transform.columns].index(name)
    part = module.logits.split(module.sizes, 1)[index].softmax(1)
    return part.double(), {cell.texts[0]: place for place, cell in enumerate(transform.columns[index].cells)}


def test_every_row_meets_the_condition_and_the_others_are_as_under_it(people: Generator) -> None:
    made = people.table(20_000, seed=1, where="member == 'yes' and city in ('Oslo', 'Rome')")
    assert set(made["member"]) == {"yes"} and set(made["city"]) == {"Oslo", "Rome"}
    assert set(zip(made["city"], made["country"], strict=True)) == {("Oslo", "Norway"), ("Rome", "Italy")}
    module = people.module
    assert isinstance(module, MixtureGenerator)
    prior = torch.diff(module.bounds, prepend=torch.zeros(1)).double()
    (member, of_member), (city, of_city), (colour, of_colour) = (
        shares_of(people, name) for name in ("member", "city", "colour")
    )
    weight = prior * member[:, of_member["yes"]] * (city[:, of_city["Oslo"]] + city[:, of_city["Rome"]])
    expected = (weight / weight.sum()) @ colour
    for text, place in of_colour.items():
        assert made["colour"].count(text) / 20_000 == pytest.approx(float(expected[place]), abs=0.02)
    found = people.where("member == 'yes' and city in ('Oslo', 'Rome')", 100, seed=1)
    assert found.probability == pytest.approx(float(weight.sum()), abs=0.02) and found.kept == 1


def test_ranges_hold_within_cells_of_several_values(people: Generator) -> None:
    made = people.table(2_000, where="31 < age <= 33 and income > 20000 and joined < '2021-06-01'")
    assert set(made["age"]) <= {32, 33} and min(made["income"]) > 20_000
    assert max(made["joined"]) < "2021-06-01"


def test_a_condition_that_ties_columns_leaves_rows_out_and_says_how_many(people: Generator) -> None:
    found = people.where("visits > age", 50)
    assert 0 < found.kept < 1 and "left out" in found.sentence
    made = people.table(50, where="visits > age")
    assert all(one > two for one, two in zip(made["visits"], made["age"], strict=True))


def test_hardly_probable_conditions_are_refused(people: Generator) -> None:
    with pytest.raises(poise.PoiseError) as caught:
        people.where("visits > age and age > 74 and height > 400", 10)
    assert caught.value.code in ("generator.condition-rare", "data.condition-empty")


def test_the_same_seed_makes_the_same_rows(people: Generator) -> None:
    first, again, other = (people.table(30, seed=seed, where="age > 40") for seed in (1, 1, 2))
    assert first == again and first != other


def test_missing_cells_are_drawn_as_the_known_ones_make_them_probable(people: Generator) -> None:
    count = 4_000
    texts = {name: [""] * count for name in ("age", "height", "income", "colour", "joined", "visits")}
    texts |= {"city": ["Rome"] * count, "country": ["Italy"] * count, "member": ["yes"] * count}
    from poise.generator.imputing import imputed

    (filled,) = imputed(people, texts, draws=1, seed=0)
    assert all(all(column) for column in filled.values()) and filled["city"] == texts["city"]
    module = people.module
    assert isinstance(module, MixtureGenerator)
    prior = torch.diff(module.bounds, prepend=torch.zeros(1)).double()
    (member, of_member), (city, of_city), (colour, of_colour) = (
        shares_of(people, name) for name in ("member", "city", "colour")
    )
    weight = prior * member[:, of_member["yes"]] * city[:, of_city["Rome"]]
    expected = (weight / weight.sum()) @ colour
    for text, place in of_colour.items():
        assert filled["colour"].count(text) / count == pytest.approx(float(expected[place]), abs=0.03)


def test_known_cells_stay_and_draws_differ(people: Generator, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("\n".join([*PEOPLE.read_text().splitlines()[:20], "40,,,,Oslo,Norway,,,"]) + "\n")
    first, second = people.impute(path, draws=2)
    assert first["age"][-1] == 40 and first["city"][-1] == "Oslo" and first["member"][-1] in ("yes", "no")
    assert None not in first["income"] and first != second


def test_an_expected_cell_is_the_mean_or_the_mode_of_many_draws(people: Generator, tmp_path: Path) -> None:
    path, names = tmp_path / "rows.csv", PEOPLE.read_text().splitlines()[0].split(",")
    cells = [{"city": "Oslo", "country": "Norway"}, {"age": "40", "member": "yes"}]
    rows = [",".join(one.get(name, "") for name in names) for one in cells for _ in range(200)]
    path.write_text("\n".join([",".join(names), *rows]) + "\n")
    (drawn,) = people.impute(path, seed=3)
    (guessed,) = people.impute(path, expected=True, seed=3)
    for start in (0, 200):
        here = slice(start, start + 200)
        for name in ("age", "height"):
            numbers = np.array(drawn[name][here], dtype=float)
            assert len(set(guessed[name][here])) == 1
            assert guessed[name][start] == pytest.approx(
                numbers.mean(), abs=4 * numbers.std() / 200**0.5 + 0.5
            )
        colours = drawn["colour"][here]
        counts = {colour: colours.count(colour) for colour in set(colours)}
        assert counts[guessed["colour"][start]] > max(counts.values()) - 4 * 200**0.5
    assert guessed["city"][:200] == ["Oslo"] * 200 and guessed["age"][-1] == 40


def _of_three(folder: Path, x: Array, y: Array) -> Generator:
    """A mixture of three components, which hold no line, of a table of two numbers."""
    path = folder / "line.csv"
    path.write_text("x,y\n" + "".join(f"{one:.2f},{two:.2f}\n" for one, two in zip(x, y, strict=True)))
    transform = (dataset := open_data(path)).transform
    assert isinstance(transform, TableTransform)
    module = MixtureGenerator(transform.spans, 8, components=3, width=8, depth=1)
    module.fit(transform.encode(dataset.gather(np.arange(len(dataset)))), seed=0)
    latent = Latent(size=8).model_dump()
    line = {"shape": [transform.numbers], "kind": "table", "encoding": transform.to_json(), "latent": latent}
    return Generator(module, {**line, "game": {"name": "noise-to-data"}})


def _holed(folder: Path, x: Array, y: Array, gone: int) -> Path:
    path = folder / "holed.csv"
    rows = [f"{one:.2f},{'' if row < gone else f'{y[row]:.2f}'}" for row, one in enumerate(x)]
    path.write_text("\n".join(["x,y", *rows]) + "\n")
    return path


def test_guesses_follow_what_the_other_numbers_of_a_row_foretell(tmp_path: Path) -> None:
    """Of a mixture alone the guesses miss the line by a third of its spread."""
    x = np.random.default_rng(0).uniform(0, 100, 400)
    line = 300 - 2 * x
    generator, holed = _of_three(tmp_path, x, line), _holed(tmp_path, x, line, 100)
    (guessed,) = generator.impute(holed, expected=True, seed=0)
    y = np.array(guessed["y"], dtype=float)
    assert np.sqrt(np.square(y - line)[:100].mean()) < 0.05 * np.std(line)
    assert y[100:] == pytest.approx(line[100:], abs=0.006)


def test_draws_lie_about_the_line_and_enclose_what_is_true(tmp_path: Path) -> None:
    """The least and the greatest of 20 honest draws enclose 19 of 21 true values, 91 of 100."""
    stream = np.random.default_rng(1)
    x = stream.uniform(0, 100, 600)
    line = 300 - 2 * x
    y = line + 6 * stream.normal(size=600)
    generator, holed = _of_three(tmp_path, x, y), _holed(tmp_path, x, y, 200)
    draws = np.stack([np.array(one["y"], float) for one in generator.impute(holed, draws=20, seed=0)])
    assert draws[:, 200:] == pytest.approx(np.tile(y[200:], (20, 1)), abs=0.006)
    missing = draws[:, :200]
    assert missing.min() >= y.min() - 0.01 and missing.max() <= y.max() + 0.01
    assert np.sqrt(np.square(missing.mean(0) - line[:200]).mean()) < 0.15 * np.std(line)
    assert np.mean((missing.min(0) <= y[:200]) & (y[:200] <= missing.max(0))) > 0.85


def test_draws_keep_a_number_that_many_rows_have(tmp_path: Path) -> None:
    stream = np.random.default_rng(2)
    x = stream.uniform(0, 100, 600)
    y = np.where(stream.random(600) < 0.4, 150.0, 300 - 2 * x)
    generator, holed = _of_three(tmp_path, x, y), _holed(tmp_path, x, y, 200)
    draws = np.stack([np.array(one["y"], float) for one in generator.impute(holed, draws=5, seed=0)])
    assert np.mean(draws[:, :200] == 150) == pytest.approx(np.mean(y == 150), abs=0.06)


def test_a_copy_and_its_column_tell_of_each_other(people: Generator, tmp_path: Path) -> None:
    """Each city has one country, so that only the city is learnt."""
    path, lines = tmp_path / "rows.csv", PEOPLE.read_text().splitlines()[:60]
    path.write_text("\n".join([*lines, "40,,,,,,,,", "40,,,,,Norway,,,"]) + "\n")
    for made in (people.impute(path, expected=True, seed=0), people.impute(path, draws=3, seed=0)):
        for table in made:
            pairs = list(zip(table["city"], table["country"], strict=True))
            assert pairs[-2] in pairs[:-2] and pairs[-1] == ("Oslo", "Norway")


def test_regressions_take_the_better_of_guesses_and_other_numbers() -> None:
    stream = np.random.default_rng(1)
    told, noise = stream.normal(size=(800, 1)), stream.normal(size=(800, 3))
    numbers = np.concatenate([told + 0.1 * stream.normal(size=(800, 1)), noise], 1)
    gone = stream.random(numbers.shape) < 0.2
    guesses = np.concatenate([told, np.zeros((800, 3))], 1)  # The first is told, the others cannot be
    found = regressed(np.where(gone, np.nan, numbers), guesses, guesses - 5, guesses + 5)
    assert (found[~gone] == numbers[~gone]).all()
    missed = np.where(gone, np.square(found - numbers), 0).sum(0) / gone.sum(0)
    assert missed[0] < 1.1 * 0.01
    assert (missed[1:] < 1.05 * np.where(gone, np.square(numbers), 0).sum(0)[1:] / gone.sum(0)[1:]).all()


class _Plain(torch.nn.Module):
    def __init__(self, module: Any) -> None:
        super().__init__()
        self.inner = module

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        made: torch.Tensor = self.inner(latent)
        return made


def test_a_generator_without_probabilities_leaves_rows_out_and_cannot_impute(people: Generator) -> None:
    plain = Generator(_Plain(people.module), people.description)
    made = plain.where("member == 'yes' and age > 40", 40)
    assert made.effective is None and 0 < made.kept < 1
    with pytest.raises(poise.PoiseError) as caught:
        plain.impute(PEOPLE)
    assert caught.value.code == "generator.no-probabilities"
