"""The kind of filesystem on which a folder is. Network filesystems send no events about writes of other hosts."""

from __future__ import annotations

import os
import re
from pathlib import Path

_NETWORK = frozenset({
    *("9p", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4"),
    *("orangefs", "smb2", "smb3", "smbfs", "vboxsf", "virtiofs", "vmhgfs"),
    *("fuse.ceph", "fuse.davfs", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "fuse.vmhgfs-fuse"),
})  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")


def kind(folder: Path, mounts: str | None = None) -> str:
    """Return the filesystem type of the folder, as in /proc/self/mountinfo (proc(5)); "" where it is not known."""
    return _mount(folder, mounts)[1]


def mount_point(folder: Path, mounts: str | None = None) -> str:
    """Return where the filesystem of the folder is mounted: no file is renamed from one mount to another."""
    return _mount(folder, mounts)[0]


def read_only(folder: Path) -> bool:
    """Tell whether nothing can be written here because the mount is read-only, whoever asks. Raise OSError."""
    return bool(os.statvfs(folder).f_flag & os.ST_RDONLY)


def sends_events(folder: Path) -> bool:
    """Tell whether every change in the folder can be expected to raise an event here."""
    return kind(folder) not in _NETWORK


def commits_moves_late(folder: Path) -> bool:
    """Tell whether a move may be on disk only when the folder that the file has left was synced.

    btrfs logs folders one by one: what is synced after the move may be on disk without it. Then a power cut leaves the
    file under its old name, or under both.
    """
    return kind(folder) == "btrfs"


def _mount(folder: Path, mounts: str | None) -> tuple[str, str]:
    if mounts is None:
        mounts = Path("/proc/self/mountinfo").read_text("utf-8", "surrogateescape")
    path = os.path.realpath(folder)
    best, found = "", ""
    for line in filter(None, mounts.split("\n")):  # a name may hold what splitlines() takes for the end of a line
        before, _, after = line.partition(" - ")
        point = _OCTAL.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4])
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # a later mount on the same point covers the earlier one
            best, found = point, after.split(" ")[0]
    return best, found
