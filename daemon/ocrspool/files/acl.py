"""Access control lists of folders: who may use what other people will make in a folder, whatever their umask.

A umask takes rights from a new file only where its folder has no default ACL. Linux keeps an ACL in an extended
attribute (acl(5); the format is in linux/posix_acl_xattr.h), so no library is needed to write one.
"""

from __future__ import annotations

import errno
import os
import struct

_ACCESS = "system.posix_acl_access"
_DEFAULT = "system.posix_acl_default"
_VERSION = struct.pack("<I", 2)
_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFF_FFFF
_ALL, _NONE = 7, 0

_NO_ACLS = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL})
"""What setxattr(2) says on a filesystem that has no ACLs."""


def open_to_group(descriptor: int, group: int) -> bool:
    """Let the owner, the owning group and this group use a folder and all that will be made in it; nobody else.

    Return whether the filesystem has ACLs: on one that has none, the mode of the folder is all there is. Raise OSError.
    """
    packed = _packed(group)
    try:
        for attribute in (_ACCESS, _DEFAULT):
            os.setxattr(descriptor, attribute, packed)
    except OSError as error:
        if error.errno not in _NO_ACLS:
            raise
        return False
    return True


def has_default(descriptor: int) -> bool:
    """Tell whether what is made in a folder gets its rights from the folder. Raise OSError."""
    return _DEFAULT in os.listxattr(descriptor)


def _packed(group: int) -> bytes:
    entries = (
        (_USER_OBJ, _ALL, _NO_ID),
        (_GROUP_OBJ, _ALL, _NO_ID),
        (_GROUP, _ALL, group),
        (_MASK, _ALL, _NO_ID),
        (_OTHER, _NONE, _NO_ID),
    )
    return _VERSION + b"".join(_ENTRY.pack(*entry) for entry in entries)
