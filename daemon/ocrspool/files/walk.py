"""Walk everything below a folder by descriptors. A folder that is replaced by a link meanwhile leads nowhere."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from ocrspool.files.folder import Folder


def walk(
    root: Path | Folder,
    enters: Callable[[str], bool] = lambda _: True,
    on_error: Callable[[str, OSError], None] | None = None,
) -> Iterator[tuple[str, Folder, list[os.DirEntry[str]]]]:
    """Yield each folder: its name relative to `root` with a "/" behind it ("" for `root`), itself, and what is in it.

    The folder is open, and its entries may be asked, until the next one is yielded. `enters` tells by its name whether
    a folder is looked into. One that cannot be is told to `on_error`; without that it is passed over. What has gone
    since it was seen is passed over.
    """
    waiting = [""]
    while waiting:
        prefix = waiting.pop()
        try:
            folder = _opened(root, prefix)
        except FileNotFoundError as error:
            if not prefix and on_error is not None:
                on_error(prefix, error)
            continue
        except OSError as error:
            if on_error is not None:
                on_error(prefix, error)
            continue
        with folder:
            found: list[os.DirEntry[str]] = []
            try:
                with folder.entries() as entries:
                    found += entries
            except OSError as error:  # of the disk or the share, in the middle of a folder
                if on_error is not None:
                    on_error(prefix, error)
            waiting += [
                f"{prefix}{entry.name}/"
                for entry in found
                if entry.is_dir(follow_symlinks=False) and enters(prefix + entry.name)
            ]
            yield prefix, folder, found


def _opened(root: Path | Folder, prefix: str) -> Folder:
    if isinstance(root, Folder):
        return root.below(prefix)
    folder = Folder.at(root)
    if not prefix:
        return folder
    with folder:
        return folder.below(prefix)
