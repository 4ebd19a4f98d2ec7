"""`poise walk`: a moving picture from sample to sample."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from poise.cli.verb import Device, Json, Name, Names, Number, Switch, at_least, emit, line, output, verb
from poise.errors import PoiseError, unknown_name
from poise.text import counted, first_few, short_path

if TYPE_CHECKING:
    from poise.generator import Generator
    from poise.generator.naming import SampleName
    from poise.generator.walks import Walk

app = verb(
    "walk",
    ("poise walk runs/demo", "a loop of six seconds"),
    ("poise walk runs/demo -n 9 --out walk.gif", "nine walks in a grid"),
    ("poise walk runs/demo --through 3 17 42", "through these seeds and back"),
    ("poise walk runs/flags --classes japan,kenya", "from class to class"),
    ("poise walk runs/demo --seconds 20 --out walk.mp4", "a video"),
)


@app.default
def walk(
    run: Path,
    /,
    *,
    count: Annotated[int, Parameter(name=("-n", "--count"), metavar="N")] = 1,
    seed: Number = 0,
    through: Names = (),
    label: Name = None,
    classes: Annotated[str | None, Parameter(metavar="NAMES")] = None,
    seconds: Annotated[float, Parameter(metavar="NUMBER")] = 6.0,
    fps: Annotated[float, Parameter(metavar="NUMBER")] = 30.0,
    space: Literal["z", "w"] | None = None,
    truncation: Annotated[float | None, Parameter(metavar="NUMBER")] = None,
    one_way: Switch = False,
    out: Annotated[str | None, Parameter(metavar="FILE")] = None,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Walk through the samples of a run, as a moving picture.

    Every frame is as likely as any sample: latents move on a circle, or along
    a curve that keeps their law. Styles, if there are some, move on a spline.

    Args:
        run: The run's folder.
        count: Walks side by side, in a grid.
        seed: Draws the points of the walk.
        through: Seeds, names or PNG files of samples to pass, in this order.
        label: The class of all frames.
        classes: Classes to pass, with commas between; frames between two are of neither.
        seconds: How long it lasts.
        fps: Frames a second.
        space: z for latents, w for styles; by default styles if the network has some.
        truncation: Below 1 frames are more typical; of generators with styles.
        one_way: End at the last point, and do not return to the first.
        out: A .webp, .gif or .mp4; by default a .webp in the run.
        device: Where it is drawn.
    """
    from poise.cli.outputs import whole_file, would_overwrite, writing_to
    from poise.cli.progress import view_for
    from poise.generator.moving import check_format, is_ours
    from poise.run_folder import one_run

    at_least(1, walks=count)
    at_least(0, seed=seed)
    frames = _frames(seconds, fps, label, classes)
    folder = one_run(run).path
    path = folder / f"walk-seed{seed}.webp" if out is None else Path(out).expanduser()
    check_format(path)
    if path.exists() and not is_ours(path):
        raise would_overwrite(path)
    with view_for(json=json).reading(short_path(folder)), writing_to(path):
        from poise.generator.again import named_generator
        from poise.generator.marks import marks_of
        from poise.generator.moving import frame_picture, save_moving
        from poise.generator.naming import inputs_of
        from poise.generator.styles import has_styles
        from poise.generator.walks import KEYS, frames_of, plan_walk

        named = passed(through)
        generator = named_generator(folder, named, device=device)
        if truncation is not None:
            generator = generator.truncated(truncation)
        between = asked_classes(generator, classes)
        in_styles = has_styles(generator) if space is None else space == "w"
        points = len(between) or len(through) or (KEYS if in_styles or one_way else 2)
        names = _points(generator, folder, through, points, count, seed, label, between)
        latent, condition = inputs_of(generator, [name for key in names for name in key])
        if condition is not None:
            condition = condition.unflatten(0, (len(names), count))
            condition = condition if between or through else condition[:1].expand_as(condition)
        planned = plan_walk(
            generator,
            latent.unflatten(0, (len(names), count)),
            condition,
            frames=frames,
            space=space,
            closed=not one_way,
            circling=not (through or between or one_way),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        marks = marks_of(
            [name for key in names for name in key], {"made_by": "poise walk", "space": planned.space}
        )
        with whole_file(path) as partial:
            pictures = map(frame_picture, frames_of(generator, planned))
            save_moving(pictures, partial, count=frames, fps=fps, marks=marks)
    _tell(folder, path, planned, [str(name) for key in names for name in key], fps=fps, json=json)
    return 0


def _tell(folder: Path, path: Path, walk: Walk, names: list[str], *, fps: float, json: bool) -> None:
    if json:
        paths = {"run": str(folder.absolute()), "walk": str(path.absolute())}
        about = {"frames": walk.frames, "fps": fps, "space": walk.space, "names": names}
        emit({"event": "walk", **paths, **about, "off_the_training_law": walk.off_the_law})
        return
    size = f"{path.stat().st_size / 1000:,.0f} KB"
    walks = counted(walk.latents.shape[1], "walk")
    what = f": {walks}, {counted(walk.frames, 'frame')} at {fps:g} a second, {size}"
    line(output(), "wrote ", (short_path(path), "cyan"), what)
    line(output(), "through: ", first_few(names, most=6))
    if walk.off_the_law:
        line(output(), "frames between classes are off the law of the training data: it held no mixed ones")


def _frames(seconds: float, fps: float, label: str | None, classes: str | None) -> int:
    """How many frames; options that cannot be are refused."""
    if label is not None and classes is not None:
        what, hint = "--label and --classes cannot both be given", "leave one of them out"
        raise PoiseError(what, code="cli.label-and-classes", hint=hint)
    for name, value in (("seconds", seconds), ("fps", fps)):
        if not 0 < value <= 600:
            what = f"--{name} cannot be {value:g}"
            raise PoiseError(what, code=f"cli.bad-{name}", hint="give a number above 0 and up to 600")
    return max(2, round(seconds * fps))


def passed(through: tuple[str, ...]) -> list[SampleName]:
    """The names among the samples that a person gives; the others are seeds."""
    from poise.generator.again import read_names

    return read_names(word for word in through if not word.isdecimal())


def asked_classes(generator: Generator, classes: str | None) -> list[str]:
    """The classes that a person names, with commas between; at least two."""
    if classes is None:
        return []
    asked = [one.strip() for one in classes.split(",") if one.strip()]
    for one in asked:
        if one not in generator.classes:
            raise unknown_name("class", one, generator.classes)
    if len(asked) < 2:
        what, hint = "From class to class needs two classes", "name more: --classes a,b"
        raise PoiseError(what, code="cli.one-class", hint=hint)
    return asked


def _points(
    generator: Generator,
    folder: Path,
    through: tuple[str, ...],
    points: int,
    count: int,
    seed: int,
    label: str | None,
    between: list[str],
) -> list[list[SampleName]]:
    """The names of the samples that each walk passes, by point and by walk."""
    from poise.generator.again import read_names
    from poise.generator.naming import name_of

    first = name_of(generator, folder, seed=seed, label=label)
    made: list[list[SampleName]] = []
    for place in range(points):
        word = through[place % len(through)] if through else None
        if word is None:  # from class to class with one latent, so that only the class changes
            indices = [walk if between else place + points * walk for walk in range(count)]
            key = [replace(first, index=index) for index in indices]
        elif word.isdecimal():
            key = [replace(first, seed=int(word), index=walk) for walk in range(count)]
        else:
            named = read_names([word])[0]
            key = [replace(named, index=named.index + walk) for walk in range(count)]
        made.append([replace(name, label=between[place]) for name in key] if between else key)
    return made
