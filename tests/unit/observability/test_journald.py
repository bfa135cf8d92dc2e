"""Records as the journal takes them: read here as journald reads them, from a socket of the same kind."""

from __future__ import annotations

import io
import logging
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

import ocrspool
from ocrspool.observability import journald as journal_module
from ocrspool.observability import log_setup
from ocrspool.observability.journald import MESSAGE_IDS, Journal

OPERATIONS = Path(__file__).parents[3] / "docs/operations.md"


def parsed(datagram: bytes) -> dict[str, str]:
    """The fields of a datagram, by the rules of the protocol."""
    fields = {}
    while datagram:
        line, _, datagram = datagram.partition(b"\n")
        name, equals, value = line.partition(b"=")
        if not equals:
            size = int.from_bytes(datagram[:8], "little")
            value, datagram = datagram[8 : 8 + size], datagram[8 + size :]
            assert datagram[:1] == b"\n"
            datagram = datagram[1:]
        fields[name.decode()] = value.decode()
    return fields


class Journald:
    """The receiving end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.settimeout(20)
        self.socket.bind(os.fspath(path))

    def entry(self) -> dict[str, str]:
        return parsed(self.socket.recv(1 << 20))


@pytest.fixture
def journald(tmp_path: Path) -> Iterator[Journald]:
    made = Journald(tmp_path / "socket")
    yield made
    made.socket.close()


class Logging:
    """A logger that writes to it, and what it writes elsewhere."""

    def __init__(self, path: Path) -> None:
        self.stream = io.StringIO()
        self.handler = Journal(str(path), logging.StreamHandler(self.stream))
        self.logger = logging.getLogger("ocrspool.test_journal")
        self.logger.setLevel("DEBUG")
        self.logger.propagate = False
        self.logger.handlers[:] = [self.handler]


@pytest.fixture
def logged(journald: Journald) -> Iterator[Logging]:
    made = Logging(journald.path)
    yield made
    made.handler.close()


def test_a_record_has_its_fields(journald: Journald, logged: Logging) -> None:
    """What happened, to which file, of which job; nothing that was not said."""
    about = {"event": "done", "job": "j1", "inbox": "scans", "file": "a=b.png"}
    logged.logger.info("done %s", "a=b.png", extra=about)
    assert journald.entry() == {
        "MESSAGE": "done a=b.png",
        "PRIORITY": "6",
        "SYSLOG_IDENTIFIER": "ocrspool",
        "LOGGER": "ocrspool.test_journal",
        "MESSAGE_ID": MESSAGE_IDS["done"],
        "OCRSPOOL_JOB": "j1",
        "OCRSPOOL_INBOX": "scans",
        "OCRSPOOL_FILE": "a=b.png",
    }
    logged.logger.debug("plain")
    assert set(journald.entry()) == {"MESSAGE", "PRIORITY", "SYSLOG_IDENTIFIER", "LOGGER"}


def test_nothing_in_a_message_makes_a_field(journald: Journald, logged: Logging) -> None:
    """A message of several lines is one entry; what looks like a field in it, or like no text at all, is none."""
    logged.logger.error("two\nPRIORITY=0\nlines \udcff", extra={"job": "x\nMESSAGE_ID=00"})
    entry = journald.entry()
    assert entry["MESSAGE"] == "two\nPRIORITY=0\nlines \\udcff"
    assert entry["PRIORITY"] == "3"
    assert entry["OCRSPOOL_JOB"] == "x\nMESSAGE_ID=00"
    assert "MESSAGE_ID" not in entry


def test_what_the_journal_does_not_take_goes_to_the_stream(tmp_path: Path, journald: Journald, logged: Logging) -> None:
    """A record too long for a datagram, and any while nobody listens: none is lost, and the next one goes its way."""
    logged.logger.info("x" * (64 << 20))
    assert logged.stream.getvalue() == "x" * (64 << 20) + "\n"
    journald.path.rename(tmp_path / "away")
    logged.logger.info("meanwhile")
    (tmp_path / "away").rename(journald.path)
    logged.logger.info("again")
    assert logged.stream.getvalue().endswith("meanwhile\n")
    assert journald.entry()["MESSAGE"] == "again"


def test_only_where_the_journal_reads_standard_error(
    tmp_path: Path, journald: Journald, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service whose errors were redirected to a file has its log in that file; JSON is JSON under systemd too."""
    monkeypatch.setattr(journal_module, "SOCKET", str(journald.path))
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    try:
        with (tmp_path / "log").open("w+", encoding="utf-8") as stream:
            found = os.fstat(stream.fileno())
            for ours, form, fields in (
                (False, "auto", True), (True, "json", True), (True, "auto", False), (True, "auto", True),
            ):  # fmt: skip
                monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + (not ours)}")
                log_setup.set_up("info", form, stream, fields=fields)  # type: ignore[arg-type] # the forms above
                logging.getLogger("ocrspool.test").info("hello", extra={"event": "ready", "job": "j"})
            stream.seek(0)
            lines = stream.read().splitlines()
        log_setup.set_up("info", "plain", io.StringIO())
    finally:
        logging.captureWarnings(capture=False)
        root.handlers[:] = before
        root.setLevel(level)
    assert len(lines) == 3
    assert '"event": "ready", "job": "j"' in lines[1]
    assert lines[2] == "<6>hello [j]"
    assert journald.entry()["MESSAGE"] == "hello [j]"


def test_the_ids_are_those_of_the_manual() -> None:
    """Each is a 128-bit id of its own (journald refuses nothing, and finds nothing that is none), and is documented."""
    assert len(set(MESSAGE_IDS.values())) == len(MESSAGE_IDS)
    assert all(re.fullmatch("[0-9a-f]{32}", number) for number in MESSAGE_IDS.values())
    rows = re.findall(r"^\| `([a-z-]+)` \| `([0-9a-f]{32})` \|", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    assert dict(rows) == MESSAGE_IDS


EVENT = re.compile(r"""(?:"event": "|_of\([a-z_.]+, ")([a-z-]+)""")


def test_every_event_is_logged_somewhere() -> None:
    """No id without a record, and no record with an event that has no id."""
    source = "".join(path.read_text("utf-8") for path in Path(ocrspool.__file__).parent.rglob("*.py"))
    assert set(EVENT.findall(source)) == set(MESSAGE_IDS)
