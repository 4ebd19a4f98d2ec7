"""Export to one HTML file, which draws samples in a browser without a network."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import tarfile
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jinja2 import Environment

from poise.data import default_cache
from poise.errors import PoiseError
from poise.generator.directions import has_directions, read_directions
from poise.generator.export import page
from poise.generator.export.onnx_file import ONNX, save_onnx, store_in_half
from poise.generator.export.plain_layers import PlainLayers, plain_layers
from poise.generator.export.portable import facts_of, portable
from poise.generator.export.target import Exported, ExportTarget, Subject
from poise.generator.generator import Generator
from poise.generator.marks import xmp_packet
from poise.generator.naming import weights_hash
from poise.spec import condition_kind

Engine = Literal["auto", "plain", "onnxruntime"]
PAGE = Path(page.__file__).parent
MOST_PRODUCTS = 40_000_000  # Multiplications that plain JavaScript does in some 50 ms
TESTS = ((0, 0), (0, 1), (1, 0), (2, 5))  # Seeds and indices whose pixels the page compares
MOST_DIRECTIONS = 8
TOLERANCE = {True: 3, False: 1}  # 8-bit levels by which float16 and float32 may differ

RUNTIME = "1.30.0"
ARCHIVE = f"onnxruntime-web-{RUNTIME}.tgz"
SHA512 = (
    "ab4cbe26baedba45d2cec05610c71c55fa97db92d19a8b171c5f8269126683ca"
    "590a5cdc57bb2f35ce2b298de32f4d956fb42644c0ecd528a0a91e025c07ca61"
)
ADDRESS = f"https://registry.npmjs.org/onnxruntime-web/-/{ARCHIVE}"
SCRIPT, BINARY = "package/dist/ort.wasm.bundle.min.mjs", "package/dist/ort-wasm-simd-threaded.wasm"


def write_html(
    subject: Subject, path: Path, *, engine: Engine = "auto", half: bool = True, runtime: str | None = None
) -> Exported:
    """Write a page that draws the samples of every seed, with the same seeds as Poise.

    Args:
        subject: The generator; directions are those of its run.
        path: The file.
        engine: `"plain"`: the page's own JavaScript, for networks of plain layers; `"onnxruntime"`: ONNX
            Runtime Web, which is put into the file, for all; `"auto"`: plain JavaScript if it is fast enough.
        half: Whether weights are stored as float16.
        runtime: The package of ONNX Runtime Web, as `npm pack` brings it; by default in Poise's cache.
    """
    generator = subject.generator
    _check(generator)
    layers = plain_layers(generator.module, generator.latent.size)
    chosen = _engine(generator, layers, engine)
    about, lines = _about(subject, half=half)
    about["engine"] = chosen
    contents: dict[str, str] = {}
    if chosen == "plain":
        assert layers is not None
        about["layers"] = layers.layers
        contents["numbers"] = _text(layers.content(half=half))
        scripts = ("numbers.js", "network.js", "plain.js", "page.js")
    else:
        about |= {"runtime": RUNTIME, **_add_runtime(generator, contents, half=half, runtime=runtime)}
        scripts = ("numbers.js", "network.js", "runtime.js", "page.js")
    _write(subject, path, about, contents, scripts)
    size = path.stat().st_size
    how = "plain JavaScript" if chosen == "plain" else f"ONNX Runtime Web {RUNTIME}"
    known = {
        name: value for name, value in about.items() if name not in ("layers", "tests", "directions", "xmp")
    }
    facts = {**known, "bytes": size, "directions": [one["name"] for one in about["directions"]]}
    return Exported((path,), facts, (f"{size / 1e6:.1f} MB, computed by {how}", *lines))


def _check(generator: Generator) -> None:
    """Refuse what a page cannot show or ask for."""
    condition = generator.condition
    if not generator.kind.pictorial:
        what = f"The samples of this generator are {generator.kind.plural}, and a page shows pictures"
        raise PoiseError(what, code="export.no-pictures", hint="export it to onnx or pt2")
    if condition is not None and not (condition_kind(condition).classes or condition_kind(condition).tags):
        what = "A page can ask for classes and tags, and this generator takes something else"
        raise PoiseError(what, code="export.no-page-for-condition", hint="export it to onnx or pt2")


def _engine(generator: Generator, layers: PlainLayers | None, engine: Engine) -> str:
    """Which engine computes the page."""
    if engine == "plain" and layers is None:
        part = generator.description.get("network") or {}
        what = f"The page's own JavaScript cannot compute the network '{part.get('name')}'"
        why = "it has other layers than plain ones"
        raise PoiseError(what, code="export.not-plain", why=why, hint="leave engine out, or set onnxruntime")
    if engine != "auto":
        return engine
    return "plain" if layers is not None and layers.products <= MOST_PRODUCTS else "onnxruntime"


def _about(subject: Subject, *, half: bool) -> tuple[dict[str, Any], tuple[str, ...]]:
    """What the page must know, and what people should know of it."""
    generator = subject.generator
    directions, lines = _directions(subject)
    facts = facts_of(generator, subject.name, ())
    latent = {"size": generator.latent.size, "distribution": generator.latent.distribution}
    return {
        "classes": [],
        "counts": [],
        "tags": [],
        **facts,
        "latent": latent,
        "half": half,
        "styles": 0,
        "fixed": generator.latent.distribution == "uniform",
        "directions": directions,
        "tests": _tests(generator),
        "tolerance": TOLERANCE[half],
        "xmp": xmp_packet("{sentence}"),
    }, lines


def _tests(generator: Generator) -> list[dict[str, Any]]:
    """Pixels of some seeds, at truncation 1."""
    found = []
    plain = generator if generator.truncation == 1 else generator.truncated(1.0)
    for seed, index in TESTS:
        latent = plain.latents(index + 1, seed=seed)[-1:]
        drawn = plain.conditions(index + 1, seed=seed)
        condition = None if drawn is None else drawn[-1:]
        pixels = plain.data(latent, condition).numpy().tobytes()
        test: dict[str, Any] = {"seed": seed, "index": index, "pixels": _text(pixels)}
        found.append(test if condition is None else {**test, "condition": condition[0].tolist()})
    return found


def _directions(subject: Subject) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """The directions of these weights that people named, and the first of the others."""
    run = None if subject.folder is None else subject.folder.path
    if run is None or not has_directions(run):
        return [], ()
    found = read_directions(run)
    if found.generator != weights_hash(subject.generator.module):
        return [], ("the directions of this run are of other weights, and the page has none",)
    ranked = sorted(enumerate(found.directions, 1), key=lambda one: one[1].name is None)
    made = [
        {
            "name": one.called or f"Direction {number}",
            "space": found.space,
            "vector": np.round(one.vector.double().numpy(), 5).tolist(),
        }
        for number, one in ranked[:MOST_DIRECTIONS]
    ]
    return made, ()


def _add_runtime(
    generator: Generator, contents: dict[str, str], *, half: bool, runtime: str | None
) -> dict[str, Any]:
    """Add the runtime and the generator as ONNX to the page, and say what else the page must know."""
    ONNX.check_extra()
    script, binary = runtime_files(runtime)
    made = portable(generator, movable=True)
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder) / "model.onnx"
        save_onnx(generator, made, model, {}, half=False)
        if half:
            store_in_half(model)
        packed = {"runtime-script": script, "runtime-binary": binary, "model": model.read_bytes()}
    contents |= {name: _text(gzip.compress(content, 9, mtime=0)) for name, content in packed.items()}
    return {"inputs": list(made.inputs), "styles": made.style_size}


def runtime_files(given: str | None) -> tuple[bytes, bytes]:
    """The script and the WebAssembly of ONNX Runtime Web, from the package that npm has of it.

    Raises:
        PoiseError: The package is not there, or is not the one that is known.
    """
    path = default_cache() / ARCHIVE if given is None else Path(given).expanduser()
    if not path.is_file():
        what = f"ONNX Runtime Web is not in '{path}'"
        why = "a page for this network contains it, and Poise downloads nothing by itself"
        hint = f"download {ADDRESS} into '{path.parent}', or name it: --set runtime={ARCHIVE}"
        raise PoiseError(what, code="export.no-runtime", why=why, hint=hint)
    if hashlib.sha512(path.read_bytes()).hexdigest() != SHA512:
        what = f"'{path}' is not the package onnxruntime-web {RUNTIME}"
        raise PoiseError(
            what, code="export.other-runtime", why="its hash differs", hint=f"get it from {ADDRESS}"
        )
    with tarfile.open(path) as archive:
        found = [archive.extractfile(name) for name in (SCRIPT, BINARY)]
        script, binary = (b"" if file is None else file.read() for file in found)
    return script, binary


def _write(
    subject: Subject, path: Path, about: dict[str, Any], contents: dict[str, str], scripts: tuple[str, ...]
) -> None:
    """Fill in the page."""
    generator = subject.generator
    _, height, width = generator.shape
    data = generator.description.get("data")
    source = f" that was trained on '{data}'" if data else ""
    lead = f"Every picture here is made by a generator{source}; none is a photograph or a drawing."
    template = Environment(autoescape=True).from_string((PAGE / "page.html").read_text(encoding="utf-8"))
    from_files = {"style": (PAGE / "page.css").read_text(encoding="utf-8")}
    from_files["script"] = "\n".join((PAGE / name).read_text(encoding="utf-8") for name in scripts)
    from_files["about"] = json.dumps(about).replace("<", "\\u003c")
    from markupsafe import Markup  # noqa: PLC0415 - comes with jinja2

    safe = {name: Markup(text) for name, text in from_files.items()}
    text = template.render(
        name=subject.name, lead=lead, height=height, width=width, contents=contents, **safe
    )
    path.write_text(text, encoding="utf-8")


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


HTML = ExportTarget(
    name="html",
    write=write_html,
    summary="One file that draws samples in a browser without a network.",
    suffix=".html",
)
