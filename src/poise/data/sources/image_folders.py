"""Folders and archives of images: each file is decoded once, and what cannot be used is listed."""

import contextlib
import dataclasses
import hashlib
import io
import statistics
import warnings
from collections import Counter
from collections.abc import Iterator

import numpy as np
from PIL import ImageFile

from poise.data.cache import cached, read_entry
from poise.data.dataset import Dataset, array_dataset
from poise.data.kinds.kind import Request
from poise.data.rows import JSON, Array, RowWriter, digest_of, in_order
from poise.data.sources.decoding import GREY_MODES, VERSION, Target, as_channels, reason_of
from poise.data.sources.files import Collection, Listing, suffix_of
from poise.data.sources.image_arrays import policy_of
from poise.data.sources.image_files import Facts, examined
from poise.data.sources.image_texts import (
    check_share,
    depth_notices,
    nothing_usable,
    notices_of,
    shown,
    summary_of,
)
from poise.data.sources.labels import labelled, labels_of_json, with_labels
from poise.data.sources.layout import folder_classes
from poise.data.sources.pictures import Scale, found_scale, read_bands, read_image
from poise.data.transform import Pixels
from poise.errors import PoiseError
from poise.spec import resolution_of
from poise.text import first_few

_LEAST_DEFAULT, _LARGEST_DEFAULT = 8, 64
_ALIKE, _NEARLY_ALL = 0.03, 0.9  # How near to the median are shared proportions, and by what share of images


def from_collection(collection: Collection, name: str, request: Request) -> Dataset:
    """A data set from a folder or an archive of images."""
    progress = request.progress
    with _strict_pillow():
        listing = collection.listing()
        facts = examined(collection, listing, request)
        usable = [file for file, fact in facts.items() if not fact.reason and not fact.ignored]
        refused = listing.refused | {file: fact.reason for file, fact in facts.items() if fact.reason}
        if not usable:
            raise nothing_usable(name, facts, refused, listing)
        if request.half is not None:
            facts = {file: dataclasses.replace(fact, width=fact.width // 2) for file, fact in facts.items()}
        good = [facts[file] for file in usable]
        target = request.target or _own_target(good, request)
        depth, scale = _depth(name, {file: facts[file] for file in usable}, request), _scale(good, request)
        found_as = [[file, fact.bytes, fact.digest] for file, fact in facts.items() if not fact.ignored]
        sides = resolution_of(target.height, target.width)
        fit = [target.fit] if target.fit != "crop" else []
        key = digest_of([VERSION, sides, request.channels, scale, request.half, found_as, *fit])

        def fill(store: RowWriter) -> dict[str, JSON]:
            return _decoded(collection, facts, usable, store, request, target, scale)

        there = read_entry(request.cache, "images", key)
        shape = (depth, target.height, target.width)
        try:
            entry = there or cached(request.cache, "images", key, fill, shape=shape, dtype="uint8")
        except _NoneDecodedError as failed:
            raise nothing_usable(name, facts, refused | failed.args[0], listing) from None
        if there is not None and progress is not None:
            progress(2 * len(facts), 2 * len(facts))
    refused |= entry.about["refused"]
    files = tuple(file for file in usable if file not in refused)
    good = [facts[file] for file in files]
    check_share(name, refused, len(good), request.refuse_above)
    others = (file for file, fact in facts.items() if fact.ignored and not _is_own_card(collection, file))
    ignored = [*listing.ignored, *others]
    deep = [fact for fact in good if fact.deep]
    summary = {
        "origin": collection.origin,
        **summary_of(good, entry.array.shape, target),
        **({"scale": list(scale)} if deep and scale is not None else {}),
        "refused_count": len(refused),
        "refused": [{"file": shown(file), "reason": why} for file, why in sorted(refused.items())],
        "ignored_count": len(ignored),
        "ignored": dict(Counter(suffix_of(file) or "no suffix" for file in ignored).most_common(20)),
        "hidden_count": listing.hidden,
        "policy": f"{policy_of(target)}; "
        + ("transparency kept" if entry.array.shape[1] in (2, 4) else "transparency on white")
        + "; one scale for all files of more than 8 bits; EXIF orientation applied; first frame of "
        "animations; colour profiles ignored",
    }
    notices = notices_of(name, summary, target, given=request.sides is not None)
    notices += depth_notices(good, deep, scale, request)
    dataset = array_dataset(entry.array, entry.survey.digest, "image", name, Pixels(), summary, notices)
    sizes = tuple((fact.width, fact.height) for fact in good)
    dataset = dataclasses.replace(dataset, files=files, sizes=sizes)
    return dataset if request.labelled else labelled_by_folders(dataset, collection, listing)


def _is_own_card(collection: Collection, file: str) -> bool:
    """Whether a file is the list that Poise writes beside samples and translations."""
    return suffix_of(file) == ".json" and collection.read(file, 32).startswith(b'{"made_by": "poise ')


def labelled_by_folders(dataset: Dataset, collection: Collection, listing: Listing) -> Dataset:
    """The data set with the labels of its `dataset.json`, or else with its folders as classes."""
    written = min(
        (file for file in listing.files if file.split("/")[-1] == "dataset.json"), key=len, default=""
    )
    labels = labels_of_json(collection.read(written), written) if written else {}
    if labels:
        try:
            made = labelled(dataset, labels, None)
            notice = f"The labels are those of {written}."
        except PoiseError as error:  # nobody asked for them
            made, notice = dataset, f"The labels of {written} are not used: {error.sentence}"
        return dataclasses.replace(made, notices=(*made.notices, notice))
    names, notices = folder_classes(dataset.files)
    used = {file.rpartition("/")[0].rpartition("/")[0] for file in dataset.files}
    empty = [folder for folder in listing.empty if folder.rpartition("/")[0] in used] if names else []
    if empty:
        notices += (f"Empty folders are no classes: {first_few(empty)}.",)
    dataset = dataclasses.replace(dataset, notices=(*dataset.notices, *notices))
    return with_labels(dataset, np.array(names, dtype=object)) if names else dataset


def _depth(name: str, facts: dict[str, Facts], request: Request) -> int:
    """How many channels rows have."""
    channels, bands = request.channels, Counter(fact.bands for fact in facts.values())
    if set(bands) == {0}:
        if channels not in (None, 1, 3, 4):
            what, hint = (
                f"Images in '{name}' cannot be given {channels} channels",
                "give 1, 3, or 4 with alpha",
            )
            raise PoiseError(what, code="data.channels", hint=hint)
        return channels or (1 if all(fact.mode in GREY_MODES for fact in facts.values()) else 3)
    if len(bands) > 1:
        rare = bands.most_common()[-1][0]
        odd = [shown(file) for file, fact in facts.items() if fact.bands == rare]
        told = " and ".join(f"{count:,} of " + (f"{band} bands" if band else "colour or grey")
                            for band, count in bands.most_common())  # fmt: skip
        raise PoiseError(
            f"The files in '{name}' have different channels: {told}",
            code="data.bands-differ",
            why=f"of the rarer kind are {first_few(odd)}",
            hint="keep one kind, or save them all as one array: (N, height, width, channels) in a .npy file",
            details=odd,
        )
    (count,) = bands
    if channels not in (None, count):
        what = f"The files in '{name}' have {count} bands and cannot be given {channels} channels"
        raise PoiseError(what, code="data.channels", hint="leave the channels out")
    return count


def _scale(good: list[Facts], request: Request) -> Scale | None:
    """The one scale of all files whose values have more than 8 bits."""
    deep = [fact for fact in good if fact.deep]
    if request.scale is not None or not deep:
        return request.scale
    low, high = min(fact.low for fact in deep), max(fact.high for fact in deep)
    return found_scale(low, high, whole=all(fact.whole for fact in deep))


@contextlib.contextmanager
def _strict_pillow() -> Iterator[None]:
    """Truncated images are errors, whatever the program around has set; large ones are our own affair."""
    lenient = ImageFile.LOAD_TRUNCATED_IMAGES
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = lenient


def _own_target(good: list[Facts], request: Request) -> Target:
    """The size that images are brought to if a person asks for none."""
    sizes = {(fact.height, fact.width) for fact in good}
    tall, wide = next(iter(sizes))
    lasting = _LEAST_DEFAULT <= min(tall, wide) <= max(tall, wide) <= _LARGEST_DEFAULT
    if len(sizes) == 1 and lasting and not request.powers_of_two:
        return Target(tall, wide, request.fit)
    return _in_proportion(good, request) or _square(good, request)


def _in_proportion(good: list[Facts], request: Request) -> Target | None:
    """The size that keeps the proportions which nearly all images share; `None` for squares and mixtures."""
    ratios = [fact.width / fact.height for fact in good]
    shared = statistics.median(ratios)
    alike = sum(abs(ratio / shared - 1) <= _ALIKE for ratio in ratios)
    if alike < _NEARLY_ALL * len(ratios):
        return None
    longer = _power_of_two(statistics.median(max(fact.width, fact.height) for fact in good))
    step = 8 if request.powers_of_two else 4  # what networks halve without a remainder
    shorter = step * round(longer * min(shared, 1 / shared) / step)
    if shorter == longer or shorter < _LEAST_DEFAULT:
        return None
    height, width = (shorter, longer) if shared > 1 else (longer, shorter)
    return Target(height, width, request.fit)


def _square(good: list[Facts], request: Request) -> Target:
    side = _power_of_two(statistics.median(min(fact.width, fact.height) for fact in good))
    return Target(side, side, request.fit)


def _power_of_two(side: float) -> int:
    return int(min(_LARGEST_DEFAULT, 1 << (int(side).bit_length() - 1)))


class _NoneDecodedError(Exception):
    """No file could be decoded; the argument is why, by file."""


def _decoded(
    collection: Collection,
    facts: dict[str, Facts],
    usable: list[str],
    store: RowWriter,
    request: Request,
    target: Target,
    scale: Scale | None,
) -> dict[str, JSON]:
    """Writes the rows of all usable files, and gives back which of them could not be decoded after all."""
    depth = store.shape[0]

    def one(file: str) -> Array | str:
        try:
            content = collection.read(file)
            if hashlib.sha256(content).hexdigest() != facts[file].digest:
                return "it changed while it was being read"
            stream = io.BytesIO(content)
            if facts[file].bands:
                return read_bands(stream, target=target, half=request.half, scale=scale)
            image = read_image(stream, target=target, half=request.half, scale=scale, alpha=depth == 4)
            return as_channels(image, depth)
        except Exception as error:
            return reason_of(error)

    refused: dict[str, str] = {}
    coloured = any(facts[file].bands == 0 for file in usable)
    grey, total = request.channels is None and depth == 3 and coloured, 2 * len(facts)
    before = total - len(usable)
    for done, (file, row) in enumerate(zip(usable, in_order(one, usable), strict=True), before + 1):
        if isinstance(row, str):
            refused[file] = row
        else:
            store.write(row[None])
            grey = grey and bool((row[0] == row[1]).all() and (row[0] == row[2]).all())
        if request.progress is not None:
            request.progress(done, total)
    if not store.count:
        raise _NoneDecodedError(refused)
    if grey:
        store.rewrite((1, target.height, target.width), lambda rows: rows[:, :1])
    return {"refused": refused}
