"""What one image of a TIFF file states about itself, and whether its pixels can be made from that."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocrspool.decoding.child.tiff import libtiff
from ocrspool.errors import DocumentError

if TYPE_CHECKING:
    from ocrspool.decoding.child.tiff.libtiff import Tiff

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, MASK, SEPARATED, YCBCR, LAB = 0, 1, 2, 3, 4, 5, 6, 8
"""Photometric interpretations: what the samples mean."""
_LOGL, _LOGLUV = 32844, 32845
OLD_JPEG, JPEG = 6, 7
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
"""Sample formats."""
ASSOCIATED, UNASSOCIATED, _COREL = 1, 2, 999
"""Kinds of an extra sample that is transparency. Corel Draw wrote the last one."""
_BANDS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, MASK: 1, RGB: 3, PALETTE: 1, SEPARATED: 4, YCBCR: 3}
_DEPTHS = {UNSIGNED: range(1, 33), UNDEFINED: range(1, 33), SIGNED: (8, 16, 32), FLOAT: (16, 32, 64)}
_FORMS = {UNSIGNED: "samples", UNDEFINED: "samples", SIGNED: "signed samples", FLOAT: "floating-point samples"}
_COLORS = {YCBCR: "YCbCr", LAB: "Lab", _LOGL: "LogLuv", _LOGLUV: "LogLuv"}
_MOST_SAMPLES = 32
_PALETTE_BITS, _SHORT, _LONG = 8, 16, 32
_SUBFILE, _REDUCED, _SUB_IMAGES = 254, 1, 330
_UNTOLD = "Defining non-color channels as ExtraSamples"
_RAW = {32803, 34892}
"""Photometric interpretations of what a camera's sensor saw."""

PNG, WEBP = 34933, 50001
JPEG_2000 = frozenset({33003, 33004, 33005, 34712})
BY_PILLOW = JPEG_2000 | {PNG, WEBP}
"""Codecs that Pillow has where libtiff was built without them."""
_CODECS = {
    9: "JBIG",
    22610: "JPEG XR",
    34934: "JPEG XR",
    50013: "PixTIFF ZIP",
    10: "JBIG",
    34661: "JBIG",
    34713: "raw camera",
    34718: "Microsoft Document Imaging",
    34719: "Microsoft Document Imaging",
    34720: "Microsoft Document Imaging",
    34887: "LERC",
    34892: "lossy DNG",
    32908: "Pixar film",
    34925: "LZMA",
    50000: "Zstandard",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
"""Compressions that libtiff lacks, or may lack, as people call them."""
ADVICE = "Save it as TIFF with LZW or CCITT group 4 compression, as PNG or as PDF."


@dataclass(frozen=True, slots=True)
class Layout:
    """How the samples of one image are stored."""

    width: int
    """As stored: pixels in a row, whatever the orientation says."""
    height: int
    bits: int
    """Of one sample."""
    samples: int
    """Of one pixel, with extra ones."""
    kind: int
    """Sample format."""
    separate: bool
    """The samples of each kind lie together, in a plane of their own."""
    photometric: int
    compression: int
    extra: tuple[int, ...]
    """What each extra sample is."""
    orientation: int
    dpi: tuple[float, float] | None

    @property
    def bands(self) -> int:
        """Return how many samples make the color of a pixel."""
        return _BANDS.get(self.photometric, 1)

    @property
    def alpha(self) -> int | None:
        """Return which sample is the transparency, None where there is none."""
        for number, kind in enumerate(self.extra):
            if kind in {ASSOCIATED, UNASSOCIATED, _COREL}:
                return self.bands + number
        # Some writers forget to say what the fourth sample is.
        return self.bands if self.photometric == RGB and self.samples == self.bands + 1 and not self.extra else None

    @property
    def premultiplied(self) -> bool:
        """Tell whether the colors have been multiplied with the transparency."""
        return self.alpha is not None and ASSOCIATED in self.extra

    @property
    def by_libtiff(self) -> bool:
        """Tell whether libtiff converts the colors: those whose samples are no simple levels."""
        simple_jpeg = self.compression == JPEG and not self.separate
        ycbcr = self.photometric == YCBCR and not simple_jpeg and self.compression not in BY_PILLOW
        return ycbcr or self.compression == OLD_JPEG or self.photometric in {LAB, _LOGL, _LOGLUV}

    @property
    def wanted(self) -> list[int]:
        """Return which samples of a pixel are used."""
        return [*range(self.bands)] + ([] if self.alpha is None else [self.alpha])

    @property
    def deep(self) -> bool:
        """Tell whether it has to be seen what the levels span, which 8 bits of each do not tell."""
        if self.bits <= _PALETTE_BITS:
            return False
        return self.kind in {FLOAT, SIGNED} or self.bits == _LONG or (self.bits == _SHORT and self.bands == 1)


def read_layout(tiff: Tiff) -> Layout:
    """Return the layout of the image at which the file stands. Raise DocumentError where it is none that is read."""
    long = ctypes.c_uint32
    compression, bits, photometric = tiff.number(259) or 1, tiff.number(258) or 1, tiff.number(262)
    # libtiff fills in what was left out, and says so.
    untold = any(_UNTOLD in text for text in libtiff.said())
    if photometric is None:  # old fax software left it out, and so does scientific software
        photometric = WHITE_IS_ZERO if bits <= _PALETTE_BITS else BLACK_IS_ZERO
    layout = Layout(
        width=tiff.number(256, long) or 0,
        height=tiff.number(257, long) or 0,
        bits=bits,
        samples=tiff.number(277) or 1,
        kind=tiff.number(339) or UNSIGNED,
        separate=tiff.number(284) == 2 and (tiff.number(277) or 1) > 1,  # noqa: PLR2004 - planar configuration
        photometric=photometric,
        compression=compression,
        extra=() if untold else tiff.words(338),
        orientation=tiff.number(274) or 1,
        dpi=_resolution(tiff),
    )
    if not layout.width or not layout.height:
        raise libtiff.LibtiffError("Missing dimensions")
    if tiff.has(_SUB_IMAGES) and (tiff.number(_SUBFILE, long) or 0) & _REDUCED:
        raise unsupported("it is a camera's raw picture, of which only a small preview could be shown")
    _check(layout)
    return layout


def _resolution(tiff: Tiff) -> tuple[float, float] | None:
    across, down, unit = tiff.fraction(282), tiff.fraction(283), tiff.number(296)
    per_inch = {2: 1.0, 3: 2.54}.get(unit or 0)
    if across is None or down is None or per_inch is None:
        return None
    return across * per_inch, down * per_inch


def _check(layout: Layout) -> None:
    if layout.compression not in BY_PILLOW and not libtiff.has_codec(layout.compression):
        name = _CODECS.get(layout.compression)
        said = f"{name} compression" if name else f"a compression of an unknown kind (number {layout.compression})"
        raise unsupported(f"it has {said}")
    if layout.photometric in _RAW:
        raise unsupported("it holds the raw data of a camera's sensor")
    if layout.by_libtiff:
        return
    if layout.photometric not in _BANDS:
        raise unsupported(f"it has colors of an unknown kind (photometric interpretation {layout.photometric})")
    if layout.photometric == PALETTE and layout.bits > _PALETTE_BITS:
        raise unsupported(f"it has palette samples of {layout.bits} bits")
    if layout.bits not in _DEPTHS.get(layout.kind, ()):
        form = _FORMS.get(layout.kind, "complex samples")
        raise unsupported(f"it has {form} of {layout.bits} bits")
    if not layout.bands <= layout.samples <= _MOST_SAMPLES:
        raise unsupported(f"it has {layout.samples} samples for each pixel")


def colors(layout: Layout) -> str:
    """Return how colors that libtiff converts are stored, in words."""
    form = f"{_COLORS.get(layout.photometric, 'JPEG')} colors with samples of {layout.bits} bits"
    return form + (" in planes of their own" if layout.separate else "")


def unsupported(what: str) -> DocumentError:
    """Return the error for a TIFF image that is sound, and that nothing here can read."""
    return DocumentError("unsupported", f"This TIFF image cannot be read: {what}.", ADVICE)
