"""Mixed samples: the ends are the samples themselves, and layers come from where they should."""

from __future__ import annotations

import pytest
import torch

from poise.errors import PoiseError
from poise.generator.mixing import mix_classes, mix_styles, mixed, read_layers
from poise.generator.styles import styles_of

from .families import family


def test_all_layers_of_the_columns_are_the_columns_samples() -> None:
    generator = family("stylegan2").truncated(0.6)
    rows, columns = generator.latents(2, seed=1), generator.latents(3, seed=2)
    count = styles_of(generator).layers
    made = mix_styles(generator, (rows, None), (columns, None), f"0-{count - 1}")
    assert made.shape == (2, 3, 3, 8, 8)
    for row in made:
        assert torch.allclose(row, generator(columns), atol=1e-5)


def test_some_layers_are_of_both() -> None:
    generator = family("stylegan2")
    rows, columns = generator.latents(2, seed=1), generator.latents(3, seed=2)
    made = mix_styles(generator, (rows, None), (columns, None), "0-1")
    styles = styles_of(generator)
    by_hand = styles.of(rows)[1:2, None].expand(-1, styles.layers, -1).clone()
    by_hand[:, :2] = styles.of(columns)[2]
    assert torch.allclose(made[1, 2], styles.images(by_hand)[0], atol=1e-6)
    assert not torch.allclose(made[1, 2], generator(rows)[1], atol=1e-3)
    assert not torch.allclose(made[1, 2], generator(columns)[2], atol=1e-3)


@pytest.mark.parametrize("name", ["stylegan2", "progressive"])
def test_pure_classes_are_the_samples_of_classes(name: str) -> None:
    generator = family(name, classes=True)
    latents, path = generator.latents(2, seed=1), torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0], [0, 1.0, 0]])
    made = mix_classes(generator, latents, path)
    for column in (0, 2):
        assert torch.allclose(made[:, column], generator(latents, path[[column]].expand(2, -1)), atol=1e-5)


def test_layers_of_classes_begin_at_the_first_class() -> None:
    generator = family("stylegan2", classes=True)
    latents, path = generator.latents(1, seed=1), torch.eye(3)
    made = mix_classes(generator, latents, path, "0-0")[0]
    assert torch.allclose(made[:1], generator(latents, path[:1]), atol=1e-5)
    assert not torch.allclose(made[1:2], generator(latents, path[1:2]), atol=1e-4)


def test_mixed_takes_the_named_layers() -> None:
    made = mixed(torch.zeros(2, 1), torch.ones(1, 1), read_layers("1", 4), 4)
    assert made[:, 0, :, 0].tolist() == [[0, 1, 0, 0]] * 2


@pytest.mark.parametrize("text", ["", "a", "3-1", "-1", "0-8", "9", "1-2-3"])
def test_layers_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(PoiseError) as caught:
        read_layers(text, 8)
    assert caught.value.code == "generator.no-such-layers"


def test_a_generator_without_styles_is_refused() -> None:
    generator = family("dcgan")
    side = (generator.latents(1), None)
    with pytest.raises(PoiseError) as caught:
        mix_styles(generator, side, side, "0-1")
    assert caught.value.code == "generator.no-styles"
