"""Disks that fail in one way only: small, full, frozen. They need root, and are gone at the end."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """Mount a tmpfs of this size."""
    folder.mkdir()
    _mount_or_skip("-t", "tmpfs", "-o", f"size={size}", "tmpfs", os.fspath(folder))
    try:
        yield folder
    finally:
        _run("umount", "--lazy", os.fspath(folder))


@contextlib.contextmanager
def disk_that_freezes(folder: Path) -> Iterator[Disk]:
    """Mount an ext4 filesystem out of a file. It is thawed at the end, whatever happens."""
    image = folder.with_name(f"{folder.name}.image")
    image.touch()
    os.truncate(image, 64 << 20)
    made = _tried("mkfs.ext4", "-q", "-F", os.fspath(image))
    if not made:
        pytest.skip("no ext4 can be made here")
    folder.mkdir()
    _mount_or_skip("-o", "loop", os.fspath(image), os.fspath(folder))
    disk = Disk(folder)
    try:
        if not _tried("fsfreeze", "--freeze", os.fspath(folder)):
            pytest.skip("no filesystem can be frozen here")
        _run("fsfreeze", "--unfreeze", os.fspath(folder))
        yield disk
    finally:
        disk.thaw()
        _run("umount", "--lazy", os.fspath(folder))


class Disk:
    """A mounted filesystem."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._frozen = False

    def freeze(self) -> None:
        """Let every write wait, in the kernel, where no signal reaches who writes (FIFREEZE)."""
        _run("fsfreeze", "--freeze", os.fspath(self.folder))
        self._frozen = True

    def thaw(self) -> None:
        """Let the writes go on, if they wait."""
        if self._frozen:
            _run("fsfreeze", "--unfreeze", os.fspath(self.folder))
        self._frozen = False


def fill(folder: Path) -> Path:
    """Leave no room on a filesystem. Return the file that takes it all."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def _mount_or_skip(*arguments: str) -> None:
    if os.geteuid() != 0 or not _tried("mount", *arguments):
        pytest.skip("a filesystem cannot be mounted here")


def _tried(*command: str) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    return False


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)
