"""Pictures that were found in a generator: how they are searched for and reported."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.generator.detail import SHARE, add_detail, detail_layer
from poise.generator.inversion import TOLERANCE, Found, Search, Starts, find
from poise.generator.likeness import FEATURE_WEIGHT, Likeness, likeness_of
from poise.generator.naming import weights_hash
from poise.generator.pictures import open_pictures
from poise.generator.recovery import Recovery, errors_of, recovery
from poise.generator.spaces import Space, SpaceName, space_of
from poise.metrics.arrays import fingerprint
from poise.metrics.translation_errors import peak_signal_to_noise
from poise.text import percent

if TYPE_CHECKING:
    from poise.generator.generator import Generator


@dataclass(frozen=True)
class Inversion:
    """Pictures and what is nearest to them in a generator, by row.

    Attributes:
        generator: The SHA-256 of the generator's weights.
        space: `"z"`: `points` are latents; `"w"`: styles; `"w+"`: a style for each layer.
        names: The pictures' files.
        keys: The SHA-256 of each target.
        points: `(N, values)`, or `(N, layers, values)`.
        condition: `(N, condition_size)`; `None` without conditions.
        targets: The pictures, `(N, C, H, W)` in [-1, 1].
        results: What the generator makes of the points, with the detail, alike.
        psnr: In decibels, `(N,)`.
        plain_psnr: That of the points without the detail, `(N,)`.
        ssim: The structural similarity, `(N,)`.
        features: The distance of the discriminator's features, `(N,)`; `None` without them.
        spread: The deviation in decibels among the starts, when the first of them were dropped, `(N,)`.
        recovery: How often the generator's own samples came back in the same way.
        search: The search's settings, as JSON.
        layer: The layer of the network to whose features the detail is added; empty without any.
        detail: What is added to them, `(N, channels, height, width)`; `None` without any.
        notices: What a person should know, as sentences.
    """

    generator: str
    space: SpaceName
    names: tuple[str, ...]
    keys: tuple[str, ...]
    points: Tensor
    condition: Tensor | None
    targets: Tensor
    results: Tensor
    psnr: Tensor
    plain_psnr: Tensor
    ssim: Tensor
    features: Tensor | None
    spread: Tensor
    recovery: Recovery | None
    search: dict[str, Any]
    layer: str = ""
    detail: Tensor | None = None
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def check(self, generator: Generator) -> None:
        """Refuse a generator with other weights.

        Raises:
            PoiseError: It has other weights than the one in which these were found.
        """
        found = weights_hash(generator.module)
        if found != self.generator:
            raise PoiseError(
                "These latents are of another generator",
                code="generator.latents-of-another",
                why=f"they were found in weights {self.generator[:12]}, and these are {found[:12]}",
                hint="find the pictures again: poise invert RUN PICTURES",
            )

    @property
    def verdict(self) -> str:
        """What the recovery rate says of pictures that were not found."""
        if self.recovery is None:
            return "The generator's own samples were not tried, so that a miss may be the search's."
        share = f"{percent(self.recovery.rate)} of the generator's own samples come back"
        if self.recovery.trusted:
            return f"{share}: what differs from its picture lies outside of what the generator makes."
        return f"Only {share}: a miss may be the search's; try more starts or steps."


OnStage = Callable[[str, float], None]
"""Called with what is being done, in words, and the share of it that is done."""
OnFound = Callable[[Inversion], None]
"""Called with all that is found so far, whenever some pictures are finished."""


def invert(
    generator: Generator,
    pictures: Any,
    *,
    space: str | None = None,
    label: str | None = None,
    tags: str | None = None,
    search: Search | None = None,
    feature_weight: float = FEATURE_WEIGHT,
    detail: float = SHARE,
    own_samples: int = 16,
    tolerance: float = TOLERANCE,
    cache: Path | None = None,
    earlier: Inversion | None = None,
    on_stage: OnStage | None = None,
    on_recovery: Callable[[Recovery], None] | None = None,
    on_found: OnFound | None = None,
) -> Inversion:
    """Find pictures in a generator.

    Args:
        generator: The generator; if it was loaded from a run, the discriminator of the run's newest
            checkpoint helps.
        pictures: A picture, a folder or zip, a `.npy` file, an array or a tensor of images.
        space: `"z"`, `"w"` or `"w+"`; by default styles if there are some, else latents.
        label: The class of all pictures; by default it is searched, too.
        tags: The tags of all pictures; by default they are searched, too.
        search: How many starts and steps.
        feature_weight: Of the discriminator's features beside pixels; 0 for pixels alone.
        detail: How far features of an early layer may leave those of the point, as a share of how far
            samples' are from their mean; 0 for the point alone.
        own_samples: On how many of the generator's own samples the search is tried first; 0 for none.
        tolerance: The error up to which one of those counts as come back, in levels of 8 bits.
        cache: A folder for the encoder.
        earlier: An inversion by the same generator and search, whose pictures are not searched again.
        on_stage: Called while it works.
        on_recovery: Called with the recovery rate, before any picture is searched.
        on_found: Called with all that is found so far, after every few pictures.

    Raises:
        PoiseError: The generator makes no pictures of latents, the pictures cannot be read, or there is no
            such class.
    """
    search, chosen = search or Search(), space_of(generator, space)
    opened = open_pictures(generator, pictures)
    about = {**vars(search), "label": label, "tags": tags, "feature_weight": feature_weight, "detail": detail}
    keys = tuple(fingerprint(image) for image in opened.images)
    weights = weights_hash(generator.module)
    alike = earlier is not None and (earlier.generator, earlier.space, earlier.search) == (
        weights,
        chosen.name,
        about,
    )
    before = {key: row for row, key in enumerate(earlier.keys)} if alike and earlier is not None else {}

    def stage(words: str) -> Callable[[float], None] | None:
        return None if on_stage is None else (lambda share: on_stage(words, share))

    starts = Starts.of(
        chosen, search, label=label, tags=tags, cache=cache, on_step=stage("training the encoder")
    )
    likeness = likeness_of(generator, weight=feature_weight)
    tried = earlier.recovery if alike and earlier is not None else None
    if tried is None and own_samples:
        words = "searching for the generator's own samples"
        tried = recovery(
            starts, likeness, search, samples=own_samples, tolerance=tolerance, on_step=stage(words)
        )
    if tried is not None and on_recovery is not None:
        on_recovery(tried)
    missing = [row for row, key in enumerate(keys) if key not in before]
    notices = (
        *opened.notices,
        *([f"{likeness.note[:1].upper()}{likeness.note[1:]}."] if likeness.note else []),
    )
    if before and len(missing) < len(keys):
        notices += (f"{len(keys) - len(missing)} of the pictures were found earlier.",)

    layer = detail_layer(generator) if detail else None
    if detail and layer is None:
        notices += ("No detail is added, since no early layer of the network has a coarse grid.",)

    def inversion(rows: Sequence[int], parts: list[_Part]) -> Inversion:
        found, targets = Found.joined([part.found for part in parts]), opened.images[list(rows)]
        errors = errors_of(found, targets.to(found.images), likeness)
        details = [part.detail.cpu() for part in parts if part.detail is not None]
        return Inversion(
            generator=weights,
            space=chosen.name,
            names=tuple(opened.names[row] for row in rows),
            keys=tuple(keys[row] for row in rows),
            points=chosen.points(found.coordinates).cpu(),
            condition=None if found.condition is None else found.condition.cpu(),
            targets=targets,
            results=found.images.float().cpu(),
            psnr=errors.psnr,
            plain_psnr=torch.cat([part.plain_psnr for part in parts]),
            ssim=errors.ssim,
            features=errors.features,
            spread=found.spread.cpu(),
            recovery=tried,
            search=about,
            layer=layer or "",
            detail=torch.cat(details) if details else None,
            notices=notices,
        )

    parts = list[_Part]()
    like = next(iter(generator.module.parameters()))
    sought = opened.images[missing].to(like)
    for found in find(starts, sought, likeness, search, on_step=stage("searching")) if missing else ():
        before_it = sum(len(part.found.loss) for part in parts)
        targets = sought[before_it : before_it + len(found.loss)]
        parts.append(_with_detail(chosen, found, targets, likeness, layer, detail))
        done = missing[: before_it + len(found.loss)]
        if on_found is not None:
            on_found(_together(inversion(done, parts), earlier if before else None, before, keys))
    new = inversion(missing, parts) if missing else None
    return replace(_together(new, earlier if before else None, before, keys), notices=notices)


@dataclass(frozen=True)
class _Part:
    """Some of the pictures: what was found for them, and how near the points alone came."""

    found: Found
    plain_psnr: Tensor
    detail: Tensor | None


def _with_detail(
    space: Space, found: Found, targets: Tensor, likeness: Likeness, layer: str | None, share: float
) -> _Part:
    """What was found, with the detail of a layer if there is one."""
    plain = peak_signal_to_noise(found.images.cpu(), targets.cpu())
    if layer is None:
        return _Part(found, plain, None)
    detail, images = add_detail(
        space, found.coordinates, found.condition, targets, likeness, layer, share=share
    )
    return _Part(replace(found, images=images), plain, detail.offsets)


def _together(
    new: Inversion | None, earlier: Inversion | None, before: dict[str, int], keys: Sequence[str]
) -> Inversion:
    """The rows of both, in the order of the keys, as far as they are there."""
    if earlier is None:
        assert new is not None
        return new
    if new is None:
        return rows_of(earlier, [before[key] for key in keys])
    fresh = {key: len(earlier) + row for row, key in enumerate(new.keys)}
    where = {**before, **fresh}
    return rows_of(_joined(earlier, new), [where[key] for key in keys if key in where])


def rows_of(inversion: Inversion, rows: Sequence[int]) -> Inversion:
    """Some rows of an inversion."""
    places = list(rows)
    tensors = {
        name: None if value is None else value[places]
        for name, value in ((name, getattr(inversion, name)) for name in (*TENSORS, *MEASURES))
    }
    texts = {name: tuple(getattr(inversion, name)[row] for row in places) for name in ("names", "keys")}
    return replace(inversion, **tensors, **texts)  # type: ignore[arg-type]  # by their names


def _joined(one: Inversion, other: Inversion) -> Inversion:
    tensors = {
        name: None if None in (pair := (getattr(one, name), getattr(other, name))) else torch.cat(pair)
        for name in (*TENSORS, *MEASURES)
    }
    return replace(other, names=one.names + other.names, keys=one.keys + other.keys, **tensors)  # type: ignore[arg-type]


TENSORS = ("points", "condition", "targets", "results", "detail")
MEASURES = ("psnr", "plain_psnr", "ssim", "features", "spread")
