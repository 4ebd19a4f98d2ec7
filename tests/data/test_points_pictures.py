"""Pictures of points and of tables share their axes, and show nothing of the picture before."""

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from poise.data import Table, kind_of, open_data
from poise.data.kinds.marginals import _drawn
from poise.data.kinds.points import _bars, _plane, points_picture


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_a_picture_does_not_depend_on_the_one_before(columns: int) -> None:
    stream = np.random.default_rng(0)
    real, near, far = (scale * stream.normal(size=(50, columns)) for scale in (1.0, 1.0, 9.0))
    far[0] = np.nan  # so that its title differs, too
    first = points_picture(near, real)
    assert points_picture(far, real).tobytes() != first.tobytes()
    assert points_picture(near, real).tobytes() == first.tobytes()
    _plane.cache_clear()
    _bars.cache_clear()
    assert points_picture(near, real).tobytes() == first.tobytes()
    assert points_picture(near, real / 2).tobytes() != first.tobytes()


def test_a_picture_of_a_table_does_not_depend_on_the_one_before() -> None:
    left_out = dict.fromkeys(("height", "income", "city", "country", "joined"), "drop")  # axes take long
    table = open_data(Table(Path(__file__).parents[1] / "fixtures" / "people.csv", left_out))
    draw, rows = kind_of(table).picture, table.transform.encode(table.gather(np.arange(120)))

    def picture(samples: Tensor, real: Tensor | None) -> bytes:
        return draw(samples, table.transform, table.shape, real=real).tobytes()

    for real in (rows, None):
        first = picture(rows[:60], real)
        assert picture(rows[60:], real) != first == picture(rows[:60], real)
        _drawn.cache_clear()
        assert picture(rows[:60], real) == first
    assert first != picture(rows[:60], rows) != picture(rows[:60], rows[60:])


def test_points_are_where_the_axes_say() -> None:
    """A blue point in each corner of a square around which the reals draw the frame."""
    corners = np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    pixels = np.asarray(points_picture(corners, corners * 2)).astype(int)
    blue = (pixels[..., 2] - pixels[..., 0] > 60) & (np.arange(512)[:, None] > 45)  # below the legend
    rows, columns = np.nonzero(blue)
    assert len(rows) > 16
    # the frame reaches 1.2 x the range of the reals, and the axes hold 0.86 x 0.82 of the picture
    left, right, top, bottom = columns.min(), columns.max(), rows.min(), rows.max()
    assert right - left == pytest.approx(bottom - top, abs=3)
    middle = (rows > top + 6) & (rows < bottom - 6)
    assert not middle.any(), "nothing but the corners"
