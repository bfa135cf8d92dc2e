"""The decoder process: one document at a time, requests over a socket, answered in order.

    {"op": "limits", "memory_mb": 2048, "cpu_seconds": 120}  → {"ready": true, "missing": [...]}
    {"op": "open", "dpi": 200, "limits": {...}} + file       → {"document": {...}} or {"error": {...}}
    {"op": "page", "index": 0}                               → {"page": {...}} + pixels, or {"error": {...}}
    {"op": "own_text", "index": 0}                           → {"own_text": {...} or null}, or {"error": {...}}
    {"op": "view", "view": "pdf"} + result + target          → {"written": true, "kept": true} or {"full": true}
    {"op": "close"}                                          → {"closed": true}

`limits` comes first, and once; with "pdf": true views may be PDF, and qpdf opens what PDFium cannot decrypt. A view
whose pages are not "kept" shows pictures of them. A file, pixels, a result and what a view is written
to are descriptors; `cpu_seconds` may be left out and holds for each request anew, in place of the one before where a
request has its own. With "may_grow": true a file that ends too early is refused: somebody may be writing to it still.

The process ends with 0 when the socket closes, and with a traceback on a request that makes no sense: that
is the service's mistake, and nothing that a document could cause.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import socket
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ocrspool.decoding.child.confinement import confine, grant_cpu
from ocrspool.decoding.child.document import Document, reading
from ocrspool.decoding.child.file_end import refuse_unfinished
from ocrspool.decoding.child.page import PageLimits, warning_as_json
from ocrspool.decoding.child.page_outputs import DiskFullError, write_view
from ocrspool.errors import DocumentError
from ocrspool.processes.channel import Channel, ChannelClosedError, Message
from ocrspool.results.formats import FORMATS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ocrspool.pages import Notice, PageImage

_MOST_BYTES = 1_000_000
"""A little less than the service takes for a message."""


class Decoder:
    """Answers the requests of one service, and holds the document that is open."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._document: Document | None = None
        self._cpu_seconds: int | None = None

    def serve(self) -> None:
        """Answer until the service goes away."""
        with contextlib.suppress(ChannelClosedError):
            while True:
                self._answer(*self._channel.receive())

    def _answer(self, request: Message, descriptors: list[int]) -> None:
        answers: dict[str, Callable[..., None]] = {
            "limits": self._limits,
            "open": self._open,
            "page": self._page,
            "own_text": self._own_text,
            "view": self._view,
            "close": self._close,
        }
        if self._cpu_seconds is not None:
            grant_cpu(request.get("cpu_seconds", self._cpu_seconds))
        try:
            answers[request["op"]](request, *descriptors)
        except DocumentError as error:
            self._channel.send({"error": _error(error)})
        except DiskFullError:
            self._channel.send({"full": True})

    def _limits(self, request: Message) -> None:
        if request.get("pdf"):
            # Now, because a confined process loads nothing; and only then, for it takes 15 MB and a tenth of a second.
            for output in FORMATS:
                if output.loads_late:
                    output.module()
            importlib.import_module("ocrspool.render.pdf.writer").open_what_is_opened_late()
        missing = confine(request["memory_mb"])
        self._cpu_seconds = request.get("cpu_seconds")
        self._channel.send({"ready": True, "missing": missing})

    def _open(self, request: Message, descriptor: int) -> None:
        self._forget()
        if request.get("may_grow"):
            _refuse_unfinished(descriptor)
        self._document = Document(descriptor, PageLimits(dpi=request["dpi"], **request["limits"]))
        self._channel.send({"document": self._document.as_json()})

    def _page(self, request: Message) -> None:
        image, remarks = self._document_with(request["index"]).page(request["index"])
        try:
            hidden = [asdict(line) for line in self._document_with(request["index"]).hidden_lines]
            answer = {"page": {**_page(image, remarks), "hidden": hidden}}
            if hidden and len(json.dumps(answer)) >= _MOST_BYTES:
                answer["page"]["hidden"] = []
            self._channel.send(answer, (image.fd,))
        finally:
            os.close(image.fd)

    def _own_text(self, request: Message) -> None:
        found = self._document_with(request["index"]).own_text(request["index"], request["words"])
        answer: dict[str, Any] = {"own_text": None}
        if found is not None:
            own, remarks = found
            answer = {"own_text": {**asdict(own), "warnings": [warning_as_json(remark) for remark in remarks]}}
        if len(json.dumps(answer)) >= _MOST_BYTES and found is not None:  # the lines may fit without their words
            for line in answer["own_text"]["lines"]:
                line["words"] = ()
        # More than a message may hold is more than a page does: then its pixels are read.
        self._channel.send(answer if len(json.dumps(answer)) < _MOST_BYTES else {"own_text": None})

    def _view(self, request: Message, result: int, target: int) -> None:
        try:
            kept = write_view(request["view"], self._document_with(0), result, target)
        finally:
            os.close(result)
            os.close(target)
        self._channel.send({"written": True, "kept": kept})

    def _document_with(self, index: int) -> Document:
        if self._document is None or not 0 <= index < self._document.page_count:
            raise LookupError(f"no document with a page {index} is open")
        return self._document

    def _close(self, request: Message) -> None:  # noqa: ARG002 - every answer takes its request
        self._forget()
        self._channel.send({"closed": True})

    def _forget(self) -> None:
        if self._document is not None:
            self._document.close()
            self._document = None


def _refuse_unfinished(descriptor: int) -> None:
    try:
        with reading():
            refuse_unfinished(descriptor)
    except DocumentError:
        os.close(descriptor)
        raise


def _page(image: PageImage, remarks: tuple[Notice, ...]) -> dict[str, Any]:
    return {
        "number": image.number,
        "width": image.width,
        "height": image.height,
        "channels": image.channels,
        "source_width": image.source_width,
        "source_height": image.source_height,
        "dpi": image.dpi,
        "warnings": [warning_as_json(remark) for remark in remarks],
    }


def _error(error: DocumentError) -> dict[str, Any]:
    return {
        "kind": error.kind,
        "message": error.message,
        "hint": error.hint,
        "stage": error.stage,
        "page": error.page,
    }


def main(descriptor: int) -> None:
    """Serve on this inherited socket."""
    with socket.socket(fileno=descriptor) as sock:
        Decoder(Channel(sock)).serve()


if __name__ == "__main__":
    main(int(sys.argv[1]))
