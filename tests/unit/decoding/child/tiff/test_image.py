"""Every layout of samples that a TIFF image may have, against the picture that was stored."""

from __future__ import annotations

import contextlib
import io
import itertools
import os

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.image.pages import ImagePages
from ocrspool.decoding.child.page import PageLimits
from ocrspool.errors import DocumentError
from ocrspool.pages import Notice
from support import sample_tiffs
from support.sample_tiffs import DEFLATE, LZW, NONE, PACKBITS, Layout

LIMITS = PageLimits(dpi=100, pages=10, megapixels=10, side=1000)
WIDTH, HEIGHT = 53, 37
"""No multiples of anything."""
GREY, RGB, PALETTE, CMYK, YCBCR = 1, 2, 3, 5, 6
Pixels = NDArray[np.uint8]


def picture(count: int = 3) -> NDArray[np.float64]:
    """A picture of so many samples a pixel, from 0 to 1; no two rows, columns or samples are alike."""
    levels: NDArray[np.float64]
    y, x, band = np.mgrid[0:HEIGHT, 0:WIDTH, 0:count]
    levels = (x / (WIDTH - 1) * (1 + band) + y / (HEIGHT - 1) * (2.5 - band)) % 1
    levels[0, 0], levels[0, 1] = 0, 1
    return levels


def whole(levels: NDArray[np.float64], bits: int) -> NDArray[np.int64]:
    return np.round(levels * ((1 << bits) - 1)).astype(np.int64)


def decoded(data: bytes) -> tuple[Pixels, tuple[Notice, ...]]:
    """Rows, columns, and red, green and blue or grey, of the first page."""
    pages = ImagePages(io.BytesIO(data), "image/tiff", LIMITS)
    try:
        page, remarks = pages.page(0)
        pixels = np.frombuffer(os.pread(page.fd, 1 << 30, 0), np.uint8)
        os.close(page.fd)
    finally:
        pages.close()
    return pixels.reshape(page.height, page.width, page.channels)[:, :, ::-1], remarks


def shown(data: bytes) -> Pixels:
    pixels, remarks = decoded(data)
    assert not remarks
    return pixels


def same(found: Pixels, levels: NDArray[np.float64], step: float = 1.0) -> None:
    """As near as so many bits can be; the upper 8 of more may be one lower than rounded."""
    assert found.shape == levels.shape
    assert np.abs(found - levels * 255).max() <= 1.01 * step


def refused(data: bytes) -> DocumentError:
    descriptor = os.memfd_create("file")
    os.write(descriptor, data)
    with pytest.raises(DocumentError) as caught, contextlib.closing(Document(descriptor, LIMITS)) as document:
        document.page(0)
    return caught.value


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 24, 32])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("separate", [False, True])
def test_depths(count: int, bits: int, order: str, *, separate: bool) -> None:
    """Grey and color of any depth, in either byte order, together or in planes."""
    levels = picture(count)
    layout = Layout(bits=bits, order=order, photometric=RGB if count == 3 else GREY, separate=separate)
    kept = whole(levels, bits)
    same(shown(sample_tiffs.tiff(kept, layout)), kept / ((1 << bits) - 1))


@pytest.mark.parametrize("tile", [None, 16, 32])
@pytest.mark.parametrize(
    ("compression", "predictor", "bits"),
    [
        *itertools.product([NONE, LZW, DEFLATE, PACKBITS], [1], [4, 8, 12, 16, 32]),
        *itertools.product([LZW, DEFLATE], [2], [8, 16, 32]),
    ],
)
@pytest.mark.parametrize("separate", [False, True])
def test_compressions(compression: int, predictor: int, bits: int, tile: int | None, *, separate: bool) -> None:
    """Strips of some rows, and tiles that hang over the edge; big-endian, which everything must undo."""
    kept = whole(picture(), bits)
    layout = Layout(
        bits=bits, order=">", compression=compression, predictor=predictor, tile=tile, rows=5, separate=separate
    )
    same(shown(sample_tiffs.tiff(kept, layout)), kept / ((1 << bits) - 1))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("rows", [1, 5, None])
@pytest.mark.parametrize("tile", [None, 16])
def test_big_tiff(order: str, rows: int | None, tile: int | None) -> None:
    """Files with offsets of 8 bytes, Motorola's order too."""
    layout = Layout(order=order, rows=rows, tile=tile, big=True)
    same(shown(sample_tiffs.tiff(whole(picture(), 8), layout)), whole(picture(), 8) / 255)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("bits", "predictor"), [(16, 1), (32, 1), (64, 1), (32, 3)])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("separate", [False, True])
def test_floats(count: int, bits: int, predictor: int, order: str, *, separate: bool) -> None:
    """Levels from 0 to 1; color stays as it is, because all its bands are scaled alike."""
    levels = picture(count) * ([1.0] if count == 1 else [1.0, 0.5, 0.25])
    layout = Layout(
        bits=bits, order=order, kind=3, photometric=RGB if count == 3 else GREY, separate=separate, predictor=predictor,
        compression=NONE if predictor == 1 else DEFLATE,
    )  # fmt: skip
    same(shown(sample_tiffs.tiff(levels, layout)), levels)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [16, 32])
def test_signed(bits: int, order: str) -> None:
    """Grey from as far below zero as above is stretched to black and white."""
    levels = picture(1)
    kept = np.round((levels - 0.5) * ((1 << bits) - 2)).astype(np.int64)
    same(shown(sample_tiffs.tiff(kept, Layout(bits=bits, order=order, kind=2, photometric=GREY))), levels)


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("wide", [True, False])
def test_palettes(bits: int, *, wide: bool) -> None:
    """Colors of 16 bits, and of 8 as some writers left them."""
    colors = 1 << bits
    table = np.stack([np.arange(colors) * 255 // (colors - 1), 255 - np.arange(colors) * 255 // (colors - 1)] * 2)[:3]
    kept = whole(picture(1), bits)
    tags = {320: (3, (table * (257 if wide else 1)).ravel().tolist())}
    found = shown(sample_tiffs.tiff(kept, Layout(bits=bits, photometric=PALETTE, tags=tags)))
    same(found, table.T[kept[:, :, 0]] / 255)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("separate", [False, True])
def test_ink(bits: int, *, separate: bool) -> None:
    """Cyan, magenta, yellow and black: more of them is darker."""
    levels = picture(4)
    kept = whole(levels, bits)
    found = shown(sample_tiffs.tiff(kept, Layout(bits=bits, photometric=CMYK, separate=separate)))
    paper = (1 - levels[:, :, :3]) * (1 - levels[:, :, 3:])
    assert np.abs(found / 255 - paper).max() < 0.02


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("extra", [0, 1, 2])
@pytest.mark.parametrize("separate", [False, True])
def test_transparency(count: int, bits: int, extra: int, *, separate: bool) -> None:
    """Where the paper can be seen it is white; an extra sample of kind 0 is no transparency, and is left out."""
    photometric = RGB if count == 3 else GREY
    levels = picture(count) * 0.5
    alpha = np.ones((HEIGHT, WIDTH, 1))
    alpha[HEIGHT // 2 :] = 0
    stored = levels * alpha if extra == 1 else levels
    kept = np.concatenate([whole(stored, bits), whole(alpha, bits)], axis=2)
    if bits == 16 and count == 1:
        kept[-1, -1, 0] = 65535  # deep grey is as deep as its brightest level
    found = shown(sample_tiffs.tiff(kept, Layout(bits=bits, photometric=photometric, extra=[extra], separate=separate)))
    right = levels * alpha + (1 - alpha) if extra else stored
    same(found[:-1], right[:-1], step=2)


@pytest.mark.parametrize("separate", [False, True])
def test_luminance_and_chroma(*, separate: bool) -> None:
    """YCbCr that is not compressed, in planes too."""
    red, green, blue = np.moveaxis(picture(3), 2, 0)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    stored = np.stack([y, (blue - y) / 1.772 + 0.5, (red - y) / 1.402 + 0.5], axis=2)
    kept = np.clip(np.round(stored * 255), 0, 255).astype(np.int64)
    tags = {530: (3, [1, 1]), 532: (5, [0, 1, 255, 1, 128, 1, 255, 1, 128, 1, 255, 1])}
    found = shown(sample_tiffs.tiff(kept, Layout(photometric=YCBCR, separate=separate, tags=tags)))
    same(found, picture(3), step=4)


def test_tiles_told_as_strips() -> None:
    """Some writers put the places of tiles under the tag of strips."""
    made = sample_tiffs.tiff(whole(picture(), 8), Layout(tile=16))
    moved = made.replace(b"\x44\x01\x04\x00", b"\x11\x01\x04\x00").replace(b"\x45\x01\x04\x00", b"\x17\x01\x04\x00")
    assert moved != made
    same(shown(moved), whole(picture(), 8) / 255)


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        (Layout(compression=34887), "LERC compression"),
        (Layout(compression=34661), "JBIG compression"),
        (Layout(compression=50002), "JPEG XL compression"),
        (Layout(compression=12345), "number 12345"),
        (Layout(photometric=32803), "raw data of a camera"),
        (Layout(photometric=10), "photometric interpretation 10"),
        (Layout(photometric=PALETTE, bits=16, tags={320: (3, [0] * 196608)}), "palette samples of 16 bits"),
        (Layout(kind=6), "complex samples"),
        (Layout(photometric=YCBCR, bits=16), "YCbCr"),
        (Layout(photometric=YCBCR, separate=True, tags={530: (3, [2, 2])}), "YCbCr"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_unsupported_is_not_damaged(layout: Layout, said: str) -> None:
    """What is sound and cannot be read is told by name, with what to save it as."""
    error = refused(sample_tiffs.file_of(8, 8, 3, [bytes(8 * 8 * 6)] * (3 if layout.separate else 1), layout))
    assert error.kind == "unsupported"
    assert said in error.message
    assert "Save it as" in error.hint


@pytest.mark.parametrize("places", [[], [16], [16, 0, 0]])
def test_strips_without_a_place(places: list[int]) -> None:
    """libtiff excuses a directory that does not say where the strips are, and would take the header for pixels."""
    layout = Layout(rows=13, tags={273: (4, places or [0])})
    error = refused(sample_tiffs.tiff(whole(picture(), 8), layout))
    assert (error.kind, "missing" in error.message) == ("damaged", True)


def test_a_preview_is_no_page() -> None:
    """A camera's raw file says that its first image is a smaller copy of one that lies elsewhere."""
    layout = Layout(tags={254: (4, [1]), 330: (4, [16])})
    error = refused(sample_tiffs.tiff(whole(picture(), 8), layout))
    assert (error.kind, "camera" in error.message) == ("unsupported", True)
    same(shown(sample_tiffs.tiff(whole(picture(), 8), Layout(tags={254: (4, [1])}))), whole(picture(), 8) / 255)
