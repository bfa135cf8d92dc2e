"""Files that appear whole or not at all, by descriptors, on a disk that fails."""

from __future__ import annotations

import errno
import os
import resource
import signal
from pathlib import Path
from typing import NoReturn

import pytest

from ocrspool.files import atomic, rename
from ocrspool.files.folder import Folder
from ocrspool.files.publish import Publisher
from support.forked_code import as_nobody, killed_before


def everything(folder: Path) -> dict[str, bytes]:
    """Name and content of every file in the folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def without_links(*_: object, **__: object) -> NoReturn:
    """Do as link(2) does on FAT and some network filesystems."""
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))


def full_disk(*_: object, **__: object) -> NoReturn:
    """Do as a full disk does."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def publish(source: Path, target: Path) -> None:
    """Make one file appear in an outbox."""
    with Folder.at(source.parent) as before, Folder.at(target.parent) as after:
        Publisher(before, target.parent, None).publish(source.name, after, target.name)


def move_new(source: Path, target: Path) -> None:
    """Move one file to a name that is free."""
    with Folder.at(source.parent) as before, Folder.at(target.parent) as after:
        before.move_new(source.name, after, target.name)


def is_same(one: Path, other: Path) -> bool:
    with Folder.at(one.parent) as folder:
        return folder.is_same(one.name, folder, other.name)


@pytest.fixture(params=["renames that replace nothing", "links", "neither"])
def any_filesystem(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test on a filesystem with RENAME_NOREPLACE, on one with hard links alone, and on one without both."""
    if request.param in {"links", "neither"}:
        monkeypatch.setattr(rename, "_renameat2", None)
    if request.param == "neither":
        monkeypatch.setattr(os, "link", without_links)


@pytest.mark.parametrize("durable", [True, False])
def test_write_replaces_whole(tmp_path: Path, *, durable: bool) -> None:
    """The new content is there, under its name, and nothing else is."""
    path = tmp_path / "a"
    for data in (b"old", b"", b"new" * 1000):
        atomic.write(path, data, durable=durable)
        assert everything(tmp_path) == {"a": data}


@pytest.mark.parametrize("name", ["n" * 255, "n" * 252, "ä" * 127, "\udcff" * 255])
def test_write_takes_the_longest_names(tmp_path: Path, name: str) -> None:
    """A name that leaves no room for a suffix can be written all the same."""
    atomic.write(tmp_path / name, b"x")
    assert everything(tmp_path) == {name: b"x"}


def test_write_on_a_file_size_limit(tmp_path: Path) -> None:
    """A real write(2) that fails half way (RLIMIT_FSIZE) leaves the old content and nothing beside it."""
    path = tmp_path / "a"
    path.write_bytes(b"old")

    def write() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with pytest.raises(OSError, match="File too large"):
            atomic.write(path, b"x" * 5000)

    assert not killed_before(10_000, write)
    assert everything(tmp_path) == {"a": b"old"}


@pytest.mark.parametrize("failing", ["fsync", "rename"])
def test_write_on_a_failing_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    """An error of the sync or of the rename leaves the old content and nothing beside it."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, failing, full_disk)
    with pytest.raises(OSError, match="No space left"):
        atomic.write(path, b"new")
    assert everything(tmp_path) == {"a": b"old"}


def test_write_into_a_folder_without_permission(open_folder: Path) -> None:
    """Who may not write gets the error, not a trace of a file."""
    open_folder.chmod(0o755)

    def write() -> str:
        with pytest.raises(PermissionError) as caught:
            atomic.write(open_folder / "a", b"x")
        return type(caught.value).__name__

    assert as_nobody(write) == "PermissionError"
    assert everything(open_folder) == {}


def test_write_over_a_folder_fails(tmp_path: Path) -> None:
    """What cannot be replaced stays, and no temporary file with it."""
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError):
        atomic.write(tmp_path / "a", b"x")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.usefixtures("any_filesystem")
def test_publish_twice_is_harmless(tmp_path: Path) -> None:
    """A repeat after a crash changes nothing and leaves no second name behind."""
    source, target = tmp_path / "work", tmp_path / "out" / "a.json"
    target.parent.mkdir()
    source.write_bytes(b"result")
    for _ in range(3):
        publish(source, target)
        assert everything(target.parent) == {"a.json": b"result"}
        assert source.read_bytes() == b"result"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "work"]


@pytest.mark.usefixtures("any_filesystem")
def test_publish_replaces_what_is_there(tmp_path: Path) -> None:
    """An older result of the same name gives way, whole."""
    source, target = tmp_path / "work", tmp_path / "a.json"
    source.write_bytes(b"new")
    target.write_bytes(b"older and longer")
    publish(source, target)
    assert everything(tmp_path) == {"work": b"new", "a.json": b"new"}


@pytest.mark.usefixtures("any_filesystem")
def test_publish_that_fails_leaves_nothing(tmp_path: Path) -> None:
    """Where the target cannot be replaced, no temporary name stays on either side."""
    source, target = tmp_path / "work", tmp_path / "a.json"
    source.write_bytes(b"new")
    target.mkdir()
    with pytest.raises(IsADirectoryError):
        publish(source, target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "work"]


def test_publish_a_copy_to_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A copy that cannot be finished is removed, and never gets the target's name."""
    source, target = tmp_path / "work", tmp_path / "a.json"
    source.write_bytes(b"new")
    monkeypatch.setattr(os, "link", without_links)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        publish(source, target)
    assert everything(tmp_path) == {"work": b"new"}


def test_publish_passes_other_errors_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a filesystem without links makes a copy: a full disk is no reason to write more."""
    (tmp_path / "work").write_bytes(b"new")
    monkeypatch.setattr(os, "link", full_disk)
    with pytest.raises(OSError, match="No space left"):
        publish(tmp_path / "work", tmp_path / "a.json")
    assert everything(tmp_path) == {"work": b"new"}


@pytest.mark.usefixtures("any_filesystem")
def test_move_new_never_overwrites(tmp_path: Path) -> None:
    """A file, an empty one, a dangling link and a folder keep their name; the source keeps its own."""
    source = tmp_path / "source"
    source.write_bytes(b"mine")
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "link").symlink_to("nowhere")
    (tmp_path / "folder").mkdir()
    for taken in ("file", "link", "folder"):
        with pytest.raises(FileExistsError):
            move_new(source, tmp_path / taken)
        assert source.read_bytes() == b"mine"
    assert (tmp_path / "file").read_bytes() == b""
    move_new(source, tmp_path / "free")
    assert not source.exists()
    assert (tmp_path / "free").read_bytes() == b"mine"


def test_move_new_moves_a_link_as_a_link(tmp_path: Path) -> None:
    """What a link points to is neither moved nor copied."""
    (tmp_path / "link").symlink_to("/etc/hostname")
    move_new(tmp_path / "link", tmp_path / "moved")
    assert (tmp_path / "moved").readlink() == Path("/etc/hostname")
    assert not (tmp_path / "link").is_symlink()


@pytest.mark.usefixtures("any_filesystem")
def test_move_new_finishes_what_a_crash_began(tmp_path: Path) -> None:
    """Killed before any of its steps, repeated, a move ends with one file under the new name."""
    for touch in range(1, 10):
        source, target = tmp_path / f"{touch}", tmp_path / f"{touch}.moved"
        source.write_bytes(b"x")
        killed = killed_before(touch, lambda s=source, t=target: move_new(s, t))  # type: ignore[misc] # defaults
        if not killed:
            assert touch > 1
            break
        if source.exists():
            move_new(source, target)
        assert not source.exists()
        assert target.read_bytes() == b"x"
        assert target.stat().st_nlink == 1
    else:
        pytest.fail("the move never came to its end")


def test_is_same(tmp_path: Path) -> None:
    """Two links are one file, two copies are not, and what is missing is nothing."""
    (tmp_path / "a").write_bytes(b"x")
    (tmp_path / "b").write_bytes(b"x")
    (tmp_path / "c").hardlink_to(tmp_path / "a")
    assert is_same(tmp_path / "a", tmp_path / "c")
    assert not is_same(tmp_path / "a", tmp_path / "b")
    assert not is_same(tmp_path / "a", tmp_path / "d")


def test_a_new_file_is_written_in_place_once(tmp_path: Path) -> None:
    """A file that is there already stays as it is."""
    with Folder.at(tmp_path) as folder:
        assert folder.write_new("new", b"first")
        assert not folder.write_new("new", b"second")
    assert (tmp_path / "new").read_bytes() == b"first"


def test_a_new_file_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is left of it."""
    monkeypatch.setattr("os.write", full_disk)
    with Folder.at(tmp_path) as folder, pytest.raises(OSError, match="space"):
        folder.write_new("new", b"first")
    assert list(tmp_path.iterdir()) == []
