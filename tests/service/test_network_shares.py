"""An inbox and an outbox on NFS, SMB and SFTP, with their real servers: minutes, if OCRSPOOL_NETWORK_SHARES is set.

What is not installed is skipped.

apt-get install nfs-ganesha-vfs libnfs13 samba rclone fuse3 sshfs openssh-sftp-server socat
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.audit.auditor import audit
from ocrspool.spool.layout import STATES
from ocrspool.spool.spool import Spool
from support import worker_replacement
from support.daemon_process import Daemon, ocrspool
from support.drawn_pages import tiny
from support.network_shares import KINDS, NetworkShare, network_share
from support.sample_files import pdf
from support.waiting import wait_until

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.skipif(
        "OCRSPOOL_NETWORK_SHARES" not in os.environ, reason="OCRSPOOL_NETWORK_SHARES is not set: they take minutes"
    ),
]
_PATIENCE_SECONDS = 90.0


@pytest.fixture(params=KINDS)
def share(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NetworkShare]:
    """A share of each kind."""
    with network_share(request.param, tmp_path / "net") as made:
        yield made


@pytest.fixture
def daemon(tmp_path: Path, share: NetworkShare) -> Iterator[Daemon]:
    """A service without an engine, whose one inbox is on the share."""
    inbox = f"[inbox.default]\nroot = '{share.folder}/spool'\nsettle_seconds = 0.5\npoll_seconds = 0.5\n"
    inbox += "watch = 'poll'\n"  # as `auto` does where the kernel says that it is NFS, SMB or SFTP
    made = Daemon(tmp_path / "d", tmp_path / "cache", inbox, "[limits]\nfree_disk_mb = 0\n")
    made.wrapper = worker_replacement.wrapper(tmp_path, "support.instant_worker")
    try:
        made.start()
        yield made
    finally:
        made.close()


def dropped(share: NetworkShare, name: str, number: int) -> str:
    """Put a page into the inbox, at the server, as another client of it does. Return the name."""
    inbox = share.behind / "spool" / "inbox"
    (inbox / f"{name}.part").write_bytes(tiny(number))
    (inbox / f"{name}.part").rename(inbox / name)
    return name


def came(share: NetworkShare, *names: str) -> None:
    """Wait until these have come out, each once and whole, as the server has them."""
    outbox, spool = share.behind / "spool" / "outbox", share.behind / "spool"
    wait_until(lambda: all((outbox / f"{name}.json").exists() for name in names), _PATIENCE_SECONDS)
    wait_until(lambda: not _files(spool / "inbox") and not _files(spool / "work"), _PATIENCE_SECONDS)
    for name in names:
        assert json.loads((outbox / f"{name}.json").read_bytes())["status"] == "ok"
        assert (spool / "done" / name).is_file()
    assert not _files(spool / "failed")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.usefixtures("daemon")
def test_documents_come_out_on_the_share(share: NetworkShare) -> None:
    """Each document comes out once, and the spool is in order, as the server has it."""
    names = [dropped(share, f"{number}.pgm", number) for number in range(8)]
    (share.folder / "spool" / "inbox" / "copied.pdf").write_bytes(pdf(3, width=90, height=40))
    came(share, *names, "copied.pdf")
    folders = {state: share.behind / "spool" / state for state in STATES}
    assert not audit(Spool("default", folders), thorough=True).findings


def test_the_server_is_started_again(share: NetworkShare, daemon: Daemon) -> None:
    """Nothing is lost when the server dies, and all that was dropped is read when it is back."""
    names = [dropped(share, f"{number}.pgm", number) for number in range(4)]
    came(share, *names)
    share.kill_server()
    names += [dropped(share, f"{number}.pgm", number) for number in range(4, 8)]
    share.start_server()
    names.append(dropped(share, "after.pgm", 9))
    came(share, *names)
    assert daemon.runs()


def test_files_go_away_at_the_server(share: NetworkShare, daemon: Daemon) -> None:
    """What another client removes or renames before it is claimed is no trouble: the next document is read."""
    inbox = share.behind / "spool" / "inbox"
    for number in range(12):
        dropped(share, f"gone-{number}.pgm", number)
        (inbox / f"gone-{number}.pgm").rename(inbox / f".hidden-{number}")
        (inbox / f".hidden-{number}").unlink()
    name = dropped(share, "stays.pgm", 1)
    wait_until((share.behind / "spool" / "outbox" / f"{name}.json").exists, _PATIENCE_SECONDS)
    assert daemon.runs()
    assert not list((share.behind / "spool" / "failed").iterdir())


def test_one_service_on_a_share(share: NetworkShare, daemon: Daemon, tmp_path: Path) -> None:
    """A second service on the share is refused, as on a local disk."""
    other = tmp_path / "other.toml"
    other.write_text(daemon.config.read_text("utf-8").replace("'run'", "'run2'"), "utf-8")
    ended = ocrspool("serve", "--config", other)
    assert "another ocrspool is working on" in ended.stderr
    came(share, dropped(share, "one.pgm", 1))
