import errno
import io
import json
import os
import resource
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_files import png
from PIL import Image, ImageFile
from refusals import refused

from forks import forked
from poise.data import inspect_data, kind_of, open_data
from poise.data.sources import image_files, image_folders
from poise.data.sources.files import FolderCollection
from poise.errors import PoiseError

RANDOM = np.random.default_rng(0)


def picture(
    folder: Path, name: str, *, size: tuple[int, int] = (16, 16), mode: str = "RGB", **options: Any
) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    values = RANDOM.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(values).convert(mode).save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Twelve whole images."""
    folder = tmp_path / "photos"
    for index in range(12):
        picture(folder, f"{'ab'[index % 2]}/{index:02}.png")
    return folder


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def rows(source: Any) -> np.ndarray:
    values: np.ndarray = source.gather(np.arange(len(source))).numpy()
    return values


def entries(cache: Path) -> list[str]:
    return sorted(path.name for path in (cache / "images").iterdir())


def reasons(report: dict[str, Any]) -> dict[str, str]:
    return {item["file"]: item["reason"] for item in report["refused"]}


def test_rows_are_the_files_in_the_order_of_their_names(photos: Path, cache: Path) -> None:
    source = open_data(photos, cache=cache)
    assert source.shape == (3, 16, 16) and len(source) == 12 and source.kind == "image"
    assert isinstance(source.array, np.memmap) and source.transform.name == "pixels"
    names = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    for row, name in zip(rows(source), names, strict=True):
        assert np.array_equal(row.transpose(1, 2, 0), np.asarray(Image.open(photos / name)))


def test_text_and_path_and_array_of_the_same_images_agree(photos: Path, cache: Path, tmp_path: Path) -> None:
    source = open_data(photos, cache=cache)
    assert open_data(str(photos), cache=cache).fingerprint == source.fingerprint
    assert open_data(rows(source), cache=cache).fingerprint == source.fingerprint
    assert open_data(photos, cache=tmp_path / "elsewhere").fingerprint == source.fingerprint


def test_what_is_in_the_cache_is_not_decoded_again(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_data(photos, cache=cache)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("decoded twice")

    monkeypatch.setattr(image_folders, "read_image", never)
    for path in photos.rglob("*.png"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    again = open_data(photos, cache=cache)
    assert again.fingerprint == first.fingerprint and again.summary == first.summary
    assert len(entries(cache)) == 1


def test_one_changed_byte_changes_the_key_though_size_and_time_stay(tmp_path: Path, cache: Path) -> None:
    path = picture(tmp_path / "photos", "a.bmp")
    context = time.time() - 1000
    os.utime(path, (context, context))
    before = open_data(tmp_path / "photos", cache=cache)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, (context, context))
    after = open_data(tmp_path / "photos", cache=cache)
    assert before.fingerprint != after.fingerprint and len(entries(cache)) == 2


def test_names_sizes_and_settings_are_part_of_the_key(photos: Path, cache: Path) -> None:
    open_data(photos, cache=cache)
    open_data(photos, cache=cache, resolution=8)
    open_data(photos, cache=cache, channels=1)
    (photos / "a/00.png").rename(photos / "z.png")
    open_data(photos, cache=cache)
    assert len(entries(cache)) == 4


def test_files_that_have_not_changed_are_not_even_read(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(image_files, "_SETTLED_SECONDS", -10.0)
    first = open_data(photos, cache=cache)
    read: list[str] = []
    whole = FolderCollection.read

    def noted(self: FolderCollection, name: str) -> bytes:
        read.append(name)
        return whole(self, name)

    monkeypatch.setattr(FolderCollection, "read", noted)
    assert open_data(photos, cache=cache).fingerprint == first.fingerprint and read == []
    picture(photos, "b/03.png")
    assert open_data(photos, cache=cache).fingerprint != first.fingerprint
    assert "b/03.png" in read


def test_files_just_written_are_not_taken_on_trust(photos: Path, cache: Path) -> None:
    open_data(photos, cache=cache)
    (index,) = (cache / "index").iterdir()
    assert json.loads(index.read_text()) == {}


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"a/00.png": 3}', b'{"a/00.png": [[1], {"mode": 1, "no": 2}]}']
)
def test_a_damaged_index_only_costs_time(photos: Path, cache: Path, damage: bytes) -> None:
    first = open_data(photos, cache=cache)
    (index,) = (cache / "index").iterdir()
    index.write_bytes(damage)
    assert open_data(photos, cache=cache).fingerprint == first.fingerprint


@pytest.mark.parametrize("name", ["rows.npy", "about.json"])
@pytest.mark.parametrize("share", [0.0, 0.5])
def test_a_damaged_entry_is_built_anew(photos: Path, cache: Path, name: str, share: float) -> None:
    first = open_data(photos, cache=cache)
    before = rows(first)
    (entry,) = entries(cache)
    path = cache / "images" / entry / name
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content[: int(share * len(content))])
    again = open_data(photos, cache=cache)
    assert again.fingerprint == first.fingerprint and np.array_equal(rows(again), before)
    assert entries(cache) == [entry]


def test_channels_are_decided_for_the_whole_set(tmp_path: Path, cache: Path) -> None:
    grey = tmp_path / "grey"
    picture(grey, "1.png", mode="L")
    picture(grey, "2.png", mode="1")
    assert open_data(grey, cache=cache).shape == (1, 16, 16)
    ramp = Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16))
    ramp.convert("RGB").save(grey / "3.png")
    stored_as_colour = open_data(grey, cache=cache)
    assert stored_as_colour.shape == (1, 16, 16)
    assert np.array_equal(rows(stored_as_colour)[2, 0], np.asarray(ramp))
    assert open_data(grey, cache=cache, channels=3).shape == (3, 16, 16)
    picture(grey, "4.png")
    mixed = open_data(grey, cache=cache)
    assert mixed.shape == (3, 16, 16) and (rows(mixed)[2] == np.asarray(ramp)).all()
    assert open_data(grey, cache=cache, channels=1).shape == (1, 16, 16)
    with refused("data.channels"):
        open_data(grey, cache=cache, channels=2)


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([(40, 50), (50, 40)] * 3, 32),
        ([(500, 400), (400, 500)] * 3, 64),
        ([(17, 90), (16, 16), (300, 15)], 16),
        ([(64, 64)], 64),
        ([(28, 28)] * 2, 28),
        ([(50, 50)], 50),
        ([(28, 28), (30, 30)], 16),
        ([(7, 7)], 4),
        ([(1, 9)], 1),
    ],
)
def test_the_size_is_chosen_from_the_median_and_said(
    sizes: list[tuple[int, int]], expected: int, tmp_path: Path, cache: Path
) -> None:
    for index, size in enumerate(sizes):
        picture(tmp_path / "p", f"{index}.png", size=size)
    source = open_data(tmp_path / "p", cache=cache)
    assert source.shape[1:] == (expected, expected)
    native = all(size == (expected, expected) for size in sizes)
    assert any(f"{expected}x{expected}" in notice for notice in source.notices) != native
    given = open_data(tmp_path / "p", cache=cache, resolution=expected)
    assert not any("give a resolution" in notice for notice in given.notices)


def test_enlarging_and_cropping_are_said(tmp_path: Path, cache: Path) -> None:
    for index, size in enumerate([(8, 8), (32, 32), (40, 32), (64, 64)]):
        picture(tmp_path / "p", f"{index}.png", size=size)
    source = open_data(tmp_path / "p", cache=cache, resolution=32)
    said = " ".join(source.notices)
    assert (
        "1 of 4 images is smaller than 32 and was enlarged" in said and "1 of 4 images is not square" in said
    )
    assert source.summary["width"] == {"min": 8, "median": 36, "max": 64}
    assert source.summary["aspect_ratio"]["max"] == 1.25


def test_animations_profiles_and_copies_are_said(tmp_path: Path, cache: Path) -> None:
    from PIL import ImageCms

    folder = tmp_path / "p"
    first = picture(folder, "a.gif", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture(folder, "b.png", icc_profile=profile)
    (folder / "c.gif").write_bytes(first.read_bytes())
    source = open_data(folder, cache=cache)
    said = " ".join(source.notices)
    assert "2 files hold several frames or pages: the first" in said
    assert "1 image carries a colour profile" in said and "1 file is an exact copy" in said
    assert source.summary["formats"] == {"GIF": 2, "PNG": 1}


def test_content_decides_and_not_the_name(photos: Path, cache: Path) -> None:
    (photos / "a/00.png").rename(photos / "a/00.jpg")
    (photos / "a/02.png").rename(photos / "a/02")
    (photos / "notes.txt").write_text("BM notes that begin with two letters")
    (photos / "labels.csv").write_text("a,b")
    (photos / "BMW").write_text("BM")
    source = open_data(photos, cache=cache)
    assert len(source) == 12 and source.summary["refused_count"] == 0
    assert source.summary["ignored"] == {".txt": 1, ".csv": 1, "no suffix": 1}
    assert any("3 files that are no images were ignored" in notice for notice in source.notices)


def test_the_list_that_poise_writes_beside_samples_is_no_strange_file(photos: Path, cache: Path) -> None:
    (photos / "samples.json").write_text('{"made_by": "poise sample", "count": 12, "files": []}')
    assert open_data(photos, cache=cache).summary["ignored_count"] == 0
    (photos / "own.json").write_text('{"made_by": "me"}')
    assert open_data(photos, cache=cache).summary["ignored_count"] == 1


def test_hidden_files_are_passed_over_and_counted(photos: Path, cache: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "a/._00.png", ".git/x.png", "__MACOSX/y.png"):
        path = photos / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"junk")
    source = open_data(photos, cache=cache)
    assert len(source) == 12 and source.summary["hidden_count"] == 6
    assert source.summary["refused_count"] == source.summary["ignored_count"] == 0 and source.notices == ()


def _link(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(target)


def _content(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _png() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (16, 16), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def _jpeg() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (64, 64), dtype=np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "truncated PNG": (_content(_png()[:-40]), "truncated"),
    "truncated JPEG": (_content(_jpeg()[: len(_jpeg()) // 2]), "truncated"),
    "flipped PNG": (_content(_png()[:60] + b"????" + _png()[64:]), "check sum"),
    "no bytes": (_content(b""), "empty"),
    "a web page": (_content(b"<!doctype html>"), "it is no readable image"),
    "a bomb": (_content(png(60_000, 60_000, depth=8, colour_type=2, lines=b"\0")), "pixels"),
    "an AVIF": (_content(b"\0\0\0\x20ftypavif" + b"\0" * 20), "AVIF"),
    "an empty folder": (Path.mkdir, "an empty folder, not an image"),
    "a broken link": (_link("nowhere.png"), "a link that leads nowhere"),
    "a looping link": (_link("bad.png"), "a link that leads to itself"),
    "a pipe": (os.mkfifo, "not a regular file"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_listed_with_its_reason_and_stops_training(
    fault: str, photos: Path, cache: Path
) -> None:
    make, reason = FAULTS[fault]
    make(photos / "bad.png")
    report = inspect_data(photos, cache=cache)
    assert set(reasons(report)) == {"bad.png"} and reason in reasons(report)["bad.png"]
    assert report["count"] == 12 and report["refused_count"] == 1
    with refused("data.too-many-refused") as caught:
        open_data(photos, cache=cache)
    assert "1 of 13 image files" in caught.value.what and reason in caught.value.what
    tolerated = open_data(photos, cache=cache, refuse_above=0.1)
    assert len(tolerated) == 12 and any("1 file was refused" in notice for notice in tolerated.notices)


def test_a_folder_named_like_an_image_is_entered(photos: Path, cache: Path) -> None:
    (photos / "a").rename(photos / "a.png")
    source = open_data(photos, cache=cache)
    assert len(source) == 12 and source.summary["refused_count"] == 0


def test_unreadable_files_are_refused(photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    barred = photos / "a/00.png"
    barred.chmod(0)
    if os.geteuid() == 0:  # to whom nothing is barred
        whole = FolderCollection.read

        def read(self: FolderCollection, name: str) -> bytes:
            if name == "a/00.png":
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return whole(self, name)

        monkeypatch.setattr(FolderCollection, "read", read)
    report = inspect_data(photos, cache=cache)
    assert reasons(report) == {"a/00.png": "permission denied"} and report["count"] == 11


def test_linked_folders_are_read_once_and_loops_end(photos: Path, cache: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    picture(other, "x.png")
    (photos / "linked").symlink_to(other)
    (photos / "linked again").symlink_to(other)
    (photos / "a/up").symlink_to(photos)
    (photos / "file.png").symlink_to(other / "x.png")
    source = open_data(photos, cache=cache)
    assert len(source) == 14 and source.summary["refused_count"] == 0 and source.summary["ignored_count"] == 2


def test_one_percent_is_tolerated_and_no_more(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "p"
    whole = picture(folder, "000.png", size=(4, 4)).read_bytes()
    for index in range(1, 99):
        (folder / f"{index:03}.png").write_bytes(whole)
    (folder / "bad0.png").write_bytes(b"")
    source = open_data(folder, cache=cache)
    assert len(source) == 99 and source.summary["refused_count"] == 1
    for index in range(1, 6):
        (folder / f"bad{index}.png").write_bytes(b"")
    with refused("data.too-many-refused") as caught:
        open_data(folder, cache=cache)
    assert "6 of 105 " in caught.value.what and "5.7 %, and 1 % are tolerated" in caught.value.what


def test_nothing_usable_is_a_clear_error(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    with refused("data.no-images"):
        open_data(folder, cache=cache)
    (folder / "a.csv").write_text("1")
    with refused("data.no-images"):
        open_data(folder, cache=cache)
    (folder / "x.png").write_bytes(b"")
    with refused("data.images-unusable"):
        inspect_data(folder, cache=cache)
    (folder / "y.png").write_bytes(_png()[:-40])  # its header is whole: only decoding tells
    with refused("data.images-unusable"):
        inspect_data(folder, cache=cache)
    single = tmp_path / "one.png"
    single.write_bytes(_png())
    with refused("data.unknown-file"):
        open_data(single, cache=cache)
    molecules = tmp_path / "smiles.txt.gz"
    molecules.write_bytes(b"CCO")
    with pytest.raises(PoiseError) as told:
        open_data(molecules, cache=cache)
    assert told.value.code == "data.unknown-file" and "--kind graph" in told.value.hint


def test_names_that_are_no_text_are_read(tmp_path: Path, cache: Path) -> None:
    folder = tmp_path / "p"
    folder.mkdir()
    strange = os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png")
    Path(strange).write_bytes(_png())
    (folder / os.fsdecode(b"b\xff.png")).write_bytes(b"")
    report = inspect_data(folder, cache=cache)
    assert report["count"] == 1 and list(reasons(report)) == ["b?.png"]
    json.dumps(report).encode()
    assert inspect_data(folder, cache=cache)["fingerprint"] == report["fingerprint"]


def test_leniency_set_elsewhere_does_not_let_truncated_files_in(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    (photos / "bad.jpg").write_bytes(_jpeg()[:1500])
    assert inspect_data(photos, cache=cache)["refused_count"] == 1
    assert ImageFile.LOAD_TRUNCATED_IMAGES is True


def test_a_file_that_changes_between_hash_and_decoding_is_refused(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: dict[str, int] = {}

    def read(self: FolderCollection, name: str) -> bytes:
        reads[name] = reads.get(name, 0) + 1
        if name == "a/00.png" and reads[name] == 2:
            picture(photos, name)
        return (self.path / name).read_bytes()

    monkeypatch.setattr(FolderCollection, "read", read)
    report = inspect_data(photos, cache=cache)
    assert reasons(report) == {"a/00.png": "it changed while it was being read"}


def test_progress_counts_every_file_twice(photos: Path, cache: Path) -> None:
    seen: list[tuple[int, int]] = []
    open_data(photos, cache=cache, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 24) for done in range(1, 25)]
    seen.clear()
    open_data(photos, cache=cache, progress=lambda done, total: seen.append((done, total)))
    assert seen[-1] == (24, 24)


def test_a_full_disk_is_told_and_leaves_nothing(photos: Path, cache: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with refused("data.cache-full"):
            open_data(photos, cache=cache)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert entries(cache) == []
    assert len(open_data(photos, cache=cache)) == 12


def test_a_cache_that_cannot_be_written_is_told(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with refused("data.cache-unwritable"):
        open_data(photos, cache=tmp_path / "file")


def test_the_cache_is_where_the_environment_says(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "named"))
    open_data(photos)
    assert len(entries(tmp_path / "named")) == 1


def test_a_killed_build_leaves_no_half_entry(photos: Path, cache: Path) -> None:
    def killed(done: int, total: int) -> None:
        if done == total - 3:
            os.kill(os.getpid(), signal.SIGKILL)

    with forked(lambda: len(open_data(photos, cache=cache, progress=killed))) as builder:
        builder.wait()
    assert builder.status == -signal.SIGKILL
    (left,) = entries(cache)
    assert left.endswith(".partial")
    source = open_data(photos, cache=cache)
    assert len(source) == 12
    (entry,) = entries(cache)
    assert not entry.endswith(".partial"), "what the dead process left is gone"


def test_an_interrupted_build_cleans_up(photos: Path, cache: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done == total - 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_data(photos, cache=cache, progress=interrupt)
    assert entries(cache) == []


def test_two_builders_at_once_end_with_one_entry(photos: Path, cache: Path) -> None:
    inner: list[str] = []

    def other(done: int, total: int) -> None:
        if done == total and not inner:
            inner.append(open_data(photos, cache=cache).fingerprint)

    source = open_data(photos, cache=cache, progress=other)
    assert inner == [source.fingerprint] and len(entries(cache)) == 1


def test_inspection_tells_what_training_sees(photos: Path, cache: Path) -> None:
    picture(photos, "c.jpg", size=(40, 20))
    (photos / "d.png").write_bytes((photos / "a/00.png").read_bytes())
    report = json.loads(json.dumps(inspect_data(photos, cache=cache, resolution=8)))
    source = open_data(photos, cache=cache, resolution=8)
    assert report["shape"] == [3, 8, 8] and report["fingerprint"] == source.fingerprint
    assert report["encoding"] == source.transform.to_json() and report["notices"] == list(source.notices)
    expected = {
        "kind": "image",
        "origin": "folder",
        "count": 14,
        "formats": {"PNG": 13, "JPEG": 1},
        "modes": {"RGB": 14},
        "duplicates": 1,
        "cropped": 1,
        "range": [0, 255],
        "channels": 3,
        "resolution": 8,
    }
    assert {key: report[key] for key in expected} == expected
    assert "bicubic resize to 8" in report["policy"]


@pytest.mark.parametrize(("side", "said"), [(7, True), (8, False), (50, False)])
def test_sides_that_no_network_for_images_serves_are_said(side: int, said: bool, cache: Path) -> None:
    dataset = open_data(RANDOM.integers(0, 256, (10, side, side, 3), dtype=np.uint8), cache=cache)
    notices = kind_of(dataset).advice(dataset)
    assert any("MLP" in notice and "--resolution 8" in notice for notice in notices) == said
