"""Whether a host has the same program as this machine: ocrspool, and Dask, which carries the pages.

Of two machines with different programs, nobody knows whether they read alike and whether they understand each other.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

from ocrspool import __version__
from ocrspool.recognition.hosts.answers import HostReport

_ROOT = Path(__file__).parents[2]
_DIGITS = 12


@cache
def code() -> str:
    """Return the beginning of the SHA-256 of all modules: two states of development have the same version.

    Call it early: an upgrade replaces the files of a program that runs.
    """
    return digest(_ROOT)


def digest(folder: Path) -> str:
    """Return the beginning of the SHA-256 of the names and the text of all modules in a folder."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        text = path.read_bytes()
        found.update(f"{path.relative_to(folder)} {len(text)}\n".encode())
        found.update(text)
    return found.hexdigest()[:_DIGITS]


def other_dask(there: str, here: str) -> str:
    """Return how the version of Dask of a scheduler differs, in words; "" if it does not, or one is not known."""
    return f"distributed is {there}, here {here}" if there and here and there != here else ""


def other_program(report: HostReport, own: str, dask: str) -> str:
    """Return what a host has installed otherwise, in words; "" if nothing is.

    `own` is the code of this machine, `dask` its version of Dask; "" where that is not known yet.
    """
    if report.version != __version__:
        return f"ocrspool is {report.version}, here {__version__}"
    if report.code != own:
        return f"ocrspool {report.version} has other code: its digest is {report.code or 'not known'}, here {own}"
    if dask and report.dask != dask:
        return f"distributed is {report.dask}, here {dask}"
    return ""
