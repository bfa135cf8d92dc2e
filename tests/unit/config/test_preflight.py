"""What a valid configuration meets: folders in one another, without permission, on other filesystems."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.config import preflight
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Paths
from ocrspool.errors import ConfigError
from ocrspool.machine import units
from ocrspool.spool.layout import STATES
from support.forked_code import as_nobody
from support.sample_spools import other_filesystem


def config_in(root: Path, **inboxes: Inbox) -> Config:
    """Return a configuration all below `root`."""
    return Config(
        paths=Paths(cache=root / "cache", runtime=root / "run"),
        inbox=inboxes or {"default": Inbox(root=root / "spool")},
    )


def test_nothing_has_to_be_there_yet(tmp_path: Path) -> None:
    """Folders that can be made are no problem, and looking at them makes none."""
    assert preflight.problems(config_in(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("folders", "keys"),
    [
        ({"outbox": "in/out"}, ["inbox.a.inbox", "inbox.a.outbox"]),
        ({"work": "in"}, ["inbox.a.inbox", "inbox.a.work"]),
        ({"done": "out/../in/x"}, ["inbox.a.inbox", "inbox.a.done"]),
        ({"failed": "link/x"}, ["inbox.a.inbox", "inbox.a.failed"]),
    ],
)
def test_folders_in_one_another(tmp_path: Path, folders: dict[str, str], keys: list[str]) -> None:
    """A folder within another is found however it is written, through links too: results would be read as files."""
    (tmp_path / "in").mkdir()
    (tmp_path / "link").symlink_to("in")
    places = {"inbox": "in", "work": "work", "outbox": "out", "done": "done", "failed": "failed", **folders}
    inbox = Inbox.model_validate({state: tmp_path / place for state, place in places.items()})
    (problem,) = preflight.problems(config_in(tmp_path, a=inbox))
    assert all(key in problem for key in keys)
    assert "overlap" in problem


def test_two_inboxes_in_one_place(tmp_path: Path) -> None:
    """Two inboxes that share their folders are one problem, and one line; a name that only begins alike is none."""
    one, other, third = (Inbox(root=tmp_path / name) for name in ("a", "a", "ab"))
    found = preflight.problems(config_in(tmp_path, one=one, other=other, third=third))
    assert found == [
        (
            f"inbox.one.inbox and inbox.other.inbox overlap ({tmp_path}/a/inbox and {tmp_path}/a/inbox), "
            "and 4 more pairs of these two: give each a folder of its own"
        )
    ]


@pytest.mark.parametrize("state", STATES)
def test_a_cache_inside_a_spool(tmp_path: Path, state: str) -> None:
    """What is written to the cache or the runtime folder would be taken for files, or for results."""
    config = config_in(tmp_path)
    inbox = config.inbox["default"]
    placed = config.model_copy(update={"paths": Paths(cache=inbox.folder(state) / "x", runtime=tmp_path / "run")})
    (problem,) = preflight.problems(placed)
    assert problem.startswith("paths.cache: ")
    assert f"inbox.default.{state}" in problem


def test_a_file_where_a_folder_should_be(tmp_path: Path) -> None:
    """What is in the way is named."""
    (tmp_path / "spool").write_bytes(b"")
    (tmp_path / "cache").write_bytes(b"")
    assert preflight.problems(config_in(tmp_path)) == [
        f"inbox.default: {tmp_path}/spool is not a folder",
        f"paths.cache: {tmp_path}/cache is not a folder",
    ]


def test_every_missing_permission(open_folder: Path) -> None:
    """All folders that the service's user may not use are named at once, those it may not even look at too."""
    for name in ("spool/inbox", "spool/work", "locked/deep"):
        (open_folder / name).mkdir(parents=True)
    for name, mode in (("spool", 0o777), ("spool/inbox", 0o777), ("spool/work", 0o555), ("locked", 0o700)):
        (open_folder / name).chmod(mode)
    config = Config(
        paths=Paths(cache=open_folder / "locked/deep/cache", runtime=open_folder / "spool/run"),
        inbox={"a": Inbox(root=open_folder / "spool", done=open_folder / "locked/deep/done")},
    )
    found = as_nobody(lambda: preflight.problems(config))
    locked, user = open_folder / "locked", "user nobody needs read, write and search permission in"
    assert found == [
        f"inbox.a.work: may not use {open_folder}/spool/work: {user} {open_folder}/spool/work",
        f"inbox.a.done: may not use {locked}/deep/done: {user} {locked}, to make what is missing there",
        f"paths.cache: may not use {locked}/deep/cache: {user} {locked}, to make what is missing there",
    ]


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Path]:
    """A folder on another filesystem than the test's."""
    with other_filesystem(tmp_path) as folder:
        yield folder


def test_another_filesystem(tmp_path: Path, elsewhere: Path) -> None:
    """A folder that no rename reaches is named, even before it is made."""
    for state in ("inbox", "done", "failed"):
        inbox = Inbox.model_validate({"root": tmp_path, state: elsewhere / "not/yet"})
        (problem,) = preflight.problems(config_in(tmp_path, a=inbox))
        assert problem.startswith(f"inbox.a.{state}: {elsewhere}/not/yet is on another filesystem or mount than work")


def test_an_outbox_on_another_filesystem(tmp_path: Path, elsewhere: Path) -> None:
    """Results are copied where no rename reaches: a share may be mounted there."""
    inbox = Inbox(root=tmp_path, outbox=elsewhere / "not/yet")
    assert preflight.problems(config_in(tmp_path, a=inbox)) == []


BIND_AND_CHECK = """
import pathlib, subprocess, sys
from ocrspool.config import preflight
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Paths
root = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "--bind", root / "spool/done", root / "spool/done"], check=True)
config = Config(paths=Paths(cache=root, runtime=root), inbox={"a": Inbox(root=root / "spool")})
print(*preflight.problems(config), sep="\\n")
"""


def test_another_mount_of_the_same_filesystem(tmp_path: Path) -> None:
    """A bind mount, as ReadWritePaths= makes, is the same device, and no rename gets there: found at start."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:  # noqa: S607 - of the system
        pytest.skip("no mount namespace for us")
    (tmp_path / "spool/done").mkdir(parents=True)
    command = ["unshare", "-m", sys.executable, "-c", BIND_AND_CHECK, str(tmp_path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert [problem.partition(":")[0] for problem in found] == ["inbox.a.done"]
    assert "another filesystem or mount" in found[0]


CHECK_READ_ONLY = """
import pathlib, subprocess, sys
from ocrspool.config import preflight
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Paths
root = pathlib.Path(sys.argv[1])
subprocess.run(["mount", "--bind", root / "srv", root / "srv"], check=True)
subprocess.run(["mount", "-o", "remount,bind,ro", root / "srv"], check=True)
config = Config(paths=Paths(cache=root, runtime=root), inbox={"a": Inbox(root=root / "srv/scans")})
print(*preflight.problems(config), sep="\\n")
"""


def test_a_read_only_mount_is_no_lack_of_permission(tmp_path: Path) -> None:
    """Root may do everything, and cannot write there: that is told from a folder of the wrong owner."""
    if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "true"], check=False).returncode != 0:  # noqa: S607 - of the system
        pytest.skip("no mount namespace for us")
    (tmp_path / "srv").mkdir()
    command = ["unshare", "-m", sys.executable, "-c", CHECK_READ_ONLY, str(tmp_path)]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    (problem,) = found
    assert problem.startswith("inbox.a: may not use the folders in ")
    assert " read-only" in problem
    assert "permission" not in problem


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("0::/system.slice/ocrspool-prebuild.service\n", "ocrspool-prebuild"),
        ("1:name=systemd:/system.slice/ocrspool.service\n0::/\n", "ocrspool"),
        ("0::/user.slice/user-0.slice/session-1.scope\n", ""),
        (None, ""),
    ],
)
def test_the_unit_that_this_runs_in(tmp_path: Path, text: str | None, unit: str) -> None:
    """A process finds its unit in its control group; where that cannot be read there is none."""
    if text is not None:
        (tmp_path / "cgroup").write_text(text)
    assert units.current(tmp_path / "cgroup") == unit


def test_a_sandbox_is_named_with_its_drop_ins(tmp_path: Path) -> None:
    """The advice has the line to add, the units to add it to, and that the folder has to be there first."""
    missing = tmp_path / "scans"
    told = preflight._read_only(missing, "ocrspool")
    assert f"ReadWritePaths={missing} by `systemctl edit ocrspool` and `systemctl edit ocrspool-prebuild`" in told
    assert f"make {missing} for the service's user" in told
    missing.mkdir()
    assert "make" not in preflight._read_only(missing, "ocrspool-prebuild")
    assert "systemctl" not in preflight._read_only(missing, "")


def test_commands_of_hooks_have_to_be_there(tmp_path: Path) -> None:
    """A command that is no executable file is found before the first file needs it."""
    (tmp_path / "plain").write_text("")
    inbox = Inbox(root=tmp_path / "spool", on_done=(sys.executable, "-V"), on_failed=(os.fspath(tmp_path / "plain"),))
    (problem,) = preflight.problems(config_in(tmp_path, a=inbox))
    assert problem.startswith("inbox.a.on_failed: ")
    assert "no command that this user may run" in problem


def test_one_inbox_that_can_be_used_is_enough_to_start(tmp_path: Path) -> None:
    """Wrong folders of one inbox are no reason to refuse the others; those of all are, and each problem is named."""
    (tmp_path / "closed").write_bytes(b"")
    closed, open_ = Inbox(root=tmp_path / "closed"), Inbox(root=tmp_path / "open")
    preflight.refuse(config_in(tmp_path, a=closed, b=open_))
    with pytest.raises(ConfigError) as caught:
        preflight.refuse(config_in(tmp_path, a=closed))
    assert len(caught.value.problems) == 1


def test_nonsense_is_refused_whatever_the_folders_are(tmp_path: Path) -> None:
    """Two inboxes in one place, and a hook that is no command."""
    one, other = Inbox(root=tmp_path / "a"), Inbox(root=tmp_path / "a", on_done=("/no/such/command",))
    with pytest.raises(ConfigError) as caught:
        preflight.refuse(config_in(tmp_path, one=one, other=other, third=Inbox(root=tmp_path / "c")))
    assert [problem.partition(":")[0].partition(" ")[0] for problem in caught.value.problems] == [
        "inbox.one.inbox",
        "inbox.other.on_done",
    ]
