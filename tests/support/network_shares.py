"""Network filesystems with their real servers, mounted for one test: NFSv3, SMB and SFTP. They need root and FUSE.

- NFS: nfs-ganesha, and libnfs below a FUSE filesystem of ours (nfs_fuse.py)
- SMB: smbd, and smbnetfs
- SFTP: the sftp-server of OpenSSH, and sshfs
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.filesystem_images import run
from support.waiting import wait_until

_PATH = "/usr/bin:/usr/sbin:/bin:/sbin:/usr/lib/openssh"
_TESTS = Path(__file__).parents[1]
_MOUNTED_SECONDS = 30.0
_PORT_MAPPER, _SMB_PORT = 111, 445
_GANESHA = """
NFS_CORE_PARAM {{ Protocols = 3; NFS_Port = {port}; MNT_Port = {mount_port}; Bind_addr = 127.0.0.1;
                  Enable_NLM = false; Enable_RQUOTA = false; Enable_UDP = false; }}
EXPORT {{ Export_Id = 1; Path = {behind}; Pseudo = /export; Access_Type = RW; Squash = No_Root_Squash;
         SecType = sys; Protocols = 3; Transports = TCP; FSAL {{ Name = VFS; }} }}
LOG {{ Default_Log_Level = CRIT; }}
"""
_SAMBA = """
[global]
smb ports = {port}
interfaces = lo
bind interfaces only = yes
disable netbios = yes
log file = {state}/log
private dir = {state}
lock directory = {state}
state directory = {state}
cache directory = {state}
pid directory = {state}
[scans]
path = {behind}
read only = no
force user = root
"""

_SMBNETFS = {
    "smb.conf": "[global]\nclient min protocol = SMB3\n",
    "smbnetfs.conf": 'auto_scan off\nsmb_tree_scan_period 0\nupdate_interval 0\ninclude "smbnetfs.auth"\n'
    'include "smbnetfs.host"\n',
    "smbnetfs.auth": 'auth "root" "secret"\n',
    "smbnetfs.host": "host 127.0.0.1 visible=true\n",
}


class NetworkShare:
    """What is at `behind` on the server is at `folder` here."""

    needs: tuple[str, ...] = ()
    """The programs without which there is none."""

    def __init__(self, at: Path) -> None:
        self.behind, self.folder, self.state = at / "behind", at / "share", at / "state"
        self.mount_point = self.folder
        for folder in (self.behind, self.folder, self.state):
            folder.mkdir(parents=True)
        self.port = _free_port()
        self._log = (at / "log").open("ab")
        self._server: subprocess.Popen[bytes] | None = None
        self._client: subprocess.Popen[bytes] | None = None

    def start_server(self) -> None:
        """Let the server answer."""
        self._server = self._spawn(*self._serve())
        wait_until(lambda: _listens(self.port), _MOUNTED_SECONDS)

    def kill_server(self) -> None:
        """End the server at once, as a crash does. The mount stays."""
        assert self._server is not None
        self._server.kill()
        self._server.communicate()

    def mount(self) -> None:
        """Mount the share."""
        self._client = self._spawn(*self._mount())
        wait_until(self._is_mounted, _MOUNTED_SECONDS)

    def remove(self) -> None:
        """Unmount it and end both sides."""
        while self._is_mounted():
            run("umount", "--lazy", self.mount_point)
        for process in (self._client, self._server):
            if process is not None:
                process.kill()
                process.communicate()
        self._log.close()

    def _serve(self) -> tuple[str | Path, ...]:
        raise NotImplementedError

    def _mount(self) -> tuple[str | Path, ...]:
        raise NotImplementedError

    def _spawn(self, *command: str | Path) -> subprocess.Popen[bytes]:
        environment = {"HOME": os.fspath(self.state), "PATH": _PATH, "PYTHONPATH": os.fspath(_TESTS)}
        return subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=self._log, stderr=self._log, env=environment, start_new_session=True
        )

    def _is_mounted(self) -> bool:
        return f" {self.mount_point} " in Path("/proc/mounts").read_text("utf-8")


class Nfs(NetworkShare):
    """NFS 3 by nfs-ganesha and libnfs."""

    needs = ("ganesha.nfsd", "rpcbind")
    _registry: subprocess.Popen[bytes] | None = None
    _mount_port = 0

    def start_server(self) -> None:
        """Let the server answer. It does not start without a port mapper, although nobody asks that one here."""
        if not _listens(_PORT_MAPPER):
            self._registry = self._spawn("rpcbind", "-f", "-w")
            wait_until(lambda: _listens(_PORT_MAPPER), _MOUNTED_SECONDS)
        super().start_server()

    def remove(self) -> None:
        """End the port mapper too, if it is ours."""
        super().remove()
        if self._registry is not None:
            self._registry.kill()
            self._registry.communicate()

    def _serve(self) -> tuple[str | Path, ...]:
        config = self.state / "ganesha.conf"
        self._mount_port = self._mount_port or _free_port()
        ports = {"port": self.port, "mount_port": self._mount_port}
        config.write_text(_GANESHA.format(behind=self.behind, **ports), "utf-8")
        return "ganesha.nfsd", "-F", "-f", config, "-L", self.state / "log", "-p", self.state / "pid"

    def _mount(self) -> tuple[str | Path, ...]:
        return sys.executable, "-m", "support.nfs_fuse", self._url(), self.folder

    def _url(self) -> str:
        return f"nfs://127.0.0.1{self.behind}?nfsport={self.port}&mountport={self._mount_port}"


class Smb(NetworkShare):
    """SMB 3 by smbd and smbnetfs, which is Samba's own client library below FUSE. It knows one port."""

    needs = ("smbd", "smbpasswd", "smbnetfs")

    def __init__(self, at: Path) -> None:
        super().__init__(at)
        self.port = _SMB_PORT
        if _listens(self.port):
            pytest.skip(f"port {self.port} is in use")
        self.folder = self.mount_point / "127.0.0.1" / "scans"

    def _serve(self) -> tuple[str | Path, ...]:
        config = self.state / "smb.conf"
        if not config.exists():
            config.write_text(_SAMBA.format(port=self.port, state=self.state, behind=self.behind), "utf-8")
            command = ("smbpasswd", "-c", config, "-s", "-a", "root")
            subprocess.run(command, input=b"secret\nsecret\n", check=True, stdout=subprocess.DEVNULL)
        return "smbd", "--foreground", "--no-process-group", f"--configfile={config}"

    def _mount(self) -> tuple[str | Path, ...]:
        home = self.state / ".smb"
        home.mkdir()
        for name, content in _SMBNETFS.items():
            (home / name).write_text(content, "utf-8")
            (home / name).chmod(0o600)
        return "smbnetfs", self.mount_point, "-f", "-o", "allow_other"


class Sftp(NetworkShare):
    """SFTP by OpenSSH's server and sshfs, without a login between the two."""

    needs = ("sshfs", "sftp-server", "socat")

    def _serve(self) -> tuple[str | Path, ...]:
        return "socat", f"TCP-LISTEN:{self.port},fork,reuseaddr,bind=127.0.0.1", "EXEC:/usr/lib/openssh/sftp-server"

    def _mount(self) -> tuple[str | Path, ...]:
        options = f"directport={self.port},reconnect,dir_cache=no,attr_timeout=0,entry_timeout=0"
        return "sshfs", "-f", f"127.0.0.1:{self.behind}", self.folder, "-o", options


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


KINDS = {"nfs": Nfs, "smb": Smb, "sftp": Sftp}


@contextlib.contextmanager
def network_share(kind: str, at: Path) -> Iterator[NetworkShare]:
    """Serve and mount a share. Skip the test where that cannot be."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a filesystem")
    if not Path("/dev/fuse").exists():
        pytest.skip("there is no /dev/fuse")
    make = KINDS[kind]
    if missing := [program for program in make.needs if not shutil.which(program, path=_PATH)]:
        pytest.skip(f"not installed: {', '.join(missing)}")
    if kind == "nfs" and not list(Path("/usr/lib").glob("*/libnfs.so.13")):
        pytest.skip("not installed: libnfs13")
    made = make(at)
    try:
        made.start_server()
        made.mount()
        yield made
    finally:
        made.remove()
