"""What leaves Poise makes the same samples: every family, every target, several batches."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from poise.data.spectrogram import griffin_lim
from poise.errors import PoiseError
from poise.generator import Generator
from poise.generator.export import EXPORT_TARGETS, ExportTarget, Subject, export
from poise.generator.export.onnx_file import onnx_runner, save_onnx, store_in_half
from poise.generator.export.portable import portable
from poise.networks import GENERATORS
from poise.registry import takes
from poise.spec import DataSpec

from .families import OF_IMAGES, family

ONE_EIGHT_BIT_LEVEL = 2 / 255
TOLERANCE = 1e-5


pytestmark = pytest.mark.usefixtures("one_table_of_onnx")


def exported(generator: Generator, to: str, path: Path, **settings: Any) -> dict[str, Any]:
    """The facts of an export."""
    made = export(Subject(generator, "small"), to, path, **settings)
    assert made.files == (path,) and path.is_file()
    return dict(made.facts)


def test_the_battery_below_knows_every_family() -> None:
    assert len(OF_IMAGES) == 9 and sum(one.takes_condition for one in OF_IMAGES.values()) == 4


# With classes if a family takes them: without, it has an input less, as the others have
@pytest.mark.parametrize(
    ("name", "classes"), [(name, one.takes_condition) for name, one in OF_IMAGES.items()]
)
def test_onnx_makes_the_same_samples(name: str, classes: bool, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    generator = family(name, classes=classes)
    styled = takes(generator.module.forward, "truncation")
    # Whatever the truncation that it leaves with, it is an input
    facts = exported(generator.truncated(0.5) if styled else generator, "onnx", tmp_path / "small.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "small.onnx"))
    for count, truncation in ((1, 1.0), (2, 1.0), (5, 1.0), *([(4, 0.0), (4, 0.3)] if styled else [])):
        given = {"latent": generator.latents(count, seed=9).numpy()}
        condition = generator.conditions(count, seed=9)
        if condition is not None:
            given["condition"] = condition.numpy()
        if styled:
            given["truncation"] = np.full(1, truncation, np.float32)
        (made,) = session.run(None, given)
        wanted = (generator.truncated(truncation) if styled else generator).sample(count, seed=9)
        assert np.abs(made - wanted).max() < TOLERANCE
    assert ("truncation" in facts["inputs"]) == styled == (name == "stylegan2")
    assert [one["batch"] for one in facts["parity"]] == [1, 3, 8]
    assert max(one["largest"] for one in facts["parity"]) < TOLERANCE
    kept = session.get_modelmeta().custom_metadata_map
    assert json.loads(kept["poise"])["weights"] == facts["weights"] == kept["weights"]
    assert kept["latent_distribution"] == "normal" and json.loads(kept["shape"]) == [3, 8, 8]
    assert json.loads(kept.get("classes", "[]")) == list(generator.classes)


def test_half_precision_is_half_the_size_and_near(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    generator = family("dcgan", width=64)
    half = exported(generator, "onnx", tmp_path / "half.onnx", half=True)
    numbers = sum(value.numel() for value in generator.module.parameters())
    assert 2 * numbers < half["bytes"] < 0.6 * 4 * numbers
    assert 0 < max(one["largest"] for one in half["parity"]) < ONE_EIGHT_BIT_LEVEL


def test_weights_that_are_stored_in_half_are_computed_with_in_whole(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    generator, path = family("mlp", width=64), tmp_path / "small.onnx"
    made = portable(generator)
    save_onnx(generator, made, path, {}, half=False)
    before = path.stat().st_size
    store_in_half(path)
    assert path.stat().st_size < 0.6 * before
    inputs = made.example(generator, 4, seed=1)
    found = onnx_runner(path, made)(inputs)
    for weight in generator.module.parameters():
        weight.copy_(weight.half())
    assert (found - torch.from_numpy(generator.sample(4, seed=1))).abs().max() < 1e-6


@pytest.mark.parametrize("name", ["dcgan", "stylegan2", "r3gan"])
def test_pt2_makes_the_same_samples_at_any_batch(name: str, tmp_path: Path) -> None:
    generator = family(name)
    facts = exported(generator, "pt2", tmp_path / "small.model")  # whatever the name
    (tmp_path / "small.model").rename(tmp_path / "small.pt2")
    more = {"poise.json": ""}
    module = torch.export.load(tmp_path / "small.pt2", extra_files=more).module()
    assert json.loads(more["poise.json"])["latent_size"] == 10
    for count in (1, 2, 7):
        inputs = portable(generator).example(generator, count, seed=4)
        made = module(*inputs).detach().numpy()
        assert np.abs(made - generator.sample(count, seed=4)).max() < TOLERANCE
    assert facts["inputs"] == (["latent", "truncation"] if name == "stylegan2" else ["latent"])


def test_vectors_leave_in_the_units_of_the_data(tmp_path: Path) -> None:
    generator = family("mlp", shape=(2,))
    generator.transform = generator.kind.load_transform(
        {"name": "standardised", "center": [5.0, -3.0], "scale": [2.0, 0.5]}
    )
    exported(generator, "pt2", tmp_path / "small.pt2")
    made = torch.export.load(tmp_path / "small.pt2").module()(generator.latents(6, seed=1))
    assert np.allclose(made.detach().numpy(), generator.sample(6, seed=1), atol=1e-6)


SOUNDS = [("spectrogram", (1, 64, 64), "dcgan"), ("waveform", (1, 4096), "wavegan")]


@pytest.mark.parametrize("to", ["onnx", "pt2"])
@pytest.mark.parametrize(("form", "shape", "name"), SOUNDS, ids=[form for form, _, _ in SOUNDS])
def test_sounds_leave_as_numbers_from_which_their_waves_follow(
    form: str, shape: tuple[int, ...], name: str, to: str, tmp_path: Path
) -> None:
    if to == "onnx":
        pytest.importorskip("onnxruntime")
    generator, path = sounds(form, shape, name), tmp_path / f"small.{to}"
    facts = exported(generator, to, path)
    assert max(one["largest"] for one in facts["parity"]) < TOLERANCE
    assert (facts["form"], facts["rate"]) == (form, 8000)
    inputs = portable(generator).example(generator, 2, seed=4)
    if to == "onnx":
        made = onnx_runner(path, portable(generator))(inputs)
    else:
        made = torch.export.load(path).module()(*inputs).detach()
    if form == "spectrogram":
        assert made.shape == (2, *shape)
        magnitudes = torch.nn.functional.pad((made[:, 0].exp() - facts["floor"]).clamp(min=0), (0, 0, 0, 1))
        assert 2 * (magnitudes.shape[1] - 1) == facts["window"]
        made = griffin_lim(magnitudes, hop=facts["hop"]).clamp(-1, 1)
    # Phases are found in 60 rounds, which enlarge rounding
    assert np.abs(made.numpy() - generator.sample(2, seed=4)).max() < 1e-3


def sounds(form: str, shape: tuple[int, ...], name: str) -> Generator:
    """A generator of sounds with random weights."""
    encoding = {"name": "sounds", "form": form, "rate": 8000, "mean": [-4.0] * 64, "deviation": [1.5] * 64}
    description = {**family("mlp", shape=(2,)).description, "kind": "sound", "encoding": encoding}
    description |= {"shape": list(shape), "network": {"name": name, "width": 4}}
    torch.manual_seed(0)
    module = GENERATORS[name].build(DataSpec("sound", shape), latent_size=10, width=4)
    return Generator(module, description)


def test_a_network_that_cannot_be_traced_is_refused_by_name(tmp_path: Path) -> None:
    class Deciding(torch.nn.Module):
        def forward(self, latent: torch.Tensor) -> torch.Tensor:
            made = latent if float(latent.sum()) > 0 else -latent
            return made[:, :2]

    generator = family("mlp", shape=(2,))
    with pytest.raises(PoiseError) as caught:
        exported(Generator(Deciding(), generator.description), "pt2", tmp_path / "small.pt2")
    assert caught.value.code == "export.not-traceable" and "'mlp'" in caught.value.what
    assert list(tmp_path.iterdir()) == [], "nothing half written is left"


def test_what_others_made_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "small.pt2"
    exported(family("mlp"), "pt2", path)
    exported(family("mlp"), "pt2", path)
    path.write_text("years of work")
    with pytest.raises(PoiseError) as caught:
        exported(family("mlp"), "pt2", path)
    assert caught.value.code == "export.would-overwrite" and path.read_text() == "years of work"


def test_unknown_targets_and_settings_and_missing_extras_are_refused(tmp_path: Path) -> None:
    subject = Subject(family("mlp"), "small")
    for to, settings, code in (
        ("onyx", {}, "unknown-export-target"),
        ("pt2", {"half": True}, "registry.no-settings"),
        ("onnx", {"opset": 3}, "registry.wrong-value"),
    ):
        with pytest.raises(PoiseError) as caught:
            export(subject, to, tmp_path / "x", **settings)
        assert caught.value.code == code
    lacking = ExportTarget("x", export, "A form.", extra="export", modules=("no_such_module",))
    with pytest.raises(PoiseError) as caught:
        lacking.check_extra()
    assert caught.value.code == "export.missing-extra" and "poise[export]" in caught.value.hint


def test_targets_have_a_sentence_each() -> None:
    assert all(target.summary.endswith(".") for target in EXPORT_TARGETS.values())
