"""The recipes of config/shares, each followed with the real server: a member of the group sends a page, and it is read.

A server that is not installed is passed over: apt-get install rsync samba smbclient openssh-server vsftpd
"""

from __future__ import annotations

import ftplib
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import pytest

from support.drawn_pages import png
from support.lab_machine import SCANNER, SERVICE, SPOOL, Machine, as_user, run
from support.waiting import wait_until

_PASSWORD = "sent by a scanner"  # noqa: S105 - of a user of this throwaway machine
_OUTSIDE = Path("/var/tmp/shares")  # noqa: S108 - as above
_FTP_PORT, _SSH_PORT, _SMB_PORT = 2121, 2222, 4450


def needs(*programs: str) -> pytest.MarkDecorator:
    """Skip a test where a program is not installed."""
    missing = [program for program in programs if not shutil.which(program, path="/usr/bin:/usr/sbin")]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


@pytest.fixture
def page() -> Iterator[Path]:
    """A file in a folder, as a sender has them: with modes that let the group do nothing."""
    _OUTSIDE.mkdir()
    (_OUTSIDE / "deep").mkdir()
    (_OUTSIDE / "deep/page.png").write_bytes(png("Sent from elsewhere"))
    for path in (_OUTSIDE, _OUTSIDE / "deep", _OUTSIDE / "deep/page.png"):
        shutil.chown(path, SCANNER, SCANNER)
        path.chmod(0o700 if path.is_dir() else 0o600)
    yield _OUTSIDE / "deep/page.png"
    shutil.rmtree(_OUTSIDE)


@contextmanager
def server(*command: str | Path) -> Iterator[None]:
    """Run a server in the foreground as long as this lasts; in a session of its own, because smbd ends its group."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True) as process:
        try:
            yield
        finally:
            process.terminate()
            process.wait(30)


def is_read(machine: Machine, name: str, root: Path = SPOOL) -> None:
    """Wait until a file has been read and was taken out of the inbox."""
    result = root / "outbox" / f"{name}.json"
    try:
        wait_until(result.is_file, 120)
        wait_until(lambda: not (root / "inbox" / name).exists(), 30)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{run('ls', '-lR', root).stdout}\n{machine.journal()[-3000:]}") from None
    assert "elsewhere" in result.read_text("utf-8")


def set_password() -> None:
    """Unlock the sender's account."""
    subprocess.run(["chpasswd"], input=f"{SCANNER}:{_PASSWORD}\n", text=True, check=True)  # noqa: S607 - of this machine


@needs("rsync")
def test_rsync(serving: Machine, page: Path) -> None:
    """`--chmod` gives the group what it needs; `-O`: the inbox itself is not the sender's."""
    as_user(SCANNER, "rsync", "-rtO", "--chmod=Dug=rwx,Fug=rw", f"{page.parent.parent}/", f"{SPOOL}/inbox/")
    is_read(serving, "deep/page.png")


@needs("smbd", "smbclient", "smbpasswd")
def test_samba(serving: Machine, page: Path, tmp_path: Path) -> None:
    """A folder and a file come by the share, and belong to the group."""
    share = (serving.checkout / "config/shares/samba.conf").read_text("utf-8")
    config = tmp_path / "smb.conf"
    places = "\n".join(
        f"{key} = {tmp_path}"
        for key in ("private dir", "lock directory", "state directory", "cache directory", "pid directory")
    )
    config.write_text(
        f"[global]\nsmb ports = {_SMB_PORT}\ninterfaces = lo\nlog file = {tmp_path}/log\n{places}\n{share}"
    )
    told = f"{_PASSWORD}\n" * 2
    subprocess.run(["smbpasswd", "-c", config, "-s", "-a", SCANNER], input=told, text=True, check=True)  # noqa: S607 - of this machine
    commands = f"mkdir deep; cd deep; put {page} page.png"
    with server("smbd", "--foreground", "--no-process-group", f"--configfile={config}"):
        client = [
            "smbclient",
            "//127.0.0.1/scans",
            "-p",
            str(_SMB_PORT),
            "-U",
            f"{SCANNER}%{_PASSWORD}",
            "-c",
            commands,
        ]
        wait_until(lambda: run(*client, check=False).returncode == 0, 60)
    is_read(serving, "deep/page.png")


@pytest.fixture
def sftp_inbox(machine: Machine) -> Iterator[Path]:
    """An inbox in a folder of root's, which the service does not know yet."""
    root = Path("/srv/sftp/scans")
    root.parent.mkdir(parents=True)
    machine.start()
    run("/usr/local/bin/ocrspool", "inbox", "add", "sftp", root)
    yield root
    run("/usr/local/bin/ocrspool", "inbox", "remove", "sftp")
    shutil.rmtree(root.parent)


@needs("sshd", "ssh-keygen", "sftp")
def test_sftp(machine: Machine, sftp_inbox: Path, page: Path, tmp_path: Path) -> None:
    """Shut into a folder of root's, people upload into an inbox that `ocrspool inbox add` has made there."""
    page.chmod(0o640)  # the client of OpenSSH has a file made with the mode that it has here
    root = sftp_inbox
    machine.systemctl("restart", SERVICE)
    run("groupadd", "--system", "ocrspool-sftp")
    run("usermod", "--append", "--groups", "ocrspool-sftp", SCANNER)
    set_password()
    home = Path("/etc/ssh/keys-of-test")
    home.mkdir(parents=True)
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / "host")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key")
    shutil.copy(tmp_path / "key.pub", home / SCANNER)
    snippet = (machine.checkout / "config/shares/sftp.conf").read_text("utf-8")
    config = tmp_path / "sshd_config"
    config.write_text(
        f"Port {_SSH_PORT}\nListenAddress 127.0.0.1\nHostKey {home}/host\nAuthorizedKeysFile {home}/%u\nUsePAM no\n"
        f"Subsystem sftp internal-sftp\nStrictModes no\nPidFile none\n{snippet}"
    )
    Path("/run/sshd").mkdir(exist_ok=True)
    batch = tmp_path / "batch"
    batch.write_text(f"mkdir deep\nput {page} deep/page.png\n")
    options = [
        "-o",
        "StrictHostKeyChecking=no",
        "-o",
        f"UserKnownHostsFile={tmp_path}/hosts",
        "-i",
        str(tmp_path / "key"),
    ]
    with server("/usr/sbin/sshd", "-D", "-e", "-f", config):
        client = ["sftp", "-P", str(_SSH_PORT), *options, "-b", str(batch), f"{SCANNER}@127.0.0.1"]
        wait_until(lambda: run(*client, check=False).returncode == 0, 60)
    is_read(machine, "deep/page.png", root)


@needs("vsftpd")
def test_ftp(serving: Machine, page: Path, tmp_path: Path) -> None:
    """A scanner logs in, makes a folder and sends a file in pieces."""
    set_password()
    run("usermod", "--home", SPOOL / "inbox", SCANNER)
    config = tmp_path / "vsftpd.conf"
    shipped = (serving.checkout / "config/shares/vsftpd.conf").read_text("utf-8")
    config.write_text(
        f"{shipped}\nlisten_port={_FTP_PORT}\nlisten_address=127.0.0.1\nbackground=NO\npam_service_name=vsftpd\n"
    )
    with server("/usr/sbin/vsftpd", config), ftplib.FTP() as ftp:  # noqa: S321 - what scanners speak

        def connected() -> bool:
            try:
                ftp.connect("127.0.0.1", _FTP_PORT, timeout=10)
            except OSError:
                return False
            return True

        wait_until(connected, 60)
        ftp.login(SCANNER, _PASSWORD)
        ftp.mkd("deep")
        ftp.storbinary("STOR deep/page.png", BytesIO(page.read_bytes()), blocksize=1000)
    is_read(serving, "deep/page.png")
