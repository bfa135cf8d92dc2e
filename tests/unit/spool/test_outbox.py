"""An outbox on another filesystem: results are copied there, and appear whole all the same."""

from __future__ import annotations

import errno
import itertools
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.audit.auditor import audit
from ocrspool.files.publish import PRIVATE
from ocrspool.spool.jobs import Job
from ocrspool.spool.spool import Spool
from support.forked_code import killed_before
from support.sample_results import rendered, result_of
from support.sample_spools import files, other_filesystem, read, spool_in, take


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Path]:
    """A folder that no rename reaches."""
    with other_filesystem(tmp_path) as folder:
        yield folder / "outbox"


@pytest.fixture(params=["nameless files", "none"])
def nameless(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Runs a test on a filesystem with O_TMPFILE, and on one that refuses it as NFS does; tell which."""
    really = os.open

    def refusing(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
        return really(path, flags, mode, dir_fd=dir_fd)

    if request.param == "none":
        monkeypatch.setattr(os, "open", refusing)
    return bool(request.param == "nameless files")


def visible(outbox: Path) -> dict[str, bytes]:
    """Return what a reader of the outbox sees, who cannot enter a folder of mode 0700."""
    assert not (outbox / PRIVATE).exists() or stat.S_IMODE((outbox / PRIVATE).stat().st_mode) == 0o700
    return {name: data for name, data in files(outbox).items() if not name.startswith(f"{PRIVATE}/")}


@pytest.mark.usefixtures("nameless")
def test_results_are_delivered(tmp_path: Path, outbox: Path) -> None:
    """The first, one that replaces it, one of another document of the name: as on one filesystem."""
    spool = spool_in(tmp_path, outbox)
    spool.open()
    assert read(spool, "sub/a.png", run="first") == outbox / "sub/a.png.json"
    read(spool, "sub/a.png", run="second")
    read(spool, "sub/a.png", b"other", run="third")
    spool.close()
    assert sorted(json.loads(data)["run"]["host"] for data in visible(outbox).values()) == ["second", "third"]
    assert audit(spool).findings == ()
    assert not files(outbox / PRIVATE)


@pytest.mark.crash
@pytest.mark.parametrize("before", [False, True], ids=["first", "again"])
def test_killed_at_any_instant(tmp_path: Path, outbox: Path, *, nameless: bool, before: bool) -> None:
    """No half result is ever seen, nothing is lost, and the next start leaves no copy behind."""
    for touch in itertools.count(1):
        spool = spool_in(tmp_path / str(touch), outbox / str(touch))
        spool.open()
        if before:
            read(spool, "a.png")
        job = take(spool, "a.png")
        spool.close()
        result = result_of(job, 2)

        def deliver(spool: Spool = spool, job: Job = job, result: bytes = result) -> None:
            spool.deliver(job, rendered(result))

        killed = killed_before(touch, deliver)
        seen = visible(spool.outbox)
        assert all(json.loads(data)["schema"] == "ocrspool-result/1" for data in seen.values())
        assert nameless is False or before or not (spool.outbox / PRIVATE).exists()
        spool.open()
        for left in spool.recover():
            spool.deliver(left, rendered(result))
        spool.close()
        assert audit(spool).findings == ()
        assert visible(spool.outbox) == {"a.png.json": result}
        assert not files(spool.outbox / PRIVATE)
        if not killed:
            break
    assert touch > 12, "the step touched the disk less often than it can"


def test_a_document_of_the_private_folders_name(tmp_path: Path) -> None:
    """A result is never put where a start clears away."""
    spool = spool_in(tmp_path)
    spool.open()
    target = read(spool, f"{PRIVATE}/a.png")
    spool.recover()
    spool.close()
    assert target.exists()
    assert audit(spool).findings == ()


@pytest.mark.usefixtures("nameless")
def test_a_full_filesystem(tmp_path: Path, outbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that cannot be finished is not seen; the job waits where it is, and is delivered when it is repeated."""
    spool = spool_in(tmp_path, outbox)
    spool.open()
    job = take(spool, "a.png")
    really = os.fsync

    def full(descriptor: int) -> None:
        if os.fstat(descriptor).st_dev == outbox.stat().st_dev:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        really(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    result = result_of(job)
    with pytest.raises(OSError, match="No space left"):
        spool.deliver(job, rendered(result))
    assert files(outbox) == {}
    assert job.source.exists()
    monkeypatch.setattr(os, "fsync", really)
    spool.deliver(job, rendered(result))
    assert list(visible(outbox)) == ["a.png.json"]
    spool.close()


@pytest.mark.parametrize("elsewhere", [False, True], ids=["linked", "copied"])
@pytest.mark.parametrize(
    ("mode", "expected"), [(0o640, (0o640, 0o2750)), (0o604, (0o604, 0o2705)), (0o400, (0o400, 0o2700))]
)
def test_modes(tmp_path: Path, outbox: Path, *, elsewhere: bool, mode: int, expected: tuple[int, int]) -> None:
    """Results have the mode that is configured, folders made for them that and search permission; groups go on.

    The service itself may go on writing into these folders, whatever the mode.
    """
    spool = spool_in(tmp_path, outbox if elsewhere else None, mode=mode)
    spool.outbox.mkdir()
    spool.outbox.chmod(0o2777)
    spool.open()
    for run in (1, 2):
        target = read(spool, "sub/a.png", run=run)
        assert (stat.S_IMODE(target.stat().st_mode), stat.S_IMODE(target.parent.stat().st_mode)) == expected
    assert stat.S_IMODE(spool.outbox.stat().st_mode) == 0o2777
    spool.close()


@pytest.mark.parametrize("elsewhere", [False, True], ids=["linked", "copied"])
def test_modes_by_the_umask(tmp_path: Path, outbox: Path, *, elsewhere: bool) -> None:
    """Without a setting the umask decides, wherever the outbox is."""
    spool = spool_in(tmp_path, outbox if elsewhere else None)
    spool.open()
    before = os.umask(0o027)
    try:
        target = read(spool, "sub/a.png")
    finally:
        os.umask(before)
    spool.close()
    assert [stat.S_IMODE(path.stat().st_mode) for path in (target, target.parent)] == [0o640, 0o750]
