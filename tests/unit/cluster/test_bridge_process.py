"""What the process of the bridge may still read when it has given up files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ocrspool.processes.sandbox import landlock_version

_CODE = """
import importlib, sys
sys.path.append(sys.argv[1])
from ocrspool.cluster.bridge.__main__ import _readable
from ocrspool.config.sections import Cluster
from ocrspool.processes.sandbox import confine_files
confine_files(_readable(Cluster(scheduler="tcp://127.0.0.1:8786")))
importlib.import_module("beside")
try:
    open(sys.argv[2]).close()
except PermissionError:
    print("refused")
"""


@pytest.mark.skipif(not landlock_version(), reason="this kernel has no Landlock")
def test_packages_may_lie_outside_of_the_environment(tmp_path: Path) -> None:
    """A .pth file may name their folder. Dask imports much only when it needs it. Other folders stay closed."""
    packages, document = tmp_path / "packages", tmp_path / "document"
    packages.mkdir()
    (packages / "beside.py").write_text("")
    document.write_text("secret")
    command: list[str | Path] = [sys.executable, "-I", "-c", _CODE, packages, document]
    ran = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    assert ran.stdout == "refused\n"
