"""What a person is told of a folder of images: its summary, its notices, and why it is refused."""

from __future__ import annotations

import statistics
from collections import Counter

from poise.data.collection import Collection, Listing, suffix_of
from poise.data.dataset import JSON
from poise.data.image_files import Facts
from poise.errors import PoiseError

_NAMED = 3


def _shown(file: str) -> str:
    return file.encode("utf-8", "replace").decode("utf-8")


def _first_few(refused: dict[str, str]) -> str:
    few = [f"{_shown(file)} ({reason})" for file, reason in sorted(refused.items())[:_NAMED]]
    more = len(refused) - len(few)
    return ", ".join(few) + (f" and {more:,} more" if more > 0 else "")


def nothing_usable(
    name: str, facts: dict[str, Facts], refused: dict[str, str], listing: Listing
) -> PoiseError:
    """The error that there is no image to train on, with what was found instead.

    Args:
        name: What the person named.
        facts: Of each file.
        refused: Why, of each file that is refused.
        listing: All files.
    """
    if refused:
        return PoiseError(
            f"None of the {len(refused):,} image files in '{name}' can be used: {_first_few(refused)}",
            hint="name a folder with whole PNG, JPEG, WEBP, BMP, GIF or TIFF files",
            details=[f"{_shown(file)}: {reason}" for file, reason in sorted(refused.items())],
        )
    others = Counter(suffix_of(file) or "no suffix" for file in [*facts, *listing.ignored])
    there = ", ".join(f"{count:,} {suffix}" for suffix, count in others.most_common(4))
    return PoiseError(
        f"'{name}' holds no image" + (f", only other files ({there})" if there else ""),
        hint="name a folder with PNG, JPEG, WEBP, BMP, GIF or TIFF files",
    )


def check_share(name: str, refused: dict[str, str], good: int, refuse_above: float) -> None:
    """Raises PoiseError where more of the image files are refused than may be."""
    share = len(refused) / (len(refused) + good)
    if share > refuse_above:
        raise PoiseError(
            f"{len(refused):,} of {len(refused) + good:,} image files in '{name}' cannot be used "
            f"({100 * share:.1f} %, where {100 * refuse_above:g} % are tolerated): {_first_few(refused)}",
            hint=f"see them all with `poise inspect {name}`, then mend or remove them",
        )


def summary_of(
    collection: Collection,
    listing: Listing,
    facts: dict[str, Facts],
    good: list[Facts],
    refused: dict[str, str],
    shape: tuple[int, ...],
) -> dict[str, JSON]:
    """What the source's summary says.

    Args:
        collection: Where the files lie.
        listing: All of them.
        facts: Of each file.
        good: Of those that are used.
        refused: Why, of each file that is refused.
        shape: Of all rows.
    """
    size = shape[2]
    ignored = [*listing.ignored, *(file for file, fact in facts.items() if fact.ignored)]
    return {
        "origin": collection.origin,
        "count": shape[0],
        "dtype": "uint8",
        "range": [0, 255],
        "resolution": size,
        "channels": shape[1],
        "formats": dict(Counter(fact.format for fact in good).most_common()),
        "modes": dict(Counter(fact.mode for fact in good).most_common()),
        "width": _spread([fact.width for fact in good]),
        "height": _spread([fact.height for fact in good]),
        "aspect_ratio": _spread([fact.width / fact.height for fact in good]),
        "cropped": sum(fact.width != fact.height for fact in good),
        "enlarged": sum(min(fact.width, fact.height) < size for fact in good),
        "animated": sum(fact.animated for fact in good),
        "colour_profiles": sum(fact.profile for fact in good),
        "duplicates": len(good) - len({fact.digest for fact in good}),
        "refused_count": len(refused),
        "refused": [{"file": _shown(file), "reason": why} for file, why in sorted(refused.items())],
        "ignored_count": len(ignored),
        "ignored": dict(Counter(suffix_of(file) or "no suffix" for file in ignored).most_common(20)),
        "hidden_count": listing.hidden,
        "policy": f"centre crop to a square, antialiased bicubic resize to {size}; transparency on white; "
        "16 bits scaled to 8; EXIF orientation applied; first frame of animations; colour profiles ignored",
    }


def _spread(values: list[int] | list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


def notices_of(name: str, summary: dict[str, JSON], *, given: bool) -> tuple[str, ...]:
    """What a person should know of their images, in sentences.

    Args:
        name: What they named.
        summary: Of the images.
        given: Whether they asked for a resolution.
    """
    size, count = summary["resolution"], f"{summary['count']:,}"
    native = all(set(summary[side].values()) == {size} for side in ("width", "height"))
    chosen = [f"Images are brought to {size}x{size}; give a resolution to have another."]
    told = [
        _told(
            summary["enlarged"],
            f"of {count} images is smaller than {size} and was enlarged.",
            f"of {count} images are smaller than {size} and were enlarged.",
        ),
        _told(
            summary["cropped"],
            f"of {count} images is not square: its centre is used.",
            f"of {count} images are not square: their centre is used.",
        ),
        _told(
            summary["animated"],
            "file is an animation: its first frame is used.",
            "files are animations: their first frame is used.",
        ),
        _told(
            summary["colour_profiles"],
            "image carries a colour profile, which is ignored.",
            "images carry a colour profile, which is ignored.",
        ),
        _told(
            summary["duplicates"],
            "file is an exact copy of another.",
            "files are exact copies of others.",
        ),
        _told(
            summary["refused_count"],
            f"file was refused; see why with `poise inspect {name}`.",
            f"files were refused; see why with `poise inspect {name}`.",
        ),
        _told(
            summary["ignored_count"],
            "file that is no image was ignored.",
            "files that are no images were ignored.",
        ),
    ]
    return tuple(([] if given or native else chosen) + [sentence for sentence in told if sentence])


def _told(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else ""
