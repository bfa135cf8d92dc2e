"""A share whose server can stop answering, and can die: fuse_server.py, mounted for one test. Needs root."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.filesystem_images import NoDiskError, run

_SERVER = Path(__file__).with_name("fuse_server.py")


class HangingShare:
    """The filesystem at `folder`. What is in it lies beside it, and outlives its server."""

    def __init__(self, folder: Path) -> None:
        """Mount it. Raise NoDiskError."""
        self.folder = folder
        self._behind = folder.with_name(f"{folder.name}.behind")
        self._behind.mkdir()
        folder.mkdir()
        self._server: subprocess.Popen[bytes] | None = None
        self.come_back()

    def come_back(self) -> None:
        """Start a server and mount it, as an administrator does after one has died."""
        command = [sys.executable, os.fspath(_SERVER), os.fspath(self._behind), os.fspath(self.folder)]
        self._server = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        assert self._server.stdout is not None
        if self._server.stdout.readline() != b"mounted\n":
            _, said = self._server.communicate()
            raise NoDiskError(f"no FUSE filesystem can be mounted here: {said.decode().splitlines()[-1]}")

    def freeze(self) -> None:
        """Answer nothing any more: whoever asks waits in the kernel, where no signal reaches him."""
        self._tell(b"hold\n")

    def thaw(self) -> None:
        """Answer what waits, and everything that comes."""
        if self._server is not None:
            self._tell(b"answer\n")

    def fail(self, what: str, code: int, every: int = 1) -> None:
        """Let one request in `every` fail with this errno, until `thaw`: "read", or "all" requests of files."""
        self._tell(f"fail {what} {code} {every}\n".encode())

    def rename_sillily(self) -> None:
        """From now on keep files that are removed while they are open, under another name, until they are closed."""
        self._tell(b"silly\n")

    def die(self) -> None:
        """End the server: every call fails at once, until it comes back. The dead mount stays, as it does."""
        assert self._server is not None
        self._server.kill()
        self._server.communicate()
        self._server = None

    def unmount(self) -> None:
        """Take the mount of a dead server away."""
        run("umount", "--lazy", self.folder)

    def remove(self) -> None:
        """Unmount it, whoever is still there."""
        if self._server is not None:
            self._server.communicate()  # it unmounts when its input ends
        while f" {self.folder} " in Path("/proc/mounts").read_text("utf-8"):
            self.unmount()

    def _tell(self, order: bytes) -> None:
        assert self._server is not None
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(order)
        self._server.stdin.flush()
        assert self._server.stdout.readline() == b"ok\n"


@contextlib.contextmanager
def hanging_share(folder: Path) -> Iterator[HangingShare]:
    """Mount a share. It answers again, and is gone, at the end, whatever happens."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a filesystem")
    if not os.path.exists("/dev/fuse"):  # noqa: PTH110 - as the kernel has it
        pytest.skip("there is no /dev/fuse")
    try:
        made = HangingShare(folder)
    except NoDiskError as error:
        pytest.skip(f"{error}")
    try:
        yield made
    finally:
        made.remove()
