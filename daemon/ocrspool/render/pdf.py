"""Searchable PDF: the look of each page stays, and invisible text is placed where it was read.

A source that is a PDF keeps its pages as they are, and everything else in it. A text layer is added. Of any other
source, each page becomes a picture with the text over it. The layer is at the beginning of a page's content, where
nothing that the page does to its coordinates can move it. It is invisible, so it does not matter what is painted over
it.

pikepdf reads files that may be hostile, so only a decoder imports this module.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

from pikepdf import (
    Array,
    Dictionary,
    Encryption,
    Name,
    Object,
    ObjectStreamMode,
    Page,
    PasswordError,
    Pdf,
    PdfError,
    Stream,
)

from ocrspool.errors import DocumentError
from ocrspool.pages import Point
from ocrspool.render import pdf_font
from ocrspool.render.line_geometry import placement
from ocrspool.render.page_picture import Painter, Picture
from ocrspool.results import schema
from ocrspool.results.schema import Document, Line

_POINTS_PER_INCH = 72
_LONG_SIDE = 842.0
"""Points that the longer side of a page gets whose resolution nobody knows: that of A4."""
_LONG, _SHORT_SIDE = 3.0, 595.0
"""Long side relative to the short one from which such a page gets the width of A4 instead: it would be a thin line."""
_BLANK_PAGE = (595.0, 842.0)
_BOUNDS = (3.0, 14_400.0)
"""Points that a side may have (ISO 32000-1, annex C)."""
_LETTERS = 0.8
"""Share of a polygon's height that its text takes: a detected line has a margin. Lines as high as their polygons would
overlap, and PDFium takes two that are alike and overlap for one."""
_MOST_ANCESTORS = 100
"""Of a page; a chain of them that has no end is no tree."""


logging.getLogger("pikepdf").setLevel(logging.CRITICAL)  # what qpdf mends in a document is nobody's business


@dataclass(frozen=True, slots=True)
class Frame:
    """Where a page as it was read lies in the coordinates of a PDF page, whatever its boxes and its rotation."""

    corner: Point
    """Of the top left."""
    across: Point
    """From there to the top right."""
    down: Point
    """From there to the bottom left."""

    def at(self, page: schema.Page, point: Point) -> Point:
        """Return where a point of the page lies, given in pixels from its top left."""
        x, y = point[0] / page.width, point[1] / page.height
        return (
            self.corner[0] + x * self.across[0] + y * self.down[0],
            self.corner[1] + x * self.across[1] + y * self.down[1],
        )


def open_what_is_opened_late() -> None:
    """Let qpdf open the device of random numbers, which it keeps: a process that gives up files calls this before.

    qpdf takes random numbers even to read a document that is encrypted with AES.
    """
    with Pdf.new() as pdf:
        pdf.save(io.BytesIO(), encryption=Encryption(owner="", user="", R=6))


def decrypted(original: BinaryIO) -> bytearray:
    """Return the PDF without its encryption, which needs no password to be read. Raise DocumentError."""
    with _opened(original) as pdf:
        _save(pdf, made := io.BytesIO(), ObjectStreamMode.preserve)
        return bytearray(made.getbuffer())


def write_over_pictures(document: Document, paint: Painter, file: BinaryIO) -> None:
    """Write a PDF of the pages' pictures with text over them. Raises what `paint` raises, or DocumentError."""
    with Pdf.new() as pdf:
        layer = _Layer(pdf)
        for page in document.pages:
            made = _new_page(pdf, _size(page))
            if page.error is None:
                _show(pdf, made, paint(page))
                layer.add(made, page, _upright(_size(page)), page.lines)
                _turn(made, page)
        layer.close()
        pdf.docinfo["/Producer"] = f"ocrspool {document.engine.version}"
        _describe(pdf, document)
        _save(pdf, file, ObjectStreamMode.generate)


def write_over_original(
    document: Document, original: BinaryIO, frame_of: Callable[[schema.Page], Frame], file: BinaryIO
) -> None:
    """Write the original PDF with the lines added that were read, where it has no text of its own.

    Encryption is not kept: a reader that keeps to its limits would not search the text. Raise DocumentError, or
    whatever pikepdf raises, where qpdf cannot make out what PDFium can.
    """
    with _opened(original) as pdf:
        if len(pdf.pages) != len(document.pages):
            raise DocumentError("damaged", f"The PDF has {len(pdf.pages)} pages, or {len(document.pages)}.")
        layer = _Layer(pdf)
        for original_page, page in zip(pdf.pages, document.pages, strict=True):
            if page.lines and page.text_from == "ocr":
                layer.add(original_page, page, frame_of(page), page.lines)
                _turn(original_page, page)
        layer.close()
        _describe(pdf, document)
        _save(pdf, file, ObjectStreamMode.preserve)


def _opened(original: BinaryIO) -> Pdf:
    try:
        return Pdf.open(original)
    except PasswordError as error:
        raise DocumentError(
            "encrypted",
            "The PDF document needs a password.",
            "Save it without password protection and send it again.",
        ) from error
    except PdfError as error:
        raise DocumentError(
            "damaged", "The PDF is damaged: its pages can be read, but not kept as they are."
        ) from error


class _Layer:
    """The text of one PDF and the font that all of it is in."""

    def __init__(self, pdf: Pdf) -> None:
        self._pdf = pdf
        self._codes = pdf_font.Codes()
        self._font = pdf.make_indirect(Dictionary(Type=Name.Font))

    def add(self, target: Page, page: schema.Page, frame: Frame, lines: tuple[Line, ...]) -> None:
        """Put the lines of a page on it."""
        name = self._name_font(target)
        text = b"\n".join(self._line(line, page, frame, name) for line in lines)
        # 3 Tr: neither filled nor stroked, so invisible, and selectable all the same.
        target.contents_add(b"q BT 3 Tr\n" + text + b"\nET Q\n", prepend=True)

    def close(self) -> None:
        """Complete the font, now that all its characters are known."""
        pdf, widths = self._pdf, self._codes.widths()
        descriptor = pdf.make_indirect(
            Dictionary(
                Type=Name.FontDescriptor,
                FontName=Name.Glyphless,
                Flags=5,  # fixed pitch, symbolic: nobody shall guess at an encoding
                FontBBox=Array([0, pdf_font.DESCENT, pdf_font.UNITS, pdf_font.ASCENT]),
                ItalicAngle=0,
                Ascent=pdf_font.ASCENT,
                Descent=pdf_font.DESCENT,
                CapHeight=pdf_font.ASCENT,
                StemV=80,
                FontFile2=pdf.make_stream(font := pdf_font.font_file(), Length1=len(font)),
            )
        )
        cid_font = Dictionary(
            Type=Name.Font,
            Subtype=Name.CIDFontType2,
            BaseFont=Name.Glyphless,
            CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
            CIDToGIDMap=pdf.make_stream(self._codes.glyphs()),
            DW=pdf_font.UNITS,
            W=Array([1, Array(widths)]) if widths else Array(),
            FontDescriptor=descriptor,
        )
        self._font.update(
            {
                "/Subtype": Name.Type0,
                "/BaseFont": Name.Glyphless,
                "/Encoding": Name("/Identity-H"),
                "/DescendantFonts": Array([pdf.make_indirect(cid_font)]),
                "/ToUnicode": pdf.make_stream(self._codes.to_unicode()),
            }
        )

    def _name_font(self, target: Page) -> bytes:
        """Give the page the font under a name that it does not use; resources shared with other pages stay theirs."""
        holder: Object = target.obj
        for _ in range(_MOST_ANCESTORS):
            if "/Resources" in holder or "/Parent" not in holder:
                break
            holder = holder["/Parent"]
        resources = _copy(holder, "/Resources")
        fonts = _copy(resources, "/Font")
        name = next(name for number in range(len(fonts) + 1) if (name := f"/ReadText{number}") not in fonts)
        fonts[name] = self._font
        resources["/Font"] = fonts
        target.obj["/Resources"] = resources
        return name.encode("ascii")

    def _line(self, line: Line, page: schema.Page, frame: Frame, font: bytes) -> bytes:
        """Return the operators that set a line: as wide as its polygon, and in the middle of its height."""
        try:
            placed = placement(tuple(frame.at(page, point) for point in line.polygon))
        except ValueError:
            return b""
        (ax, ay), (dx, dy) = placed.along, placed.down
        ems = sum(map(pdf_font.width, line.text)) / pdf_font.UNITS
        size = placed.height * _LETTERS
        stretch = 1 / (ems * size)
        drop = (1 - _LETTERS) / 2 + _LETTERS * pdf_font.ASCENT / pdf_font.UNITS
        start = (placed.corner[0] + drop * dx, placed.corner[1] + drop * dy)
        matrix = (ax * stretch, ay * stretch, -dx / placed.height, -dy / placed.height, *start)
        numbers = " ".join(f"{value:.5f}" for value in matrix)
        text = self._codes.encode(line.text).hex()
        return b"%b %.4f Tf %b Tm <%b> Tj" % (font, size, numbers.encode("ascii"), text.encode("ascii"))


def _turn(target: Page, page: schema.Page) -> None:
    """Have readers show a page that was scanned on its side as it is read; its content stays as it is."""
    if page.rotation:
        target.rotate(page.rotation, relative=True)


def _describe(pdf: Pdf, document: Document) -> None:
    """Give the PDF a title and dates, where it has none; the dates are the result's, so that a repeat makes the same.

    A PDF whose metadata (XMP) say such things keeps what it has: the two have to agree, in PDF/A for instance.
    """
    if "/Metadata" in pdf.Root:
        return
    info = pdf.docinfo
    made = "D:" + "".join(filter(str.isdigit, document.run.finished_at))[:14] + "Z"
    for key, value in (
        ("/Title", PurePosixPath(document.source.name).stem),
        ("/CreationDate", made),
    ):
        if not str(info.get(key, "")):
            info[key] = value
    info["/ModDate"] = made


def _copy(holder: Object, name: str) -> Dictionary:
    """Return a dictionary with what the one of this name holds; empty where there is none."""
    found = holder.get(name) if name in holder else None
    return Dictionary(dict(found.items())) if isinstance(found, Dictionary) else Dictionary()


def _size(page: schema.Page) -> tuple[float, float]:
    """Return width and height of a page in points."""
    if page.error is not None:
        return _BLANK_PAGE
    least, most = _BOUNDS
    longest, shortest = max(page.width, page.height), min(page.width, page.height)
    unknown = _SHORT_SIDE / shortest if longest > _LONG * shortest else _LONG_SIDE / longest
    scale = min(_POINTS_PER_INCH / page.dpi if page.dpi else unknown, most / longest)
    return max(least, page.width * scale), max(least, page.height * scale)


def _upright(size: tuple[float, float]) -> Frame:
    return Frame((0, size[1]), (size[0], 0), (0, -size[1]))


def _new_page(pdf: Pdf, size: tuple[float, float]) -> Page:
    box = Array([0, 0, *(round(side, 2) for side in size)])
    pdf.pages.append(Page(pdf.make_indirect(Dictionary(Type=Name.Page, MediaBox=box, Resources=Dictionary()))))
    return pdf.pages[-1]


def _show(pdf: Pdf, page: Page, picture: Picture) -> None:
    """Put the picture on the page, as large as the page is."""
    image = Stream(
        pdf,
        picture.data,
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=picture.width,
        Height=picture.height,
        ColorSpace=Name.DeviceGray if picture.channels == 1 else Name.DeviceRGB,
        BitsPerComponent=8,
        Filter=Name.DCTDecode,
    )
    if picture.kind == "g4":
        image.update(
            {
                "/BitsPerComponent": 1,
                "/Filter": Name.CCITTFaxDecode,
                "/DecodeParms": Dictionary(K=-1, Columns=picture.width, Rows=picture.height),
            }
        )
    page.obj.Resources.XObject = Dictionary(Picture=pdf.make_indirect(image))
    width, height = page.mediabox[2:]
    page.obj.Contents = pdf.make_stream(f"q {width} 0 0 {height} 0 0 cm /Picture Do Q\n".encode("ascii"))


def _save(pdf: Pdf, file: BinaryIO, streams: ObjectStreamMode) -> None:
    """Write the PDF; the same document makes the same bytes."""
    sink = _Sink(file)
    # Metadata (XMP) stay as they are: to look at them pikepdf would load an XML library, and a confined process cannot.
    pdf.save(cast(BinaryIO, sink), deterministic_id=True, object_stream_mode=streams, fix_metadata_version=False)
    if sink.error is not None:
        raise sink.error


class _Sink(io.RawIOBase):
    """Writes to a file, and remembers rather than raises what goes wrong: pikepdf would end the process for it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.error: OSError | None = None

    def writable(self) -> bool:
        """Tell that it is."""
        return True

    def write(self, data: Any) -> int:  # noqa: ANN401 - whatever has bytes
        """Write, or do as if; return how many bytes."""
        if self.error is None:
            try:
                self._file.write(data)
                self._file.flush()
            except OSError as error:
                self.error = error
        return memoryview(data).nbytes
