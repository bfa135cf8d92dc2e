"""Answer a browser: the status page, HTML outputs, small pictures, and the button that puts a failed file back.

Everybody who reaches the address may look. So the danger is what a page of another site could make a browser do. Such a
site cannot read our token, because a request under a name that is not this machine's is refused (DNS rebinding).
Without the token it cannot press our button. Nothing that is sent can run, whatever it holds.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs

from ocrspool.config.current import CurrentConfig
from ocrspool.files.folder import Folder
from ocrspool.observability.snapshot import DeliveredDocument, StatusSnapshot
from ocrspool.render.html import HEAD_BYTES, icon_of
from ocrspool.results.formats import SUFFIXES
from ocrspool.results.reason import Failure
from ocrspool.spool import failure_reason
from ocrspool.spool.outbox import beside
from ocrspool.spool.spool import Spool
from ocrspool.web.page_style import STYLE_HASH
from ocrspool.web.server import Reply, is_local, plain
from ocrspool.web.status_page_html import Offer, render

_HTML = "text/html; charset=utf-8"
_ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PAGE_POLICY = (
    f"default-src 'none'; style-src '{STYLE_HASH}'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
_PICTURE_POLICY = "sandbox; default-src 'none'; frame-ancestors 'none'"
_VIEW_POLICY = (
    "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'; "
    "frame-ancestors 'none'"
)


class StatusPage:
    """All answers for people. Safe to use from several threads."""

    def __init__(self, live: CurrentConfig, published: Callable[[], StatusSnapshot]) -> None:
        self._live = live
        self._published = published
        self._token = secrets.token_urlsafe()
        """Only somebody who has read the page knows it. Each start makes another one."""

    def get(self, path: str, headers: Mapping[str, str]) -> Reply | None:
        """Answer a request to see something. None where there is nothing of that name."""
        what, _, job = path[1:].partition("/")
        if path != "/" and what not in {"view", "thumbnail"}:
            return None
        if (refused := _refused(headers)) is not None:
            return refused
        if path == "/":
            return self._page()
        return self._view(job) if what == "view" else self._thumbnail(job)

    def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply | None:
        """Answer a request to do something. None where there is nothing of that name."""
        if path != "/retry" or not self._live.config.metrics.page_retry:
            return None
        if (refused := _refused(headers)) is not None:
            return refused
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return _plain(HTTPStatus.FORBIDDEN, "another site has sent this request")
        form = parse_qs(body.decode("ascii", "replace"))
        token = form.get("token", [""])[0].encode("utf-8", "replace")
        if not secrets.compare_digest(token, self._token.encode()):
            return _plain(
                HTTPStatus.FORBIDDEN, "the page with this button is from before the last start: load it again"
            )
        return self._retry(form.get("job", [""])[0])

    def _page(self) -> Reply:
        published, metrics = self._published(), self._live.config.metrics
        still = {failure for failure in published.last_failures if self._is_there(failure)}
        pictured = {document.job for document in published.last_documents if self._icon(document)}
        offer = Offer(metrics.page_views, pictured, self._token if metrics.page_retry else "", still)
        page = render(published, offer, time.time())
        return Reply(HTTPStatus.OK, page, {**_ALWAYS, "Content-Type": _HTML, "Content-Security-Policy": _PAGE_POLICY})

    def _view(self, job: str) -> Reply | None:
        """Send the HTML output of one of the last documents. No other file can be asked for."""
        document = self._document(job)
        if document is None or not self._has_view(document):
            return None
        try:
            file = self._html(document)
        except (KeyError, ValueError, OSError):
            return _plain(HTTPStatus.GONE, "it is not in the outbox any more")
        return Reply(HTTPStatus.OK, file, {**_ALWAYS, "Content-Type": _HTML, "Content-Security-Policy": _VIEW_POLICY})

    def _thumbnail(self, job: str) -> Reply | None:
        """Send the small picture in such an output: as a JPEG and nothing else, because others write there."""
        document = self._document(job)
        icon = self._icon(document) if document else b""
        if not icon:
            return None
        headers = {**_ALWAYS, "Content-Type": "image/jpeg", "Content-Security-Policy": _PICTURE_POLICY}
        return Reply(HTTPStatus.OK, icon, headers)

    def _document(self, job: str) -> DeliveredDocument | None:
        return next((each for each in self._published().last_documents if each.job == job), None)

    def _has_view(self, document: DeliveredDocument) -> bool:
        return self._live.config.metrics.page_views and "html" in document.outputs

    def _icon(self, document: DeliveredDocument) -> bytes:
        """Return the small picture of a document; b"" if there is none, or none any more."""
        if not self._has_view(document):
            return b""
        try:
            with self._html(document) as file:
                return icon_of(file.read(HEAD_BYTES))
        except (KeyError, ValueError, OSError):
            return b""

    def _html(self, document: DeliveredDocument) -> BinaryIO:
        """Open the HTML output. Raise KeyError, ValueError or OSError where it is not in an outbox of ours any more."""
        outbox = self._live.config.inbox[document.inbox].folder("outbox")
        view = beside(Path(document.result.exact), SUFFIXES["html"])
        return _opened(outbox, os.fspath(view.relative_to(outbox)))

    def _retry(self, job: str) -> Reply:
        """Move one of the last failed files back, as `ocrspool retry` does."""
        failure = next((each for each in self._published().last_failures if each.job and each.job == job), None)
        inbox = self._live.config.inbox.get(failure.inbox) if failure else None
        if failure is None or inbox is None or not self._is_there(failure):
            return _plain(HTTPStatus.NOT_FOUND, "this is not one of the last failures any more")
        failed = Path(failure.file.exact)
        spool = Spool(failure.inbox, inbox.folders())
        try:
            spool.retry(failed, failure_reason.reason_at(spool.failed, failed))
        except FileExistsError:
            return _plain(HTTPStatus.CONFLICT, "it stays: a file of its name is in the inbox")
        except (OSError, ValueError) as error:
            return _plain(HTTPStatus.CONFLICT, f"it cannot be moved: {getattr(error, 'strerror', None) or error}")
        return Reply(HTTPStatus.SEE_OTHER, headers={**_ALWAYS, "Location": "/"})

    def _is_there(self, failure: Failure) -> bool:
        """Tell whether the failed file lies where it was put, and is not one that failed later under the same name."""
        inbox = self._live.config.inbox.get(failure.inbox)
        if inbox is None:
            return False
        folder, failed = inbox.folder("failed"), Path(failure.file.exact)
        return (
            failure_reason.is_there(folder, failed)
            and failure_reason.reason_at(folder, failed).get("job") == failure.job
        )


def _refused(headers: Mapping[str, str]) -> Reply | None:
    """Return a refusal if the request was sent to another name than this machine's."""
    if not is_local(headers.get("host", "")):
        return _plain(HTTPStatus.MISDIRECTED_REQUEST, "ask for this page as localhost, a proxy too (its Host header)")
    return None


def _plain(status: HTTPStatus, text: str) -> Reply:
    return plain(status, text, _ALWAYS)


def _opened(folder: Path, name: str) -> BinaryIO:
    """Open a regular file below `folder`, following no link. Raise OSError where it is none."""
    with Folder.at(folder) as outbox, outbox.holder(name) as holder:
        return os.fdopen(holder.open(name.rpartition("/")[2]), "rb")
