"""`poise translate`: from images to images, and from recordings to waves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Device, Json, Number, at_least, emit, line, output, verb
from poise.text import counted, short_path

if TYPE_CHECKING:
    from poise.cli.outputs import OutputFolder
    from poise.generator import Generator

app = verb(
    "translate",
    ("poise translate runs/c sketches --out new", "a folder"),
    ("poise translate runs/c cat.png --out new", "one image"),
    ("poise translate runs/z a.zip --out new --direction b-to-a", "the other way"),
    ("poise translate runs/v recordings --out waves", "by a vocoder"),
)


@app.default
def translate(
    run: Path,
    inputs: Path,
    /,
    *,
    out: Annotated[Path, Parameter(metavar="FOLDER")],
    direction: Annotated[str, Parameter(metavar="WAY")] = "a-to-b",
    seed: Number = 0,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Translate images with the generator of a run on pairs or domains.

    Every image is brought to the size that the run was trained at: its centre,
    resized. Outputs are PNG files under the names of their inputs. A run of
    mel-to-wave takes recordings of any length, and makes a WAV file of the mel
    spectrogram of each.

    Args:
        run: The run's folder.
        inputs: A folder or zip of images, or one image; for a vocoder sounds, or an array in a .npy file.
        out: The folder to write to; nothing that was not made by this command is written over.
        direction: a-to-b, or between domains b-to-a, too.
        seed: Draws the noise, the same for every image.
        device: Where they are translated.
    """
    from poise.cli.events import Notice
    from poise.cli.outputs import OutputFolder, writing_to
    from poise.cli.progress import view_for
    from poise.run_folder import RunFolder

    at_least(0, seed=seed)
    folder = RunFolder.open(run).path
    target = OutputFolder(out, made_by="poise translate", card="translations.json")
    view = view_for(json=json)
    with view.reading(short_path(folder)):
        from poise.data import Pixels, save_image, to_pixels
        from poise.generator import Generator
        from poise.generator.pictures import IMAGES
        from poise.spec import condition_kind

        generator = Generator.load(folder, device=device)
        if condition_kind(generator.condition).sounds:
            return _vocode(generator, folder, inputs, target, json=json)
        dataset = generator.translatable(inputs, direction=direction, refuse_above=1)
        single = [inputs.name] if inputs.suffix.lower() in IMAGES else []
        files = _output_names(single or dataset.files or map(str, range(len(dataset))))
        shape: tuple[int, ...] = ()
        with writing_to(out), target.writing(files, {"direction": direction, "seed": seed}):
            left = iter(files)
            for piece in generator.translations(dataset, direction=direction, seed=seed):
                for pixels in to_pixels(piece, Pixels()):
                    shape, path = pixels.shape, out / next(left)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    save_image(pixels, path)
    for sentence in dataset.notices:
        view.report(Notice(sentence))
    if json:
        refused = [f"{one['file']}: {one['reason']}" for one in dataset.summary.get("refused", [])]
        paths = {"run": str(folder.absolute()), "out": str(out.absolute())}
        made = {"count": len(files), "files": files, "refused": refused}
        made_by = {"shape": list(shape), "step": generator.description["step"]}
        emit({"event": "translations", **paths, **made, "direction": direction, "seed": seed, **made_by})
        return 0
    _, height, width = shape
    size = f"{counted(len(files), 'image')} of {width}x{height}"
    line(output(), "wrote ", (short_path(out), "cyan"), f": {size}, {direction}, seed {seed}")
    return 0


def _vocode(generator: Generator, folder: Path, inputs: Path, target: OutputFolder, *, json: bool) -> int:
    """A WAV file of each recording, made of its mel spectrogram."""
    from poise.cli.outputs import writing_to
    from poise.data.sources.sound_files import encoded_wave
    from poise.generator.vocoding import vocoded, vocoder_of

    rate, made = vocoder_of(generator).rate, list(vocoded(generator, inputs))
    files = _output_names([one.name for one in made], ".wav")
    with writing_to(target.path), target.writing(files, {"rate": rate}):
        for file, one in zip(files, made, strict=True):
            path = target.path / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(encoded_wave(one.wave, rate))
    if json:
        paths = {"run": str(folder.absolute()), "out": str(target.path.absolute())}
        step = generator.description["step"]
        emit({"event": "waves", **paths, "count": len(files), "files": files, "rate": rate, "step": step})
        return 0
    sounds = counted(len(files), "sound")
    line(output(), "wrote ", (short_path(target.path), "cyan"), f": {sounds} of {rate:,} Hz")
    return 0


def _output_names(inputs: Iterable[str], suffix: str = ".png") -> list[str]:
    """Each input's own path with another ending; behind its whole name if two would meet otherwise."""
    names = list(inputs)
    plain = [str(PurePosixPath(name).with_suffix(suffix)) for name in names]
    often = Counter(plain)
    return [
        short if often[short] == 1 else f"{name}{suffix}" for short, name in zip(plain, names, strict=True)
    ]
