"""How private rows of a table are looked at: noised counts within one budget, and each row by itself."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from poise.data.rows import Array
from poise.data.tables.frame import Frame
from poise.data.tables.transform import TableTransform
from poise.errors import PoiseError
from poise.randomness import secret_stream


@dataclass(frozen=True, eq=False)
class Privately:
    """How the rows of a table are looked at.

    Attributes:
        secret: All noise is drawn from it.
        noise: The deviation of the noise, in what one row changes; all columns together.
        delta: The probability that a value is named which one row alone holds.
        counted: The kinds of counts that were taken of the rows.
    """

    secret: int
    noise: float
    delta: float
    counted: list[str] = field(default_factory=list)


class Counting:
    """Noised counts within one budget.

    A row is in each histogram at most once, so that it changes them by at most the root of the sum of their
    inverse variances, which `share` keeps at `1 / noise`.

    Source: Smith and Thakurta 2022, theorem 1, for shares that follow from earlier counts.
    """

    def __init__(self, privately: Privately) -> None:
        self.privately, self.left = privately, 1.0 / privately.noise**2 if privately.noise else 0.0
        self.stream = secret_stream(privately.secret, 0, "columns")

    def share(self, of: float) -> float:
        """The deviation for a histogram that takes so much of what is left."""
        if not self.left:
            what = "The rows may not be asked what their columns hold, and the schema does not say it"
            hint = "let --private hold columns=0.2, or describe every column in the schema"
            raise PoiseError(what, code="data.private-columns-unknown", hint=hint)
        return 1.0 / math.sqrt(self.left * of)

    def noised(self, counts: Array, deviation: float) -> Array:
        """Counts with noise of that deviation."""
        made: Array = counts + self.stream.normal(0.0, deviation, len(counts))
        return made

    def named(self, texts: Sequence[str], deviation: float, columns: int) -> dict[str, float]:
        """The values that enough rows hold, so that no single row decides whether one is named.

        Source: Korolova et al. 2009 for the idea; the threshold is that of Gaussian noise and a union bound
        over columns.
        """
        from scipy.stats import norm  # noqa: PLC0415 - needed for private tables alone

        counts = Counter(texts)
        often = sorted(counts)
        noised = self.noised(np.array([counts[text] for text in often], dtype=np.float64), deviation)
        least = 1.0 + deviation * float(norm.isf(self.privately.delta / columns))
        return {text: float(count) for text, count in zip(often, noised, strict=True) if count > least}


def private_rows(frame: Frame, transform: TableTransform) -> Array:
    """Stored rows of a table, each by itself: what a column cannot hold becomes its most frequent value."""
    cells, places = [], []
    for column in transform.columns:
        found, place = column.encode(frame.columns[column.name])
        often = int(np.argmax([sum(cell.shares) for cell in column.cells]))
        cells.append(np.where(found < 0, often, found))
        places += [np.where(found < 0, 0.5, place)] if column.ranged else []
    return np.stack([*cells, *places], 1).astype(np.float32)


def keyed(secret: int, text: str) -> str:
    """A fingerprint from which nothing of what it was made of can be guessed without the secret."""
    return hmac.new(secret.to_bytes(32, "little"), text.encode(), hashlib.sha256).hexdigest()
