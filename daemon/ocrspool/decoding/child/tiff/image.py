"""One page of a TIFF file as a Pillow image that libtiff decodes."""

from __future__ import annotations

import ctypes
import io
import re
from typing import TYPE_CHECKING, Any

from PIL import ExifTags, Image, Jpeg2KImagePlugin, PngImagePlugin, WebPImagePlugin

from ocrspool.decoding.child import pixels
from ocrspool.decoding.child.tiff import damage, image_layout, libtiff, pillow_bands
from ocrspool.decoding.child.tiff.image_layout import Layout, read_layout
from ocrspool.decoding.child.tiff.pillow_bands import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ocrspool.decoding.child.tiff.libtiff import Tiff
    from ocrspool.pages import Notice

_JPEG_COLOR_MODE, _AS_RGB = 65538, 1
_ROWS_PER_STRIP, _TILE_WIDTH, _TILE_LENGTH = 278, 322, 323
_AT_ONCE = 1 << 20
"""Bytes of small strips that are converted together."""
_ORIENTATION = ExifTags.Base.Orientation
_CANNOT = re.compile(r'Sorry|No "put" routine')


class TiffImage(Image.Image):
    """An image whose size is known from the start, and whose pixels are decoded by `load`."""

    def __init__(self, tiff: Tiff, place: int) -> None:
        """Read the header of the image whose directory lies at this byte. Raise LibtiffError, DocumentError."""
        super().__init__()
        self._tiff, self._place = tiff, place
        tiff.go_to(place)
        self.layout = read_layout(tiff)
        self._size = (self.layout.width, self.layout.height)
        self._mode = "L"
        self._decoded = False
        self.remarks: tuple[Notice, ...] = ()
        """What is to be said of the pixels, when they have been decoded."""
        if self.layout.dpi:
            self.info["dpi"] = self.layout.dpi
        self.getexif()[_ORIENTATION] = self.layout.orientation

    def load(self) -> Any:  # noqa: ANN401 - as Pillow declares it
        """Decode the pixels, to L or RGB or to LA or RGBA. Raise LibtiffError, DocumentError."""
        if not self._decoded:
            self._tiff.go_to(self._place)
            with self._tiff.place_kept():
                decoded, self.remarks = _decoded(self._tiff, self.layout)
            self._mode, self.im, self._decoded = decoded.mode, decoded.im, True
        return super().load()


def _decoded(tiff: Tiff, layout: Layout) -> tuple[Image.Image, tuple[Notice, ...]]:
    if layout.by_libtiff:
        return _by_libtiff(tiff, layout), ()
    if layout.compression == image_layout.JPEG and layout.photometric == image_layout.YCBCR:
        tiff.set_number(_JPEG_COLOR_MODE, _AS_RGB)
    libtiff.said()  # of the directory, which was good enough
    if layout.compression in image_layout.BY_PILLOW:
        return _by_pillow(tiff, layout), ()
    ledger = damage.Ledger(tiff, layout)
    canvas: list[Image.Image] = []
    for place, rows, planes in _pieces(tiff, layout, ledger):
        bands = pillow_bands.images(planes, layout, rows)
        if bands[0].size == (layout.width, layout.height):  # all in one piece
            canvas = bands
            break
        canvas = canvas or [Image.new(band.mode, (layout.width, layout.height)) for band in bands]
        for whole, band in zip(canvas, bands, strict=True):
            whole.paste(band, place)
    return pillow_bands.joined(canvas, layout, tiff), ledger.remarks()


def _by_libtiff(tiff: Tiff, layout: Layout) -> Image.Image:
    """Return an image whose colors libtiff converts."""
    size = (layout.width, layout.height)
    try:
        rgba = Image.frombuffer("RGBA", size, tiff.rgba(*size), "raw", "RGBA", 0, 1)
    except libtiff.LibtiffError as error:
        if _CANNOT.match(str(error)):
            raise image_layout.unsupported(f"it has {image_layout.colors(layout)}") from error
        raise
    damage.refuse_lossy(libtiff.said())
    return rgba if layout.alpha is not None else rgba.convert("RGB")


def _pieces(
    tiff: Tiff, layout: Layout, ledger: damage.Ledger
) -> Iterator[tuple[tuple[int, int], Rows, list[memoryview]]]:
    """Yield where a piece of the image belongs, its form, and the samples of each plane."""
    planes = layout.wanted if layout.separate else [0]
    wide, high = _side(tiff, layout)
    if tiff.tiled:
        form, size = Rows(wide, tiff.size("TIFFTileRowSize")), tiff.size("TIFFTileSize")
        buffers = [ctypes.create_string_buffer(size) for _ in planes]
        for top in range(0, layout.height, high):
            for left in range(0, layout.width, wide):
                for plane, buffer in zip(planes, buffers, strict=True):
                    ledger.read(tiff.tile_at(left, top, plane), buffer, min(high, layout.height - top))
                yield (left, top), form, [memoryview(buffer).cast("B") for buffer in buffers]
        return
    form, size = Rows(layout.width, tiff.size("TIFFScanlineSize")), tiff.size("TIFFStripSize")
    together = max(1, min(_AT_ONCE // size, -(-layout.height // high)))
    buffers = [ctypes.create_string_buffer(size * together) for _ in planes]
    for top in range(0, layout.height, high * together):
        rows = min(high * together, layout.height - top)
        for plane, buffer in zip(planes, buffers, strict=True):
            for number in range(-(-rows // high)):
                strip = (ctypes.c_char * size).from_buffer(buffer, number * size)
                ledger.read(tiff.strip_at(top + number * high, plane), strip, min(high, rows - number * high))
        yield (0, top), form, [memoryview(buffer).cast("B")[: rows * form.row_bytes] for buffer in buffers]


def _side(tiff: Tiff, layout: Layout) -> tuple[int, int]:
    """Return width and height of a tile or strip."""
    if tiff.tiled:
        return tiff.number(_TILE_WIDTH, ctypes.c_uint32) or 1, tiff.number(_TILE_LENGTH, ctypes.c_uint32) or 1
    return layout.width, min(tiff.number(_ROWS_PER_STRIP, ctypes.c_uint32) or layout.height, layout.height)


def _by_pillow(tiff: Tiff, layout: Layout) -> Image.Image:
    """Return an image of strips or tiles that are PNG, WebP or JPEG 2000 files each."""
    if layout.separate:
        raise image_layout.unsupported("its colors lie in planes of their own, each compressed as a picture")
    wide, high = _side(tiff, layout)
    # libtiff does not know these codecs, so it sees no strips in them that could be handed out in pieces.
    readers = {image_layout.WEBP: WebPImagePlugin.WebPImageFile, image_layout.PNG: PngImagePlugin.PngImageFile}
    reader = readers.get(layout.compression, Jpeg2KImagePlugin.Jpeg2KImageFile)
    canvas: Image.Image | None = None
    for top in range(0, layout.height, high):
        for left in range(0, layout.width, wide):
            number = tiff.tile_at(left, top, 0) if tiff.tiled else tiff.strip_at(top, 0)
            picture = reader(io.BytesIO(tiff.raw(number, layout.width * layout.height * 16 + 65536)))
            if picture.width > wide or picture.height > high:
                raise libtiff.LibtiffError("a picture in it is larger than its place")
            plain = _plain(picture, layout)
            canvas = canvas or Image.new(plain.mode, (layout.width, layout.height), "white")
            canvas.paste(plain, (left, top))
    if canvas is None:
        raise libtiff.LibtiffError("no strips")
    return canvas


def _plain(picture: Image.Image, layout: Layout) -> Image.Image:
    if (
        layout.photometric == image_layout.YCBCR
        and layout.compression in image_layout.JPEG_2000
        and picture.mode == "RGB"
    ):
        return Image.merge("YCbCr", picture.split()).convert("RGB")
    return pixels.to_plain(picture)
