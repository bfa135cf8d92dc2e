"""SIGHUP: what changes while files are in work, and what does not."""

from __future__ import annotations

import signal

import pytest

from support import drawn_pages, sample_files
from support.daemon_process import Daemon, NewDaemon
from support.process_table import holds
from support.waiting import wait_until

pytestmark = pytest.mark.engine

ONE = "[inbox.one]\nroot = 'one'\nsettle_seconds = 0.3\n"
TWO = "[inbox.two]\nroot = 'two'\nsettle_seconds = 0.3\n"


def reload(daemon: Daemon, inboxes: str) -> None:
    """Change the configuration and wait until the service has looked at it."""
    before = daemon.said("READY=1")
    daemon.inboxes = inboxes
    daemon.configure()
    daemon.send(signal.SIGHUP)
    wait_until(lambda: daemon.said("READY=1") > before, 60)


def test_an_inbox_comes_and_goes_and_comes_back(new_daemon: NewDaemon) -> None:
    """A file in work while its inbox is removed and added again is read once; the inbox is watched again after that."""
    daemon = new_daemon(inboxes=ONE)
    daemon.start()
    reload(daemon, ONE + TWO)
    daemon.drop("long.pdf", sample_files.pdf(10, width=800, height=800), "two")
    (worker,) = daemon.workers()
    wait_until(lambda: holds(worker, "memfd:page"), 60)
    reload(daemon, ONE)
    daemon.drop("ignored.png", drawn_pages.png("Not yet"), "two")
    daemon.drop("a.png", drawn_pages.png("Inbox one"), "one")
    assert drawn_pages.says(daemon.result("a.png", "one"), "Inbox one")
    reload(daemon, ONE + TWO)
    assert drawn_pages.says(daemon.result("ignored.png", "two"), "Not yet")
    assert len(daemon.result("long.pdf", "two")["pages"]) == 10
    daemon.idle("two")
    assert sorted(daemon.files("done", "two")) == ["ignored.png", "long.pdf"]
    assert daemon.log().count("claimed long.pdf") == 1
    assert daemon.log().count("done long.pdf") == 1


def test_a_faulty_configuration_changes_nothing(new_daemon: NewDaemon) -> None:
    """The problem is reported with its key, and the service goes on as it was."""
    daemon = new_daemon(inboxes=ONE)
    daemon.start()
    reload(daemon, ONE + "profle = 'x'\n")
    problem = "inbox.one.profle: unknown key; did you mean 'profile'?"
    assert problem in daemon.log()
    assert any(f" · reload refused: {daemon.config}: {problem}" in message for message in daemon.notify.messages())
    daemon.drop("a.png", drawn_pages.png("Still here"), "one")
    assert drawn_pages.says(daemon.result("a.png", "one"), "Still here")
    reload(daemon, ONE)
    told = [message for message in daemon.notify.messages() if message.startswith("STATUS=")]
    assert "reload refused" not in told[-1]
