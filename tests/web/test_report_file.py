"""The report as a file: whole, inert, offline, and honest about what it leaves out."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from believable_run import COLLAPSE, STEPS, sample_steps, write_believable_run
from PIL import Image

from poise.errors import PoiseError
from poise.recipes import RECIPES
from poise.run_folder import RunFolder
from poise.web import write_report

VOID = {"meta", "link", "img", "input", "br", "hr"}


class Page(HTMLParser):
    """What a browser would see: elements with their attributes, text by section, and the raw scripts."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.unbalanced: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self._open: list[str] = []
        self._section = "head"
        self.feed(source.replace("<wbr>", ""))
        self.close()
        self.unbalanced += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self._section = str(dict(attrs)["id"])
        if tag not in VOID:
            self._open.append(tag)
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        inside = self._open[-1] if self._open else ""
        if inside in self.raw:
            self.raw[inside][-1] += data
        else:
            self.texts.setdefault(self._section, []).append(data)

    def text(self, section: str) -> str:
        return " ".join(" ".join(self.texts.get(section, [])).split())

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        return [found for name, found in self.elements if name == tag]

    @property
    def island(self) -> Any:
        return json.loads(self.raw["script"][0])


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_believable_run(tmp_path_factory.mktemp("home") / "run")


@pytest.fixture(scope="module")
def page(run: Path) -> Page:
    assert write_report(run) == run / "report.html"
    return read(run / "report.html")


def bare_run(folder: Path, **data: Any) -> RunFolder:
    recipe = RECIPES["minimax"].model_dump() | {"steps": 1000}
    return RunFolder.create(folder, recipe=recipe, environment={}, data={"name": "digits", **data})


def test_nothing_is_left_beside_the_report(run: Path, page: Page) -> None:
    assert not list(run.glob(".partial*"))
    assert page.unbalanced == []


def test_nothing_is_loaded_from_anywhere(run: Path, page: Page) -> None:
    for tag, attributes in page.elements:
        for name in ("src", "href", "srcset", "action", "data", "poster"):
            assert str(attributes.get(name, "#")).startswith(("#", "data:")), (tag, name)
        assert not [name for name in attributes if name.startswith("on") or name == "style"], tag
    shown = (run / "report.html").read_text(encoding="utf-8")
    assert "http://" not in shown
    assert "https://" not in shown
    assert not re.search(r"@import|url\(", page.raw["style"][0])
    assert not re.search(r"\b(fetch|XMLHttpRequest|eval|innerHTML|import)\b", page.raw["script"][1])


def test_the_policy_admits_this_style_and_this_script_only(page: Page) -> None:
    policy = next(
        found["content"]
        for found in page.attributes("meta")
        if found.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    for rule, text in (("style-src", page.raw["style"][0]), ("script-src", page.raw["script"][1])):
        assert rules[rule] == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert len(page.raw["style"]) == 1
    assert len(page.raw["script"]) == 2


def test_every_section_tells_what_it_should(page: Page) -> None:
    head = page.text("head")
    for told in (
        "openmoji",
        "Finished 4,000 steps",
        "non-saturating",
        "256,000",
        "cpu",
        "One finding is open",
    ):
        assert told in head
    assert "Mode collapse" in page.text("findings")
    assert "augmentations.label-flip. share 0.05" in page.text("settings")
    for told in ("4,083", "3 × 32 × 32", "5f1c0a7be98d3f4f", "broken/003.png", "11 files were refused"):
        assert told in page.text("data")
    for told in ("2.13.0+cpu", "30 July 2026, 14:05 UTC", "90eba0b7f2d1", "uncommitted"):
        assert told in page.text("environment")
    assert "poise train 'my emoji' --set optimisers.generator.learning_rate=2e-3" in page.text("environment")
    assert "Newest" in page.text("metrics")
    assert "random-convolutions" in page.text("metrics")


def test_a_resumed_or_recovered_finding_is_shown_once_with_its_last_word(page: Page) -> None:
    spans = page.island["spans"]
    assert [(span["number"], span["first"], span["last"], span["tone"]) for span in spans] == [
        (1, 3100, STEPS, "watch"),
        (2, *COLLAPSE, "recovered"),
    ]
    told = page.text("findings")
    assert told.count("What to try") == 2
    for part in (
        "Pairwise distance ratio 0.052 0.1 0.8 to 1.1",
        "confidence 93 %",
        "poise train 'my emoji' --recipe pacgan",
    ):
        assert part in told


def test_the_charts_have_the_numbers_of_the_run(run: Path, page: Page) -> None:
    history = RunFolder(run).lines("history")
    table = page.island["tables"]["history"]
    assert table["step"] == [line["step"] for line in history]
    assert table["generator_loss"] == pytest.approx([line["generator_loss"] for line in history], rel=1e-5)
    assert [value is None for value in table["penalty_r1"]] == ["penalty_r1" not in line for line in history]
    drawn = {line["key"] for chart in page.island["charts"] for line in chart["series"]}
    assert drawn - {"value", "floor"} == set(history[0]) - {"step", "images_seen", "seconds"}
    assert [axis["key"] for axis in page.island["axes"]] == ["step", "images_seen", "seconds"]
    assert len(page.attributes("figure")) == len(page.island["charts"])


def test_the_pictures_are_the_run_s_own(run: Path, page: Page) -> None:
    frames = page.island["frames"]
    assert [frame["step"] for frame in frames] == sample_steps(10)
    newest = next(found for found in page.attributes("img") if found.get("id") == "picture")
    sources = [frame["source"] for frame in frames[:-1]] + [newest["src"]]
    assert frames[-1]["source"] is None
    for step, source in zip(sample_steps(10), sources, strict=True):
        content = base64.b64decode(str(source).removeprefix("data:image/png;base64,"))
        assert content == RunFolder(run).sample_path(step).read_bytes()
    assert (newest["width"], newest["height"]) == ("256", "256")


def test_torch_is_not_loaded(run: Path) -> None:
    script = (
        "import sys; from poise.web import write_report; write_report(sys.argv[1]); "
        "print(sorted({name.split('.')[0] for name in sys.modules} & {'torch', 'matplotlib', 'sklearn'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(run)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_what_people_wrote_is_inert(tmp_path: Path) -> None:
    evil = "</title></script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028'\""
    recipe = RECIPES["minimax"].model_dump() | {"summary": evil, "steps": 5}
    folder = RunFolder.create(
        tmp_path / "run",
        recipe=recipe | {evil: evil},
        environment={"command": ["poise", "train", evil], "device": evil, evil: [evil] * 9, "cwd": evil},
        data={"name": evil, "notices": [evil], "summary": {evil: evil}},
    )
    folder.append("history", {"step": 1, evil: 1.0, "generator_loss": 2.0})
    folder.append(
        "findings",
        {
            "name": evil,
            "severity": evil,
            "sentence": evil,
            "first_step": evil,
            "evidence": {"measured": {evil: evil}},
            "remedies": [{"change": evil, "why": evil, "command": evil}],
        },
    )
    folder.append("metrics", {"step": 1, "metric": evil, "value": 1.0, evil: evil})
    folder.set_status("failed", reason=evil, step=1)
    page = read(write_report(folder.path))
    assert page.unbalanced == []
    assert len(page.raw["script"]) == 2
    assert not [tag for tag, found in page.elements if "onerror" in found or found.get("src") == "x"]
    assert page.island["spans"][0]["title"].startswith("</title>")
    assert page.text("head").count("<script>alert(1)</script>") >= 2


@pytest.mark.parametrize(
    ("name", "origin", "title"),
    [
        ("/home/me/tables/adult.csv", {"kind": "path", "value": "/home/me/tables/adult.csv"}, "adult.csv"),
        ("/home/me/photos/", {"kind": "path", "value": "/home/me/photos/"}, "photos"),
        ("photos and drawings", {"kind": "path", "value": "/home/me"}, "photos and drawings"),
        ("digits", {"kind": "name", "value": "digits"}, "digits"),
    ],
)
def test_the_title_is_the_name_of_the_data_without_its_folders(
    tmp_path: Path, name: str, origin: dict[str, str], title: str
) -> None:
    recipe = RECIPES["minimax"].model_dump()
    folder = RunFolder.create(
        tmp_path / "run", recipe=recipe, environment={}, data={"name": name, "origin": origin}
    )
    assert f"<h1>{title}</h1>" in write_report(folder.path).read_text(encoding="utf-8")


def test_many_pictures_are_thinned_and_it_says_so(tmp_path: Path) -> None:
    folder = bare_run(tmp_path / "run")
    file = io.BytesIO()
    Image.new("L", (4, 4)).save(file, "PNG")
    for step in range(1, 151):
        folder.sample_path(step).write_bytes(file.getvalue())
    page = read(write_report(folder.path))
    steps = [frame["step"] for frame in page.island["frames"]]
    assert len(steps) == 60
    assert (steps[0], steps[-1]) == (1, 150)
    assert {later - earlier for earlier, later in pairwise(steps)} == {2, 3}
    assert "this file shows 60 of 150 pictures" in page.text("samples")


def test_a_damaged_picture_is_left_out_and_named(tmp_path: Path) -> None:
    folder = bare_run(tmp_path / "run")
    Image.new("L", (16, 16), 90).save(folder.sample_path(10))
    whole = folder.sample_path(10).read_bytes()
    folder.sample_path(20).write_bytes(whole[: len(whole) // 2])
    folder.sample_path(30).write_bytes(b"")
    page = read(write_report(folder.path))
    assert [frame["step"] for frame in page.island["frames"]] == [10]
    assert "damaged and left out: 20, 30" in page.text("samples")


def test_a_run_that_has_only_begun(tmp_path: Path) -> None:
    page = read(write_report(bare_run(tmp_path / "run").path))
    assert page.island["frames"] == []
    assert page.island["charts"] == []
    assert "There is no picture yet" in page.text("samples")
    assert "There are no numbers yet" in page.text("curves")
    assert "Interrupted at step 0 of 1,000" in page.text("head")


def test_an_interrupted_run_with_a_half_written_line(tmp_path: Path) -> None:
    folder = write_believable_run(tmp_path / "run", status="interrupted", until=1000)
    with (folder / "history.jsonl").open("ab") as history:
        history.write(b'{"step": 1025, "images_se')
    page = read(write_report(folder))
    assert page.island["tables"]["history"]["step"][-1] == 1000
    assert "Interrupted at step 1,000 of 4,000" in page.text("head")
    assert "poise resume run Copy" in page.text("next")
    assert "findings" not in page.texts


def test_a_run_that_trains_while_it_is_read(tmp_path: Path) -> None:
    folder = bare_run(tmp_path / "run")
    folder.set_status("running", step=3)
    with folder.locked():
        page = read(write_report(folder.path))
    assert "Training was still running when this report was written: step 3 of 1,000" in page.text("head")


def test_checkpoints_and_generator_are_listed_with_their_size(tmp_path: Path) -> None:
    folder = bare_run(tmp_path / "run")
    for name, step in (("checkpoints/step-00000500", 500), ("checkpoints/best", 450), ("generator", 500)):
        (folder.path / name).mkdir(parents=True)
        manifest = {
            "format": 1,
            "step": step,
            "files": {"tensors.safetensors": {"size": 4_200_000, "sha256": "0"}},
        }
        (folder.path / name / "manifest.json").write_text(json.dumps(manifest))
    (folder.path / "checkpoints" / "step-00000600").mkdir()
    (folder.path / "checkpoints" / "step-00000600" / "manifest.json").write_text("{ half")
    told = read(write_report(folder.path)).text("next")
    for line in (
        "Step 500, 4.2 MB",
        "Best, of step 450, 4.2 MB",
        "Generator 4.2 MB",
        "Step 600",
        "poise sample",
    ):
        assert line in told


def test_a_second_report_takes_the_place_of_the_first(run: Path) -> None:
    path = write_report(run)
    path.write_text("old")
    assert write_report(str(run)) == path
    assert path.stat().st_size > 100_000


def test_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PoiseError, match="is not a run"):
        write_report(tmp_path)


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    folder = bare_run(tmp_path / "run")
    (folder.path / "report.html").mkdir()
    with pytest.raises(PoiseError) as refused:
        write_report(folder.path)
    assert refused.value.code == "web.unwritable-report" and "report.html" in refused.value.what


def test_a_number_that_was_not_finite_leaves_a_gap_and_is_named(tmp_path: Path) -> None:
    folder = bare_run(tmp_path / "run")
    for step, loss in ((1, 0.5), (2, float("nan")), (3, float("-inf")), (4, 0.25)):
        folder.append("history", {"step": step, "generator_loss": loss, "fake_score": 1.0})
    page = read(write_report(folder.path))
    assert page.island["tables"]["history"]["generator_loss"] == [0.5, "NaN", "-Infinity", 0.25]
    assert "2 not a number 1 3 -infinity 1" in page.text("curves")
    assert "A cross at the foot of a chart" in page.text("curves")


@pytest.mark.parametrize("name", ["began", "conditional", "many", "non-saturating"])
def test_runs_of_the_first_version_are_reported(name: str, tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[1] / "fixtures" / "runs-of-0.1" / name, tmp_path / "run")
    page = read(write_report(tmp_path / "run"))
    assert page.unbalanced == [] and page.island["tables"]["history"]["step"]
    assert "ema. half_life" in page.text("settings") and "average. half_life" not in page.text("settings")
