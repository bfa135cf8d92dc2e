"""What lies in the folder of a job: the source, our own files, and what people may have put there."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Iterator

from ocrspool.files.faults import is_of_disk
from ocrspool.files.folder import Folder
from ocrspool.files.walk import walk

JOB, RESULT, REASON = "job.json", "result.json", "reason.json"
SIZE = ".size-"
"""The name of an empty file begins so and ends in the size of the source. It is on disk when the source's rename is."""
_OURS = (JOB, "result.", REASON, SIZE)


def is_ours(name: str) -> bool:
    """Tell whether a name in a job's folder is that of a record, or of a record that was being written."""
    return "/" not in name and name.startswith((*_OURS, ".ocrspool-"))


def sources(folder: Folder) -> Iterator[str]:
    """Yield the names of the regular files that a claim has put there. Nothing else is a source. Raise OSError."""
    try:
        source = folder.below("source")
    except OSError as error:
        if is_of_disk(error):
            raise
        return  # it is not there, or no folder
    with source:
        for prefix, _, entries in walk(source, on_error=_raise):
            yield from (prefix + entry.name for entry in entries if entry.is_file(follow_symlinks=False))


def _raise(_: str, error: OSError) -> None:
    """Stop a walk at a folder that the disk does not give: what is in it must not be taken for nothing."""
    if is_of_disk(error):
        raise error


def prune(folder: Folder) -> None:
    """Remove our own files from a job's folder, and all folders below it that are empty."""
    inside: list[str] = []
    with folder.entries() as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                inside.append(entry.name)
            elif is_ours(entry.name):
                folder.unlink(entry.name)
    for name in inside:
        _remove_empty(folder, name)


def _remove_empty(above: Folder, name: str) -> None:
    with contextlib.suppress(OSError):
        try:
            above.remove_folder(name)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise
            with above.below(name) as folder:
                for each in folder.names():
                    _remove_empty(folder, each)
            above.remove_folder(name)
