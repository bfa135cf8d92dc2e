"""Messages between the service and its child processes: JSON frames and file descriptors over a Unix socket.

A message may have a body: bytes under the key `BODY`, which travel as they are. Whoever receives them decides whether
they are looked into.
The format is JSON and not pickle: a decoder reads hostile files, so nothing that it sends may be able to run code here.
Names that are not UTF-8 survive as surrogate escapes.
"""

from __future__ import annotations

import errno
import json
import os
import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Iterable
from typing import Any

Message = dict[str, Any]

_as_json = json.JSONEncoder(separators=(",", ":")).encode
_HEADER = struct.Struct("!IBI")  # bytes of the JSON text, number of descriptors sent with the header, bytes of the body
_MOST_DESCRIPTORS = 64
_BESIDE_BYTES = socket.CMSG_LEN(_MOST_DESCRIPTORS * array("i").itemsize)
# As numbers: to combine members of an enum takes Python longer than a system call.
_CUT, _AT_ONCE, _NOT_INHERITED = int(socket.MSG_CTRUNC), int(socket.MSG_DONTWAIT), int(socket.MSG_CMSG_CLOEXEC)
MOST_BYTES = 256 << 20
"""Of the text and the body of a message, unless another bound is given."""
BODY = "body"
"""The key of the bytes that a message may have beside its JSON."""


class ChannelClosedError(ConnectionError):
    """The other side is gone, or said something that is no frame."""


class Channel:
    """One end of a stream socket pair. One thread at a time may send, and one receive: then neither with a time-out."""

    def __init__(
        self, sock: socket.socket, most_bytes: int = MOST_BYTES, loads: Callable[[bytes], object] = json.loads
    ) -> None:
        """Read JSON with `loads`, which raises ValueError or RecursionError where there is none."""
        self._sock = sock  # blocking: each change of a time-out is a system call, so `_wait` has the deadlines
        self._arrival = select.poll()
        self._arrival.register(sock, select.POLLIN)
        self.has_arrived = False
        """Whether it is known that there is something to receive."""
        self._most_bytes = most_bytes
        self._loads = loads

    def send(self, message: Message, descriptors: tuple[int, ...] = ()) -> None:
        """Send one message; the descriptors are duplicated into the receiver. Raise ChannelClosedError."""
        body = message.get(BODY)
        if isinstance(body, bytes):
            message = {key: value for key, value in message.items() if key != BODY}
        else:
            body = b""
        text = _as_json(message).encode("ascii")
        try:
            frame = b"".join((_HEADER.pack(len(text), len(descriptors), len(body)), text, body))
            sent = self._sock.sendmsg([frame], _with(descriptors) if descriptors else ())
            if sent < len(frame):
                self._sock.sendall(memoryview(frame)[sent:])
        except OSError as error:
            raise ChannelClosedError(str(error)) from error

    def receive(self, seconds: float | None = None) -> tuple[Message, list[int]]:
        """Wait for one message and its descriptors (now the caller's to close).

        Raise TimeoutError when it is not complete in time, ChannelClosedError when the other side has gone, and another
        OSError when this process may open nothing more: the channel is of no use after any of them.
        """
        deadline = None if seconds is None else time.monotonic() + seconds
        descriptors: list[int] = []
        try:
            return self._receive(deadline, descriptors), descriptors
        except BaseException:
            for descriptor in descriptors:
                os.close(descriptor)
            raise

    def has_message(self, seconds: float) -> bool:
        """Tell whether something has arrived, waiting for it at most so long; the other side's end counts too."""
        self.has_arrived = bool(self._arrival.poll(seconds * 1000))
        return self.has_arrived

    def fileno(self) -> int:
        """Return the descriptor that can be read when something has arrived."""
        return self._sock.fileno()

    def close(self) -> None:
        """Close this end; the other sees ChannelClosedError."""
        self._sock.close()

    def _receive(self, deadline: float | None, descriptors: list[int]) -> Message:
        header = self._receive_header(deadline, descriptors)
        length, count, more = _HEADER.unpack(header)
        if length + more > self._most_bytes or count != len(descriptors):
            raise ChannelClosedError(f"a frame of {length + more} bytes, {len(descriptors)} of {count} descriptors")
        received = self._receive_exactly(length + more, deadline)
        try:
            message = self._loads(received[:length])
        except (ValueError, RecursionError) as error:
            raise ChannelClosedError(str(error)) from error
        if not isinstance(message, dict):
            raise ChannelClosedError("a frame that is no object")
        return {**message, BODY: received[length:]} if more else message

    def _receive_header(self, deadline: float | None, descriptors: list[int]) -> bytes:
        self._wait(deadline)
        try:
            # The kernel hands descriptors over with the first byte that they were sent with, which is in the header.
            header, beside, flags, _ = self._sock.recvmsg(_HEADER.size, _BESIDE_BYTES, _NOT_INHERITED)
        except OSError as error:
            raise ChannelClosedError(str(error)) from error
        received = _descriptors(beside) if beside else []
        descriptors += received
        if flags & _CUT and len(received) < _MOST_DESCRIPTORS:
            raise OSError(errno.EMFILE, "descriptors were sent, and there is no room for them here")
        if not header:
            raise ChannelClosedError("the other side closed")
        if len(header) == _HEADER.size:
            return header
        return header + self._receive_exactly(_HEADER.size - len(header), deadline)

    def _receive_exactly(self, count: int, deadline: float | None) -> bytes:
        data = bytearray()
        flags = 0 if deadline is None else _AT_ONCE  # as a rule it has come with the header
        while len(data) < count:
            try:
                piece = self._sock.recv(min(count - len(data), 1 << 20), flags)
            except BlockingIOError:
                self._wait(deadline)
                continue
            except OSError as error:
                raise ChannelClosedError(str(error)) from error
            if not piece:
                raise ChannelClosedError("the other side closed")
            if len(piece) == count:
                return piece
            data += piece
            if deadline is not None and len(data) < count and time.monotonic() > deadline:
                raise TimeoutError
        return bytes(data)

    def _wait(self, deadline: float | None) -> None:
        """Wait until there is something to receive, its end too. Raise TimeoutError."""
        if deadline is None or self.has_arrived:
            self.has_arrived = False
            return
        left = deadline - time.monotonic()
        if left <= 0 or not self._arrival.poll(left * 1000):
            raise TimeoutError


def _with(descriptors: tuple[int, ...]) -> list[tuple[int, int, array[int]]]:
    """Return what goes beside a frame: copies of these descriptors (unix(7), SCM_RIGHTS)."""
    return [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))]


def _descriptors(beside: Iterable[tuple[int, int, bytes]]) -> list[int]:
    """Return the descriptors that came beside a frame."""
    found = array("i")
    for level, kind, data in beside:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])  # the last may be cut
    return found.tolist()
