"""What is installed is locked, and the same everywhere: hosts of a cluster with other versions are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "requirements"


def locked(name: str) -> dict[str, list[str]]:
    """Return each package of a file, as `name==version` and its condition, with its hashes."""
    text = (FOLDER / f"{name}.txt").read_text("utf-8")
    packages = re.findall(r"^(\S+==[^\\\n]*?) \\\n((?:    --hash=\S+(?: \\)?\n)+)", text, re.MULTILINE)
    return {package: re.findall(r"--hash=(\S+)", hashes) for package, hashes in packages}


@pytest.mark.parametrize("name", ["run", "cluster", "test", "build", "sbom"])
def test_every_package_has_hashes(name: str) -> None:
    found = locked(name)
    assert found
    assert len(found) == len(re.findall(r"==", re.sub(r";.*", "", (FOLDER / f"{name}.txt").read_text("utf-8"))))
    assert all(each.startswith("sha256:") for hashes in found.values() for each in hashes)


def test_the_extra_cluster_adds_to_what_runs() -> None:
    """Nothing has another version with it than without it."""
    assert locked("run").items() <= locked("cluster").items()


def test_the_versions_of_dask_are_those_that_are_tested() -> None:
    both = locked("cluster").keys() & locked("test").keys()
    assert {package.partition("==")[0] for package in both} >= {"distributed", "dask", "tornado", "cryptography"}
