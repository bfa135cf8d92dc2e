"""Whether a PDF keeps the rules of PDF/A-2b (ISO 19005-2), as far as they concern pictures with invisible text.

No validator can be installed here. So this is a checker of our own. It names the clause of each rule that is broken.
It looks at everything that is in the file, by pikepdf. It does not know color spaces beyond device colors, annotations,
forms, optional content, embedded files or visible text: it calls each of these a fault, because our PDFs have none.
"""

from __future__ import annotations

import contextlib
import io
import re
import struct
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Stream

_FILTERS = {
    *("/ASCIIHexDecode", "/ASCII85Decode", "/FlateDecode", "/RunLengthDecode", "/CCITTFaxDecode", "/DCTDecode"),
    *("/JBIG2Decode", "/JPXDecode"),
}
_OPERATORS = {"q", "Q", "cm", "Do", "BT", "ET", "Tr", "Tf", "Tm", "Tj", "BMC", "BDC", "EMC"}
"""The only ones that these pages use. All are in ISO 32000-1."""
_FORBIDDEN_IN_CATALOG = {
    *("/AA", "/OpenAction", "/AcroForm", "/OCProperties", "/Requirements", "/Perms", "/NeedsRendering"),
    *("/Names", "/Collection", "/Extensions", "/AF"),
}
_FORBIDDEN_ANYWHERE = {
    *("/JS", "/JavaScript", "/SMask", "/Alternates", "/OPI", "/TR", "/TR2", "/HTP", "/Ref", "/EF", "/RichMedia"),
    *("/PresSteps", "/AA", "/A3D", "/Annots", "/BM", "/ca", "/CA", "/Group", "/FFilter", "/FDecodeParms"),
}
_MOST_NESTED = 28
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_PDFAID = "{http://www.aiim.org/pdfa/ns/id/}"
_DC, _XMP, _PDF = (
    "{http://purl.org/dc/elements/1.1/}",
    "{http://ns.adobe.com/xap/1.0/}",
    "{http://ns.adobe.com/pdf/1.3/}",
)


def faults(data: bytes) -> list[str]:
    """Return what is wrong with a file, each with the clause of ISO 19005-2; nothing if it is PDF/A-2b."""
    found = list(_of_file(data))
    with contextlib.closing(pikepdf.open(io.BytesIO(data))) as pdf:
        if pdf.is_encrypted:
            found.append("6.1.3: it is encrypted")
        if "/ID" not in pdf.trailer or not bytes(pdf.trailer.ID[0]):
            found.append("6.1.3: it has no ID")
        found += [f"syntax: {problem}" for problem in pdf.check_pdf_syntax()]
        for each in pdf.objects:
            found += _of_value(each, 0)
        found += [f"6.5, 6.9 to 6.11: the catalog has {key}" for key in pdf.Root if key in _FORBIDDEN_IN_CATALOG]
        found += _of_intent(pdf)
        found += _of_metadata(pdf)
        for number, page in enumerate(pdf.pages, 1):
            found += [f"page {number}: {fault}" for fault in _of_page(page)]
    return found


def _of_file(data: bytes) -> Iterator[str]:
    if not re.match(rb"%PDF-1\.[0-7]\r?\n", data):
        yield "6.1.2: the header is not that of PDF 1.0 to 1.7"
    comment = data.split(b"\n", 2)[1]
    if not (comment.startswith(b"%") and len(comment) > 4 and min(comment[1:5]) > 127):
        yield "6.1.2: no comment of four bytes above 127 follows the header"
    if not re.search(rb"%%EOF\r?\n?$", data):
        yield "6.1.3: something stands after the end"


def _of_value(value: Object, depth: int) -> Iterator[str]:
    """Yield what is wrong with a value and all that is directly in it."""
    if isinstance(value, Stream):
        yield from _of_stream(value)
    if isinstance(value, (Dictionary, Stream)):
        for key in value.keys():  # noqa: SIM118 - a stream is none
            if len(key) > 128 or not _is_utf8(key):
                yield f"6.1.8, 6.1.13: the name {key[:20]!r}"
            if key in _FORBIDDEN_ANYWHERE:
                yield f"6.2 to 6.10: {key} is in {value.get('/Type')}"
            yield from _of_part(value[key], depth)
        if value.get("/S") in {"/JavaScript", "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide"}:
            yield f"6.5.1: the action {value.S}"
        if value.get("/Type") == "/Font":
            yield from _of_font(value)
    elif isinstance(value, Array):
        for each in value:
            yield from _of_part(each, depth)


def _of_part(part: object, depth: int) -> Iterator[str]:
    if isinstance(part, pikepdf.String) and len(bytes(part)) > 32767:
        yield "6.1.13: a string of more than 32767 bytes"
    if isinstance(part, int) and not -(2**31) <= part < 2**31:
        yield f"6.1.13: the number {part}"
    if isinstance(part, Object) and not part.is_indirect and isinstance(part, (Dictionary, Array)) and depth < 50:
        yield from _of_value(part, depth + 1)


def _is_utf8(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _of_stream(stream: Stream) -> Iterator[str]:
    filters = stream.get("/Filter", Array())
    for each in [filters] if isinstance(filters, Name) else filters:
        if str(each) not in _FILTERS:
            yield f"6.1.7.2: the filter {each}"
    if "/F" in stream:
        yield "6.1.7.1: the content of a stream is outside the file"
    if stream.get("/Subtype") == "/PS" or stream.get("/Subtype2") == "/PS":
        yield "6.2.9: PostScript"
    if stream.get("/Subtype") == "/Image":
        yield from _of_image(stream)


def _of_image(image: Stream) -> Iterator[str]:
    if image.get("/Interpolate", False):
        yield "6.2.8: an image is interpolated"
    if image.get("/ColorSpace") not in {"/DeviceGray", "/DeviceRGB"}:
        yield f"6.2.4: the color space {image.get('/ColorSpace')}"
    if int(image.get("/BitsPerComponent", 0)) not in {1, 2, 4, 8, 16}:
        yield f"6.2.8: {image.get('/BitsPerComponent')} bits"


def _of_intent(pdf: pikepdf.Pdf) -> Iterator[str]:
    intents = list(pdf.Root.get("/OutputIntents", Array()))
    if len(intents) != 1 or intents[0].get("/S") != "/GTS_PDFA1":
        yield "6.2.4.3: device colors without an output intent"
        return
    profile = intents[0].get("/DestOutputProfile", Dictionary())
    data = profile.read_bytes() if isinstance(profile, Stream) else b""
    if len(data) < 132 or data[36:40] != b"acsp" or struct.unpack(">I", data[:4])[0] != len(data):
        yield "6.2.3: the output intent has no ICC profile"
        return
    if data[12:16] not in {b"mntr", b"prtr"} or data[16:20] != b"RGB " or profile.get("/N") != 3 or data[8] >= 5:
        yield "6.2.3: the profile of the output intent is none of RGB, for a screen or a printer, before version 5"


def _of_metadata(pdf: pikepdf.Pdf) -> Iterator[str]:
    metadata = pdf.Root.get("/Metadata")
    if not isinstance(metadata, Stream) or metadata.get("/Subtype") != "/XML":
        yield "6.6.2.1: no metadata"
        return
    data = metadata.read_bytes()
    head = data.split(b"?>", 1)[0]
    if not head.startswith(b"<?xpacket begin=") or b"bytes=" in head or b"encoding=" in head:
        yield "6.6.2.1: the head of the metadata"
    try:
        root = ET.fromstring(data.decode("utf-8"))  # noqa: S314 - our own
    except (UnicodeDecodeError, ET.ParseError) as error:
        yield f"6.6.2.1: the metadata are no XML in UTF-8: {error}"
        return
    values = {each.tag: "".join(each.itertext()) for of in root.iter(f"{_RDF}Description") for each in of}
    if values.get(f"{_PDFAID}part") != "2" or values.get(f"{_PDFAID}conformance") not in {"A", "B", "U"}:
        yield "6.6.4: the metadata do not claim PDF/A-2"
    if unknown := {tag for tag in values if not tag.startswith((_PDFAID, _DC, _XMP, _PDF))}:
        yield f"6.6.2.3: properties of unknown schemas: {unknown}"
    info = pdf.docinfo
    made = re.sub(
        r"D:(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z", r"\1-\2-\3T\4:\5:\6Z", str(info.get("/CreationDate", ""))
    )
    told = (str(info.get("/Title", "")), str(info.get("/Producer", "")), made)
    if told != tuple(values.get(name, "") for name in (f"{_DC}title", f"{_PDF}Producer", f"{_XMP}CreateDate")):
        yield f"6.6.3: the metadata and the document information differ: {told}, {values}"


def _of_page(page: pikepdf.Page) -> Iterator[str]:
    box = [float(side) for side in page.mediabox]
    if not all(3 <= size <= 14400 for size in (box[2] - box[0], box[3] - box[1])):
        yield f"6.1.13: the size of the page: {box}"
    if "/Resources" not in page.obj:
        yield "6.2.2: a page without resources of its own"
        return
    if "/Contents" in page.obj:
        yield from _of_content(page)


def _of_content(page: pikepdf.Page) -> Iterator[str]:
    deep = mode = 0
    fonts = page.obj.Resources.get("/Font", Dictionary())
    pictures = page.obj.Resources.get("/XObject", Dictionary())
    font = None
    for each in pikepdf.parse_content_stream(page):
        operands, name = each.operands, str(each.operator)
        deep += {"q": 1, "Q": -1}.get(name, 0)
        if name not in _OPERATORS:
            yield f"6.2.2: the operator {name}"
        if not 0 <= deep <= _MOST_NESTED:
            yield "6.1.13: q and Q"
        if name == "Tr":
            mode = int(operands[0])
        elif name == "Tf":
            font = fonts.get(str(operands[0]))
        elif name == "Do" and str(operands[0]) not in pictures:
            yield f"6.2.2: the picture {operands[0]} is not in the resources of the page"
        elif name == "Tj":
            yield from _of_text(bytes(operands[0]), font, mode)
    if deep:
        yield "q without Q"


def _of_text(text: bytes, font: Object | None, mode: int) -> Iterator[str]:
    if mode != 3:
        yield "6.2.11: visible text, which this checker does not know"
    if font is None:
        yield "6.2.2: a font that is not in the resources of the page"
    else:
        yield from _of_codes(text, font)


def _of_codes(text: bytes, font: Object) -> Iterator[str]:
    """Yield what is wrong with the codes of a text: no glyph, another width than the glyph has, no meaning."""
    descendant = font.DescendantFonts[0]
    if not isinstance(descendant.FontDescriptor.get("/FontFile2"), Stream):
        return  # a fault that is told of the font
    glyphs = descendant.CIDToGIDMap.read_bytes()
    widths = {int(descendant.W[0]) + place: int(width) for place, width in enumerate(descendant.W[1])}
    advances = _advances(descendant.FontDescriptor.FontFile2.read_bytes())
    known = {int(code, 16) for code in re.findall(rb"<([0-9A-F]{4})> <", font.ToUnicode.read_bytes())}
    for code in struct.unpack(f">{len(text) // 2}H", text):
        glyph = int.from_bytes(glyphs[2 * code : 2 * code + 2], "big")
        if not 0 < glyph < len(advances):
            yield f"6.2.11.8: code {code} has the glyph {glyph}"
        elif abs(advances[glyph] - widths.get(code, int(descendant.DW))) > 1:
            yield f"6.2.11.5: code {code} is {widths.get(code)} wide, its glyph {advances[glyph]}"
        if code not in known:
            yield f"6.2.11.7: code {code} has no meaning"


def _advances(font: bytes) -> list[int]:
    """Return the advance of each glyph of a TrueType font, in thousandths of the em."""
    count = struct.unpack_from(">H", font, 4)[0]
    tables = {font[at : at + 4]: struct.unpack_from(">II", font, at + 8) for at in range(12, 12 + 16 * count, 16)}
    units = struct.unpack_from(">H", font, tables[b"head"][0] + 18)[0]
    metrics = struct.unpack_from(">H", font, tables[b"hhea"][0] + 34)[0]
    place = tables[b"hmtx"][0]
    return [struct.unpack_from(">H", font, place + 4 * glyph)[0] * 1000 // units for glyph in range(metrics)]


def _of_font(font: Object) -> Iterator[str]:
    kind = font.get("/Subtype")
    if kind not in {"/Type0", "/CIDFontType2"}:
        yield f"6.2.11: a font of type {kind}, which this checker does not know"
        return
    if "/BaseFont" not in font:
        yield "6.2.11.2: a font without a name"
    if kind == "/Type0" and (font.get("/Encoding") != "/Identity-H" or "/ToUnicode" not in font):
        yield "6.2.11.3: the encoding of a font"
    if kind == "/CIDFontType2":
        descriptor = font.get("/FontDescriptor", Dictionary())
        if not isinstance(descriptor.get("/FontFile2"), Stream):
            yield "6.2.11.4: a font that is not embedded"
        if not isinstance(font.get("/CIDToGIDMap"), (Stream, Name)):
            yield "6.2.11.3.2: a font without CIDToGIDMap"
        if "/CIDSet" in descriptor:
            yield "6.2.11.4.2: a CIDSet, which this checker does not know"
