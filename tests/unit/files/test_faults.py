"""Whose fault an error is, with errors that the kernel really gives."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrspool.files.faults import in_words, is_of_people


def _folder(at: Path) -> None:
    at.mkdir()
    os.close(os.open(at, os.O_WRONLY))


def _file_as_folder(at: Path) -> None:
    at.write_bytes(b"")
    os.close(os.open(at / "x", os.O_RDONLY))


def _link(at: Path) -> None:
    at.symlink_to(at)
    os.close(os.open(at, os.O_RDONLY | os.O_NOFOLLOW))


def _pipe(at: Path) -> None:
    os.mkfifo(at)
    os.close(os.open(at, os.O_WRONLY | os.O_NONBLOCK))


def _long(at: Path) -> None:
    os.close(os.open(at.with_name("x" * 300), os.O_RDONLY))


def _full_folder(at: Path) -> None:
    (at / "x").mkdir(parents=True)
    at.with_name("other").mkdir()
    at.with_name("other").rename(at)


@pytest.mark.parametrize("cause", [_folder, _file_as_folder, _link, _pipe, _long, _full_folder])
def test_what_people_can_make(tmp_path: Path, cause: Callable[[Path], None]) -> None:
    """Each of these is made with one command by who may write to the folder."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - any of them
        cause(tmp_path / "at")
    assert is_of_people(caught.value)


@pytest.mark.parametrize(
    "number", ["ENOSPC", "EDQUOT", "EROFS", "EIO", "ESTALE", "ENOENT", "EMFILE", "ENOMEM", "ETIMEDOUT"]
)
def test_what_passes(number: str) -> None:
    """Errors of the disk, and of a machine that is short of something, are nobody's: waiting helps."""
    code = getattr(errno, number)
    assert not is_of_people(OSError(code, os.strerror(code)))


def test_errors_in_words(tmp_path: Path) -> None:
    """What people read has the file and the reason, and no number of the system's."""
    with pytest.raises(OSError, match="Errno") as caught:
        (tmp_path / "none\n").read_bytes()
    assert in_words(caught.value) == f"{tmp_path}/none\\n: No such file or directory"
    assert in_words(OSError("the disk has gone")) == "the disk has gone"
