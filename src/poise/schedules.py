"""Numbers that change with the images seen: constant, linear, cosine."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Schedule(BaseModel):
    """A number that goes from `start` to `end` while images are seen, and keeps still before and after.

    `after` and `over` count images. Up to 1 they are shares of the images of the whole run, so that a run
    that is extended stretches them.

    Example:
        >>> halving = Schedule(start=1.0, end=0.5, after=100, over=200)
        >>> [halving.at(images) for images in (0, 100, 200, 300, 1_000)]
        [1.0, 1.0, 0.75, 0.5, 0.5]
        >>> Schedule(start=1.0, end=0.0, after=0.5, over=0.5).at(750, run_images=1_000)
        0.5
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    shape: Literal["constant", "linear", "cosine"] = Field(
        default="linear", description="how the number moves from start to end"
    )
    start: float | None = Field(description="the number at first; null: by the data")
    end: float | None = Field(default=None, description="the number at last; null: as at first")
    after: float = Field(default=0.0, ge=0, description="images before it moves; up to 1: a share of the run")
    over: float = Field(default=1.0, gt=0, description="images while it moves; up to 1: a share of the run")

    def at(self, images_seen: int, run_images: int = 0) -> float:
        """The number after so many images.

        Args:
            images_seen: Images so far.
            run_images: Images in the whole run.

        Raises:
            ValueError: The start is left to the data, or a share of a run of unknown length is asked for.
        """
        if self.start is None:
            raise ValueError("the start of a schedule is left to the data, and was not filled in")
        if self.end is None or self.shape == "constant":
            return self.start
        after, over = self._count(self.after, run_images), self._count(self.over, run_images)
        share = min(1.0, max(0.0, (images_seen - after) / over))
        if self.shape == "cosine":
            share = (1 - math.cos(math.pi * share)) / 2
        return self.start + (self.end - self.start) * share

    def _count(self, images: float, run_images: int) -> float:
        if images > 1 or images == 0:
            return images
        if not run_images:
            raise ValueError("a schedule over a share of the run was asked without the length of the run")
        return images * run_images


Number = float | Schedule
"""A number that may change with the images seen."""

Weight = Annotated[float, Field(ge=0)] | Schedule
"""A number that is not negative, or a schedule of such numbers."""


def value_at(number: Number, images_seen: int, run_images: int = 0) -> float:
    """The value of a number after so many images.

    Args:
        number: A number or a schedule.
        images_seen: Images so far.
        run_images: Images in the whole run.

    Example:
        >>> value_at(2.0, 100), value_at(Schedule(start=1.0, end=0.0, over=200), 100)
        (2.0, 0.5)
    """
    return number.at(images_seen, run_images) if isinstance(number, Schedule) else number
