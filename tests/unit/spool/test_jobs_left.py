"""The folder of a job that is over, and could not be removed because the disk failed just then."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ocrspool.files.folder import Folder
from ocrspool.spool.jobs import Jobs


def test_it_is_removed_with_that_of_a_later_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not have to wait for the next start of the service."""
    jobs = Jobs("scans", tmp_path)
    one, two = jobs.new("a.png", 1), jobs.new("b.png", 1)
    for _, at in (one, two):
        at.close()
    with monkeypatch.context() as failing:
        failing.setattr(Folder, "unlink", _fails)
        jobs.clear(one[0].id)
    assert (tmp_path / one[0].id).is_dir()
    jobs.clear(two[0].id)
    assert not list(tmp_path.iterdir())


def _fails(*_: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
