"""Disks that fail in one way only: small, full, frozen. They need root, and are gone at the end."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.filesystem_images import Disk, NoDiskError, run


@contextlib.contextmanager
def small_disk(folder: Path, size: str = "1m") -> Iterator[Path]:
    """Mount a tmpfs of this size."""
    folder.mkdir()
    _mount_or_skip("-t", "tmpfs", "-o", f"size={size}", "tmpfs", os.fspath(folder))
    try:
        yield folder
    finally:
        run("umount", "--lazy", folder)


@contextlib.contextmanager
def disk(folder: Path, kind: str = "ext4", make: type[Disk] = Disk) -> Iterator[Disk]:
    """Mount a filesystem out of a file. It is gone at the end, whatever happens."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a filesystem")
    try:
        made = make(folder, kind)
    except NoDiskError as error:
        pytest.skip(f"no {kind} can be had here: {error}")
    try:
        yield made
    finally:
        made.remove()


@contextlib.contextmanager
def disk_that_freezes(folder: Path) -> Iterator[Disk]:
    """Mount an ext4 filesystem out of a file. It is thawed at the end, whatever happens."""
    with disk(folder) as made:
        try:
            made.freeze()
        except NoDiskError as error:
            pytest.skip(f"{error}")
        made.thaw()
        yield made


def fill(folder: Path) -> Path:
    """Leave no room on a filesystem. Return the file that takes it all."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def _mount_or_skip(*arguments: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a filesystem")
    try:
        run("mount", *arguments)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no filesystem can be mounted here: {error}")
