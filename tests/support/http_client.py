"""Plain HTTP for tests of what the service answers: one request, one answer, over any socket."""

from __future__ import annotations

import os
import socket
from pathlib import Path

_PATIENCE_SECONDS = 30.0


def said(client: socket.socket, path: str, host: str = "") -> tuple[int, str]:
    """Ask for a path on a connected socket, as of this host; the status and the body."""
    about = f"Host: {host}\r\n" if host else ""
    client.sendall(f"GET {path} HTTP/1.0\r\n{about}\r\n".encode())
    answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), body.decode()


def ask(where: Path, path: str, host: str = "") -> tuple[int, str]:
    """Ask whoever listens on a Unix socket. Raise OSError where nobody does."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(_PATIENCE_SECONDS)
        client.connect(os.fspath(where))
        return said(client, path, host)
