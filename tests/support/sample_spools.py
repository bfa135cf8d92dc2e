"""Spools on a real disk, and files taken on their way through them without a pipeline."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ocrspool.files import names
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.intake.scanner import Scanner
from ocrspool.spool.delivery_options import DeliveryOptions
from ocrspool.spool.jobs import Job
from ocrspool.spool.layout import STATES
from ocrspool.spool.patience import Patience
from ocrspool.spool.snapshot import FileSnapshot
from ocrspool.spool.spool import Spool
from support.sample_results import rendered, result_of


def spool_in(root: Path, outbox: Path | None = None, *, delete: bool = False, mode: int | None = None) -> Spool:
    """Return a spool below `root`, its outbox elsewhere if so wished; not open."""
    folders = {state: root / state for state in STATES}
    return Spool(
        "default", {**folders, "outbox": outbox or folders["outbox"]}, DeliveryOptions(delete=delete, mode=mode)
    )


def drop(spool: Spool, name: str, data: bytes = b"x") -> Path:
    """Put a file into the inbox."""
    path = spool.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def scan(spool: Spool) -> list[FileSnapshot]:
    """Return every file in the inbox, settled or not."""
    return (
        Scanner(str(spool.inbox), NamePatterns("*", ()), Patience(0), recursive=True, clock=lambda: 0.0).scan().settled
    )


def claim(spool: Spool, name: str) -> Job:
    """Claim the file of this name, which must succeed."""
    (seen,) = (seen for seen in scan(spool) if seen.name == name)
    job = spool.claim(seen)
    assert job is not None
    return job


def take(spool: Spool, name: str, data: bytes = b"x") -> Job:
    """Drop a file and claim it."""
    drop(spool, name, data)
    return claim(spool, name)


def read(spool: Spool, name: str, data: bytes = b"x", run: object = 1) -> Path:
    """Take a file all the way; where its result is."""
    return spool.deliver(job := take(spool, name, data), rendered(result_of(job, run)))


def fail(spool: Spool, name: str, data: bytes = b"x") -> Path:
    """Take a file to failed/; where it is."""
    return spool.fail(take(spool, name, data), reason_of(name))


def reason_of(name: str) -> dict[str, object]:
    """Return a reason as the pipeline gives it, in what matters to a spool."""
    return {"kind": "damaged", "source": names.to_json(name)}


def files(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, links and pipes too, with its content as far as we may read it."""
    return {
        os.fspath(path.relative_to(folder)): path.read_bytes() if path.is_file() and os.access(path, os.R_OK) else b""
        for path in folder.rglob("*")
        if not path.is_dir()
    }


@contextmanager
def other_filesystem(than: Path) -> Iterator[Path]:
    """A folder on another filesystem: a tmpfs, as every Linux has one."""
    shared = Path("/dev/shm")  # noqa: S108 - another filesystem is what is wanted
    if not shared.is_dir() or shared.stat().st_dev == than.stat().st_dev:
        pytest.skip(f"{shared} is no other filesystem here")
    folder = Path(tempfile.mkdtemp(prefix="ocrspool-", dir=shared))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
