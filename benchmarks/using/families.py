"""A short run of every family of generators on digits at 16x16, for benchmarks of what people do with them.

    python -m benchmarks.using.families FOLDER [NAME ...] [--budget 60s]

Each run goes to `FOLDER/NAME`; one that is there already is left as it is. The networks are small, so that a
minute of one thread makes digits of most of them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from poise.cli import main as poise

ALIKE = ("mlp", "dcgan", "infogan", "resnet", "srresnet")  # Trained by the default recipe
FAMILIES: dict[str, list[str]] = {
    "mlp": [],
    "dcgan": ["--set", "generator.width=32", "--set", "discriminator.width=32"],
    "infogan": ["--set", "generator.width=16", "--set", "generator.hidden_size=256"],
    "resnet": ["--set", "generator.width=32", "--set", "discriminator.width=32"],
    "srresnet": [
        *("--set", "generator.width=16", "--set", "generator.blocks=4"),
        *("--set", "discriminator.width=16", "--set", "discriminator.blocks=1"),
    ],
    "stylegan2": [
        *("--recipe", "stylegan2", "--set", "latent.size=64"),
        *("--set", "generator.channel_base=512", "--set", "discriminator.channel_base=512"),
        *("--set", "generator.style_size=64", "--set", "generator.mapping_layers=4"),
    ],
    "r3gan": [
        *("--recipe", "r3gan", "--batch-size", "64"),
        *("--set", "generator.width=32", "--set", "discriminator.width=32"),
        *("--set", "generator.blocks=1", "--set", "discriminator.blocks=1"),
    ],
    "fastgan": [
        *("--recipe", "fastgan", "--set", "latent.size=64", "--batch-size", "32"),
        *("--set", "generator.width=2", "--set", "discriminator.width=8"),
    ],
    "progressive": [
        *("--recipe", "progressive-growing", "--set", "latent.size=64"),
        *("--set", "generator.channel_base=512", "--set", "discriminator.channel_base=512"),
    ],
}


def train(folder: Path, name: str, *, budget: str) -> Path:
    """The run of a family, trained if it is not there."""
    run = folder / name
    if not (run / "generator").is_dir():
        network = ["--set", f"generator={name}", "--set", f"discriminator={name}"] if name in ALIKE else []
        words = ["train", "digits", "--resolution", "16", "--out", str(run), "--budget", budget]
        poise([*words, "--doctor", "off", *network, *FAMILIES[name]])
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=list(FAMILIES))
    parser.add_argument("--budget", default="60s")
    chosen = parser.parse_args()
    for name in chosen.names:
        train(chosen.folder, name, budget=chosen.budget)


if __name__ == "__main__":
    main()
