"""Metrics of the installed service: on a socket as the unit is, on a loopback port with the drop-in for that."""

from __future__ import annotations

import shutil
import urllib.request
from pathlib import Path

import pytest

from support import drawn_pages
from support.http_client import ask
from support.lab_machine import SCANNER, SERVICE, Machine, as_user
from support.waiting import wait_until

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


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl to ask as another user with")
def test_the_page_on_the_socket(machine: Machine) -> None:
    """In the unit's sandbox: the HTML output is shown, the button moves the file; the group may, others may not."""
    settings = f'listen = "{_SOCKET}"\npage = true\npage_views = true\npage_retry = true\n'
    machine.configure(f'[metrics]\n{settings}[inbox.default]\noutputs = ["html"]\n')
    machine.start()
    machine.drop("good.png", drawn_pages.png("Good"))
    machine.drop("bad.png", drawn_pages.png("Bad")[:-200])
    both_have_ended = '<a href="/view/', '"job" value'  # a file in work is named on the page, too
    wait_until(lambda: all(each in ask(_SOCKET, "/", "localhost")[1] for each in both_have_ended), 120)
    page = ask(_SOCKET, "/", "localhost")[1]
    view = page.partition('<a href="')[2].partition('"')[0]
    assert "Good" in ask(_SOCKET, view, "localhost")[1]
    form = [page.partition(f'{begin}="')[2].partition('"')[0] for begin in ('"token" value', '"job" value')]
    sent = f"token={form[0]}&job={form[1]}"
    curl = ["curl", "--silent", "--unix-socket", str(_SOCKET), "--data", sent, "--write-out", "%{http_code}"]
    for user, code in (("nobody", "000"), (SCANNER, "303")):
        assert as_user(user, *curl, "http://localhost/retry", check=False).stdout.endswith(code)
    wait_until(lambda: "no longer there" in ask(_SOCKET, "/", "localhost")[1], 60)
    wait_until(lambda: "bad.png" in machine.names("failed"), 60)
