"""What lies in failed/, counted and named as a service does it after a start."""

from __future__ import annotations

import os
from pathlib import Path

from ocrspool.spool.failure_reason import look
from ocrspool.spool.spool import Spool
from support.sample_spools import fail


def test_nothing(tmp_path: Path) -> None:
    """A folder that is not there yet holds nothing."""
    assert look(tmp_path / "failed", "a", 10) == look(tmp_path, "a", 10)
    assert look(tmp_path, "a", 10).count == 0


def test_files_and_their_reasons(spool: Spool) -> None:
    """Reasons are no files of their own; names are exact; folders are looked into."""
    for name in ("a.png", "sub/b.png", "\udcff.png", "named.reason.json"):
        fail(spool, name)
    found = look(spool.failed, "default", 10)
    assert found.count == 4
    assert {each.file.exact for each in found.newest} == {os.fspath(path) for path, _ in spool.failures()}
    assert {each.kind for each in found.newest} == {"damaged"}


def test_the_newest_of_very_many(spool: Spool) -> None:
    """All are counted, and the reasons of a few are read: those that came last."""
    for number in range(30):
        fail(spool, f"{number:02}.png")
    found = look(spool.failed, "default", 3)
    assert found.count == 30
    assert {each.source.path for each in found.newest} <= {f"{number:02}.png" for number in range(30)}
    assert len(found.newest) == 3


def test_without_a_reason(tmp_path: Path) -> None:
    """A file that people put there counts, and says that nothing is known of it; so does a damaged reason."""
    (tmp_path / "a.png").write_bytes(b"x")
    (tmp_path / "b.png").write_bytes(b"x")
    (tmp_path / "b.png.reason.json").write_bytes(b'{"message": 3, "page": "x", "source": [], "job": true}')
    found = look(tmp_path, "a", 10)
    assert found.count == 2
    assert {(each.source.path, each.message, each.page, each.job) for each in found.newest} == {
        ("a.png", "no reason file that can be read", None, None),
        ("b.png", "no reason file that can be read", None, None),
    }
