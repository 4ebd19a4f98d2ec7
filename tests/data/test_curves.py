"""Curves in pictures: how much ink there is, where, and that what hardly moves is drawn flat."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from poise.data import Files, open_data
from poise.data.courses import Courses
from poise.data.kinds.drawing import as_curves


def ink_of(picture: np.ndarray) -> np.ndarray:
    """How dark each pixel of the first colour is, from 0 for white; 1 for all of its ink."""
    share: np.ndarray = (255.0 - picture[:, 0]) / (255 - 42)
    return share


def test_a_level_line_has_one_thickness_of_ink_in_every_column_at_its_height() -> None:
    for value, height in ((0.0, 0.5), (1.0, 0.0), (-1.0, 1.0), (0.5, 0.25)):
        ink = ink_of(as_curves(np.full((1, 1, 100), value), low=-1, high=1))[0]
        assert np.abs(ink.sum(0) - 1.3).max() < 0.02, "the edges of the picture cut nothing off"
        rows = np.arange(64) + 0.5
        assert abs((ink * rows[:, None]).sum() / ink.sum() - (0.65 + height * 62.7)) < 0.1


def test_a_jump_is_a_line_from_one_height_to_the_other() -> None:
    values = np.zeros((1, 1, 250))
    values[..., 125:] = 1.0
    ink = ink_of(as_curves(values, low=-1, high=1))[0]
    assert (ink[2:30, 123:128].sum(1) > 0.3).all() and (ink[40:] == 0).all()
    assert ink[:, 100].sum() < 1.4 and ink[:, 150].sum() < 1.4


def test_where_there_is_no_value_there_is_no_curve_and_channels_differ_in_colour() -> None:
    values = np.zeros((1, 3, 200))
    values[..., 100:] = np.nan
    picture = as_curves(values)
    assert (picture[..., 101:] == 255).all() and (picture[..., :90].min((0, 1, 2)) < 255).all()
    strips = picture[0, :, :, 50].reshape(3, 3, -1).min(-1)
    assert len({tuple(colour) for colour in strips.T.tolist()}) == 3


def test_a_series_that_hardly_moves_is_flat_and_others_fill_their_height(tmp_path: Path) -> None:
    stream = np.random.default_rng(0)
    values = stream.normal(size=(40, 2, 24)).cumsum(-1)
    values[:, 1] = stream.normal(size=(40, 1)) + 1e-4 * stream.normal(size=(40, 24))
    opened = open_data(Files(values, kind="series"), encoding="own", cache=tmp_path)
    courses = opened.transform
    assert isinstance(courses, Courses)
    drawn = courses.drawn(courses.encode(torch.as_tensor(opened.gather(np.arange(40)))))
    heights = drawn.amax(-1) - drawn.amin(-1)
    assert torch.allclose(heights[:, 0], torch.tensor(2.0), atol=1e-3)
    assert heights[:, 1].max() < 0.05
