"""Opening what is to be decoded: files, and what stands in their place."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from ocrspool.decoding.source_file import open_source
from ocrspool.errors import DocumentError
from ocrspool.files.folder import Folder
from support.forked_code import as_nobody


def refusal(path: Path, most_mb: int = 1) -> str:
    """Return the word for why it is not opened; no descriptor is left behind."""
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - counted
    with pytest.raises(DocumentError) as raised:
        open_source(path, most_mb)
    assert raised.value.stage == "open"
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    return raised.value.kind


def test_a_file_of_just_the_size(tmp_path: Path) -> None:
    """The limit may be reached, and not passed."""
    path = tmp_path / "a.png"
    path.write_bytes(b"x" * (1 << 20))
    descriptor = open_source(path, 1)
    assert os.pread(descriptor, 2, 0) == b"xx"
    assert not os.get_inheritable(descriptor)
    os.close(descriptor)
    path.write_bytes(b"x" * ((1 << 20) + 1))
    assert refusal(path) == "too-large"


def test_what_is_no_file(tmp_path: Path) -> None:
    """None of it is waited for, followed or read; what has gone is said to have."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("file")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.fspath(tmp_path / "socket"))
    found = {name: refusal(tmp_path / name) for name in ("folder", "pipe", "link", "socket", "gone")}
    assert found == {
        "folder": "not-a-file",
        "pipe": "not-a-file",
        "link": "unreadable",
        "socket": "unreadable",
        "gone": "unreadable",
    }
    assert refusal(Path("/dev/null")) == "not-a-file"


def test_a_file_that_may_not_be_read(open_folder: Path) -> None:
    """Who drops it has to be told what to change."""
    path = open_folder / "a.png"
    path.write_bytes(b"x")
    path.chmod(0o600)
    assert as_nobody(lambda: refusal(path)) == "permission"


def test_an_empty_file_from_before_the_start_of_the_machine(tmp_path: Path) -> None:
    """A power cut leaves such files; the reason says so, so that nobody takes it for the sender's mistake."""
    path = tmp_path / "a.png"
    path.write_bytes(b"")
    os.close(open_source(path, 1))
    os.utime(path, (1_000_000_000, 1_000_000_000))
    with pytest.raises(DocumentError, match="a power cut may have taken") as caught:
        open_source(path, 1)
    assert caught.value.kind == "empty"


def test_a_folder_that_is_away(tmp_path: Path) -> None:
    """Where the folder of the file has gone too, its disk is away, which is no fault of the file."""
    assert refusal(tmp_path / "gone.png") == "unreadable"
    with pytest.raises(FileNotFoundError):
        open_source(tmp_path / "source/gone.png", 1)


def test_below_a_folder_that_is_known(tmp_path: Path) -> None:
    """The way to it is not walked again; a link of another person below it is refused all the same."""
    root = tmp_path / "work"
    (root / "job").mkdir(parents=True)
    (root / "job/a.png").write_bytes(b"mine")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/a.png").write_bytes(b"of others")
    Folder.at(root).close()
    descriptor = open_source(root / "job/a.png", 1)
    assert os.pread(descriptor, 9, 0) == b"mine"
    os.close(descriptor)
    root.chmod(0o770)
    (root / "job").rename(root / "before")
    (root / "job").symlink_to(tmp_path / "outside")
    if os.geteuid() == 0:
        os.chown(root / "job", 7002, 7000, follow_symlinks=False)
        assert refusal(root / "job/a.png") == "unreadable"
    root.rename(tmp_path / "gone")  # another folder has its place now, and is another one
    (root / "job").mkdir(parents=True)
    (root / "job/a.png").write_bytes(b"new")
    descriptor = open_source(root / "job/a.png", 1)
    assert os.pread(descriptor, 9, 0) == b"new"
    os.close(descriptor)
