"""A web server of model packages, real but for its content: it can break off, refuse, and change its mind."""

from __future__ import annotations

import io
import tarfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


def package(name: str, files: Mapping[str, bytes]) -> bytes:
    """A tar as PaddleOCR publishes it: one folder of that name with the files."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        folder = tarfile.TarInfo(f"{name}_infer/")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for file, content in files.items():
            member = tarfile.TarInfo(f"{name}_infer/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


class PackageServer(ThreadingHTTPServer):
    """Serves `packages` by path, and remembers what was asked for."""

    daemon_threads = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.packages: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        """Path, and the Range header or nothing."""
        self.break_after: list[int] = []
        """Bytes sent of each of the next answers before the connection ends."""
        self.statuses: list[int] = []
        """Answers to the next requests in place of what they ask for."""
        self.ranges = True
        """Whether it continues files."""
        self.says_length = True
        self.tag = '"1"'

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/models"


class _Handler(BaseHTTPRequestHandler):
    server: PackageServer

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append((self.path, wanted))
        data = self.server.packages.get(self.path)
        status = self.server.statuses.pop(0) if self.server.statuses else 200 if data is not None else 404
        if status != 200 or data is None:
            self.send_error(status)
            return
        start = 0
        if wanted and self.server.ranges and self.headers.get("If-Range") == self.server.tag:
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        if start and start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if self.server.says_length:
            self.send_header("Content-Length", str(len(data) - start))
        if self.server.tag:
            self.send_header("ETag", self.server.tag)
        self.end_headers()
        end = start + self.server.break_after.pop(0) if self.server.break_after else len(data)
        self.wfile.write(data[start:end])

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parameter's name
        pass


@contextmanager
def serving() -> Iterator[PackageServer]:
    """Serve until the end of the block."""
    with PackageServer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
