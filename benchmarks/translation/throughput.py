"""Steps of both recipes beside careful loops on the same networks, in one process and in turn."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from benchmarks.throughput import Interleave
from benchmarks.translation.judging import images_of
from benchmarks.translation.quality import HELD_OUT, Sizes, recipe_for, residual
from poise.data import Dataset, Domains, Pairs, spec_of
from poise.networks.layers import InstanceNorm
from poise.recipes import Recipe
from poise.spec import sides_of
from poise.training import begin, pick_device, plan
from poise.training.components import build_networks, values_of

PLAYERS = ("generator", "discriminator")
LAYOUTS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}
TORCHS = "channels last, torch's norm"
GUARDED = {f"{name}, guarded": layout for name, layout in LAYOUTS.items()}
Move = Callable[[torch.optim.Optimizer, Tensor], None]
Found = dict[str, float | list[float]]


def gradients_of(optimiser: torch.optim.Optimizer, loss: Tensor) -> tuple[Tensor, ...]:
    """The gradients of a loss by this player's weights alone."""
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]
    return torch.autograd.grad(loss, weights, retain_graph=True)


def stepped(optimiser: torch.optim.Optimizer, gradients: Sequence[Tensor]) -> None:
    """One step along gradients."""
    weights = (weight for group in optimiser.param_groups for weight in group["params"])
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimiser.step()


def moved(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """One step down a loss."""
    stepped(optimiser, gradients_of(optimiser, loss))


def guarded(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """The same, where the whole gradient has a norm that is finite; no weight is ever spoiled."""
    gradients = gradients_of(optimiser, loss)
    if not torch.isfinite(nn.utils.get_total_norm(gradients)):
        raise FloatingPointError("a gradient is not finite")
    stepped(optimiser, gradients)


class PlainPairs:
    """The pix2pix step that everybody writes, with care: one forward of the generator for both moves."""

    def __init__(
        self, recipe: Recipe, source: Dataset, layout: torch.memory_format, move: Move = moved
    ) -> None:
        self.move = move
        components = plan_modules(recipe, source)
        self.generator, self.discriminator = (
            components[name].network.to(memory_format=layout) for name in PLAYERS
        )
        self.optimisers = adams(recipe, self.generator, self.discriminator)
        self.images = images_of(source)
        self.channels = source.condition.shape[0] if source.condition is not None else 3
        self.batch, self.layout = recipe.batch_size, layout
        self.farthest = round(recipe.jitter.shift * min(sides_of(recipe.resolution or 0)))

    def step(self) -> None:
        """One update of both players."""
        rows = torch.randint(len(self.images[0]), (self.batch,))
        line, colour = (
            images.contiguous(memory_format=self.layout)
            for images in augmented(self.farthest, *(images[rows] for images in self.images))
        )
        line = line[:, : self.channels]
        fake = self.generator(line)
        real_scores, fake_scores = (
            self.discriminator(torch.cat([shown, line], 1)) for shown in (colour, fake.detach())
        )
        loss = binary_cross_entropy_with_logits(real_scores, torch.ones_like(real_scores))
        loss = loss + binary_cross_entropy_with_logits(fake_scores, torch.zeros_like(fake_scores))
        self.move(self.optimisers["discriminator"], loss)
        scores = self.discriminator(torch.cat([fake, line], 1))
        loss = binary_cross_entropy_with_logits(scores, torch.ones_like(scores))
        self.move(self.optimisers["generator"], loss + 100 * (fake - colour).abs().mean())


class PlainDomains:
    """The CycleGAN step that everybody writes, with care, and a pool of 50."""

    def __init__(
        self,
        recipe: Recipe,
        source: Dataset,
        layout: torch.memory_format,
        move: Move = moved,
        *,
        torchs_norm: bool = False,
    ) -> None:
        self.move = move
        modules = plan_modules(recipe, source)
        if torchs_norm:
            modules = {name: with_torchs_norm(module) for name, module in modules.items()}
        both, scoring = (modules[name].to(memory_format=layout) for name in PLAYERS)
        self.a_to_b, self.b_to_a = both.a_to_b, both.b_to_a
        self.of_a, self.of_b = scoring.of_a, scoring.of_b
        self.optimisers = adams(recipe, both, scoring)
        self.images = images_of(source)
        self.batch, self.layout = recipe.batch_size, layout
        self.farthest = round(recipe.jitter.shift * min(sides_of(recipe.resolution or 0)))
        self.identity = recipe.game.options["identity"]
        self.pools: dict[str, list[Tensor]] = {"a": [], "b": []}

    def step(self) -> None:
        """One update of both players."""
        a, b = (
            augmented(self.farthest, images[torch.randint(len(images), (self.batch,))])[0].contiguous(
                memory_format=self.layout
            )
            for images in self.images
        )
        fake_b, fake_a = self.a_to_b(a), self.b_to_a(b)
        loss = torch.zeros(())
        for name, network, real, fake in (("a", self.of_a, a, fake_a), ("b", self.of_b, b, fake_b)):
            shown = self.pooled(name, fake.detach())
            # Instance norm is within samples, so one pass scores both.
            scores = network(torch.cat([real, shown])).chunk(2)
            loss = loss + (mse_loss(scores[0], torch.ones_like(scores[0])) + scores[1].square().mean()) / 2
        self.move(self.optimisers["discriminator"], loss)
        for network, fake in ((self.of_a, fake_a), (self.of_b, fake_b)):
            scores = network(fake)
            loss = mse_loss(scores, torch.ones_like(scores)) / 2 + (0 if fake is fake_a else loss)
        loss = loss + 10 * ((self.b_to_a(fake_b) - a).abs().mean() + (self.a_to_b(fake_a) - b).abs().mean())
        if self.identity:
            same = (self.a_to_b(b) - b).abs().mean() + (self.b_to_a(a) - a).abs().mean()
            loss = loss + 10 * self.identity * same
        self.move(self.optimisers["generator"], loss)

    def pooled(self, name: str, fresh: Tensor) -> Tensor:
        """Each image, or one made earlier whose place it takes."""
        pool, shown = self.pools[name], []
        for image in fresh:
            if len(pool) < 50:
                pool.append(image)
                shown.append(image)
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(50, ()))
                shown.append(pool[place])
                pool[place] = image
            else:
                shown.append(image)
        return torch.stack(shown).contiguous(memory_format=self.layout)


def plan_modules(recipe: Recipe, source: Dataset) -> Mapping[str, Any]:
    """Networks of the resolved recipe, apart from those that Poise trains."""
    return build_networks(recipe, spec_of(source), {})


def with_torchs_norm(module: nn.Module) -> nn.Module:
    """The module with torch's own layer, a group for each channel, where it holds Poise's instance norm."""
    for parent in list(module.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, InstanceNorm):
                setattr(parent, name, nn.GroupNorm(layer.channels, layer.channels, affine=False))
    return module


def adams(recipe: Recipe, *modules: nn.Module) -> dict[str, torch.optim.Optimizer]:
    """Fused Adam for both players at the recipe's rates."""
    settings = (recipe.optimisers.generator, recipe.optimisers.discriminator)
    return {
        name: torch.optim.Adam(module.parameters(), lr=rate, betas=(beta1, beta2), fused=True)
        for name, module, one in zip(PLAYERS, modules, settings, strict=True)
        for rate, beta1, beta2 in [values_of(one, 1.0, 0, 1)]
    }


def augmented(farthest: int, *sides: Tensor) -> list[Tensor]:
    """Half of the images mirrored and all moved, both of a pair alike, the edge repeated."""
    count, height, width = len(sides[0]), *sides[0].shape[-2:]
    flip = torch.rand(count, 1, 1, 1) < 0.5
    down, right = torch.randint(-farthest, farthest + 1, (2, count, 1))
    rows = (torch.arange(height) - down).clamp(0, height - 1)[:, :, None]
    columns = (torch.arange(width) - right).clamp(0, width - 1)[:, None, :]
    which = torch.arange(count)[:, None, None]
    mirrored = [torch.where(flip, images.flip(-1), images) for images in sides]
    return [images.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2) for images in mirrored]


def throughput(name: str, data: Any, sizes: Sizes) -> Found:
    """Images a second of Poise and of plain loops, and the ratio to the fastest, with its interval."""
    networks = residual(sizes) if name == "cyclegan" else {}
    # The plain loops take no average, so Poise takes none here.
    recipe = recipe_for(name, sizes, 0, **networks | {"steps": 25_000, "ema.half_life": 0})
    planned = plan(data, recipe, pick_device("cpu"))
    plain = PlainPairs if name == "pix2pix" else PlainDomains
    peers: dict[str, Callable[[], None]] = {
        key: plain(planned.recipe, planned.dataset, layout).step for key, layout in LAYOUTS.items()
    } | {key: plain(planned.recipe, planned.dataset, layout, guarded).step for key, layout in GUARDED.items()}
    if name == "cyclegan":
        last = LAYOUTS["channels last"]
        peers[TORCHS] = PlainDomains(planned.recipe, planned.dataset, last, torchs_norm=True).step
    every = 5 if name == "pix2pix" else 3
    watch = Interleave(peers, every, sizes.rounds)
    with tempfile.TemporaryDirectory() as folder:
        begin(planned, Path(folder) / "run", callbacks=[watch], notify=print)
    seconds = {peer: values[1:] for peer, values in watch.seconds.items()}
    rates = {peer: every * recipe.batch_size / statistics.median(values) for peer, values in seconds.items()}
    # On a contiguous layout Poise's norm is torch's.
    own = ("contiguous", TORCHS if TORCHS in peers else "channels last")
    return {
        **rates,
        "ratio": ratio_to_the_faster(seconds, tuple(peers)),
        "ratio_to_guarded": ratio_to_the_faster(seconds, tuple(GUARDED)),
        "ratio_to_torchs": ratio_to_the_faster(seconds, own),
    }


def ratio_to_the_faster(seconds: Mapping[str, list[float]], peers: Sequence[str]) -> list[float]:
    """The median over rounds of the time of the faster of some loops over ours, and its 95 % interval."""
    best = min(peers, key=lambda peer: statistics.median(seconds[peer]))
    ratios = np.array(seconds[best]) / np.array(seconds["poise"])
    drawn = np.random.default_rng(0).choice(ratios, (2_000, len(ratios)))
    low, high = np.quantile(np.median(drawn, axis=1), (0.025, 0.975))
    return [float(np.median(ratios)), float(low), float(high)]


def throughput_part(root: Path, sizes: Sizes) -> dict[str, Found]:
    """Rates of both recipes beside plain loops, by the recipe's name."""
    return {
        name: throughput(name, kind(root / "line", root / "color", held_out=HELD_OUT), sizes)
        for name, kind in (("pix2pix", Pairs), ("cyclegan", Domains))
    }
