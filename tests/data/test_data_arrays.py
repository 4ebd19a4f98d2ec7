import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from refusals import refused

from poise.data import Files, Range, Standardised, inspect_data, open_data
from poise.data.rows import blocks, survey
from poise.data.sources.image_arrays import image_layout
from poise.errors import PoiseError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 8, 8), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 8, 8, 3), dtype=np.uint8)


def rows(source: Any) -> np.ndarray:
    values: np.ndarray = source.gather(np.arange(len(source))).numpy()
    return values


def test_layouts_lead_to_the_same_rows_and_fingerprint(tmp_path: Path) -> None:
    last = open_data(COLOUR, cache=tmp_path)
    first = open_data(np.ascontiguousarray(COLOUR.transpose(0, 3, 1, 2)), cache=tmp_path)
    tensor = open_data(torch.from_numpy(COLOUR.copy()), cache=tmp_path)
    assert last.shape == first.shape == tensor.shape == (3, 8, 8)
    assert np.array_equal(rows(last), COLOUR.transpose(0, 3, 1, 2))
    assert np.array_equal(rows(last), rows(first))
    assert last.fingerprint == first.fingerprint == tensor.fingerprint
    assert (last.summary["layout"], first.summary["layout"]) == ("NHWC", "NCHW")


def test_grey_images_get_a_channel(tmp_path: Path) -> None:
    source = open_data(GREY, cache=tmp_path)
    assert source.kind == "image" and source.shape == (1, 8, 8) and source.transform.name == "pixels"
    assert np.array_equal(rows(source)[:, 0], GREY)


def test_gather_takes_rows_in_the_order_asked_for_as_copies(tmp_path: Path) -> None:
    source = open_data(COLOUR, cache=tmp_path)
    taken = source.gather(np.array([4, 0, 4]))
    assert taken.dtype == torch.uint8 and taken.is_contiguous()
    assert np.array_equal(taken.numpy(), COLOUR[[4, 0, 4]].transpose(0, 3, 1, 2))
    taken.zero_()
    assert np.array_equal(rows(source), COLOUR.transpose(0, 3, 1, 2))


def test_a_large_file_is_mapped_and_not_read(tmp_path: Path) -> None:
    path = tmp_path / "many.npy"
    np.save(path, np.zeros((100_000, 2, 2, 3), dtype=np.uint8))
    source = open_data(path, cache=tmp_path / "cache")
    base: Any = source.array
    while not isinstance(base, np.memmap) and base is not None:
        base = base.base
    assert isinstance(base, np.memmap) and base.mode == "r"
    assert len(source) == 100_000 and source.shape == (3, 2, 2)
    assert not (tmp_path / "cache").exists()


def test_a_mapped_file_that_must_be_converted_goes_to_the_cache(tmp_path: Path) -> None:
    values = RANDOM.random((50, 3))
    np.save(tmp_path / "v.npy", values)
    source = open_data(tmp_path / "v.npy", cache=tmp_path / "cache")
    assert isinstance(source.array, np.memmap) and source.array.dtype == np.float32
    assert np.array_equal(source.array, values.astype(np.float32))
    again = open_data(tmp_path / "v.npy", cache=tmp_path / "cache")
    assert again.fingerprint == source.fingerprint == open_data(values, cache=tmp_path).fingerprint
    assert len(list((tmp_path / "cache" / "arrays").iterdir())) == 1


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, (0, 1)),
        (0.2, 0.7, (0, 1)),
        (-1, 1, (-1, 1)),
        (-0.4, 0.9, (-1, 1)),
        (0, 255, (0, 255)),
        (3, 130.5, (0, 255)),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, ">f4"])
def test_float_images_are_recognised(
    low: float, high: float, expected: tuple[float, float], dtype: Any, tmp_path: Path
) -> None:
    images = np.linspace(low, high, 2 * 64).reshape(2, 8, 8).astype(dtype)
    source = open_data(images, cache=tmp_path)
    assert source.transform == Range(*expected)
    assert f"{expected[0]} to {expected[1]}" in source.notices[0]
    encoded = source.transform.encode(source.gather(np.arange(2)))
    exact = (images.astype(np.float64)[:, None] - expected[0]) / (expected[1] - expected[0]) * 2 - 1
    assert np.allclose(encoded.numpy(), exact, atol=1e-6)


@pytest.mark.parametrize(("low", "high"), [(0, 1.3), (0, 16), (-2, 2), (-0.5, 255), (0, 256.5)])
def test_other_ranges_are_refused_with_their_ends(low: float, high: float, tmp_path: Path) -> None:
    with refused("data.float-range") as caught:
        open_data(Files(np.linspace(low, high, 2 * 64).reshape(2, 8, 8), kind="image"), cache=tmp_path)
    assert f"from {low:g} to {high:g}" in caught.value.what


def test_truth_values_and_integers_have_stated_rules(tmp_path: Path) -> None:
    black_and_white = open_data(GREY > 128, cache=tmp_path)
    assert np.array_equal(rows(black_and_white)[:, 0], np.where(GREY > 128, 255, 0))
    assert "black and white" in black_and_white.notices[0]
    wide = open_data(GREY.astype(np.int64), cache=tmp_path)
    assert rows(wide).dtype == np.uint8 and np.array_equal(rows(wide)[:, 0], GREY)
    assert "int64" in wide.notices[0] and wide.fingerprint == open_data(GREY, cache=tmp_path).fingerprint
    with refused("data.integer-range"):
        open_data(Files(np.full((2, 4, 4), 300) * [[[0, 1, 1, 1]]], kind="image"), cache=tmp_path)
    dark = open_data(GREY // 16, cache=tmp_path)
    assert any("dark or not scaled" in notice for notice in dark.notices)


def test_vectors_are_standardised_column_by_column(tmp_path: Path) -> None:
    values = RANDOM.normal([5.0, -1e4, 0.0], [2.0, 30.0, 1e-3], (20_000, 3)).astype(np.float32)
    values = np.concatenate([values, np.full((20_000, 1), 7.0, np.float32)], axis=1)
    source = open_data(values, cache=tmp_path)
    assert source.kind == "vector" and source.shape == (4,) and isinstance(source.transform, Standardised)
    exact = values.astype(np.float64)
    assert np.allclose(source.transform.center, exact.mean(axis=0), rtol=1e-12, atol=1e-12)
    assert np.allclose(source.transform.scale[:3], exact.std(axis=0)[:3], rtol=1e-9)
    assert source.transform.scale[3] == 1.0
    encoded = source.transform.encode(source.gather(np.arange(20_000))).numpy()
    assert np.abs(encoded.mean(axis=0)).max() < 1e-3 and np.allclose(encoded.std(axis=0)[:3], 1, atol=1e-3)
    assert "1 of 4 columns" in source.notices[0] and not encoded[:, 3].any()


def test_moments_do_not_depend_on_how_many_blocks_there_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = RANDOM.normal(100.0, 3.0, (1000, 5)).astype(np.float32)
    whole = open_data(values, cache=tmp_path).transform
    monkeypatch.setattr("poise.data.rows._BLOCK_BYTES", 20 * 7)
    assert sum(1 for _ in blocks(values)) == 143
    pieces = open_data(values, cache=tmp_path).transform
    assert isinstance(whole, Standardised) and isinstance(pieces, Standardised)
    assert np.allclose(whole.center, pieces.center, rtol=1e-13)
    assert np.allclose(whole.scale, pieces.scale, rtol=1e-12)


def test_survey_agrees_with_numpy_over_many_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poise.data.rows._BLOCK_BYTES", 100)
    values = RANDOM.normal(size=(300, 7)).astype(np.float32)
    found = survey(values)
    assert (found.low, found.high, found.bad_values) == (values.min(), values.max(), 0)
    values[[5, 290], 2] = np.nan
    values[17, 0] = -np.inf
    found = survey(values)
    finite = values[np.isfinite(values)]
    assert (found.low, found.high) == (float(finite.min()), float(finite.max()))
    assert (found.bad_values, found.first_bad_row) == (3, 5)


def test_the_digest_follows_the_values_and_not_their_layout() -> None:
    values = RANDOM.integers(0, 256, (40, 9), dtype=np.uint8)
    changed = values.copy()
    changed[39, 8] ^= 1
    assert survey(values).digest == survey(np.asfortranarray(values)).digest
    assert survey(values).digest != survey(changed).digest
    floats = values.astype(np.float32)
    assert survey(floats).digest == survey(floats.astype(">f4")).digest


def test_resizing_is_that_of_files(tmp_path: Path) -> None:
    tall = np.zeros((2, 12, 8), np.uint8)
    tall[:, 2:10] = 200
    source = open_data(tall, resolution=4, cache=tmp_path)
    assert source.shape == (1, 4, 4) and (rows(source) == 200).all(), "the centre is all of one value"
    floats = open_data(tall / 255, resolution=4, cache=tmp_path)
    assert np.allclose(rows(floats), 200 / 255) and floats.transform.name == "range"
    assert "centre crop" in source.summary["policy"]


def test_float_images_do_not_overshoot_when_resized(tmp_path: Path) -> None:
    steps = np.zeros((1, 9, 9))
    steps[:, :, 4:] = 1
    enlarged = rows(open_data(steps, resolution=32, cache=tmp_path))
    assert enlarged.min() >= 0 and enlarged.max() <= 1


def test_channels_can_be_converted(tmp_path: Path) -> None:
    repeated = open_data(GREY, channels=3, cache=tmp_path)
    assert repeated.shape == (3, 8, 8) and (rows(repeated) == GREY[:, None]).all()
    grey = open_data(COLOUR, channels=1, cache=tmp_path)
    luminance = COLOUR @ np.array([0.299, 0.587, 0.114])
    assert np.abs(rows(grey)[:, 0] - luminance).max() <= 0.5 + 1e-9
    with refused("data.channels"):
        open_data(COLOUR, channels=4, cache=tmp_path)


def test_layout_is_told_by_channels_squares_and_the_person() -> None:
    def layout(*shape: int, channels: int | None = None) -> str:
        return image_layout(shape, channels=channels, name="array")

    assert layout(32, 32, 3) == "HWC" and layout(3, 32, 32) == "CHW" and layout(32, 32) == "HW"
    assert layout(4, 2, 2) == "CHW", "only so the images are square"
    assert layout(3, 64, 1, channels=3) == "CHW" and layout(3, 64, 1, channels=1) == "HWC"
    for shape in [(3, 64, 3), (2, 2, 2)]:
        with refused("data.axes-unclear"):
            layout(*shape)
    assert layout(32, 32, 5) == "HWC" and layout(13, 64, 64) == "CHW", "bands beside two equal sides"
    assert layout(32, 48, 5, channels=5) == "HWC"
    with refused("data.axes-unclear"):
        layout(32, 48, 5)


BAD: list[tuple[str, Any, str]] = [
    ("objects", np.array([[1, "a"], [2, None]], dtype=object), "data.not-numbers"),
    ("text", np.array([["a", "b"]]), "data.not-numbers"),
    ("complex", np.ones((3, 2), complex), "data.not-numbers"),
    ("dates", np.zeros((3, 2), "datetime64[s]"), "data.not-numbers"),
    ("masked", np.ma.masked_greater(np.ones((3, 2)), 2), "data.masked"),
    ("no axis", np.array(3.0), "data.too-few-axes"),
    ("one axis", np.ones(5), "data.too-few-axes"),
    ("six axes", np.ones((2, 2, 2, 2, 2, 2)), "data.too-many-axes"),
    ("no rows", np.ones((0, 4)), "data.empty"),
    ("no columns", np.ones((4, 0)), "data.empty"),
    ("one image", np.zeros((8, 8, 3), np.uint8), "data.one-image"),
    ("one image with alpha", np.zeros((8, 6, 4), np.uint8), "data.one-image"),
    ("no channels", np.zeros((2, 8, 9, 7), np.uint8), "data.axes-unclear"),
    ("NaN", np.array([[1.0, 2.0], [np.nan, np.inf]]), "data.not-finite"),
    ("NaN in images", np.full((2, 4, 4), np.nan), "data.not-finite"),
    ("too large", np.array([[1e300, 0.0]]), "data.too-large"),
    ("sparse", torch.eye(3).to_sparse(), "data.tensor-not-dense"),
    ("a list", [[1, 2], [3, 4]], "data.not-an-array"),
    ("nothing", None, "data.unknown-type"),
    ("a number", 3, "data.unknown-type"),
]


@pytest.mark.parametrize(
    ("data", "code"), [(data, code) for _, data, code in BAD], ids=[name for name, *_ in BAD]
)
def test_bad_arrays_are_refused_in_one_sentence(data: Any, code: str, tmp_path: Path) -> None:
    with refused(code):
        open_data(data, cache=tmp_path)


def test_values_that_are_not_finite_are_counted_and_the_first_row_is_named(tmp_path: Path) -> None:
    with refused("data.not-finite") as caught:
        open_data(np.array([[1.0, 2.0], [np.nan, np.inf]]), cache=tmp_path)
    assert "2 values that are NaN or infinite, the first in row 1" in str(caught.value)


def test_tensors_of_any_kind(tmp_path: Path) -> None:
    values = torch.rand(5, 3)
    plain = open_data(values, cache=tmp_path).fingerprint
    assert open_data(values.clone().requires_grad_(), cache=tmp_path).fingerprint == plain
    half = open_data(values.bfloat16(), cache=tmp_path)
    assert torch.equal(half.gather(np.arange(5)), values.bfloat16().float())


def test_npz_files_hold_one_array_or_one_of_a_known_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", whatever=GREY)
    np.savez_compressed(tmp_path / "named.npz", labels=np.arange(6), images=GREY)
    assert open_data(tmp_path / "one.npz", cache=tmp_path).shape == (1, 8, 8)
    assert open_data(str(tmp_path / "named.npz"), cache=tmp_path).shape == (1, 8, 8)
    np.savez(tmp_path / "two.npz", first=GREY, second=GREY)
    with refused("data.array-ambiguous"):
        open_data(tmp_path / "two.npz", cache=tmp_path)
    np.savez(tmp_path / "none.npz")
    with refused("data.array-missing"):
        open_data(tmp_path / "none.npz", cache=tmp_path)
    np.savez(tmp_path / "object.npz", x=np.array([None, "a"], dtype=object))
    with refused("data.array-unreadable"):
        open_data(tmp_path / "object.npz", cache=tmp_path)


class _Trap:
    def __reduce__(self) -> Any:
        return (Path.touch, (Path("sprung"),))


def test_pickles_are_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    np.save("trap.npy", np.array([_Trap()], dtype=object), allow_pickle=True)
    with refused("data.array-of-objects"):
        open_data("trap.npy", cache=tmp_path)
    assert not Path("sprung").exists()


def test_damaged_array_files(tmp_path: Path) -> None:
    np.save(tmp_path / "cut.npy", GREY)
    whole = (tmp_path / "cut.npy").read_bytes()
    for length in (0, 5, 60, len(whole) - 1):
        (tmp_path / "cut.npy").write_bytes(whole[:length])
        with pytest.raises(PoiseError):
            open_data(tmp_path / "cut.npy", cache=tmp_path)
    np.savez(tmp_path / "cut.npz", x=GREY)
    whole = (tmp_path / "cut.npz").read_bytes()
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 255
    for content in (whole[:-30], bytes(flipped), b"PK\x03\x04", b"not a zip"):
        (tmp_path / "cut.npz").write_bytes(content)
        with pytest.raises(PoiseError):
            open_data(tmp_path / "cut.npz", cache=tmp_path)


def test_requests_that_make_no_sense(tmp_path: Path) -> None:
    senseless: list[Any] = [0, -4, 5000, True, 8.5]
    for resolution in senseless:
        with refused("data.resolution"):
            open_data(GREY, resolution=resolution, cache=tmp_path)
    with refused("data.channels"):
        open_data(GREY, channels=5, cache=tmp_path)
    four: Any
    three: Any
    four, three = np.array([4, 3])
    of_numpy = open_data(GREY, resolution=four, channels=three, cache=tmp_path)
    assert json.dumps(of_numpy.summary) and of_numpy.shape == (3, 4, 4)
    with refused("data.refuse-above"):
        open_data(GREY, refuse_above=1.5, cache=tmp_path)
    with refused("data.vectors-are-no-images"):
        open_data(np.ones((3, 2)), resolution=8, cache=tmp_path)


@pytest.mark.parametrize(
    "data",
    ["digits", "ring", GREY, COLOUR / 255, np.ones((3, 2)), [GREY[0], GREY[1]]],
    ids=["digits", "ring", "grey", "colour", "vectors", "live"],
)
def test_what_is_told_is_plain_json(data: Any, tmp_path: Path) -> None:
    dataset: Any = torch.utils.data.StackDataset(*data) if isinstance(data, list) else data
    source = open_data(dataset, cache=tmp_path)
    assert json.loads(json.dumps(source.summary)) == source.summary
    assert json.loads(json.dumps(inspect_data(dataset, cache=tmp_path)))["fingerprint"] == source.fingerprint


def test_names_that_lead_nowhere_are_told_what_is_near(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    for wrong, near in (
        (str(tmp_path / "photo"), "photos'"),
        ("digit", "'digits'"),
        ("zzzzqqq", "digits, ring, grid, spiral, triangles"),
    ):
        with refused("data.not-found") as caught:
            open_data(wrong, cache=tmp_path)
        assert near in caught.value.hint
    with refused("data.not-found"):
        open_data("a\0b", cache=tmp_path)
    with refused("data.not-found"):
        open_data("~nobody-of-this-name/photos", cache=tmp_path)
    (tmp_path / "table.xls").write_text("a,b\n1,2\n")
    with refused("data.unknown-file"):
        open_data(tmp_path / "table.xls", cache=tmp_path)
    (tmp_path / "set.pkl").write_bytes(b"x")
    with refused("data.unknown-file"):
        open_data(tmp_path / "set.pkl", cache=tmp_path)
    (tmp_path / "set.pt").write_bytes(b"x")
    with refused("data.array-of-objects"):
        open_data(tmp_path / "set.pt", cache=tmp_path)
