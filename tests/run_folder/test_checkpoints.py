"""Checkpoints appear whole, damage of any kind is noticed, and the newest sound one is found."""

import contextlib
import json
import os
import pickle
import random
import shutil
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor

from poise.errors import PoiseError
from poise.generator import Generator
from poise.run_folder import Checkpoint, DamagedError, Restored, RunFolder, step_name
from poise.run_folder.checkpoints import HashedFile, read_tensors
from poise.run_folder.tensors_folder import _seal, read_tensors_folder, write_tensors_folder
from poise.spec import DataSpec


def checkpoint(step: int) -> Checkpoint:
    tensors = {
        "network/generator/weight": torch.full((2, 3), float(step)),
        "optimiser/steps": torch.tensor(step),
        "ema/half": torch.arange(4, dtype=torch.bfloat16),
    }
    return Checkpoint(step, tensors, {"step": step, "images_seen": 64 * step, "seconds": 0.1 * step})


def same(found: Checkpoint | None, wanted: Checkpoint) -> bool:
    return (
        found is not None
        and (found.step, found.state) == (wanted.step, wanted.state)
        and set(found.tensors) == set(wanted.tensors)
        and all(
            torch.equal(found.tensors[name], value) and found.tensors[name].dtype == value.dtype
            for name, value in wanted.tensors.items()
        )
    )


def new_run(path: Path, *steps: int) -> RunFolder:
    run = RunFolder.create(path / "run", recipe={"name": "mine"}, environment={}, data={})
    for step in steps:
        run.save_checkpoint(checkpoint(step), keep=9)
    return run


def restored(run: RunFolder) -> Restored:
    """What the holder of the lock finds."""
    with run.locked():
        return run.restore()


def code_of(action: Callable[[], object]) -> str:
    """The code of the error that an action raises."""
    with pytest.raises(PoiseError) as caught:
        action()
    return caught.value.code


def tensors_of(file: Path) -> dict[str, Tensor]:
    with file.open("rb") as opened:
        return read_tensors(HashedFile(opened), file.stat().st_size)


def folder_of(run: RunFolder, step: int) -> Path:
    return run.path / "checkpoints" / step_name(step)


def leftovers(run: RunFolder) -> list[str]:
    return sorted(path.name for path in run.path.rglob(".*"))


# Saving ----------------------------------------------------------------------------------------------------


def test_a_checkpoint_comes_back_as_it_was(tmp_path: Path) -> None:
    run = new_run(tmp_path, 10, 20)
    assert run.checkpoint_steps() == [10, 20]
    assert same(run.load_checkpoint(10), checkpoint(10))
    found = restored(run)
    assert same(found.checkpoint, checkpoint(20))
    assert (found.quarantined, found.newest_step) == ([], 20)


def test_a_view_of_a_larger_tensor_is_saved_as_what_it_shows(tmp_path: Path) -> None:
    run, whole = new_run(tmp_path), torch.arange(12.0).reshape(3, 4)
    turned = Checkpoint(1, {"turned": whole.T, "column": whole[:, 1]}, {})
    run.save_checkpoint(turned, keep=1)
    assert same(run.load_checkpoint(1), turned)


def test_only_the_last_are_kept_and_the_best_besides(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    for step in (1, 2, 3, 4, 5):
        run.save_checkpoint(checkpoint(step), keep=2)
        if step == 2:
            run.save_checkpoint(checkpoint(step), keep=2, best=True)
        assert run.checkpoint_steps() == [max(1, step - 1), step][-step:]
    assert same(run.load_checkpoint("best"), checkpoint(2))
    run.save_checkpoint(checkpoint(5), keep=2, best=True)
    assert same(run.load_checkpoint("best"), checkpoint(5))
    assert leftovers(run) == []


def test_steps_sort_as_numbers(tmp_path: Path) -> None:
    run = new_run(tmp_path, 99_999_999, 100_000_000, 5)
    assert run.checkpoint_steps() == [5, 99_999_999, 100_000_000]
    assert restored(run).newest_step == 100_000_000


def test_the_clock_and_the_times_of_files_decide_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = new_run(tmp_path)
    for step, now in ((10, 2e9), (20, 1e9), (30, -5.0)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        run.save_checkpoint(checkpoint(step), keep=2)
        os.utime(folder_of(run, step), (abs(now), abs(now)))
    assert run.checkpoint_steps() == [20, 30]
    assert same(restored(run).checkpoint, checkpoint(30))


def test_a_full_disk_leaves_what_was_there(tmp_path: Path, room_for: Callable[[int], None]) -> None:
    run = new_run(tmp_path, 10)
    for writes in range(4):  # tensors.safetensors, state.json, manifest.json, and the folder itself
        room_for(writes)
        with pytest.raises(OSError, match="No space left"):
            run.save_checkpoint(checkpoint(20), keep=1)
        assert run.checkpoint_steps() == [10]
        assert leftovers(run) == []
        assert same(restored(run).checkpoint, checkpoint(10))
    room_for(99)
    run.save_checkpoint(checkpoint(20), keep=1)
    assert same(restored(run).checkpoint, checkpoint(20))
    assert run.checkpoint_steps() == [20]


def test_a_file_system_that_takes_no_more_bytes_leaves_what_was_there(tmp_path: Path) -> None:
    import resource
    import signal

    run = new_run(tmp_path, 10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, hard))
        with pytest.raises(OSError, match="File too large"):
            run.save_checkpoint(checkpoint(20), keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert leftovers(run) == []
    assert same(restored(run).checkpoint, checkpoint(10))


class DeadError(BaseException):
    """A process that ends here."""


@pytest.mark.parametrize("best", [False, True])
def test_a_process_that_dies_at_any_moment_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, best: bool
) -> None:
    """Dies before each operation on the file system in turn, while a checkpoint replaces one of its name."""
    operations = [(Path, "rename"), (Path, "replace"), (Path, "mkdir"), (os, "fsync"), (shutil, "rmtree")]
    originals = [(owner, name, getattr(owner, name)) for owner, name in operations]
    deaths = 0
    for context in range(40):
        for owner, name, original in originals:
            monkeypatch.setattr(owner, name, original)
        run = new_run(tmp_path / str(context), 10)
        old = checkpoint(10)
        run.save_checkpoint(old, keep=9, best=best)
        new = Checkpoint(10, checkpoint(77).tensors, {"new": True})
        left = [context]
        for owner, name, original in originals:

            def counted(*given: Any, original: Any = original, left: list[int] = left, **named: Any) -> Any:
                left[0] -= 1
                if left[0] < 0:
                    raise DeadError
                return original(*given, **named)

            monkeypatch.setattr(owner, name, counted)
        try:
            run.save_checkpoint(new, keep=9, best=best)
            died = False
        except DeadError:
            died = True
        for owner, name, original in originals:
            monkeypatch.setattr(owner, name, original)
        found = run.load_checkpoint("best") if best else restored(run).checkpoint
        assert same(found, old) or same(found, new), context
        assert same(restored(run).checkpoint, checkpoint(10)) or not best
        deaths += died
        if not died:
            assert same(found, new)
            break
    else:
        raise AssertionError("it died every time")
    assert deaths >= 10


def test_what_a_dying_process_left_is_cleared_away(tmp_path: Path) -> None:
    run = new_run(tmp_path, 10)
    partial = run.path / "checkpoints" / f".partial-{step_name(20)}"
    partial.mkdir()
    (partial / "tensors.safetensors").write_bytes(b"half")
    assert run.checkpoint_steps() == [10]
    assert same(restored(run).checkpoint, checkpoint(10))
    assert leftovers(run) == []


# Damage ----------------------------------------------------------------------------------------------------

FILES = ("tensors.safetensors", "state.json", "manifest.json")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return new_run(tmp_path_factory.mktemp("template"), 10, 20)


def copy_of(template: RunFolder, path: Path) -> RunFolder:
    shutil.rmtree(path, ignore_errors=True)
    shutil.copytree(template.path, path)
    return RunFolder(path)


def assert_noticed(run: RunFolder, what: str) -> None:
    """The damaged newest is refused by its name, put aside by `restore`, and the older one taken."""
    assert code_of(lambda: run.load_checkpoint(20)) == "run-folder.damaged-checkpoint"
    found = restored(run)
    assert same(found.checkpoint, checkpoint(10)), what
    assert [name for name, _ in found.quarantined] == ["step-00000020"], what
    assert found.newest_step == 20
    assert (run.path / "quarantine" / "step-00000020").is_dir()
    assert run.checkpoint_steps() == [10]


def test_two_hundred_truncations_are_noticed(template: RunFolder, tmp_path: Path) -> None:
    numbers = random.Random(0)
    for trial in range(200):
        run = copy_of(template, tmp_path / "run")
        file = folder_of(run, 20) / FILES[trial % 3]
        content = file.read_bytes()
        kept = numbers.randrange(len(content))
        kept = len(content) - 1 if trial < 3 else kept  # the last byte alone
        file.write_bytes(content[:kept])
        assert_noticed(run, f"{file.name} cut to {kept} of {len(content)} bytes")


def test_two_hundred_flipped_bits_are_noticed(template: RunFolder, tmp_path: Path) -> None:
    numbers = random.Random(1)
    for trial in range(200):
        run = copy_of(template, tmp_path / "run")
        file = folder_of(run, 20) / FILES[trial % 3]
        content = bytearray(file.read_bytes())
        place, bit = numbers.randrange(len(content)), numbers.randrange(8)
        content[place] ^= 1 << bit
        file.write_bytes(content)
        assert_noticed(run, f"{file.name} with bit {bit} of byte {place} flipped")


def test_every_byte_of_the_manifest_matters(template: RunFolder, tmp_path: Path) -> None:
    folder = folder_of(copy_of(template, tmp_path / "run"), 20)
    file = folder / "manifest.json"
    content = file.read_bytes()
    head = content.index(b"files")  # the format and the step: all of their bits
    for place in range(len(content)):
        for bit in range(8) if place < head else [place % 8]:
            damaged = bytearray(content)
            damaged[place] ^= 1 << bit
            file.write_bytes(damaged)
            with pytest.raises(DamagedError):
                read_tensors_folder(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_and_what_is_no_file_are_noticed(
    template: RunFolder, tmp_path: Path, name: str
) -> None:
    def gone(file: Path) -> None:
        file.unlink()

    def a_folder(file: Path) -> None:
        file.unlink()
        file.mkdir()

    def a_device(file: Path) -> None:
        file.unlink()
        file.symlink_to("/dev/null")

    for spoil in (gone, a_folder, a_device):
        run = copy_of(template, tmp_path / "run")
        spoil(folder_of(run, 20) / name)
        assert_noticed(run, spoil.__name__)


def test_a_checkpoint_that_is_named_is_never_replaced_by_another(template: RunFolder, tmp_path: Path) -> None:
    run = copy_of(template, tmp_path / "run")
    (folder_of(run, 10) / "state.json").write_text("{}")
    assert code_of(lambda: run.load_checkpoint(10)) == "run-folder.damaged-checkpoint"
    with pytest.raises(PoiseError, match="no checkpoint '15'; there are: 10, 20") as caught:
        run.load_checkpoint(15)
    assert caught.value.code == code_of(lambda: run.load_checkpoint("best")) == "run-folder.no-checkpoint"
    assert run.checkpoint_steps() == [10, 20], "a look moves nothing"
    assert same(restored(run).checkpoint, checkpoint(20))


def test_where_all_are_damaged_all_are_put_aside_and_none_is_given(
    template: RunFolder, tmp_path: Path
) -> None:
    run = copy_of(template, tmp_path / "run")
    for step in (10, 20):
        (folder_of(run, step) / "state.json").unlink()
    found = restored(run)
    assert found.checkpoint is None
    assert [name for name, _ in found.quarantined] == ["step-00000020", "step-00000010"]
    assert found.newest_step == 20
    empty = restored(run)
    assert (empty.checkpoint, empty.quarantined, empty.newest_step) == (None, [], 0)


# Malice ----------------------------------------------------------------------------------------------------


def reseal(folder: Path, **changes: Any) -> None:
    """Make the manifest agree with whatever now lies in the folder, as an attacker would."""
    import hashlib

    manifest = json.loads((folder / "manifest.json").read_bytes())
    for name in manifest["files"]:
        content = (folder / name).read_bytes()
        manifest["files"][name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    manifest |= changes
    manifest["sha256"] = _seal(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


class Trap:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (Path(os.environ["POISE_TRAP"]),))


def header(claim: int, text: bytes = b"{}") -> bytes:
    return struct.pack("<Q", claim) + text


def tensors_file(**tensors: dict[str, Any]) -> bytes:
    text = json.dumps(tensors).encode()
    return header(len(text), text) + b"\0" * 64


ATTACKS = {
    "a header of 100 MB": header(100 * 2**20),
    "a header of 100 MB that is there": header(11 * 2**20, b" " * (11 * 2**20)),
    "a header beyond all memory": header(2**63),
    "no JSON": header(4, b"[1]]"),
    "nothing": b"",
    "three bytes": b"abc",
    "a tensor larger than the file": tensors_file(
        x={"dtype": "F32", "shape": [2**40], "data_offsets": [0, 64]}
    ),
    "a shape that overflows": tensors_file(
        x={"dtype": "F32", "shape": [2**62, 2**62], "data_offsets": [0, 64]}
    ),
    "offsets outside": tensors_file(x={"dtype": "F32", "shape": [16], "data_offsets": [64, 128]}),
    "overlapping tensors": tensors_file(
        x={"dtype": "F32", "shape": [16], "data_offsets": [0, 64]},
        y={"dtype": "F32", "shape": [8], "data_offsets": [16, 48]},
    ),
    "a dtype that does not exist": tensors_file(x={"dtype": "F31", "shape": [16], "data_offsets": [0, 64]}),
    "a dtype that torch lacks": tensors_file(x={"dtype": "F6_E2M3", "shape": [64], "data_offsets": [0, 48]})[
        :-16
    ],
}


@pytest.mark.parametrize("attack", list(ATTACKS))
def test_a_hostile_tensors_file_is_damage(template: RunFolder, tmp_path: Path, attack: str) -> None:
    run = copy_of(template, tmp_path / "run")
    folder = folder_of(run, 20)
    (folder / "tensors.safetensors").write_bytes(ATTACKS[attack])
    reseal(folder)
    # The manifest agrees, so the reader of the format itself must notice it.
    with pytest.raises(DamagedError, match=r"tensors\.safetensors cannot be read"):
        read_tensors_folder(folder)
    if attack in ("a header of 100 MB", "a header of 100 MB that is there", "a header beyond all memory"):
        with pytest.raises(DamagedError, match="claims a header of"):
            tensors_of(folder / "tensors.safetensors")
    assert_noticed(run, attack)


def test_nothing_pickled_is_ever_run(
    template: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trap = tmp_path / "sprung"
    monkeypatch.setenv("POISE_TRAP", str(trap))
    content = pickle.dumps(Trap())
    for name in ("tensors.safetensors", "state.json"):
        run = copy_of(template, tmp_path / "run")
        folder = folder_of(run, 20)
        (folder / name).write_bytes(content)
        reseal(folder)
        assert_noticed(run, name)
    torch.save({"x": Trap()}, tmp_path / "saved")
    with pytest.raises(DamagedError):
        tensors_of(tmp_path / "saved")
    assert not trap.exists()
    pickle.loads(content)  # noqa: S301 - shows that the trap works
    assert trap.exists()


@pytest.mark.parametrize(
    "name", ["../x", "/etc/passwd", "..", ".", "", "a/b", "x\0", "tensors.safetensors/../../../x"]
)
def test_a_manifest_reaches_no_file_outside_its_folder(
    template: RunFolder, tmp_path: Path, name: str
) -> None:
    run = copy_of(template, tmp_path / "run")
    (folder_of(run, 20).parent / "x").write_bytes(b"")
    listed = json.loads((folder_of(run, 20) / "manifest.json").read_bytes())["files"]
    entry = {"size": 0, "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    reseal(folder_of(run, 20), files={**listed, name: entry})
    assert_noticed(run, name)


@pytest.mark.parametrize(
    "changes",
    [
        {"step": "20"},
        {"step": None},
        {"format": 2},
        {"files": []},
        {"files": {}},
        {"files": {"state.json": 3}},
        {"files": {"state.json": {"size": "0"}}},
    ],
    ids=str,
)
def test_a_manifest_of_other_types_is_damage(
    template: RunFolder, tmp_path: Path, changes: dict[str, Any]
) -> None:
    run = copy_of(template, tmp_path / "run")
    reseal(folder_of(run, 20), **changes)
    assert_noticed(run, str(changes))


@settings(max_examples=100)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode)))
def test_no_bytes_make_the_readers_raise_anything_else(template: RunFolder, content: bytes) -> None:
    file = template.path.parent / "bytes"
    file.write_bytes(content)
    with contextlib.suppress(DamagedError):
        assert isinstance(tensors_of(file), dict)


@settings(max_examples=100)
@given(content=st.one_of(st.binary(max_size=200), st.text(max_size=50).map(str.encode)))
@example(content=b'{"a":' * 200_000)
def test_no_state_makes_the_reader_raise_anything_else(template: RunFolder, content: bytes) -> None:
    run = copy_of(template, template.path.parent / "again")
    (folder_of(run, 20) / "state.json").write_bytes(content)
    reseal(folder_of(run, 20))
    try:
        assert isinstance(read_tensors_folder(folder_of(run, 20)).objects["state"], dict)
    except DamagedError as error:
        assert "state.json cannot be read" in str(error)


# The generator ---------------------------------------------------------------------------------------------

DESCRIPTION: dict[str, Any] = {
    "game": {"name": "noise-to-data"},
    "kind": "vector",
    "step": 5,
    "network": {"name": "mlp", "width": 4, "depth": 1},
    "shape": [2],
    "latent": {"size": 3, "distribution": "normal"},
    "encoding": {"name": "identity"},
}


def weights_of(description: dict[str, Any]) -> dict[str, Tensor]:
    from poise.networks import GENERATORS

    options = {key: value for key, value in description["network"].items() if key != "name"}
    return dict(GENERATORS["mlp"].build(DataSpec("vector", (2,)), latent_size=3, **options).state_dict())


def with_generator(path: Path, **changes: Any) -> RunFolder:
    run = new_run(path)
    run.save_generator(weights_of(DESCRIPTION), {**DESCRIPTION, **changes}, "# A card\n")
    return run


def test_a_generator_comes_back_as_it_was(tmp_path: Path) -> None:
    run = with_generator(tmp_path)
    tensors, description = run.load_generator()
    assert description == DESCRIPTION
    assert set(tensors) == set(weights_of(DESCRIPTION))
    assert (run.path / "generator" / "card.md").read_text() == "# A card\n"
    assert Generator.load(run.path).sample(4).shape == (4, 2)


def test_a_run_without_a_generator_says_so(tmp_path: Path) -> None:
    assert code_of(new_run(tmp_path).load_generator) == "run-folder.no-generator"


@pytest.mark.parametrize("name", ["generator.safetensors", "generator.json", "card.md", "manifest.json"])
def test_a_damaged_generator_is_told(tmp_path: Path, name: str) -> None:
    run = with_generator(tmp_path)
    file = run.path / "generator" / name
    file.write_bytes(file.read_bytes()[:-1])
    assert code_of(run.load_generator) == "run-folder.damaged-generator"


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [10**9]},
        {"shape": [10**30]},
        {"shape": [3, 2**20, 2**20]},
        {"shape": [-1]},
        {"shape": []},
        {"shape": "big"},
        {"shape": None},
        {"network": {"name": "mlp", "width": 10**9}},
        {"network": {"name": "mlp", "width": 10**18}},
        {"network": {"name": "mlp", "width": 10**30}},
        {"network": {"name": "mlp", "depth": 10**9}},
        {"network": {"name": "mlp", "width": "wide"}},
        {"network": {"name": "mlp", "colour": "red"}},
        {"network": {"name": "os.system"}},
        {"network": {"width": 4}},
        {"network": "mlp"},
        {"network": None},
        {"latent": {"size": 10**12}},
        {"latent": {"size": -3}},
        {"latent": {"size": 3, "more": 1}},
        {"latent": 3},
        {"encoding": {"name": "pickle"}},
        {"encoding": None},
    ],
    ids=str,
)
def test_a_hostile_description_is_refused_before_anything_is_allocated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    run = with_generator(tmp_path, **changes)
    allocated: list[int] = []
    original = torch.nn.Module.to_empty

    def counting(module: torch.nn.Module, **named: Any) -> torch.nn.Module:
        allocated.append(sum(value.numel() for value in module.state_dict().values()))
        return original(module, **named)

    monkeypatch.setattr(torch.nn.Module, "to_empty", counting)
    with pytest.raises(PoiseError):
        Generator.load(run.path)
    assert sum(allocated) < 1000


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    run = with_generator(tmp_path, network={"name": "mlp", "width": 5, "depth": 1})
    with pytest.raises(PoiseError, match="do not fit its network"):
        Generator.load(run.path)


def test_two_folders_of_the_same_content_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_tensors_folder(tmp_path / name, "tensors", checkpoint(3).tensors, {"state": {"a": 1}}, 3)
    for name in FILES:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
