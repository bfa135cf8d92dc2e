"""The status page of a real service, in a real browser."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import browser, drawn_pages
from support.browser import Browser
from support.daemon_process import Daemon, NewDaemon
from support.http_client import ask
from support.waiting import wait_until

pytestmark = pytest.mark.engine

EVIL = "<script>alert(1)<img src=x onerror=alert(1)> & 'co' \".png"
SHOWN = "&lt;script&gt;alert(1)&lt;img src=x onerror=alert(1)&gt; &amp; 'co' \".png"
"""As the browser writes it down again: as text."""
INBOX = "[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.5\noutputs = ['html']\n"


@dataclass
class Site:
    """A service and the address of its page."""

    daemon: Daemon
    url: str


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture
def site(new_daemon: NewDaemon) -> Site:
    """A service that has read one file, and failed at another one."""
    address = f"127.0.0.1:{free_port()}"
    more = f"[metrics]\nlisten = '{address}'\npage = true\npage_views = true\npage_retry = true\n"
    daemon = new_daemon(inboxes=INBOX, more=more)
    daemon.start()
    daemon.drop(EVIL, drawn_pages.png("Seen by a browser"))
    daemon.drop("broken.png", drawn_pages.png("Cut off")[:-200])
    daemon.result(EVIL)
    daemon.reason("broken.png")
    return Site(daemon, f"http://{address}/")


@pytest.fixture
def chromium(tmp_path: Path) -> Browser:
    (tmp_path / "browser").mkdir()
    return browser.found(tmp_path / "browser")


def test_a_browser_sees_it_and_asks_nobody_else(site: Site, chromium: Browser) -> None:
    """A name full of markup is text; the page and its view ask for themselves alone, and for nothing outside."""
    wait_until(lambda: SHOWN in chromium.dom(site.url), 60)
    page = chromium.dom(site.url)
    assert "<script" not in page
    assert page.count("<img") == 1
    assert "broken.png" in page
    view = site.url + page.partition('href="/')[2].partition('"')[0]
    picture = site.url + page.partition('src="/')[2].partition('"')[0]
    shown = chromium.dom(view)
    text = re.sub(r"<title>.*?</title>|<[^>]*>", "", shown)  # each word is an element, with its confidence as a title
    assert "Seenbyabrowser" in "".join(text.split())
    assert "data:image/" in shown
    asked = chromium.asked_for(site.url)
    assert picture in asked
    assert asked <= {site.url, picture, f"{site.url}favicon.ico"}, "an icon unasked"
    assert chromium.asked_for(view) <= {view}


def test_a_browser_shows_the_small_picture(site: Site, chromium: Browser) -> None:
    """The policy lets it in, and it is a picture; when its output has gone, there is none, and nothing looks broken."""
    size = "[...document.images].map(image => image.complete && image.naturalWidth).join()"
    chromium.comes_to(site.url, size, "160")
    next((site.daemon.spool / "outbox").glob("*.html")).unlink()
    page = chromium.dom(site.url)
    assert SHOWN in page
    assert "<img" not in page


def test_a_request_to_elsewhere_would_be_seen(chromium: Browser, tmp_path: Path) -> None:
    """The control of the test above: a page that fetches something is found out."""
    picture = f"http://127.0.0.1:{free_port()}/x.png"
    page = tmp_path / "page.html"
    page.write_text(f"<img src='{picture}'>", "utf-8")
    assert picture in chromium.asked_for(page.as_uri())


def test_the_button_works_in_a_browser(site: Site, chromium: Browser) -> None:
    """Pressed as a person presses it: the file is read again, and fails again, as another job."""
    job = site.daemon.reason("broken.png")["job"]
    failed = site.daemon.spool / "failed"

    def again() -> bool:
        reasons = [path.read_bytes() for path in failed.glob("*.reason.json")]
        return bool(reasons) and not any(job.encode() in reason for reason in reasons)

    chromium.press(site.url, "form button", again)
    wait_until(lambda: "no longer there" in chromium.dom(site.url), 60)


def test_after_a_restart(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """A service that has just started knows the files that lie in failed/: on the page and in its metrics."""
    listen = tmp_path / "d/ask.sock"
    daemon = new_daemon(more=f"[metrics]\nlisten = '{listen}'\npage = true\npage_retry = true\n")
    daemon.start()
    daemon.drop("cut.png", drawn_pages.png("Cut off")[:-200])
    daemon.drop("letter.docx", b"PK\x03\x04 no picture")
    daemon.reason("cut.png")
    daemon.reason("letter.docx")
    daemon.stop()
    daemon.start()
    page = ask(listen, "/", "localhost")[1]
    assert '<b>2</b><span class="soft">in failed/</span>' in page
    assert "default/cut.png" in page
    assert page.count("<button") == 1, "a cut file may be whole by now; what is no document stays that"
    metrics = ask(listen, "/metrics", "localhost")[1]
    assert 'ocrspool_failed_files{inbox="default"} 2.0' in metrics
    assert 'ocrspool_files_total{inbox="default",result="failed"} 0.0' in metrics
    assert 'ocrspool_unclaimable_files{inbox="default"} 0.0' in metrics


def test_there_is_no_page_unless_asked_for(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """A listener for numbers tells no names."""
    daemon = new_daemon(more=f"[metrics]\nlisten = '{tmp_path}/d/ask.sock'\n")
    daemon.start()
    assert ask(tmp_path / "d/ask.sock", "/") == (404, "there are /livez, /readyz, /metrics\n")
