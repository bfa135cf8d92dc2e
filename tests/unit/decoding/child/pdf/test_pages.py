"""PDF documents in which something is not where a reader of pages looks for it."""

from __future__ import annotations

import contextlib
import io
import os
import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Name, String

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.errors import DocumentError
from support import sample_files, sample_pdfs

PROSE = sample_pdfs.PROSE
LIMITS = PageLimits(dpi=100, pages=50, megapixels=20, side=4000)


@contextlib.contextmanager
def opened(data: bytes, folder: Path, limits: PageLimits = LIMITS) -> Iterator[Document]:
    """The document in a file with this content."""
    path = folder / "source.pdf"
    path.write_bytes(data)
    with contextlib.closing(Document(os.open(path, os.O_RDONLY), limits)) as document:
        yield document


def said(document: Document) -> dict[str, str]:
    """The document's warnings: message by code."""
    return {each["code"]: each["message"] for each in document.as_json()["warnings"]}


@pytest.mark.parametrize("unit", [0.5, 2, 10, 100])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("rotate", [0, 90])
def test_a_page_has_its_real_size_whatever_its_unit(tmp_path: Path, unit: float, packed: bool, rotate: int) -> None:  # noqa: FBT001 - a parameter
    """8.5 by 11 inches at 100 dots, and its text where it is seen, also where the page's entries are compressed."""
    with opened(sample_pdfs.with_unit(unit, packed=packed, rotate=rotate), tmp_path) as document:
        image, remarks = document.page(0)
        os.close(image.fd)
        own, _ = document.own_text(0) or (None, ())
    size = (1100, 850) if rotate else (850, 1100)
    assert (image.width, image.height, image.dpi) == (*size, 100.0)
    assert remarks == ()
    assert own is not None
    assert (own.width, own.height, own.dpi) == (*size, 100.0)
    places = {line.text: line.polygon[0] for line in own.lines}
    assert set(places) == set(sample_pdfs.LINES)
    right, down = places[sample_pdfs.LINES[0]]
    place = (down, 1100 - right) if rotate else (right, down)  # on the page before it was turned
    assert place == pytest.approx((40 / 72 * 100, 28 / 72 * 100), abs=6)


def test_a_unit_counts_for_the_crop_too(tmp_path: Path) -> None:
    """What is shown of the page is measured in its units."""
    with opened(sample_pdfs.with_unit(3, crop=(0, 396, 612, 792)), tmp_path) as document:
        image, _ = document.page(0)
        os.close(image.fd)
    assert (image.width, image.height) == (850, 550)


def test_a_unit_that_makes_a_page_huge_is_rendered_coarser(tmp_path: Path) -> None:
    """It keeps within the limits, and says so."""
    pdf = sample_pdfs.document()
    pdf.pages[0].obj.UserUnit = 75_000
    with opened(sample_pdfs.saved(pdf), tmp_path) as document:
        image, remarks = document.page(0)
        os.close(image.fd)
    assert image.width * image.height <= LIMITS.megapixels * 1e6 * 1.001
    assert [remark.code for remark in remarks] == ["resolution-lowered"]


@pytest.mark.parametrize("unit", [0, -2, String("2"), Name.Two])
def test_a_unit_that_makes_no_sense_counts_as_none(tmp_path: Path, unit: object) -> None:
    """The page is as large as its boxes say in points."""
    pdf = sample_pdfs.document()
    pdf.pages[0].obj.UserUnit = unit
    with opened(sample_pdfs.saved(pdf), tmp_path) as document:
        image, _ = document.page(0)
        os.close(image.fd)
    assert (image.width, image.height) == (850, 1100)


def test_a_unit_of_an_encrypted_page_is_known(tmp_path: Path) -> None:
    """Its compressed objects can be read by PDFium only."""
    with pikepdf.open(io.BytesIO(sample_pdfs.with_unit(10))) as pdf:
        modes = pikepdf.ObjectStreamMode
        encryption = pikepdf.Encryption(owner="owner", user="", R=6)
        made = sample_pdfs.saved(pdf, encryption=encryption, object_stream_mode=modes.generate)
    with opened(made, tmp_path) as document:
        image, _ = document.page(0)
        os.close(image.fd)
    assert (image.width, image.height) == (850, 1100)


@pytest.mark.slow
def test_compressed_objects_are_looked_at_up_to_a_bound(tmp_path: Path) -> None:
    """A file of 200 KB that unpacks to 200 MB does not take them."""
    with opened(sample_pdfs.packed_objects(), tmp_path) as document:
        assert document.page_count == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 1 << 20


@pytest.mark.parametrize(
    "made",
    [
        lambda: sample_pdfs.with_xfa("Veuillez patienter...", needs_rendering=True),
        lambda: sample_pdfs.with_xfa("Bitte warten...", config=sample_pdfs.DYNAMIC),
        lambda: sample_pdfs.with_xfa(*sample_pdfs.PLACEHOLDER, "http://www.adobe.com/go/reader_download"),
    ],
    ids=["needs rendering", "dynamic by its configuration", "the placeholder alone"],
)
def test_a_dynamic_form_is_refused(tmp_path: Path, made: object) -> None:
    """Its page is a placeholder: the reason says what the file is, and how to save it."""
    with pytest.raises(DocumentError) as refused, opened(made(), tmp_path):  # type: ignore[operator] # a function
        pass
    assert refused.value.kind == "unsupported"
    assert "XFA" in refused.value.message
    assert "print it to a PDF" in refused.value.hint


@pytest.mark.parametrize(
    "made",
    [
        lambda: sample_pdfs.with_xfa(*sample_pdfs.LINES),
        lambda: sample_pdfs.with_xfa(*sample_pdfs.LINES, needs_rendering=True, fields=True),
        lambda: sample_pdfs.with_xfa(*sample_pdfs.LINES, config=sample_pdfs.DYNAMIC, fields=True),
        lambda: sample_pdfs.with_xfa(*sample_pdfs.LINES, config=sample_pdfs.DYNAMIC.replace(b"required", b"forbidden")),
        lambda: sample_pdfs.with_xfa(*sample_pdfs.LINES, "Fill it in with Adobe Reader", *sample_pdfs.PROSE * 4),
    ],
    ids=["no fields", "with fields", "dynamic, with fields", "static by its configuration", "speaks of a viewer"],
)
def test_a_static_form_is_read(tmp_path: Path, made: object) -> None:
    """Its pages are in the PDF, whatever else is."""
    with opened(made(), tmp_path) as document:  # type: ignore[operator] # a function
        own, _ = document.own_text(0) or (None, ())
    assert own is not None
    assert own.lines[0].text == sample_pdfs.LINES[0]


def test_a_portfolio_says_what_is_in_it(tmp_path: Path) -> None:
    """Number and names of the files, which are not read; the cover is."""
    with opened(sample_pdfs.with_attachments("plan.pdf", "offer.docx", portfolio=True), tmp_path) as document:
        assert list(said(document)) == ["portfolio"]
        message = said(document)["portfolio"]
        assert document.own_text(0) is not None
    assert "2 files" in message
    assert "plan.pdf" in message
    assert "offer.docx" in message


def test_attached_files_are_said(tmp_path: Path) -> None:
    """Number and names, with names shown as text that a message may hold, and not more than people read."""
    many = [f"appendix {number:02}.pdf" for number in range(30)]
    with opened(sample_pdfs.with_attachments(*many), tmp_path) as document:
        message = said(document)["attachments"]
    assert message.startswith("30 files are attached")
    assert "appendix 07.pdf" in message
    assert "and 10 more" in message
    with opened(sample_pdfs.with_attachments("a\nb\u202e.pdf", "ü" * 300), tmp_path) as document:
        message = said(document)["attachments"]
    assert message.isprintable()
    assert len(message) < 250
    with opened(sample_files.pdf(), tmp_path) as document:
        assert said(document) == {}


def doubts(data: bytes, folder: Path, index: int = 0) -> str:
    """Why the text of a page is not believed as it is."""
    with opened(data, folder) as document:
        found = document.own_text(index)
        assert found is not None
        return found[0].doubt


WITH_TABLE = b"".join(b"40 %d m 570 %d l S\n" % (y, y) for y in range(60, 500, 20))


@pytest.mark.parametrize(
    ("made", "doubt"),
    [
        (lambda: sample_pdfs.saved(sample_pdfs.document(sample_pdfs.PROSE)), ""),
        (lambda: sample_pdfs.saved(sample_pdfs.document(["7"])), "letters"),
        (sample_pdfs.in_wrong_letters, "letters"),
        (lambda: sample_pdfs.scanned(sample_pdfs.PROSE, layer=str), "invisible"),
        (lambda: sample_pdfs.scanned(PROSE, over=sample_pdfs.turned("CONFIDENTIAL DRAFT", 52, 60, 110, 80)), "ink"),
        (lambda: sample_pdfs.scanned(PROSE, over=b"BT /F1 9 Tf 480 30 Td (BATES 000417) Tj ET"), "ink"),
        (lambda: sample_pdfs.scanned(PROSE, over=b"BT /F1 9 Tf 40 780 Td (Scanned by the office) Tj ET"), "ink"),
        (lambda: sample_pdfs.with_prose_and(b"q 20 0 0 20 560 20 cm 0 0 1 1 re f Q"), ""),
        (lambda: sample_pdfs.with_prose_and(WITH_TABLE), "ink"),
        (lambda: sample_pdfs.with_prose_and(b"1 g 0 0 612 792 re f"), "ink"),
    ],
    ids=[
        "prose", "one digit", "wrong letters", "layer over a scan", "watermark", "stamp", "header", "a logo",
        "many rules", "covered",
    ],
)  # fmt: skip
def test_what_is_doubted(tmp_path: Path, made: Callable[[], bytes], doubt: str) -> None:
    """Cheap looks at letters and ink say which pages are believed without being read."""
    assert doubts(made(), tmp_path) == doubt


def test_annotations_with_text_are_doubted(tmp_path: Path) -> None:
    """Of fields and comments; a tick, a link and a line under a word have none."""
    pdf = sample_pdfs.document(sample_pdfs.PROSE)
    sample_pdfs.add_field(pdf, "ok", (40, 300, 60, 320), sample_pdfs.look("4"), FT=Name.Btn, V=Name.Yes, AS=Name.Yes)
    sample_pdfs.add_annotation(pdf, (40, 700, 200, 720), None, Subtype=Name.Link, Contents=String("somewhere"))
    sample_pdfs.add_annotation(pdf, (40, 600, 200, 620), b"0 0 m 160 0 l S", Subtype=Name.Underline)
    sample_pdfs.add_annotation(pdf, (40, 500, 200, 520), sample_pdfs.look("gone"), Subtype=Name.FreeText).F = 2
    assert doubts(sample_pdfs.saved(pdf), tmp_path) == ""
    sample_pdfs.add_annotation(pdf, (300, 300, 400, 320), sample_pdfs.look("PAID"), Subtype=Name.Stamp)
    assert doubts(sample_pdfs.saved(pdf), tmp_path) == "annotations"


def test_a_password_that_was_typed_is_not_told(tmp_path: Path) -> None:
    """Of a form's fields, those that are to be seen count: chosen values too, and each line of a long one."""
    pdf = sample_pdfs.document()
    sample_pdfs.add_field(pdf, "secret", (40, 300, 300, 320), FT=Name.Tx, Ff=1 << 13, V=String("hunter2"))
    sample_pdfs.add_field(pdf, "hidden", (40, 340, 300, 360), FT=Name.Tx, V=String("nobody")).F = 2
    sample_pdfs.add_field(pdf, "comb", (40, 380, 300, 400), FT=Name.Tx, Ff=1 << 24, MaxLen=8, V=String("20240117"))
    sample_pdfs.add_field(pdf, "long", (40, 420, 300, 500), FT=Name.Tx, Ff=1 << 12, V=String("one\rtwo"))
    with opened(sample_pdfs.saved(pdf), tmp_path) as document:
        image, _ = document.page(0)
        os.close(image.fd)
        assert [line.text for line in document.hidden_lines] == ["20240117", "one", "two"]


def test_files_pinned_to_a_page_are_said(tmp_path: Path) -> None:
    """With the page, and by their names."""
    pdf = sample_pdfs.document(sample_pdfs.PROSE)
    spec = pikepdf.AttachedFileSpec(pdf, b"content", filename="invoice.xml").obj
    sample_pdfs.add_annotation(pdf, (40, 40, 60, 60), None, Subtype=Name.FileAttachment, FS=spec)
    with opened(sample_pdfs.saved(pdf), tmp_path) as document:
        image, remarks = document.page(0)
        os.close(image.fd)
        found = document.own_text(0)
    assert [(remark.code, remark.page) for remark in remarks] == [("attachments", 1)]
    assert "invoice.xml" in remarks[0].message
    assert found is not None
    assert found[1] == remarks


@pytest.mark.parametrize(
    ("drawn", "codes"),
    [
        (b"", []),
        (b"1 g 0 0 612 792 re f", ["text-not-drawn"]),
        (b"1 g 0 0 612 690 re f", ["text-not-drawn"]),
        (b"0 0 612 690 re f", []),
    ],
    ids=["seen", "all covered", "most covered", "made black on purpose"],
)
def test_text_that_is_not_seen_is_said(tmp_path: Path, drawn: bytes, codes: list[str]) -> None:
    """A page that has text and does not show it is not blank."""
    with opened(sample_pdfs.with_prose_and(drawn), tmp_path) as document:
        image, remarks = document.page(0)
        os.close(image.fd)
        assert document.hidden_lines == (), "what is covered is not to be read"
    assert [remark.code for remark in remarks] == codes


@pytest.mark.parametrize("more", [(), PROSE], ids=["all of it", "one line"])
def test_text_in_a_font_without_letters_is_taken_from_the_pdf(tmp_path: Path, more: tuple[str, ...]) -> None:
    """PDFium draws nothing, another program may: the text counts as what the page should show."""
    vai = "\ua500\ua501\ua502\ua503 \ua504\ua505"
    with opened(sample_pdfs.in_a_font_without_letters(vai, *more), tmp_path) as document:
        image, remarks = document.page(0)
        os.close(image.fd)
        assert [remark.code for remark in remarks] == ["text-not-drawn"]
        assert [line.text for line in document.hidden_lines] == [vai]


def test_white_text_on_white_is_meant_to_be_so(tmp_path: Path) -> None:
    pdf = sample_pdfs.document()
    page = pdf.pages[0].obj
    page.Contents = pdf.make_stream(b"1 g " + page.Contents.read_bytes())
    with opened(sample_pdfs.saved(pdf), tmp_path) as document:
        image, remarks = document.page(0)
        os.close(image.fd)
        assert remarks == ()
        assert document.hidden_lines == ()
