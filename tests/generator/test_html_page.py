"""The page holds everything that it needs, and makes the samples of Poise."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poise.errors import PoiseError
from poise.generator import Generator
from poise.generator.directions import Direction, Directions, save_directions
from poise.generator.export import Subject, export
from poise.generator.naming import weights_hash
from poise.run_folder import RunFolder

from .families import family

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


class Page(HTMLParser):
    """What a page names from elsewhere, and the texts of its scripts by their ids."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.texts: dict[str, str] = {}
        self._id = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [value for name in ("src", "href") if (value := given.get(name))]
        self._id = given.get("id") or "" if tag == "script" else ""

    def handle_data(self, data: str) -> None:
        if self._id:
            self.texts[self._id] = self.texts.get(self._id, "") + data


def page_of(generator: Generator, path: Path, folder: RunFolder | None = None, **settings: Any) -> Page:
    made = export(Subject(generator, "small <b>", folder), "html", path, **settings)
    assert made.files == (path,)
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def test_a_page_is_one_file_that_names_nothing_else(tmp_path: Path) -> None:
    page = page_of(family("dcgan"), tmp_path / "small.html")
    text = (tmp_path / "small.html").read_text()
    assert page.links == []
    assert not re.search(r"(fetch|XMLHttpRequest|WebSocket|importScripts|sendBeacon)\b", text)
    assert "<h1>small &lt;b&gt;</h1>" in text
    about = json.loads(page.texts["about"])
    assert about["engine"] == "plain" and about["latent"] == {"size": 10, "distribution": "normal"}
    assert len(about["tests"]) == 4 and about["directions"] == [] and about["classes"] == []


def test_weights_are_stored_in_half_if_nothing_else_is_asked(tmp_path: Path) -> None:
    half = page_of(family("dcgan"), tmp_path / "half.html").texts["numbers"]
    whole = page_of(family("dcgan"), tmp_path / "whole.html", half=False).texts["numbers"]
    assert abs(len(whole) - 2 * len(half)) < 8


def run_with_directions(tmp_path: Path, weights: str) -> RunFolder:
    run = RunFolder.create(tmp_path / "run", recipe={}, environment={}, data={})
    vectors = torch.arange(30.0).reshape(3, 10)
    named = [("smile", None), (None, "b"), (None, None)]
    found = tuple(
        Direction(vector, "jacobian", label=label, name=name)
        for vector, (name, label) in zip(vectors, named, strict=True)
    )
    save_directions(run.path, Directions(weights, "z", found))
    return run


def test_directions_of_the_run_become_sliders(tmp_path: Path) -> None:
    generator = family("dcgan")
    run = run_with_directions(tmp_path, weights_hash(generator.module))
    about = json.loads(page_of(generator, tmp_path / "small.html", run).texts["about"])
    assert [one["name"] for one in about["directions"]] == ["smile", "b", "Direction 3"]
    np.testing.assert_allclose(about["directions"][1]["vector"], np.arange(10.0, 20.0))


def test_directions_of_other_weights_are_left_out(tmp_path: Path) -> None:
    generator = family("dcgan")
    run = run_with_directions(tmp_path, "0" * 64)
    made = export(Subject(generator, "small", run), "html", tmp_path / "small.html")
    assert made.facts["directions"] == [] and "other weights" in made.lines[-1]


def test_what_a_page_cannot_show_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POISE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "fake.tgz").write_bytes(b"something else")
    styles, plain = family("stylegan2"), family("dcgan")
    for generator, settings, code in (
        (family("mlp", shape=(2,)), {}, "export.no-pictures"),
        (styles, {"engine": "plain"}, "export.not-plain"),
        (styles, {}, "export.no-runtime"),
        (plain, {"engine": "onnxruntime", "runtime": str(tmp_path / "fake.tgz")}, "export.other-runtime"),
        (plain, {"engine": "flash"}, "registry.wrong-value"),
    ):
        if "runtime" in code:
            pytest.importorskip("onnxruntime")
        with pytest.raises(PoiseError) as caught:
            export(Subject(generator, "small"), "html", tmp_path / "small.html", **settings)
        assert caught.value.code == code
    assert not (tmp_path / "small.html").exists()


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_chromium_makes_the_pictures_of_poise_from_the_file(tmp_path: Path) -> None:
    page_of(family("dcgan", shape=(3, 16, 16)), tmp_path / "small.html", half=False)
    words = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    budget = ["--virtual-time-budget=20000", "--dump-dom", (tmp_path / "small.html").as_uri()]
    done = subprocess.run([str(CHROMIUM), *words, *budget], capture_output=True, text=True, check=True)
    body = re.search(r'<body data-parity="([^"]*)"[^>]*data-done="yes"', done.stdout)
    assert body is not None, done.stdout[-2000:]
    report = json.loads(body[1].replace("&quot;", '"'))
    assert report["same"] is True and report["largest"] <= 1
