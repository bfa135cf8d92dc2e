"""An NFS client as a FUSE filesystem, for machines whose kernel has none: libnfs speaks to a real server (NFSv3).

    python -m support.nfs_fuse URL MOUNT_POINT      (nfs://HOST/EXPORT?nfsport=PORT&mountport=PORT)

It does what the client in a kernel does and libnfs does not: a file that is removed while it is open gets another name,
`.nfs…`, until it is closed. It obeys the lines that fuse_server.py obeys. It has no RENAME_NOREPLACE and no O_TMPFILE.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
import sys
from ctypes import byref, c_char_p, c_int, c_uint64, c_void_p, create_string_buffer

from support.fuse_server import ATTRIBUTES, Server, mounted, name_in

_MOST_READ = 1 << 20


class _Stat(ctypes.Structure):
    _fields_ = tuple(
        (name, c_uint64)
        for name in (
            *("dev", "ino", "mode", "nlink", "uid", "gid", "rdev", "size", "blksize", "blocks"),
            *("atime", "mtime", "ctime", "atime_nsec", "mtime_nsec", "ctime_nsec", "used"),
        )
    )


class _Room(ctypes.Structure):
    _fields_ = tuple(
        (name, c_uint64)
        for name in (
            "bsize",
            "frsize",
            "blocks",
            "bfree",
            "bavail",
            "files",
            "ffree",
            "favail",
            "fsid",
            "flag",
            "namemax",
        )
    )


class _Entry(ctypes.Structure):
    _fields_ = (("next", c_void_p), ("name", c_char_p))


class NfsServer(Server):
    """The requests of one mount. A node is a path on the server."""

    def __init__(self, device: int, url: str) -> None:
        super().__init__(device, "/")
        self._nfs = nfs = ctypes.CDLL("libnfs.so.13")
        for function in ("nfs_init_context", "nfs_parse_url_full", "nfs_readdir"):
            getattr(nfs, function).restype = c_void_p
        self._context = c_void_p(nfs.nfs_init_context())
        parsed = nfs.nfs_parse_url_full(self._context, os.fsencode(url.replace("?", "/.?", 1)))
        if not parsed:
            raise OSError(errno.EINVAL, url)
        server, path = (c_char_p * 2).from_address(parsed)
        nfs.nfs_set_autoreconnect(self._context, -1)
        self._call("nfs_mount", server, path)
        self._at: dict[int, bytes | None] = {1: b""}
        self._number: dict[bytes, int] = {b"": 1}
        self._next = 2
        self._files: dict[int, c_void_p] = {}
        self._lists: dict[int, list[bytes]] = {}
        self._kept: set[int] = set()
        """Nodes that are to be removed when they are closed."""

    def _call(self, function: str, *arguments: object) -> int:
        answer = int(getattr(self._nfs, function)(self._context, *arguments))
        if answer < 0:
            raise OSError(-answer, os.strerror(-answer))
        return answer

    # Nodes

    def _path_of(self, node: int, name: bytes = b"") -> bytes:
        at = self._at[node]
        if at is None:
            raise OSError(errno.ESTALE, "it was removed")
        return b"/".join((at, name)) if name else at or b"/"

    def _raw(self, body: bytes) -> bytes:
        return os.fsencode(name_in(body))

    def _entry(self, node: int, name: str) -> bytes:
        path = self._path_of(node, os.fsencode(name))
        found = _Stat()
        self._call("nfs_lstat64", path, byref(found))
        number = self._number.setdefault(path, self._next)
        if number == self._next:
            self._next += 1
            self._at[number] = path
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + self._packed(found)

    def _attributes(self, node: int) -> bytes:
        found = _Stat()
        self._call("nfs_lstat64", self._path_of(node), byref(found))
        return self._packed(found)

    def _packed(self, found: _Stat) -> bytes:
        return ATTRIBUTES.pack(
            found.ino,
            found.size,
            found.blocks,
            *(found.atime, found.mtime, found.ctime),
            *(found.atime_nsec, found.mtime_nsec, found.ctime_nsec),
            found.mode & 0xFFFFFFFF,
            *(found.nlink, found.uid, found.gid),
            0,
            4096,
            0,
        )

    def _moved(self, old: bytes, new: bytes) -> None:
        """Let the nodes at a path, and below it, be at another one."""
        self._forget_path(new)
        for path in [each for each in self._number if each == old or each.startswith(old + b"/")]:
            number = self._number.pop(path)
            self._at[number] = there = new + path[len(old) :]
            self._number[there] = number

    def _forget_path(self, path: bytes) -> None:
        number = self._number.pop(path, None)
        if number is not None:
            self._at[number] = None

    # Requests

    def _readlink(self, node: int, _: bytes) -> bytes:
        into = create_string_buffer(4096)
        self._call("nfs_readlink", self._path_of(node), into, c_int(len(into)))
        return bytes(into.value)

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size, _, atime, mtime, _, ans, mns, _, mode, _, uid, gid, _ = struct.unpack_from(
            "<IIQQQQQQ8I", body
        )
        path = self._path_of(node)
        if valid & 1:
            self._call("nfs_chmod", path, c_int(stat.S_IMODE(mode)))
        if valid & 6:
            self._call("nfs_lchown", path, c_int(uid if valid & 2 else -1), c_int(gid if valid & 4 else -1))
        if valid & 8:
            self._call("nfs_truncate", path, c_uint64(size))
        if valid & 0x30 and not valid & 0x180:
            times = (ctypes.c_long * 4)(atime, ans // 1000, mtime, mns // 1000)
            self._call("nfs_utimes", path, times)
        return self._getattr(node, b"")

    def _symlink(self, node: int, body: bytes) -> bytes:
        name, target = body.split(b"\0")[:2]
        self._call("nfs_symlink", target, self._path_of(node, name))
        return self._entry(node, os.fsdecode(name))

    def _mknod(self, node: int, body: bytes) -> bytes:
        mode, device, *_ = struct.unpack_from("<4I", body)
        name = self._raw(body[16:])
        self._call("nfs_mknod", self._path_of(node, name), c_int(mode), c_int(device))
        return self._entry(node, os.fsdecode(name))

    def _mkdir(self, node: int, body: bytes) -> bytes:
        mode, _ = struct.unpack_from("<II", body)
        name = self._raw(body[8:])
        self._call("nfs_mkdir2", self._path_of(node, name), c_int(stat.S_IMODE(mode)))
        return self._entry(node, os.fsdecode(name))

    def _unlink(self, node: int, body: bytes) -> bytes:
        path = self._path_of(node, self._raw(body))
        number = self._number.get(path)
        if number is not None and number in self._open.values():
            other = path.rpartition(b"/")[0] + b"/.nfs%016x" % number
            self._call("nfs_rename", path, other)
            self._moved(path, other)
            self._kept.add(number)
            return b""
        self._call("nfs_unlink", path)
        self._forget_path(path)
        return b""

    def _rmdir(self, node: int, body: bytes) -> bytes:
        path = self._path_of(node, self._raw(body))
        self._call("nfs_rmdir", path)
        self._forget_path(path)
        return b""

    def _rename(self, node: int, body: bytes) -> bytes:
        (to,) = struct.unpack_from("<Q", body)
        old, new = body[8:].split(b"\0")[:2]
        old, new = self._path_of(node, old), self._path_of(to, new)
        self._call("nfs_rename", old, new)
        self._moved(old, new)
        return b""

    def _link(self, node: int, body: bytes) -> bytes:
        (old,) = struct.unpack_from("<Q", body)
        name = self._raw(body[8:])
        self._call("nfs_link", self._path_of(old), self._path_of(node, name))
        return self._entry(node, os.fsdecode(name))

    def _opened(self, node: int, flags: int) -> bytes:
        if flags & os.O_DIRECTORY:
            self._lists[self._next] = self._names(node)
            self._next += 1
            return struct.pack("<QII", self._next - 1, 0, 0)
        return self._handle(self._path_of(node), node, flags & ~(os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_NOFOLLOW))

    def _handle(self, path: bytes, node: int, flags: int, mode: int = 0) -> bytes:
        file = c_void_p()
        wanted = flags & (os.O_ACCMODE | os.O_TRUNC | os.O_CREAT | os.O_EXCL)
        self._call("nfs_open2", path, c_int(wanted), c_int(mode), byref(file))
        handle, self._next = self._next, self._next + 1
        self._files[handle] = file
        self._open[handle] = node
        return struct.pack("<QII", handle, 0, 0)

    def _create(self, node: int, body: bytes) -> bytes:
        flags, mode, *_ = struct.unpack_from("<4I", body)
        name = self._raw(body[16:])
        opened = self._handle(self._path_of(node, name), 0, flags & ~os.O_APPEND | os.O_CREAT, stat.S_IMODE(mode))
        self._call("nfs_chmod", self._path_of(node, name), c_int(stat.S_IMODE(mode)))  # libnfs makes it for its owner
        entry = self._entry(node, os.fsdecode(name))
        self._open[struct.unpack_from("<Q", opened)[0]] = struct.unpack_from("<Q", entry)[0]
        return entry + opened

    def _read(self, _: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        into = create_string_buffer(min(size, _MOST_READ))
        count = self._call("nfs_pread", self._files[handle], c_uint64(offset), c_uint64(len(into)), into)
        return bytes(into.raw[:count])

    def _write(self, _: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        data = body[40 : 40 + size]
        count = self._call("nfs_pwrite", self._files[handle], c_uint64(offset), c_uint64(size), data)
        return struct.pack("<II", count, 0)

    def _fsync(self, _: int, body: bytes) -> bytes:
        handle = struct.unpack_from("<Q", body)[0]
        if handle in self._files:
            self._call("nfs_fsync", self._files[handle])
        return b""

    def _release(self, _: int, body: bytes) -> bytes:
        (handle,) = struct.unpack_from("<Q", body)
        if self._lists.pop(handle, None) is not None:
            return b""
        node = self._open.pop(handle)
        self._call("nfs_close", self._files.pop(handle))
        if node in self._kept and node not in self._open.values():
            self._kept.discard(node)
            path = self._path_of(node)
            self._call("nfs_unlink", path)
            self._forget_path(path)
        return b""

    def _statfs(self, _: int, __: bytes) -> bytes:
        found = _Room()
        self._call("nfs_statvfs64", b"/", byref(found))
        counts = (found.blocks, found.bfree, found.bavail, found.files, found.ffree)
        return struct.pack("<5Q4I6I", *counts, found.bsize, 255, found.frsize or found.bsize, 0, *[0] * 6)

    def _names(self, node: int) -> list[bytes]:
        listed = c_void_p()
        self._call("nfs_opendir", self._path_of(node), byref(listed))
        found = []
        while entry := self._nfs.nfs_readdir(self._context, listed):
            found.append(_Entry.from_address(entry).name)
        self._nfs.nfs_closedir(self._context, listed)
        return [name for name in found if name not in {b".", b".."}]

    def _listed(self, handle: int) -> list[bytes]:
        return self._lists[handle]


if __name__ == "__main__":
    mounted(lambda device: NfsServer(device, sys.argv[1]), sys.argv[2], b"nfs")
