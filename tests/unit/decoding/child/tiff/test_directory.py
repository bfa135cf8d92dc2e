"""Finding the pages of a TIFF file."""

from __future__ import annotations

import io
import struct

import pytest

from ocrspool.decoding.child.tiff.directory import find_pages
from ocrspool.errors import DocumentError
from support import sample_files


def _widths(data: bytes, places: list[int], *, big: bool, order: str = "<") -> list[int]:
    """What the first entry of each of these directories says, or the second where the first is no width."""
    entry = 20 if big else 12
    found = []
    for place in places:
        first = place + (8 if big else 2)
        at = first if struct.unpack_from(f"{order}H", data, first)[0] == 256 else first + entry
        assert struct.unpack_from(f"{order}H", data, at)[0] == 256
        found.append(struct.unpack_from(f"{order}H", data, at + (12 if big else 8))[0])
    return found


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("pages", [1, 2, 7])
def test_count(pages: int, *, big: bool) -> None:
    """Classic and BigTIFF files are counted alike."""
    made = sample_files.tiff(*(sample_files.corners((10 + page, 8)) for page in range(pages)), big_tiff=big)
    places, remarks = find_pages(io.BytesIO(made), most=100)
    assert _widths(made, places, big=big) == [10 + page for page in range(pages)]
    assert remarks == ()


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize(
    ("kinds", "pages"), [((0, 1, 2), [0, 2]), ((1, 0, 4, 0), [1, 3]), ((1, 1), [0, 1]), ((2, 2), [0, 1])]
)
def test_thumbnails_and_masks_are_no_pages(kinds: tuple[int, ...], pages: list[int], *, big: bool) -> None:
    """Unless there is nothing else. 2 is what a page of several calls itself."""
    images = [sample_files.corners((8 + number, 8)) for number in range(len(kinds))]
    for image, kind in zip(images, kinds, strict=True):
        image.encoderinfo = {"tiffinfo": {254: kind}}
    made = sample_files.tiff(*images, big_tiff=big, tiffinfo={254: kinds[0]})
    places, _ = find_pages(io.BytesIO(made), most=100)
    assert _widths(made, places, big=big) == [8 + page for page in pages]


def _count_or_none(data: bytes) -> int | None:
    try:
        return len(find_pages(io.BytesIO(data), most=100)[0])
    except DocumentError:
        return None


def test_big_endian() -> None:
    """The byte order is the file's."""
    made = sample_files.grey16_tiff(">", [0, 1])
    places, _ = find_pages(io.BytesIO(made), most=100)
    assert _widths(made, places, big=False, order=">") == [2]


def test_counts_no_further_than_needed() -> None:
    """One more than allowed says enough."""
    assert len(find_pages(io.BytesIO(sample_files.tiff_chain(5000)), most=20)[0]) == 21
    assert len(find_pages(io.BytesIO(sample_files.tiff_chain(5000)), most=5000)[0]) == 5000


def test_loop_is_remarked() -> None:
    """A loop ends with the last new page."""
    pages, remarks = find_pages(io.BytesIO(sample_files.tiff_loop()), most=100)
    assert (len(pages), [remark.code for remark in remarks]) == (2, ["page-loop"])


@pytest.mark.parametrize("big", [False, True])
def test_every_truncation_is_noticed(*, big: bool) -> None:
    """Wherever the chain breaks off, the file is refused, and nothing but DocumentError is raised."""
    made = sample_files.tiff(sample_files.corners((4, 4)), sample_files.corners((4, 4)), big_tiff=big)
    counts = [_count_or_none(made[:length]) for length in range(8, len(made))]
    assert set(counts) == {None, 2}
    # Where the last page's description is whole, so is the chain.
    assert counts.index(2) == counts.count(None)
