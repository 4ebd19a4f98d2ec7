import io
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from refusals import refused

from poise.data import inspect_data, open_data

RANDOM = np.random.default_rng(0)


def png(size: int = 16) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(RANDOM.integers(0, 256, (size, size, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


GOOD = {f"{'ab'[index % 2]}/{index:02}.png": png() for index in range(12)}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def archive(path: Path, entries: dict[Any, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as file:
        for name, content in entries.items():
            file.writestr(name, content)
    return path


def test_a_zip_is_the_folder_that_it_packs(tmp_path: Path, cache: Path) -> None:
    for name, content in GOOD.items():
        (tmp_path / "p" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "p" / name).write_bytes(content)
    from_folder = open_data(tmp_path / "p", cache=cache)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        from_zip = open_data(archive(tmp_path / "p.zip", GOOD, method=method), cache=cache)
        assert from_zip.fingerprint == from_folder.fingerprint
        assert from_zip.summary | {"origin": "folder"} == from_folder.summary
    assert len(list((cache / "images").iterdir())) == 1, "the same content is decoded once"


def test_nothing_is_unpacked(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    open_data(archive(tmp_path / "p.zip", GOOD), cache=cache)
    assert list(work.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} == {"work", "p.zip", "cache"}


def link(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ("../out.png", "out of the archive"),
        ("a/../../out.png", "out of the archive"),
        ("/etc/out.png", "out of the archive"),
        ("C:/out.png", "out of the archive"),
        ("a\\..\\out.png", "out of the archive"),
        (link("out.png"), "a link"),
    ],
    ids=["up", "down and up", "root", "drive", "backslash", "link"],
)
def test_tricks_with_paths_are_refused(entry: Any, reason: str, tmp_path: Path, cache: Path) -> None:
    path = archive(tmp_path / "p.zip", {**GOOD, entry: png()})
    report = inspect_data(path, cache=cache)
    assert report["count"] == 12 and [reason in item["reason"] for item in report["refused"]] == [True]


def test_what_lies_in_hidden_folders_and_is_no_image_is_passed_over(tmp_path: Path, cache: Path) -> None:
    more = {"__MACOSX/a/._00.png": b"x", "a/.DS_Store": b"x", "read me.txt": b"x", "folder/": b""}
    source = open_data(archive(tmp_path / "p.zip", {**GOOD, **more}), cache=cache)
    assert (len(source), source.summary["hidden_count"], source.summary["ignored_count"]) == (12, 2, 1)


def test_broken_members_are_listed(tmp_path: Path, cache: Path) -> None:
    path = archive(tmp_path / "p.zip", {**GOOD, "z.png": png()[:-40], "y.png": b""})
    stored = archive(tmp_path / "q.zip", GOOD, method=zipfile.ZIP_STORED).read_bytes()
    report = inspect_data(path, cache=cache)
    assert [item["file"] for item in report["refused"]] == ["y.png", "z.png"]
    flipped = stored.replace(GOOD["a/00.png"], GOOD["a/00.png"][:-30] + b"?" * 30)
    (tmp_path / "q.zip").write_bytes(flipped)
    report = inspect_data(tmp_path / "q.zip", cache=cache)
    assert [item["file"] for item in report["refused"]] == ["a/00.png"] and "CRC" in report["refused"][0][
        "reason"
    ]


def test_other_packings_and_encryption_are_refused(tmp_path: Path, cache: Path) -> None:
    path = archive(tmp_path / "p.zip", GOOD)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_BZIP2) as file:
        file.writestr("z.png", png())
    assert "deflate" in inspect_data(path, cache=cache)["refused"][0]["reason"]
    archive(path, {**GOOD, "z.png": png()})
    content = bytearray(path.read_bytes())
    last = content.rindex(b"PK\x01\x02")
    content[last + 8] |= 1  # the flag in the central directory that says "encrypted"
    path.write_bytes(content)
    assert inspect_data(path, cache=cache)["refused"][0]["reason"] == "encrypted"


def test_a_second_file_of_one_name_is_refused(tmp_path: Path, cache: Path) -> None:
    path = archive(tmp_path / "p.zip", GOOD)
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as file:
        file.writestr("a/00.png", png())
    report = inspect_data(path, cache=cache)
    assert report["count"] == 12 and "second file" in report["refused"][0]["reason"]


def test_zip_bombs_are_refused_before_they_are_unpacked(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("unpacked")

    bulging = archive_of_zeros(tmp_path / "bulging.zip", 20 * 1024 * 1024)
    doubled = overlapping(tmp_path / "overlapping.zip")
    monkeypatch.setattr(zipfile.ZipFile, "open", never)
    with refused("data.zip-bomb"):
        open_data(bulging, cache=cache)
    with refused("data.zip-bomb"):
        open_data(doubled, cache=cache)


def archive_of_zeros(path: Path, size: int) -> Path:
    """A member of nothing but zeros, packed as tightly as deflate can."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    content = packer.compress(bytes(size)) + packer.flush()
    facts = struct.pack("<5H3I2H", 20, 0, 8, 0, 0x21, zlib.crc32(bytes(size)), len(content), size, 5, 0)
    body = b"PK\x03\x04" + facts + b"z.bmp" + content
    central = b"PK\x01\x02" + struct.pack("<H", 20) + facts + struct.pack("<3H2I", 0, 0, 0, 0, 0) + b"z.bmp"
    end = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(body), 0)
    path.write_bytes(body + central + end)
    return path


def overlapping(path: Path) -> Path:
    """An archive whose directory names one stretch of bytes twice."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", png())
    content = path.read_bytes()
    start, end = content.index(b"PK\x01\x02"), content.index(b"PK\x05\x06")
    record = content[start:end]
    twice = record + record.replace(b"a.png", b"b.png")
    tail = struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 2, 2, len(twice), start, 0)
    path.write_bytes(content[:start] + twice + tail)
    return path


def test_one_bulging_member_in_a_large_archive_is_refused_alone(tmp_path: Path, cache: Path) -> None:
    path = archive(tmp_path / "p.zip", {**GOOD, "noise.png": png(360)}, method=zipfile.ZIP_STORED)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as file:
        file.writestr("z.bmp", bytes(20 * 1024 * 1024))
    report = inspect_data(path, cache=cache)
    assert report["count"] == 13 and "200 times" in report["refused"][0]["reason"]


def test_what_is_no_zip_is_told(tmp_path: Path, cache: Path) -> None:
    whole = archive(tmp_path / "p.zip", GOOD).read_bytes()
    for content in (b"", b"not a zip", whole[: len(whole) // 2]):
        (tmp_path / "p.zip").write_bytes(content)
        with refused("data.zip-unreadable"):
            open_data(tmp_path / "p.zip", cache=cache)
    with refused("data.not-found"):
        open_data(tmp_path / "none.zip", cache=cache)
    with refused("data.no-images"):
        open_data(archive(tmp_path / "empty.zip", {}), cache=cache)
