"""What systemd is told, on a real notify socket."""

from __future__ import annotations

import signal

import pytest

from support import drawn_pages
from support.daemon_process import NewDaemon
from support.waiting import wait_until

pytestmark = pytest.mark.engine


def test_ready_after_the_engine_is_loaded(new_daemon: NewDaemon) -> None:
    """READY=1 comes once, after the warm-up; until then STATUS tells the stages; the last line is "stopped"."""
    daemon = new_daemon()
    daemon.start()
    daemon.drop("one.png", drawn_pages.png("One"))
    daemon.result("one.png")
    wait_until(lambda: any("1 done" in message for message in daemon.notify.messages()), 30)
    assert daemon.stop() == 0
    said = daemon.notify.messages()
    ready = said.index("READY=1")
    assert said.count("READY=1") == 1
    assert said.index("STATUS=loading the openvino library") < said.index("STATUS=warming up") < ready
    assert any(message.startswith("STATUS=ready · openvino") for message in said)
    assert ready < said.index("STOPPING=1") < len(said) - 1
    assert said[-1] == "STATUS=stopped"
    assert not [message for message in said if message.startswith("WATCHDOG")]


def test_not_ready_while_the_worker_hangs(new_daemon: NewDaemon) -> None:
    """READY=1 is not said while the engine is still loading, however long that takes."""
    daemon = new_daemon()
    daemon.spawn()
    wait_until(lambda: daemon.said("STATUS=loading the openvino library"), 60)
    (worker,) = daemon.workers()
    daemon.send_to(worker, signal.SIGSTOP)
    extended = sum(message.startswith("EXTEND_TIMEOUT_USEC=") for message in daemon.notify.messages())
    wait_until(
        lambda: sum(message.startswith("EXTEND_TIMEOUT_USEC=") for message in daemon.notify.messages()) > extended + 3
    )
    assert not daemon.said("READY=1")
    daemon.send_to(worker, signal.SIGCONT)
    wait_until(lambda: daemon.said("READY=1"), 60)


def test_keepalive(new_daemon: NewDaemon) -> None:
    """With WATCHDOG_USEC set WATCHDOG=1 keeps coming, idle and at work, and stops with the main loop."""
    daemon = new_daemon(variables={"WATCHDOG_USEC": "1000000"})
    daemon.start()
    wait_until(lambda: daemon.said("WATCHDOG=1") >= 3)
    for number in range(20):
        daemon.drop(f"{number}.png", drawn_pages.png("Work", "work", "work"))
    before = daemon.said("WATCHDOG=1")
    daemon.idle()
    wait_until(lambda: daemon.said("WATCHDOG=1") >= before + 2)


def test_no_keepalive_for_another_process(new_daemon: NewDaemon) -> None:
    """A WATCHDOG_PID that is not ours means that the keepalive is another's business."""
    daemon = new_daemon(variables={"WATCHDOG_USEC": "200000", "WATCHDOG_PID": "1"})
    daemon.start()
    daemon.drop("one.pgm", drawn_pages.tiny(1))
    daemon.result("one.pgm")
    wait_until(lambda: any("1 done" in message for message in daemon.notify.messages()), 30)
    assert not daemon.said("WATCHDOG=1")


def test_refusal_is_told(new_daemon: NewDaemon, tmp_path: object) -> None:
    """A start that fails tells systemd why, in UTF-8, and with which exit status."""
    daemon = new_daemon(cache=f"{tmp_path}/no-engine-→-here")
    daemon.spawn()
    assert daemon.wait() == 69
    said = daemon.notify.messages()
    assert any(message.startswith("STATUS=failed: no engine") and "→" in message for message in said), said
    assert "EXIT_STATUS=69" in said
    assert "READY=1" not in said
    assert "Traceback" not in daemon.log()


def test_a_faulty_file_is_told(new_daemon: NewDaemon) -> None:
    """A configuration that cannot be read is told to systemd as well, before there is anything to end."""
    daemon = new_daemon(inboxes="[inbox.a]\nroot = 3\n[inbox.b]\nprofle = 'x'\n")
    daemon.spawn()
    assert daemon.wait() == 78
    said = daemon.notify.messages()
    assert "EXIT_STATUS=78" in said
    (status,) = (message for message in said if message.startswith("STATUS="))
    assert status.startswith(f"STATUS=failed: {daemon.config}: inbox.a.root: ")
    assert status.endswith("more, in the log)")


def test_notify_socket_that_nobody_reads(new_daemon: NewDaemon) -> None:
    """Without systemd on the other end the service says so once, and serves."""
    daemon = new_daemon()
    daemon.notify.close()
    daemon.spawn()
    daemon.drop("alone.png", drawn_pages.png("Alone"))
    assert drawn_pages.says(daemon.result("alone.png"), "Alone")
    assert daemon.log().count("cannot reach systemd") == 1
