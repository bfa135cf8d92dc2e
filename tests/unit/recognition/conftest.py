"""Pages for the tests of recognition. Whoever gets one has to close its memory file; each test is held to that."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from ocrspool.pages import PageImage
from support.stub_pages import NewPage


@pytest.fixture
def new_page() -> Iterator[NewPage]:
    """Make pages. At the end of the test each of their memory files has been closed."""
    made: list[tuple[int, int, int]] = []

    def new(number: int = 1, width: int = 4, height: int = 2) -> PageImage:
        descriptor = os.memfd_create(f"page {number}")
        made.append((number, descriptor, os.fstat(descriptor).st_ino))
        return PageImage(number, width, height, 1, width, height, None, descriptor)

    yield new
    for number, descriptor, inode in made:
        try:
            is_open = os.fstat(descriptor).st_ino == inode
        except OSError:
            is_open = False
        assert not is_open, f"the memory file of page {number} is still open"
