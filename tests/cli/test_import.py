from __future__ import annotations

from pathlib import Path

import numpy as np

from generator.test_adopting import ada_pickle

from .conftest import Cli, refused


def test_an_imported_generator_is_sampled_and_walked_and_exported(cli: Cli) -> None:
    ada_pickle(Path("network.pkl"))
    (event,) = cli("import", "network.pkl", "--out", "faces", "--json").events
    assert event["shape"] == [3, 16, 16] and event["layout"] == "NVlabs/stylegan2-ada-pytorch"
    assert cli("sample", "faces", "-n", "3", "--truncation", "0.7", "--out", "a.npy").status == 0
    assert np.load("a.npy").shape == (3, 3, 16, 16)
    assert cli("walk", "faces", "--out", "walk.webp").status == 0
    assert cli("export", "faces", "--to", "hub", "--out", "hub").status == 0
    assert cli("sample", "hub", "-n", "3", "--truncation", "0.7", "--out", "b.npy").status == 0
    assert Path("a.npy").read_bytes() == Path("b.npy").read_bytes()


def test_the_words_for_people_and_the_refusals(cli: Cli) -> None:
    ada_pickle(Path("network.pkl"), 3)
    done = cli("import", "network.pkl", "--out", "faces")
    assert done.status == 0 and "3 classes" in done.out and "16x16" in done.out
    refused(cli, "import", "network.pkl", "--out", "faces", code="import.would-overwrite", names=("'faces'",))
    refused(cli, "import", "nothing.pkl", "--out", "other", code="import.no-file", names=("'nothing.pkl'",))
