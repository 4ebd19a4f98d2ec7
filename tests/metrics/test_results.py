"""The record of a result: one line, JSON, and the refusal to compare what cannot be compared."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from poise.errors import PoiseError
from poise.metrics import METRICS, Result, compare, frechet_distance, kernel_distance
from poise.metrics import precision_recall_density_coverage as neighbourhoods
from poise.metrics.arrays import as_features, digest_of_rows, fingerprint_of_features
from poise.metrics.intervals import splits
from poise.metrics.lines import lines_of, results_of
from poise.run_folder import RunFolder


def normal(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


REAL = normal(0, 120, 4)


def test_one_line_holds_the_protocol() -> None:
    result = replace(frechet_distance(REAL, REAL + 1), extractor="pixels", weights_hash="ab" * 32)
    line = str(result)
    assert "\n" not in line
    for part in (
        "frechet-distance",
        "[",
        "floor",
        "real 120, fake 120",
        "pixels abababababab",
        result.reference[:12],
    ):
        assert part in line


@pytest.mark.parametrize("result", [frechet_distance(REAL, REAL + 1), neighbourhoods(REAL, REAL + 1)])
def test_json_and_back(result: Result) -> None:
    text = json.dumps(result.to_json(), allow_nan=False)
    assert Result.from_json(json.loads(text)) == result
    assert {
        "value",
        "interval",
        "floor",
        "samples",
        "extractor",
        "weights_hash",
        "reference",
        "seconds",
    } <= set(json.loads(text))


def test_other_json_is_refused() -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-a-result"):
        Result.from_json({"metric": "fid", "value": 3.0})


@pytest.mark.parametrize(
    ("other", "named"),
    [
        (kernel_distance(REAL, REAL + 1), "metric"),
        (frechet_distance(REAL, REAL[:100]), "number of fake samples: 120 against 100"),
        (frechet_distance(REAL + 1e-9, REAL), "reference"),
        (
            replace(frechet_distance(REAL, REAL), extractor="pixels"),
            "extractor: features as given against pixels",
        ),
        (replace(frechet_distance(REAL, REAL), weights_hash="00"), "weights of the extractor"),
        (replace(frechet_distance(REAL, REAL), preparation="224 x 224"), "preparation of the images"),
    ],
)
def test_different_protocols_are_not_compared(other: Result, named: str) -> None:
    with pytest.raises(
        PoiseError, match=named, check=lambda error: error.code == "metrics.different-protocols"
    ):
        compare(frechet_distance(REAL, REAL), other)


def test_settings_are_part_of_the_protocol() -> None:
    with pytest.raises(PoiseError, match="setting 'k': 5 against 3"):
        compare(neighbourhoods(REAL, REAL), neighbourhoods(REAL, REAL, 3))


def test_a_difference_within_and_one_beyond_the_interval() -> None:
    near, alike, far = (
        frechet_distance(REAL, normal(seed, 120, 4) + shift) for seed, shift in ((1, 0), (2, 0), (3, 2))
    )
    assert compare(near, alike).beyond == {"frechet-distance": False}
    found = compare(near, far)
    assert found.beyond == {"frechet-distance": True}
    assert found.differences["frechet-distance"] == pytest.approx(float(far) - float(near))
    assert "beyond the interval" in str(found)
    bare = compare(replace(near, interval=None), far)
    assert bare.beyond == {"frechet-distance": None}


def test_several_numbers_are_no_float() -> None:
    with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.several-numbers"):
        float(neighbourhoods(REAL, REAL))


def test_infinite_numbers_are_compared() -> None:
    def support(value: float) -> Result:
        return Result("birthday-test", value, (10.0, math.inf), "closed form", None, "none", {"fake": 9})

    assert compare(support(math.inf), support(math.inf)).differences == {"birthday-test": 0.0}
    assert compare(support(math.inf), support(math.inf)).beyond == {"birthday-test": False}
    assert compare(support(20.0), support(math.inf)).beyond == {"birthday-test": None}


@pytest.mark.parametrize(
    "name", [name for name, metric in METRICS.items() if metric.needs == ("real", "fake")]
)
class TestBadInput:
    def test_features_that_are_not_finite(self, name: str) -> None:
        broken = REAL.clone()
        broken[3, 1] = torch.nan
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-finite"):
            METRICS[name].measure(REAL, broken)

    def test_different_widths(self, name: str) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-widths"):
            METRICS[name].measure(REAL, REAL[:, :3])

    def test_too_few(self, name: str) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.too-few-samples"):
            METRICS[name].measure(REAL, REAL[:1])

    def test_images_where_features_are_wanted(self, name: str) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-features"):
            METRICS[name].measure(REAL.reshape(-1, 2, 2), REAL)

    def test_different_ranges(self, name: str) -> None:
        pixels = (REAL - REAL.min()) / (REAL.max() - REAL.min())
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.different-ranges"):
            METRICS[name].measure((255 * pixels).round(), 2 * pixels - 1)

    def test_things_that_are_no_numbers(self, name: str) -> None:
        with pytest.raises(PoiseError, check=lambda error: error.code == "metrics.not-numbers"):
            METRICS[name].measure([object()], REAL)


def test_arrays_tensors_and_lists_are_one() -> None:
    fake = normal(1, 40, 4)
    values = {float(kernel_distance(REAL, given)) for given in (fake, fake.numpy(), fake.tolist())}
    assert len(values) == 1


def test_numbers_that_are_not_finite_come_back_from_a_run(tmp_path: Path) -> None:
    run = RunFolder.create(tmp_path / "run", recipe={}, environment={}, data={})
    written = Result(
        "mode-statistics",
        {"modes": 8.0, "reverse_kl": math.inf},
        {"modes": (7.0, 8.0), "reverse_kl": (1.0, math.inf)},
        "bootstrap",
        {"reverse_kl": 0.001},
        "expectation",
        {"fake": 10},
    )
    for line in lines_of(written, step=3, by="evaluate"):
        run.append("metrics", line)
    assert results_of(run.lines("metrics")) == [(3, "evaluate", written)]


def test_a_split_takes_each_thing_once() -> None:
    pairs = splits(4, 2, torch.Generator().manual_seed(0))
    assert [sorted(torch.cat(pair).tolist()) for pair in pairs] == [[0, 1, 2, 3]]


def test_a_fingerprint_does_not_depend_on_batches() -> None:
    rows = as_features([[0, 1], [2, 3], [4, 5]], "real")
    assert rows.dtype is torch.float64
    batches = digest_of_rows(rows[1:], digest_of_rows(rows[:1]))
    assert batches.hexdigest() == fingerprint_of_features(rows)
