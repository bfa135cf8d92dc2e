"""New pages of a PDF, each as large as its picture is printed."""

from __future__ import annotations

from pikepdf import Array, Dictionary, Name, Page, Pdf, Stream

from ocrspool.render.page_picture import Picture
from ocrspool.render.pdf.text_layer import Frame
from ocrspool.results import schema

_POINTS_PER_INCH = 72
_LONG_SIDE = 842.0
"""Points that the longer side of a page gets whose resolution nobody knows: that of A4."""
_LONG, _SHORT_SIDE = 3.0, 595.0
"""Long side relative to the short one from which such a page gets the width of A4 instead: it would be a thin line."""
_BLANK_PAGE = (595.0, 842.0)
_BOUNDS = (3.0, 14_400.0)
"""Points that a side may have (ISO 32000-1, annex C)."""


def page_size(page: schema.Page) -> tuple[float, float]:
    """Return width and height of a page in points."""
    if page.error is not None:
        return _BLANK_PAGE
    least, most = _BOUNDS
    longest, shortest = max(page.width, page.height), min(page.width, page.height)
    unknown = _SHORT_SIDE / shortest if longest > _LONG * shortest else _LONG_SIDE / longest
    scale = min(_POINTS_PER_INCH / page.dpi if page.dpi else unknown, most / longest)
    return max(least, page.width * scale), max(least, page.height * scale)


def upright(size: tuple[float, float]) -> Frame:
    """Return where the picture lies on a page of this size: on all of it."""
    return Frame((0, size[1]), (size[0], 0), (0, -size[1]))


def new_page(pdf: Pdf, size: tuple[float, float]) -> Page:
    """Add an empty page of this size."""
    box = Array([0, 0, *(round(side, 2) for side in size)])
    pdf.pages.append(Page(pdf.make_indirect(Dictionary(Type=Name.Page, MediaBox=box, Resources=Dictionary()))))
    return pdf.pages[-1]


def show(pdf: Pdf, page: Page, picture: Picture) -> None:
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
    # An artifact: the text that is read on the picture stands for it, in the structure of the document.
    drawn = f"/Artifact BMC q {width} 0 0 {height} 0 0 cm /Picture Do Q EMC\n"
    page.obj.Contents = pdf.make_stream(drawn.encode("ascii"))


def turn(target: Page, page: schema.Page) -> None:
    """Have readers show a page that was scanned on its side as it is read; its content stays as it is."""
    if page.rotation:
        target.rotate(page.rotation, relative=True)
