"""Threads of the service are daemon threads: whatever its end has missed, the process ends."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

CODE = Path(__file__).parents[1] / "daemon" / "ocrspool"
WITH_EXECUTORS = ("cluster/", "engine/", "recognition/child/", "cli/once.py")
"""Code that runs in other processes. The interpreter waits at its end for what a ThreadPoolExecutor has in work."""
LEFT_RUNNING = {
    "hooks": "from ocrspool.pipeline.hooks import Hooks; Hooks().start()",
    "health": "from ocrspool.web.health import Health; Health('127.0.0.1:0', dict, lambda: True)",
}


def calls(name: str) -> Iterator[tuple[str, ast.Call]]:
    """Yield each call of a function or class of this name, with its file."""
    for path in sorted(CODE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == name:
                yield str(path.relative_to(CODE)), node


def test_every_thread_is_a_daemon_thread() -> None:
    found = list(calls("Thread"))
    assert len(found) > 8
    for where, call in found:
        options = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert options.get("daemon") == "True", f"{where}:{call.lineno}"


def test_the_service_has_no_executors() -> None:
    found = [where for where, _ in calls("ThreadPoolExecutor")]
    assert found
    assert [where for where in found if not where.startswith(WITH_EXECUTORS)] == []


@pytest.mark.parametrize("what", LEFT_RUNNING)
def test_a_process_ends_whose_end_has_missed_a_thread(what: str) -> None:
    """As where an error comes first in the end of the service."""
    said = subprocess.run(
        [sys.executable, "-c", f"{LEFT_RUNNING[what]}; print('over')"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stdout, said.stderr) == (0, "over\n", "")
