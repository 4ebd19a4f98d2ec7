"""A trained generator, loaded from a run without its data."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from poise.data import Dataset, kind_of
from poise.data.graphs import NetworkxGraph, networkx_graphs
from poise.data.tables import Frame, read_frame
from poise.devices import pick_device
from poise.errors import PoiseError, unknown_name
from poise.generator.imputing import expected as expected_rows
from poise.generator.imputing import imputed
from poise.generator.inverted import Inversion, invert
from poise.generator.network import fill, network_of, reading_description, stored_generator
from poise.generator.pretrained import folder_of
from poise.generator.ratio import SampleRatio, ratio_of_run
from poise.generator.refining import REFINEMENTS, Candidates, Refined
from poise.generator.rows import Conditioned, rows_where, table_of
from poise.generator.sampling import (
    class_names,
    conditions_by_row,
    generate,
    sample_conditions,
    sample_latents,
    tag_names,
)
from poise.generator.translating import input_shape, translatable, translated, translations, ways_of
from poise.generator.vocoding import vocoded
from poise.randomness import derive
from poise.recipes.settings import Latent
from poise.registry import takes
from poise.run_folder import RunFolder, one_run
from poise.spec import shown_names


class Generator:
    """Samples from a trained generator.

    Args:
        module: The network, `(N, latent_size)` to `(N, *shape)`.
        description: The content of `generator.json`.
        run: The run that it is of, whose discriminator refines samples; `None` if there is none.
        checkpoint: The checkpoint of the run that its weights are from, if one was named.

    Example:
        >>> generator = Generator.load("runs/demo")  # doctest: +SKIP
        >>> generator.sample(16, seed=1).shape  # doctest: +SKIP
        (16, 1, 8, 8)
    """

    def __init__(
        self,
        module: nn.Module,
        description: Mapping[str, Any],
        *,
        run: RunFolder | None = None,
        checkpoint: int | Literal["best"] | None = None,
    ) -> None:
        self.module = module.eval().requires_grad_(False)
        self.description = dict(description)
        self.shape: tuple[int, ...] = tuple(description["shape"])
        self.latent = Latent.model_validate(description["latent"])
        self.kind = kind_of(description)
        self.transform = self.kind.load_transform(description["encoding"])
        self.condition: Mapping[str, Any] | None = description.get("condition")
        self.truncation = 1.0
        self.run, self.checkpoint = run, checkpoint

    @staticmethod
    def load(
        run: Path | str,
        *,
        module: nn.Module | None = None,
        device: str | torch.device = "cpu",
        checkpoint: int | Literal["best"] | None = None,
    ) -> Generator:
        """Load the averaged generator of a run.

        Args:
            run: The run's folder.
            module: Your own generator module, for a run that was trained with one.
            device: The device for it, such as `"cuda"`; `"auto"` takes CUDA if it is there.
            checkpoint: The step of a checkpoint, or `"best"`, to take the weights from; `None` takes the
                newest generator.

        Raises:
            PoiseError: There is none yet, it is damaged, or it needs your own module.
        """
        folder = one_run(run)
        place = pick_device(device, float64=True) if isinstance(device, str) else device
        tensors, description = stored_generator(folder, checkpoint)
        with reading_description(folder):
            network = network_of(description, module, folder)
            own = None if folder.is_generator else folder
            generator = Generator(network, description, run=own, checkpoint=checkpoint)
        fill(network, tensors, folder)
        generator.module.to(place)
        return generator

    @staticmethod
    def from_pretrained(
        name: Path | str, *, revision: str | None = None, device: str | torch.device = "cpu"
    ) -> Generator:
        """Load a generator from a folder, or from the Hugging Face Hub.

        Args:
            name: A folder that `poise export --to hub` or `poise import` wrote, or a run; or the
                `"user/name"` of a model on the hub, which needs the extra `hub`.
            revision: The branch, tag or commit on the hub.
            device: The device for it.

        Raises:
            PoiseError: There is no such folder or model, it is damaged, or the extra is missing.

        Example:
            >>> Generator.from_pretrained("exports/hands").sample(16)  # doctest: +SKIP
        """
        return Generator.load(folder_of(name, revision=revision), device=device)

    def latents(self, count: int, *, seed: int = 0) -> Tensor:
        """Latents of a seed, `(count, latent_size)`; the first of a larger count are the same."""
        return sample_latents(count, self.latent, seed=seed).to(self._device)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes; none if the generator knows no classes."""
        return class_names(self.condition)

    @property
    def tags(self) -> tuple[str, ...]:
        """The names of the tags; none if the generator takes no tags."""
        return tag_names(self.condition)

    @property
    def rows(self) -> tuple[str, ...]:
        """The names of the rows of `class_grid`: every class, or the most frequent tags, the first first."""
        return shown_names(self.condition)

    def conditions(
        self,
        count: int,
        *,
        seed: int = 0,
        label: str | None = None,
        tags: str | Sequence[str] | None = None,
    ) -> Tensor | None:
        """Conditions as the generator takes them, `(count, condition_size)`; `None` if it takes none.

        Classes, lists of tags and numbers are drawn as often as in the data; with `label` or `tags` all are
        those.
        """
        drawn = sample_conditions(self.condition, count, seed=seed, label=label, tags=tags)
        return None if drawn is None else drawn.to(self._device)

    @property
    def _device(self) -> torch.device:
        return next((value.device for value in self.module.state_dict().values()), torch.device("cpu"))

    def truncated(self, truncation: float) -> Generator:
        """The same generator with styles nearer to their mean: samples that vary less and are more typical.

        Args:
            truncation: How far styles stay from their mean: 1 for all of the way, 0 for one sample only.

        Raises:
            PoiseError: It has no styles, or the number is not from 0 to 2.

        Example:
            >>> Generator.load("runs/hands").truncated(0.7).sample(16)  # doctest: +SKIP
        """
        if not takes(self.module.forward, "truncation"):
            what = "This generator cannot be truncated"
            why = "it has no styles with a running mean"
            hint = "leave truncation out, or train with --recipe stylegan2"
            raise PoiseError(what, code="generator.no-truncation", why=why, hint=hint)
        if not 0 <= truncation <= 2:
            what = f"The truncation cannot be {truncation:g}"
            hint = "give a number from 0 to 2; 0.7 is usual"
            raise PoiseError(what, code="generator.truncation-out-of-range", hint=hint)
        other = copy.copy(self)
        other.truncation = truncation
        vars(other).pop("ratio", None)  # its samples have another density
        return other

    def _made(self, latent: Tensor, condition: Tensor | None) -> Tensor:
        return generate(self._network, latent, condition)

    @property
    def _network(self) -> Callable[..., Tensor]:
        return self.module if self.truncation == 1 else partial(self.module, truncation=self.truncation)

    def __call__(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Raw samples of latents: `(N, C, H, W)` in [-1, 1], or `(N, d)` in data units; on the CPU."""
        return self.kind.sample(self._made(latent, condition), self.transform)

    def exported(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """What an exported program returns for latents; on the CPU."""
        return self.kind.as_exported(self._made(latent, condition), self.transform)

    @torch.no_grad()
    def data(self, latent: Tensor, condition: Tensor | None = None) -> Tensor:
        """Samples of latents as data: images as bytes, vectors in the units of the data; on the CPU."""
        return self.kind.to_data(self._made(latent, condition), self.transform)

    def sample(
        self,
        count: int = 64,
        *,
        seed: int = 0,
        label: str | None = None,
        tags: str | Sequence[str] | None = None,
        refine: str | None = None,
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Raw samples of a seed.

        Args:
            count: How many, at least 1.
            seed: Draws the latents, and the conditions if none is given.
            label: The class that is wanted, of a conditional generator.
            tags: The tags that are wanted and no others, as names or as a text with commas between them.
            refine: `"reject"`, `"chain"`, `"weights"` or `"langevin"`, as for `refined`.

        Returns:
            `(count, C, H, W)` float32 in [-1, 1], or `(count, d)` float32 in data units.

        Raises:
            PoiseError: There is no such class, or no such tag; or whatever `refined` refuses.
        """
        if refine is not None:
            chosen = self.refined(count, refine, seed=seed, label=label, tags=tags)
            return self(chosen.latents, chosen.conditions).numpy()
        condition = self.conditions(count, seed=seed, label=label, tags=tags)
        return self(self.latents(count, seed=seed), condition).numpy()

    def refined(
        self,
        count: int,
        method: str,
        *,
        seed: int = 0,
        label: str | None = None,
        tags: str | Sequence[str] | None = None,
    ) -> Refined:
        """Latents of samples nearer to the data, by the discriminator of the run.

        Args:
            count: How many.
            method: `"reject"` and `"chain"` choose among the plain samples of the seed, `"weights"` draws
                some of these several times, and `"langevin"` moves latents.
            seed: Of the plain samples, and of what is accepted.
            label: As for `sample`.
            tags: As for `sample`.

        Returns:
            Latents and conditions, and which share was accepted.

        Raises:
            PoiseError: There is no such method, or whatever `ratio` refuses.

        Example:
            >>> chosen = Generator.load("runs/demo").refined(64, "reject")  # doctest: +SKIP
            >>> print(chosen.text)  # doctest: +SKIP
        """
        if method not in REFINEMENTS:
            raise unknown_name("refinement", method, REFINEMENTS)
        ratio = self.ratio

        def draw(number: int) -> tuple[Tensor, Tensor | None]:
            given = self.conditions(number, seed=seed, label=label, tags=tags)
            return self.latents(number, seed=seed), given

        def log_ratio(latent: Tensor, condition: Tensor | None) -> Tensor:
            inputs = [latent] if condition is None else [latent, condition]
            return ratio.log_ratio(self._network(*inputs).float(), condition)

        return REFINEMENTS[method](Candidates(draw, log_ratio, ratio.largest, self.latent, seed), count)

    @cached_property
    def ratio(self) -> SampleRatio:
        """The log ratio of the run's data over its samples, by its discriminator, fitted on held-out rows.

        Raises:
            PoiseError: This is no generator of a run; the scores of the run's loss are no log ratios; its
                data or its discriminator are gone; or too few rows were held out.
        """
        if self.run is None:
            what = "This generator comes without its run, so that its samples cannot be refined"
            why = "the discriminator is in the run's checkpoints and not in a generator's folder"
            hint = "sample from the folder of the run, or without refine"
            raise PoiseError(what, code="generator.refine-needs-run", why=why, hint=hint)
        own = derive(int(self.description.get("seed") or 0), 0, "samples of a density ratio")

        def draw(count: int) -> tuple[Tensor, Tensor | None]:
            condition = self.conditions(count, seed=own)
            return self._made(self.latents(count, seed=own), condition), condition

        step = self.description.get("step")
        return ratio_of_run(self.run, draw, step=step, which=self.checkpoint, device=self._device)

    def table(self, count: int = 64, *, seed: int = 0, where: str | None = None) -> dict[str, list[Any]]:
        """Rows of a table by column, as numbers, texts and `None`; `polars.DataFrame` takes them.

        Args:
            count: How many, at least 1.
            seed: Draws them.
            where: A condition that every row meets, such as `"income == '>50K' and age > 40"`.

        Raises:
            PoiseError: It makes no tables, or it is no condition that rows meet.
        """
        transform = table_of(self)
        if where is None:
            stored = transform.decode(self._made(self.latents(count, seed=seed), None)).numpy()
        else:
            stored = self.where(where, count, seed=seed).rows
        return transform.typed(transform.texts(stored))

    def where(self, condition: str, count: int = 64, *, seed: int = 0) -> Conditioned:
        """Stored rows that meet a condition, with its probability; see `table` for rows by column."""
        return rows_where(self, condition, count, seed=seed)

    def impute(
        self, data: Any, *, draws: int = 1, expected: bool = False, seed: int = 0
    ) -> list[dict[str, list[Any]]]:
        """Tables whose missing cells are filled in, as `table` returns them; `draws` of them.

        Args:
            data: A CSV or Parquet file, or a data frame, with the columns that were trained on.
            draws: How many tables: their differences show what is not known.
            expected: One table in their place, with the expected number or the most probable category.
            seed: Draws them.

        Raises:
            PoiseError: It makes no tables, or the data have other columns or values.
        """
        transform, frame = table_of(self), self.frame(data)
        if expected:
            guesses = expected_rows(self, frame.columns, seed=seed, name=frame.name)
            return [transform.typed(guesses)]
        filled = imputed(self, frame.columns, draws=draws, seed=seed, name=frame.name)
        return [transform.typed(texts) for texts in filled]

    def frame(self, data: Any) -> Frame:
        """A table to be filled in, as text."""
        table_of(self)
        path = Path(data) if isinstance(data, str | Path) else None
        return read_frame(data, path, type(data).__name__ if path is None else str(path))

    def graphs(self, count: int = 64, *, seed: int = 0) -> list[NetworkxGraph]:
        """Graphs of networkx, with the attributes that the data had.

        Args:
            count: How many, at least 1.
            seed: Draws them: the same as those of `sample`.

        Raises:
            PoiseError: It makes no graphs.
        """
        if self.kind.graphs is None:
            what = f"This generator makes {self.kind.plural} and no graphs"
            raise PoiseError(what, code="generator.no-graphs", hint="call sample()")
        return networkx_graphs(self(self.latents(count, seed=seed)), self.kind.graphs(self.transform))

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions in which it translates images, `"a-to-b"` first; none if it needs noise only."""
        return tuple(ways_of(self))

    def translate(
        self, images: Any, *, direction: str = "a-to-b", seed: int = 0
    ) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Images made of images.

        Args:
            images: A picture, a folder or zip, a `.npy` file, an array or a tensor of images; brought to the
                size that the run was trained at.
            direction: `"a-to-b"`, from source to target or from the first domain to the second; or, between
                domains, `"b-to-a"`.
            seed: Draws the noise, the same for every image.

        Returns:
            `(N, C, H, W)` float32 in [-1, 1].

        Raises:
            PoiseError: It makes its samples from noise, has no such direction, or the images cannot be used.
        """
        dataset = self.translatable(images, direction=direction)
        pieces = self.translations(dataset, direction=direction, seed=seed)
        return np.concatenate([piece.numpy() for piece in pieces])

    def vocode(self, sounds: Any) -> dict[str, np.ndarray[Any, np.dtype[np.float32]]]:
        """Waves made of the mel spectrograms of recordings, each as long and as loud as its recording.

        Args:
            sounds: A folder or zip of WAV and FLAC files, or one of them; a `.npy` file, an array or a tensor
                of waves `(N, T)` of the run's rate, or of logarithms `(N, bands, frames)` as
                `poise.data.mel.MelSpectrogram` makes them.

        Returns:
            `(T,)` by the name of the file, or by the number of the row.

        Raises:
            PoiseError: It is no vocoder, or the sounds cannot be used.

        Example:
            >>> Generator.load("runs/voices").vocode("recordings/")["hello.wav"]  # doctest: +SKIP
        """
        return {made.name: made.wave for made in vocoded(self, sounds)}

    def translatable(self, images: Any, *, direction: str = "a-to-b", refuse_above: float = 0.01) -> Dataset:
        """The images of `translate`, opened at the size and with the channels that the generator takes."""
        return translatable(self, images, direction=direction, refuse_above=refuse_above)

    def input_shape(self, direction: str) -> tuple[int, ...]:
        """The shape `(C, H, W)` of the images that one direction takes."""
        return input_shape(self, direction)

    def translations(self, dataset: Dataset, *, direction: str = "a-to-b", seed: int = 0) -> Iterator[Tensor]:
        """The result of `translate`, piece by piece, of what `translatable` returned."""
        return translations(self, dataset, direction=direction, seed=seed)

    def translated(self, images: Tensor, *, direction: str = "a-to-b", seed: int = 0) -> Tensor:
        """Translations `(N, C, H, W)`, on the CPU, of images of `input_shape`; all in [-1, 1]."""
        latent = self.latents(1, seed=seed).expand(len(images), -1)
        way, own = ways_of(self)[direction], derive(seed, 0, "translation")
        return translated(way, latent, images.to(self._device), seed=own).clamp(-1, 1)

    def grid(
        self,
        count: int = 64,
        *,
        seed: int = 0,
        label: str | None = None,
        tags: str | Sequence[str] | None = None,
    ) -> Image.Image:
        """A picture of samples: a grid of images, or a scatter of points."""
        condition = self.conditions(count, seed=seed, label=label, tags=tags)
        return self.picture(self.latents(count, seed=seed), condition)

    def class_grid(self, columns: int = 8, *, seed: int = 0) -> Image.Image:
        """A picture with a row for each of `rows`; a column shares its latent.

        A row of a tag has the lists of tags of samples of the data that have that tag.
        """
        condition = conditions_by_row(self.condition, columns, seed=seed)
        if condition is None:
            what = "This generator knows no classes"
            raise PoiseError(what, code="generator.no-classes", hint="train with --recipe conditional")
        latent = self.latents(columns, seed=seed).repeat(len(self.rows), 1)
        return self.picture(latent, condition.to(self._device), columns=columns)

    def invert(self, pictures: Any, **settings: Any) -> Inversion:
        """Find pictures in the generator: the latents or styles whose samples are nearest to them.

        Args:
            pictures: A picture, a folder or zip, a `.npy` file, an array or a tensor of images.
            settings: Those of `poise.generator.inverted.invert`: `space`, `label`, `search` and others.

        Raises:
            PoiseError: It makes no pictures of latents, the pictures cannot be read, or there is no such
                class.

        Example:
            >>> found = Generator.load("runs/hands").invert("my-hand.jpg")  # doctest: +SKIP
            >>> found.psnr, found.recovery.rate  # doctest: +SKIP
        """
        return invert(self, pictures, **settings)

    def picture(
        self,
        latent: Tensor,
        condition: Tensor | None = None,
        *,
        columns: int | None = None,
        real: Tensor | None = None,
    ) -> Image.Image:
        """A picture of the samples of latents `(N, latent_size)` under conditions `(N, ...)`.

        `real` ones, as networks see them, lie beneath if the kind has no cells.
        """
        made = self._made(latent, condition)
        return self.kind.picture(made, self.transform, self.shape, columns=columns, real=real)
