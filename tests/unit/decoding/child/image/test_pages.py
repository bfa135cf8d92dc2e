"""What an image file states about itself, and when it is believed."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from ocrspool.decoding.child.image.pages import ImagePages
from ocrspool.decoding.child.page import PageLimits
from ocrspool.errors import DocumentError
from support import sample_files

if TYPE_CHECKING:
    from ocrspool.pages import PageImage

LIMITS = PageLimits(dpi=100, pages=10, megapixels=10, side=1000)


def _page(data: bytes, media_type: str, limits: PageLimits = LIMITS) -> PageImage:
    pages = ImagePages(io.BytesIO(data), media_type, limits)
    page, _ = pages.page(0)
    os.close(page.fd)
    pages.close()
    return page


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize(
    ("stated", "told"),
    [
        ((300, 300), 300),
        ((204, 196), 204),
        ((204, 98), None),
        ((1, 1), None),
        ((0, 0), None),
        ((9999, 9999), None),
    ],
)
def test_resolution_is_told_where_it_is_credible(kind: str, stated: tuple[int, int], told: float | None) -> None:
    """A resolution of 0, of 1, or of two numbers is as good as none."""
    data = sample_files.encoded(sample_files.corners(), kind, dpi=stated)
    dpi = _page(data, f"image/{kind.lower()}").dpi
    assert dpi == (None if told is None else pytest.approx(told, abs=0.1))


def _exif(tags: dict[int, float]) -> Image.Exif:
    exif = Image.Exif()
    for tag, value in tags.items():
        exif[tag] = value
    return exif


@pytest.mark.parametrize(
    ("exif", "told"),
    [
        (_exif({274: 1}), None),
        (_exif({282: 240.0, 296: 2}), 240),
        (_exif({282: 100.0, 296: 3}), 254),
        (b"Exif\0\0junk", None),
    ],
    ids=["none", "inch", "centimeter", "broken"],
)
def test_resolution_in_exif(exif: Image.Exif | bytes, told: float | None) -> None:
    """EXIF data counts where it states a resolution; Pillow's invention for where it does not is left out."""
    page = _page(sample_files.jpeg(exif=exif), "image/jpeg")
    assert (page.dpi, page.width) == (told, sample_files.SIZE[0])


def test_each_page_of_a_tiff_image_is_measured() -> None:
    """A huge page behind a small first one is refused too, and named."""
    data = sample_files.tiff(sample_files.corners(), Image.new("L", (400, 400)))
    pages = ImagePages(io.BytesIO(data), "image/tiff", PageLimits(dpi=100, pages=10, megapixels=0.1, side=1000))
    with pytest.raises(DocumentError) as caught:
        pages.page(1)
    assert (caught.value.kind, caught.value.page) == ("too-large", 2)


def test_thin_image_keeps_a_pixel() -> None:
    """Reducing a line does not reduce it to nothing."""
    page = _page(sample_files.png(Image.new("L", (20000, 1))), "image/png", replace(LIMITS, most_bytes=1000))
    assert (page.width, page.height, page.source_width) == (4472, 1, 20000)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize(("dpi", "size"), [((204, 98), (100, 125)), ((204, 196), (100, 60)), ((98, 204), (208, 60))])
def test_fax_is_stretched(dpi: tuple[int, int], size: tuple[int, int], orientation: int) -> None:
    """A page with fewer lines than columns per inch gets square pixels; its own size is still told."""
    image = sample_files.corners((100, 60))
    page = _page(sample_files.tiff(image, dpi=dpi, tiffinfo={274: orientation}), "image/tiff")
    if orientation == 6:
        size = size[::-1]
    assert (page.width, page.height) == size
    assert (page.source_width, page.source_height) == ((60, 100) if orientation == 6 else (100, 60))


@pytest.mark.parametrize(
    "data",
    [
        sample_files.png(sample_files.corners((100, 60)), dpi=(204, 98)),
        sample_files.jpeg(sample_files.corners((100, 60)), dpi=(204, 98)),
        sample_files.encoded(sample_files.corners((100, 60)), "BMP", dpi=(204, 98)),
        sample_files.jpeg_of_density(sample_files.corners((100, 60)), 0, 25, 12),
        sample_files.png_of_density(sample_files.corners((100, 60)), 0, 25, 12),
    ],
    ids=["png", "jpeg", "bmp", "jpeg that states a form only", "png that states a form only"],
)
def test_pixels_that_are_not_square_are_stretched(data: bytes) -> None:
    """Whatever the format: so the letters have the form that they were printed in."""
    kind = {b"\x89": "png", b"\xff": "jpeg", b"B": "bmp"}[data[:1]]
    page = _page(data, f"image/{kind}")
    assert (page.width, page.height) == (100, 125)
    assert (page.source_width, page.source_height) == (100, 60)


def test_odd_resolutions_do_not_stretch() -> None:
    """Ten times as fine across as down is a mistake, and so is a form with a zero."""
    image = sample_files.corners((100, 60))
    for data, kind in (
        (sample_files.jpeg(image, dpi=(600, 60)), "jpeg"),
        (sample_files.tiff(image, dpi=(600, 60)), "tiff"),
        (sample_files.jpeg_of_density(image, 0, 0, 3), "jpeg"),
        (sample_files.jpeg_of_density(image, 0, 1, 40), "jpeg"),
    ):
        page = _page(data, f"image/{kind}")
        assert (page.width, page.height) == (100, 60)


@pytest.mark.parametrize("photometric", [0, 1])
def test_deep_grey_with_white_as_zero(photometric: int) -> None:
    """What is white in the file is white on the page."""
    pages = ImagePages(io.BytesIO(sample_files.grey16_tiff("<", [0, 65535], photometric)), "image/tiff", LIMITS)
    page, _ = pages.page(0)
    assert os.pread(page.fd, 2, 0) == (b"\xff\x00" if photometric == 0 else b"\x00\xff")
    os.close(page.fd)
    pages.close()


def test_thumbnail_is_passed_over() -> None:
    """A page keeps its place and its number, whatever small copies lie between."""
    first, small, second = (Image.new("L", (width, 10), 255) for width in (40, 4, 50))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    pages = ImagePages(io.BytesIO(sample_files.tiff(first, small, second)), "image/tiff", LIMITS)
    found = [pages.page(index)[0] for index in range(pages.count)]
    assert [(page.number, page.width) for page in found] == [(1, 40), (2, 50)]
    for page in found:
        os.close(page.fd)
    pages.close()
