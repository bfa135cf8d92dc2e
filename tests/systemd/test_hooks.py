"""Hooks in the sandbox of the unit: they are the service, with what it may do and no more."""

from __future__ import annotations

import json

from support import drawn_pages
from support.lab_machine import SPOOL, Machine
from support.waiting import wait_until

_TOLD = SPOOL / "told"
_SCRIPT = """
{ id -un; echo "$OCRSPOOL_OUTCOME $1"; tail -n +3 /proc/net/dev | wc -l; grep -c '"schema"' "$1"
  for folder in /etc /usr /home; do touch "$folder/hooked" 2>/dev/null && echo "wrote to $folder"; done
} > "$0.part"; mv "$0.part" "$0"
"""


def test_a_hook_may_what_the_service_may(machine: Machine) -> None:
    """It is told of the result and can read it, may write to the spool, sees a loopback alone, and no other folder."""
    command = json.dumps(["/bin/sh", "-c", _SCRIPT, str(_TOLD)])
    machine.configure(f"[inbox.default]\non_done = {command}\n")
    machine.start()
    machine.drop("good.png", drawn_pages.png("Good"))
    wait_until(_TOLD.exists, 120)
    told = _TOLD.read_text("utf-8").splitlines()
    _TOLD.unlink()
    assert told == ["ocrspool", f"done {SPOOL}/outbox/good.png.json", "1", "1"]
