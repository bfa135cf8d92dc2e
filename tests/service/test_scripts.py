"""The command that a newcomer runs first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import tomli

from support import drawn_pages
from support.daemon_process import environment
from support.waiting import wait_until

pytestmark = pytest.mark.engine

RUN = Path(__file__).parents[2] / "scripts/run"


def test_run(tmp_path: Path) -> None:
    """scripts/run serves a folder out of nothing, from any directory, says where files go, and ends with Ctrl-C."""
    spool, log = tmp_path / "my spool", tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [RUN, "my spool"], cwd=tmp_path, stdout=output, stderr=output, env=environment(), start_new_session=True
        )
    try:
        wait_until(lambda: "ready after" in log.read_text() or process.poll() is not None, 120)
        assert f"Drop scans into   {spool}/inbox" in log.read_text(), log.read_text()
        (spool / "inbox/scan.png").write_bytes(drawn_pages.png("First scan"))
        result = spool / "outbox/scan.png.json"
        wait_until(result.exists, 60)
        assert drawn_pages.says(json.loads(result.read_bytes()), "First scan")
    finally:
        os.killpg(process.pid, signal.SIGINT)
    assert process.wait(60) == 0
    assert list((spool / "done").iterdir()) == [spool / "done/scan.png"]


@pytest.mark.parametrize("extra", ["onnx", "onnx-gpu", "paddle", "paddle-gpu", "tesseract", "onnx-gpu,tesseract"])
def test_install_with_another_runtime(extra: str) -> None:
    """`scripts/install --with` names an extra that pyproject.toml has."""
    shown = _install("--dry-run", "--with", extra)
    assert shown.returncode == 0, shown.stderr
    assert f".[{extra}]" in shown.stdout
    project = tomli.loads((RUN.parents[1] / "pyproject.toml").read_text("utf-8"))
    assert set(extra.split(",")) <= set(project["project"]["optional-dependencies"])


@pytest.mark.parametrize("role", ["node", "scheduler"])
def test_install_with_a_role(role: str) -> None:
    """`scripts/install --role` brings the extra cluster, beside another one, and the unit of that role alone."""
    shown = _install("--dry-run", "--role", role, "--with", "onnx-gpu")
    assert shown.returncode == 0, shown.stderr
    assert ".[onnx-gpu,cluster]" in shown.stdout
    assert f"systemd/ocrspool-{role}.service" in shown.stdout
    assert f"systemctl enable --quiet ocrspool-{role}.service" in shown.stdout
    assert "enable --quiet ocrspool.service" not in shown.stdout
    assert _install("--role", "coffee").returncode == 64


def test_install_with_the_cluster_alone() -> None:
    """The extra cluster is locked: nothing is installed that the lock does not name."""
    shown = _install("--dry-run", "--with", "cluster")
    assert shown.returncode == 0, shown.stderr
    installed = [line for line in shown.stdout.splitlines() if "pip install" in line]
    assert sum("requirements/cluster.txt" in line for line in installed) == 1
    assert all("--require-hashes" in line or "--no-deps" in line for line in installed), installed


def test_install_with_something_else() -> None:
    """What is no extra is refused with the usage, before anything is done."""
    refused = _install("--with", "onnx,coffee")
    assert refused.returncode == 64
    assert "--with" in refused.stdout


def _install(*arguments: str) -> subprocess.CompletedProcess[str]:
    install = RUN.with_name("install")
    python = {"PYTHON": sys.executable}
    return subprocess.run(
        [install, *arguments], check=False, capture_output=True, encoding="utf-8", env=environment(**python)
    )
