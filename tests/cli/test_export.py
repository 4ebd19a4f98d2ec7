from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import poise
from poise.generator.export.portable import portable

from .conftest import Cli, refused


def test_a_run_is_exported_into_its_folder_and_makes_the_same_samples(
    cli: Cli, tmp_path: Path, digits_run: Path
) -> None:
    shutil.copytree(digits_run, tmp_path / "run")
    done = cli("export", "run", "--to", "pt2")
    assert done.status == 0 and done.out.startswith("wrote run/export/run.pt2\n")
    assert "8-bit levels that differ: 0 %" in done.out
    generator = poise.open_run("run").generator
    module = torch.export.load("run/export/run.pt2").module()
    made = module(*portable(generator).example(generator, 5, seed=2)).detach().numpy()
    assert np.abs(made - generator.sample(5, seed=2)).max() < 1e-5


@pytest.mark.usefixtures("one_table_of_onnx")
def test_programs_are_told_what_was_written(cli: Cli, digits_run: Path) -> None:
    pytest.importorskip("onnxruntime")
    words = ("export", digits_run, "--to", "onnx", "--out", "deep/a.onnx", "--set", "opset=18", "--json")
    (event,) = cli(*words).events
    assert event["event"] == "export" and event["files"] == [str(Path("deep/a.onnx").absolute())]
    assert event["latent_size"] == poise.open_run(digits_run).recipe.latent.size
    assert [one["batch"] for one in event["parity"]] == [1, 3, 8]


def test_refused(cli: Cli, digits_run: Path) -> None:
    Path("mine.pt2").write_text("years of work")
    for words, code in (
        (["--to", "onix"], "unknown-export-target"),
        (["--to", "pt2", "--half"], "registry.no-settings"),
        (["--to", "pt2", "--truncation", "0.5"], "generator.no-truncation"),
        (["--to", "pt2", "--checkpoint", "77"], "run-folder.no-checkpoint"),
        (["--to", "pt2", "--out", "mine.pt2"], "export.would-overwrite"),
    ):
        refused(cli, "export", digits_run, *words, code=code)
    assert Path("mine.pt2").read_text() == "years of work"
