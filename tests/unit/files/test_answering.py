"""A disk that does not answer is told from one that does, in time, and nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocrspool.files.answering import silent
from support.hanging_share import hanging_share
from support.process_table import children_of
from support.waiting import wait_until

# The server of these tests is a thread of this process. A command has one thread when it asks.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")


def test_folders_that_answer(tmp_path: Path) -> None:
    """Whether they are there, empty, full, closed, or none at all."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "closed").mkdir(mode=0)
    places = {name: [tmp_path / name] for name in ("full", "closed", "missing", "full/file")}
    assert silent({**places, "none": []}, 30) == set()
    assert children_of(os.getpid()) == []


@pytest.mark.parametrize("folder", ["inbox", "outbox"])
def test_a_server_that_does_not_answer(tmp_path: Path, folder: str) -> None:
    """Its inbox is named, whichever of its folders lies there, and the others are not."""
    with hanging_share(tmp_path / "share") as share:
        (share.folder / "there").mkdir()
        share.freeze()
        a = {"inbox": tmp_path / "here", "outbox": tmp_path / "here"} | {folder: share.folder / "there"}
        # A machine that is busy may not get to ask b in so short a time; a never answers.
        wait_until(lambda: silent({"a": a.values(), "b": [tmp_path]}, 0.3) == {"a"})
        share.thaw()
        assert silent({"a": a.values(), "b": [tmp_path]}, 30) == set()


def test_who_reads_what_a_command_prints_waits_for_nothing(tmp_path: Path) -> None:
    """A pipe ends with the command, and not with the process that got no answer."""
    said, says = os.pipe()
    with hanging_share(tmp_path / "share") as share:
        share.freeze()
        assert silent({"a": [share.folder]}, 0.1) == {"a"}
        os.close(says)
        assert os.read(said, 1) == b""
        share.thaw()
    os.close(said)


def test_a_server_that_has_died(tmp_path: Path) -> None:
    """It fails at once, which is an answer."""
    with hanging_share(tmp_path / "share") as share:
        share.die()
        assert silent({"a": [share.folder]}, 30) == set()
