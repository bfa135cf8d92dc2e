"""The status page on a screen of 400 pixels, in a real browser: nothing of it lies beyond the edge."""

from __future__ import annotations

import io
import socket
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.observability.snapshot_file import snapshot_of
from ocrspool.web.health import Health
from support import browser, drawn_pages
from support.browser import Browser
from support.status_pages import World

BEYOND = "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > 401).length"
"""How many elements end beyond the right edge."""


@pytest.fixture
def chromium(tmp_path: Path) -> Browser:
    (tmp_path / "browser").mkdir()
    return browser.found(tmp_path / "browser")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A page with something in each of its tables: ten thousand wait, some cannot be taken, names are long."""
    world = World(tmp_path / "scans", page_views=True, page_retry=True)
    drawn_pages.page("Seen", size=(120, 160)).convert("L").save(file := io.BytesIO(), "JPEG")
    picture = b64encode(file.getvalue()).decode()
    world.html.write_text(f'<html><head><link rel="icon" href="data:image/jpeg;base64,{picture}"><title>', "utf-8")
    world.facts["waiting"] = 10_000
    world.facts["queues"]["scans"] |= {"waiting": 10_000, "unclaimable": 157, "unclaimable_reason": f"{'x' * 200}: no"}
    world.facts["jobs"][0]["path"] = "y" * 200
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{probe.getsockname()[1]}"
    health = Health(listen, lambda: snapshot_of(world.facts), lambda: True, world.page)
    yield f"http://{listen}/"
    health.close()


def test_nothing_is_beyond_the_edge(url: str, chromium: Browser) -> None:
    """Neither a column nor the button, and the page need not be moved to and fro."""
    chromium.comes_to(url, f"{BEYOND} + ' ' + document.documentElement.scrollWidth", "0 400", 400)


def test_the_small_picture_can_be_seen(url: str, chromium: Browser) -> None:
    """It is no line of two pixels."""
    size = "(b => b.width >= 24 && b.height >= 24)(document.images[0].getBoundingClientRect())"
    chromium.comes_to(url, size, value=True, width=400)


def test_the_control(url: str, chromium: Browser) -> None:
    """What lies beyond the edge is seen as such: a wide element makes the first test fail."""
    added = (
        f"(e => {{ e.width = 900; document.body.append(e); return {BEYOND} > 0 }})(document.createElement('canvas'))"
    )
    chromium.comes_to(url, added, value=True, width=400)
