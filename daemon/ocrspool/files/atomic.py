"""Files that appear whole or not at all, in folders to which only this user and the administrator write.

`files/folder.py` is for folders to which others may write. Within one filesystem a rename is atomic for every reader
(rename(2)).
"""

from __future__ import annotations

import os
from pathlib import Path

from ocrspool.files.folder import Folder
from ocrspool.files.open_path import open_file


def write(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Put `data` at `path` whole, in place of what was there, by way of a temporary name beside it.

    `durable` waits for the disk. Raise OSError with nothing left behind; `path` keeps what it had.
    """
    with Folder.at(path.parent) as folder:
        folder.write(path.name, data, durable=durable)


def move(source: Path, target: Path) -> None:
    """Rename within one filesystem and sync the folder that gains the entry."""
    with Folder.at(source.parent) as before, Folder.at(target.parent) as after:
        before.rename(source.name, after, target.name)
        after.sync()


def sync_file(path: Path) -> None:
    """Wait until the content of a file is on disk."""
    descriptor = open_file(os.fspath(path), os.O_RDONLY | os.O_NONBLOCK)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Wait until the folder's entries are on disk."""
    with Folder.at(folder) as opened:
        opened.sync()
