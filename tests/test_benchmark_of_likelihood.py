"""The benchmark of tables whose distribution is known: its networks, against sums by hand."""

from itertools import product
from pathlib import Path

import numpy as np
import pytest
from benchmarks.kinds.likelihood import Network, read_network

BIF = """network unknown {
}
variable wet {
  type discrete [ 2 ] { yes, no };
}
variable rain {
  type discrete [ 3 ] { none, <5, >=5 };
}
probability ( wet | rain ) {
  (none) 0.1, 0.9;
  (<5) 0.6, 0.4;
  (>=5) 1.0, 0.0;
}
probability ( rain ) {
  table 0.5, 0.3, 0.2;
}
"""


@pytest.fixture
def network(tmp_path: Path) -> Network:
    path = tmp_path / "small.bif"
    path.write_text(BIF)
    return read_network(path)


def test_probabilities_of_all_rows_are_those_of_the_file(network: Network) -> None:
    assert list(network.parents) == ["rain", "wet"]  # parents first
    expected = {(0, 0): 0.05, (0, 1): 0.45, (1, 0): 0.18, (1, 1): 0.12, (2, 0): 0.2}
    for (rain, wet), probability in expected.items():
        row = {"rain": np.array([rain]), "wet": np.array([wet])}
        assert network.log_likelihood(row) == pytest.approx(np.log(probability))
    impossible = {"rain": np.array([2]), "wet": np.array([1])}
    assert network.log_likelihood(impossible) == pytest.approx(np.log(0.2 * 1e-12))


def test_rows_have_the_shares_of_the_network_and_refitting_finds_it_again(network: Network) -> None:
    rows = network.drawn(40_000, seed=3)
    assert not np.any((rows["rain"] == 2) & (rows["wet"] == 1))
    for rain, wet in product(range(3), range(2)):
        share = np.mean((rows["rain"] == rain) & (rows["wet"] == wet))
        assert share == pytest.approx(
            network.tables["rain"][rain] * network.tables["wet"][rain, wet], abs=0.01
        )
    again = network.refitted(rows)
    for column, table in network.tables.items():
        np.testing.assert_allclose(again.tables[column], table, atol=0.02)
    # No network has a higher likelihood of rows than the one that was fitted to them, but for the added row
    assert again.log_likelihood(rows) >= network.log_likelihood(rows) - 1e-4
