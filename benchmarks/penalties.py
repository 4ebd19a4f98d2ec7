"""What a gradient penalty costs, against the usual `autograd.grad` formulation, interleaved in one process.

    python -m benchmarks.penalties [--device cpu|cuda] [--rounds 15] [--no-compile]

The usual formulation: points that require a gradient, `torch.autograd.grad(scores.sum(), points,
create_graph=True)`, on the discriminator with torch's own leaky ReLU. Ours: the penalties of
`poise.regularisers` on the built-in discriminator, eager and under `torch.compile`; the usual one cannot be
compiled. One row is the penalty's forward and its backward to the discriminator's weights.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from poise.networks import DISCRIMINATORS, LeakyReLU
from poise.regularisers import dragan, r1, wgan_gp
from poise.spec import DataSpec
from poise.training.engine import channels_last

Step = Callable[[], Tensor]

PENALTIES = {"r1": r1, "wgan-gp": wgan_gp, "dragan": dragan}


def usual(name: str, discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """The penalty as it is written everywhere."""
    if name == "r1":
        points = real.detach().requires_grad_()
    elif name == "wgan-gp":
        share = torch.rand(len(real), 1, 1, 1, device=real.device)
        points = (share * real + (1 - share) * fake).requires_grad_()
    else:
        points = (real + 0.5 * real.std() * torch.rand_like(real)).requires_grad_()
    (gradient,) = torch.autograd.grad(discriminator(points).sum(), points, create_graph=True)
    squared = gradient.flatten(1).square().sum(1)
    return (squared / 2 if name == "r1" else (squared.add(1e-12).sqrt() - 1).square()).mean()


def candidates(
    name: str, discriminator: nn.Module, real: Tensor, fake: Tensor, *, compiled: bool
) -> dict[str, Step]:
    """The ways to compute one penalty, by name; each returns a scalar to differentiate."""
    torchs = nn.Sequential(
        *(nn.LeakyReLU(x.negative_slope) if isinstance(x, LeakyReLU) else x for x in discriminator.children())
    )
    generator = torch.Generator(real.device).manual_seed(0)
    penalty = PENALTIES[name]
    ways: dict[str, Step] = {
        "usual": lambda: usual(name, torchs, real, fake),
        "poise": lambda: penalty(discriminator, real, fake, generator=generator).mean(),
    }
    if compiled:
        parameters = dict(discriminator.named_parameters())
        # Compiled code draws from the global stream: generators are no inputs to it.
        penalty_of = torch.compile(
            lambda weights: penalty(
                lambda points: functional_call(discriminator, weights, (points,)),
                real,
                fake,
                generator=None,  # type: ignore[arg-type]  # see above
            ).mean()
        )
        ways["poise compiled"] = lambda: penalty_of(parameters)
    return ways


def measure(ways: dict[str, Step], discriminator: nn.Module, rounds: int) -> dict[str, list[float]]:
    """Seconds of each way, round by round, in turn."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    on_cuda = next(discriminator.parameters()).is_cuda
    for _ in range(rounds + 3):
        for name, way in ways.items():
            discriminator.zero_grad(set_to_none=True)
            if on_cuda:
                torch.cuda.synchronize()
            start = time.perf_counter()
            torch.autograd.backward(way())
            if on_cuda:
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - start)
    return {name: values[3:] for name, values in seconds.items()}


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Gradient penalties against the usual formulation.")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--width", type=int, default=64)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--no-compile", dest="compiled", action="store_false")
    arguments = parser.parse_args()
    device = torch.device(arguments.device)
    torch.manual_seed(0)
    discriminator = (
        DISCRIMINATORS["dcgan"].build(DataSpec("image", (1, 32, 32)), width=arguments.width).to(device)
    )
    discriminator = channels_last(discriminator)
    real, fake = (torch.randn(arguments.batch, 1, 32, 32, device=device) for _ in range(2))
    print(
        f"torch {torch.__version__}, {device}, {torch.get_num_threads()} threads, DCGAN 32x32x1, "
        f"width {arguments.width}, batch {arguments.batch}; medians, ratios round by round"
    )
    print("| penalty | way | ms | of the usual |")
    print("|---|---|---|---|")
    for name in ("r1", "wgan-gp", "dragan"):
        ways = candidates(name, discriminator, real, fake, compiled=arguments.compiled)
        seconds = measure(ways, discriminator, arguments.rounds)
        for way, values in seconds.items():
            ratio = statistics.median(
                mine / theirs for mine, theirs in zip(values, seconds["usual"], strict=True)
            )
            print(f"| {name} | {way} | {1e3 * statistics.median(values):.1f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
