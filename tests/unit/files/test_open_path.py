"""Files by their path: what may be followed on the way to one, and what may not."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from ocrspool.files.folder import Folder
from ocrspool.files.open_path import open_file


def content(path: Path) -> bytes:
    """Return what a file holds that is opened by its path."""
    descriptor = open_file(os.fspath(path), os.O_RDONLY)
    try:
        return os.read(descriptor, 100)
    finally:
        os.close(descriptor)


@pytest.fixture(params=[0o700, 0o770], ids=["ours alone", "of a group"])
def known(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder that has been opened before, with a file some folders below it."""
    return known_folder(tmp_path / "root", request.param)


def known_folder(root: Path, mode: int) -> Path:
    """Make such a folder, with this mode."""
    (root / "a/b").mkdir(parents=True)
    (root / "a/b/file").write_bytes(b"ours")
    root.chmod(mode)
    Folder.at(root).close()
    return root


def test_a_file_below_a_known_folder(known: Path) -> None:
    """It is found in subfolders; what is missing is told by its whole path."""
    assert content(known / "a/b/file") == b"ours"
    with pytest.raises(FileNotFoundError) as raised:
        content(known / "a/c/file")
    assert raised.value.filename == os.fspath(known / "a/c/file")


def test_the_last_part_is_never_a_link(known: Path) -> None:
    """Not even one of this user, in a folder of this user alone."""
    (known / "a/b/link").symlink_to(known / "a/b/file")
    with pytest.raises(OSError, match="link") as raised:
        content(known / "a/b/link")
    assert raised.value.errno == errno.ELOOP


def test_a_folder_that_takes_the_place_of_a_known_one(known: Path) -> None:
    """Its own files are opened, and not those of the folder that was known."""
    known.rename(known.with_name("before"))
    (known / "a/b").mkdir(parents=True)
    (known / "a/b/file").write_bytes(b"others")
    assert content(known / "a/b/file") == b"others"


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a link to another user")
def test_a_link_of_others_on_the_way(tmp_path: Path) -> None:
    """It is refused in a folder that a group may write to."""
    known = known_folder(tmp_path / "root", 0o770)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/file").write_bytes(b"secret")
    (known / "to").symlink_to(tmp_path / "secret")
    os.chown(known / "to", 65534, 65534, follow_symlinks=False)
    with pytest.raises(OSError, match="link"):
        content(known / "to/file")
