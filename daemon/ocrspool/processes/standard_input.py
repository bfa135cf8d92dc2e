"""Standard input of a new process: nothing, or a file that people may have replaced by a link."""

from __future__ import annotations

import os
import stat

from ocrspool.files.open_path import open_file


def standard_input(path: str) -> int:
    """Return a descriptor to read a regular file; one of the null device where there is none, or a link, or no path."""
    if path:
        try:
            descriptor = open_file(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            pass
        else:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                return descriptor
            os.close(descriptor)
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
