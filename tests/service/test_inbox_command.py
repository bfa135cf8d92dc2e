"""`ocrspool inbox` by root, with a configuration that no unit runs with: real folders, users and ACLs."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.errors import Exit
from ocrspool.files import acl
from ocrspool.files.folder import Folder
from ocrspool.spool.layout import STATES
from support.daemon_process import COMMAND, ocrspool

SERVICE = 65_534
"""The user that the cache belongs to: nobody, who has a name on every machine."""
MEMBER = 4711
"""A user who is in the service's group, and nothing else."""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, which makes folders for others")


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter, with a configuration whose cache belongs to the service's user."""
    folder = Path(tempfile.mkdtemp(prefix="ocrspool-", dir="/var/tmp"))
    folder.chmod(0o755)
    for name in ("cache", "run", "spool"):
        (folder / name).mkdir()
        os.chown(folder / name, SERVICE, SERVICE)
    (folder / "ocrspool.toml").write_text(
        "[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n", "utf-8"
    )
    yield folder
    shutil.rmtree(folder)


def inbox(place: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return ocrspool("inbox", *arguments, "--config", place / "ocrspool.toml")


def tree(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def as_member(script: str, *arguments: Path) -> None:
    """Run a shell script as a member of the service's group."""
    command = ["setpriv", f"--reuid={MEMBER}", f"--regid={MEMBER}", f"--groups={SERVICE}", "sh", "-ec", script, "sh"]
    subprocess.run([*command, *arguments], check=True)


def as_service(script: str, *arguments: Path) -> int:
    """Run a shell script as the service; return how it ended."""
    command = ["setpriv", f"--reuid={SERVICE}", f"--regid={SERVICE}", "--clear-groups", "sh", "-ec", script, "sh"]
    return subprocess.run([*command, *arguments], check=False, capture_output=True).returncode


def test_added_and_removed_again(place: Path) -> None:
    """Folders, modes, settings; `check` is content; removed, nothing is left. --dry-run changes nothing."""
    before, root = tree(place), place / "srv/my invoices"
    planned = inbox(place, "add", "invoices", root, "--dry-run")
    assert planned.returncode == 0, planned.stderr
    assert f"would make {root} with inbox, work, outbox, done, failed" in planned.stdout
    assert tree(place) == before
    made = inbox(place, "add", "invoices", root)
    assert made.returncode == 0, made.stderr
    modes = {state: stat.S_IMODE((root / state).stat().st_mode) for state in STATES}
    assert modes == {**dict.fromkeys(STATES, 0o2770), "work": 0o2700}
    assert {(path.stat().st_uid, path.stat().st_gid) for path in (root, *root.iterdir())} == {(SERVICE, SERVICE)}
    checked = ocrspool("check", "--config", place / "ocrspool.toml")
    assert f"inbox invoices: {root}/inbox" in checked.stdout, checked.stderr
    assert inbox(place, "remove", "invoices", "--dry-run").returncode == 0
    assert (root / "inbox").is_dir()
    removed = inbox(place, "remove", "invoices")
    assert removed.returncode == 0, removed.stderr
    assert tree(place) - {"conf.d"} == before


@pytest.mark.parametrize("umask", ["022", "027", "077"])
def test_whatever_the_umask(place: Path, umask: str) -> None:
    """The service reads and takes away files in folders that a member of its group has made, whatever the umask."""
    root = place / "srv"
    assert inbox(place, "add", "a", root).returncode == 0
    with Folder.at(root / "inbox") as folder:
        if not acl.has_default(folder.descriptor):
            pytest.skip("no ACLs on this filesystem")
    as_member(f'umask {umask}; mkdir -p "$1/sub/deep"; echo text >"$1/sub/deep/file"', root / "inbox")
    taken = as_service('cat "$1/inbox/sub/deep/file" && mv "$1/inbox/sub/deep/file" "$1/work/file"', root)
    assert taken == 0
    assert as_service('rmdir "$1/inbox/sub/deep" "$1/inbox/sub"', root) == 0


def test_repair_opens_what_was_copied_with_its_modes(place: Path) -> None:
    """A folder copied with a mode of its own is closed whatever the ACL; repaired, the service takes its files."""
    root = place / "srv"
    assert inbox(place, "add", "a", root).returncode == 0
    closed = (
        'mkdir "$1/sub"; echo text >"$1/sub/file"; chmod 600 "$1/sub/file"; chmod 755 "$1/sub"; chgrp 4711 "$1/sub"'
    )
    as_member(closed, root / "inbox")
    outside = place / "outside"
    outside.write_text("of root")
    outside.chmod(0o600)
    os.link(outside, root / "inbox/second-name")
    (root / "inbox/link").symlink_to(outside)
    take = 'cat "$1/inbox/sub/file" && mv "$1/inbox/sub/file" "$1/work/file"'
    assert as_service(take, root) != 0
    repaired = inbox(place, "repair", "a")
    assert "inbox a: 1 folder and 1 file opened" in repaired.stdout
    assert "second-name: it has another name elsewhere" in repaired.stdout
    assert as_service(take, root) == 0
    assert (outside.stat().st_gid, stat.S_IMODE(outside.stat().st_mode)) == (0, 0o600)


def test_documents_stay(place: Path) -> None:
    """`remove` leaves folders with files in them, and says how many there are."""
    root = place / "srv"
    inbox(place, "add", "a", root)
    (root / "done/report.pdf").write_bytes(b"%PDF")
    removed = inbox(place, "remove", "a")
    assert removed.returncode == 0
    assert "files that stay: 1" in removed.stdout
    assert tree(root) == {"done", "done/report.pdf"}
    assert "no inbox a" in inbox(place, "remove", "a").stderr


@pytest.mark.parametrize(
    ("name", "root", "said"),
    [
        ("default", "srv", "there is an inbox of this name"),
        ("b b", "srv", "a name has at most 64 letters"),
        ("b", "spool/inbox/x", "overlap"),
        ("b", "ocrspool.toml/x", "ocrspool.toml is not a folder"),
        ("b", "closed/x", "user nobody may not enter"),
        ("b", "/proc/x", "is no place for documents"),
        ("b", 'sr"v', "without quotes"),
    ],
)
def test_what_cannot_work_is_refused(place: Path, name: str, root: str, said: str) -> None:
    """Each reason is told in words, and nothing is changed."""
    (place / "closed").mkdir(mode=0o700)
    before = tree(place)
    answer = inbox(place, "add", name, place / root)
    assert answer.returncode == Exit.CONFIG
    assert said in answer.stderr
    assert "Traceback" not in answer.stderr
    assert tree(place) == before


def test_what_others_have_configured_is_not_removed(place: Path) -> None:
    """An inbox that stands in the file itself is left to whoever wrote it."""
    answer = inbox(place, "remove", "default")
    assert answer.returncode == Exit.CONFIG
    assert "was not made by `ocrspool inbox add`" in answer.stderr


def test_root_is_asked_for(place: Path) -> None:
    """Another user is told so, by the same words and code as everywhere, and can see what would be done."""
    rights = ["setpriv", f"--reuid={MEMBER}", f"--regid={MEMBER}", "--clear-groups"]
    arguments = ["inbox", "add", "a", f"{place}/srv", "--config", f"{place}/ocrspool.toml"]
    answer = subprocess.run([*rights, str(COMMAND), *arguments], check=False, capture_output=True, text=True)
    if answer.returncode == 126:
        pytest.skip("the installation is not readable for another user")
    assert answer.returncode == Exit.NO_PERMISSION
    assert "this needs root" in answer.stderr
