"""Fields: every bit, type and unit comes back, whatever they came in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from refusals import refused

import poise
from poise.data import Array, Files, kind_of, open_data
from poise.data.channels import FITS, channel_from_json, channel_to_json, fitted_channel
from poise.data.field_transform import in_type
from poise.data.kinds.field import channels_first

RANDOM = np.random.default_rng(0)
SMALL: dict[str, Any] = {"generator.width": 4, "discriminator.width": 4, "batch_size": 8, "steps": 2}


def sample_of(name: str) -> Array:
    """Odd values, by the name of what is odd."""
    tails: dict[str, Array] = {
        "normal": RANDOM.normal(1e4, 3.0, 5_000),
        "tails": RANDOM.standard_cauchy(5_000),
        "spike": np.concatenate([np.zeros(4_000), RANDOM.lognormal(0, 2, 1_000)]),
        "constant": np.full(100, 7.0),
        "two": np.array([0.0, 1.0] * 50),
    }
    return tails[name]


@pytest.mark.parametrize("values", ["normal", "tails", "spike", "constant", "two"])
@pytest.mark.parametrize("name", [*FITS, None])
def test_an_encoding_comes_back_beyond_the_ends_of_the_data(name: str | None, values: str) -> None:
    sample = sample_of(values)
    low, high = float(sample.min()), float(sample.max())
    channel = fitted_channel(name, sample, low, high)
    assert channel_from_json(json.loads(json.dumps(channel_to_json(channel)))) == channel
    span = max(high - low, 1.0)
    stored = torch.from_numpy(np.concatenate([sample, [low - span, high + span]])).float()
    encoded = channel.encode(stored)
    again = channel.decode(encoded)
    assert torch.isfinite(encoded).all() and float(encoded[-2]) < float(encoded[:-2].min())
    assert float(encoded[-1]) > float(encoded[:-2].max())
    assert torch.allclose(again, stored, rtol=1e-4, atol=1e-5 * span)
    if name in ("standard", "asinh") and values in ("normal", "tails"):
        assert abs(float(encoded[:-2].mean())) < 1e-3 and float(encoded[:-2].std()) == pytest.approx(
            1, abs=1e-3
        )


def test_long_tails_choose_asinh_and_the_rest_is_standardised() -> None:
    for values, expected in (("normal", "standard"), ("tails", "asinh")):
        sample = sample_of(values)
        assert fitted_channel(None, sample, sample.min(), sample.max()).name == expected
    with refused("unknown-encoding"):
        fitted_channel("logarithm", np.arange(3.0), 0.0, 2.0)


ARRAYS: dict[str, Array] = {
    "uint16": RANDOM.integers(0, 65_536, (12, 9, 10)).astype(np.uint16),
    "int16-ct": RANDOM.integers(-1_024, 3_072, (12, 1, 8, 8)).astype(np.int16),
    "float-channels-last": RANDOM.normal(280, 12, (12, 8, 9, 3)).astype(np.float32),
    "many-bands": RANDOM.normal(5, 2, (12, 20, 16, 16)),
    "volume": RANDOM.normal(0, 1, (12, 1, 6, 7, 8)).astype(np.float32),
    "volume-channels-last": RANDOM.normal(0, 1, (12, 6, 7, 8, 2)).astype(np.float32),
    "big-endian": RANDOM.integers(0, 60_000, (12, 9, 10)).astype(">u2"),
}


@pytest.mark.parametrize("name", list(ARRAYS))
def test_numbers_that_are_no_pixels_are_fields_and_come_back_in_type_and_units(
    name: str, tmp_path: Path
) -> None:
    given = ARRAYS[name]
    dataset = open_data(given, cache=tmp_path)
    assert dataset.kind == "field"
    view = channels_first(given, None, name)
    assert dataset.shape == view.shape[1:]
    stored = dataset.gather(np.arange(len(dataset)))
    back = in_type(dataset.transform.decode(dataset.transform.encode(stored)), dataset.transform)
    assert back.dtype == given.dtype.newbyteorder("=")
    if given.dtype.kind in "ui":
        assert np.array_equal(back, view)
    else:
        assert np.allclose(back, view, rtol=1e-5, atol=1e-4)
    assert any("taken as fields" in notice for notice in dataset.notices)


def test_whole_numbers_end_where_their_type_does_and_floats_never(tmp_path: Path) -> None:
    for given, low, high in ((ARRAYS["uint16"], 0, 65_535), (ARRAYS["int16-ct"], -32_768, 32_767)):
        transform = open_data(given, cache=tmp_path).transform
        far = transform.decode(torch.tensor([-1e4, 1e4]).reshape(2, 1, 1, 1).expand(2, 1, 4, 4))
        ends = in_type(far, transform)
        assert (int(ends.min()), int(ends.max())) == (low, high)
    transform = open_data(ARRAYS["volume"], cache=tmp_path).transform
    assert float(transform.decode(torch.full((1, 1, 2, 2, 2), 50.0)).min()) > 10


def test_what_could_be_pictures_stays_pictures(tmp_path: Path) -> None:
    whole = RANDOM.integers(0, 256, (12, 8, 8)).astype(np.uint8)
    assert open_data(whole, cache=tmp_path).kind == "image"
    assert open_data(RANDOM.random((12, 8, 8, 3)), cache=tmp_path).kind == "image"
    assert open_data(Files(ARRAYS["uint16"], scale=(0, 65_535)), cache=tmp_path).kind == "image"
    assert open_data(Files(whole, kind="field"), cache=tmp_path).kind == "field"
    with refused("data.integer-range"):
        open_data(Files(ARRAYS["uint16"], kind="image"), cache=tmp_path)
    with refused("unknown-kind"):
        open_data(Files(whole, kind="feild"), cache=tmp_path)


def test_encodings_are_chosen_by_name_one_or_one_a_channel(tmp_path: Path) -> None:
    data = ARRAYS["float-channels-last"]
    dataset = open_data(data, encoding="linear, asinh, quantile", cache=tmp_path)
    assert dataset.summary["encodings"] == "linear, asinh, quantile"
    assert open_data(data, encoding="linear", cache=tmp_path).summary["encodings"] == "linear"
    with refused("data.encodings-count"):
        open_data(data, encoding="linear,asinh", cache=tmp_path)
    with refused("data.no-encodings"):
        open_data("digits", encoding="asinh", cache=tmp_path)


@pytest.mark.parametrize(
    ("given", "kind", "code"),
    [
        (RANDOM.normal(9, 1, (6, 10, 20, 30)), None, "data.axes-unclear"),
        (np.full((6, 1, 8, 8), 1e39), None, "data.too-large"),
        (np.full((6, 1, 4, 4, 4), np.nan), None, "data.not-finite"),
        (np.zeros((2, 1, 2, 2, 2, 2)), None, "data.too-many-axes"),
    ],
)
def test_what_cannot_be_a_field(given: Array, kind: str | None, code: str, tmp_path: Path) -> None:
    with refused(code):
        open_data(Files(given, kind=kind), cache=tmp_path)


def test_sizes_are_not_changed(tmp_path: Path) -> None:
    with refused("data.fields-stay"):
        open_data(ARRAYS["volume"], resolution=16, cache=tmp_path)


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_pictures_of_sixteen_bits_come_back_as_they_came(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    values = RANDOM.integers(0, 65_536, (6, 8, 12)).astype(np.uint16)
    for number, one in enumerate(values):
        Image.fromarray(one).save(folder / f"{number}{suffix}")
    dataset = open_data(Files(folder, kind="field"), cache=tmp_path / "cache")
    stored = dataset.gather(np.arange(6))
    assert np.array_equal(stored[:, 0].numpy(), values)
    kind, out = kind_of(dataset), tmp_path / "out"
    out.mkdir()
    samples = kind.sample(dataset.transform.encode(stored), dataset.transform)
    kind.write(out, [samples], 6, dataset.transform)
    again = open_data(Files(out, kind="field"), cache=tmp_path / "cache")
    assert np.array_equal(again.gather(np.arange(6))[:, 0].numpy(), values)
    with Image.open(out / kind.written(6, dataset.transform)[0]) as image:
        assert np.asarray(image).dtype == np.uint16


def test_float_pictures_and_stacks_of_pages(tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    values = RANDOM.normal(-3, 1, (4, 3, 8, 9)).astype(np.float32)
    for number, pages in enumerate(values):
        first, *others = [Image.fromarray(page) for page in pages]
        first.save(folder / f"{number}.tif", save_all=True, append_images=others)
    dataset = open_data(Files(folder, kind="field"), cache=tmp_path / "cache")
    assert np.array_equal(dataset.gather(np.arange(4)).numpy(), values)
    assert dataset.transform.to_json()["suffix"] == ".npy"  # a picture has one channel


def test_a_folder_of_arrays_with_classes_by_folder(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    for name, middle in (("calm", 0.0), ("storm", 9.0)):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            np.save(folder / name / f"{number}.npy", RANDOM.normal(middle, 1, (2, 8, 8)))
    dataset = open_data(folder, cache=tmp_path / "cache")
    assert dataset.kind == "field" and dataset.shape == (2, 8, 8) and dataset.label_names == ("calm", "storm")
    torch.save(torch.zeros(2, 8, 8, dtype=torch.float64), folder / "calm" / "9.pt")
    assert len(open_data(folder, cache=tmp_path / "cache")) == 7
    np.save(folder / "calm" / "odd.npy", np.zeros((2, 8, 9)))
    with refused("data.fields-differ") as caught:
        open_data(folder, cache=tmp_path / "cache")
    assert caught.value.details == ["calm/odd.npy"]


def test_archives_and_files_that_cannot_be_read(tmp_path: Path) -> None:
    archive = tmp_path / "fields.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for number in range(3):
            np.save(tmp_path / "one.npy", RANDOM.normal(50, 1, (8, 8)))
            opened.write(tmp_path / "one.npy", f"{number}.npy")
    assert open_data(archive, cache=tmp_path / "cache").shape == (1, 8, 8)
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "a.npy").write_bytes(b"\x93NUMPY")
    with refused("data.fields-unusable"):
        open_data(folder, cache=tmp_path / "cache")


def test_tensors_in_a_file_are_read_without_running_code(tmp_path: Path) -> None:
    tensor = torch.randn(10, 2, 8, 8) * 40
    torch.save({"data": tensor, "y": torch.arange(10)}, tmp_path / "fields.pt")
    dataset = open_data(tmp_path / "fields.pt", cache=tmp_path)
    assert torch.equal(dataset.gather(np.arange(10)), tensor)
    torch.save({"model": SMALL, "other": Path}, tmp_path / "code.pt")
    with refused("data.array-of-objects"):
        open_data(tmp_path / "code.pt", cache=tmp_path)
    torch.save({"a": tensor, "b": tensor}, tmp_path / "two.pt")
    with refused("data.array-ambiguous"):
        open_data(tmp_path / "two.pt", cache=tmp_path)


@pytest.mark.parametrize(
    ("shape", "kind"), [((40, 2, 9, 8), None), ((40, 3, 5, 6, 7), None), ((40, 33), "field")]
)
def test_a_run_on_fields_makes_resumes_and_reports(
    shape: tuple[int, ...], kind: str | None, tmp_path: Path
) -> None:
    values = (RANDOM.normal(200, 30, shape)).astype(np.float32)
    np.save(tmp_path / "fields.npy", values)
    data = Files(tmp_path / "fields.npy", kind=kind)
    run = poise.train(data, out=tmp_path / "run", evaluate_every=2, **SMALL)
    assert run.folder.data["kind"] == "field"
    resumed = poise.resume(tmp_path / "run", steps=3)
    samples = resumed.sample(3, seed=1)
    assert samples.shape[0] == 3 and 100 < float(samples.mean()) < 300
    assert (
        "darkest" in resumed.report().read_text(encoding="utf-8") or resumed.report().stat().st_size > 10_000
    )
    result = poise.evaluate(resumed, samples=24)
    names = {one.metric for one in result.results}
    assert {"power-spectrum", "value-distribution", "frechet-distance"} <= names
    (again,) = [line for line in resumed.folder.lines("metrics") if line["metric"] == "spectrum_error"]
    assert again["better"] == "lower" and "floor" in again
