"""Records for systemd's journal, with their fields, by the journal's own protocol: one datagram for each record.

The stream that a unit has for its errors takes only lines with a priority before them. It takes no message id, and no
job by which to search. (systemd.io/JOURNAL_NATIVE_PROTOCOL, sd_journal_send(3).)
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Mapping

SOCKET = "/run/systemd/journal/socket"

MESSAGE_IDS: Mapping[str, str] = {
    "ready": "25ecc6bd4ad2449186b25c68276ea3bb",
    "degraded": "2866284eea2c4da9847f08dc5f6d21ff",
    "stopping": "2af4ad61a8b44e6fba973f2b073f4c91",
    "stopped": "ea50e178e9744167a07b10a4f918c2a8",
    "reloaded": "4539d0b8e3ad41ffac52bc00e511d2c5",
    "reload-refused": "b0dc23e24869469788f23e4390cc38c2",
    "claims-paused": "db1682827df04499b5f41fbdb250c13c",
    "claims-resumed": "2529c90e187b489d8f0dcca8d43610f6",
    "inbox-waits": "fcef5998a00e4c93854470504cec6a20",
    "inbox-serves": "94d7c68979334874ac30511f4d2044a6",
    "disk-hangs": "d2e4e57160fd44d88b2371fab9682913",
    "claimed": "63d3edcabfb44cf1a8da3a4e7bdb1713",
    "again": "388e80a959dc4586ac6391c1ff0f78ec",
    "given-back": "bb22c65e5d3b4d96b35ab281b4dbe8b4",
    "done": "8b02a991cb0e4ce98927bb957e3e9a5b",
    "failed": "ae3c8967a26243c4a2dc21e7dd673622",
    "hook-failed": "551d22e6d067474cad0988e14d14b33f",
    "host-in": "54ecdc9429cd4f62a92ad8088f259cd5",
    "host-out": "51f32a61e12d4bd7a63cc000ec58dd16",
    "host-refused": "bb73e67997854d54891a6d9357618d4f",
    "pages-moved": "dacab268d8074a7e98b8a7b9214084af",
    "scheduler-differs": "4bbaf23f721c4c9a9524b634d15a9bbf",
}
"""`event` of a record → its message id. They are published in docs/operations.md and never change."""

ABOUT = ("job", "inbox", "file")
"""What a record may be about (`extra=`), beside its `event`."""


class Journal(logging.Handler):
    """Sends records to the journal. Records that it does not take (too long, or it is away) go to `otherwise`."""

    def __init__(self, path: str, otherwise: logging.Handler) -> None:
        super().__init__()
        self._path = path
        self._otherwise = otherwise
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    def emit(self, record: logging.LogRecord) -> None:
        """Send one record."""
        try:
            self._socket.sendto(_datagram(_fields(record, self.format(record))), self._path)
        except OSError:
            self._otherwise.handle(record)
        except Exception:  # noqa: BLE001 - what logging does with a record that cannot be formatted
            self.handleError(record)

    def close(self) -> None:
        """Send nothing more."""
        self._socket.close()
        super().close()


def priority(level: int) -> int:
    """Return the syslog priority of a logging level: 2 (critical) to 7 (debug)."""
    return next(number for least, number in _PRIORITIES if level >= least)


_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6), (0, 7))


def _fields(record: logging.LogRecord, message: str) -> dict[str, str]:
    fields = {
        "MESSAGE": message,
        "PRIORITY": str(priority(record.levelno)),
        "SYSLOG_IDENTIFIER": "ocrspool",
        "LOGGER": record.name,
    }
    if event := getattr(record, "event", None):
        fields["MESSAGE_ID"] = MESSAGE_IDS[event]
    return fields | {f"OCRSPOOL_{name.upper()}": getattr(record, name) for name in ABOUT if getattr(record, name, None)}


def _datagram(fields: Mapping[str, str]) -> bytes:
    """Return the fields as bytes. A field of several lines has its length before it, so no line in it can end it."""
    wire = bytearray()
    for name, value in fields.items():
        data = value.encode("utf-8", "backslashreplace")
        wire += name.encode("ascii")
        wire += b"\n" + len(data).to_bytes(8, "little") if b"\n" in data else b"="
        wire += data + b"\n"
    return bytes(wire)
