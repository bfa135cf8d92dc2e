"""Direct calls of libtiff, in the copy that Pillow brings along.

Pillow's own TIFF reader knows a list of layouts and refuses every other, and it suppresses libtiff's reports about
damaged data. libtiff itself returns the samples of every layout, and reports where a page breaks off.

A confined process cannot map code, so the callbacks below are made when this module is imported.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
from typing import IO, TYPE_CHECKING

from PIL import _imaging

from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MODE = b"rhCm"
"""Read; look at no directory yet; give large strips in pieces; do not map the file, which may be cut short."""
_MOST_SAID = 1000
"""Messages kept of one page: a broken fax has one for each of its lines."""
_MESSAGE_BYTES = 512
_HEADER_BYTES = 8
_TOP_LEFT = 1
_ORIENTATION = 274

_Handler = ctypes.CFUNCTYPE(None, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_void_p)
"""The third argument is a va_list. It is passed on as it came: a pointer on x86-64 and on 64-bit ARM."""
_SIZES = ("TIFFStripSize", "TIFFScanlineSize", "TIFFTileSize", "TIFFTileRowSize", "TIFFNumberOfStrips")

_said: list[str] = []


def _hear(module: bytes | None, form: bytes | None, arguments: int | None) -> None:  # noqa: ARG001 - libtiff's type
    if len(_said) < _MOST_SAID and form:
        text = ctypes.create_string_buffer(_MESSAGE_BYTES)
        _libc.vsnprintf(text, ctypes.c_size_t(_MESSAGE_BYTES), form, ctypes.c_void_p(arguments))
        _said.append(text.value.decode("ascii", "replace"))


def _bound() -> ctypes.CDLL | None:
    """Return Pillow's library with libtiff's functions declared; None where libtiff is hidden in it."""
    library = ctypes.CDLL(_imaging.__file__)
    pointer, number, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_ssize_t
    if not hasattr(library, "TIFFFdOpen"):
        return None
    library.TIFFFdOpen.restype = pointer
    library.TIFFFdOpen.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p)
    library.TIFFCleanup.argtypes = (pointer,)
    library.TIFFSetSubDirectory.argtypes = (pointer, ctypes.c_uint64)
    for name in _SIZES:
        getattr(library, name).restype = size
        getattr(library, name).argtypes = (pointer,)
    library.TIFFComputeStrip.argtypes = (pointer, number, ctypes.c_uint16)
    library.TIFFComputeStrip.restype = number
    library.TIFFComputeTile.argtypes = (pointer, number, number, number, ctypes.c_uint16)
    library.TIFFComputeTile.restype = number
    for name in ("TIFFGetStrileByteCount", "TIFFGetStrileOffset"):
        getattr(library, name).argtypes = (pointer, number)
        getattr(library, name).restype = ctypes.c_uint64
    for name in ("TIFFReadEncodedStrip", "TIFFReadEncodedTile", "TIFFReadRawStrip", "TIFFReadRawTile"):
        getattr(library, name).restype = size
        getattr(library, name).argtypes = (pointer, number, pointer, size)
    library.TIFFReadRGBAImageOriented.argtypes = (pointer, number, number, pointer, ctypes.c_int, ctypes.c_int)
    library.TIFFIsCODECConfigured.argtypes = (ctypes.c_uint16,)
    library.TIFFIsTiled.argtypes = (pointer,)
    return library


_libc = ctypes.CDLL(None)
_library = _bound()
_handler = _Handler(_hear)


class LibtiffError(Exception):
    """libtiff gave up on a page; its last words are the text."""


class Tiff:
    """One open TIFF file, standing at one of its images."""

    def __init__(self, file: IO[bytes]) -> None:
        if _library is None:
            raise DocumentError(
                "unsupported",
                "TIFF images cannot be read: the installed Pillow hides its libtiff.",
                "Install Pillow from its own wheel.",
            )
        self.tiled = False
        """The image at which it stands is stored in tiles; otherwise it is stored in strips."""
        self._opened = contextlib.ExitStack()
        self._descriptor = self._opened.enter_context(_descriptor(file))
        _library.TIFFSetErrorHandler(_handler)
        _said.clear()
        with self.place_kept():
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            self._handle = ctypes.c_void_p(_library.TIFFFdOpen(self._descriptor, b"", _MODE))
        if not self._handle:
            self._opened.close()
            raise LibtiffError(said_last())
        self._opened.callback(_library.TIFFCleanup, self._handle)

    def close(self) -> None:
        """Free what libtiff holds; the file stays open."""
        self._opened.close()

    def go_to(self, place: int) -> None:
        """Stand at the image whose directory lies at this byte of the file. Raise LibtiffError."""
        self._listen()
        with self.place_kept():
            if not _call("TIFFSetSubDirectory", self._handle, ctypes.c_uint64(place)):
                raise LibtiffError(said_last())
        self.tiled = bool(_call("TIFFIsTiled", self._handle))

    def number(self, tag: int, kind: type[ctypes._SimpleCData[int]] = ctypes.c_uint16) -> int | None:
        """Return a whole number; None where the image has none. `kind` is libtiff's type for this tag."""
        value = kind()
        found = _call("TIFFGetFieldDefaulted", self._handle, tag, ctypes.byref(value))
        return value.value if found else None

    def fraction(self, tag: int) -> float | None:
        """Return a fraction; None where the image has none."""
        value = ctypes.c_float()
        return value.value if _call("TIFFGetField", self._handle, tag, ctypes.byref(value)) else None

    def words(self, tag: int) -> tuple[int, ...]:
        """Return the 16-bit numbers of a tag that libtiff hands out with their count."""
        count, values = ctypes.c_uint16(), ctypes.POINTER(ctypes.c_uint16)()
        found = _call("TIFFGetFieldDefaulted", self._handle, tag, ctypes.byref(count), ctypes.byref(values))
        return tuple(values[: count.value]) if found and values else ()

    def color_map(self, colors: int) -> list[tuple[int, ...]]:
        """Return so many 16-bit levels of red, of green and of blue; nothing where the image has no palette."""
        tables = [ctypes.POINTER(ctypes.c_uint16)() for _ in range(3)]
        found = _call("TIFFGetField", self._handle, 320, *(ctypes.byref(table) for table in tables))
        return [tuple(table[:colors]) for table in tables] if found and all(tables) else []

    def has(self, tag: int) -> bool:
        """Tell whether the image states this tag, which libtiff hands out as a count and a place."""
        count, values = ctypes.c_uint64(), ctypes.c_void_p()
        return bool(_call("TIFFGetField", self._handle, tag, ctypes.byref(count), ctypes.byref(values)))

    def set_number(self, tag: int, value: int) -> None:
        """Ask a codec for another form of its samples."""
        _call("TIFFSetField", self._handle, tag, ctypes.c_int(value))

    def size(self, of: str) -> int:
        """Return a size in bytes, or a number, by libtiff's name for it. Raise LibtiffError where it has none."""
        found: int = _call(of, self._handle)
        if found <= 0:
            raise LibtiffError(said_last())
        return found

    def strip_at(self, row: int, plane: int) -> int:
        """Return the number of the strip that holds this row of a plane."""
        return int(_call("TIFFComputeStrip", self._handle, row, plane))

    def tile_at(self, x: int, y: int, plane: int) -> int:
        """Return the number of the tile that holds this pixel of a plane."""
        return int(_call("TIFFComputeTile", self._handle, x, y, 0, plane))

    def read(self, number: int, into: ctypes.Array[ctypes.c_char]) -> bool:
        """Decode a strip or tile; return False where libtiff could not. What it gave before that lies in `into`."""
        if _call("TIFFGetStrileOffset", self._handle, number) < _HEADER_BYTES:
            # A directory that lacks places is excused by libtiff, which then takes the header for pixels.
            _said.append("Read error: a strip has no place in the file")
            return False
        read = "TIFFReadEncodedTile" if self.tiled else "TIFFReadEncodedStrip"
        return _call(read, self._handle, number, into, len(into)) >= 0

    def raw(self, number: int, most: int) -> bytes:
        """Return the bytes of a strip or tile as they lie in the file. Raise LibtiffError."""
        count: int = _call("TIFFGetStrileByteCount", self._handle, number)
        if not 0 < count <= most:
            raise LibtiffError(f"Read error: {count} bytes")
        into = ctypes.create_string_buffer(count)
        if _call("TIFFReadRawTile" if self.tiled else "TIFFReadRawStrip", self._handle, number, into, count) < 0:
            raise LibtiffError(said_last())
        return into.raw

    def rgba(self, width: int, height: int) -> bytearray:
        """Return all pixels, converted by libtiff: red, green, blue and alpha, a byte each. Raise LibtiffError."""
        pixels = bytearray(width * height * 4)
        into = (ctypes.c_char * len(pixels)).from_buffer(pixels)
        self.set_number(_ORIENTATION, _TOP_LEFT)  # or libtiff would flip them, but not turn them
        if not _call("TIFFReadRGBAImageOriented", self._handle, width, height, into, _TOP_LEFT, 1):
            raise LibtiffError(said_last())
        return pixels

    @contextlib.contextmanager
    def place_kept(self) -> Iterator[None]:
        """Leave the descriptor's place in the file as it was: Python's file object, which shares it, counts on that.

        Pixels are read within this.
        """
        place = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        try:
            yield
        finally:
            os.lseek(self._descriptor, place, os.SEEK_SET)

    def _listen(self) -> None:
        _said.clear()
        for silence in ("TIFFSetErrorHandlerExt", "TIFFSetWarningHandlerExt"):
            _call(silence, None)
        for listen in ("TIFFSetErrorHandler", "TIFFSetWarningHandler"):  # Pillow takes the latter away
            _call(listen, _handler)


def said() -> list[str]:
    """Return what libtiff has said since a file was opened, since it went to an image, or since this was called."""
    found = list(_said)
    _said.clear()
    return found


def said_last() -> str:
    """Return libtiff's last words."""
    return _said[-1] if _said else ""


def has_codec(compression: int) -> bool:
    """Tell whether libtiff was built with the codec of this number."""
    return bool(_call("TIFFIsCODECConfigured", compression))


def _call(name: str, *arguments: object) -> int:
    found: int = getattr(_library, name)(*arguments)
    return found


@contextlib.contextmanager
def _descriptor(file: IO[bytes]) -> Iterator[int]:
    with contextlib.suppress(io.UnsupportedOperation):  # a file in memory
        yield file.fileno()
        return
    descriptor = os.memfd_create("tiff", os.MFD_CLOEXEC)
    try:
        file.seek(0)
        while piece := file.read(1 << 20):
            os.write(descriptor, piece)
        yield descriptor
    finally:
        os.close(descriptor)
