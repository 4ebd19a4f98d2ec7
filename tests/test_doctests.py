"""Every example in every docstring runs and gives what it shows."""

import ast
import doctest
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

import poise

SOURCE = Path(poise.__file__).parent


def docstrings(file: Path) -> Iterator[tuple[str, int, str]]:
    """Name, line and text; read from the source, since `doctest` does not see decorated functions."""
    source = file.read_text(encoding="utf-8")
    nodes: list[ast.AST] = [ast.parse(source)] if ">>>" in source else []
    for node in nodes:  # which grows by the statements within: expressions hold no docstrings
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text and ">>>" in text:
                yield getattr(node, "name", file.stem), getattr(node, "lineno", 0), text
        nodes += [within for within in ast.iter_child_nodes(node) if isinstance(within, ast.stmt)]


def module_name(file: Path) -> str:
    parts = [SOURCE.name, *file.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


EXAMPLES = [
    pytest.param(file, line, text, id=f"{module_name(file)}:{name}")
    for file in sorted(SOURCE.rglob("*.py"))
    for name, line, text in docstrings(file)
]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 80


@pytest.mark.parametrize(("file", "line", "text"), EXAMPLES)
def test_example(file: Path, line: int, text: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = import_module(module_name(file))
    monkeypatch.chdir(tmp_path)
    test = doctest.DocTestParser().get_doctest(text, dict(vars(module)), module.__name__, str(file), line)
    assert test.examples
    told: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    failed, _ = runner.run(test, out=told.append)
    assert not failed, "".join(told)
