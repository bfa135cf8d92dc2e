"""Whose fault a system error is: that of a person who may put files there, or that of the disk. Pure."""

from __future__ import annotations

import errno
import os

from ocrspool.files import names

_OF_PEOPLE = frozenset({
    errno.EACCES,  # a folder or file of theirs that we may not enter or write
    errno.EPERM,  # a file of theirs in a folder with the sticky bit
    errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOTEMPTY,  # something else has the name
    errno.ELOOP,  # a link has the name: we follow none
    errno.ENXIO, errno.ENODEV,  # a pipe, a socket or a device has the name
    errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ,  # a name that this filesystem cannot have
    errno.EAGAIN,  # a lease of theirs on the file
    errno.ETXTBSY,  # a program of theirs that runs from the file
    errno.EMLINK,  # they have made as many links as a file, or folders as a folder, can have
})  # fmt: skip


def in_words(error: OSError) -> str:
    """Return what the system says, and of which file, without its numbers."""
    path = "" if error.filename is None else f"{names.printable(os.fsdecode(error.filename))}: "
    return f"{path}{error.strerror or error}"


def is_of_people(error: OSError) -> bool:
    """Tell whether people who may write to a folder can cause this with what they put there.

    Waiting does not help against it: use another name, or fail the file with the reason. Everything else is the
    disk's (full, read-only, failing, away, out of descriptors), and passes: wait and try again. One exception is
    the caller's to know: people cannot close the folder of a state itself, which is the administrator's.
    """
    return error.errno in _OF_PEOPLE


def is_of_disk(error: OSError) -> bool:
    """Tell whether the disk is at fault: neither is nothing there, nor have people put something else there."""
    return not isinstance(error, FileNotFoundError) and not is_of_people(error)


class unless_of_disk:  # noqa: N801 - used like contextlib.suppress, and as often as open_path.naming
    """Go on after the block where nothing was there, or what people have put there. Raise OSError of the disk."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        """Tell whether to go on."""
        return isinstance(error, OSError) and not is_of_disk(error)
