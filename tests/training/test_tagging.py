"""From images with tags to pairs, to a generator, and back to tags."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import poise
from poise.data import Dataset, Labelled, open_data
from poise.errors import PoiseError
from poise.generator.tagging import ranked
from poise.metrics.features import colours_and_shapes
from poise.tasks import TASKS
from poise.tasks.prepare import prepared
from poise.tasks.tagging import tag_vectors, tagged

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30)}
TAGS = {"red": "red;warm;colour", "blue": "blue;cold;colour", "green": "green;cold; colour ;"}


def painted(folder: Path, *, each: int = 8) -> Labelled:
    """Images of three colours with their tags in a table."""
    stream = np.random.default_rng(0)
    folder.mkdir()
    lines = ["file,tags"]
    for name, colour in COLOURS.items():
        for number in range(each):
            pixels = np.clip(np.array(colour) + stream.integers(-20, 21, (8, 8, 3)), 0, 255)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{name}{number}.png")
            lines.append(f"{name}{number}.png,{TAGS[name]}")
    table = folder.parent / "tags.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    return Labelled(folder, table, "tags")


def opened(tmp_path: Path, **settings: Any) -> Dataset:
    return tagged(open_data(painted(tmp_path / "all")), **{"least": 4, "vector_size": 16, **settings})


def test_each_row_is_a_tag_of_its_image(tmp_path: Path) -> None:
    source = opened(tmp_path)
    condition = source.condition
    assert condition is not None and condition.kind == "vector"
    assert condition.about["tags"] == ["blue", "cold", "colour", "green", "red", "warm"]
    assert len(source) == len(condition) == 3 * 8 * 3 and source.kind == "vector"
    vectors = np.array(condition.about["vectors"], np.float32)
    rows = source.gather(np.arange(len(source))).numpy()
    named = [condition.about["tags"][int(np.abs(vectors - row).sum(1).argmin())] for row in rows]
    seen = condition.gather(np.arange(len(source)))
    images = open_data(painted(tmp_path / "again"))
    pixels = images.transform.encode(images.gather(np.arange(len(images))))
    features = colours_and_shapes()(pixels)
    for tag, row in zip(named, seen, strict=True):
        file = images.files[int((features - row).abs().sum(1).argmin())]
        colour = next(name for name in COLOURS if file.startswith(name))
        texts = [one.strip() for one in TAGS[colour].split(";")]
        assert tag in texts
    assert source.summary["pairs"] == 72 and source.summary["tags_dropped"] == 0


def test_rare_tags_are_dropped_and_counted(tmp_path: Path) -> None:
    source = opened(tmp_path, least=9)  # each colour has eight
    assert source.condition is not None
    assert source.condition.about["tags"] == ["cold", "colour"]
    assert source.summary["tags_dropped"] == 4 and source.summary["images_without_tags"] == 0
    assert "2 tags are learnt; 4 that are rarer are dropped." in source.notices


def test_vectors_are_of_unit_variance_and_near_where_tags_share_their_company() -> None:
    # 0 and 1 are seen with 4, 2 and 3 with 5; nothing else together
    known = [[0, 4], [1, 4], [2, 5], [3, 5]] * 5
    vectors = tag_vectors(known, 6, 8192)
    np.testing.assert_allclose((vectors**2).mean(1), 1, rtol=1e-5)
    cosine = vectors @ vectors.T / 8192
    assert cosine[0, 1] > cosine[0, 2] + 0.05 and cosine[2, 3] > cosine[1, 3] + 0.05
    assert cosine[0, 4] > cosine[0, 5] + 0.2
    always = tag_vectors([[0, 1], [0, 1], [0, 2]] * 5, 3, 512)  # 0 is on all images, 1 on its own kind
    assert np.isfinite(always).all()
    inseparable = tag_vectors([[0, 1], [2]] * 5, 3, 512)
    assert 0.5 < inseparable[0] @ inseparable[1] / 512 < 0.95
    np.testing.assert_array_equal(vectors, tag_vectors(known, 6, 8192))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        (
            {"separator": "|", "least": 25},
            "tasks.too-few-tags",
        ),
        ({"least": 1000}, "tasks.too-few-tags"),
        ({"features": "classifier"}, "tasks.extractor-needs-more"),
        ({"features": "colour"}, "unknown-extractor"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, settings: dict[str, Any], code: str) -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == code):
        opened(tmp_path, **settings)


def test_texts_are_no_tags(tmp_path: Path) -> None:
    source = open_data(painted(tmp_path / "all"))
    text = dataclasses.replace(source, label_names=tuple("a long story " * 9 + str(n) for n in range(3)))
    with pytest.raises(PoiseError, check=lambda error: error.code == "tasks.tag-too-long"):
        tagged(text)
    with pytest.raises(PoiseError, check=lambda error: error.code == "tasks.no-tagged-image"):
        tagged(dataclasses.replace(source, label_names=("", ";", " ; ")[: len(source.label_names)]))
    with pytest.raises(PoiseError, check=lambda error: error.code == "tasks.no-tags"):
        tagged(dataclasses.replace(source, labels=None, label_names=()))
    with pytest.raises(PoiseError, check=lambda error: error.code == "tasks.tags-without-images"):
        tagged(open_data("ring"))


def test_settings_of_the_game_are_checked_and_reach_the_preparation(tmp_path: Path) -> None:
    source = open_data(painted(tmp_path / "all"))
    task = TASKS["image-tagging"]
    assert prepared(source, task, {"least": 4, "vector_size": 8}).shape == (8,)
    with pytest.raises(PoiseError, check=lambda error: error.code == "registry.wrong-value"):
        prepared(source, task, {"least": 0})
    with pytest.raises(PoiseError, check=lambda error: error.code == "unknown-setting"):
        prepared(source, task, {"leest": 3})


def test_changed_tags_are_another_fingerprint(tmp_path: Path) -> None:
    data = painted(tmp_path / "all")
    first = tagged(open_data(data), least=4).fingerprint
    assert first == tagged(open_data(data), least=4).fingerprint
    table = tmp_path / "tags.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("warm", "cold", 1), encoding="utf-8")
    assert tagged(open_data(data), least=4).fingerprint != first


def test_pictures_are_told_by_their_colour(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"batch_size": 32, "sample_every": 400, "ema.half_life": 2000}
    settings |= {"generator.width": 32, "discriminator.width": 32, "latent.size": 8}
    settings |= {"game.least": 4, "game.vector_size": 16}
    run = poise.train(
        painted(tmp_path / "all"),
        "image-tagging",
        steps=400,
        out=tmp_path / "run",
        device="cpu",
        **settings,
    )
    for colour in COLOURS:
        found = run.tag(tmp_path / "all" / f"{colour}0.png", 3, draws=100)
        right = {one.strip() for one in TAGS[colour].split(";")}
        assert sum(one.frequency for one in found if one.name in right) > 0.6, (colour, found)
    first = run.tag(tmp_path / "all" / "red0.png", draws=50, seed=3)
    assert first == run.tag(tmp_path / "all" / "red0.png", draws=50, seed=3)
    assert sum(one.frequency for one in run.tag(tmp_path / "all" / "red0.png", 100)) == pytest.approx(1)
    with pytest.raises(PoiseError, check=lambda error: error.code == "generator.no-picture"):
        run.tag(tmp_path / "none.png")
    with pytest.raises(PoiseError, match=r"poise tag RUN image\.png"):
        run.sample(3)
    for against in (None, run.path):
        with pytest.raises(
            PoiseError, match=r"names the tags of images.*Fréchet.*poise report .*poise tag .*\.png"
        ):
            poise.evaluate(run, against)
    with pytest.raises(PoiseError, check=lambda error: error.code == "generator.no-picture"):
        run.tag(tmp_path / "all")
    assert f"poise tag {run.path} picture.png" in run.report().read_text(encoding="utf-8")
    assert ranked(run.generator, torch.zeros(0, 768), draws=1, seed=0) == []
