"""The folder for the hub and its card: it opens offline to the same samples, and holds no discriminator."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

import poise
from generator.families import FAMILIES, family
from poise.errors import PoiseError
from poise.generator import Generator
from poise.generator.copies import (
    TrainingRows,
    by_inversion,
    by_samples,
    copies_of,
    kolmogorov_smirnov,
    without_copies,
)
from poise.generator.export import Subject, export
from poise.generator.run_data import data_of_run
from poise.networks import GENERATORS
from poise.run_folder import RunFolder
from poise.tasks.held_out import Split


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "digits"
    small = {"name": "dcgan", "width": 8}
    poise.train("digits", steps=20, out=path, doctor="off", evaluate_every=0, generator=small, held_out=90)
    return path


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


def front(card: str) -> dict[str, str]:
    """The scalar lines of the YAML at the top."""
    head = card.split("---\n")[1]
    return dict(line.split(": ", 1) for line in head.splitlines() if ": " in line)


def test_it_opens_offline_to_the_same_bits(run: Path, tmp_path: Path) -> None:
    folder = RunFolder.open(run)
    made = export(Subject(Generator.load(run), "digits", folder), "hub", tmp_path / "hub", license="cc0-1.0")
    assert made.files == (tmp_path / "hub",)
    loaded = poise.Generator.from_pretrained(str(tmp_path / "hub"))
    np.testing.assert_array_equal(loaded.sample(5, seed=3), poise.open_run(run).sample(5, 3))
    assert loaded.run is None and not loaded.module.training


@pytest.mark.parametrize("to", ["hub", "html"])
def test_the_path_of_the_data_on_this_machine_is_nowhere_in_it(to: str, run: Path, tmp_path: Path) -> None:
    generator = Generator.load(run)
    generator.description["data"] = "/home/someone/private/hands"
    settings = {"check": False} if to == "hub" else {}
    made = export(Subject(generator, "digits", RunFolder.open(run)), to, tmp_path / "made", **settings)
    files = [path for one in made.files for path in ([one] if one.is_file() else one.iterdir())]
    content = b"".join(path.read_bytes() for path in files)
    assert b"hands" in content and b"someone" not in content


def test_no_weight_of_the_discriminator_is_in_it(run: Path, tmp_path: Path) -> None:
    export(Subject(Generator.load(run), "digits", RunFolder.open(run)), "hub", tmp_path / "hub")
    held = load_file(tmp_path / "hub/generator.safetensors")
    assert set(held) == set(Generator.load(run).module.state_dict())
    names = {path.name for path in (tmp_path / "hub").iterdir()}
    assert names == {"README.md", "generator.json", "generator.safetensors", "manifest.json"}


def test_the_card_says_what_the_run_recorded(run: Path, tmp_path: Path) -> None:
    folder = RunFolder.open(run)
    generator = Generator.load(run)
    given = {"license": "cc-by-4.0", "rights": "mine, all of them"}
    made = export(Subject(generator, "digits", folder), "hub", tmp_path / "hub", **given)
    card = (tmp_path / "hub/README.md").read_text()
    yaml = front(card)
    assert yaml["license"] == "cc-by-4.0" and yaml["library_name"] == "poise"
    assert yaml["pipeline_tag"] == "unconditional-image-generation"
    for said in (folder.data["fingerprint"], "1,797", "mine, all of them", "dcgan", "20 steps"):
        assert str(said) in card
    assert made.facts["copies"]["held_out"] == 90
    assert f"p = {made.facts['membership']['p_value']:.2g}" in card


def test_what_was_evaluated_is_in_the_card_with_its_floor(run: Path, tmp_path: Path) -> None:
    assert "Not measured." in _card(run, tmp_path / "before")
    result = poise.evaluate(run, metrics=["kernel-distance"], samples=100).results[0]
    card = _card(run, tmp_path / "after")
    low, high = result.intervals["kernel-distance"]
    floor = result.floors["kernel-distance"]
    assert f"| kernel-distance | {float(result):.4g} | {low:.4g} to {high:.4g} | {floor:.4g} |" in card


def _card(run: Path, path: Path) -> str:
    export(Subject(Generator.load(run), "digits", RunFolder.open(run)), "hub", path, check=False)
    return (path / "README.md").read_text()


def test_a_missing_licence_is_told_and_written_as_not_given(run: Path, tmp_path: Path) -> None:
    made = export(Subject(Generator.load(run), "digits", RunFolder.open(run)), "hub", tmp_path / "hub")
    card = (tmp_path / "hub/README.md").read_text()
    assert "license" not in front(card) and "not given" in card
    assert any("--license" in line for line in made.lines) and any("--rights" in line for line in made.lines)


def test_findings_that_are_open_are_known_gaps(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    folder = RunFolder.open(tmp_path / "run")
    line = {
        "name": "mode-collapse",
        "severity": "trouble",
        "first_step": 4,
        "last_step": 9,
        "confidence": 0.9,
    }
    folder.append("findings", {**line, "status": "open", "sentence": "All samples look alike."})
    folder.append("findings", {**line, "name": "noise", "status": "open", "sentence": "It is noisy."})
    folder.append("findings", {**line, "name": "noise", "status": "recovered", "sentence": "It was noisy."})
    card = _card(tmp_path / "run", tmp_path / "hub")
    assert "mode-collapse: All samples look alike." in card and "nois" not in card


OF_IMAGES = [(name, classes) for name, classes in FAMILIES if "image" in GENERATORS[name].kinds]


@pytest.mark.parametrize(("name", "classes"), OF_IMAGES)
def test_every_built_in_generator_comes_back(name: str, classes: bool, tmp_path: Path) -> None:
    generator = family(name, classes=classes)
    export(Subject(generator, "small"), "hub", tmp_path / "hub")
    again = poise.Generator.from_pretrained(tmp_path / "hub")
    latent = generator.latents(3, seed=1)
    condition = generator.conditions(3, seed=1)
    torch.testing.assert_close(again(latent, condition), generator(latent, condition), rtol=0, atol=0)


def test_a_changed_weight_is_noticed_and_a_changed_card_is_not(run: Path, tmp_path: Path) -> None:
    export(Subject(Generator.load(run), "digits", RunFolder.open(run)), "hub", tmp_path / "hub")
    (tmp_path / "hub/README.md").write_text("mine")
    poise.Generator.from_pretrained(tmp_path / "hub")
    weights = tmp_path / "hub/generator.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    with pytest.raises(PoiseError) as caught:
        poise.Generator.from_pretrained(tmp_path / "hub")
    assert caught.value.code == "run-folder.damaged-generator"


def test_what_it_refuses(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("years of work")
    with pytest.raises(PoiseError) as caught:
        export(Subject(Generator.load(run), "digits", RunFolder.open(run)), "hub", tmp_path / "mine")
    assert caught.value.code == "export.folder-not-ours" and (tmp_path / "mine/thesis.tex").exists()
    for name, code in (
        (tmp_path / "mine", "generator.not-a-generator"),
        (tmp_path / "nowhere", "generator.not-a-generator"),
        ("a/b/c", "generator.not-a-generator"),
    ):
        with pytest.raises(PoiseError) as caught:
            poise.Generator.from_pretrained(name)
        assert caught.value.code == code
    monkeypatch.setattr("poise.generator.pretrained.find_spec", lambda name: None)
    with pytest.raises(PoiseError) as caught:
        poise.Generator.from_pretrained("user/name")
    assert caught.value.code == "generator.missing-extra" and "poise[hub]" in caught.value.hint


def test_without_a_network_the_hub_is_out_of_reach_in_one_sentence() -> None:
    pytest.importorskip("huggingface_hub")
    with pytest.raises(PoiseError) as caught:
        poise.Generator.from_pretrained("user/name", revision="main")
    assert caught.value.code == "generator.not-on-the-hub"


def planted(run: Path, share: float) -> TrainingRows:
    """The rows of a run whose generator repeats training rows in this share of its samples."""
    rows = TrainingRows(Generator.load(run))
    given = rows.generator.run
    assert given is not None
    data = data_of_run(given)
    stored = data.encoded(data.rows.training[:400]).float()
    module = rows.generator.module

    class Copying(torch.nn.Module):
        def forward(self, latent: torch.Tensor) -> torch.Tensor:
            number = (latent[:, 0].abs() * 1e6).long()
            made = module(latent)
            copies = stored[number % len(stored)]
            return torch.where((number % 1000 < 1000 * share)[:, None, None, None], copies, made)

    rows.generator.module = Copying()
    return rows


def test_copies_are_counted_and_left_out(run: Path) -> None:
    rows = planted(run, 0.25)
    found = copies_of(rows, count=600)
    assert found.interval[0] <= 0.25 <= found.interval[1] and found.of_held_out == pytest.approx(
        0.05, abs=0.02
    )
    chosen = without_copies(rows, 40, seed=1)
    assert chosen.places is not None and not bool(rows.near(chosen.latents, None).any())
    assert chosen.acceptance == pytest.approx(0.75, abs=0.2)
    assert torch.equal(chosen.latents, rows.generator.latents(200, seed=1)[chosen.places])


def test_a_generator_that_repeats_training_rows_is_found_by_its_samples(run: Path) -> None:
    honest, copying = (by_samples(planted(run, share)) for share in (0.0, 1.0))
    assert copying.p_value < 1e-6 and copying.training < copying.held_out
    assert honest.p_value > 0.01


class Remembering(torch.nn.Module):
    """Samples that are nearly training rows, of which the latent chooses one, with a slope between them."""

    def __init__(self, rows: torch.Tensor, size: int) -> None:
        super().__init__()
        stream = torch.Generator().manual_seed(0)
        self.rows = torch.nn.Parameter(rows)
        self.keys = torch.nn.Parameter(torch.randn(len(rows), size, generator=stream))

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        shares = (latent @ self.keys.T).softmax(1)
        return (shares @ self.rows.flatten(1)).reshape(-1, *self.rows.shape[1:])


def test_rows_that_a_generator_remembers_are_found_by_inversion(run: Path) -> None:
    honest, remembering = TrainingRows(Generator.load(run)), TrainingRows(Generator.load(run))
    few = Split(remembering.data.rows.training[:60], remembering.data.rows.held_out)
    remembering.data = dataclasses.replace(remembering.data, rows=few)
    stored = remembering.data.encoded(few.training).float()
    generator = remembering.generator
    generator.module = Remembering(stored, generator.latent.size).eval().requires_grad_(False)
    found = by_inversion(remembering)
    assert found.p_value < 1e-6 and found.training < found.held_out
    assert by_inversion(honest).p_value > 0.01


def test_a_generator_of_copies_alone_is_refused(run: Path) -> None:
    with pytest.raises(PoiseError) as caught:
        without_copies(planted(run, 1.0), 4, seed=0)
    assert caught.value.code == "generator.only-copies"


def test_kolmogorov_smirnov_is_that_of_scipy() -> None:
    from scipy import stats

    stream = np.random.default_rng(0)
    for shift in (0.0, 0.1, 0.3, 1.0):
        one, other = stream.normal(size=300), stream.normal(size=200) + shift
        ours = kolmogorov_smirnov(torch.from_numpy(one), torch.from_numpy(other))
        assert ours == pytest.approx(stats.ks_2samp(one, other, method="asymp").pvalue, abs=0.02)


def test_a_run_that_held_out_too_few_rows_says_why_nothing_was_measured(tmp_path: Path) -> None:
    np.save(tmp_path / "few.npy", np.random.default_rng(0).normal(size=(90, 2)).astype(np.float32))
    poise.train(tmp_path / "few.npy", steps=2, out=tmp_path / "run", doctor="off", evaluate_every=0)
    made = export(
        Subject(Generator.load(tmp_path / "run"), "few", RunFolder.open(tmp_path / "run")),
        "hub",
        tmp_path / "hub",
    )
    assert made.facts["copies"] is None and "20" in made.facts["why_not"]
    described = json.loads((tmp_path / "hub/generator.json").read_text())
    assert described["checks"]["copies"] is None
