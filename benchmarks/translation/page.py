"""What was found, in words: the page is written anew from all parts that were ever measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.translation.quality import ALONE, best_constant

JSON = Mapping[str, Any]

INTRODUCTION = """\
Written by `python -m benchmarks.translation DATA --page docs/benchmarks/translation.md`; the first lines
of `benchmarks/translation/__init__.py` say what is measured and how. All figures are of held-out images. L1
is the mean absolute difference, where black and white are 2 apart."""

ATTRIBUTION = """\
All emojis designed by [OpenMoji](https://openmoji.org), the open-source emoji and icon project, in line and
colour; scaled, and coloured by the networks. License: CC BY-SA 4.0, as of the pictures of this page."""

TITLES = {
    "pairs": "From pairs: line art to colour",
    "domains": "Without pairs: line art and colour",
    "throughput": "Throughput",
}
COLUMNS = {
    "pairs": "Held-out pairs, four columns each: line art, the U-Net with L1 alone, pix2pix, the target.",
    "domains": "Held-out images, four columns each: line art, cyclegan, translated back, hidden target.",
}


def page(results: JSON, pictures: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        results: By part and, but for the throughput, by seed.
        pictures: The names of the pictures that lie beside it, by part.
    """
    lines = ["# Images from images", "", INTRODUCTION, ""]
    for part, write in (("pairs", pairs_lines), ("domains", domains_lines)):
        found = results.get(part, {})
        if not found:
            continue
        lines += [f"## {TITLES[part]}", ""]
        for seed in sorted(found, key=int):
            facts = found[seed]
            lines += [f"Seed {seed}, {facts['machine']}.", "", *write(facts), ""]
        if part in pictures:
            lines += [f"![{COLUMNS[part]}]({pictures[part]})", "", COLUMNS[part], ""]
    if "throughput" in results:
        facts = results["throughput"]
        lines += [f"## {TITLES['throughput']}", "", f"{facts['machine']}.", "", *throughput_lines(facts), ""]
    return "\n".join([*lines, ATTRIBUTION, ""])


def pairs_lines(facts: JSON) -> list[str]:
    """The table of colourings, and what was to be reached."""
    best = best_constant(facts)
    table = [
        "| colouring | L1 (95 %) | below the best constant | L1, new outlines | PSNR | SSIM | Fréchet "
        "| seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, row in {**facts["constant"], **facts["bounds"], **facts["networks"]}.items():
        seconds = f"{row['seconds']:.0f}" if "seconds" in row else ""
        table.append(
            f"| {name} | {error_of(row)} | {1 - row['l1'] / best:.1%} | {row['l1_new']:.4f} "
            f"| {row['psnr']:.2f} | {row['ssim']:.3f} | {row['frechet']:.3f} | {seconds} |"
        )
    ours, alone = facts["networks"]["pix2pix"], facts["networks"][ALONE]
    mean = facts["constant"]["enclosed areas in the mean colour"]["l1"]
    below, nearer = 1 - ours["l1"] / best, ours["frechet"] / alone["frechet"]
    return [
        *table,
        "",
        f"- L1 at least 25 % below the best constant colouring: {verdict(below >= 0.25)}; "
        f"{_against(ours['l1'], best)}; {_against(ours['l1'], mean, 'enclosed areas in the mean colour')}.",
        f"- Fréchet distance below that of the U-Net with L1 alone: {verdict(nearer < 1)}; "
        f"{nearer:.2f} times it.",
        f"- {facts['training']:,} training pairs, {facts['held_out']} held out, "
        f"{ours['images_seen']:,} pairs seen. As many targets of other drawings, of training, have a Fréchet "
        f"distance of {facts['floor']:.3f}; colourings of the same drawings can be nearer.",
        f"- {facts['known']} held-out line arts are, pixel for pixel, among those trained on (blank "
        "flags, for the most part): nothing in them says which colour is meant. 'New outlines': the others.",
    ]


def domains_lines(facts: JSON) -> list[str]:
    """The table of translations, and what was to be reached."""
    same, ours = facts["identity"], facts["cyclegan"]
    return [
        "| translation | paired L1 (95 %) | Fréchet | colour to line, L1 "
        "| error after the way there and back | seconds |",
        "|---|---|---|---|---|---|",
        f"| identity | {error_of(same)} | {same['frechet']:.3f} | {facts['lines']['identity']:.4f} | 0 | |",
        f"| cyclegan | {error_of(ours)} | {ours['frechet']:.3f} | {facts['lines']['cyclegan']:.4f} "
        f"| {facts['cycle']:.4f} | {ours['seconds']:.0f} |",
        "",
        f"- Fréchet distance at most half the identity's: {verdict(ours['frechet'] <= same['frechet'] / 2)}; "
        f"{ours['frechet'] / same['frechet']:.2f} times it.",
        f"- Paired L1, line to colour, below the identity's: {verdict(ours['l1'] < same['l1'])}; "
        f"{_against(ours['l1'], same['l1'])}.",
        f"- Paired L1, colour to line, below the identity's: "
        f"{verdict(facts['lines']['cyclegan'] < facts['lines']['identity'])}; "
        f"{_against(facts['lines']['cyclegan'], facts['lines']['identity'])}.",
        f"- {ours['images_seen']:,} images of either domain seen. As many targets of other drawings, of "
        f"training, have a Fréchet distance of {facts['floor']:.3f}; colourings of the same drawings can be "
        "nearer.",
    ]


def throughput_lines(facts: JSON) -> list[str]:
    """The table of rates."""
    return [
        "| step | poise, images a second | plain, contiguous | plain, channels last | ratio to the faster |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {found['poise']:.0f} | {found['contiguous']:.0f} | {found['channels last']:.0f} "
            f"| {found['ratio']:.2f} |"
            for name, found in facts["steps"].items()
        ),
    ]


def _against(ours: float, theirs: float, what: str = "it") -> str:
    """How far one error lies below or above another."""
    share = ours / theirs - 1
    return f"{abs(share):.1%} {'above' if share > 0 else 'below'} {what}"


def error_of(row: JSON) -> str:
    """The L1 with its interval."""
    return f"{row['l1']:.4f} ({row['low']:.4f} to {row['high']:.4f})"


def verdict(reached: bool) -> str:
    """In words."""
    return "reached" if reached else "not reached"
