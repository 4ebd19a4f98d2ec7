"""From images with lists of tags to pairs of a tag and an image: what a generator of tags learns from.

Each pair is one sample: a vector that stands for the tag, made from the features of the image. So an image
has as many right answers as it has tags, and what differs between latents is which of them is given.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import Field

from poise.data import Array, Condition, Dataset, Identity, digest_of, kind_of, split_tags, to_pixels
from poise.errors import PoiseError
from poise.metrics.features import EXTRACTORS, Extractor, ExtractorKind, extract
from poise.randomness import numpy_stream
from poise.tasks.conditional import CONDITIONAL
from poise.tasks.tags import tag_summary, vocabulary

BLOCK = 512

OWN = 0.5
"""How much of a tag's vector is its own, beside 1 of its company."""


def tagged(
    dataset: Dataset,
    *,
    separator: Annotated[str, Field(min_length=1)] = ";",
    least: Annotated[int, Field(ge=2)] = 10,
    vector_size: Annotated[int, Field(ge=2)] = 64,
    features: str = "colours-and-shapes",
) -> Dataset:
    """Pairs of a tag's vector and an image's features.

    A tag's vector is a random projection of what it occurs with (its positive pointwise mutual information
    with all tags) and of itself, scaled to unit variance: tags that occur together lie near each other.

    Args:
        dataset: Images, whose labels are lists of tags as texts.
        separator: What stands between two tags.
        least: How many images a tag must have to be learnt.
        vector_size: Numbers in the vector of a tag.
        features: The extractor of what is seen of an image, of those that need nothing but the image.

    Raises:
        PoiseError: These are no images or have no tags, the separator is not theirs, or too few tags are
            frequent enough.

    Source: Mirza and Osindero 2014, section 4.2; Levy and Goldberg 2014, equation 8.
    """
    texts = _texts(dataset)
    rows = [split_tags(text, separator) for text in texts]
    names = vocabulary(dataset, rows, separator, least)
    place = {name: number for number, name in enumerate(names)}
    known = [[place[tag] for tag in row if tag in place] for row in rows]
    pairs = np.array([(image, tag) for image, tags in enumerate(known) for tag in tags], dtype=np.int64)
    vectors = tag_vectors(known, len(names), vector_size)
    seen = image_features(dataset, image_extractor(features, dataset.shape[0]))
    about = {
        "features": features,
        "image": list(dataset.shape),
        "tags": list(names),
        "vectors": np.round(vectors, 5).tolist(),
        **({"fit": dataset.summary["fit"]} if "fit" in dataset.summary else {}),
    }
    condition = Condition("vector", (seen.shape[1],), seen, Identity(), rows=pairs[:, 0], about=about)
    facts = [dataset.fingerprint, list(texts), separator, least, vector_size, features]
    return dataclasses.replace(
        dataset,
        kind="vector",
        shape=(vector_size,),
        transform=Identity(),
        array=vectors[pairs[:, 1]],
        live=None,
        labels=None,
        label_names=(),
        files=(),
        condition=condition,
        fingerprint=digest_of(facts),
        summary={**dataset.summary, **_summary(rows, names, known)},
        notices=(*dataset.notices, *_notices(rows, names, known)),
    )


def tag_vectors(known: Sequence[Sequence[int]], count: int, size: int) -> Array:
    """A vector for each tag, of unit variance; alike for tags that occur with the same others.

    Args:
        known: The tags of each image, as numbers below `count`.
        count: How many tags there are.
        size: Numbers in a vector.

    Returns:
        `(count, size)` float32.
    """
    together = np.zeros((count, count))
    for tags in known:
        together[np.ix_(tags, tags)] += 1
    images = max(1, sum(1 for tags in known if tags))
    alone = together.diagonal()
    with np.errstate(divide="ignore"):
        information = np.log(together * images / np.outer(alone, alone)).clip(min=0)
    information /= np.linalg.norm(information, axis=1, keepdims=True).clip(min=1e-12)
    # Something of its own, too: tags that never occur apart would have the same vector.
    information += OWN * np.eye(count)
    # A random projection keeps the angles, and unlike a factorisation it is the same wherever it is computed.
    directions = numpy_stream(0, 0, "tag vectors").standard_normal((count, size))
    vectors = information @ directions
    vectors *= np.sqrt(size) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float32)


def image_extractor(name: str, channels: int) -> Extractor:
    """An extractor that needs nothing but images.

    Args:
        name: Its name.
        channels: Of the images.

    Raises:
        PoiseError: There is none of that name, or it needs labels or a download.
    """
    kind = EXTRACTORS.named(name)

    def alone(extractor: ExtractorKind) -> bool:
        return extractor.serves("image") and not set(extractor.needs) - {"channels"}

    if not alone(kind):
        fit = [other.name for other in EXTRACTORS.values() if alone(other)]
        raise PoiseError(
            f"The extractor '{name}' cannot be had from images alone",
            code="tasks.extractor-needs-more",
            hint="choose " + " or ".join(fit),
        )
    return kind.build(**({"channels": channels} if "channels" in kind.needs else {}))


def image_features(dataset: Dataset, extractor: Extractor) -> Array:
    """The features of all images, `(N, d)` float32.

    Args:
        dataset: Images.
        extractor: As `image_extractor` gives it.
    """
    pieces = []
    for start in range(0, len(dataset), BLOCK):
        stored = dataset.gather(np.arange(start, min(start + BLOCK, len(dataset))))
        pixels = torch.from_numpy(to_pixels(dataset.transform.encode(stored), dataset.transform))
        pieces.append(extract(extractor, pixels, value_range="0..255").float().cpu().numpy())
    return np.concatenate(pieces)


def _texts(dataset: Dataset) -> list[str]:
    if not kind_of(dataset).pictorial:
        raise PoiseError(
            f"'{dataset.name}' holds no images, and tags are learnt from images",
            code="tasks.tags-without-images",
        )
    if dataset.labels is None or not dataset.label_names:
        raise PoiseError(
            f"'{dataset.name}' has no tags",
            code="tasks.no-tags",
            hint="give them: --labels FILE.csv --label-column tags",
        )
    return [dataset.label_names[label] for label in dataset.labels]


def _summary(
    rows: Sequence[Sequence[str]], names: Sequence[str], known: Sequence[Sequence[int]]
) -> dict[str, Any]:
    return {
        **tag_summary(rows, names),
        "pairs": sum(len(tags) for tags in known),
        "policy_tags": "tags that are rare are dropped, and images that have no other",
    }


def _notices(
    rows: Sequence[Sequence[str]], names: Sequence[str], known: Sequence[Sequence[int]]
) -> list[str]:
    facts = _summary(rows, names, known)
    dropped = f"; {facts['tags_dropped']:,} that are rarer are dropped" if facts["tags_dropped"] else ""
    notices = [f"{facts['tags']:,} tags are learnt{dropped}."]
    if facts["images_without_tags"]:
        notices.append(f"{facts['images_without_tags']:,} images have none of these tags and are left out.")
    return notices


IMAGE_TAGGING = dataclasses.replace(
    CONDITIONAL,
    name="image-tagging",
    summary="The generator names a tag of an image, another for each latent; the discriminator knows both.",
    source="Mirza and Osindero 2014, section 4.2",
    prepare=tagged,
)
