"""Tests in which root becomes other users: when they can run, and a folder that one of those users owns."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.daemon_process import COMMAND, Daemon

_PYTHON = Path(sys.executable).resolve()

NEEDS_ROOT = (pytest.mark.root, pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user"))
"""Marks of a test that changes users."""
RUNS_AS_ANOTHER_USER = (
    *NEEDS_ROOT,
    pytest.mark.skipif(
        any(not path.stat().st_mode & 0o001 for path in (COMMAND, *COMMAND.parents, _PYTHON, *_PYTHON.parents)),
        reason="another user may not read the installation",
    ),
)
"""Marks of a test that runs the program as another user."""


@contextlib.contextmanager
def folder_with_cache(engine_cache: Path, owner: int) -> Iterator[Path]:
    """Give a folder that everybody may enter, with a copy of an engine cache; both belong to the owner.

    pytest's own folders are closed to other users.
    """
    folder = Path(tempfile.mkdtemp(prefix="ocrspool-"))
    try:
        folder.chmod(0o755)
        shutil.copytree(engine_cache, folder / "cache")
        give(folder, owner)
        yield folder
    finally:
        shutil.rmtree(folder)


@contextlib.contextmanager
def running(daemon: Daemon) -> Iterator[Daemon]:
    """Have a service of another user serve, and see to it that it has met no fault of its own."""
    daemon.notify.path.chmod(0o777)
    with contextlib.closing(daemon):
        daemon.start()
        yield daemon
        assert daemon.runs()
        assert "Traceback" not in daemon.log()


def give(folder: Path, owner: int) -> None:
    """Give a folder, and what is in it, to a user and to the group of that number."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, owner, owner)
