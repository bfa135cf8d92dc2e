"""What a process that has given up files can still do. It is tried in a process of its own."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from ocrspool.processes.sandbox import landlock_version

TRY = """
import encodings.idna, socket, sys
from ocrspool.processes import lifetime
from ocrspool.processes.sandbox import confine_files
lifetime.die_with_parent()
allowed, other, port = sys.argv[1:]
confine_files([allowed])
print(open(allowed + "/a").read())
for act in (lambda: open(other + "/a").read(), lambda: open(allowed + "/new", "w"), lambda: open(other + "/new", "w")):
    try:
        act()
    except PermissionError:
        print("refused")
socket.create_connection(("127.0.0.1", int(port))).close()
print("connected")
"""


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
def test_files_are_given_up_and_the_network_is_not(tmp_path: Path) -> None:
    """It reads what it may, writes nothing, and reaches other machines."""

    for name in ("allowed", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("text")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        said = subprocess.run(
            [sys.executable, "-c", TRY, str(tmp_path / "allowed"), str(tmp_path / "other"), str(port)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
    assert said.split() == ["text", "refused", "refused", "refused", "connected"]
