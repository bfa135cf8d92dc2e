"""Boots a throwaway systemd and runs this folder's tests in it (conftest.py tells which run where)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from machine import RECORDS

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[1]
_LAB = os.environ.get("SYSTEMD_LAB", "")


_NO_BOOT = 125
"""Exit code of systemd-lab when its systemd did not boot."""


_PACKAGE = _HERE / "test_debian_package.py"
"""Has a machine of its own: the package and scripts/install exclude each other."""

pytestmark = [
    pytest.mark.skipif(not _LAB, reason="SYSTEMD_LAB does not name a systemd-lab program"),
    pytest.mark.skipif(os.geteuid() != 0, reason="systemd-lab needs root"),
]


@pytest.mark.timeout(1200)
def test_everything_in_the_lab(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Every test in this folder passes on a machine booted by the real systemd."""
    cache = request.config.cache
    run_in_a_lab(cache.mkdir("systemd-lab") if cache else tmp_path, str(_HERE), f"--ignore={_PACKAGE}")


@pytest.mark.skipif(not shutil.which("dpkg-deb"), reason="a Debian package can be made on Debian only")
@pytest.mark.timeout(600)
def test_the_debian_package_in_a_lab(tmp_path: Path) -> None:
    """The package is made, installed, used, upgraded, removed and purged on a machine like that."""
    run_in_a_lab(tmp_path, str(_PACKAGE))


def run_in_a_lab(records: Path, *arguments: str) -> None:
    """Boot a lab and run pytest in it; what is worth quoting is left in the folder `records`."""
    binds = [argument for path in (_CHECKOUT, records) for argument in ("--bind", str(path))]
    # The network is shared because scripts/install asks a package index; the service itself has none (test_hardening).
    pytest_in_lab = [sys.executable, "-m", "pytest", *arguments, "-p", "no:cacheprovider", "--timeout=400"]
    inner = subprocess.run(
        [_LAB, "run", "--host-net", *binds, "--", *pytest_in_lab, "--durations=12", "--verbose"],
        check=False,
        cwd=_CHECKOUT,
        env={**os.environ, "PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", RECORDS: str(records)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        timeout=1150,
    )
    (records / "report.txt").write_text(inner.stdout, "utf-8")
    if inner.returncode == _NO_BOOT:
        pytest.skip(f"no systemd can be had here: {inner.stdout.strip().splitlines()[-1:]}")
    assert inner.returncode == 0, f"in the lab ({inner.returncode}):\n{inner.stdout[-60_000:]}"
