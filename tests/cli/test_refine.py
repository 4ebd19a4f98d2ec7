from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import poise

from .conftest import Cli, refused


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "digits"
    poise.train(
        "digits", steps=30, out=path, doctor="off", evaluate_every=0, generator={"name": "dcgan", "width": 8}
    )
    return path


def test_the_acceptance_is_printed_and_in_the_picture(cli: Cli, run: Path) -> None:
    done = cli("sample", run, "-n", "4", "--refine", "weights", "--out", "g.png")
    assert done.status == 0 and "candidates" in done.out
    with Image.open("g.png") as picture:
        about = json.loads(picture.info["poise"])
    assert about["refine"] == "weights" and 0 < about["acceptance"] <= 1


def test_the_command_writes_what_the_library_makes(cli: Cli, run: Path) -> None:
    (event,) = cli(
        "sample", run, "-n", "5", "--refine", "weights", "--seed", "2", "--out", "a.npy", "--json"
    ).events
    assert event["refine"] == "weights" and event["candidates"] >= 50
    made = np.load("a.npy", allow_pickle=False)
    np.testing.assert_array_equal(made, poise.open_run(run).sample(5, 2, refine="weights"))


def test_what_it_refuses(cli: Cli, run: Path) -> None:
    refused(
        cli,
        "sample",
        run,
        "--refine",
        "rejct",
        "--out",
        "a.png",
        code="unknown-refinement",
        names=("'reject'",),
    )
    assert not Path("a.png").exists()


def test_near_duplicates_are_left_out_on_request(cli: Cli, run: Path) -> None:
    done = cli("sample", run, "-n", "6", "--filter-copies", "--out", "c.npy")
    assert done.status == 0 and "left out" in done.out
    both = ("--filter-copies", "--refine", "weights")
    refused(cli, "sample", run, *both, "--out", "d.npy", code="cli.refined-and-filtered")


def test_a_folder_for_the_hub_is_sampled_as_its_run(cli: Cli, run: Path) -> None:
    done = cli(
        "export", run, "--to", "hub", "--out", "hub", "--license", "cc0-1.0", "--rights", "public data"
    )
    assert done.status == 0 and "not given" not in done.out
    for name, place in (("a.npy", run), ("b.npy", "hub")):
        assert cli("sample", place, "-n", "3", "--out", name).status == 0
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()
    refused(cli, "sample", "hub", "--refine", "reject", "--out", "c.npy", code="generator.refine-needs-run")


def test_a_chosen_sample_has_the_name_of_a_plain_one_and_a_moved_one_has_none(cli: Cli, run: Path) -> None:
    (event,) = cli("sample", run, "-n", "3", "--refine", "weights", "--out", "a.npy", "--json").events
    last = event["names"][-1]
    assert cli("sample", run, "--name", last, "--out", "again.npy").status == 0
    np.testing.assert_allclose(np.load("again.npy")[0], np.load("a.npy")[2], atol=1e-6)
    (event,) = cli("sample", run, "-n", "2", "--refine", "langevin", "--out", "b.npy", "--json").events
    assert event["names"] == []
