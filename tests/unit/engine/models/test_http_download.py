"""Redirects: every hop is looked at."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from ocrspool.engine.models.http_download import Source, TransferError, _opener, _Redirects, receive


class _Elsewhere(BaseHTTPRequestHandler):
    """Sends everybody to where its path says."""

    def do_GET(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.path[1:])
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parameter's name
        pass


@pytest.fixture
def elsewhere() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Elsewhere) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "file:///etc/hostname", "data:,x", "gopher://127.0.0.1/"])
def test_nothing_but_the_web_is_followed(elsewhere: str, tmp_path: Path, target: str) -> None:
    """A mirror cannot make us read files, or speak to other servers."""
    with pytest.raises(TransferError):
        receive("model", f"{elsewhere}/{target}", tmp_path, lambda _: None, Source(attempts=1))
    assert not (tmp_path / "package").exists()


@pytest.mark.parametrize(
    ("start", "target", "followed"),
    [
        ("https://a/x", "https://b/x", True),
        ("https://a/x", "http://b/x", False),
        ("http://a/x", "http://b/x", True),
        ("http://a/x", "https://b/x", True),
        ("http://a/x", "ftp://b/x", False),
    ],
)
def test_each_hop_is_as_secure_as_the_one_before(start: str, target: str, followed: bool) -> None:  # noqa: FBT001 - a parameter
    """A way back to https does not make a hop without it good."""
    request = urllib.request.Request(start)  # noqa: S310 - nothing is opened
    about = (None, 302, "Found", HTTPMessage(), target)
    if followed:
        hop = _Redirects().redirect_request(request, *about)
        assert hop is not None
        assert hop.full_url == target
    else:
        with pytest.raises(TransferError, match="not secure"):
            _Redirects().redirect_request(request, *about)


def test_no_other_kinds_of_addresses_are_opened() -> None:
    """The library's own opener would read files."""
    with pytest.raises(OSError, match="unknown url type"):
        _opener().open("file:///etc/hostname")
