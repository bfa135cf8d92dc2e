"""One file from the web, whole: continued where it broke off, tried again, with reports of progress.

It uses only the standard library. Between attempts, and between runs, it keeps what has arrived and the server's mark
of that version (`validator`). A file that has changed in between is fetched from its beginning (RFC 9110, If-Range).
"""

from __future__ import annotations

import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from ocrspool import __version__
from ocrspool.processes.backoff import Backoff

OnStage = Callable[[str], None]

MB = 1_000_000
_PIECE = 1 << 18
_LATER = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_NETWORK = (OSError, http.client.HTTPException)


class TransferError(Exception):
    """The file cannot be had; says why."""


class _BrokenOffError(TransferError):
    """The network's fault, and perhaps another time it works."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where packages come from, and how patiently."""

    url: str = "https://paddle-model-ecology.bj.bcebos.com/paddlex/official_inference_model/paddle3.0.0"
    """`<url>/<package>_infer.tar` is a package: PaddleOCR's own object store, or a mirror of it."""
    attempts: int = 4
    pause_seconds: float = 2.0
    """Before the second attempt; doubled for each further one."""
    timeout_seconds: float = 60.0
    """Of silence."""
    most_mb: int = 2000
    """The largest package that is accepted; known ones have up to 200."""


def receive(name: str, url: str, folder: Path, on_stage: OnStage, source: Source) -> Path:
    """Bring the file at `url` (http or https) into `folder`, which is its alone, and return its path.

    `name` is what it is called in messages. Raise TransferError; OSError where it cannot be written.
    """
    archive = folder / "package"
    pauses = Backoff(source.pause_seconds)
    for _ in range(source.attempts - 1):
        try:
            _attempt(name, url, archive, on_stage, source)
        except _BrokenOffError as error:  # noqa: PERF203 - each attempt may fail for itself
            pause = pauses.next()
            on_stage(f"downloading {name} broke off: {error}; trying again in {pause:g} s")
            time.sleep(pause)
        else:
            return archive
    _attempt(name, url, archive, on_stage, source)
    return archive


def _attempt(name: str, url: str, archive: Path, on_stage: OnStage, source: Source) -> None:
    """Receive what is still missing of the file."""
    validator = archive.with_name("validator")
    have = archive.stat().st_size if archive.exists() and validator.exists() else 0
    headers = {"User-Agent": f"ocrspool/{__version__}"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator.read_text("utf-8")}
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 - the opener knows http and https only
    with _answer(request, archive, source) as response:
        if have and not (response.status == HTTPStatus.PARTIAL_CONTENT and _start(response) == have):
            have = 0
        _remember(response, validator)
        total = have + int(response.headers.get("Content-Length") or 0)
        if total > source.most_mb * MB:
            raise TransferError(f"it has {total // MB} MB, more than any model")
        with archive.open("ab" if have else "wb") as file:
            _append(response, file, have, _Progress(name, total, on_stage), source)


def _append(response: http.client.HTTPResponse, file: BinaryIO, have: int, progress: _Progress, source: Source) -> None:
    progress.tell(have)
    while piece := _piece(response):
        have += len(piece)
        if have > source.most_mb * MB:  # where the server does not say beforehand
            raise TransferError("it is larger than any model")
        file.write(piece)
        progress.tell(have)
    if have < progress.total:  # http.client takes a connection that ends early for the end of the file
        raise _BrokenOffError(f"the connection ended after {have} of {progress.total} bytes")


@contextmanager
def _answer(request: urllib.request.Request, archive: Path, source: Source) -> Iterator[http.client.HTTPResponse]:
    """Ask, and give the answer if it is a file."""
    try:
        response = _opener().open(request, timeout=source.timeout_seconds)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            archive.unlink()  # there is no more than what came already: begin again
        elif error.code < HTTPStatus.INTERNAL_SERVER_ERROR and error.code not in _LATER:
            raise TransferError(f"{error.code} {error.reason}") from error
        raise _BrokenOffError(f"{error.code} {error.reason}") from error
    except _NETWORK as error:
        raise _BrokenOffError(_reason(error)) from error
    with response:
        yield response


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses of the web and nothing else: the library's own opens ftp:, file: and data: too."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.UnknownHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _Redirects,
    ):
        opener.add_handler(handler())
    return opener


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Looks at every hop: what began with https stays with it, and nothing but http and https is followed."""

    def redirect_request(self, req: urllib.request.Request, *about: Any) -> urllib.request.Request | None:  # noqa: ANN401 - the library's own types
        """Return the request for the next hop. Raise TransferError where it must not be made."""
        target = str(about[-1])
        scheme = urlsplit(target).scheme
        if scheme not in {"http", "https"} or (req.type == "https" and scheme != "https"):
            raise TransferError(f"it leads to {target}, which is not secure")
        return super().redirect_request(req, *about)


def _piece(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_PIECE)
    except _NETWORK as error:
        raise _BrokenOffError(_reason(error)) from error


def _reason(error: Exception) -> str:
    found = error.reason if isinstance(error, urllib.error.URLError) else error
    return str(found) or type(found).__name__


def _start(response: http.client.HTTPResponse) -> int:
    """Return the place in the file at which a partial answer begins, -1 where it does not say."""
    unit, _, span = (response.headers.get("Content-Range") or "").partition(" ")
    first = span.partition("-")[0]
    return int(first) if unit == "bytes" and first.isdecimal() else -1


def _remember(response: http.client.HTTPResponse, validator: Path) -> None:
    """Keep what tells this file from a later one of the same name; without it, nothing is continued."""
    tag = response.headers.get("ETag") or ""
    mark = response.headers.get("Last-Modified") if not tag or tag.startswith("W/") else tag
    if mark:
        validator.write_text(mark, "utf-8")
    else:
        validator.unlink(missing_ok=True)


class _Progress:
    """Tells of each tenth of a download of `total` bytes; 0 where the server does not say."""

    def __init__(self, name: str, total: int, on_stage: OnStage) -> None:
        self.total = total
        self._name = name
        self._on_stage = on_stage
        self._told = -1

    def tell(self, have: int) -> None:
        """Say how much there is, if that is news."""
        tenth = have * 10 // self.total if self.total else have // (10 * MB)
        if tenth > self._told:
            self._told = tenth
            of = f" of {self.total / MB:.1f}" if self.total else ""
            self._on_stage(f"downloading {self._name}: {have / MB:.1f}{of} MB")
