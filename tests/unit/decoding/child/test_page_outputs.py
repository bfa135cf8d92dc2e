"""Outputs that show the pages: the text lies where it was read, for whoever opens the file, and the pages stay."""

from __future__ import annotations

import base64
import contextlib
import errno
import io
import json
import os
import random
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import Image, ImageChops, ImageColor

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.decoding.child.page_outputs import DiskFullError, write_view
from ocrspool.decoding.child.pdf.text import own_lines
from ocrspool.errors import DocumentError
from ocrspool.pages import TextLine
from ocrspool.render import html
from ocrspool.render import json as as_json
from ocrspool.results.schema import Document as Result
from ocrspool.results.schema import Page
from support import drawn_pages, rare_files, sample_files, sample_pdfs
from support.sample_documents import box, document, line, lost_page, page

SIZE = (1000, 800)
TEXT = "Quarterly report, WWW iiii"
CHINESE = "漢字とかな 中文 \U00020bb7\U0001f600"
LEVEL, DOWN = box(100, 100, 600, 140), ((900, 100), (900, 600), (860, 600), (860, 100))
UPSIDE_DOWN = ((600, 740), (200, 740), (200, 700), (600, 700))
ASKEW = ((100, 300), (500, 340), (496, 380), (96, 340))
LINES = (
    line(TEXT, LEVEL),
    line(CHINESE, box(100, 200, 400, 240)),
    line("reading down", DOWN),
    line("upside down", UPSIDE_DOWN),
    line("a little askew", ASKEW),
)

View = Callable[..., bytes]


@pytest.fixture
def view(tmp_path: Path) -> View:
    """Makes a view of a file and its result, as a decoder does."""

    def make(kind: str, data: bytes, result: Result, **limits: float) -> bytes:
        source, target = tmp_path / "source", tmp_path / "target"
        source.write_bytes(data)
        (tmp_path / "result").write_bytes(as_json.render(result))
        bounds = PageLimits(**{"dpi": 200, "pages": 100, "megapixels": 200, "side": 20_000, **limits})  # type: ignore[arg-type] # numbers
        with (
            (tmp_path / "result").open("rb") as known,
            target.open("wb") as file,
            contextlib.closing(Document(os.open(source, os.O_RDONLY), bounds)) as opened,
        ):
            write_view(kind, opened, known.fileno(), file.fileno())
        return target.read_bytes()

    return make


def of_pictures(*pages: Image.Image, rotate: int = 0, crop: tuple[int, int, int, int] | None = None) -> bytes:
    """A PDF of these pictures at 200 dpi, each page turned and cropped so."""
    made = io.BytesIO()
    pages[0].save(made, "PDF", resolution=200, save_all=True, append_images=pages[1:])
    with pikepdf.open(made) as pdf:
        for each in pdf.pages:
            each.obj.Rotate = rotate
            if crop:
                each.obj.CropBox = pikepdf.Array(crop)
        saved = io.BytesIO()
        pdf.save(saved)
    return saved.getvalue()


def with_text(*lines: str) -> bytes:
    """A PDF page of 360 x 288 points that is a picture with visible text over it."""
    with pikepdf.open(io.BytesIO(of_pictures(Image.new("L", SIZE, 255)))) as pdf:
        first = pdf.pages[0]
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        first.obj.Resources.Font = pikepdf.Dictionary(F1=font)
        shown = "".join(f"1 0 0 1 36 {250 - 30 * at} Tm ({text}) Tj\n" for at, text in enumerate(lines))
        first.contents_add(f"BT /F1 14 Tf\n{shown}ET".encode())
        saved = io.BytesIO()
        pdf.save(saved)
    return saved.getvalue()


def found_in(pdf: bytes, of: Page, number: int = 1) -> list[TextLine]:
    """What PDFium finds on a page, where it is rendered as large as the page was read."""
    with contextlib.closing(pypdfium2.PdfDocument(pdf)) as opened:
        return list(own_lines(opened[number - 1], of.width, of.height))


def apart(one: TextLine, other: tuple[tuple[float, float], ...]) -> float:
    """By how many pixels a corner of a line is off, at most."""
    return max(abs(a - b) for p, q in zip(one.polygon, other, strict=True) for a, b in zip(p, q, strict=True))


def squeezed(text: str) -> str:
    return "".join(text.split())


def poppler(tool: str, *arguments: str, data: bytes, tmp_path: Path) -> str:
    """What a tool of poppler-utils, which is another PDF library, says of a file."""
    if not shutil.which(tool):
        pytest.skip(f"poppler-utils is not installed: no {tool}")
    path = tmp_path / "checked.pdf"
    path.write_bytes(data)
    to_output = ["-"] if tool == "pdftotext" else []
    return subprocess.run([tool, *arguments, path, *to_output], check=True, capture_output=True, text=True).stdout


def test_text_over_a_picture_is_found_where_it_was_read(view: View) -> None:
    """Level, upside down and turned lines, Latin, Chinese and beyond: PDFium finds each, at its polygon."""
    of = page(*LINES[:4])
    found = found_in(view("pdf", sample_files.png(Image.new("RGB", SIZE, "white")), document(of)), of)
    assert [each.text for each in found] == [each.text for each in of.lines]
    for each, expected in zip(found, of.lines, strict=True):
        assert apart(each, expected.polygon) <= 5, each.text


def test_lines_that_are_alike_and_close_are_both_there(view: View) -> None:
    """PDFium takes text that is drawn twice for bold; two lines of a table are no such thing."""
    of = page(*(line("121095079 ENC ROM", box(49, 50 * at, 564, 50 * at + 59)) for at in range(1, 9)))
    found = found_in(view("pdf", sample_files.png(Image.new("L", SIZE, 255)), document(of)), of)
    assert len(found) == 8


def test_poppler_reads_the_text_of_the_json(view: View, tmp_path: Path) -> None:
    """`pdftotext` gives the JSON's text, form feeds included; and of a line, its words where they are."""
    pages = (page(*LINES), page(number=2), page(line("last", LEVEL), number=3))
    made = view("pdf", sample_files.tiff(*[Image.new("L", SIZE, 255)] * 3), document(*pages, media_type="image/tiff"))
    text = poppler("pdftotext", "-raw", data=made, tmp_path=tmp_path)
    assert [squeezed(each) for each in text.split("\f")[:3]] == [squeezed(each.text) for each in pages]
    boxes = poppler("pdftotext", "-bbox", data=made, tmp_path=tmp_path)
    words = {word: float(left) for left, word in re.findall(r'<word xMin="([\d.]+)"[^>]*>([^<]*)</word>', boxes)}
    assert words["Quarterly"] == pytest.approx(36, abs=1)  # 100 pixels of 200 dpi, in points
    assert 36 + 180 * 0.3 < words["report,"] < 36 + 180 * 0.5
    fonts = poppler("pdffonts", data=made, tmp_path=tmp_path).splitlines()[2:]
    assert len(fonts) == 1
    assert re.search(r"CID TrueType +Identity-H +yes no +yes", fonts[0])


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (20, 10, 300, 250)])
def test_text_over_a_pdf_page_stands_in_its_coordinates(
    view: View, rotate: int, crop: tuple[int, int, int, int] | None
) -> None:
    """Whatever the page's rotation and crop box: what was read at a place of the rendered page is found there."""
    data = of_pictures(Image.new("L", SIZE, 255), rotate=rotate, crop=crop)
    with contextlib.closing(pypdfium2.PdfDocument(data)) as opened:
        size = tuple(round(side * 200 / 72) for side in opened[0].get_size())
    of = page(
        line(TEXT, box(50, 60, 450, 100)), line("down", ((500, 90), (500, 300), (460, 300), (460, 90))), size=size
    )
    found = found_in(view("pdf", data, document(of, media_type="application/pdf")), of)
    assert [each.text for each in found] == [TEXT, "down"]
    for each, expected in zip(found, of.lines, strict=True):
        assert apart(each, expected.polygon) <= 5, each


def test_pages_of_a_pdf_are_kept_as_they_are(view: View) -> None:
    """Content, pictures, boxes and outlines are those of the source; the layer is one more stream, and invisible."""
    data = of_pictures(drawn_pages.page("kept"), rotate=90)
    made = view("pdf", data, document(page(LINES[0], size=(250, 1444)), media_type="application/pdf"))
    with pikepdf.open(io.BytesIO(data)) as before, pikepdf.open(io.BytesIO(made)) as after:
        old, new = before.pages[0], after.pages[0]
        assert new.obj.Contents[1].read_bytes() == old.obj.Contents.read_bytes()
        assert new.mediabox == old.mediabox
        assert new.obj.Rotate == 90
        picture = new.obj.Resources.XObject[next(iter(new.obj.Resources.XObject))]
        kept = old.obj.Resources.XObject[next(iter(old.obj.Resources.XObject))]
        assert picture.read_raw_bytes() == kept.read_raw_bytes()
    with contextlib.closing(pypdfium2.PdfDocument(data)) as one, contextlib.closing(pypdfium2.PdfDocument(made)) as two:
        assert one[0].render().to_numpy().tobytes() == two[0].render().to_numpy().tobytes()


def test_text_that_a_pdf_has_is_not_doubled(view: View) -> None:
    """A line that the page shows as text already is left out of the layer, and one that it does not is in it."""
    data = with_text("Visible text")
    (own,) = found_in(data, page())
    of = page(line("Visible text", own.polygon), line("only in the picture", box(100, 500, 500, 540)))
    found = found_in(view("pdf", data, document(of, media_type="application/pdf")), of)
    assert sorted(each.text for each in found) == ["Visible text", "only in the picture"]
    taken = replace(of, text_from="pdf")
    assert len(found_in(view("pdf", data, document(taken, media_type="application/pdf")), of)) == 1


@pytest.mark.parametrize(
    ("made", "kept"),
    [
        (lambda: sample_pdfs.scanned(sample_pdfs.PROSE, layer=str), 0),
        (lambda: sample_pdfs.scanned(sample_pdfs.PROSE, layer=lambda line: line.replace("e", "c")), 0),
        (lambda: sample_pdfs.scanned(sample_pdfs.PROSE, layer=sample_pdfs.shifted), 7),
        (
            lambda: sample_pdfs.scanned(
                sample_pdfs.PROSE, over=sample_pdfs.turned("CONFIDENTIAL DRAFT", 52, 60, 110, 80)
            ),
            7,
        ),
        (lambda: sample_pdfs.scanned(sample_pdfs.PROSE, over=b"BT /F1 300 Tf 20 500 Td (DRAFT) Tj ET"), 7),
    ],
    ids=["the same", "read a little differently", "wrong letters", "a watermark", "letters over all lines"],
)
def test_a_line_is_left_out_where_the_page_says_the_same(view: View, made: Callable[[], bytes], kept: int) -> None:
    """Within the line's polygon; other text there takes nothing away from what was read."""
    boxes = (box(155, 195 + 90 * at, 1400, 255 + 90 * at) for at in range(len(sample_pdfs.PROSE)))
    of = page(*map(line, sample_pdfs.PROSE, boxes), size=(1700, 2200))
    data = view("pdf", made(), document(of, media_type="application/pdf"))
    with pikepdf.open(io.BytesIO(data)) as pdf:
        added = pdf.pages[0].Contents[0].read_bytes() if isinstance(pdf.pages[0].Contents, pikepdf.Array) else b""
    assert added.count(b"Tj") == kept


def test_own_text_has_lines_with_places() -> None:
    """The text of a born-digital page comes in lines, in pixels, also where the page is turned."""
    data = with_text("First line", r"second \(line\)")
    first, second = found_in(data, page())
    assert (first.text, second.text) == ("First line", "second (line)")
    assert first.polygon[0][0] == pytest.approx(100, abs=4)  # 36 points
    assert first.polygon[0][1] < 38 / 72 * 200 < first.polygon[3][1]  # where the letters stand
    assert second.polygon[0][1] - first.polygon[0][1] == pytest.approx(30 / 72 * 200, abs=3)
    with pikepdf.open(io.BytesIO(data)) as pdf:
        pdf.pages[0].obj.Rotate = 90
        turned = io.BytesIO()
        pdf.save(turned)
    across = found_in(turned.getvalue(), page(size=(800, 1000)))[0]
    (x0, y0), (x1, y1) = across.polygon[:2]
    assert abs(x0 - x1) < 1
    assert y1 > y0 + 100


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (sample_files.jpeg(Image.new("RGB", SIZE, "white")), "/DCTDecode"),
        (sample_files.turned(6), "/DCTDecode"),
        (sample_files.png(drawn_pages.page("black and white").convert("1")), "/CCITTFaxDecode"),
        (sample_files.png(sample_files.corners()), "/DCTDecode"),
    ],
    ids=["jpeg", "turned jpeg", "black and white", "color"],
)
def test_pictures_in_a_pdf(view: View, data: bytes, kind: str) -> None:
    """A JPEG file goes in as it is unless it has to be turned; two levels need one bit; all look like the source."""
    with Image.open(io.BytesIO(data)) as image:
        media_type = f"image/{(image.format or '').lower()}"
        upright = image.size[::-1] if image.getexif().get(0x0112) == 6 else image.size
    made = view("pdf", data, document(page(line("x", box(5, 5, 20, 10)), size=upright), media_type=media_type))
    with pikepdf.open(io.BytesIO(made)) as pdf:
        picture = pdf.pages[0].obj.Resources.XObject.Picture
        assert picture.Filter == kind
        assert (picture.read_raw_bytes() == data) == (data == sample_files.jpeg(Image.new("RGB", SIZE, "white")))
    with contextlib.closing(pypdfium2.PdfDocument(made)) as opened:
        shown = opened[0].render(scale=200 / 72).to_pil().convert("RGB")
    assert abs(shown.width - upright[0]) <= 1
    if upright == sample_files.SIZE:
        assert all(abs(a - b) < 30 for a, b in zip(shown.getpixel((10, 10)), sample_files.RED, strict=True))
    if kind == "/CCITTFaxDecode":
        assert shown.getpixel((2, 2)) == (255, 255, 255)


@pytest.mark.parametrize("kind", rare_files.KINDS)
def test_rare_kinds_are_shown(view: View, kind: str) -> None:
    """Whatever is read can be shown: as it was read, by a PDF library that knows none of the rare kinds."""
    made = rare_files.KINDS[kind]()
    with contextlib.closing(Document(_nameless(made), PageLimits(dpi=200, pages=9, megapixels=9, side=4000))) as opened:
        read, _ = opened.page(0)
        mode, raw = ("L", "L") if read.channels == 1 else ("RGB", "BGR")
        pixels = os.pread(read.fd, read.width * read.height * read.channels, 0)
        expected = Image.frombytes(mode, (read.width, read.height), pixels, "raw", raw).convert("RGB")
        os.close(read.fd)
        of = page(line("seen", box(2, 2, 9, 5)), size=(read.width, read.height), dpi=72)
        result = document(of, media_type=opened.media_type)
    with contextlib.closing(pypdfium2.PdfDocument(view("pdf", made, result))) as pdf:
        shown = pdf[0].render(scale=1).to_pil().convert("RGB").resize(expected.size)
    difference = ImageChops.difference(shown, expected).resize((8, 8), Image.Resampling.BOX)
    assert max(difference.tobytes()) < 40
    assert view("html", made, result).count(b"data:image/jpeg;base64,") == 2


def _nameless(data: bytes) -> int:
    descriptor = os.memfd_create("document")
    os.write(descriptor, data)
    return descriptor


def test_the_same_document_makes_the_same_bytes(view: View) -> None:
    """A view tells nothing of when or where it was made."""
    data = sample_files.png()
    of = document(page(*LINES, size=sample_files.SIZE))
    assert view("pdf", data, of) == view("pdf", data, of)
    assert view("html", data, of) == view("html", data, of)


def test_a_page_that_was_lost_leaves_its_place(view: View) -> None:
    """Page numbers stay right: the PDF has a blank page, the HTML says why there is nothing."""
    of = document(lost_page(1), page(LINES[0], number=2), media_type="image/tiff")
    data = sample_files.tiff(Image.new("L", SIZE, 255), Image.new("L", SIZE, 255))
    with contextlib.closing(pypdfium2.PdfDocument(view("pdf", data, of))) as opened:
        assert len(opened) == 2
    assert "its &lt;pixels&gt; cannot be decoded" in view("html", data, of).decode()


def test_a_pdf_that_lacks_a_page_is_said(view: View) -> None:
    """What neither library finds is the document's fault, told in words."""
    data = of_pictures(Image.new("L", SIZE, 255))
    of = document(page(LINES[0]), page(number=2), media_type="application/pdf")
    with pytest.raises(DocumentError, match="damaged"):
        view("pdf", data, of)


@pytest.mark.parametrize(("rotation", "corner"), [(0, "red"), (90, "lime"), (180, "blue"), (270, "yellow")])
def test_html_has_its_first_page_for_an_icon(view: View, rotation: int, corner: str) -> None:
    """That of the first page that was read, small, as it is to be read; other pages do not change it."""
    sheet = Image.new("RGB", SIZE)
    for at, color in {(0, 0): "red", (1, 0): "yellow", (1, 1): "blue", (0, 1): "lime"}.items():
        left, top = at[0] * SIZE[0] // 2, at[1] * SIZE[1] // 2
        sheet.paste(Image.new("RGB", (SIZE[0] // 2, SIZE[1] // 2), color), (left, top))
    data = sample_files.tiff(Image.new("RGB", SIZE), sheet, Image.new("RGB", SIZE))
    read = replace(page(number=2), rotation=rotation)
    made = view("html", data, document(lost_page(1), read, page(number=3), media_type="image/tiff"))
    with Image.open(io.BytesIO(html.icon_of(made[: html.HEAD_BYTES]))) as icon:
        assert icon.format == "JPEG"
        assert icon.size == ((160, 128) if rotation in {0, 180} else (128, 160))
        shown = icon.getpixel((8, 8))
    assert all(abs(a - b) < 30 for a, b in zip(shown, ImageColor.getrgb(corner), strict=True))


def test_an_icon_has_room_in_the_head(view: View) -> None:
    """That of noise too, which nothing makes small, beside the longest name."""
    noise = Image.frombytes("RGB", (160, 160), random.Random(1).randbytes(160 * 160 * 3))
    of = document(page(size=noise.size))
    of = replace(of, source=replace(of.source, name="&" * 255))
    made = view("html", sample_files.png(noise), of)
    with Image.open(io.BytesIO(html.icon_of(made[: html.HEAD_BYTES]))) as icon:
        icon.load()
    assert made.index(b"</title>") < html.HEAD_BYTES


@pytest.mark.parametrize("turned", [False, True])
def test_a_long_page_can_be_read_in_html(view: View, turned: bool) -> None:  # noqa: FBT001 - a parameter
    """It is not shrunk by its long side, and its icon shows where it begins."""
    picture = Image.new("RGB", (300, 9000), "white")
    picture.paste("red", (0, 0, 300, 900))
    picture = picture.transpose(Image.Transpose.ROTATE_270) if turned else picture
    read = replace(page(size=picture.size), rotation=270 if turned else 0)
    made = view("html", sample_files.png(picture), document(read), side=1600, whole=False)
    shown = re.search(rb'<image [^>]*href="data:image/jpeg;base64,([^"]+)"', made)
    assert shown is not None
    with Image.open(io.BytesIO(base64.b64decode(shown[1]))) as image:
        assert image.size == picture.size
    with Image.open(io.BytesIO(html.icon_of(made[: html.HEAD_BYTES]))) as icon:
        assert icon.size == (53, 160)
        red, green, _ = icon.getpixel((26, 8))
        assert (red > 200, green < 60) == (True, True)


def test_a_page_longer_than_a_jpeg_picture_may_be_is_shown_smaller(view: View) -> None:
    """That limit is 65,500 pixels."""
    picture = Image.linear_gradient("L").resize((20, 70_000))
    made = view("pdf", sample_files.png(picture), document(page(size=picture.size)), side=32_000, whole=False)
    with pikepdf.open(io.BytesIO(made)) as pdf:
        image = pdf.pages[0].obj.Resources.XObject.Picture
        assert (int(image.Width), int(image.Height)) == (18, 65_000)


def test_a_long_page_of_unknown_resolution_is_no_thin_line(view: View) -> None:
    """In a PDF it is as wide as A4, or as long as a page may be."""
    for size, expected in (((500, 4000), (595.0, 4760.0)), ((500, 20_000), (360.0, 14_400.0)), ((500, 707), None)):
        made = view("pdf", sample_files.png(Image.new("L", size, 200)), document(replace(page(size=size), dpi=None)))
        with pikepdf.open(io.BytesIO(made)) as pdf:
            box = tuple(float(side) for side in pdf.pages[0].mediabox[2:])
        assert box == pytest.approx(expected or (595.47, 842.0), abs=0.1)


def test_html_of_no_page_has_no_icon(view: View) -> None:
    """Where all pages were lost."""
    assert html.icon_of(view("html", sample_files.png(), document(lost_page(1)))) == b""


@pytest.fixture
def chromium() -> str:
    """The name of a browser that runs without a display."""
    name = next((name for name in ("chromium", "chromium-browser", "google-chrome") if shutil.which(name)), None)
    if name is None:
        pytest.skip("no Chromium is installed")
    return name


def test_html_is_one_whole_page(view: View) -> None:
    """It asks for nothing outside of it, runs nothing, and holds each line once, escaped, with its picture."""
    of = replace(page(line('<script>alert("x")</script>', LEVEL, confidence=0.5), *LINES), rotation=90)
    made = view("html", sample_files.png(Image.new("L", SIZE, 255)), document(of), side=500).decode()
    assert "<script" not in made
    assert not re.findall(r'(?:src|href)="(?!data:image/jpeg;base64,)', made)
    assert "default-src 'none'" in made
    assert made.count("<text ") == 1 + len(LINES)
    assert 'viewBox="0 0 800 1000"' in made
    assert 'fill="hsl(0 90% 40%)"' in made
    assert 'fill="hsl(96 90% 40%)"' in made


def test_a_browser_sets_the_text_over_the_picture(view: View, chromium: str, tmp_path: Path) -> None:
    """A real one: no complaint, and every line's box is at its polygon, within a line's height."""
    of = document(page(*LINES))
    made = view("html", sample_files.png(Image.new("L", SIZE, 255)), of).decode()
    # Measured by a script that the test adds, to a page that allows it.
    probe = """<script>
    addEventListener("load", () => {
      const svg = document.querySelector("svg").getBoundingClientRect(), scale = 1000 / svg.width;
      document.title = JSON.stringify([...document.querySelectorAll("text")].map(text => {
        const box = text.getBoundingClientRect();
        return [box.left - svg.left, box.top - svg.top, box.right - svg.left, box.bottom - svg.top].map(v => v * scale);
      }));
    });
    </script>"""
    path = tmp_path / "page.html"
    path.write_text(re.sub(r"<meta http-equiv[^>]*>", "", made).replace("</body>", f"{probe}</body>"), "utf-8")
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}/profile", "--dump-dom"]
    command = [chromium, *options, path.as_uri()]
    shown = subprocess.run(command, check=True, capture_output=True, text=True, timeout=100).stdout
    boxes = json.loads((re.search(r"<title>(\[\[.*?\]\])</title>", shown) or [""])[1])
    assert len(boxes) == len(LINES)
    for found, expected in zip(boxes, LINES, strict=True):
        assert max(abs(a - b) for a, b in zip(found, expected.bounding_box, strict=True)) < 40, expected.text


@pytest.mark.parametrize("kind", ["html", "pdf"])
def test_a_full_disk_is_not_the_documents_fault(tmp_path: Path, kind: str) -> None:
    """It is told apart, by its number, so that the job can wait for room."""
    (tmp_path / "result").write_bytes(as_json.render(document(page(*LINES, size=sample_files.SIZE))))
    (tmp_path / "source").write_bytes(sample_files.png())
    limits = PageLimits(dpi=200, pages=1, megapixels=1, side=100)
    with (
        contextlib.closing(Document(os.open(tmp_path / "source", os.O_RDONLY), limits)) as opened,
        (tmp_path / "result").open("rb") as known,
        open("/dev/full", "wb", buffering=0) as full,  # noqa: PTH123 - a device
        pytest.raises(DiskFullError) as caught,
    ):
        write_view(kind, opened, known.fileno(), full.fileno())
    assert caught.value.code == errno.ENOSPC
