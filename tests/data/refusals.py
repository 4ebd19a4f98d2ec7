"""What a mistake is refused with."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from poise.errors import PoiseError


@contextmanager
def refused(code: str) -> Iterator[pytest.ExceptionInfo[PoiseError]]:
    """A person's mistake, told in one sentence under this code."""
    with pytest.raises(PoiseError) as caught:
        yield caught
    assert caught.value.code == code, caught.value
    assert "\n" not in caught.value.sentence and caught.value.exit_status in (1, 2)
