"""Graphs on the command line: trained on, written to one file, and read again."""

from __future__ import annotations

from pathlib import Path

import networkx

from graphs import file_of_graphs
from poise.data import open_data

from .conftest import Cli, refused


def test_graphs_are_written_as_the_form_that_came_in(cli: Cli) -> None:
    file_of_graphs(Path("graphs.g6"))
    words = ("--steps", "2", "--batch-size", "8", "--doctor", "off", "--set", "generator.components=2")
    done = cli("train", "graphs.g6", "--out", "run", *words)
    assert done.status == 0 and "40 graphs" in done.out
    assert cli("sample", "run", "-n", "30", "--out", "made.g6").status == 0
    assert cli("sample", "run", "-n", "30", "--out", "folder/").status == 0
    text = Path("made.g6").read_text()
    assert text == Path("folder/samples.g6").read_text() and len(text.splitlines()) == 30
    refused(cli, "sample", "run", "--out", "made.smi", code="cli.unknown-format")
    Path("mine.g6").write_text("Bw\n")
    assert cli("sample", "run", "--out", "mine.g6").status == 2 and Path("mine.g6").read_text() == "Bw\n"
    assert open_data("mine.g6").summary["connected"] is True


def test_inspect_names_the_graphs_that_are_left_out(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "some.g6"
    path.write_bytes(networkx.to_graph6_bytes(networkx.path_graph(4), header=False) * 3 + b"?\n")
    done = cli("inspect", path, "--tolerate-bad", "50%")
    assert done.status == 0 and "1 file refused" in done.out, done
    assert "row 4" in done.out and "it has no nodes" in done.out
