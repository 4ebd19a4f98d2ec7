"""The kinds of data. Nothing outside this package compares the name of one; it asks the kind's record."""

from poise.data.kinds.field import FIELD
from poise.data.kinds.graph import GRAPH
from poise.data.kinds.image import IMAGE
from poise.data.kinds.kind import (
    KINDS,
    DataKind,
    Defaults,
    Given,
    Request,
    described_spec,
    kind_of,
    spec_of,
)
from poise.data.kinds.series import SERIES
from poise.data.kinds.sound import SOUND
from poise.data.kinds.table import TABLE
from poise.data.kinds.vector import VECTOR

for row in (VECTOR, IMAGE, FIELD, SOUND, TABLE, SERIES, GRAPH):
    KINDS.add(row, origin="Poise itself")

__all__ = ["KINDS", "DataKind", "Defaults", "Given", "Request", "described_spec", "kind_of", "spec_of"]
