"""A power cut, on a real filesystem: what was acknowledged is there, and what is lost is said.

The producer never syncs, as `cp`, `scp` and most scanners do not. The cut is FS_IOC_SHUTDOWN without a flush of the
journal, on a filesystem in an image: what is not on disk at that instant never gets there.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.audit.auditor import audit
from support.faulty_disks import disk
from support.filesystem_images import Disk
from support.sample_results import rendered, result_of
from support.sample_spools import claim, drop, files, spool_in

_CONTENT = {f"{number}.png": f"document {number} ".encode() * 500 for number in range(6)}


@pytest.fixture(params=["ext4", "xfs"])
def power(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk whose power can be cut."""
    with disk(tmp_path / "disk", str(request.param)) as made:
        yield made


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
    assert set(lost) | set(done) | set(files(spool.inbox)) == set(_CONTENT)
    assert {reason["kind"] for reason in lost.values()} <= {"lost-on-power-cut"}
    assert lost, "the cut took nothing: nothing was tried"
    spool.close()
    assert audit(spool).findings == ()
