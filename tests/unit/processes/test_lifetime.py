"""What a process asks of the C library, seen in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

_THREADS = """
import ctypes, sys, threading
from ocrspool.processes import lifetime
if sys.argv[1] == "one":
    lifetime.limit_malloc_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.fdopen.restype = ctypes.c_void_p
together = threading.Barrier(8)

def take():
    libc.malloc(1000)  # without the GIL, so that threads meet
    together.wait()

threads = [threading.Thread(target=take) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.parametrize("heaps", ["one", "many"])
def test_threads_share_one_heap(heaps: str) -> None:
    """As malloc_info(3) tells; without the call each thread has its own, or this would prove nothing."""
    found = subprocess.run([sys.executable, "-c", _THREADS, heaps], check=True, capture_output=True, text=True).stdout
    assert (found.count("<heap nr=") == 1) is (heaps == "one"), found
