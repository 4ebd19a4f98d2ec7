"""Whether the doctor sees augmentations that leak into samples, and only those: planted faults and controls.

    python -m benchmarks.leaks record [--seeds 0 1] [--steps 600] [--out runs/leaks]
    python -m benchmarks.leaks page [--out runs/leaks]     # writes the rates into docs/failures/README.md
    python -m benchmarks.leaks picture [--out runs/leaks]  # draws that of docs/failures/augmentation-leaks.md

A small DCGAN as in tutorials is trained on photographs of hands at 16 x 16 beside the monitor, which is given
the photographs as they are. Faults: reals alone are augmented; or both are, but always, so that nothing tells
which way up, or of which colour, the data are. Controls: no augmentation; both augmented often, and every
second time not at all; and moves and colours of DiffAugment.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from benchmarks import failure_pages as pages
from benchmarks import recorded
from benchmarks.strangers.data import data_of
from benchmarks.strangers.loops.dcgan_tutorial import networks, weights_init
from poise import Monitor
from poise.augment import AugmentContext
from poise.augment.adaptive import adaptively_augmented
from poise.augment.diffaugment import diffaugment
from poise.diagnosis import Measurement

NAME = "augmentation-leaks"
BATCH, LATENT = 32, 32
RED, GREY = "#c2410c", "#9ca3af"

Augment = Callable[[Tensor, torch.Generator], Tensor]


def _ada(probability: float, **strengths: float) -> Augment:
    """ADA's pipeline with a fixed probability and some of its groups."""
    groups = {"blit": 0.0, "geometry": 0.0, "colour": 0.0, **strengths}

    def augment(images: Tensor, stream: torch.Generator) -> Tensor:
        context = AugmentContext(stream, step=0, images_seen=0, run_images=0, state={})
        return adaptively_augmented(images, context, probability=probability, **groups)

    return augment


def _diffaugment(*, colour: bool, translation: float, cutout: float) -> Augment:
    def augment(images: Tensor, stream: torch.Generator) -> Tensor:
        context = AugmentContext(stream, step=0, images_seen=0, run_images=0, state={})
        return diffaugment(images, context, colour=colour, translation=translation, cutout=cutout)

    return augment


class Kind(NamedTuple):
    """What a loop does to images before the discriminator."""

    augment: Augment | None = None
    fakes: bool = True  # Whether fakes are augmented as reals are
    leaks: bool = True  # Whether that leaks


KINDS = {
    "turned reals": Kind(_ada(1.0, blit=1.0, geometry=1.0), fakes=False),
    "recoloured reals": Kind(_ada(1.0, colour=1.0), fakes=False),
    "cut reals": Kind(_diffaugment(colour=False, translation=0.0, cutout=0.5), fakes=False),
    "moved reals": Kind(_diffaugment(colour=False, translation=0.125, cutout=0.0), fakes=False),
    "always turned": Kind(_ada(1.0, blit=1.0, geometry=1.0)),
    "always recoloured": Kind(_ada(1.0, colour=1.0)),
    "nothing": Kind(leaks=False),
    "ADA at 0.3": Kind(_ada(0.3, blit=1.0, geometry=1.0, colour=1.0), leaks=False),
    "ADA at 0.5": Kind(_ada(0.5, blit=1.0, geometry=1.0, colour=1.0), leaks=False),
    "DiffAugment": Kind(_diffaugment(colour=True, translation=0.125, cutout=0.0), leaks=False),
}
"""The faults, then the controls."""


def trained(kind: Kind, seed: int, steps: int) -> tuple[list[Measurement], Tensor]:
    """What the doctor measured in a loop, and samples of its end."""
    torch.manual_seed(seed)
    data = data_of("hands-16")
    rows, stream = data.train, torch.Generator().manual_seed(seed)
    generator, discriminator = networks(rows.shape[-1], rows.shape[1], LATENT, 24)
    for network in (generator, discriminator):
        network.apply(weights_init)
    discriminator = nn.Sequential(*list(discriminator)[:-1], nn.Flatten(0))
    optimisers = [
        torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.5, 0.99))
        for network in (discriminator, generator)
    ]
    monitor = Monitor(rows, data.held_out, steps=steps, most_share=1.0, every=max(1, steps // 24))

    def seen(images: Tensor, *, real: bool) -> Tensor:
        used = kind.augment is not None and (real or kind.fakes)
        scores: Tensor = discriminator(kind.augment(images, stream) if used and kind.augment else images)
        return scores

    for step in range(steps):
        real = rows[torch.randint(0, len(rows), (BATCH,))]
        latent = torch.randn(BATCH, LATENT, 1, 1)
        fake = generator(latent)
        real_scores, fake_scores = seen(real, real=True), seen(fake.detach(), real=False)
        loss = nn.functional.softplus(-real_scores).mean() + nn.functional.softplus(fake_scores).mean()
        optimisers[0].zero_grad()
        loss.backward()
        optimisers[0].step()
        own = nn.functional.softplus(-seen(fake, real=False)).mean()
        optimisers[1].zero_grad()
        own.backward()
        optimisers[1].step()
        monitor.observe(
            step, generator=generator, discriminator=discriminator, latent=latent, fake=fake,
            real_scores=real_scores, fake_scores=fake_scores, loss_generator=own, loss_discriminator=loss,
        )  # fmt: skip
    generator.eval()
    with torch.no_grad():
        return list(monitor.measurements), generator(torch.randn(36, LATENT, 1, 1))


def record(out: Path, seeds: list[int], steps: int, only: str) -> None:
    """Train every kind with every seed; what is recorded already is left."""
    kinds = [name for name in KINDS if only in name]
    recorded.record(out, kinds, seeds, steps, lambda name, seed: trained(KINDS[name], seed, steps))


def table(out: Path, finding: str) -> str:
    """The counts as Markdown, a row for each kind."""
    return recorded.table(out, finding, {name: kind.leaks for name, kind in KINDS.items()})


def picture(out: Path, finding: str) -> Path:
    """Samples of a loop that moves reals alone, beside those of one that does not; what was measured."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.4, 3.2), dpi=100, layout="constrained")
    axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.3))
    for place, (name, colour) in enumerate((("nothing", GREY), ("moved reals", RED))):
        found, samples = recorded.measured(recorded.file_of(out, name, 0))
        grid = torch.cat([torch.cat(list(row), 2) for row in samples.split(6)], 1)
        axes[place].imshow(((grid + 1) / 2).clamp(0, 1).permute(1, 2, 0).numpy(), interpolation="nearest")
        axes[place].set_title("Without augmentation" if not place else "Reals alone are moved", fontsize=10)
        axes[place].axis("off")
        points = [(one.step, one.leaks["translation"][0]) for one in found if "translation" in one.leaks]
        axes[2].plot(*zip(*points, strict=True), color=colour, linewidth=1.6)
    axes[2].set_title("Share of samples as if moved, with an empty edge", fontsize=9, loc="left")
    axes[2].set_xlabel("step", fontsize=8)
    axes[2].spines[["top", "right"]].set_visible(False)
    return pages.save_picture(figure, finding)


def main() -> None:
    """One of the stages."""
    what = "Augmentations that leak, and those that do not."
    pages.stages(what, (NAME,), record, table, picture, out=Path("runs/leaks"), steps=600)


if __name__ == "__main__":
    main()
