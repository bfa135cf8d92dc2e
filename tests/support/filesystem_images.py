"""Filesystems in image files: they can freeze, and their power can be cut. Needs root."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import subprocess
from pathlib import Path

from support.waiting import wait_until

_SHUTDOWN = 0x8004_587D
"""_IOR('X', 125, __u32) of linux/fs.h and xfs_fs.h; the argument 2 says that nothing is flushed."""
_SIZES = {"ext4": "64M", "xfs": "512M", "btrfs": "256M"}
_BELOW = "640M"
"""Room for the largest of them: the image of another filesystem is a file there."""
_FREEZE_UNTIL_TOLD = 'fsfreeze --freeze "$1" && echo frozen; read -r _; fsfreeze --unfreeze "$1"'


class NoDiskError(Exception):
    """No such filesystem can be had here."""


class Disk:
    """A filesystem of kind "ext4", "xfs" or "btrfs", mounted at `folder`. Its loop device ends with its mount."""

    def __init__(self, folder: Path, kind: str = "ext4", size: str = "", image: Path | None = None) -> None:
        """Make it and mount it. Raise NoDiskError."""
        self.folder = folder
        self._image = image or folder.with_name(f"{folder.name}.image")
        self._freezer: subprocess.Popen[bytes] | None = None
        try:
            self._make_image(size or _SIZES[kind])
            run(f"mkfs.{kind}", "-q", self._image)
            folder.mkdir(exist_ok=True)
            self.mount()
        except FileNotFoundError as error:
            raise NoDiskError(f"there is no {error.filename}") from error
        except subprocess.CalledProcessError as error:
            raise NoDiskError(f"{error.cmd[0]}: {error.stderr.strip()}") from error

    def _make_image(self, size: str) -> None:
        run("truncate", "-s", size, self._image)

    def mount(self) -> None:
        """Mount it."""
        run("mount", "-o", "loop", self._image, self.folder)

    def unmount(self) -> None:
        """Unmount it, when the last process has left it."""
        run("umount", self.folder)

    def remove(self) -> None:
        """Thaw it, unmount it, whoever is still there, and remove the image."""
        self.thaw()
        run("umount", "--lazy", self.folder)
        with contextlib.suppress(OSError):  # a service that still runs may have made folders there
            self.folder.rmdir()
        self._image.unlink()

    def freeze(self) -> None:
        """Let every write wait, in the kernel, where no signal reaches who writes (FIFREEZE).

        A process beside this one thaws it, also when this one is killed: a frozen filesystem cannot be unmounted.
        """
        command = ["sh", "-c", _FREEZE_UNTIL_TOLD, "sh", os.fspath(self.folder)]
        freezer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._freezer = freezer
        assert freezer.stdout is not None
        if freezer.stdout.readline() != b"frozen\n":
            self.thaw()
            raise NoDiskError("no filesystem can be frozen here")

    def thaw(self) -> None:
        """Let the writes go on, if they wait."""
        if self._freezer is not None:
            self._freezer.communicate()
        self._freezer = None

    def cut(self) -> None:
        """Lose all that is not on disk, as when the power fails. Nothing can be written any more."""
        at = os.open(self.folder, os.O_RDONLY)
        try:
            fcntl.ioctl(at, _SHUTDOWN, struct.pack("I", 2))
        finally:
            os.close(at)

    def come_back(self) -> None:
        """Mount what is left after a cut. Whoever used the disk must have ended; the kernel may need a moment."""
        wait_until(self._is_unmounted, 10)
        self.mount()

    def _is_unmounted(self) -> bool:
        try:
            self.unmount()
        except subprocess.CalledProcessError:
            return False
        return True


class DiskWithCache(Disk):
    """A filesystem on a disk whose cache is lost when its power is cut: the image is a file of another filesystem.

    What was written and never flushed is in the memory of that other filesystem, and goes with it. So every kind of
    filesystem can be cut, and it has to flush what it promised.
    """

    def __init__(self, folder: Path, kind: str = "ext4") -> None:
        """Make both and mount them. Raise NoDiskError."""
        self._below = Disk(folder.with_name(f"{folder.name}-below"), "ext4", _BELOW)
        try:
            super().__init__(folder, kind, image=self._below.folder / "image")
        except NoDiskError:
            self._below.remove()
            raise

    def _make_image(self, size: str) -> None:
        run("fallocate", "-l", size, self._image)

    def remove(self) -> None:
        """Unmount both, whoever is still there."""
        super().remove()
        self._below.remove()

    def cut(self) -> None:
        """Lose all that the disk has not been told to flush."""
        self._below.cut()

    def come_back(self) -> None:
        """Mount what is left after a cut."""
        wait_until(self._is_unmounted, 10)
        self._below.come_back()
        self.mount()


class CommandError(subprocess.CalledProcessError):
    """A command has failed; what it said is part of the message."""

    def __str__(self) -> str:
        return f"{super().__str__()} {self.stderr}"


def run(*command: str | Path) -> None:
    """Run a command of the system. Raise CommandError."""
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    if ended.returncode:
        raise CommandError(ended.returncode, command, ended.stdout, ended.stderr)
