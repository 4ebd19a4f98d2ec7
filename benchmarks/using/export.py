"""Exported generators: parity of ONNX for every built-in family, pages in Chromium, and how fast a load is.

    python -m benchmarks.using.export [parity page load] [--runtime onnxruntime-web-1.30.0.tgz]

`parity` exports untrained generators at 32x32, of all families or those of `--families`, and runs. `page`
writes pages of 64x64 generators and opens them from disk in Chromium without a network; the time of a picture
is the median of twenty that the page itself measures, beside the fastest, which other work delays least.
`load` starts a new process each time.
"""

from __future__ import annotations

import argparse
import inspect
import json
import queue
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import torch

from poise.generator import Generator
from poise.generator.export import Subject, export
from poise.networks import GENERATORS
from poise.spec import DataSpec

TIMES = 20
IMAGES = [name for name, network in GENERATORS.items() if "image" in network.kinds]


def untrained(name: str, side: int, **more: Any) -> Generator:
    """A generator of a family with its own defaults, but for what `more` sets."""
    build = GENERATORS[name].build
    settings = {key: value for key, value in more.items() if key in inspect.signature(build).parameters}
    torch.manual_seed(0)
    shape = (3, side, side)
    module = build(DataSpec("image", shape), latent_size=64, **settings)
    with torch.no_grad():
        for _ in range(3):
            module(torch.randn(64, 64))
    description = {
        "game": {"name": "noise-to-data"},
        "kind": "image",
        "shape": list(shape),
        "latent": {"size": 64},
        "encoding": {"name": "pixels"},
        "condition": None,
        "network": {"name": name, **settings},
        "step": 0,
    }
    return Generator(module, description)


def parity(runs: list[Path], families: list[str]) -> None:
    """The largest difference of ONNX Runtime to Poise, for families and runs."""
    print("| generator | sides | MB | largest at 1 / 3 / 8 | float16: MB | largest | 8-bit levels |")
    print("|---|---|---|---|---|---|---|")
    subjects = [Subject(untrained(name, 32, width=32), name) for name in families]
    subjects += [Subject(Generator.load(run), f"the run {run.name}") for run in runs]
    with tempfile.TemporaryDirectory() as folder:
        for subject in subjects:
            whole = export(subject, "onnx", Path(folder) / "whole.onnx").facts
            half = export(subject, "onnx", Path(folder) / "half.onnx", half=True).facts
            largest = " / ".join(f"{one['largest']:.1e}" for one in whole["parity"])
            height, width = subject.generator.shape[1:]
            changed = max(one["changed"] for one in half["parity"])
            off = max(one["largest"] for one in half["parity"])
            sizes = f"{whole['bytes'] / 1e6:.1f}", f"{half['bytes'] / 1e6:.1f}"
            row = (
                f"{height}x{width} | {sizes[0]} | {largest} | {sizes[1]} | {off:.1e} | {100 * changed:.2f} %"
            )
            print(f"| {subject.name} | {row} |", flush=True)


def page(runs: list[Path], runtime: str | None) -> None:
    """Size, readiness, time of a picture and parity of pages."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        sys.exit("there is no Chromium on this machine")
    print("| generator | engine | MB | ready, s | a picture, ms | the fastest | largest difference, levels |")
    print("|---|---|---|---|---|---|---|")
    subjects = [(Subject(Generator.load(run), f"the run {run.name}"), "auto") for run in runs]
    if runtime is not None:
        subjects += [
            (Subject(untrained("dcgan", 64, width=64), "dcgan 64x64, width 64"), "onnxruntime"),
            (Subject(untrained("stylegan2", 64, width=64), "stylegan2 64x64, width 64"), "onnxruntime"),
        ]
    with tempfile.TemporaryDirectory() as folder:
        for subject, engine in subjects:
            path = Path(folder) / "page.html"
            settings = {"engine": engine, "runtime": runtime} if engine != "auto" else {}
            facts = export(subject, "html", path, **settings).facts
            data = opened(chromium, path, Path(folder) / "profile")
            same = json.loads(data["parity"])
            how = "plain JavaScript" if facts["engine"] == "plain" else "ONNX Runtime Web"
            ready, each, least = (float(data[name]) for name in ("ready", "each", "least"))
            times = f"{ready / 1000:.1f} | {each:.0f} | {least:.0f}"
            numbers = f"{facts['bytes'] / 1e6:.1f} | {times} | {same['largest']}"
            print(f"| {subject.name} | {how} | {numbers} |", flush=True)


def opened(chromium: str, path: Path, profile: Path) -> dict[str, str]:
    """What a page says of itself after it has made some pictures, told to a server of this process."""
    told: queue.Queue[dict[str, str]] = queue.Queue()

    class Heard(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Heard)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    script = TIMED.replace("PORT", str(server.server_port)).replace("TIMES", str(TIMES))
    page = path.read_text(encoding="utf-8").replace("\nstart();\n", f"\n{script}\nstart().then(timed);\n")
    path.write_text(page, encoding="utf-8")
    words = ["--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}"]
    offline = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", path.as_uri()]
    browser = subprocess.Popen([chromium, *words, *offline], stderr=subprocess.DEVNULL)
    try:
        return told.get(timeout=180)
    finally:
        browser.terminate()
        browser.wait()
        server.shutdown()


TIMED = """
async function timed() {
  const times = TIMES;
  const found = [];
  for (let index = 0; index < times; index++) {
    const inputs = inputsOf(index), started = performance.now();
    await run(inputs);
    found.push(performance.now() - started);
  }
  found.sort((a, b) => a - b);
  const each = String(found[times >> 1]), least = String(found[0]);
  const body = JSON.stringify({ ...document.body.dataset, each, least });
  fetch("http://127.0.0.1:PORT", { method: "POST", mode: "no-cors", body });
}
"""

LOADED = """
import sys, time
times = [time.process_time()]
import torch
times.append(time.process_time())
from poise.generator import Generator
times.append(time.process_time())
generator = Generator.load(sys.argv[1])
times.append(time.process_time())
generator.sample(1)
times.append(time.process_time())
heavy = [name for name in ("poise.training", "sklearn", "matplotlib", "torch._dynamo") if name in sys.modules]
print(*(after - before for before, after in zip(times, times[1:])), heavy)
"""


def load(runs: list[Path]) -> None:
    """Seconds of the processor until the first sample of a run, in a new process, and what that imports."""
    for run in runs:
        rows = []
        for _ in range(5):
            command = [sys.executable, "-c", LOADED, str(run)]
            done = subprocess.run(command, capture_output=True, text=True, check=True).stdout
            rows.append(done.split(maxsplit=4))
        parts = ("import torch", "import poise.generator", "load", "first sample")
        medians = [statistics.median(float(row[place]) for row in rows) for place in range(len(parts))]
        shown = ", ".join(f"{part} {value:.2f} s" for part, value in zip(parts, medians, strict=True))
        print(f"{run.name}: {shown}; heavy modules: {rows[0][4].strip()}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("parts", nargs="*", default=["parity", "page", "load"])
    parser.add_argument("--runs", nargs="*", type=Path, default=[], help="run folders")
    parser.add_argument("--families", nargs="*", default=IMAGES, help="names of generators")
    parser.add_argument("--runtime", help="the package of ONNX Runtime Web")
    asked = parser.parse_args()
    for part in asked.parts:
        if part == "parity":
            parity(asked.runs, asked.families)
        elif part == "page":
            page(asked.runs, asked.runtime)
        else:
            load(asked.runs)


if __name__ == "__main__":
    main()
