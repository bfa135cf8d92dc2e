"""The sandbox of a decoder, tried from inside: what is refused by each of its two layers, and what still works."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import ocrspool
from ocrspool.processes import sandbox

pytestmark = pytest.mark.skipif(bool(sandbox.missing_protections()), reason="; ".join(sandbox.missing_protections()))

SOURCE_ROOT = Path(ocrspool.__file__).parents[1]

PRISONER = """
import ctypes, fcntl, json, mmap, os, resource, signal, socket, sys, threading
sys.path.insert(0, sys.argv[1])
from ocrspool.processes import lifetime, sandbox
layers, folder, port, abstract = sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5]
libc, parent = ctypes.CDLL(None, use_errno=True), os.getppid()
network, local = socket.socket(), socket.socket(socket.AF_UNIX)
font, fonts = os.open(f"{folder}/fonts/font", os.O_RDONLY), os.open(f"{folder}/fonts", os.O_RDONLY)

def call(name, *arguments):
    if getattr(libc, name)(*arguments) < 0:
        raise OSError(ctypes.get_errno(), name)

page = lambda protection: mmap.mmap(-1, mmap.PAGESIZE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, protection)
attempts = {
    "read": lambda: os.open(f"{folder}/secret", os.O_RDONLY),
    "list": lambda: os.listdir(folder),
    "write": lambda: os.open(f"{folder}/secret", os.O_WRONLY),
    "create": lambda: os.open(f"{folder}/made", os.O_WRONLY | os.O_CREAT),
    "folder": lambda: os.mkdir(f"{folder}/made"),
    "remove": lambda: os.unlink(f"{folder}/secret"),
    "rename": lambda: os.rename(f"{folder}/secret", f"{folder}/fonts/secret"),
    "link": lambda: os.link(f"{folder}/secret", f"{folder}/fonts/secret"),
    "write a font": lambda: os.open(f"{folder}/fonts/font", os.O_WRONLY),
    "truncate a font": lambda: os.truncate(f"{folder}/fonts/font", 0),
    "out of the fonts": lambda: os.open(f"{folder}/fonts/link", os.O_RDONLY),
    "tcp": lambda: network.connect(("127.0.0.1", port)),
    "abstract socket": lambda: local.connect("\\0" + abstract),
    "socket": lambda: socket.socket(),
    "unix socket": lambda: socket.socket(socket.AF_UNIX),
    "kill": lambda: os.kill(parent, signal.SIGTERM),
    "limits of others": lambda: resource.prlimit(parent, resource.RLIMIT_NOFILE, (9, 9)),
    "own a socket": lambda: fcntl.fcntl(local, fcntl.F_SETOWN, parent),
    "choose a signal": lambda: fcntl.fcntl(local, fcntl.F_SETSIG, signal.SIGKILL),
    "lease": lambda: fcntl.fcntl(font, fcntl.F_SETLEASE, fcntl.F_RDLCK),
    "notify": lambda: fcntl.fcntl(fonts, fcntl.F_NOTIFY, fcntl.DN_DELETE),
    "huge pages": lambda: os.memfd_create("page", os.MFD_HUGETLB),
    "ptrace": lambda: call("ptrace", 16, parent, None, None),
    "memory of others": lambda: call("process_vm_readv", parent, None, 0, None, 0, 0),
    "fork": lambda: os.fork() or os._exit(0),
    "thread": lambda: threading.Thread(target=int).start(),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "code": lambda: page(mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC),
    "io_uring": lambda: call("syscall", 425, 1, None),
    "bpf": lambda: call("syscall", 321, 0, None, 0),
    "namespace": lambda: call("unshare", 0x10000000),
    "font": lambda: os.read(os.open(f"{folder}/fonts/font", os.O_RDONLY), 9),
    "fonts": lambda: os.listdir(f"{folder}/fonts"),
    "memory": lambda: page(mmap.PROT_READ | mmap.PROT_WRITE),
    "memory file": lambda: os.write(os.memfd_create("page"), b"pixels"),
    "flags": lambda: local.setblocking(False) or fcntl.fcntl(local, fcntl.F_GETFL),
    "copy": lambda: os.close(fcntl.fcntl(local, fcntl.F_DUPFD_CLOEXEC, 3)),
    "seals": lambda: fcntl.fcntl(os.memfd_create("p", os.MFD_ALLOW_SEALING), fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE),
    "own limits": lambda: resource.setrlimit(resource.RLIMIT_CPU, (60, -1)),
}
lifetime.die_with_parent()
if layers == "both":
    assert sandbox.confine([f"{folder}/fonts"]) == []
elif layers == "landlock":
    sandbox._restrict(sandbox.landlock_version(), [f"{folder}/fonts"])
else:
    sandbox._filter(may_open=False)
refused = []
for name, attempt in attempts.items():
    try:
        attempt()
    except (OSError, RuntimeError, ValueError):
        refused.append(name)
print(json.dumps(refused), flush=True)
os.abort()
"""

PARENT = "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-I', '-c', *sys.argv[1:]]).returncode)"

FILES = {"read", "list", "write", "create", "folder", "remove", "rename", "link"}
FONTS_GUARDED = {"write a font", "truncate a font", "out of the fonts"}
SIGNALS = {"own a socket", "choose a signal", "lease", "notify"}
OTHERS = {"kill", "limits of others", "ptrace", "memory of others"}
NEW = {"fork", "thread", "exec", "code", "io_uring", "bpf", "namespace", "socket", "unix socket"}
FONTS, WORK = {"font", "fonts"}, {"flags", "copy", "seals", "memory", "memory file", "own limits"}
REFUSED = {
    "both": FILES | FONTS_GUARDED | OTHERS | NEW | SIGNALS | {"huge pages", "tcp", "abstract socket"},
    "landlock": FILES | FONTS_GUARDED | {"exec", "tcp", "abstract socket", "kill", "ptrace"},
    "seccomp": FILES | FONTS_GUARDED | OTHERS | NEW | SIGNALS | {"huge pages", "tcp", "abstract socket"} | FONTS,
}
WORKS = {"both": FONTS | WORK, "landlock": FONTS | WORK, "seccomp": WORK}


@pytest.mark.parametrize("layers", REFUSED)
def test_what_is_refused(tmp_path: Path, layers: str) -> None:
    """Each layer refuses what it is there for, without the other; what a decoder needs works; abort still aborts."""
    (tmp_path / "secret").write_text("of another document")
    (tmp_path / "fonts").mkdir()
    (tmp_path / "fonts/font").write_text("glyphs")
    (tmp_path / "fonts/link").symlink_to(tmp_path / "secret")
    name = f"ocrspool-{os.getpid()}-{layers}"
    with socket.create_server(("127.0.0.1", 0)) as network, socket.socket(socket.AF_UNIX) as abstract:
        abstract.bind(f"\0{name}")
        abstract.listen()
        arguments = [str(SOURCE_ROOT), layers, str(tmp_path), str(network.getsockname()[1]), name]
        # By a parent of its own, which it may try to hurt.
        jailer = (
            "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-I', '-c', *sys.argv[1:]]).returncode)"
        )
        command = [sys.executable, "-I", "-c", jailer, PRISONER, *arguments]
        ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.stdout, ended.stderr
    refused = set(json.loads(ended.stdout))
    assert refused >= REFUSED[layers]
    assert not refused & WORKS[layers]
    assert (tmp_path / "secret").read_text() == "of another document"
    assert (tmp_path / "fonts/font").read_text() == "glyphs"
    assert not (tmp_path / "made").exists()
    assert ended.returncode == 256 - signal.SIGABRT


WITHOUT_LANDLOCK = """
import ctypes, logging, sys
sys.path.insert(0, sys.argv[1])
from ocrspool.processes import lifetime, sandbox, seccomp
from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Paths
from ocrspool.decoding.pool import DecoderProcessPool
calls = [seccomp._one(0x20, 0)]
for number in (444, 445, 446):
    calls += [seccomp._one(0x15, number, 0, 1), seccomp._one(0x06, 0x00050000 | 38)]
lifetime.die_with_parent()
sandbox._install(b"".join([*calls, seccomp._one(0x06, 0x7FFF0000)]))
logging.basicConfig(stream=sys.stdout, format="%(message)s")
decoders = DecoderProcessPool(2, CurrentConfig(Config(paths=Paths(cache=sys.argv[2]))))
decoders.start()
decoders.close()
print(sandbox.missing_protections())
"""


def test_kernel_without_landlock(tmp_path: Path) -> None:
    """Decoders start all the same, under the other layer, and the log says once what they lack."""
    command = [sys.executable, "-I", "-c", WITHOUT_LANDLOCK, str(SOURCE_ROOT), str(tmp_path)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(said) == 2
    assert said[0].startswith("decoders are confined less than they could be: the kernel has no Landlock")
    assert "no Landlock" in said[1]
