"""Randomness as a function of seed, step and purpose."""

import subprocess
import sys

import torch
from hypothesis import given
from hypothesis import strategies as st

from poise.randomness import derive, numpy_stream, torch_stream

seeds = st.integers(-(2**70), 2**70)
steps = st.integers(0, 2**40)
purposes = st.text(max_size=12)
places = st.tuples(seeds, steps, purposes)


@given(place=places)
def test_a_seed_is_a_function_of_its_place_and_fits_63_bits(place: tuple[int, int, str]) -> None:
    assert derive(*place) == derive(*place)
    assert 0 <= derive(*place) < 2**63


@given(one=st.tuples(seeds, steps, st.text("abc", max_size=4)), other=st.tuples(seeds, steps, st.text("abc")))
def test_different_places_have_different_seeds(
    one: tuple[int, int, str], other: tuple[int, int, str]
) -> None:
    assert (derive(*one) == derive(*other)) == (one == other)


def test_neighbours_share_nothing() -> None:
    found = {derive(seed, step, purpose) for seed in range(30) for step in range(30) for purpose in "ab"}
    assert len(found) == 30 * 30 * 2
    ones = [derive(0, step, "latent").bit_count() for step in range(2000)]
    # Half of 63 bits; a mean over 2,000 has a standard deviation of 0.09.
    assert abs(sum(ones) / len(ones) - 31.5) < 0.4


def test_seeds_are_the_same_on_every_machine_and_for_ever() -> None:
    """Checkpoints are resumed with these: a change of this number breaks every run that exists."""
    assert derive(0, 0, "latent") == 6076941988470789682
    assert derive(7, 1000, "order") == 8480724755790901426


@given(place=st.tuples(seeds, steps, purposes))
def test_streams_start_at_the_derived_seed(place: tuple[int, int, str]) -> None:
    assert torch_stream(*place).initial_seed() == derive(*place)
    assert torch.equal(
        torch.randint(2**40, (3,), generator=torch_stream(*place)),
        torch.randint(2**40, (3,), generator=torch_stream(*place)),
    )
    first, second = numpy_stream(*place), numpy_stream(*place)
    assert first.integers(2**40, size=3).tolist() == second.integers(2**40, size=3).tolist()


def test_streams_leave_the_global_randomness_alone() -> None:
    before = torch.get_rng_state()
    torch.rand(3, generator=torch_stream(0, 0, "latent"))
    assert torch.equal(before, torch.get_rng_state())


def test_seeds_are_derived_without_torch() -> None:
    code = (
        "import sys, poise.randomness as r; r.derive(0, 0, 'x'); print({'torch', 'numpy'} & {*sys.modules})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "set()\n"
