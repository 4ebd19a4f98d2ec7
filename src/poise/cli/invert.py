"""`poise invert`: pictures, found in a generator."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from poise.cli.verb import Device, Json, Name, Number, Switch, at_least, emit, line, output, table, verb
from poise.errors import PoiseError
from poise.text import counted, percent, short_path

if TYPE_CHECKING:
    from poise.generator import Generator, Inversion
    from poise.generator.recovery import Recovery

MADE_BY, CARD, LATENTS = "poise invert", "inverted.json", "latents"
LATENT_FILES = [f"{LATENTS}/{name}" for name in ("inversion.safetensors", "inversion.json", "manifest.json")]
SHOWN_LARGER = 4  # Times: a difference of 30 dB would be black
ROWS_OF_A_SHEET = 24
MOST_ROWS_PRINTED = 40

app = verb(
    "invert",
    ("poise invert runs/hands me.jpg", "one picture"),
    ("poise invert runs/hands photos --out found", "a folder"),
    ("poise invert runs/flags a.png --label japan", "its class is known"),
    ("poise invert runs/hands me.jpg --tune runs/me", "and change the weights"),
)


@app.default
def invert(
    run: Path,
    pictures: Path,
    /,
    *,
    out: Annotated[Path | None, Parameter(metavar="FOLDER")] = None,
    label: Name = None,
    tags: Annotated[str | None, Parameter(metavar="TAGS")] = None,
    space: Annotated[str | None, Parameter(metavar="NAME")] = None,
    starts: Number = 8,
    steps: Number = 200,
    own_samples: Number = 16,
    detail: Annotated[float, Parameter(metavar="SHARE")] = 0.25,
    tolerance: Annotated[float, Parameter(metavar="LEVELS")] = 0.5,
    pixels_only: Switch = False,
    tune: Annotated[Path | None, Parameter(metavar="RUN")] = None,
    tune_steps: Number = 200,
    seed: Number = 0,
    device: Device = "auto",
    json: Json = False,
) -> int:
    """Find pictures in a generator: the latents whose samples are nearest.

    First the search is tried on the generator's own samples. If those come
    back, what differs from a picture lies outside of what the generator makes.
    Ctrl-C keeps what is found; the same command again goes on.

    Args:
        run: The run's folder.
        pictures: A picture, or a folder or zip of pictures, brought to the run's size.
        out: The folder to write to; by default inverted in RUN.
        label: The class of all pictures; by default it is searched, too.
        tags: The tags of all pictures; by default they are searched, too.
        space: z, latents; w, styles; w+, a style for each layer, which fits pictures unlike the data, too.
        starts: Starts for each picture, of which half are dropped, and half again.
        steps: Steps of Adam from each start; some of Gauss-Newton follow.
        own_samples: On how many of the generator's own samples the search is tried first; 0 for none.
        detail: How far features of an early layer may leave those of the latent, as a share of how far those
            of samples are from their mean; 0 for the latent alone.
        tolerance: The error in levels of 8 bits up to which one of those counts as found.
        pixels_only: Compare pixels alone, and not the features of the run's discriminator.
        tune: Also change the generator's weights about the pictures, and write that generator to a new run.
        tune_steps: Steps of that.
        seed: Draws the starts.
        device: Where it is searched.
    """
    from poise.cli.outputs import OutputFolder, writing_to
    from poise.cli.working import working
    from poise.data import default_cache
    from poise.generator import Generator, Search
    from poise.generator.likeness import FEATURE_WEIGHT
    from poise.generator.stored_inversion import earlier_inversion, save_inversion
    from poise.run_folder import one_run, refuse_existing

    at_least(0, seed=seed, **{"own samples": own_samples})
    at_least(1, starts=starts, steps=steps, **{"steps of tuning": tune_steps})
    if tolerance <= 0:
        raise PoiseError(f"The tolerance cannot be {tolerance:g}", code="cli.bad-tolerance", hint="give 0.5")
    if detail < 0:
        raise PoiseError(f"The detail cannot be {detail:g}", code="cli.bad-detail", hint="give 0.25, or 0")
    folder = one_run(run).path
    place = folder / "inverted" if out is None else out
    if tune is not None:
        refuse_existing(tune)
    target = OutputFolder(place, made_by=MADE_BY, card=CARD)
    generator = Generator.load(folder, device=device)
    latest: list[Inversion] = []
    with working(json=json) as stages, writing_to(place):

        def tell(tried: Recovery) -> None:
            if json:
                emit({"event": "recovery", **vars(tried), "interval": list(tried.interval)})
            else:
                line(stages.console, _recovery_text(tried))

        def keep(found: Inversion) -> None:
            latest[:] = [found]
            save_inversion(place / LATENTS, found)

        with target.writing(LATENT_FILES, {"run": str(folder.absolute())}):
            try:
                found, stopped = (
                    generator.invert(
                        pictures,
                        space=space,
                        label=label,
                        tags=tags,
                        search=Search(starts=starts, steps=steps, seed=seed),
                        feature_weight=0.0 if pixels_only else FEATURE_WEIGHT,
                        detail=detail,
                        own_samples=own_samples,
                        tolerance=tolerance,
                        cache=default_cache(),
                        earlier=earlier_inversion(place / LATENTS),
                        on_stage=stages,
                        on_recovery=tell,
                        on_found=keep,
                    ),
                    False,
                )
            except KeyboardInterrupt:
                if not latest:
                    raise
                found, stopped = latest[0], True
            save_inversion(place / LATENTS, found)
        sheets = _write_sheets(place, found, folder)
    _report(found, place, sheets, json=json)
    if stopped:
        if not json:
            line(output(), "stopped: the same command again goes on with the other pictures")
        raise KeyboardInterrupt  # The exit status says that it was stopped
    if tune is not None:
        _tune(generator, found, tune, folder, steps=tune_steps, seed=seed, json=json)
    return 0


def _recovery_text(tried: Recovery) -> str:
    low, high = tried.interval
    return (
        f"own samples: {round(tried.rate * tried.samples)} of {tried.samples} come back "
        f"({percent(tried.rate)}, 95 % interval {percent(low)} to {percent(high)}) within "
        f"{tried.tolerance:g} levels of 8 bits; median {tried.psnr:.1f} dB"
    )


def _write_sheets(place: Path, found: Inversion, folder: Path) -> list[str]:
    """Pictures of targets, results and differences, some rows each; their names are returned."""
    import torch

    from poise.cli.outputs import OutputFolder
    from poise.generator.sheets import sheet

    differences = (SHOWN_LARGER * (found.results - found.targets).abs() - 1).clamp(-1, 1)
    cells = torch.stack([found.targets, found.results, differences], 1)
    starts = range(0, len(found), ROWS_OF_A_SHEET)
    names = [f"sheet-{number:02}.png" for number in range(1, len(starts) + 1)]
    target = OutputFolder(place, made_by=MADE_BY, card=CARD)
    with target.writing([*LATENT_FILES, *names], {"run": str(folder.absolute())}):
        for name, start in zip(names, starts, strict=True):
            part = range(start, min(start + ROWS_OF_A_SHEET, len(found)))
            texts = [f"{found.names[row][-24:]}\n{float(found.psnr[row]):.1f} dB" for row in part]
            headings = ("picture", "found", f"difference x {SHOWN_LARGER}")
            sheet(cells[start : part.stop], rows=texts, columns=headings).save(place / name)
    return names


def _report(found: Inversion, place: Path, sheets: list[str], *, json: bool) -> None:
    rows = [
        {
            "picture": name,
            "psnr": float(found.psnr[row]),
            "latent_psnr": float(found.plain_psnr[row]),
            "ssim": float(found.ssim[row]),
            "feature_distance": None if found.features is None else float(found.features[row]),
            "spread": float(found.spread[row]),
        }
        for row, name in enumerate(found.names)
    ]
    if json:
        paths = {"out": str(place.absolute()), "sheets": sheets}
        emit(
            {
                "event": "inversion",
                **paths,
                "space": found.space,
                "generator": found.generator,
                "pictures": rows,
                "verdict": found.verdict,
                "notices": list(found.notices),
            }
        )
        return
    console = output()
    for notice in found.notices:
        line(console, notice)
    shown = table("picture", "PSNR", "latent alone", "SSIM", "features", "spread")
    for row in rows[:MOST_ROWS_PRINTED]:
        apart = row["feature_distance"]
        shown.add_row(
            str(row["picture"]),
            f"{row['psnr']:.1f} dB",
            f"{row['latent_psnr']:.1f} dB",
            f"{row['ssim']:.3f}",
            "" if apart is None else f"{apart:.3f}",
            f"{row['spread']:.1f} dB",
        )
    console.print(shown)
    if len(rows) > MOST_ROWS_PRINTED:
        line(console, f"and {len(rows) - MOST_ROWS_PRINTED} more, in {short_path(place / LATENTS)}")
    line(console, found.verdict)
    what = f"{counted(len(found), 'picture')} in {found.space}: {', '.join(sheets)} and the latents"
    line(console, "wrote ", (short_path(place), "cyan"), f": {what}")


def _tune(
    generator: Generator, found: Inversion, tune: Path, folder: Path, *, steps: int, seed: int, json: bool
) -> None:
    """Change the weights, write them into a new run, and report what it costs."""
    from poise.cli.working import working
    from poise.generator.stored_inversion import save_inversion
    from poise.generator.tuning import save_tuned, tuned_inversion
    from poise.generator.tuning import tune as tuned_by

    with working(json=json) as stages:
        words = "changing the weights"
        tuned = tuned_by(generator, found, steps=steps, seed=seed, on_step=lambda share: stages(words, share))
    save_tuned(tune, tuned, folder)
    save_inversion(tune / "inverted" / LATENTS, tuned_inversion(found, tuned))
    before, after = float(tuned.psnr_before.mean()), float(tuned.psnr_after.mean())
    if json:
        cost = {"moved": tuned.moved, "apart": tuned.apart}
        cost |= {"frechet": tuned.frechet, "frechet_floor": tuned.frechet_floor}
        paths = {"event": "tuned", "run": str(tune.absolute())}
        emit({**paths, "psnr_before": before, "psnr_after": after, **cost})
        return
    console = output()
    line(console, f"tuned: {before:.1f} dB before, {after:.1f} dB after, in the mean of the pictures")
    line(
        console,
        f"it costs other samples: they moved by {tuned.moved:.3f}, while two samples are {tuned.apart:.3f} "
        f"apart; Fréchet distance to those before {tuned.frechet:.3g}, without tuning "
        f"{tuned.frechet_floor:.3g}",
    )
    line(console, "wrote ", (short_path(tune), "cyan"), ": a run with the tuned generator")
