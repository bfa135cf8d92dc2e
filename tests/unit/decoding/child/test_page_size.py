"""How many pixels a page keeps, by its size, its resolution and its print."""

from __future__ import annotations

import io
import os
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from ocrspool.decoding.child import page_size, strokes
from ocrspool.decoding.child.image.pages import ImagePages
from ocrspool.decoding.child.page import PageLimits
from support import sample_files

LIMITS = PageLimits(dpi=200, pages=10, megapixels=300, side=4000)


@pytest.mark.parametrize(
    ("size", "dpi", "photo", "kind"),
    [
        ((2480, 3508), 300, False, "sheet"),
        ((4961, 7016), 600, False, "sheet"),  # A4
        ((7016, 9921), 600, False, "sheet"),  # A3
        ((945, 4724), 300, False, "sheet"),  # a receipt of 40 cm
        ((4032, 3024), None, False, "sheet"),  # 12 megapixels, from a telephone
        ((8064, 6048), 72, True, "sheet"),  # 48, and it says that a camera took it
        ((6623, 4677), 200, False, "large"),  # A1
        ((5906, 9449), 400, False, "large"),  # a page of a newspaper
        ((500, 20000), None, False, "large"),
        ((1440, 9000), 144, False, "large"),  # a screenshot
        ((640, 15984), 203, False, "large"),  # a receipt of 2 m
        ((20000, 500), 96, False, "large"),
        ((20000, 4500), 72, True, "large"),  # a panorama
        ((30000, 20000), None, False, "large"),
        ((4961, 7016), None, False, "unknown"),  # A4 at 600 dpi, or A1 at 210
        ((4961, 7016), 96, False, "unknown"),
    ],
)
def test_what_a_page_is(size: tuple[int, int], dpi: float | None, photo: bool, kind: str) -> None:  # noqa: FBT001 - a parameter
    assert page_size.kind_of(size, dpi, LIMITS, photo=photo) == kind
    assert page_size.kind_of(size, dpi, replace(LIMITS, whole=False), photo=photo) == "sheet"


@given(st.integers(1, 100_000), st.integers(1, 100_000), st.sampled_from([1, 3]), st.integers(10, 1 << 30))
def test_the_pixels_of_a_page_have_room(width: int, height: int, channels: int, most_bytes: int) -> None:
    limits = replace(LIMITS, most_bytes=most_bytes)
    across, down = page_size.bounded((width, height), channels, limits)
    assert 1 <= across <= width
    assert 1 <= down <= height
    assert min(across, down) == 1 or across * down * channels <= most_bytes
    assert min(across, down) == 1 or across * down <= 300e6


@given(st.floats(3, 14400), st.floats(3, 14400), st.booleans())
def test_a_pdf_page_has_room(width: float, height: float, whole: bool) -> None:  # noqa: FBT001 - drawn
    scale = page_size.scale_of_pdf(width, height, replace(LIMITS, whole=whole))
    assert width * height * scale**2 * 3 <= LIMITS.most_bytes * 1.0001
    if max(width, height) <= 1224:
        assert whole is False or max(width, height) * scale <= 4000


@given(st.integers(1, 200_000), st.integers(1, 200_000), st.sampled_from([1600, 32_000]))
def test_what_is_shown_of_a_page_fits_a_jpeg_picture(width: int, height: int, side: int) -> None:
    limits = replace(LIMITS, whole=False, side=side)
    across, down = page_size.reduced((width, height), limits)
    assert 1 <= across <= min(width, 65_500)
    assert 1 <= down <= min(height, 65_500)
    assert across * down <= 5 * side**2 + across + down


def _print(height: int, size: tuple[int, int] = (2400, 2400)) -> Image.Image:
    """A page full of letters of this height in pixels, an em."""
    page = Image.new("L", size, 250)
    font = ImageFont.load_default(height)
    for top in range(20, size[1] - 2 * height, 2 * height):
        ImageDraw.Draw(page).text((20, top), "account balance of the meeting hall " * 6, fill=20, font=font)
    return page


@pytest.mark.parametrize("dark", [False, True])
def test_strokes_are_thin_where_print_is_small(dark: bool) -> None:  # noqa: FBT001 - a parameter
    def seen(page: Image.Image) -> bool:
        return strokes.are_thin(Image.eval(page, lambda level: 255 - level) if dark else page)

    assert seen(_print(10))
    assert not seen(_print(40))
    assert not seen(Image.new("L", (2400, 2400), 200))
    assert not seen(Image.new("RGB", (3, 1)))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
def test_small_print_decides_what_a_sheet_of_unknown_resolution_is(kind: str) -> None:
    """The same pixels: a page of ordinary print is reduced to a half, one of small print is a drawing and stays."""
    limits = replace(LIMITS, side=1300)
    for height, expected in ((19, 2400), (80, 1200)):
        data = sample_files.encoded(_print(height), kind)
        pages = ImagePages(io.BytesIO(data), f"image/{kind.lower()}", limits)
        page, remarks = pages.page(0)
        pages.close()
        assert os.fstat(page.fd).st_size == page.width * page.height
        os.close(page.fd)
        assert (page.width, page.height, page.source_width) == (expected, expected, 2400)
        assert [remark.code for remark in remarks] == ([] if expected == 2400 else ["reduced"])


def test_a_page_that_has_no_room_is_reduced_and_says_so() -> None:
    """A color page takes three times the memory of a grey one."""
    limits = replace(LIMITS, most_bytes=1_000_000)
    for mode, size in (("L", (500, 2000)), ("RGB", (288, 1154))):
        data = sample_files.png(Image.effect_noise((500, 2000), 50).convert(mode))
        pages = ImagePages(io.BytesIO(data), "image/png", limits)
        page, remarks = pages.page(0)
        pages.close()
        os.close(page.fd)
        assert (page.width, page.height) == size
        assert len(remarks) == (mode == "RGB")
