"""Whether the doctor finds sounds that are silent, clipped or whistle: planted faults and controls.

    python -m benchmarks.sound_faults record [--seeds 0 1] [--steps 150] [--out runs/sound-faults]
    python -m benchmarks.sound_faults page [--out runs/sound-faults]     # writes the rates into their pages
    python -m benchmarks.sound_faults picture [--out runs/sound-faults]  # draws those of their pages

A generator of cosines, which has no strides, and a critic of convolutions are trained beside the monitor on
spoken digits: 1,024 values at 4 kHz. Faults are planted in what the generator makes; tones and loudness where
the critic does not see them, since it would teach the generator to leave them out. Transposed convolutions in
its place whistle by themselves after so few steps. Controls: the same loop without a fault; recordings that
are themselves quiet, clipped, or have a hum at the frequency of a stride.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import failure_pages as pages
from benchmarks import recorded
from benchmarks.kinds.sounds import DATA, exported
from poise import Monitor
from poise.data import open_data
from poise.diagnosis import Measurement

NAMES = ("silence", "clipping", "whistling")
BATCH, LATENT, LENGTH, WIDTH, HELD_OUT = 16, 32, 1_024, 8, 150
RED, GREY = "#c2410c", "#9ca3af"
Change = Callable[[Tensor], Tensor]


def _hum(stride: int, height: float) -> Change:
    def added(waves: Tensor) -> Tensor:
        return waves + height * torch.cos(2 * torch.pi * torch.arange(waves.shape[-1]) / stride)

    return added


def _too_loud(waves: Tensor) -> Tensor:
    return (4 * waves).clamp(-1, 1)


def _gated(waves: Tensor) -> Tensor:
    """Every second sample of a batch lost: a gate that chance closes."""
    return waves * (torch.arange(len(waves)) % 2)[:, None, None]


class Kind(NamedTuple):
    """What is done to what the generator makes, or to recordings, and what is true of it."""

    fakes: Change | None = None
    reals: Change | None = None
    name: str = ""
    seen: bool = True  # Whether the critic sees what is done to what the generator makes
    strides: bool = False  # Whether the generator has transposed convolutions


KINDS = {
    "a last layer without gain": Kind(lambda waves: 0.01 * waves, name="silence"),
    "half of the samples lost": Kind(_gated, name="silence"),
    "samples written four times as loud": Kind(_too_loud, name="clipping", seen=False),
    "a tone every 4 values": Kind(_hum(4, 0.05), name="whistling", seen=False),
    "a tone every 16 values": Kind(_hum(16, 0.08), name="whistling", seen=False),
    "a tone every 2 values": Kind(_hum(2, 0.04), name="whistling", seen=False),
    "transposed convolutions": Kind(name="whistling", strides=True),
    "nothing": Kind(),
    "quiet recordings": Kind(reals=lambda waves: 0.1 * waves),
    "clipped recordings": Kind(reals=lambda waves: (3 * waves).clamp(-1, 1)),
    "recordings with a hum": Kind(reals=lambda waves: _hum(16, 0.1)(waves).clamp(-1, 1)),
}
"""The faults, then the controls."""


class Cosines(nn.Module):
    """Waves as sums of cosines of all frequencies, of which networks make the heights."""

    basis: Tensor

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        numbers, times = torch.arange(1, LENGTH), torch.arange(LENGTH) + 0.5
        basis = torch.cos(torch.pi * numbers[:, None] * times / LENGTH) / numbers[:, None].sqrt()
        self.register_buffer("basis", basis)
        layers = [nn.Linear(LATENT, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU()]
        self.heights = nn.Sequential(*layers, nn.Linear(width, len(numbers)))

    def forward(self, latent: Tensor) -> Tensor:
        made: Tensor = torch.tanh(self.heights(latent) @ self.basis)
        return made[:, None]


def networks(*, strides: bool, width: int = WIDTH) -> tuple[nn.Module, nn.Module]:
    """A generator and a critic of waves of 1,024 values, with strides of 4 and kernels of 24 and 25."""
    generator = (
        Cosines()
        if not strides
        else nn.Sequential(
            nn.Linear(LATENT, 8 * width * 16),
            nn.Unflatten(1, (8 * width, 16)),
            nn.ReLU(),
            nn.ConvTranspose1d(8 * width, 4 * width, 24, 4, 10),
            nn.ReLU(),
            nn.ConvTranspose1d(4 * width, 2 * width, 24, 4, 10),
            nn.ReLU(),
            nn.ConvTranspose1d(2 * width, 1, 24, 4, 10),
            nn.Tanh(),
        )
    )
    critic = nn.Sequential(
        nn.Conv1d(1, 2 * width, 25, 4, 11),
        nn.LeakyReLU(0.2),
        nn.Conv1d(2 * width, 4 * width, 25, 4, 11),
        nn.LeakyReLU(0.2),
        nn.Conv1d(4 * width, 8 * width, 25, 4, 11),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(8 * width * 16, 1),
        nn.Flatten(0),
    )
    return generator, critic


def recordings(out: Path) -> Tensor:
    """Spoken digits `(N, 1, 1_024)`, the loudest half second of each at 4 kHz."""
    dataset = open_data(str(exported(DATA, out) / "train"), encoding="waveform,2048", cache=out / "cache")
    waves = dataset.gather(np.arange(len(dataset)))
    halved: Tensor = nn.functional.avg_pool1d(waves, 2)
    return 0.9 * halved / halved.abs().amax((1, 2), keepdim=True).clamp(min=1e-6)


def trained(kind: Kind, seed: int, steps: int, data: Tensor) -> tuple[list[Measurement], Tensor]:
    """What the doctor measured in a loop, and samples of its end."""
    torch.manual_seed(seed)
    data = data[torch.randperm(len(data))]
    reals = data if kind.reals is None else kind.reals(data)
    rows, held_out = reals[HELD_OUT:], reals[:HELD_OUT]
    inner, critic = networks(strides=kind.strides)

    class Changed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, latent: Tensor) -> Tensor:
            made: Tensor = self.inner(latent)
            return made if kind.fakes is None else kind.fakes(made)

    generator = Changed()
    optimisers = [
        torch.optim.Adam(network.parameters(), lr=4e-4, betas=(0.5, 0.9)) for network in (critic, generator)
    ]
    monitor = Monitor(rows, held_out, steps=steps, most_share=1.0, every=max(1, steps // 24))
    for step in range(steps):
        real = rows[torch.randint(0, len(rows), (BATCH,))].requires_grad_()
        latent = torch.randn(BATCH, LATENT)
        fake = generator(latent) if kind.seen else inner(latent)
        real_scores, fake_scores = critic(real), critic(fake.detach())
        loss = nn.functional.softplus(-real_scores).mean() + nn.functional.softplus(fake_scores).mean()
        (slope,) = torch.autograd.grad(real_scores.sum(), real, create_graph=True)
        optimisers[0].zero_grad()
        (loss + 0.5 * slope.square().sum((1, 2)).mean()).backward()
        optimisers[0].step()
        own = nn.functional.softplus(-critic(fake)).mean()
        optimisers[1].zero_grad()
        own.backward()
        optimisers[1].step()
        monitor.observe(
            step, generator=generator, discriminator=critic, latent=latent,
            fake=fake if kind.seen else generator(latent).detach(),
            real_scores=real_scores, fake_scores=fake_scores, loss_generator=own, loss_discriminator=loss,
        )  # fmt: skip
    with torch.no_grad():
        return list(monitor.measurements), generator(torch.randn(64, LATENT))


def record(out: Path, seeds: list[int], steps: int, only: str) -> None:
    """Train every kind with every seed; what is recorded already is left."""
    out.mkdir(parents=True, exist_ok=True)
    data, kinds = recordings(out), [name for name in KINDS if only in name]
    recorded.record(out, kinds, seeds, steps, lambda name, seed: trained(KINDS[name], seed, steps, data))


def table(out: Path, finding: str) -> str:
    """The counts of one finding as Markdown, a row for each kind."""
    return recorded.table(out, finding, {name: kind.name == finding for name, kind in KINDS.items()})


SHOWN = {"silence": "half of the samples lost", "clipping": "samples written four times as loud",
         "whistling": "a tone every 4 values"}  # fmt: skip


def picture(out: Path, finding: str) -> Path:
    """Waves, or the mean spectrum, of a loop with the fault and of one without; what was measured of both."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.4, 3.0), dpi=100, layout="constrained")
    axes = figure.subplots(1, 2)
    quantity = {"silence": "silent", "clipping": "clipped", "whistling": "every 4"}[finding]
    for name, colour in ((SHOWN[finding], RED), ("nothing", GREY)):
        found, waves = recorded.measured(recorded.file_of(out, name, 0))
        samples = waves[:, 0]
        if finding == "whistling":
            power = torch.fft.rfft(samples).abs().square().mean(0)
            axes[0].semilogy(np.arange(len(power)) / LENGTH, power, color=colour, linewidth=1.0)
        else:
            rows = samples[:6] + torch.arange(6)[:, None] * 2.2 + (0 if colour == GREY else 14)
            axes[0].plot(rows.T, color=colour, linewidth=0.5)
        points = [(one.step, one.waves[quantity][0]) for one in found if quantity in one.waves]
        axes[1].plot(*zip(*points, strict=True), color=colour, linewidth=1.6)
    titles = {
        "silence": ("Six samples of each", "Share of silent samples"),
        "clipping": ("Six samples of each", "Share of clipped values"),
        "whistling": ("Mean power, by cycles a value", "Power of the tone over that around it"),
    }[finding]
    for place, title in zip(axes, titles, strict=True):
        place.set_title(title, fontsize=9, loc="left")
        place.spines[["top", "right"]].set_visible(False)
    if finding == "whistling":
        axes[1].set_yscale("log")
    else:
        axes[0].set_yticks([])
    axes[1].set_xlabel("step", fontsize=8)
    return pages.save_picture(figure, finding)


def main() -> None:
    """One of the stages."""
    what = "Sounds that are silent, clipped or whistle."
    pages.stages(what, NAMES, record, table, picture, out=Path("runs/sound-faults"), steps=150)


if __name__ == "__main__":
    main()
