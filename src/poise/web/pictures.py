"""The sample pictures of a run, thinned if there are too many to carry in one file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poise.errors import PoiseError
from poise.run_folder import RunFolder
from poise.spec import condition_kind, shown_names
from poise.web.facts import Json
from poise.web.page import data_address

MOST_PICTURES = 60
MOST_BYTES = 8_000_000
COLUMNS = 8  # Samples of a class in a row of a sheet, as training draws it


@dataclass(frozen=True)
class Picture:
    """A sample picture: its step, its size in pixels, and the bytes of its PNG."""

    step: int
    width: int
    height: int
    content: bytes

    @property
    def source(self) -> str:
        """The picture as an address that needs no file."""
        return data_address("image/png", self.content)


@dataclass(frozen=True)
class Album:
    """The pictures that a report carries, oldest first."""

    pictures: tuple[Picture, ...]
    found: int
    damaged: tuple[int, ...]

    @property
    def note(self) -> str:
        """Which pictures are missing, and why; empty if all are there."""
        sentences = []
        if len(self.pictures) < self.found:
            sentences.append(
                f"To stay small, this file shows {len(self.pictures)} of {self.found} pictures, evenly "
                "chosen. The run's samples folder has all of them."
            )
        if self.damaged:
            steps = ", ".join(f"{step:,}" for step in self.damaged[:8])
            sentences.append(f"The pictures of these steps are damaged and left out: {steps}.")
        return " ".join(sentences)


def read_album(samples: Sequence[tuple[int, Path]]) -> Album:
    """Read the pictures of a run, as many as fit, from their steps and files, oldest first."""
    read = [(step, _picture(step, path)) for step, path in samples]
    sound = [picture for _, picture in read if picture is not None]
    damaged = tuple(step for step, picture in read if picture is None)
    chosen = keep_evenly([len(picture.content) for picture in sound])
    return Album(tuple(sound[index] for index in chosen), len(sound), damaged)


def keep_evenly(
    sizes: Sequence[int], *, most: int = MOST_PICTURES, most_bytes: int = MOST_BYTES
) -> list[int]:
    """Which pictures of these sizes in bytes to keep: evenly spread, the first and the last always.

    At most `most`, and at most `most_bytes` together unless the first and the last alone have more.
    """
    for count in range(min(most, len(sizes)), 1, -1):
        kept = [round(index * (len(sizes) - 1) / (count - 1)) for index in range(count)]
        if sum(sizes[index] for index in kept) <= most_bytes or count == 2:
            return kept
    return list(range(len(sizes)))


def _picture(step: int, path: Path) -> Picture | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    # A PNG begins with its signature and the IHDR chunk, and ends with the IEND chunk.
    begins = content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR"
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    whole = begins and b"IEND" in content[-12:] and width and height
    return Picture(step, width, height, content) if whole else None


@dataclass(frozen=True)
class Figure:
    """A picture with a title and what it shows."""

    title: str
    caption: str
    picture: Picture


def close_look(run: RunFolder) -> list[Figure]:
    """The pictures that training wrote when it ended, as far as they are whole."""
    try:
        found = run.read_json("close-look/captions")
    except PoiseError:
        return []
    step, texts = int(found.get("step") or 0), found.get("pictures")
    figures = []
    for name, text in (texts if isinstance(texts, Mapping) else {}).items():
        picture = _picture(step, run.path / "close-look" / f"{name}.png")
        if picture is not None:
            figures.append(Figure(str(text.get("title", name)), str(text.get("caption", "")), picture))
    return figures


@dataclass(frozen=True)
class Sound:
    """A sound of the run: what it is, and the bytes of its WAV file."""

    title: str
    content: bytes

    @property
    def source(self) -> str:
        """The sound as an address that needs no file."""
        return data_address("audio/wav", self.content)


def sounds_of(run: RunFolder) -> list[Sound]:
    """The sounds that training wrote when it ended, as many as fit, generated ones first."""
    found: list[Sound] = []
    for path in sorted((run.path / "sounds").glob("*.wav")):
        content = path.read_bytes()
        if sum(len(one.content) for one in found) + len(content) <= MOST_BYTES:
            found.append(Sound(path.stem.replace("-", " "), content))
    return found


def sounds_lead(data: Json) -> str:
    """What the sounds are, in a sentence, by the run's `data.json`."""
    condition = data.get("condition")
    if condition_kind(condition).sounds:
        return (
            "Of each recording: itself, what the vocoder makes of its mel spectrogram, and what Griffin-Lim "
            "makes of that without a network."
        )
    return "Sounds of fixed latents, and recordings beside them."


def album_lead(data: Json, album: Album) -> str:
    """What the pictures show, in a sentence or two, by the run's `data.json`."""
    condition = data.get("condition")
    condition = condition if isinstance(condition, Mapping) else {}
    kind = condition_kind(condition)
    if kind.images and condition.get("paired"):
        return (
            "Training pairs are on the left, held-out pairs on the right, each as input, output and target. "
            "If only the left side looks right, the generator has memorised its training pairs."
        )
    if kind.images:
        return "Held-out images of both domains, each as input, translation, and the translation back."
    if kind.sounds:
        return (
            "Each column is a recording, from the top: as it is, what the vocoder makes of its mel "
            "spectrogram, and what Griffin-Lim makes of it without a network. Each wave lies above its "
            "spectrogram."
        )
    lead = str(kind_words(data)["lead"])
    names = shown_names(condition)
    if not (names and album.pictures):
        return lead
    # Training draws a row of samples for each class or tag that fits.
    rows = round(COLUMNS * album.pictures[-1].height / album.pictures[-1].width)
    of_tags = "a tag, with the other tags of some samples of the data" if kind.tags else "a class"
    return f"{lead} Each row is {of_tags}, from the top: {', '.join(names[:rows])}."


def kind_words(data: Json) -> Mapping[str, Any]:
    """What the run's samples are called, what its pictures show, and whether these are grids."""
    words = data.get("words")
    if isinstance(words, Mapping) and {"unit", "lead", "gridded"} <= words.keys():
        return words
    # Earlier versions of Poise did not record them.
    from poise.data import kind_of  # noqa: PLC0415 - it imports torch, which nothing else here needs

    return kind_of(data).words
