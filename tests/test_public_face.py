"""What people import: pinned here, so that it changes on purpose only; and how little it costs."""

import inspect
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import pytest
from torch import nn

import poise
from poise.run_folder import new_run_path

FACE = [
    "RECIPES",
    "DensityRatio",
    "Domains",
    "Evaluation",
    "Files",
    "Generator",
    "Labelled",
    "Monitor",
    "Pairs",
    "PoiseError",
    "Recipe",
    "Run",
    "Runs",
    "Study",
    "density_ratio",
    "evaluate",
    "open_run",
    "open_runs",
    "open_study",
    "resume",
    "study",
    "train",
    "use",
]


def test_the_public_names_are_these() -> None:
    assert poise.__all__ == FACE
    assert set(FACE) <= set(dir(poise))


@pytest.mark.parametrize("name", FACE)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    found = getattr(poise, name)
    assert found is getattr(import_module(poise._HOMES[name]), name)
    assert inspect.getdoc(found)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'poise' has no attribute 'tarin'"):
        _ = poise.tarin
    assert not hasattr(poise, "__path_of_nothing__")


MANY = Path(__file__).parent / "fixtures" / "runs-of-0.1" / "many"


@pytest.mark.parametrize(
    ("action", "code"),
    [
        (lambda: poise.open_run(MANY), "api.many-games"),
        (lambda: poise.resume(MANY), "api.many-games"),
        (lambda: poise.open_runs(MANY / "seed-0"), "api.single-run"),
        (lambda: poise.open_run("no/run"), "run-folder.not-a-run"),
        (lambda: poise.train("ring", grid={"loss": ["hinge"]}), "training.grid-without-seeds"),  # type: ignore[call-overload]
        (lambda: poise.train("ring", seeds=2, doctor="apply"), "training.one-run-only"),
        (lambda: poise.train("ring", seeds=2, generator=nn.Linear(2, 2)), "training.one-run-only"),
        (lambda: poise.train("ring", seeds=2, callbacks=[lambda context: None]), "training.one-run-only"),
        (lambda: poise.train("ring", doctor="surgeon"), "unknown-doctor"),  # type: ignore[call-overload]
        (lambda: poise.open_run(MANY / "seed-0").translate("x"), "generator.not-a-translator"),
        (lambda: poise.open_run(MANY / "seed-0").tag("x"), "generator.no-tags"),
        (lambda: poise.open_run(MANY / "seed-0").sample(1, label="x"), "generator.no-classes"),
        (lambda: poise.open_run(MANY / "seed-0").generator.class_grid(2), "generator.no-classes"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_by_a_code(
    action: Callable[[], object], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(poise.PoiseError) as caught:
        action()
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_new_run_never_takes_the_place_of_another(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        path = new_run_path("my photos/", "study/one", below=tmp_path)
        path.mkdir()
        names.append(path.name)
    assert names == ["my-photos-study-one", "my-photos-study-one-2", "my-photos-study-one-3"]


def test_what_typing_sees_is_what_there_is() -> None:
    """Names for type checkers and homes at run time are two lists; they must be one."""
    assert sorted(poise._HOMES) == sorted(poise.__all__)


@pytest.mark.parametrize(
    "code",
    [
        "import poise",
        "import poise; dir(poise); poise.__version__",
        "import poise; poise.RECIPES['minimax']",
        "import poise.recipes; poise.recipes.parse_override('packing=2')",
        "import poise.run_folder, poise.registry, poise.errors, poise.randomness",
    ],
)
def test_this_needs_no_torch(code: str) -> None:
    heavy = "print(sorted({'torch', 'sklearn', 'matplotlib', 'scipy'} & set(sys.modules)))"
    told = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\n{heavy}"], capture_output=True, text=True, check=True
    )
    assert told.stdout == "[]\n"
