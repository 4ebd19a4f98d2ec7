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
    "domains": "Held-out images, four columns each: line art, residual generators, U-Nets, the "
    "hidden target.",
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
        *([mixture_line(facts["mixture"])] if "mixture" in facts else []),
    ]


def mixture_line(facts: JSON) -> str:
    """What both outputs together come to."""
    alone, game, mixed = facts["alone"], facts["game"], facts["mixed"]
    return (
        f"- Both networks' outputs mixed, {facts['share']:.1%} of the U-Net alone and the rest pix2pix (the "
        "least share in eighths whose L1 is below the best constant's on every other held-out image), on the "
        f"{facts['images']} other images: L1 {mixed['l1']:.4f} beside {facts['constant']:.4f} of the best "
        f"constant, {game['l1']:.4f} of pix2pix and {alone['l1']:.4f} of the U-Net alone; Fréchet distance "
        f"{mixed['frechet']:.3f} beside {game['frechet']:.3f} of pix2pix and {alone['frechet']:.3f} of the "
        "U-Net alone."
    )


def domains_lines(facts: JSON) -> list[str]:
    """The table of translations, and what was to be reached by each."""
    same = facts["identity"]
    table = [
        "| translation | images seen | paired L1 (95 %) | Fréchet | colour to line, L1 "
        "| error after the way there and back | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    found = []
    for name, row in {"identity": same, **facts["networks"]}.items():
        cost = f"{row['seconds']:.0f}" if "seconds" in row else ""
        seen = f"{row['images_seen']:,}" if "images_seen" in row else ""
        table.append(
            f"| {name} | {seen} | {error_of(row)} | {row['frechet']:.3f} | {row['lines']:.4f} "
            f"| {row['cycle']:.4f} | {cost} |"
        )
        if row is not same:
            lines, drawn = row["l1"] < same["l1"], row["lines"] < same["lines"]
            found.append(
                f"- {name}: paired L1 below the identity's, line to colour: {verdict(lines)}, "
                f"{_against(row['l1'], same['l1'])}; colour to line: {verdict(drawn)}, "
                f"{_against(row['lines'], same['lines'])}. Fréchet distance at most half the identity's: "
                f"{verdict(row['frechet'] <= same['frechet'] / 2)}, {row['frechet'] / same['frechet']:.2f} "
                "times it."
            )
    return [
        *table,
        "",
        *found,
        "- As many targets of other drawings, of training, have a Fréchet distance of "
        f"{facts['floor']:.3f}; colourings of the same drawings can be nearer.",
    ]


def throughput_lines(facts: JSON) -> list[str]:
    """The table of rates."""
    columns = ["contiguous", "channels last", "channels last, torch's norm"]
    columns += ["contiguous, guarded", "channels last, guarded"]
    lines = [
        "| step | poise, images a second | "
        + " | ".join(f"plain, {name}" for name in columns)
        + " | ratio to the fastest (95 %) | to the faster with torch's norm | to the faster guarded |",
        "|---" * (len(columns) + 5) + "|",
    ]
    for name, found in facts["steps"].items():
        rates = " | ".join(f"{found[column]:.0f}" if column in found else "" for column in columns)
        ratios = " | ".join(
            f"{middle:.2f} ({low:.2f} to {high:.2f})"
            for middle, low, high in (found[key] for key in ("ratio", "ratio_to_torchs", "ratio_to_guarded"))
        )
        lines.append(f"| {name} | {found['poise']:.0f} | {rates} | {ratios} |")
    return [
        *lines,
        "",
        "The plain loops use fakes for both moves, score reals and fakes in one pass where nothing ties the "
        "samples, and hold all images in memory as the networks see them. None keeps a history, and neither "
        "side averages weights. Those called guarded refuse a gradient whose norm is not finite before it "
        "reaches a weight, as Poise does at every move; the others take no such care. The loops of "
        "`cyclegan` are given Poise's instance norm (on a contiguous layout it is torch's), but for one that "
        "has torch's layer.",
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
