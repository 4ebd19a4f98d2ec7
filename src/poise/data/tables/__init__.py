"""Tables: read from files and data frames, with a type, cells and a text form for each column."""

from poise.data.tables.asked import Table
from poise.data.tables.frame import Frame, read_frame
from poise.data.tables.transform import TableTransform

__all__ = ["Frame", "Table", "TableTransform", "read_frame"]
