"""Tests of the installed service under a real systemd: `test_lab` boots one, and runs the others in there."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from support.lab_machine import OPT, SCANNER, Machine, Result, run

IN_LAB = os.environ.get("SYSTEMD_LAB") == "1"
collect_ignore_glob = ["test_lab.py"] if IN_LAB else ["test_[!l]*.py"]

_CHECKOUT = Path(__file__).parents[2]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent):
            item.add_marker("systemd")


_OF_A_CLUSTER = "test_cluster_units.py"
"""The machine with this file has the extra cluster from its first installation on: a second one takes a minute."""
_POLICY = Path("/usr/sbin/policy-rc.d")
"""In images of machines that are made but not run, it keeps packages from starting anything."""
_SHIPPED = ("config", "daemon", "docs", "manual", "packaging", "requirements", "scripts", "systemd")


@pytest.fixture(scope="session")
def bare_machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """The machine with a checkout, which nobody else changes, and nothing installed."""
    _POLICY.unlink(missing_ok=True)
    copy = tmp_path_factory.mktemp("checkout")
    for name in _SHIPPED:
        shutil.copytree(_CHECKOUT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in _CHECKOUT.iterdir():
        if path.is_file():
            shutil.copy2(path, copy)
    return Machine(copy)


@pytest.fixture(scope="session")
def package(bare_machine: Machine) -> Path:
    """The Debian package of this checkout: the one that OCRSPOOL_PACKAGE names, or what `scripts/deb` makes."""
    if made := os.environ.get("OCRSPOOL_PACKAGE"):
        return Path(made)
    into = bare_machine.checkout / "dist"
    bare_machine.script("deb", str(into))
    (package,) = into.glob("ocrspool_*.deb")
    return package


@pytest.fixture(scope="session")
def first_install(request: pytest.FixtureRequest, bare_machine: Machine) -> Result:
    """What `scripts/install` said on a machine that had never seen it. There is a user now who may drop files."""
    assert not OPT.exists()
    of_a_cluster = any(item.path.name == _OF_A_CLUSTER for item in request.session.items)
    said = bare_machine.script("install", *(["--with", "cluster"] if of_a_cluster else []))
    run("useradd", "--no-create-home", "--groups", "ocrspool", SCANNER)
    return said


@pytest.fixture
def machine(bare_machine: Machine, first_install: Result) -> Machine:
    """The machine with the service installed, but stopped, and nothing in its spool.

    What a test leaves is taken away when the next one begins.
    """
    assert first_install.returncode == 0
    bare_machine.reset()
    return bare_machine


@pytest.fixture
def serving(bare_machine: Machine, first_install: Result) -> Machine:
    """The machine with the service running as installed, and nothing in its spool."""
    assert first_install.returncode == 0
    bare_machine.run_plain()
    return bare_machine
