"""One thread for every test, as the bits of a run and forks need it, and a cache of their own."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest
import torch
from hypothesis import HealthCheck, settings

torch.set_num_threads(1)

# A busy machine must fail no test: neither one example nor the drawing of them has a time.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Modules and tests are made once and stay: looking for garbage among them is a quarter of the collection.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on garbage is looked for among what tests make."""
    gc.enable()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _unsynced() -> Iterator[None]:
    """Nothing waits for the disk: tests end processes and do not cut the power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or fills the cache of the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("POISE_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def few_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pictures nearest to a run's samples are looked for among few: each run measures all of these."""
    from poise.training.callbacks import close_look

    monkeypatch.setattr(close_look, "COMPARED", 100)


@pytest.fixture(scope="session")
def one_table_of_onnx() -> Iterator[None]:
    """Torch's table of ONNX functions, made once: it makes one, of a second or two, for each export."""
    exporter = pytest.importorskip("torch.onnx._internal.exporter._registration")
    with pytest.MonkeyPatch.context() as patch:
        made = cache(exporter.ONNXRegistry.from_torchlib)
        patch.setattr(exporter.ONNXRegistry, "from_torchlib", staticmethod(made))
        yield


@contextmanager
def restored_tables() -> Iterator[None]:
    """Whatever parts are added within are taken out of the tables at the end."""
    from poise import extension
    from poise.registry import Registry

    tables: list[Registry[Any]] = [extension._table(name) for name in extension.TABLES]
    rows = [getattr(table._parts, "maps", [table._parts])[0] for table in tables]
    before = [dict(own) for own in rows]
    try:
        yield
    finally:
        for table, own, known in zip(tables, rows, before, strict=True):
            own.clear()
            own.update(known)
            table._origins.clear()
        extension._USED.clear()
        extension._FOUND.clear()


@pytest.fixture
def own_parts() -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """The parts that a test adds end with it, or with a block of its own: `with own_parts(): ...`."""
    with restored_tables():
        yield restored_tables
