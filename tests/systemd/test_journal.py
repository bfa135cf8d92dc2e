"""The journal of the installed service: followed by job, by file, by what happened."""

from __future__ import annotations

import json
import time
from typing import Any

from ocrspool.observability.journald import MESSAGE_IDS
from support import drawn_pages
from support.lab_machine import SERVICE, Machine, record, run
from support.waiting import wait_until


def entries(since: float, *matches: str) -> list[dict[str, Any]]:
    """What the journal has of the service since then."""
    run("journalctl", "--sync")
    command = ["journalctl", "--quiet", "--output=json", f"--since=@{since:.6f}", f"_SYSTEMD_UNIT={SERVICE}", *matches]
    return [json.loads(line) for line in run(*command, check=False).stdout.splitlines()]


def test_a_log_is_followed_by_job_id(machine: Machine) -> None:
    """Of two files, one good: each has its own lines and no other's, from the claim to the outcome."""
    before = time.time()
    machine.start()
    machine.drop("good.png", drawn_pages.png("Good"))
    machine.drop("bad.png", b"no picture at all")
    wait_until(lambda: machine.names("done") and "bad.png.reason.json" in machine.names("failed"), 120)
    job = machine.results()["good.png"]["run"]["job"]
    wait_until(lambda: len(entries(before, f"OCRSPOOL_JOB={job}")) >= 2, 60)
    mine = entries(before, f"OCRSPOOL_JOB={job}")
    assert [entry["MESSAGE_ID"] for entry in mine] == [MESSAGE_IDS["claimed"], MESSAGE_IDS["done"]]
    assert {(entry["OCRSPOOL_FILE"], entry["OCRSPOOL_INBOX"]) for entry in mine} == {("good.png", "default")}
    assert all(f"[{job}]" in entry["MESSAGE"] for entry in mine)
    (failed,) = entries(before, f"MESSAGE_ID={MESSAGE_IDS['failed']}")
    assert (failed["OCRSPOOL_FILE"], failed["PRIORITY"], failed["SYSLOG_IDENTIFIER"]) == ("bad.png", "4", "ocrspool")
    assert [entry["MESSAGE_ID"] for entry in entries(before, "OCRSPOOL_FILE=bad.png")] == [
        MESSAGE_IDS["claimed"], MESSAGE_IDS["failed"],
    ]  # fmt: skip
    record("by-job.txt", run("journalctl", "--quiet", f"OCRSPOOL_JOB={job}", "--output=verbose").stdout)


def test_the_service_itself_is_found_to_its_end(machine: Machine) -> None:
    """Ready, a refused reload, a reload, stopping, stopped: each by its id, with the unit, the last words too."""
    before = time.time()
    machine.start()
    machine.configure("[log]\nlevel = 'loud'\n")
    machine.systemctl("kill", "--signal=HUP", "--kill-whom=main", SERVICE)  # without the check, which would refuse it
    wait_until(lambda: entries(before, f"MESSAGE_ID={MESSAGE_IDS['reload-refused']}"), 60)
    machine.configure("[log]\nlevel = 'info'\n")
    at = time.time()
    machine.systemctl("reload", SERVICE)
    wait_until(lambda: entries(at, f"MESSAGE_ID={MESSAGE_IDS['reloaded']}"), 60)
    machine.stop()
    wait_until(lambda: entries(at, f"MESSAGE_ID={MESSAGE_IDS['stopped']}"), 30)
    wanted = [MESSAGE_IDS[event] for event in ("ready", "reload-refused", "reloaded", "stopping", "stopped")]
    found = entries(before)
    assert [entry["MESSAGE_ID"] for entry in found if entry.get("MESSAGE_ID") in wanted] == wanted
    refused = next(entry for entry in found if entry.get("MESSAGE_ID") == MESSAGE_IDS["reload-refused"])
    assert "\n" in refused["MESSAGE"], "several lines are one entry"
    assert refused["PRIORITY"] == "3"
