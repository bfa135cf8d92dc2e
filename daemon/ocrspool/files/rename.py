"""A rename that never replaces anything: renameat2(2) with RENAME_NOREPLACE, where kernel and filesystem have it."""

from __future__ import annotations

import ctypes
import errno
import os
import sys

_NOREPLACE = 1
_NONE_HERE = frozenset({errno.EINVAL, errno.ENOSYS})
"""What it says where the filesystem (NFS, SMB, some of FUSE) or the kernel has no such rename."""


def _found() -> ctypes._NamedFuncPointer | None:
    call = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)  # glibc has it since 2.28
    if call is not None:
        call.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_int, ctypes.c_char_p, ctypes.c_uint)
    return call


_renameat2 = _found()


def rename_new(name: str, folder: int, to: int, new: str) -> bool:
    """Rename between two open folders, unless something has the new name. Tell whether that can be asked for here.

    Raise FileExistsError, or another OSError.
    """
    if _renameat2 is None:
        return False
    sys.audit("os.rename", name, new, folder, to)  # as os.rename does
    if _renameat2(folder, os.fsencode(name), to, os.fsencode(new), _NOREPLACE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _NONE_HERE:
        return False
    raise OSError(code, os.strerror(code), new)
