"""Metrics of the installed service: on a socket as the unit is, on a loopback port with the drop-in for that."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from asked import ask
from machine import SERVICE, Machine

_SOCKET = Path("/run/ocrspool/metrics.sock")
_PORT = "127.0.0.1:9464"


def test_a_socket_needs_no_drop_in(machine: Machine) -> None:
    """It is in the service's own folder, for its group, and root can ask."""
    machine.configure(f'[metrics]\nlisten = "{_SOCKET}"\n')
    machine.start()
    assert ask(_SOCKET, "/readyz") == (200, "ready\n")


def test_a_port_with_the_drop_in(machine: Machine) -> None:
    """Without metrics.conf the port is in a network of the service's own; with it, Prometheus reaches it."""
    machine.drop_in(SERVICE, (machine.checkout / "systemd/metrics.conf").read_text("utf-8"), "metrics.conf")
    machine.configure(f'[metrics]\nlisten = "{_PORT}"\n')
    machine.start()
    with urllib.request.urlopen(f"http://{_PORT}/metrics", timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert b"\nocrspool_ready 1.0\n" in answer.read()
