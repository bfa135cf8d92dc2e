"""PDF files with something special, made with pikepdf or by hand; text is in Helvetica, 14 points high."""

from __future__ import annotations

import io
import math
import re
import warnings
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, String
from PIL import Image, ImageDraw, ImageFont

from support import sample_files

LINES = ("Quarterly report of the society", "Received with thanks from the treasurer", "Payable within thirty days")
DYNAMIC = b"<config><present><pdf><dynamicRender>required</dynamicRender></pdf></present></config>"
PLACEHOLDER = ("Please wait...", "To view the full contents, you need a later version of the PDF viewer.")


def document(*pages: Iterable[str], size: tuple[float, float] = (612, 792)) -> Pdf:
    """A document whose pages have these lines, each page of this size in points."""
    pdf = Pdf.new()
    font = pdf.make_indirect(Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica))
    for lines in pages or (LINES,):
        page = pdf.add_blank_page()
        page.obj.MediaBox = Array([0, 0, *size])
        page.obj.Resources = Dictionary(Font=Dictionary(F1=font))
        page.obj.Contents = pdf.make_stream(written(lines, size[1]))
    return pdf


def written(lines: Iterable[str], height: float, size: float = 14, left: float = 40) -> bytes:
    """The operators that set these lines from the top of a page downwards."""
    shown = (f"1 0 0 1 {left} {height - 3 * size - at * 2 * size:g} Tm ({line}) Tj\n" for at, line in enumerate(lines))
    return f"BT /F1 {size:g} Tf\n{''.join(shown)}ET\n".encode("latin-1")


def drawing(
    size: tuple[float, float], texts: dict[tuple[float, float], str], em: float, *, up: int = 0, rotate: int = 0
) -> bytes:
    """A page with texts at these places in points from the bottom left, and a frame beside each.

    Every so many of them (`up`) runs up the page.
    """
    pdf = document((), size=size)
    page = pdf.pages[0]
    drawn = []
    for number, ((x, y), text) in enumerate(texts.items(), 1):
        way = "0 1 -1 0" if up and number % up == 0 else "1 0 0 1"
        drawn.append(f"0.5 w {x - 2 * em:g} {y - 2 * em:g} {em * 30:g} {em * 25:g} re S")
        drawn.append(f"BT /F1 {em:g} Tf {way} {x:g} {y:g} Tm ({text}) Tj ET")
    page.obj.Contents = pdf.make_stream("\n".join(drawn).encode("latin-1"))
    page.obj.Rotate = rotate
    return saved(pdf)


def saved(pdf: Pdf, **options: object) -> bytes:
    """The bytes of a document."""
    made = io.BytesIO()
    pdf.save(made, **options)  # type: ignore[arg-type] # as pikepdf states them
    return made.getvalue()


def with_unit(unit: float, *, packed: bool = False, rotate: int = 0, crop: tuple[int, ...] | None = None) -> bytes:
    """A page of 612 x 792 points whose coordinates count in so many points; its entries perhaps compressed."""
    pdf = document(size=(612 / unit, 792 / unit))
    page = pdf.pages[0].obj
    page.Contents = pdf.make_stream(written(LINES, 792 / unit, 14 / unit, 40 / unit))
    page.UserUnit = unit
    if rotate:
        page.Rotate = rotate
    if crop:
        page.CropBox = Array([side / unit for side in crop])
    mode = pikepdf.ObjectStreamMode.generate if packed else pikepdf.ObjectStreamMode.disable
    return saved(pdf, object_stream_mode=mode, min_version="1.6")


def with_xfa(*lines: str, config: bytes = b"", needs_rendering: bool = False, fields: bool = False) -> bytes:
    """A document with an XFA form and a page that says this."""
    pdf = document(lines)
    parts = [String("config"), pdf.make_stream(config), String("template"), pdf.make_stream(b"<template/>")]
    pdf.Root.AcroForm = Dictionary(Fields=Array(), XFA=Array(parts))
    if needs_rendering:
        pdf.Root.NeedsRendering = True
    if fields:
        add_field(pdf, "Name", (40, 500, 300, 530), FT=Name.Tx, V=String("Vandermeer"))
    return saved(pdf)


def add_annotation(
    pdf: Pdf,
    box: tuple[float, float, float, float],
    look: bytes | None,
    **entries: Any,  # noqa: ANN401 - whatever a PDF may hold
) -> Dictionary:
    """Put an annotation on the first page, which looks like this, in /F1; without a look it has none."""
    annotation = Dictionary(Type=Name.Annot, Rect=Array(box), F=4, **entries)
    if look is not None:
        form = pdf.make_stream(
            look,
            Type=Name.XObject,
            Subtype=Name.Form,
            BBox=Array([0, 0, box[2] - box[0], box[3] - box[1]]),
            Resources=pdf.pages[0].obj.Resources,
        )
        annotation.AP = Dictionary(N=form)
    made = pdf.make_indirect(annotation)
    page = pdf.pages[0].obj
    if "/Annots" not in page:
        page.Annots = Array()
    page.Annots.append(made)
    return made


def add_field(
    pdf: Pdf, name: str, box: tuple[float, float, float, float], look: bytes | None = None, **entries: object
) -> Dictionary:
    """Put a form field on the first page."""
    facts = {"DA": String("/F1 12 Tf 0 g"), "T": String(name), **entries}
    field = add_annotation(pdf, box, look, Subtype=Name.Widget, **facts)
    if "/AcroForm" not in pdf.Root:
        pdf.Root.AcroForm = Dictionary(Fields=Array(), DR=pdf.pages[0].obj.Resources, DA=String("/F1 12 Tf 0 g"))
    pdf.Root.AcroForm.Fields.append(field)
    return field


def look(text: str, size: float = 12) -> bytes:
    """What a field or a comment with this text looks like."""
    return f"BT /F1 {size:g} Tf 4 6 Td ({text}) Tj ET".encode("latin-1")


def with_attachments(*names: str, portfolio: bool = False, lines: Iterable[str] = LINES) -> bytes:
    """A document with attached files of these names."""
    pdf = document(lines)
    for name in names:
        pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, b"content", filename=name)
    if portfolio:
        pdf.Root.Collection = Dictionary(Type=Name.Collection, View=Name.T)
    return saved(pdf, object_stream_mode=pikepdf.ObjectStreamMode.generate)


def packed_objects() -> bytes:
    """A file whose compressed objects unpack to a thousand times their size."""
    squeezed = zlib.compress(bytes(200 << 20), 9)
    bomb = sample_files.pdf_stream(squeezed, b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode")
    return sample_files.pdf_page(b"", b"", bomb)


def far_numbers() -> bytes:
    """A document whose objects have numbers beyond what its trailer says: PDFium reads it, qpdf finds no pages."""
    made = saved(document(), object_stream_mode=pikepdf.ObjectStreamMode.disable)
    objects = re.findall(rb"\n\d+ 0 obj\n(.*?)\nendobj(?=\n)", made, re.DOTALL)
    body, table = b"%PDF-1.7\n", b""
    for at, content in enumerate(objects):
        table += b"%d 1\n%010d 00000 n \n" % (8001 + at, len(body))
        moved = re.sub(rb"(\d+) 0 R", lambda match: b"%d 0 R" % (8000 + int(match[1])), content)
        body += b"%d 0 obj\n%s\nendobj\n" % (8001 + at, moved)
    tail = b"trailer << /Size %d /Root 8001 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(body))
    return body + b"xref\n0 1\n0000000000 65535 f \n" + table + tail


def encrypted_by(revision: int, *, user: str = "", owner: str = "owner", aes: bool = True) -> bytes:
    """A document under this revision of the standard encryption."""
    new = revision >= 4
    aes = aes and new
    encryption = pikepdf.Encryption(owner=owner, user=user, R=revision, aes=aes, metadata=aes)  # type: ignore[arg-type] # any of 2 to 6
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # revision 5 is not to be made any more
        return saved(document(), encryption=encryption)


def with_wrong_permissions() -> bytes:
    """A document under revision 6 whose permissions do not match: PDFium asks for a password, qpdf does not mind."""
    made = encrypted_by(6)
    return re.sub(rb"/Perms ?<[0-9a-f]{32}>", b"/Perms <%s>" % (b"5a" * 16), made)


def with_encrypted_attachments() -> bytes:
    """A document in which only attached files are encrypted: PDFium shows it, qpdf wants the password."""
    made = saved(document(), object_stream_mode=pikepdf.ObjectStreamMode.disable)
    objects = re.findall(rb"\n\d+ 0 obj\n(.*?)\nendobj(?=\n)", made, re.DOTALL)
    noise = b"<%s>" % (b"3c" * 48)
    objects.append(
        b"<< /Filter /Standard /V 5 /R 6 /Length 256 /P -4 /EncryptMetadata true /StmF /Identity /StrF /Identity "
        b"/EFF /StdCF /CF << /StdCF << /AuthEvent /EFOpen /CFM /AESV3 /Length 32 >> >> "
        b"/O %s /U %s /OE <%s> /UE <%s> /Perms <%s> >>" % (noise, noise, b"3c" * 32, b"3c" * 32, b"3c" * 16)
    )
    return sample_files.pdf_file(objects, b"/Encrypt %d 0 R /ID [<00> <00>]" % len(objects))


PROSE = (
    "The committee met on the third of March and heard the report",
    "of the treasurer, who said that the accounts were in order and",
    "that nearly all members had paid what they owed for the year.",
    "It was agreed to repair the roof of the library before winter,",
    "and to ask the town for a part of the money that this will cost.",
    "The secretary read a letter from the school, which thanks the",
    "society for the books that were given to it in the last summer.",
)


def shifted(line: str, by: int = 3) -> str:
    """The line with every letter so many places further on in the alphabet, as text in a font without sense is."""
    small, large = "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    further = small[by:] + small[:by] + large[by:] + large[:by]
    return line.translate(str.maketrans(small + large, further))


def in_wrong_letters(lines: Iterable[str] = PROSE) -> bytes:
    """A page that shows these lines, in a font that says of each character that it is one three places further on."""
    pdf = document(lines)
    pairs = [f"<{ord(letter):02x}> <{ord(shifted(letter)):04x}>" for letter in map(chr, range(32, 127))]
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        "1 begincodespacerange <00> <ff> endcodespacerange\n"
        f"{len(pairs)} beginbfchar\n{chr(10).join(pairs)}\nendbfchar\nendcmap end end"
    )
    pdf.pages[0].obj.Resources.Font.F1.ToUnicode = pdf.make_stream(cmap.encode())
    return saved(pdf)


def scanned(*pages: Iterable[str], layer: Callable[[str], str] | None = None, over: bytes = b"") -> bytes:
    """A scan of pages with these lines, perhaps with an invisible text that says `layer` of each, and this over it."""
    pdf = document(*[()] * len(pages))
    for page, lines in zip(pdf.pages, pages, strict=True):
        picture = Image.new("L", (1700, 2200), 255)
        for at, line in enumerate(lines):
            ImageDraw.Draw(picture).text((160, 200 + 90 * at), line, fill=0, font=ImageFont.load_default(44))
        facts = {"Width": 1700, "Height": 2200, "ColorSpace": Name.DeviceGray, "BitsPerComponent": 8}
        squeezed = zlib.compress(picture.tobytes())
        image = pdf.make_stream(squeezed, Type=Name.XObject, Subtype=Name.Image, Filter=Name.FlateDecode, **facts)
        page.obj.Resources.XObject = Dictionary(Scan=image)
        drawn = b"q 612 0 0 792 0 0 cm /Scan Do Q\n" + over
        if layer is not None:
            shown = (f"1 0 0 1 57.6 {792 - 84 - 32.4 * at:g} Tm ({layer(line)}) Tj\n" for at, line in enumerate(lines))
            drawn += f"BT 3 Tr /F1 16 Tf\n{''.join(shown)}ET\n".encode("latin-1")
        page.obj.Contents = pdf.make_stream(drawn)
    return saved(pdf)


def turned(text: str, angle: float, size: float, x: float, y: float) -> bytes:
    """The operators that set a text in light grey at an angle, in degrees against the clock."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    matrix = f"{cosine:g} {sine:g} {-sine:g} {cosine:g} {x:g} {y:g}"
    return f"BT 0.8 g /F1 {size:g} Tf {matrix} Tm ({text}) Tj ET\n".encode()


def with_prose_and(drawn: bytes) -> bytes:
    """A page of prose with this drawn over it."""
    pdf = document(PROSE)
    pdf.pages[0].contents_add(drawn)
    return saved(pdf)


def in_a_font_without_letters(text: str, *more: str) -> bytes:
    """A page with a text in a font that is not there; choose letters that no font here has. And more lines."""
    pdf = document(more)
    pairs = [f"<{0xE000 + at:04x}> <{ord(letter):04x}>" for at, letter in enumerate(text)]
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def\n"
        "1 begincodespacerange <0000> <ffff> endcodespacerange\n"
        f"{len(pairs)} beginbfchar\n{chr(10).join(pairs)}\nendbfchar\nendcmap end end"
    )
    described = Dictionary(
        Type=Name.FontDescriptor, FontName=Name.Gone, Flags=32, ItalicAngle=0, StemV=80, Ascent=700, Descent=-200,
        CapHeight=700, FontBBox=Array([0, -200, 1000, 700]),
    )  # fmt: skip
    system = Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0)
    letters = Dictionary(
        Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=Name.Gone, CIDSystemInfo=system, FontDescriptor=described,
        DW=500,
    )  # fmt: skip
    pdf.pages[0].obj.Resources.Font.F2 = Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name.Gone, Encoding=Name("/Identity-H"),
        DescendantFonts=Array([letters]), ToUnicode=pdf.make_stream(cmap.encode()),
    )  # fmt: skip
    codes = "".join(f"{0xE000 + at:04x}" for at in range(len(text)))
    pdf.pages[0].contents_add(f"BT /F2 20 Tf 40 100 Td <{codes}> Tj ET".encode())
    return saved(pdf)
