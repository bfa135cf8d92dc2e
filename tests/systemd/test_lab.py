"""Boots a throwaway systemd and runs this folder's tests in it (conftest.py tells which run where)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from support.lab_machine import RECORDS

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[1]
_LAB = os.environ.get("SYSTEMD_LAB", "")


_NO_BOOT = 125
"""Exit code of systemd-lab when its systemd did not boot."""


_PARTS = {
    # The package and scripts/install exclude each other.
    "package": ("test_debian_package.py", "test_debian_upgrade.py"),
    # It stands in the place of the service.
    "container": ("test_container.py",),
    "load": (
        "test_cluster_units.py",
        "test_hostile_neighbour.py",
        "test_inboxes.py",
        "test_replacement.py",
        "test_slow_writers.py",
        "test_systemctl_stop.py",
        "test_tesseract.py",
    ),
}
"""Files of this folder that have a machine of their own, so that each machine is needed for as long as the others.

All other files share one machine, called "rest".
"""

pytestmark = [
    pytest.mark.skipif(not _LAB, reason="SYSTEMD_LAB does not name a systemd-lab program"),
    pytest.mark.skipif(os.geteuid() != 0, reason="systemd-lab needs root"),
]


@pytest.fixture(scope="module")
def labs(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    """The machines whose tests were asked for, side by side: most of the time they wait. The longest comes first."""
    cache = request.config.cache
    records = cache.mkdir("systemd-lab") if cache else tmp_path_factory.mktemp("lab")
    files = {part: [str(_HERE / name) for name in names] for part, names in _PARTS.items()}
    rest = [str(_HERE), *(f"--ignore={path}" for paths in files.values() for path in paths)]
    own = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == Path(__file__)]
    wanted = {item.callspec.params["part"] for item in own}
    parts = {part: paths for part, paths in {"rest": rest, **files}.items() if part in wanted}
    with ThreadPoolExecutor(len(parts)) as threads:
        yield {part: threads.submit(run_in_a_lab, records, part, *paths) for part, paths in parts.items()}


@pytest.mark.parametrize("part", ["rest", *_PARTS])
@pytest.mark.timeout(1200)
def test_on_a_machine_of_its_own(labs: dict[str, Future[None]], part: str) -> None:
    """Every test in this folder passes on a machine booted by the real systemd."""
    if part == "package" and not shutil.which("dpkg-deb"):
        pytest.skip("a Debian package can be made on Debian only")
    if part == "container" and "OCRSPOOL_IMAGE" not in os.environ:
        pytest.skip("OCRSPOOL_IMAGE names no image for containers; scripts/system --container makes one, and a Podman")
    labs[part].result()


def run_in_a_lab(records: Path, part: str, *arguments: str) -> None:
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
    (records / f"report-{part}.txt").write_text(inner.stdout, "utf-8")
    if inner.returncode == _NO_BOOT:
        pytest.skip(f"no systemd can be had here: {inner.stdout.strip().splitlines()[-1:]}")
    assert inner.returncode == 0, f"in the lab ({inner.returncode}):\n{inner.stdout[-60_000:]}"
