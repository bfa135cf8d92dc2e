"""What a document says is in its result, and nowhere in the log at the default level."""

from __future__ import annotations

import pytest

from support import drawn_pages, sample_files
from support.daemon_process import NewDaemon

pytestmark = pytest.mark.engine

WORD = "Quicksilver"


def test_no_text_of_documents_in_the_log(new_daemon: NewDaemon) -> None:
    """Read or refused, whole or in part: names and reasons are logged, and no word of what is written in a file."""
    daemon = new_daemon(more="[limits]\ndecoder_memory_mb = 256\n")
    daemon.start()
    secret = WORD.encode()
    damaged = sample_files.png(drawn_pages.page(WORD))[:-100]
    files = {
        "image.png": drawn_pages.png(WORD),
        "page.pdf": sample_files.pdf_page(
            b"BT /F 30 Tf 9 99 Td (%s) Tj ET" % secret, b"/Font << /F 5 0 R >>", _HELVETICA
        ),
        "partial.pdf": sample_files.deadly_pdf(2, {1}).replace(b"Hello spool", secret),
        "text.png": secret + b" is the word\n",
        "header.pgm": b"P2 " + secret + b" 9 255 " + secret,
        "pixels.pgm": b"P2 3 3 255 " + secret * 9,
        "chunk.png": sample_files.png().replace(b"IDAT", secret[:4]),
        "damaged.png": damaged,
        "damaged.pdf": b"%PDF-1.7\n" + secret,
    }
    for name, data in files.items():
        daemon.drop(name, data)
    for name in ("image.png", "page.pdf", "partial.pdf"):
        assert WORD.lower() in daemon.result(name)["text"].lower(), name
    daemon.idle()
    assert len(daemon.files("failed")) == 2 * (len(files) - 3)
    assert daemon.stop() == 0
    log = daemon.log()
    assert all(name in log for name in files)
    assert WORD.lower() not in log.lower()
    assert WORD[:4] not in log


_HELVETICA = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
