"""A page that makes our own Python fail in the worker: it costs itself, and neither its document nor the worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from support import drawn_pages, faulty_worker, sample_files, worker_replacement
from support.daemon_process import Daemon, NewDaemon
from support.drawn_pages import says

pytestmark = pytest.mark.engine

MORE = "[service]\nworkers = 1\n[engine]\nthreads = 1\n"


@pytest.fixture
def daemon(new_daemon: NewDaemon, tmp_path: Path) -> Daemon:
    """A service whose worker fails on pages that say so."""
    wrapper = worker_replacement.wrapper(tmp_path, faulty_worker.__name__)
    made = new_daemon(wrapper=wrapper, more=MORE, inboxes="[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.2\n")
    made.start()
    return made


def _page(text: str, color: tuple[int, int, int] = (255, 255, 255)) -> Image.Image:
    return faulty_worker.marked(drawn_pages.page(text, size=(544, 160)), color)


def test_a_page_that_fails_twice_is_lost(daemon: Daemon) -> None:
    """Its document is partial and says why; one that has no other page fails; one that failed by chance is read."""
    (worker,) = daemon.workers()
    pages = [_page("First page"), _page("Bad page", faulty_worker.ALWAYS), _page("Last page")]
    daemon.drop("three.tif", sample_files.tiff(*pages))
    result = daemon.result("three.tif")
    assert result["status"] == "partial"
    assert [page["status"] for page in result["pages"]] == ["ok", "failed", "ok"]
    assert says(result, "First page")
    assert says(result, "Last page", 3)
    error = result["pages"][1]["error"]
    assert error["kind"] == "recognition"
    assert error["message"] == "reading this page failed 2 times: ValueError: array is not writeable"
    assert result["run"]["attempts"] == 1

    daemon.drop("only.png", sample_files.png(pages[1]))
    reason = daemon.reason("only.png")
    assert (reason["kind"], reason["stage"], reason["page"]) == ("recognition", "recognize", 1)
    assert reason["attempts"] == 1

    daemon.drop("refused.png", sample_files.png(_page("Refused", faulty_worker.REFUSED)))
    assert daemon.reason("refused.png")["message"].endswith("2 times: the net takes no such shape")

    daemon.drop("chance.png", sample_files.png(_page("Read after all", faulty_worker.ONCE)))
    assert says(daemon.result("chance.png"), "Read after all")

    assert daemon.workers() == [worker]
    assert not any("degraded" in said for said in daemon.notify.messages())
    assert "page 2 is lost" in daemon.log()
    assert "Traceback" in daemon.log()


def test_an_engine_in_disorder_is_replaced(daemon: Daemon) -> None:
    """An error of Python's after which the known page is not read any more is no page's: another worker goes on."""
    (worker,) = daemon.workers()
    daemon.drop("bad.png", sample_files.png(_page("Bad page", faulty_worker.DISORDER)))
    reason = daemon.reason("bad.png")
    assert (reason["kind"], reason["attempts"]) == ("crash", 3)
    daemon.drop("good.png", sample_files.png(_page("Good page")))
    assert says(daemon.result("good.png"), "Good page")
    assert daemon.workers() != [worker]
    assert "reads the known page wrongly" in daemon.log()
