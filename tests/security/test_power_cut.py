"""A power cut, on a real filesystem: what was acknowledged is there, and what is lost is said.

In the first test the producer never syncs, as `cp`, `scp` and most scanners do not. In the others all files are on disk
before they are claimed, and somebody else syncs a file of his own just before the cut: that takes along what btrfs has
in its log. The cut is FS_IOC_SHUTDOWN without a flush of the journal, on a filesystem in an image, or on the one that
has the image: what is not on disk at that instant never gets there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.audit.auditor import audit
from ocrspool.files import json_file, names
from ocrspool.files.atomic import sync_folder
from ocrspool.spool.jobs import Job
from ocrspool.spool.spool import Spool
from support.faulty_disks import disk
from support.filesystem_images import Disk, DiskWithCache
from support.sample_results import rendered, result_of
from support.sample_spools import claim, drop, files, reason_of, spool_in

_CONTENT = {f"{number}.png": f"document {number} ".encode() * 500 for number in range(6)}


@pytest.fixture(params=["ext4", "xfs", "btrfs"])
def power(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk whose power can be cut."""
    kind = str(request.param)
    with disk(tmp_path / "disk", kind, DiskWithCache if kind == "btrfs" else Disk) as made:
        yield made


def _opened(power: Disk, *, delete: bool = False) -> Spool:
    spool = spool_in(power.folder / "spool", delete=delete)
    spool.open()
    return spool


def _on_disk(power: Disk, *, claimed: bool, delete: bool = False) -> tuple[Spool, Job]:
    """Return a spool and a job of it that has begun. The file is on disk in the inbox, or in work/ if `claimed`."""
    spool = _opened(power, delete=delete)
    drop(spool, "a.png")
    if not claimed:
        os.sync()
    job = spool.begin(claim(spool, "a.png"))
    if claimed:
        os.sync()
    return spool, job


def _cut(power: Disk, spool: Spool) -> Spool:
    """Sync a file that has nothing to do with the spool, cut the power, and return the spool of the next start."""
    spool.close()
    other = power.folder / "other"
    with other.open("wb") as file:
        file.write(b"of somebody else")
        file.flush()
        os.fsync(file.fileno())
    power.cut()
    power.come_back()
    assert other.read_bytes() == b"of somebody else"
    return _opened(power, delete=spool.delivery.delete)


def _places(spool: Spool) -> Counter[str]:
    """Return in which folders the file is, and how often. Results and reasons do not count."""
    folders = (spool.inbox, spool.work, spool.done, spool.failed)
    return Counter(folder.name for folder in folders for data in files(folder).values() if data == b"x")


def test_what_was_acknowledged_is_there(power: Disk) -> None:
    """Each source in done/ is whole. A document that its sender had not synced fails by name, and not as "empty"."""
    spool = spool_in(power.folder / "spool")
    spool.open()
    os.sync()
    jobs = []
    for name, data in _CONTENT.items():
        drop(spool, name, data)
        jobs.append(spool.begin(claim(spool, name)))
    results = {job.name: result_of(job) for job in jobs}
    for job in jobs[:3]:
        spool.keep(job)
        spool.deliver(job, rendered(results[job.name]))
    spool.close()
    power.cut()
    power.come_back()
    spool = spool_in(power.folder / "spool")
    spool.open()
    again = spool.recover()
    for job in again:
        spool.deliver(job, rendered(results[job.name]))
    done = files(spool.done)
    assert done == {name: _CONTENT[name] for name in done}
    assert set(done) >= {"0.png", "1.png", "2.png"}
    lost = {path.name: reason for path, reason in spool.failures()}
    assert {reason["kind"] for reason in lost.values()} <= {"lost-on-power-cut"}
    assert set(done) | set(files(spool.inbox)) < set(_CONTENT), "the cut took nothing: nothing was tried"
    if not isinstance(power, DiskWithCache):  # btrfs has nothing at all of a file that was never synced
        assert set(lost) | set(done) | set(files(spool.inbox)) == set(_CONTENT)
    spool.close()
    assert audit(spool).findings == ()


@pytest.mark.parametrize("delete", [False, True])
def test_a_document_that_was_delivered_is_not_read_again(power: Disk, *, delete: bool) -> None:
    """Its result has been seen. If the source comes back its result does too, and is delivered as it was."""
    spool, job = _on_disk(power, claimed=False, delete=delete)
    spool.keep(job)
    result = spool.deliver(job, rendered(result_of(job)))
    seen = result.read_bytes()
    spool = _cut(power, spool)
    assert spool.recover() == []
    assert result.read_bytes() == seen
    assert _places(spool) == ({} if delete else {"done": 1})
    spool.close()
    assert audit(spool).findings == ()


@pytest.mark.parametrize("claimed", [False, True])
def test_a_document_that_failed_is_there_once(power: Disk, *, claimed: bool) -> None:
    """It is in failed/ with its reason, and nowhere else."""
    spool, job = _on_disk(power, claimed=claimed)
    failed = spool.fail(job, reason_of("a.png"))
    spool = _cut(power, spool)
    assert spool.recover() == []
    assert _places(spool) == {"failed": 1}
    assert [path for path, _ in spool.failures()] == [failed]
    spool.close()
    assert audit(spool).findings == ()


def test_a_document_that_was_failing_is_there_once(power: Disk) -> None:
    """The cut comes when failed/ has been synced, by somebody else perhaps, and work/ has not."""
    spool, job = _on_disk(power, claimed=True)
    with spool.jobs.opened(job.id) as folder:
        folder.write("reason.json", json_file.dump({**reason_of("a.png"), "failed_as": names.to_json("a.png")}))
    job.source.rename(spool.failed / "a.png")
    sync_folder(spool.failed)
    spool = _cut(power, spool)
    assert spool.recover() == []
    assert _places(spool) == {"failed": 1}
    assert [path.name for path, _ in spool.failures()] == ["a.png"]
    spool.close()
    assert audit(spool).findings == ()


def test_a_document_that_is_retried_is_there_once(power: Disk) -> None:
    """It is in the inbox again, and no longer in failed/."""
    spool, job = _on_disk(power, claimed=True)
    failed = spool.fail(job, reason_of("a.png"))
    os.sync()
    spool.retry(failed, reason_of("a.png"))
    spool = _cut(power, spool)
    assert spool.recover() == []
    assert _places(spool) == {"inbox": 1}
    spool.close()


def test_a_document_that_was_given_back_is_there_once(power: Disk) -> None:
    """It is in the inbox again, and no job has it."""
    spool, job = _on_disk(power, claimed=True)
    spool.give_back(job)
    spool = _cut(power, spool)
    assert spool.recover() == []
    assert _places(spool) == {"inbox": 1}
    spool.close()
