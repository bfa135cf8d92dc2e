"""Bytes that another process gets by a descriptor, and not by a message."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(data: bytes) -> Iterator[int]:
    """Give the descriptor of a memory file that holds these bytes. It is closed in the end."""
    descriptor = os.memfd_create("message", os.MFD_CLOEXEC)
    try:
        with open(descriptor, "wb", closefd=False) as file:
            file.write(data)
        yield descriptor
    finally:
        os.close(descriptor)
