"""records: small JSON files in folders that others may write to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocrspool import records


def test_there_and_back(tmp_path: Path) -> None:
    """What was written is what is read."""
    (tmp_path / "a.json").write_bytes(records.dump({"attempts": 2}))
    assert records.load(tmp_path / "a.json") == {"attempts": 2}


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_nothing_of_the_kind(tmp_path: Path, data: bytes) -> None:
    """A damaged file is as good as none."""
    (tmp_path / "a.json").write_bytes(data)
    assert records.load(tmp_path / "a.json") == {}


def test_what_would_block_or_mislead_is_not_read(tmp_path: Path) -> None:
    """A pipe under the name of a result does not stop the service, and a link is not followed."""
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "real.json").write_bytes(b'{"a": 1}')
    (tmp_path / "link.json").symlink_to("real.json")
    assert [records.load(tmp_path / name) for name in ("pipe.json", "link.json", "none.json")] == [{}, {}, {}]
