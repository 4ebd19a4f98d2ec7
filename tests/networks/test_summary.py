"""What a report says of a network."""

from torch import nn

from poise.networks import describe, parameter_count


def test_shared_layers_count_once_and_frozen_ones_are_not_trainable() -> None:
    shared = nn.Linear(3, 3)
    network = nn.Sequential(
        shared, nn.ReLU(), shared, nn.Linear(3, 1).requires_grad_(False), nn.BatchNorm1d(1)
    )
    assert parameter_count(network) == 12 + 4 + 2
    description = describe(network)
    assert (description["parameters"], description["trainable"], description["buffers"]) == (18, 14, 3)


def test_layers_are_those_that_do_the_work_in_order() -> None:
    attention = nn.MultiheadAttention(4, 2)  # has weights of its own and a layer within
    network = nn.Sequential(nn.Sequential(nn.Linear(4, 4), nn.Tanh()), attention)
    layers = describe(network)["layers"]
    assert [layer["name"] for layer in layers] == ["0.0", "0.1", "1", "1.out_proj"]
    assert [layer["parameters"] for layer in layers] == [20, 0, 4 * 12 + 12, 20]
    assert layers[0]["setting"] == "in_features=4, out_features=4, bias=True"


def test_spectral_norm_adds_no_layer() -> None:
    layer = nn.utils.parametrizations.spectral_norm(nn.Linear(4, 3))
    (only,) = describe(nn.Sequential(layer))["layers"]
    assert (only["kind"], only["parameters"]) == ("Linear", 15)
