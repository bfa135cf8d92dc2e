"""A power cut, on a real filesystem: what was acknowledged is there, and what is lost is said.

The producer never syncs, as `cp`, `scp` and most scanners do not. The cut is FS_IOC_SHUTDOWN without a flush of the
journal, on a filesystem in an image: what is not on disk at that instant never gets there.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.audit import audit
from results_made import result_of
from spools_made import claim, drop, files, spool_in

_SHUTDOWN = 0x8004_587D
"""_IOR('X', 125, __u32) of linux/fs.h and xfs_fs.h; the argument 2 says that nothing is flushed."""
_CONTENT = {f"{number}.png": f"document {number} ".encode() * 500 for number in range(6)}
_SIZES = {"ext4": "64M", "xfs": "512M"}

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a filesystem")


class Disk:
    """A filesystem in an image."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.at = folder / "disk"
        self._image = folder / "image"
        self.at.mkdir()
        _run("truncate", "-s", _SIZES[kind], self._image)
        _run(f"mkfs.{kind}", "-q", self._image)
        self.mount()

    def mount(self) -> None:
        _run("mount", "-o", "loop", self._image, self.at)

    def unmount(self) -> None:
        _run("umount", self.at)

    def cut(self) -> None:
        """Lose all that is not on disk, as when the power fails, and come back."""
        at = os.open(self.at, os.O_RDONLY)
        try:
            fcntl.ioctl(at, _SHUTDOWN, struct.pack("I", 2))
        finally:
            os.close(at)
        self.unmount()
        self.mount()


@pytest.fixture(params=["ext4", "xfs"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Disk]:
    """A disk whose power can be cut."""
    kind = str(request.param)
    if shutil.which(f"mkfs.{kind}") is None:
        pytest.skip(f"there is no mkfs.{kind}")
    try:
        made = Disk(tmp_path, kind)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"no image can be mounted here: {error.stderr}")
    try:
        yield made
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            _run("umount", "--lazy", made.at)  # a test that failed may have left a spool open


def test_what_was_acknowledged_is_there(disk: Disk) -> None:
    """Each source in done/ is whole. A document that its sender had not synced fails by name, and not as "empty"."""
    spool = spool_in(disk.at / "spool")
    spool.open()
    os.sync()
    jobs = []
    for name, data in _CONTENT.items():
        drop(spool, name, data)
        jobs.append(spool.begin(claim(spool, name)))
    results = {job.name: result_of(job) for job in jobs}
    for job in jobs[:3]:
        spool.keep(job)
        spool.deliver(job, results[job.name])
    spool.close()
    disk.cut()
    spool = spool_in(disk.at / "spool")
    spool.open()
    again = spool.recover()
    for job in again:
        spool.deliver(job, results[job.name])
    done = files(spool.done)
    assert done == {name: _CONTENT[name] for name in done}
    assert set(done) >= {"0.png", "1.png", "2.png"}
    lost = {path.name: reason for path, reason in spool.failures()}
    assert set(lost) | set(done) | set(files(spool.inbox)) == set(_CONTENT)
    assert {reason["kind"] for reason in lost.values()} <= {"lost-on-power-cut"}
    assert lost, "the cut took nothing: nothing was tried"
    spool.close()
    assert audit(spool).findings == ()


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)
