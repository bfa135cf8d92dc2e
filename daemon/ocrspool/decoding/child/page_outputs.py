"""Outputs that show pages. They are made in the process that can decode the pages, from the same open document.

The service sends the result and a descriptor to which to write. `render` knows the formats. This module provides the
pixels.
"""

from __future__ import annotations

import contextlib
import errno
import io
import json
import mmap
import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import BinaryIO

from PIL import ExifTags, Image, JpegImagePlugin, TiffImagePlugin

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.image import jpeg
from ocrspool.errors import DocumentError
from ocrspool.pages import Point
from ocrspool.render.page_picture import Picture
from ocrspool.results.formats import FORMATS
from ocrspool.results.from_json import document_from
from ocrspool.results.schema import Document as Result
from ocrspool.results.schema import Line, Page
from ocrspool.text_similarity import Runs, squeezed

_ICON_SIDE, _ICON_QUALITY = 160, 60
_ICON_PART = 3
"""Long side relative to the short one, at most, of what an icon shows."""
_UPRIGHT = {90: Image.Transpose.ROTATE_270, 180: Image.Transpose.ROTATE_180, 270: Image.Transpose.ROTATE_90}
"""How a page is turned to be read, by `rotation`; Pillow counts against the clock."""
_FULL = {errno.ENOSPC, errno.EDQUOT}
_ROW = 32
"""Pixels of the rows that characters of a page are kept in."""
_Placed = tuple[int, str, Point]
"""A character: which one of the page, what, and where."""
_SAME = 0.25
"""Share of a line that the characters in its place have to have for the page to have it: what is left of a line
that was read with an error in every sixth letter. Other text in this place has nothing of it."""

Image.preinit()  # what encodes pictures is loaded now: a confined process loads nothing
for _output in FORMATS:
    if _output.needs_pages and not _output.loads_late:
        _output.module()


class DiskFullError(Exception):
    """There is no room for the output, which is nobody's fault; `code` is the errno."""

    def __init__(self, code: int) -> None:
        super().__init__(os.strerror(code))
        self.code = code


def write_view(view: str, document: Document, result: int, target: int) -> bool:
    """Write an output that shows the pages of an open document, whose result is in one descriptor, to another.

    Return False where the pages of a PDF could not be kept and the view shows pictures of them. Raise DocumentError
    where the document does not allow it, DiskFullError where there is no room.
    """
    with open(result, "rb", closefd=False) as file:
        file.seek(0)  # descriptors of one file share their place in it
        found = document_from(json.load(file))
    try:
        with document.as_document_error(), open(target, "wb", closefd=False) as file:
            return _write(view, document, found, file)
    except DocumentError as error:
        cause = error.__cause__
        if isinstance(cause, OSError) and cause.errno in _FULL:
            raise DiskFullError(cause.errno) from error
        raise


def _write(view: str, document: Document, found: Result, file: BinaryIO) -> bool:
    (output,) = (each for each in FORMATS if each.name == view)
    written: bool = output.module().write_pages(found, _Pages(document), file)
    return written


def _without_own(page: Page, document: Document) -> Page:
    """Return the page without the lines that the PDF has as text already, which would be found twice.

    It has a line where the characters that it has within the line's polygon say what was read there. So neither a
    watermark across the page nor text in wrong letters takes a line away.
    """
    characters = document.own_characters(page.number - 1) if page.lines and page.text_from == "ocr" else []
    rows: dict[int, list[_Placed]] = defaultdict(list)
    for order, (letter, x, y) in enumerate(characters):
        place = (x * page.width, y * page.height)
        rows[int(place[1] // _ROW)].append((order, letter, place))
    return replace(page, lines=tuple(line for line in page.lines if not _says(rows, line)))


def _says(rows: Mapping[int, list[_Placed]], line: Line) -> bool:
    """Tell whether the characters in a line's polygon, in the order of the page's content, say what the line does."""
    _, top, _, bottom = line.bounding_box
    near = [each for row in range(int(top // _ROW), int(bottom // _ROW) + 1) for each in rows.get(row, ())]
    inside = "".join(letter for _, letter, place in sorted(near) if _is_in(place, line.polygon))
    return bool(squeezed(inside)) and Runs([inside]).share(line.text) >= _SAME


def _is_in(point: Point, polygon: tuple[Point, ...]) -> bool:
    """Tell whether a point lies in a convex polygon: on the same side of all its edges."""
    x, y = point
    edges = zip(polygon, (*polygon[1:], polygon[0]), strict=True)
    sides = [(bx - ax) * (y - ay) - (by - ay) * (x - ax) for (ax, ay), (bx, by) in edges]
    return all(side >= 0 for side in sides) or all(side <= 0 for side in sides)


class _Pages:
    """The pages of an open document, as outputs show them (ShownPages)."""

    def __init__(self, document: Document) -> None:
        self._document = document

    @property
    def media_type(self) -> str:
        return self._document.media_type

    @property
    def file(self) -> BinaryIO:
        return self._document.file

    def picture(self, page: Page, quality: int, *, as_it_is: bool = False) -> Picture:
        if as_it_is and self.media_type == "image/jpeg":
            picture = _as_it_is(self.file)
            if picture is not None:
                return picture
        with self._pixels(page.number - 1) as image:
            channels = len(image.getbands())
            if as_it_is and _black_and_white(image):
                return Picture("g4", _group4(image), *image.size, channels)
            encoded = io.BytesIO()
            image.save(encoded, "JPEG", quality=quality, optimize=True)
            return Picture("jpeg", encoded.getvalue(), *image.size, channels)

    def small(self, picture: Picture, rotation: int) -> bytes:
        return _small(picture, rotation)

    def corners(self, page: Page) -> tuple[Point, Point, Point]:
        return self._document.frame(page.number - 1)

    def without_own_text(self, page: Page) -> Page:
        return _without_own(page, self._document)

    @contextlib.contextmanager
    def _pixels(self, index: int) -> Iterator[Image.Image]:
        found, _ = self._document.page(index)
        try:
            with mmap.mmap(found.fd, 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as pixels:
                modes = ("L", "L") if found.channels == 1 else ("RGB", "BGR")
                yield Image.frombytes(modes[0], (found.width, found.height), memoryview(pixels), "raw", modes[1])
        finally:
            os.close(found.fd)


def _small(picture: Picture, rotation: int) -> bytes:
    """Return a JPEG picture reduced to an icon, turned clockwise by so many degrees."""
    image: Image.Image = JpegImagePlugin.JpegImageFile(io.BytesIO(picture.data))
    image.draft(None, (_ICON_SIDE, _ICON_SIDE))  # decodes no more of it than that takes
    image = image.crop(_beginning(*image.size, rotation))
    image.thumbnail((_ICON_SIDE, _ICON_SIDE))
    # A copy, since Pillow asks where it is to save a picture that came of a file: a confined process may not know.
    image = image.transpose(_UPRIGHT[rotation]) if rotation in _UPRIGHT else image.copy()
    encoded = io.BytesIO()
    image.save(encoded, "JPEG", quality=_ICON_QUALITY, optimize=True)
    return encoded.getvalue()


def _beginning(width: int, height: int, rotation: int) -> tuple[int, int, int, int]:
    """Return the part of a page for its icon: of a long one its beginning, because the whole would be a thin line."""
    across, down = min(width, _ICON_PART * height), min(height, _ICON_PART * width)
    # The side on which the text begins, and ends, depends on how the page is turned.
    left = width - across if rotation in {180, 270} and width > height else 0
    top = height - down if rotation in {90, 180} and height > width else 0
    return left, top, left + across, top + down


def _as_it_is(file: BinaryIO) -> Picture | None:
    """Return the bytes of a JPEG file as a picture; None where a PDF reader would show them another way than we do."""
    file.seek(0)
    data = file.read()
    if not jpeg.ordinary(data):
        return None
    try:
        image = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
    except Exception:  # noqa: BLE001 - it was read another way
        return None
    with contextlib.suppress(Exception):  # as in `image`: broken EXIF data says nothing
        if image.getexif().get(ExifTags.Base.Orientation, 1) != 1:
            return None
    return Picture("jpeg", data, *image.size, len(image.getbands())) if image.mode in {"L", "RGB"} else None


def _black_and_white(image: Image.Image) -> bool:
    if image.mode != "L":
        return False
    levels = image.histogram()
    return not any(levels[1:-1])


def _group4(image: Image.Image) -> bytes:
    """Return the picture in CCITT group 4: what libtiff makes, without the file around it."""
    # One strip for all, so that its bytes are those of the whole picture; 262 says that 1 is black.
    encoded = io.BytesIO()
    image.convert("1").save(encoded, "TIFF", compression="group4", tiffinfo={262: 0, 278: image.height})
    encoded.seek(0)
    with TiffImagePlugin.TiffImageFile(encoded) as tiff:
        offsets, counts = tiff.tag_v2[273], tiff.tag_v2[279]
    if len(offsets) != 1:
        raise ValueError("libtiff split a strip")
    return encoded.getvalue()[offsets[0] : offsets[0] + counts[0]]
