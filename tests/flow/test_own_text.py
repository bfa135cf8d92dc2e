"""Text that a PDF brings along, in a real service: believed where it agrees with what is seen, in every output."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from pikepdf import Array, Name, String

from ocrspool.text_similarity import Runs
from support import sample_pdfs
from support.daemon_process import Daemon
from support.drawn_pages import squeezed

pytestmark = pytest.mark.engine

INBOXES = """
[inbox.default]
root = "spool"
settle_seconds = 0.2
outputs = ["json", "pdf"]
[inbox.own]
root = "own"
settle_seconds = 0.2
outputs = ["json", "pdf"]
profile = "own"
[profile.own]
pdf_text = "prefer"
"""
PROSE = sample_pdfs.PROSE
WATERMARK = sample_pdfs.turned("CONFIDENTIAL DRAFT", 52, 60, 110, 80)
DA = String("/Helv 12 Tf 0 g")
STAMP = b"BT /F1 9 Tf 480 30 Td (BATES 000417) Tj ET\n"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Daemon]:
    """One service with an inbox that reads every page, and one that prefers the PDF's own text."""
    made = Daemon(tmp_path_factory.mktemp("own") / "d", engine_cache, INBOXES)
    with contextlib.closing(made):
        made.start()
        yield made
        assert "Traceback" not in made.log()


def read(daemon: Daemon, name: str, data: bytes, inbox: str = "own") -> dict[str, Any]:
    daemon.drop(name, data, inbox)
    result: dict[str, Any] = daemon.result(name, inbox)
    return result


def codes(result: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in result["warnings"]]


def text_of_pdf(daemon: Daemon, name: str, inbox: str, by: str) -> str:
    """All text of the searchable PDF, by another program too, without white space."""
    (path,) = daemon.folder.glob(f"**/{inbox}/outbox/{name}.pdf")
    if by == "pdftotext":
        program = shutil.which("pdftotext")
        if program is None:
            pytest.skip("poppler-utils is not installed")
        return squeezed(subprocess.run([program, "-raw", path, "-"], check=True, capture_output=True, text=True).stdout)
    with contextlib.closing(pypdfium2.PdfDocument(path)) as opened:
        return squeezed("".join(each.get_textpage().get_text_range() for each in opened))


def are_said(lines: tuple[str, ...], text: str) -> bool:
    """Whether nearly all lines are in a text: a letter may be read wrongly."""
    found = sum(squeezed(line) in squeezed(text) for line in lines)
    return found >= len(lines) - 1


def test_prose_is_taken_without_reading(daemon: Daemon) -> None:
    """An ordinary page of a text processor costs no recognition."""
    result = read(daemon, "prose.pdf", sample_pdfs.saved(sample_pdfs.document(PROSE)))
    assert result["pages"][0]["text_from"] == "pdf"
    assert result["text"] == "\n".join(PROSE)
    assert "recognize" not in result["run"]["seconds"]
    assert codes(result) == []


def test_a_short_text_is_compared_and_kept(daemon: Daemon) -> None:
    """Too few letters to tell: the page is read, agrees, and keeps its own text."""
    result = read(daemon, "short.pdf", sample_pdfs.saved(sample_pdfs.document(["Invoice 2024-117"])))
    assert (result["pages"][0]["text_from"], result["text"]) == ("pdf", "Invoice 2024-117")
    assert "recognize" in result["run"]["seconds"]
    assert codes(result) == []


@pytest.mark.parametrize(
    "made",
    [
        sample_pdfs.in_wrong_letters,
        lambda: sample_pdfs.in_wrong_letters(PROSE[:1]),
        lambda: sample_pdfs.scanned(PROSE, layer=sample_pdfs.shifted),
    ],
    ids=["visible", "one line", "over a scan"],
)
def test_text_in_wrong_letters_is_not_believed(
    daemon: Daemon, request: pytest.FixtureRequest, made: Callable[[], bytes]
) -> None:
    """The page is read instead, with a warning; and what was read is in the searchable PDF."""
    name = f"{request.node.callspec.id.replace(' ', '-')}.pdf"
    data, lines = made(), PROSE[:1] if "one" in name else PROSE
    result = read(daemon, name, data)
    assert result["pages"][0]["text_from"] == "ocr"
    assert are_said(lines, result["text"])
    assert codes(result) == ["own-text-not-trusted"]
    assert result["warnings"][0]["page"] == 1
    for inbox in ("own", "spool"):
        if inbox == "spool":
            assert are_said(lines, read(daemon, name, data, inbox)["text"])
        assert are_said(lines, text_of_pdf(daemon, name, inbox, "pdfium"))


def test_a_right_layer_over_a_scan_is_kept(daemon: Daemon) -> None:
    """As it is, and not doubled in the searchable PDF; of five pages two are read to see that."""
    data = sample_pdfs.scanned(*[PROSE] * 5, layer=str)
    result = read(daemon, "layer.pdf", data)
    assert [page["text_from"] for page in result["pages"]] == ["pdf"] * 5
    assert result["text"] == "\f".join(["\n".join(PROSE)] * 5)
    assert codes(result) == []
    read(daemon, "layer.pdf", data, "spool")
    assert text_of_pdf(daemon, "layer.pdf", "spool", "pdfium").count(squeezed(PROSE[2])) == 5


@pytest.mark.parametrize(("name", "over"), [("watermark", WATERMARK), ("stamp", STAMP)])
def test_a_stamp_is_not_the_page(daemon: Daemon, name: str, over: bytes) -> None:
    """Real text across a scan, or in its corner: the page is read, and all of its lines get into the searchable PDF."""
    data = sample_pdfs.scanned(PROSE, over=over)
    result = read(daemon, f"{name}.pdf", data)
    assert result["pages"][0]["text_from"] == "ocr"
    read_lines = Runs(result["text"].splitlines())
    assert all(read_lines.share(line) > 0.7 for line in PROSE), "letters under the watermark may be lost"
    assert codes(result) == []
    for by in ("pdfium", "pdftotext"):
        text = text_of_pdf(daemon, f"{name}.pdf", "own", by)
        assert all(squeezed(line["text"]) in text for line in result["pages"][0]["lines"] if len(line["text"]) > 30)


def with_values(*, looks: bool) -> bytes:
    """A page of prose with a filled form and a comment on it, with what they look like or without."""
    pdf = sample_pdfs.document(PROSE)
    values = {"name": "Vandermeer", "town": "Rotterdam"}
    for at, (name, value) in enumerate(values.items()):
        look = sample_pdfs.look(value) if looks else None
        sample_pdfs.add_field(pdf, name, (40, 400 - 40 * at, 300, 424 - 40 * at), look, FT=Name.Tx, V=String(value))
    choice = sample_pdfs.look("Northern district") if looks else None
    options = Array([String("Northern district"), String("South")])
    sample_pdfs.add_field(
        pdf, "part", (40, 300, 300, 324), choice, FT=Name.Ch, Ff=1 << 17, V=String("Northern district"), Opt=options
    )
    comment = sample_pdfs.look("Checked by the auditor") if looks else None
    sample_pdfs.add_annotation(
        pdf,
        (40, 200, 300, 230),
        comment,
        Subtype=Name.FreeText,
        Contents=String("Checked by the auditor"),
        DA=DA,
    )
    if not looks:
        pdf.Root.AcroForm.NeedAppearances = True
    return sample_pdfs.saved(pdf)


@pytest.mark.parametrize("looks", [True, False])
@pytest.mark.parametrize("inbox", ["spool", "own"])
def test_values_of_forms_and_comments_are_read(daemon: Daemon, inbox: str, looks: bool) -> None:  # noqa: FBT001 - a parameter
    """Whether they bring along what they look like or not, once each; and they are found in the searchable PDF."""
    name = f"form-{looks}.pdf"
    result = read(daemon, name, with_values(looks=looks), inbox)
    for value in ("Vandermeer", "Rotterdam", "Northern district", "Checked by the auditor"):
        assert squeezed(result["text"]).count(squeezed(value)) == 1, value
        assert squeezed(value) in text_of_pdf(daemon, name, inbox, "pdfium")
    assert are_said(PROSE, result["text"])


def test_what_no_font_can_draw_is_told(daemon: Daemon) -> None:
    """A comment in a script that PDFium has no letters for is in the text all the same."""
    pdf = sample_pdfs.document(PROSE)
    first, second = "\u0627\u0644\u0627\u0646\u062a\u0631\u0646\u062a", "\u0627\u0644\u0645\u0641\u062a\u0648\u062d"
    sample_pdfs.add_annotation(
        pdf,
        (40, 200, 300, 260),
        None,
        Subtype=Name.FreeText,
        Contents=String(f"{first}\r{second}"),
        DA=DA,
    )
    result = read(daemon, "arabic.pdf", sample_pdfs.saved(pdf), "spool")
    lines = {line["text"]: line["bounding_box"] for line in result["pages"][0]["lines"]}
    assert lines[first][1] < lines[second][1], "the first line stands above the second"


def test_notes_are_told_and_not_read(daemon: Daemon) -> None:
    """A comment that only a click shows is not on the page: a warning says that there are some."""
    pdf = sample_pdfs.document(PROSE)
    for at in range(2):
        sample_pdfs.add_annotation(
            pdf, (500, 600 + 30 * at, 520, 620 + 30 * at), None, Subtype=Name.Text, Contents=String("Ask him")
        )
    for inbox in ("spool", "own"):
        result = read(daemon, "notes.pdf", sample_pdfs.saved(pdf), inbox)
        assert [(warning["code"], warning["page"]) for warning in result["warnings"]] == [("comments", 1)]
        assert "2 comments" in result["warnings"][0]["message"]
        assert "Ask him" not in result["text"]
