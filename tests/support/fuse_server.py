"""A filesystem whose server can stop answering: what a dead NFS server or a dead FUSE program does to those who use it.

    python fuse_server.py FOLDER MOUNT_POINT

It shows a folder at the mount point, by the kernel's own protocol (linux/fuse.h) and without a library. It obeys lines
on standard input and answers each with "ok":

    hold    take each request and answer none: whoever asks waits in the kernel, and no signal ends it
    answer  answer what waits, and go on as a sound server
    fail WHAT ERRNO EVERY
            let one request in EVERY fail with this number: WHAT is "read", or "all" that name a file or use one
    silly   from now on a file that is removed while it is open gets another name, as an NFS client does it

At the end of its input it ends, and the kernel fails every call with ENOTCONN. It has no RENAME_NOREPLACE and no
O_TMPFILE, as NFS has none. What is made belongs to root. It needs root.
"""

from __future__ import annotations

import ctypes
import errno
import os
import resource
import select
import stat
import struct
import sys
from collections.abc import Callable

_MOST_WRITTEN = 128 << 10
_REQUEST = struct.Struct("<IIQQIIIHH")  # length, opcode, unique, node, uid, gid, pid, and what is not used here
_REPLY = struct.Struct("<IiQ")
ATTRIBUTES = struct.Struct("<6Q10I")
_UMOUNT_LAZILY = 2
_NO_REPLY = {2, 36, 42}  # FORGET, INTERRUPT, BATCH_FORGET
_READS = frozenset({15})
_ALL = frozenset({1, 3, 4, 6, 8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 27, 28, 35})
"""All but what begins and ends the use of a file: a server that is away cannot keep anybody from closing one."""


class Server:
    """The requests of one mount. A node is an open descriptor (O_PATH), so renames need no bookkeeping."""

    def __init__(self, device: int, folder: str) -> None:
        self._device = device
        root = os.open(folder, os.O_PATH | os.O_DIRECTORY)
        self._nodes = {1: root}
        self._numbers = {self._identity(root): 1}
        self._held: list[bytes] | None = None
        self._fails: tuple[frozenset[int], int, int] = (frozenset(), 0, 1)
        self._failing = 0
        self._silly: dict[int, tuple[int, str]] | None = None
        """By node: the folder and the name of a file that is to be removed when it is closed."""
        self._open: dict[int, int] = {}
        """The node of each open handle."""
        self._calls: dict[int, Callable[[int, bytes], bytes]] = {
            1: self._lookup,
            3: self._getattr,
            4: self._setattr,
            5: self._readlink,
            6: self._symlink,
            8: self._mknod,
            9: self._mkdir,
            10: self._unlink,
            11: self._rmdir,
            12: self._rename,
            13: self._link,
            14: lambda node, body: self._opened(node, struct.unpack_from("<I", body)[0]),
            15: self._read,
            16: self._write,
            17: self._statfs,
            18: self._release,
            20: self._fsync,
            25: lambda *_: b"",  # FLUSH
            26: self._init,
            27: lambda node, _: self._opened(node, os.O_RDONLY | os.O_DIRECTORY),
            28: self._readdir,
            29: self._release,
            30: self._fsync,
            35: self._create,
        }

    def serve(self) -> None:
        """Answer until the input ends or the filesystem is unmounted."""
        while True:
            ready, _, _ = select.select([self._device, sys.stdin.fileno()], [], [])
            if sys.stdin.fileno() in ready:
                order = os.read(sys.stdin.fileno(), 64)
                if not order:
                    return
                self._obey(order.strip())
            if self._device in ready:
                try:
                    request = os.read(self._device, _MOST_WRITTEN + 4096)
                except OSError as error:
                    if error.errno == errno.ENODEV:
                        return
                    continue  # the request was taken back: there is nothing to read (EAGAIN), or it cannot be
                if self._held is None:
                    self._answer(request)
                else:
                    self._held.append(request)

    def _obey(self, order: bytes) -> None:
        word, *values = order.decode().split()
        if word == "hold":
            self._held = []
        elif word == "fail":
            what, code, every = values
            self._fails = (_READS if what == "read" else _ALL, int(code), int(every))
            self._failing = 0
        elif word == "silly":
            self._silly = self._silly or {}
        else:
            self._fails = (frozenset(), 0, 1)
            held, self._held = self._held or [], None
            for request in held:
                self._answer(request)
        os.write(sys.stdout.fileno(), b"ok\n")

    def _answer(self, request: bytes) -> None:
        _, opcode, unique, node, *_ = _REQUEST.unpack_from(request)
        if opcode in _NO_REPLY:
            return
        code, data = 0, b""
        call = self._calls.get(opcode)
        try:
            self._fail_if_told(opcode)
            data = call(node, request[_REQUEST.size :]) if call else b""
            code = 0 if call else -errno.ENOSYS
        except OSError as error:
            code = -(error.errno or errno.EIO)
        try:
            os.write(self._device, _REPLY.pack(_REPLY.size + len(data), code, unique) + data)
        except OSError as error:
            if error.errno != errno.ENOENT:  # whoever asked has gone
                raise

    def _fail_if_told(self, opcode: int) -> None:
        which, code, every = self._fails
        if opcode in which:
            self._failing += 1
            if self._failing % every == 0:
                raise OSError(code, os.strerror(code))

    # Nodes

    def _identity(self, descriptor: int) -> tuple[int, int]:
        found = os.fstat(descriptor)
        return found.st_dev, found.st_ino

    def _entry(self, node: int, name: str) -> bytes:
        descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=self._nodes[node])
        number = self._numbers.setdefault(self._identity(descriptor), descriptor + 2)
        if self._nodes.setdefault(number, descriptor) != descriptor:
            os.close(descriptor)
        return struct.pack("<QQQQII", number, 0, 0, 0, 0, 0) + self._attributes(number)

    def _attributes(self, node: int) -> bytes:
        found = os.fstat(self._nodes[node])
        times = (found.st_atime_ns, found.st_mtime_ns, found.st_ctime_ns)
        return ATTRIBUTES.pack(
            found.st_ino,
            found.st_size,
            found.st_blocks,
            *(time // 10**9 for time in times),
            *(time % 10**9 for time in times),
            found.st_mode,
            found.st_nlink,
            found.st_uid,
            found.st_gid,
            found.st_rdev,
            found.st_blksize,
            0,
        )

    def _path(self, node: int) -> str:
        return f"/proc/self/fd/{self._nodes[node]}"

    # Requests

    def _init(self, _: int, body: bytes) -> bytes:
        _, _, readahead, _ = struct.unpack_from("<4I", body)
        return struct.pack("<4I2H2I2H8I", 7, 31, readahead, 0, 16, 12, _MOST_WRITTEN, 1, 32, 0, *[0] * 8)

    def _lookup(self, node: int, body: bytes) -> bytes:
        return self._entry(node, name_in(body))

    def _getattr(self, node: int, _: bytes) -> bytes:
        return struct.pack("<QII", 0, 0, 0) + self._attributes(node)

    def _setattr(self, node: int, body: bytes) -> bytes:
        valid, _, _, size, _, atime, mtime, _, ans, mns, _, mode, _, uid, gid, _ = struct.unpack_from(
            "<IIQQQQQQ8I", body
        )
        path = self._path(node)
        if valid & 1:
            os.chmod(path, stat.S_IMODE(mode))  # noqa: PTH101 - of a descriptor
        if valid & 6:
            os.chown(path, uid if valid & 2 else -1, gid if valid & 4 else -1)
        if valid & 8:
            os.truncate(path, size)
        if valid & 0x1B0:
            if valid & 0x180:
                os.utime(path)
            else:
                os.utime(path, ns=(atime * 10**9 + ans, mtime * 10**9 + mns))
        return self._getattr(node, b"")

    def _readlink(self, node: int, _: bytes) -> bytes:
        return os.fsencode(os.readlink("", dir_fd=self._nodes[node]))

    def _symlink(self, node: int, body: bytes) -> bytes:
        name, target = body.split(b"\0")[:2]
        os.symlink(os.fsdecode(target), os.fsdecode(name), dir_fd=self._nodes[node])
        return self._entry(node, os.fsdecode(name))

    def _mknod(self, node: int, body: bytes) -> bytes:
        mode, device, *_ = struct.unpack_from("<4I", body)
        name = name_in(body[16:])
        os.mknod(name, mode, device, dir_fd=self._nodes[node])
        return self._entry(node, name)

    def _mkdir(self, node: int, body: bytes) -> bytes:
        mode, _ = struct.unpack_from("<II", body)
        name = name_in(body[8:])
        os.mkdir(name, mode, dir_fd=self._nodes[node])
        return self._entry(node, name)

    def _unlink(self, node: int, body: bytes) -> bytes:
        name = name_in(body)
        if self._silly is not None:
            found = os.stat(name, dir_fd=self._nodes[node], follow_symlinks=False)
            number = self._numbers.get((found.st_dev, found.st_ino))
            if number is not None and number in self._open.values():
                other = f".nfs{number:016x}"
                os.rename(name, other, src_dir_fd=self._nodes[node], dst_dir_fd=self._nodes[node])
                self._silly[number] = (node, other)
                return b""
        os.unlink(name, dir_fd=self._nodes[node])
        return b""

    def _rmdir(self, node: int, body: bytes) -> bytes:
        os.rmdir(name_in(body), dir_fd=self._nodes[node])
        return b""

    def _rename(self, node: int, body: bytes) -> bytes:
        (to,) = struct.unpack_from("<Q", body)
        old, new = (os.fsdecode(name) for name in body[8:].split(b"\0")[:2])
        os.rename(old, new, src_dir_fd=self._nodes[node], dst_dir_fd=self._nodes[to])
        return b""

    def _link(self, node: int, body: bytes) -> bytes:
        (old,) = struct.unpack_from("<Q", body)
        name = name_in(body[8:])
        os.link(self._path(old), name, dst_dir_fd=self._nodes[node], follow_symlinks=True)
        return self._entry(node, name)

    def _opened(self, node: int, flags: int) -> bytes:
        # What opens it is checked by the kernel (default_permissions); a file is made by CREATE.
        handle = os.open(self._path(node), flags & ~(os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_APPEND))
        self._open[handle] = node
        return struct.pack("<QII", handle, 0, 0)

    def _create(self, node: int, body: bytes) -> bytes:
        flags, mode, *_ = struct.unpack_from("<4I", body)
        name = name_in(body[16:])
        handle = os.open(name, flags & ~os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW, mode, dir_fd=self._nodes[node])
        entry = self._entry(node, name)
        self._open[handle] = struct.unpack_from("<Q", entry)[0]
        return entry + struct.pack("<QII", handle, 0, 0)

    def _read(self, _: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        return os.pread(handle, size, offset)

    def _write(self, _: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        return struct.pack("<II", os.pwrite(handle, body[40 : 40 + size], offset), 0)

    def _statfs(self, _: int, __: bytes) -> bytes:
        found = os.fstatvfs(self._nodes[1])
        return struct.pack(
            "<5Q4I6I",
            found.f_blocks,
            found.f_bfree,
            found.f_bavail,
            found.f_files,
            found.f_ffree,
            found.f_bsize,
            found.f_namemax,
            found.f_frsize,
            0,
            *[0] * 6,
        )

    def _release(self, _: int, body: bytes) -> bytes:
        (handle,) = struct.unpack_from("<Q", body)
        os.close(handle)
        node = self._open.pop(handle)
        if self._silly and node in self._silly and node not in self._open.values():
            folder, name = self._silly.pop(node)
            os.unlink(name, dir_fd=self._nodes[folder])
        return b""

    def _fsync(self, _: int, body: bytes) -> bytes:
        os.fsync(struct.unpack_from("<Q", body)[0])
        return b""

    def _readdir(self, _: int, body: bytes) -> bytes:
        handle, offset, size = struct.unpack_from("<QQI", body)
        found = b""
        for number, raw in enumerate([b".", b"..", *self._listed(handle)][offset:], offset + 1):
            entry = struct.pack("<QQII", 1, number, len(raw), 0) + raw
            entry += bytes(-len(entry) % 8)
            if len(found) + len(entry) > size:
                break
            found += entry
        return found

    def _listed(self, handle: int) -> list[bytes]:
        return [os.fsencode(name) for name in os.listdir(handle)]


def name_in(body: bytes) -> str:
    return os.fsdecode(body.partition(b"\0")[0])


def mounted(server: Callable[[int], Server], at: str, kind: bytes = b"") -> None:
    """Mount, say so, and serve. `kind` is what mount(8) shows, after "fuse."."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a node that has been seen keeps its descriptor
    os.umask(0)  # the kernel has taken the umask of whoever asks from the mode
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    made = server(device)
    libc = ctypes.CDLL(None, use_errno=True)
    subtype = f"subtype={kind.decode()}," if kind else ""
    options = f"{subtype}fd={device},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions"
    if libc.mount(b"ocrspool-test", os.fsencode(at), b"fuse", 0, options.encode()) != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    os.write(sys.stdout.fileno(), b"mounted\n")
    try:
        made.serve()
    finally:
        libc.umount2(os.fsencode(at), _UMOUNT_LAZILY)


if __name__ == "__main__":
    mounted(lambda device: Server(device, sys.argv[1]), sys.argv[2])
