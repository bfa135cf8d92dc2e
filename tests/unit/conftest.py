"""Fixtures of the unit tests."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.spool.spool import Spool
from support.sample_spools import spool_in

settings.register_profile("full", deadline=None)  # how fast the machine is, is no property of the code
settings.register_profile("fast", deadline=None, max_examples=20)
settings.load_profile("full")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that other users can get at, too: `tmp_path` lies in one that is private."""
    folder = Path(tempfile.mkdtemp(prefix="ocrspool-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """A spool in a folder of its own, open."""
    spool = spool_in(tmp_path / "s")
    spool.open()
    yield spool
    spool.close()


@pytest.fixture
def wake() -> Iterator[WakeupEvent]:
    """A wake flag, closed after the test."""
    wake = WakeupEvent()
    yield wake
    wake.close()
