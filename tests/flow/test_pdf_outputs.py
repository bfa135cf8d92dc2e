"""Outputs of PDF documents that one library reads and another does not, made by real decoders, confined."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.config.sections import Paths
from ocrspool.decoding.child.pdf.text import own_lines
from ocrspool.decoding.pool import DecoderProcessPool
from ocrspool.errors import DocumentError
from ocrspool.files.folder import Folder
from ocrspool.files.target_path import Place
from ocrspool.pipeline.assembler import drafted
from ocrspool.pipeline.draft import Draft
from ocrspool.pipeline.outputs import SourceContext, add_outputs
from ocrspool.results.formats import SUFFIXES
from support import sample_files, sample_pdfs
from support.sample_documents import box, document, line, page

OUTPUTS = [name for name in SUFFIXES if name != "csv"]
"""All but tables, of which these documents have none."""
PROFILE = Profile(dpi=100)
READ = document(
    page(line("words that were read", box(100, 700, 500, 740)), size=(850, 1100), dpi=100.0),
    media_type="application/pdf",
)


def pool(folder: Path, *outputs: str) -> DecoderProcessPool:
    """One decoder of a service that wants these outputs."""
    inbox = Inbox(root=folder / "spool", outputs=outputs)
    config = Config(paths=Paths(cache=folder, runtime=folder), inbox={"default": inbox})
    return DecoderProcessPool(1, CurrentConfig(config))


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecoderProcessPool]:
    """A decoder that makes PDF too."""
    with contextlib.closing(pool(tmp_path_factory.mktemp("decoders"), "pdf")) as made:
        yield made


@pytest.fixture
def outputs_of(tmp_path: Path, decoders: DecoderProcessPool) -> Callable[[bytes], Draft]:
    """Makes every output of a file; they lie in the test's folder under "out"."""

    def make(data: bytes) -> Draft:
        (tmp_path / "source").write_bytes(data)
        return add_outputs(
            drafted(READ, OUTPUTS),
            OUTPUTS,
            lambda suffix: Place(Folder.at(tmp_path), f"out{suffix}"),
            SourceContext(tmp_path / "source", PROFILE, decoders),
        )

    return make


def text_in(path: Path) -> str:
    """All text of a PDF, as PDFium has it, pages joined by form feeds."""
    with contextlib.closing(pypdfium2.PdfDocument(path)) as opened:
        return "\f".join(each.get_textpage().get_text_range() for each in opened)


@pytest.mark.parametrize("owner", ["", "owner"])
@pytest.mark.parametrize(("revision", "aes"), [(2, False), (3, False), (4, False), (4, True), (5, True), (6, True)])
def test_every_output_of_every_encryption(
    tmp_path: Path,
    outputs_of: Callable[[bytes], Draft],
    revision: int,
    aes: bool,  # noqa: FBT001 - a parameter
    owner: str,
) -> None:
    """A document that opens without a password: each output is made, the PDF with its own text and what was read."""
    made = outputs_of(sample_pdfs.encrypted_by(revision, owner=owner, aes=aes))
    assert [output.format for output in made.outputs] == OUTPUTS
    assert made.warnings == ()
    text = text_in(tmp_path / "out.pdf")
    assert sample_pdfs.LINES[0] in text
    assert "words that were read" in text


@pytest.mark.parametrize(
    "made", [sample_pdfs.far_numbers, sample_pdfs.with_encrypted_attachments], ids=lambda made: made.__name__
)
def test_pages_that_cannot_be_kept_become_pictures(
    tmp_path: Path, outputs_of: Callable[[bytes], Draft], made: Callable[[], bytes]
) -> None:
    """PDFium reads the file and qpdf does not: the PDF shows pictures of its pages, with what was read; a warning."""
    result = outputs_of(made())
    assert [output.format for output in result.outputs] == OUTPUTS
    assert [notice.code for notice in result.warnings] == ["pages-as-pictures"]
    assert text_in(tmp_path / "out.pdf").strip() == "words that were read"
    with contextlib.closing(pypdfium2.PdfDocument(tmp_path / "out.pdf")) as opened:
        assert opened[0].get_size() == pytest.approx((612, 792), abs=1)
        assert opened[0].render().to_pil().convert("L").getextrema()[0] < 50, "what the page shows is there"


def test_an_output_that_was_begun_leaves_nothing(tmp_path: Path, outputs_of: Callable[[bytes], Draft]) -> None:
    """A document with other pages than were read: what had been written by then is not in what is delivered."""
    result = outputs_of(sample_files.pdf(2))
    assert [notice.code for notice in result.warnings] == ["pages-as-pictures"]
    data = (tmp_path / "out.pdf").read_bytes()
    assert data.startswith(b"%PDF-")
    assert data.count(b"%%EOF") == 1


@pytest.mark.parametrize("wanted", ["txt", "pdf"])
def test_what_pdfium_cannot_decrypt_is_decrypted_by_qpdf(tmp_path: Path, wanted: str) -> None:
    """Also by a decoder that makes no PDF, and so has not loaded it; the outputs are made."""
    (tmp_path / "source").write_bytes(sample_pdfs.with_wrong_permissions())
    with contextlib.closing(pool(tmp_path, wanted)) as decoders, decoders.take() as decoder:
        assert decoder.open(tmp_path / "source", PROFILE).pages == 1
        os.close(decoder.page(0).image.fd)
        own = decoder.own_text(0)
        assert own is not None
        assert own[0].lines[0].text == sample_pdfs.LINES[0]


@pytest.mark.parametrize("revision", [2, 4, 6])
def test_a_password_is_called_one(tmp_path: Path, revision: int) -> None:
    """By a decoder with qpdf and by one without: the reason says "encrypted", and the decoder goes on."""
    (tmp_path / "source").write_bytes(sample_pdfs.encrypted_by(revision, user="secret"))
    (tmp_path / "next").write_bytes(sample_files.pdf())
    for wanted in ("txt", "pdf"):
        with contextlib.closing(pool(tmp_path, wanted)) as decoders, decoders.take() as decoder:
            with pytest.raises(DocumentError) as refused:
                decoder.open(tmp_path / "source", PROFILE)
            assert refused.value.kind == "encrypted"
            assert decoder.open(tmp_path / "next", PROFILE).pages == 1


def test_the_libraries_are_quiet(tmp_path: Path) -> None:
    """What they find wrong in a document they can read goes to nobody's log: a static XFA form, an odd PDF."""
    (tmp_path / "form.pdf").write_bytes(sample_pdfs.with_xfa(*sample_pdfs.LINES))
    (tmp_path / "odd.pdf").write_bytes(sample_files.pdf().replace(b"/Size ", b"/Size 9"))
    script = """
import sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
import test_pdf_outputs as t
with t.contextlib.closing(t.pool(Path(sys.argv[1]), "pdf")) as decoders:
    read = t.drafted(t.READ, ())
    for name in ("form.pdf", "odd.pdf"):
        origin = t.SourceContext(Path(sys.argv[1], name), t.PROFILE, decoders)
        made = t.add_outputs(read, ["pdf"], lambda suffix: t.Place(t.Folder.at(Path(sys.argv[1])), "out"), origin)
        assert made.outputs
"""
    tests = Path(__file__).parent
    told = subprocess.run(
        [sys.executable, "-c", script, tmp_path, tests, tests.parent],
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stderr == ""


@pytest.mark.parametrize(("kind", "already"), [("image/png", 0), ("application/pdf", 0), ("application/pdf", 270)])
def test_a_page_on_its_side_is_shown_upright(
    tmp_path: Path, decoders: DecoderProcessPool, kind: str, already: int
) -> None:
    """A reader turns the page as it was turned to be read; the PDF has a title and dates, the result's own."""
    size = (1100, 850) if already else (850, 1100)
    data = (
        sample_pdfs.with_unit(1, rotate=already, packed=True)
        if kind == "application/pdf"
        else sample_files.png(Image.new("L", size, 255))
    )
    (tmp_path / "source").write_bytes(data)
    turned = replace(page(line("words read", box(100, 700, 500, 740)), size=size, dpi=100.0), rotation=90)
    read = document(turned, media_type=kind)
    origin = SourceContext(tmp_path / "source", PROFILE, decoders)
    made = []
    draft = drafted(read, ())
    for name in ("out", "again"):
        add_outputs(draft, ["pdf"], lambda suffix, name=name: Place(Folder.at(tmp_path), name + suffix), origin)  # type: ignore[misc] # mypy knows no default of a lambda
        made.append((tmp_path / f"{name}.pdf").read_bytes())
    assert made[0] == made[1]
    with contextlib.closing(pypdfium2.PdfDocument(tmp_path / "out.pdf")) as opened:
        assert opened[0].get_rotation() == (already + 90) % 360
        told = opened.get_metadata_dict()
    assert told["Title"] == Path(read.source.name).stem
    digits = "".join(filter(str.isdigit, read.run.finished_at))[:14]
    assert told["CreationDate"] == told["ModDate"] == f"D:{digits}Z"


@pytest.mark.parametrize("unit", [0.5, 2, 10])
@pytest.mark.parametrize("rotate", [0, 270])
def test_text_lies_where_it_was_read_whatever_the_unit(
    tmp_path: Path, decoders: DecoderProcessPool, unit: float, rotate: int
) -> None:
    """A confined decoder tells the page's real size, and the PDF that it makes has the line in the page's own place."""
    (tmp_path / "source").write_bytes(sample_pdfs.with_unit(unit, rotate=rotate, packed=True))
    with decoders.take() as decoder:
        decoder.open(tmp_path / "source", PROFILE)
        image = decoder.page(0).image
        os.close(image.fd)
    size = (1100, 850) if rotate else (850, 1100)
    assert (image.width, image.height, image.dpi) == (*size, 100.0)
    read = document(
        page(line("words read", box(100, 700, 500, 740)), size=size, dpi=100.0), media_type="application/pdf"
    )
    origin = SourceContext(tmp_path / "source", PROFILE, decoders)
    draft = drafted(read, ())
    assert add_outputs(draft, ["pdf"], lambda suffix: Place(Folder.at(tmp_path), f"out{suffix}"), origin).warnings == ()
    with contextlib.closing(pypdfium2.PdfDocument(tmp_path / "out.pdf")) as opened:
        found = own_lines(opened[0], *size)
    (polygon,) = (each.polygon for each in found if each.text == "words read")
    assert polygon[0] == pytest.approx((100, 704), abs=6)
    assert polygon[2] == pytest.approx((500, 736), abs=6)
