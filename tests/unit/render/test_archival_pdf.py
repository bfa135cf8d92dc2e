"""PDFs that are made of pictures: PDF/A-2b by a checker of the tests, tagged, and read by others."""

from __future__ import annotations

import contextlib
import io
import shutil
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf
from PIL import Image, ImageCms

from ocrspool.render.page_picture import Picture
from ocrspool.render.pdf import archival, writer
from ocrspool.results.schema import Document, Page
from support import pdfa_checker, result_blocks
from support.sample_documents import box, document, line, lost_page, page
from tools.srgb_profile import profile

HOSTILE = line('a<b> & "c" \t\x00\x1b]]> 漢字\U0001f600 \ufffe', box(100, 120, 500, 160))
DOWN = line("down", ((700, 100), (700, 500), (650, 500), (650, 100)))


def paint(kind: str) -> Callable[[Page], Picture]:
    def painted(_: Page) -> Picture:
        mode = {"grey": "L", "color": "RGB"}.get(kind, "1")
        image, made = Image.new(mode, (50, 40), "white"), io.BytesIO()
        if mode == "1":
            return Picture("g4", b"\x00\x10\x01\x00\x10\x01", 50, 40, 1)
        image.save(made, "JPEG")
        return Picture("jpeg", made.getvalue(), 50, 40, len(image.getbands()))

    return painted


def written(of: Document, kind: str = "color") -> bytes:
    file = io.BytesIO()
    writer.write_over_pictures(of, paint(kind), file)
    return file.getvalue()


@pytest.fixture(scope="module")
def good() -> bytes:
    """A PDF with blocks of every kind."""
    return written(result_blocks.with_blocks())


@pytest.mark.parametrize("kind", ["color", "grey", "black and white"])
@pytest.mark.parametrize(
    "of",
    [
        pytest.param(result_blocks.with_blocks(), id="blocks"),
        pytest.param(result_blocks.with_blocks(words=False), id="no words"),
        pytest.param(document(page(HOSTILE, DOWN), name='a "<&>\x01(ö].漢.png'), id="hostile"),
        pytest.param(document(page(), lost_page(2)), id="blank and lost"),
        pytest.param(document(page(size=(40_000, 20), dpi=None), page(size=(2, 3), dpi=1200.0, number=2)), id="sizes"),
    ],
)
def test_a_pdf_of_pictures_is_pdf_a(of: Document, kind: str) -> None:
    """Whatever was read, whatever the file is called, whatever the pictures are."""
    assert pdfa_checker.faults(written(of, kind)) == []


def test_a_turned_page_is_pdf_a_too() -> None:
    """It is shown turned by the page's own entry."""
    made = document(replace(page(DOWN), rotation=90))
    assert pdfa_checker.faults(written(made)) == []


def _encrypted(_: Pdf) -> dict[str, object]:
    return {"encryption": pikepdf.Encryption(owner="a", user="")}


def _script(pdf: Pdf) -> None:
    pdf.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="1")


def _no_intent(pdf: Pdf) -> None:
    del pdf.Root.OutputIntents


def _other_profile(pdf: Pdf) -> None:
    pdf.Root.OutputIntents[0].DestOutputProfile.write(profile().replace(b"RGB ", b"CMYK"))


def _no_metadata(pdf: Pdf) -> None:
    del pdf.Root.Metadata


def _other_part(pdf: Pdf) -> None:
    metadata = pdf.Root.Metadata
    metadata.write(metadata.read_bytes().replace(b"part>2<", b"part>1<"))


def _other_title(pdf: Pdf) -> None:
    pdf.docinfo["/Title"] = "another"


def _transparent(pdf: Pdf) -> None:
    image = pdf.pages[0].obj.Resources.XObject.Picture
    image.SMask = pdf.make_stream(b"\xff" * 2000, Type=Name.XObject, Subtype=Name.Image, Width=50, Height=40,
                                  ColorSpace=Name.DeviceGray, BitsPerComponent=8)  # fmt: skip


def _cmyk(pdf: Pdf) -> None:
    pdf.pages[0].obj.Resources.XObject.Picture.ColorSpace = Name.DeviceCMYK


def _lzw(pdf: Pdf) -> None:
    pdf.pages[0].obj.Extra = pdf.make_stream(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01", Filter=Name.LZWDecode)


def _font_outside(pdf: Pdf) -> None:
    del _descendant(pdf).FontDescriptor.FontFile2


def _other_widths(pdf: Pdf) -> None:
    _descendant(pdf).W[1][0] = 333


def _no_glyph(pdf: Pdf) -> None:
    glyphs = _descendant(pdf).CIDToGIDMap
    glyphs.write(bytes(len(glyphs.read_bytes())))


def _visible(pdf: Pdf) -> None:
    content = pdf.pages[0].obj.Contents
    pdf.pages[0].obj.Contents = pdf.make_stream(
        b"".join(each.read_bytes().replace(b"3 Tr", b"0 Tr") for each in content)
    )


def _attachment(pdf: Pdf) -> None:
    pdf.attachments["a.txt"] = b"attached"


def _annotation(pdf: Pdf) -> None:
    pdf.pages[0].obj.Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=[0, 0, 9, 9])])


def _descendant(pdf: Pdf) -> pikepdf.Object:
    return pdf.pages[0].obj.Resources.Font["/ReadText0"].DescendantFonts[0]


@pytest.mark.parametrize(
    ("spoil", "clause"),
    [
        (_encrypted, "6.1.3"),
        (_script, "6.5"),
        (_no_intent, "6.2.4.3"),
        (_other_profile, "6.2.3"),
        (_no_metadata, "6.6.2.1"),
        (_other_part, "6.6.4"),
        (_other_title, "6.6.3"),
        (_transparent, "/SMask"),
        (_cmyk, "6.2.4"),
        (_lzw, "6.1.7.2"),
        (_font_outside, "6.2.11.4"),
        (_other_widths, "6.2.11.5"),
        (_no_glyph, "6.2.11.8"),
        (_visible, "6.2.11"),
        (_attachment, "6.5, 6.9 to 6.11"),
        (_annotation, "/Annots"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_checker_finds_what_is_wrong(
    good: bytes, spoil: Callable[[Pdf], dict[str, object] | None], clause: str
) -> None:
    """A checker that passes everything would prove nothing."""
    made = io.BytesIO()
    with contextlib.closing(pikepdf.open(io.BytesIO(good))) as pdf:
        options = spoil(pdf) or {}
        pdf.save(made, compress_streams=False, fix_metadata_version=False, **options)  # type: ignore[arg-type]
    assert any(clause in fault for fault in pdfa_checker.faults(made.getvalue()))


def test_the_checker_looks_at_the_ends_of_a_file(good: bytes) -> None:
    assert any("6.1.2" in fault for fault in pdfa_checker.faults(good.replace(b"%PDF-1.", b"%PDF-2.", 1)))
    assert any("6.1.3" in fault for fault in pdfa_checker.faults(good + b"more\n"))


def test_the_shipped_profile_is_up_to_date() -> None:
    """Whoever changes it makes the file anew: .venv/bin/python -m tools.srgb_profile."""
    assert profile() == archival.PROFILE


def test_the_profile_is_that_of_srgb() -> None:
    """littleCMS reads it, and it leads to the same colors as littleCMS's own, to one part of 255."""
    ours = ImageCms.ImageCmsProfile(io.BytesIO(archival.PROFILE))
    theirs = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    colors = Image.new("RGB", (64, 64))
    colors.putdata([(place * 7 % 256, place * 31 % 256, place * 101 % 256) for place in range(64 * 64)])
    lab = ImageCms.createProfile("LAB")
    made = [ImageCms.profileToProfile(colors, each, lab, outputMode="LAB") for each in (ours, theirs)]
    pairs = zip(*(image.tobytes() for image in made if image is not None), strict=True)
    assert max(abs(one - other) for one, other in pairs) <= 1


def elements(pdf: Pdf) -> Iterator[tuple[int, str, pikepdf.Object]]:
    """Each element of the structure tree with its depth, in order."""

    def below(element: pikepdf.Object, depth: int) -> Iterator[tuple[int, str, pikepdf.Object]]:
        for child in element.K:
            if isinstance(child, Dictionary):
                yield depth, str(child.S)[1:], child
                yield from below(child, depth + 1)

    yield from below(pdf.Root.StructTreeRoot, 0)


def test_tags_say_what_the_blocks_are(good: bytes) -> None:
    """A heading, paragraphs and a table with rows and cells; headers and footers are no part of the text."""
    with pikepdf.open(io.BytesIO(good)) as pdf:
        assert bool(pdf.Root.MarkInfo.Marked)
        assert [(depth, name) for depth, name, _ in elements(pdf)] == [
            *((0, "Document"), (1, "H2"), (1, "P"), (1, "Caption"), (1, "Table")),
            *((2, "TR"), (3, "TD"), (3, "TD"), (2, "TR"), (3, "TD"), (3, "TD")),
            (1, "P"),
        ]
        content = pikepdf.unparse_content_stream(pikepdf.parse_content_stream(pdf.pages[0])).decode("latin-1")
        assert content.count("/Pagination") == 2
        assert content.count("BDC") + content.count("BMC") == content.count("EMC") == 11


def test_each_piece_of_content_leads_to_its_element_and_back(good: bytes) -> None:
    """By the parent tree, as readers go from a place on the page to the structure."""
    with pikepdf.open(io.BytesIO(good)) as pdf:
        made = pdf.pages[0].obj
        numbers = pdf.Root.StructTreeRoot.ParentTree.Nums
        assert numbers[0] == made.StructParents == 0
        operators = pikepdf.parse_content_stream(pdf.pages[0])
        begun = [each.operands[1] for each in operators if str(each.operator) == "BDC"]
        marked = [int(properties.MCID) for properties in begun if "/MCID" in properties]
        assert marked == list(range(len(numbers[1])))
        for number, element in enumerate(numbers[1]):
            assert list(element.K) == [number]
            assert element.Pg.objgen == made.objgen


def test_items_that_follow_each_other_are_one_list() -> None:
    """With each item in its own element."""
    made = result_blocks.with_blocks()
    (first,) = made.pages
    blocks = tuple(replace(each, kind="list-item") if each.kind == "paragraph" else each for each in first.blocks)
    with pikepdf.open(io.BytesIO(written(replace(made, pages=(replace(first, blocks=blocks),))))) as pdf:
        assert [(depth, name) for depth, name, _ in elements(pdf)][2:6] == [
            *((1, "L"), (2, "LI"), (3, "LBody"), (1, "Caption"))
        ]


@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="pdftotext (poppler-utils) is not installed")
def test_pdftotext_finds_the_words_where_they_stand(good: bytes, tmp_path: Path) -> None:
    """With -bbox-layout: the words of the page, each where it was measured, to a tenth of a line's height."""
    (tmp_path / "a.pdf").write_bytes(good)
    command: list[str | Path] = [shutil.which("pdftotext") or "", "-bbox-layout", tmp_path / "a.pdf", "-"]
    made = subprocess.run(command, capture_output=True, check=True)
    space = "{http://www.w3.org/1999/xhtml}"
    root = ET.fromstring(made.stdout)  # noqa: S314 - our own
    scale = 1000 / float(next(root.iter(f"{space}page")).get("width") or 0)
    found = {each.text: float(each.get("xMin") or 0) * scale for each in root.iter(f"{space}word")}
    of_page = result_blocks.with_blocks().pages[0]
    expected = {word.text: word.polygon[0][0] for each in of_page.lines for word in each.words}
    assert set(found) == set(expected)
    assert all(abs(found[word] - expected[word]) <= 2 for word in expected)
