"""What people are told of a folder of images: its summary, notices, and what makes it unusable."""

import math
import statistics
from collections import Counter
from collections.abc import Mapping

from poise.data.kinds.kind import Request
from poise.data.rows import JSON
from poise.data.sources.decoding import Target
from poise.data.sources.files import Listing, suffix_of
from poise.data.sources.image_arrays import fitted_text
from poise.data.sources.image_files import Facts
from poise.data.sources.pictures import FULL_SCALE, Scale
from poise.errors import PoiseError
from poise.spec import Fit, resolution_of, size_text
from poise.text import first_few


def depth_notices(
    good: list[Facts], deep: list[Facts], scale: Scale | None, request: Request
) -> tuple[str, ...]:
    """What a person should know of bits, bands and transparency."""
    notices = []
    if deep and scale is not None:
        low, high = min(fact.low for fact in deep), max(fact.high for fact in deep)
        told = f"of more than 8 bits hold values from {low:g} to {high:g}"
        beyond = sum(fact.low < scale[0] or fact.high > scale[1] for fact in deep)
        if scale != FULL_SCALE or request.scale is not None:
            notices.append(
                f"{len(deep):,} files {told}; all are scaled alike, from {scale[0]:g} to {scale[1]:g}"
                + (f", and {beyond:,} hold values beyond." if beyond else ".")
                + ("" if request.scale is not None else " Name another scale as --scale LOW,HIGH.")
            )
        if len(deep) < len(good):
            notices.append(
                f"{len(good) - len(deep):,} other files have 8 bits, and are scaled from 0 to 255."
            )
    elif request.scale is not None:
        notices.append("No file has more than 8 bits, so that the scale that was named is not used.")
    clear = sum(fact.alpha for fact in good)
    if clear and request.channels is None and not good[0].bands:
        notices.append(f"{clear:,} of {len(good):,} images have an alpha channel, which is laid on white; "
                       "--set channels=4 trains on it.")  # fmt: skip
    if good[0].bands:
        notices.append(
            f"The files have {good[0].bands} bands, each a channel; pictures show the first three."
        )
    return tuple(notices)


def shown(file: str) -> str:
    """The name of a file as text, whatever its bytes are."""
    return file.encode("utf-8", "replace").decode("utf-8")


def _reasons(refused: dict[str, str]) -> list[str]:
    return [f"{shown(file)} ({reason})" for file, reason in sorted(refused.items())]


def nothing_usable(
    name: str, facts: dict[str, Facts], refused: dict[str, str], listing: Listing
) -> PoiseError:
    """The error that there is no image to train on, with what was found instead."""
    if refused:
        few = first_few(_reasons(refused))
        what = f"None of the {len(refused):,} image files in '{name}' can be used: {few}"
        hint = "name a folder with whole PNG, JPEG, WEBP, BMP, GIF or TIFF files"
        return PoiseError(what, code="data.images-unusable", hint=hint, details=_reasons(refused))
    others = Counter(suffix_of(file) or "no suffix" for file in [*facts, *listing.ignored])
    there = ", ".join(f"{count:,} {suffix}" for suffix, count in others.most_common(4))
    what = f"'{name}' holds no image" + (f", only other files ({there})" if there else "")
    hint = "name a folder with PNG, JPEG, WEBP, BMP, GIF or TIFF files"
    if others[".npy"]:
        hint = "save the arrays as one: numpy.save('all.npy', numpy.stack([...])), and name that file"
    return PoiseError(what, code="data.no-images", hint=hint)


def check_share(
    name: str, refused: dict[str, str], good: int, refuse_above: float, *, files: str = "image files"
) -> None:
    """Raises PoiseError if more of the files are refused than may be."""
    count = len(refused) + good
    if len(refused) > refuse_above * count:
        share, few = 100 * len(refused) / count, first_few(_reasons(refused))
        raise PoiseError(
            f"{len(refused):,} of {count:,} {files} in '{name}' cannot be used ({share:.1f} %, "
            f"and {100 * refuse_above:g} % are tolerated): {few}",
            code="data.too-many-refused",
            hint=f"list them all with `poise inspect {name}`, then repair or remove "
            "them, or go on without them: --tolerate-bad " + f"{math.ceil(share)}%",
        )


CHANGED: Mapping[Fit, str] = {"crop": "cropped", "pad": "padded", "stretch": "stretched"}
"""What a summary counts images of other proportions as."""


def summary_of(good: list[Facts], shape: tuple[int, ...], target: Target) -> dict[str, JSON]:
    """What the summary of the data says of the usable files."""
    sizes = [(fact.width, fact.height) for fact in good]
    return {
        "count": shape[0],
        "dtype": "uint8",
        "range": [0, 255],
        "resolution": resolution_of(target.height, target.width),
        "channels": shape[1],
        "fitted": fitted_text(sizes, target),
        **({} if target.fit == "crop" else {"fit": target.fit}),
        "formats": dict(Counter(fact.format for fact in good).most_common()),
        "modes": dict(Counter(fact.mode for fact in good).most_common()),
        "width": _spread([fact.width for fact in good]),
        "height": _spread([fact.height for fact in good]),
        "aspect_ratio": _spread([fact.width / fact.height for fact in good]),
        CHANGED[target.fit]: sum(target.changes(*size) for size in sizes),
        "enlarged": sum(target.enlarges(*size) for size in sizes),
        "animated": sum(fact.animated for fact in good),
        "colour_profiles": sum(fact.profile for fact in good),
        "duplicates": len(good) - len({fact.digest for fact in good}),
    }


def _spread(values: list[int] | list[float]) -> dict[str, float]:
    return {"min": min(values), "median": statistics.median(values), "max": max(values)}


_NOTED = (
    ("enlarged", "of {all} images is smaller than {size} and was enlarged.",
     "of {all} images are smaller than {size} and were enlarged."),
    ("cropped", "of {all} images is not {shape}: its centre is used.",
     "of {all} images are not {shape}: their centre is used."),
    ("padded", "of {all} images is not {shape}: it has white margins.",
     "of {all} images are not {shape}: they have white margins."),
    ("stretched", "of {all} images is not {shape}: it is stretched.",
     "of {all} images are not {shape}: they are stretched."),
    ("animated", "file holds several frames or pages: the first is used.",
     "files hold several frames or pages: the first is used."),
    ("colour_profiles", "image carries a colour profile, which is ignored.",
     "images carry a colour profile, which is ignored."),
    ("duplicates", "file is an exact copy of another.", "files are exact copies of others."),
    ("refused_count", "file was refused, {few}; see why with `poise inspect {name}`.",
     "files were refused, {few}; see why with `poise inspect {name}`."),
    ("ignored_count", "file that is no image was ignored.", "files that are no images were ignored."),
)  # fmt: skip
"""What of the summary is told, of one file and of several."""


def notices_of(name: str, summary: dict[str, JSON], target: Target, *, given: bool) -> tuple[str, ...]:
    """What a person should know of their images, in sentences; less if they asked for a resolution."""
    count, square = f"{summary['count']:,}", target.height == target.width
    few = first_few([one["file"] for one in summary["refused"]])
    size = size_text(target.height, target.width)
    exact = abs(summary["aspect_ratio"]["median"] * target.height / target.width - 1) < 0.01
    kept = "" if square else ", which keeps their proportions" if exact else ", near their proportions"
    chosen = [f"Images are brought to {size}{kept}; give a resolution to have another."]
    shape = "square" if square else f"of the proportions of {size}"
    sentences = [
        f"{summary[key]:,} "
        + (one if summary[key] == 1 else many).format(
            all=count, size=target.text, shape=shape, name=name, few=few
        )
        for key, one, many in _NOTED
        if summary.get(key)
    ]
    lying = (summary["aspect_ratio"]["median"] - 1) * (target.height - target.width) > 0
    if given and lying:
        turned = size_text(target.width, target.height)
        sentences.append(
            f"{size} is {target.width} wide and {target.height} high, and most images lie the other way: "
            f"--resolution {turned} has their direction."
        )
    return tuple(([] if given or not summary["fitted"] else chosen) + sentences)
