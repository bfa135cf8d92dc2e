"""Page images from image files, by Pillow.

A truncated image is refused, although its upper part could be read. Half of a document that looks like the whole
document is worse than none, and the sender can send it again.
"""

from __future__ import annotations

import contextlib
import struct
import warnings
from dataclasses import replace
from typing import IO, TYPE_CHECKING, Any, TypeVar

from PIL import (
    BmpImagePlugin,
    ExifTags,
    GifImagePlugin,
    Image,
    PngImagePlugin,
    PpmImagePlugin,
    WebPImagePlugin,
)

from ocrspool.decoding.child import page_size, pixels, strokes
from ocrspool.decoding.child.image import bmp, jpeg, png
from ocrspool.decoding.child.page import PageLimits, memory_file
from ocrspool.decoding.child.tiff import directory
from ocrspool.decoding.child.tiff.image import TiffImage
from ocrspool.decoding.child.tiff.libtiff import Tiff
from ocrspool.errors import DocumentError
from ocrspool.pages import Notice, PageImage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_T = TypeVar("_T")

# Named one by one: Pillow reads some forty more formats, and each is code that a hostile file could reach.
_READERS: dict[str, Callable[[IO[bytes]], Image.Image]] = {
    "image/png": PngImagePlugin.PngImageFile,
    "image/jpeg": jpeg.read,
    "image/bmp": BmpImagePlugin.BmpImageFile,
    "image/webp": WebPImagePlugin.WebPImageFile,
    "image/gif": GifImagePlugin.GifImageFile,
    "image/x-portable-anymap": PpmImagePlugin.PpmImageFile,
}
_READ_AGAIN: dict[str, Callable[[IO[bytes]], Image.Image]] = {
    "image/png": lambda file: PngImagePlugin.PngImageFile(png.bare(file)),
    "image/jpeg": jpeg.read_again,
    "image/bmp": bmp.read_again,
}
"""For files that Pillow refuses as they are. NotImplementedError says that there is no other way to read one."""
_ANIMATED = frozenset({"image/gif", "image/png", "image/webp"})
_BEGUN_ONCE = frozenset({"image/png", "image/jpeg", "image/bmp", "image/x-portable-anymap"})
"""Where the header need not be read once more for the pixels. A GIF is read through for its number of frames."""
_STRIP_BYTES = 1 << 18
_PLAUSIBLE_DPI = (50, 4800)
_SQUARE = 0.05
"""Share by which horizontal and vertical resolution may differ and still be told as one number."""
_FLATTEST = 4.0
"""Fax machines leave out every second line, or three of four: such pages are stretched. More is a mistake."""
_EXPOSURE = 0x829A
"""Tag in the EXIF data of whatever a camera took, and no scanner."""

_Transpose = Image.Transpose
_TURNS = {
    2: _Transpose.FLIP_LEFT_RIGHT,
    3: _Transpose.ROTATE_180,
    4: _Transpose.FLIP_TOP_BOTTOM,
    5: _Transpose.TRANSPOSE,
    6: _Transpose.ROTATE_270,
    7: _Transpose.TRANSVERSE,
    8: _Transpose.ROTATE_90,
}
"""How to turn an image of each EXIF orientation upright."""
_SIDEWAYS = frozenset({5, 6, 7, 8})

# Pillow's own limits warn, or come late; ours are checked against the header.
Image.MAX_IMAGE_PIXELS = None
# Odd metadata concerns nobody here.
warnings.filterwarnings("ignore", module="PIL")


class ImagePages:
    """The pages of one open image file: as many as a TIFF image has, one of every other kind."""

    def __init__(self, file: IO[bytes], media_type: str, limits: PageLimits) -> None:
        self._file = file
        self._media_type = media_type
        self._limits = limits
        self._places = [0]
        self.count = 1
        self.remarks: tuple[Notice, ...] = ()
        self._tiff: Tiff | None = None
        if media_type == "image/tiff":
            self._places, self.remarks = directory.find_pages(file, limits.pages)
            self.count = len(self._places)
            self._tiff = Tiff(file)
        self._reader = _READERS.get(media_type, _no_reader)
        self._begun: tuple[Image.Image, int] | None = None
        """The image whose header has been read, and where in the file that ends."""
        try:
            first = self._or_again(self._first)
        except BaseException:
            self.close()
            raise
        if media_type in _ANIMATED and getattr(first, "is_animated", False):
            self.remarks = (Notice("first-frame", "The image is animated; only its first frame is read.", None),)
        if media_type in _BEGUN_ONCE:
            self._begun = first, file.tell()

    def close(self) -> None:
        """Free what a library holds; the file is the caller's."""
        if self._tiff is not None:
            self._tiff.close()
            self._tiff = None

    def page(self, index: int) -> tuple[PageImage, tuple[Notice, ...]]:
        """Decode one page: upright, opaque, 8 bits deep, reduced where it is huge."""
        return self._or_again(lambda: self._page(index))

    @property
    def plain(self) -> bool:
        """Tell whether the file is read as it is, so that other programs can be expected to."""
        return self._reader is _READERS.get(self._media_type, _no_reader)

    def _or_again(self, read: Callable[[], _T]) -> _T:
        """Return what `read` does, the other way to read such a file tried where Pillow refuses it."""
        try:
            return read()
        except (DocumentError, MemoryError):
            raise
        except Exception as error:
            if not self.plain or self._media_type not in _READ_AGAIN:
                raise
            self._reader = _READ_AGAIN[self._media_type]
            try:
                return read()
            except NotImplementedError:
                raise error from None

    def _first(self) -> Image.Image:
        first = self._frame(0)
        self._check_size(first, 1)
        return first

    def _page(self, index: int) -> tuple[PageImage, tuple[Notice, ...]]:
        image = self._frame(index)
        self._check_size(image, index + 1)
        source = image.size
        dpi = self._dpi(image)
        full = self._stretched(image)
        kind = page_size.kind_of(full, self._print_dpi(image), self._limits, photo=_photo(image))
        upright = self._flat(image, full if kind == "large" else page_size.reduced(full, self._limits))
        if kind == "unknown" and strokes.are_thin(upright):
            # Print that is too small for a sheet: it is a large one, and decoded once more, whole.
            image = image if image.size == source else self._frame(index)
            upright = self._flat(image, full)
        orientation = _exif(image).get(ExifTags.Base.Orientation, 1)
        if orientation in _TURNS:
            upright = upright.transpose(_TURNS[orientation])
            source, full = (source[::-1], full[::-1]) if orientation in _SIDEWAYS else (source, full)
        said = [replace(remark, page=index + 1) for remark in getattr(image, "remarks", ())]
        return _page_image(upright, index + 1, source, dpi), (*said, *_remarks(upright.size, full, index + 1))

    def _flat(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        """Return the image opaque, 8 bits deep and in this size, or smaller where that would exceed the limits.

        Its pixels may be decoded to no more than that.
        """
        if size != image.size:
            image.draft(image.mode, (max(1, size[0] - 1), max(1, size[1] - 1)))  # what that makes is rounded up
        image.load()
        flat = pixels.flatten(pixels.to_plain(image))
        return self._resized(flat, page_size.bounded(size, len(flat.getbands()), self._limits))

    def _frame(self, index: int) -> Image.Image:
        """Return a page of which the header has been read."""
        if self._tiff is not None:
            return TiffImage(self._tiff, self._places[index])
        if self._begun is not None:
            (image, place), self._begun = self._begun, None
            self._file.seek(place)
            return image
        self._file.seek(0)
        return self._reader(self._file)

    def _check_size(self, image: Image.Image, number: int) -> None:
        (width, height), most = image.size, self._limits.megapixels
        if width * height > most * 1e6:
            raise DocumentError(
                "too-large",
                f"The image has {width} x {height} pixels, over the limit of {most:g} megapixels.",
                "Reduce it, or raise the limit for megapixels in the configuration.",
                page=number,
            )

    def _stretched(self, image: Image.Image) -> tuple[int, int]:
        """Return the size at which the image's pixels are square, which is its own where they are."""
        width, height = image.size
        across, down = self._resolution(image)
        if not 1 + _SQUARE < max(across, down) / min(across, down) <= _FLATTEST:
            return width, height
        return round(width * max(1, down / across)), round(height * max(1, across / down))

    def _resized(self, image: Image.Image, size: tuple[int, int]) -> Image.Image:
        whole = max(1, image.width // size[0])
        if page_size.divided(image.size, whole) == size:
            return image.reduce(whole) if whole > 1 else image
        return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)

    def _dpi(self, image: Image.Image) -> float | None:
        """Return the resolution that the file states, where it is one number and a credible one."""
        across, down = self._resolution(image)
        least, most = _PLAUSIBLE_DPI
        if least <= across <= most and abs(across - down) <= _SQUARE * across:
            return round(across, 2)
        return None

    def _print_dpi(self, image: Image.Image) -> float | None:
        """Return the resolution of the page when its pixels have been made square, where the file states one."""
        finer = max(self._resolution(image))
        return finer if finer >= _PLAUSIBLE_DPI[0] else None

    def _resolution(self, image: Image.Image) -> tuple[float, float]:
        """Return what the file states, across and down, or only in relation to each other; 1 and 1 otherwise."""
        info = image.info
        if self._media_type == "image/jpeg" and info.get("jfif_unit", 0) == 0:
            # Pillow makes 72 dpi up for a JPEG image with EXIF data that states none.
            info = info if ExifTags.Base.XResolution in _exif(image) else {"aspect": info.get("jfif_density")}
        try:
            across, down = (float(value) for value in info.get("dpi", (0, 0)))
            least, most = _PLAUSIBLE_DPI
            if least <= across <= most and least <= down <= most:
                return across, down
            across, down = (float(value) for value in info.get("aspect") or (0, 0))
        except (TypeError, ValueError, ZeroDivisionError):
            return 1, 1
        return (across / down, 1) if across > 0 and down > 0 else (1, 1)


def _no_reader(file: IO[bytes]) -> Image.Image:
    raise LookupError(f"{file} is read page by page")


def _exif(image: Image.Image) -> Mapping[int, Any]:
    """Return the EXIF data; as good as none where it is broken, for the pixels are not."""
    try:
        return image.getexif()
    except (EOFError, KeyError, OverflowError, SyntaxError, TypeError, ValueError, struct.error):
        return {}


def _photo(image: Image.Image) -> bool:
    """Return whether a camera took the picture."""
    exif = _exif(image)
    if not exif:
        return False
    with contextlib.suppress(EOFError, KeyError, OverflowError, SyntaxError, TypeError, ValueError, struct.error):
        return isinstance(exif, Image.Exif) and _EXPOSURE in exif.get_ifd(ExifTags.IFD.Exif)
    return False


def _page_image(image: Image.Image, number: int, source: tuple[int, int], dpi: float | None) -> PageImage:
    width, height = image.size
    grey = image.mode == "L"
    descriptor = memory_file(_strips(image, "L" if grey else "BGR"))
    return PageImage(number, width, height, 1 if grey else 3, *source, dpi, descriptor)


def _strips(image: Image.Image, layout: str) -> Iterator[bytes]:
    """Yield the pixels from top to bottom, in pieces that stay in the processor's cache: twice as fast as whole."""
    width, height = image.size
    rows = max(1, _STRIP_BYTES // (width * len(layout)))
    if rows >= height:
        yield image.tobytes("raw", layout)
        return
    for top in range(0, height, rows):
        yield image.crop((0, top, width, min(top + rows, height))).tobytes("raw", layout)


def _remarks(size: tuple[int, int], source: tuple[int, int], number: int) -> tuple[Notice, ...]:
    if size == source:
        return ()
    (width, height), (full_width, full_height) = size, source
    message = f"The page has {full_width} x {full_height} pixels and is read at {width} x {height}."
    return (Notice("reduced", message, number),)
