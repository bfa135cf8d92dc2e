"""Certificates that are made here let two ends speak to each other, and nobody else."""

from __future__ import annotations

import socket
import ssl
import threading
from pathlib import Path

import pytest

pytest.importorskip("cryptography")

from ocrspool.cluster.certificates import ends, make
from ocrspool.errors import EngineError


def shake_hands(server: Path, client: Path | None, ca: Path) -> str:
    """Return the error of the server's side, "" where both trust each other. It asks for a certificate as Dask does."""
    asked = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(ca / "ca.crt"))
    asked.verify_mode = ssl.CERT_REQUIRED
    asked.load_cert_chain(server / "host.crt", server / "host.key")
    asks = ssl.create_default_context(cafile=str(ca / "ca.crt"))
    asks.check_hostname = False
    if client is not None:
        asks.load_cert_chain(client / "host.crt", client / "host.key")
    ours, theirs = socket.socketpair()
    errors: list[str] = []

    def serve() -> None:
        try:
            with asked.wrap_socket(theirs, server_side=True) as secured:
                secured.recv(1)
        except OSError as error:
            errors.append(str(error))

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        with asks.wrap_socket(ours) as secured:
            secured.send(b"x")
    except OSError:
        pass
    thread.join()
    return "".join(errors)


def test_hosts_of_one_authority_trust_each_other(tmp_path: Path) -> None:
    """A second call uses the authority that is there."""
    make(tmp_path, "a")
    make(tmp_path, "b")
    assert shake_hands(tmp_path / "a", tmp_path / "b", tmp_path) == ""


def test_nobody_else_is_trusted(tmp_path: Path) -> None:
    """Neither who has no certificate, nor who has one of another authority."""
    make(tmp_path / "one", "a")
    make(tmp_path / "two", "a")
    assert "certificate" in shake_hands(tmp_path / "one" / "a", None, tmp_path / "one")
    assert "certificate" in shake_hands(tmp_path / "one" / "a", tmp_path / "two" / "a", tmp_path / "one")


def test_keys_are_for_their_owner(tmp_path: Path) -> None:
    """Whoever can read one can join."""
    make(tmp_path / "new", "a")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "new").rglob("*") if path.is_file()}
    assert modes == {"ca.crt": 0o644, "ca.key": 0o600, "host.crt": 0o644, "host.key": 0o600}
    assert (tmp_path / "new" / "a").stat().st_mode & 0o777 == 0o700


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A host that has a certificate keeps it, and half an authority is no authority."""
    make(tmp_path, "a")
    with pytest.raises(EngineError, match="is there already"):
        make(tmp_path, "a")
    (tmp_path / "ca.key").unlink()
    with pytest.raises(EngineError, match=r"ca\.key is missing"):
        make(tmp_path, "b")


def test_the_end_can_be_read(tmp_path: Path) -> None:
    """Years from now."""
    make(tmp_path, "a")
    assert ends(tmp_path / "a" / "host.crt").year > 2034
