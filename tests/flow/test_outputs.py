"""What people do with a result: every output of one real service, its hooks, and a decoder that dies of a view."""

from __future__ import annotations

import contextlib
import io
import json
import os
import select
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config, Inbox, Profile
from ocrspool.config.sections import Paths
from ocrspool.decoding.api import DecodersClosedError
from ocrspool.decoding.pool import DecoderProcessPool
from ocrspool.files.folder import Folder
from ocrspool.files.target_path import Place
from ocrspool.pipeline.assembler import drafted
from ocrspool.pipeline.outputs import SourceContext, add_outputs
from support import drawn_pages, sample_files
from support.daemon_process import Daemon, ocrspool
from support.drawn_pages import says
from support.process_table import children_of, is_module
from support.sample_documents import box, document, line, page
from support.waiting import wait_until

pytestmark = pytest.mark.engine

TELL = "import json, os, sys; open(sys.argv[1], 'a').write(json.dumps([sys.argv[2:], os.environ['OCRSPOOL_JOB']]))"
INBOXES = """
[inbox.default]
root = "spool"
settle_seconds = 0.2
outputs = ["json", "txt", "tsv", "hocr", "alto", "html", "pdf"]
done_marker = true
profile = "own"
on_done = ["{python}", "-c", "{tell}", "{told}"]
on_failed = ["{python}", "-c", "{tell}", "{told}"]
[profile.own]
pdf_text = "prefer"
"""
SUFFIXES = [".txt", ".tsv", ".hocr", ".xml", ".html", ".pdf"]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Daemon]:
    """One service that makes everything for each file."""
    folder = tmp_path_factory.mktemp("outputs")
    inboxes = INBOXES.format(python=sys.executable, tell=TELL, told=folder / "told")
    made = Daemon(folder / "d", engine_cache, inboxes)
    with contextlib.closing(made):
        made.start()
        yield made
        assert "Traceback" not in made.log()


def told(daemon: Daemon) -> list[list[Any]]:
    """What the hooks were called with so far."""
    path = daemon.folder.parent / "told"
    calls: list[list[Any]] = json.loads(f"[{path.read_text().replace('][', '],[')}]") if path.exists() else []
    return calls


def text_of(pdf: Path) -> str:
    """The text of a PDF, pages joined by form feeds, as PDFium has it."""
    with contextlib.closing(pypdfium2.PdfDocument(pdf)) as opened:
        return "\f".join(each.get_textpage().get_text_range() for each in opened)


def test_all_outputs_of_a_scan(daemon: Daemon) -> None:
    """They appear together, with one text in all; the JSON names them, the marker follows, the hook is told."""
    daemon.drop(
        "sub/scan.tif", sample_files.tiff(drawn_pages.page("First page", "second line"), drawn_pages.page("Page 2"))
    )
    result = daemon.result("sub/scan.tif")
    outbox = daemon.spool / "outbox/sub"
    assert [output["suffix"] for output in result["outputs"]] == SUFFIXES
    assert sorted(path.name for path in outbox.iterdir()) == sorted(
        f"scan.tif{suffix}" for suffix in [".json", ".done", *SUFFIXES]
    )
    assert says(result, "First page second line")
    assert (outbox / "scan.tif.txt").read_text() == result["text"] + "\n"
    assert drawn_pages.squeezed(text_of(outbox / "scan.tif.pdf")) == drawn_pages.squeezed(result["text"])
    for suffix in (".tsv", ".hocr", ".xml", ".html"):
        said = (outbox / f"scan.tif{suffix}").read_text("utf-8")
        assert 0 < said.index("second") < said.index("line", said.index("second"))
    wait_until(lambda: told(daemon))
    files, job = told(daemon)[-1]
    assert files == [os.fspath(outbox / f"scan.tif{suffix}") for suffix in [".json", *SUFFIXES]]
    assert job == result["run"]["job"]
    assert set(result["run"]["seconds"]) >= {"txt", "pdf"}
    assert result["warnings"] == []


def test_a_pdf_that_has_text_keeps_it(daemon: Daemon) -> None:
    """Of two pages only the scanned one is read; each says where its text is from, and the PDF has each text once."""
    made = io.BytesIO()
    blank, scan = Image.new("L", (600, 300), 255), drawn_pages.page("scanned text")
    blank.save(made, "PDF", resolution=200, save_all=True, append_images=[scan])
    with pikepdf.open(made) as pdf:
        font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
        pdf.pages[0].obj.Resources.Font = pikepdf.Dictionary(F1=font)
        pdf.pages[0].contents_add(b"BT /F1 12 Tf 20 50 Td (born digital) Tj ET")
        with pdf.open_metadata() as metadata:  # XMP, which pikepdf would load an XML library for, confined or not
            metadata["dc:title"] = "As it was"
        pdf.save(saved := io.BytesIO())
    daemon.drop("born.pdf", saved.getvalue())
    result = daemon.result("born.pdf")
    assert [each["text_from"] for each in result["pages"]] == ["pdf", "ocr"]
    assert result["pages"][0]["text"] == "born digital"
    assert result["pages"][0]["lines"][0]["confidence"] == 1
    assert says(result, "scanned text", 2)
    assert result["warnings"] == []
    with pikepdf.open(daemon.spool / "outbox/born.pdf.pdf") as pdf, pikepdf.open(saved) as source:
        assert pdf.Root.Metadata.read_bytes() == source.Root.Metadata.read_bytes()
    text = text_of(daemon.spool / "outbox/born.pdf.pdf")
    assert drawn_pages.squeezed(text) == drawn_pages.squeezed(result["text"])


def test_a_file_that_fails_rings_too(daemon: Daemon) -> None:
    """With the file and its reason."""
    daemon.drop("bad.png", b"\x89PNG\r\n\x1a\n broken")
    reason = daemon.reason("bad.png")
    wait_until(lambda: told(daemon)[-1][1] == reason["job"])
    failed = daemon.spool / "failed"
    assert told(daemon)[-1][0] == [os.fspath(failed / "bad.png"), os.fspath(failed / "bad.png.reason.json")]


def test_once_makes_outputs_too(tmp_path: Path, engine_cache: Path) -> None:
    """Beside the JSON, for files that are read without a service."""
    config = tmp_path / "ocrspool.toml"
    config.write_text(f"[paths]\ncache = '{engine_cache}'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n")
    (tmp_path / "a.png").write_bytes(drawn_pages.png("once only"))
    out = tmp_path / "out"
    ended = ocrspool("once", tmp_path / "a.png", "--outbox", out, "--config", config, "--outputs", "txt,pdf")
    assert ended.returncode == 0, ended.stderr
    assert sorted(path.name for path in out.iterdir()) == ["a.png.json", "a.png.pdf", "a.png.txt"]
    assert drawn_pages.squeezed(text_of(out / "a.png.pdf")) == "onceonly"
    assert ocrspool("once", tmp_path / "a.png", "--outbox", out, "--outputs", "docx").returncode == 78


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[SourceContext]:
    """A picture of noise, which takes room in any file, and a decoder."""
    noise = Image.effect_noise((1000, 800), 200)
    (tmp_path / "a.png").write_bytes(sample_files.png(noise))
    inbox = Inbox(root=tmp_path / "spool", outputs=("pdf",))
    decoders = DecoderProcessPool(
        1, CurrentConfig(Config(paths=Paths(cache=tmp_path, runtime=tmp_path), inbox={"default": inbox}))
    )
    with contextlib.closing(decoders):
        decoders.start()
        yield SourceContext(tmp_path / "a.png", Profile(), decoders)


def test_a_decoder_that_is_killed_over_a_view_is_replaced(tmp_path: Path, origin: SourceContext) -> None:
    """The view is made by the next one. It stands at a pipe that nobody empties when the signal comes."""
    of = drafted(document(page(line("x", box(10, 10, 200, 60)))), ["txt"])
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)
    first = [os.open(pipe, os.O_RDWR)]

    class Piped(Folder):
        """A folder in which the first file without a name is the pipe."""

        def scratch(self) -> int:
            return first.pop() if first else super().scratch()

    made = []
    thread = threading.Thread(
        target=lambda: made.append(add_outputs(of, ["html"], lambda s: Place(Piped.at(tmp_path), f"view{s}"), origin))
    )
    thread.start()
    wait_until(lambda: select.select([end], [], [], 0)[0])
    (pid,) = (pid for pid in children_of(os.getpid()) if is_module(pid, "ocrspool.decoding.child"))
    os.kill(pid, signal.SIGKILL)
    thread.join(60)
    os.close(end)
    assert [output.format for output in made[0].outputs] == ["html"]
    assert made[0].warnings == ()
    assert (tmp_path / "view.html").read_bytes().endswith(b"</html>\n")


def test_an_output_that_cannot_be_made_costs_a_warning(tmp_path: Path, origin: SourceContext) -> None:
    """The source is gone or another: the document stays, and says what is missing. A stop is no such thing."""
    origin.source.write_bytes(b"no document any more")
    of = drafted(document(page(line("x", box(10, 10, 200, 60)))), ["txt"])
    made = add_outputs(of, ["txt", "pdf"], lambda suffix: Place(Folder.at(tmp_path), f"view{suffix}"), origin)
    assert [output.format for output in made.outputs] == ["txt"]
    assert [notice.code for notice in made.warnings] == ["output-failed"]
    assert "There is no pdf" in made.warnings[0].message
    assert not list(tmp_path.glob("view.pdf*"))
    origin.decoders.close()
    with pytest.raises(DecodersClosedError):
        add_outputs(of, ["pdf"], lambda suffix: Place(Folder.at(tmp_path), f"view{suffix}"), origin)
