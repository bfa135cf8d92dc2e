"""Which filesystem a folder is on, out of mountinfo text as kernels write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.files import mounts

MOUNTS = r"""22 29 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:14 - proc proc rw
29 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 29 0:50 / /srv/in rw,relatime shared:2 master:9 - nfs4 server:/in rw,vers=4.2
31 29 0:51 / /srv/in\040put\134\011\012 rw,relatime - cifs //server/share rw
32 29 0:52 / /over rw,relatime - ext4 /dev/sdb1 rw
33 32 0:53 / /over rw,relatime - xfs /dev/sdc1 rw
34 29 0:54 / /fuse rw,relatime - fuse.sshfs user@host:/x rw
35 29 0:55 / /odd"""
MOUNTS += " rw,relatime - tmpfs tmpfs rw\n36 29 0:56 / /line\u2028\x85\x0cend rw - nfs server:/x rw\n"


@pytest.mark.parametrize(
    ("folder", "point", "kind"),
    [
        ("/", "/", "ext4"),
        ("/srv", "/", "ext4"),
        ("/srv/in", "/srv/in", "nfs4"),
        ("/srv/in/deep/er", "/srv/in", "nfs4"),
        ("/srv/inside", "/", "ext4"),
        ("/srv/in put\\\t\n/x", "/srv/in put\\\t\n", "cifs"),
        ("/over/x", "/over", "xfs"),
        ("/fuse/x", "/fuse", "fuse.sshfs"),
        ("/odd", "/odd", "tmpfs"),
        ("/line\u2028\x85\x0cend/x", "/line\u2028\x85\x0cend", "nfs"),
        ("/proc-not", "/", "ext4"),
    ],
)
def test_the_nearest_mount_decides(folder: str, point: str, kind: str) -> None:
    """The longest mount point above the folder counts, unescaped, the last of those on one point; "/a" is not "/ab"."""
    assert mounts.kind(Path(folder), MOUNTS) == kind
    assert mounts.mount_point(Path(folder), MOUNTS) == point


def test_links_are_followed(tmp_path: Path) -> None:
    """A link to a network folder is a network folder."""
    (tmp_path / "link").symlink_to("/srv/in")
    assert mounts.kind(tmp_path / "link/x", MOUNTS) == "nfs4"


def test_nothing_is_known_of_no_mounts() -> None:
    """Without an answer none is invented."""
    assert mounts.kind(Path("/x"), "") == ""


def test_this_machine() -> None:
    """The kernel's own text can be read: /proc is proc, mounted at /proc, and sends events like every local one."""
    assert (mounts.kind(Path("/proc/self")), mounts.mount_point(Path("/proc/1"))) == ("proc", "/proc")
    assert mounts.sends_events(Path("/proc"))
