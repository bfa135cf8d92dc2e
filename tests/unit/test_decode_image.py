"""What an image file states about itself, and when it is believed."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from PIL import Image

import files_made
from ocrspool.decode.image import ImagePages
from ocrspool.decode.page import PageLimits
from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from ocrspool.model import PageImage

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
    data = files_made.encoded(files_made.corners(), kind, dpi=stated)
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
    page = _page(files_made.jpeg(exif=exif), "image/jpeg")
    assert (page.dpi, page.width) == (told, files_made.SIZE[0])


def test_each_page_of_a_tiff_image_is_measured() -> None:
    """A huge page behind a small first one is refused too, and named."""
    data = files_made.tiff(files_made.corners(), Image.new("L", (400, 400)))
    pages = ImagePages(io.BytesIO(data), "image/tiff", PageLimits(dpi=100, pages=10, megapixels=0.1, side=1000))
    with pytest.raises(DocumentError) as caught:
        pages.page(1)
    assert (caught.value.kind, caught.value.page) == ("too-large", 2)


def test_thin_image_keeps_a_pixel() -> None:
    """Reducing a line does not reduce it to nothing."""
    page = _page(files_made.png(Image.new("L", (20000, 1))), "image/png")
    assert (page.width, page.height, page.source_width) == (1000, 1, 20000)
