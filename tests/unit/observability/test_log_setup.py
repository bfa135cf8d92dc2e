"""Records as lines: for people, for the journal, for programs."""

from __future__ import annotations

import io
import json
import logging
import os
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from ocrspool.observability import log_setup

logger = logging.getLogger("ocrspool.test")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    """Restores what `set_up` changes for the whole process."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)


def logged(form: log_setup.Format, *, level: str = "debug") -> list[str]:
    """Return the lines that a few records make."""
    stream = io.StringIO()
    log_setup.set_up(level, form, stream)
    logger.debug("quiet")
    logger.info("claimed %s", "a.png", extra={"job": "j1"})
    logger.warning("two\nlines", extra={"job": "j2"})
    try:
        int("broken\nhere")
    except ValueError:
        logger.exception("failed")
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("named", [True, False])
def test_journal_only_where_the_journal_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, named: bool) -> None:
    """Priorities are written only to the very stream that JOURNAL_STREAM names, not to a file it was redirected to."""
    with (tmp_path / "log").open("w", encoding="utf-8") as stream:
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino + (not named)}")
        log_setup.set_up("info", "auto", stream)
        logger.error("hello")
    assert (tmp_path / "log").read_text("utf-8").startswith("<3>hello") == named


def test_no_journal_without_a_descriptor(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is no file at all gets plain lines."""
    monkeypatch.setenv("JOURNAL_STREAM", "1:2")
    assert not any(line.startswith("<") for line in logged("auto"))


def test_every_line_has_its_priority() -> None:
    """The journal takes each line for itself: those of a trace need the prefix, too; the job id is on the record."""
    lines = logged("journal")
    assert lines[:4] == ["<7>quiet", "<6>claimed a.png [j1]", "<4>two", "<4>lines [j2]"]
    assert len(lines) > 6
    assert {line[:3] for line in lines[4:]} == {"<3>"}
    assert any(line.startswith("<3>ValueError: invalid literal") for line in lines)


def test_json_is_one_object_per_record() -> None:
    """A record with many lines is one line; level, job and trace are fields; the time is RFC 3339."""
    records = [json.loads(line) for line in logged("json")]
    assert [record["level"] for record in records] == ["debug", "info", "warning", "error"]
    assert [record.get("job") for record in records] == [None, "j1", "j2", None]
    assert [record["message"] for record in records] == ["quiet", "claimed a.png", "two\nlines", "failed"]
    assert "ValueError: invalid literal" in records[3]["exception"]
    for record in records:
        assert record["time"].endswith("Z")
        datetime.strptime(record["time"], "%Y-%m-%dT%H:%M:%S.%f%z")
        assert (record["logger"], record["pid"]) == ("ocrspool.test", os.getpid())


def test_plain_lines_show_the_job() -> None:
    """Time, level, message, job."""
    assert logged("plain")[1].endswith(" INFO    claimed a.png [j1]")


@pytest.mark.parametrize(
    ("level", "least"), [("debug", "quiet"), ("info", "claimed"), ("warning", "two"), ("error", "failed")]
)
def test_levels(level: str, least: str) -> None:
    """Nothing below the level is written, everything from it on is."""
    assert least in logged("plain", level=level)[0]


def test_set_up_again_replaces() -> None:
    """A second call changes the form and does not write everything twice."""
    first = io.StringIO()
    log_setup.set_up("info", "plain", first)
    lines = logged("journal", level="info")
    assert first.getvalue() == ""
    assert sum("claimed" in line for line in lines) == 1


def test_warnings_are_records() -> None:
    """What a library warns of comes in the same form as everything else."""
    stream = io.StringIO()
    log_setup.set_up("info", "json", stream)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        log_setup.set_up("info", "json", stream)
        logging.captureWarnings(capture=True)
        warnings.warn("old", UserWarning, stacklevel=1)
    (record,) = map(json.loads, stream.getvalue().splitlines())
    assert "UserWarning: old" in record["message"]
    assert record["level"] == "warning"
