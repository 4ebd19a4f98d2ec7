"""Generators of public implementations: the same images, and nothing of a file is run."""

from __future__ import annotations

import io
import json
import os
import pickle
import sys
from argparse import Namespace
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

import poise
from generator import ada_numbers
from networks import stylegan2_numbers
from poise.errors import PoiseError
from poise.generator import Generator
from poise.generator.adopting import adopt
from poise.generator.adopting.pickles import KNOWN, read_inert
from poise.networks.stylegan2 import StyleGenerator


@contextmanager
def public_names() -> Iterator[tuple[Callable[..., Any], type]]:
    """The two names of the public code that a pickle of it uses, as empty shells that pickle by name."""
    persistence, util = ModuleType("torch_utils.persistence"), ModuleType("dnnlib.util")

    def reconstruct(meta: Any) -> None:
        raise AssertionError("no code of a pickle is run")

    reconstruct.__module__, reconstruct.__qualname__ = persistence.__name__, "_reconstruct_persistent_obj"
    shell = type("EasyDict", (dict,), {"__module__": util.__name__})
    vars(persistence)["_reconstruct_persistent_obj"], vars(util)["EasyDict"] = reconstruct, shell
    modules = {"torch_utils": ModuleType("torch_utils"), "dnnlib": ModuleType("dnnlib")}
    modules |= {one.__name__: one for one in (persistence, util)}
    with pytest.MonkeyPatch.context() as patch:
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        yield reconstruct, shell


class Persistent:
    """What pickles as a module of the public code does: by its source text and its state."""

    def __init__(self, make: tuple[Callable[..., Any], type], name: str, state: Mapping[str, Any]) -> None:
        self.make, self.name, self.state = make, name, state

    def __reduce__(self) -> tuple[Any, ...]:
        source = "import os; os.abort()"
        meta = {"type": "class", "version": 6, "module_src": source, "class_name": self.name}
        return self.make[0], (self.make[1]({**meta, "state": dict(self.state)}),)


def tree(
    make: tuple[Callable[..., Any], type], weights: Mapping[str, Tensor], name: str, **more: Any
) -> Persistent:
    """Nested modules of weights by full name."""
    own = {key: value for key, value in weights.items() if "." not in key}
    within = sorted({key.partition(".")[0] for key in weights if "." in key})
    parts = {
        part: {key.partition(".")[2]: value for key, value in weights.items() if key.startswith(f"{part}.")}
        for part in within
    }
    buffers = {key: own.pop(key) for key in list(own) if key in ("w_avg", "noise_const", "resample_filter")}
    state = {
        "training": False,
        "_parameters": OrderedDict((key, torch.nn.Parameter(value)) for key, value in own.items()),
        "_buffers": OrderedDict(buffers),
        "_non_persistent_buffers_set": set(),
        "_modules": OrderedDict((part, tree(make, inside, part, **more)) for part, inside in parts.items()),
        "weight_gain": np.float64(0.25),
        **more,
    }
    return Persistent(make, name, state)


def ada_pickle(path: Path, classes: int = 0, *, protocol: int = 2, **more: Any) -> Path:
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    kernel = torch.outer(row, row) / 64
    given = ada_numbers.weights(classes)
    given |= {f"synthesis.b{side}.resample_filter": kernel for side in ada_numbers.SIDES}
    with public_names() as make:
        whole = {"G": None, "D": None, "G_ema": tree(make, given, "Generator", **more)}
        settings = make[1](resolution=16, use_labels=bool(classes))
        path.write_bytes(pickle.dumps({**whole, "training_set_kwargs": settings}, protocol=protocol))
    return path


def raw(generator: Generator, latent: Tensor, condition: Tensor | None, truncation: float = 1.0) -> Tensor:
    """Images before they are clamped."""
    module = generator.module
    assert isinstance(module, StyleGenerator)
    styles = module.styles(latent, condition)
    if truncation != 1:
        styles = torch.lerp(module.mean_style.expand_as(styles), styles, truncation)
    images: Tensor = module.synthesis(styles)
    return images


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize("classes", [0, 3])
def test_images_are_those_of_the_public_code(classes: int, protocol: int, tmp_path: Path) -> None:
    recorded = json.loads(ada_numbers.FILE.read_text())[str(classes)]
    made = adopt(ada_pickle(tmp_path / "network.pkl", classes, protocol=protocol), tmp_path / "generator")
    assert (made.shape, made.latent_size, made.classes) == ((3, 16, 16), ada_numbers.LATENT, classes)
    generator = Generator.load(tmp_path / "generator")
    for truncation in (1, ada_numbers.PSI):
        images = raw(generator, *ada_numbers.inputs(classes), truncation)
        wanted = torch.tensor(recorded[str(truncation)])
        torch.testing.assert_close(torch.tensor(ada_numbers.sparse(images)), wanted, atol=2e-5, rtol=2e-5)


def rosinality(path: Path, write: Callable[[dict[str, Tensor], Path], None]) -> tuple[dict[str, Any], Path]:
    """A checkpoint with rosinality's names, and what its code computes with these weights."""
    _, _, names = stylegan2_numbers.ours()
    pairs = dict(stylegan2_numbers.their_names())
    weights = {
        pairs[name].removeprefix("generator."): value.detach().float()
        for name, value in names.items()
        if name.startswith("generator.")
    }
    weights = {
        name: value[None] if value.dim() == 4 and "input" not in name else value
        for name, value in weights.items()
    }
    maps = stylegan2_numbers.noise_maps()
    weights |= {f"noises.noise_{place}": one[None, None].float() for place, one in enumerate(maps)}
    row = torch.tensor([1.0, 3.0, 3.0, 1.0])
    weights["convs.0.conv.blur.kernel"] = torch.outer(row, row) / 16
    write(weights, path)
    return json.loads(stylegan2_numbers.FILE.read_text()), path


def _checkpoint(weights: dict[str, Tensor], path: Path) -> None:
    torch.save({"g_ema": weights, "args": Namespace(size=16), "ada_aug_p": 0.0}, path)


def _old_checkpoint(weights: dict[str, Tensor], path: Path) -> None:
    torch.save({"g_ema": weights}, path, _use_new_zipfile_serialization=False)


@pytest.mark.parametrize(
    ("name", "write"),
    [("new.pt", _checkpoint), ("old.pt", _old_checkpoint), ("plain.safetensors", save_file)],
)
def test_checkpoints_of_the_other_implementation(
    name: str, write: Callable[[dict[str, Tensor], Path], None], tmp_path: Path
) -> None:
    wanted, path = rosinality(tmp_path / name, write)
    made = adopt(path, tmp_path / "generator")
    assert made.layout == "rosinality/stylegan2-pytorch" and any("mean style" in note for note in made.notes)
    generator = Generator.load(tmp_path / "generator")
    latents = stylegan2_numbers.noise(stylegan2_numbers.COUNT, stylegan2_numbers.STYLE, seed=2_000).float()
    images = raw(generator, latents, None)[:, :, ::5, ::5].flatten()
    torch.testing.assert_close(images, torch.tensor(wanted["images"]), atol=1e-4, rtol=1e-4)


def test_what_was_imported_is_sampled_truncated_and_comes_again(tmp_path: Path) -> None:
    adopt(ada_pickle(tmp_path / "network.pkl", 3), tmp_path / "generator")
    generator = poise.Generator.from_pretrained(tmp_path / "generator")
    assert generator.classes == ("0", "1", "2")
    made = generator.sample(4, seed=1, label="2")
    assert made.shape == (4, 3, 16, 16) and np.isfinite(made).all()
    still = generator.truncated(0.0).sample(3, seed=1, label="2")
    np.testing.assert_allclose(still[0], still[1], atol=1e-6)


class Evil:
    """Runs a function when it is unpickled."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.function, self.arguments = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.function, self.arguments


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    ("function", "arguments", "name"),
    [
        (os.system, ("touch ran",), "posix.system"),
        (eval, ("open('ran', 'w')",), "builtins.eval"),
        (exec, ("open('ran', 'w')",), "builtins.exec"),
        (__import__, ("antigravity",), "builtins.__import__"),
        (getattr, (os, "system"), "builtins.getattr"),
        (io.open, ("ran", "w"), "io.open"),
        (pickle.loads, (b"",), "_pickle.loads"),
        (torch.load, ("network.pkl",), "torch.serialization.load"),
    ],
)
def test_what_a_pickle_would_run_is_refused_by_name_and_not_run(
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    name: str,
    protocol: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if function is getattr:
        arguments = ("text", "join")
    Path("network.pkl").write_bytes(pickle.dumps({"G_ema": Evil(function, *arguments)}, protocol=protocol))
    with pytest.raises(PoiseError) as caught:
        adopt("network.pkl", "generator")
    assert caught.value.code == "import.unknown-name"
    assert f".{name.rpartition('.')[2]}'" in caught.value.what
    assert not Path("ran").exists() and not Path("generator").exists() and "antigravity" not in sys.modules


def test_evil_within_an_archive_and_within_a_storage_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"g_ema": Evil(os.system, "touch ran")}, "new.pt")
    torch.save({"g_ema": Evil(os.system, "touch ran")}, "old.pt", _use_new_zipfile_serialization=False)
    within = pickle.dumps(Evil(os.system, "touch ran"))
    Path("storage.pkl").write_bytes(pickle.dumps(Evil(torch.storage._load_from_bytes, within)))
    for name in ("new.pt", "old.pt", "storage.pkl"):
        with pytest.raises(PoiseError) as caught:
            adopt(name, "generator")
        assert caught.value.code == "import.unknown-name"
    assert not Path("ran").exists()


CHANGED = (
    "torch_utils.persistence._reconstruct_persistent_obj",
    "torch.FloatStorage",
    "dnnlib.util.EasyDict",
    "collections.OrderedDict",
    "numpy.dtype",
)


@pytest.mark.parametrize("name", CHANGED)
def test_a_pickle_cannot_change_what_its_names_stand_for(name: str, tmp_path: Path) -> None:
    """The instruction BUILD sets attributes of whatever is before it, functions and classes too."""
    module, _, attribute = name.rpartition(".")
    build = b"c" + f"{module}\n{attribute}\n".encode()
    for state in (b"}S'name'\nS'evil'\nsb.", b"N}S'__defaults__'\nNs\x86b."):
        (tmp_path / "a.pkl").write_bytes(build + state)
        before = KNOWN[name]
        with pytest.raises(PoiseError) as caught:
            read_inert(tmp_path / "a.pkl")
        assert caught.value.code == "import.damaged" and KNOWN[name] is before
    assert getattr(KNOWN["torch.FloatStorage"], "name", "") == "FloatStorage"


def test_a_tensor_larger_than_its_numbers_is_refused(tmp_path: Path) -> None:
    """A stride of 0 would fill the memory out of one number."""
    weights = {"style.1.weight": torch.zeros(1).expand(2**20, 2**14), "input.input": torch.zeros(1)}
    torch.save({"g_ema": weights}, tmp_path / "a.pt")
    with pytest.raises(PoiseError) as caught:
        adopt(tmp_path / "a.pt", tmp_path / "generator")
    assert caught.value.code == "import.damaged"


def changed(weights: dict[str, Tensor], path: Path) -> None:
    weights["convs.0.conv.blur.kernel"] = torch.eye(4)
    _checkpoint(weights, path)


def cut(weights: dict[str, Tensor], path: Path) -> None:
    del weights["to_rgb1.conv.weight"]
    _checkpoint(weights, path)


def added(weights: dict[str, Tensor], path: Path) -> None:
    _checkpoint({**weights, "attention.weight": torch.zeros(3)}, path)


def reshaped(weights: dict[str, Tensor], path: Path) -> None:
    _checkpoint({**weights, "convs.1.conv.weight": torch.zeros(1, 7, 8, 3, 3)}, path)


@pytest.mark.parametrize(
    ("write", "code"),
    [
        (changed, "import.other-filter"),
        (cut, "import.other-architecture"),
        (added, "import.other-architecture"),
        (reshaped, "import.other-architecture"),
    ],
)
def test_other_generators_are_refused(
    write: Callable[[dict[str, Tensor], Path], None], code: str, tmp_path: Path
) -> None:
    _, path = rosinality(tmp_path / "a.pt", write)
    with pytest.raises(PoiseError) as caught:
        adopt(path, tmp_path / "generator")
    assert caught.value.code == code and not (tmp_path / "generator").exists()


@pytest.mark.parametrize("setting", [{"activation": "swish"}, {"architecture": "resnet"}])
def test_settings_that_weights_do_not_show_are_refused(setting: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(PoiseError) as caught:
        adopt(ada_pickle(tmp_path / "network.pkl", **setting), tmp_path / "generator")
    assert caught.value.code == "import.other-architecture"


def test_what_is_computed_in_another_way_is_told(tmp_path: Path) -> None:
    path = ada_pickle(tmp_path / "network.pkl", conv_clamp=256, use_fp16=True, activation="lrelu")
    notes = " ".join(adopt(path, tmp_path / "generator").notes)
    assert "256" in notes and "float16" in notes


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pkl").write_text("not a pickle")
    (tmp_path / "empty.pkl").write_bytes(b"")
    (tmp_path / "other.pkl").write_bytes(pickle.dumps({"weights": [1, 2]}))
    torch.save({"g_ema": {"layer.weight": torch.zeros(2)}}, tmp_path / "other.pt")
    (tmp_path / "short.pkl").write_bytes(ada_pickle(tmp_path / "network.pkl").read_bytes()[:-400])
    codes = {
        "text.pkl": "import.damaged",
        "empty.pkl": "import.damaged",
        "short.pkl": "import.damaged",
        "other.pkl": "import.no-generator",
        "other.pt": "import.unknown-layout",
        "none.pkl": "import.no-file",
        ".": "import.which-file",
    }
    for name, code in codes.items():
        with pytest.raises(PoiseError) as caught:
            adopt(tmp_path / name, tmp_path / "generator")
        assert caught.value.code == code, name
    (tmp_path / "full").mkdir()
    (tmp_path / "full/mine.txt").write_text("mine")
    with pytest.raises(PoiseError) as caught:
        adopt(tmp_path / "network.pkl", tmp_path / "full")
    assert caught.value.code == "import.would-overwrite"
