"""records: small JSON files in folders that others may write to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ocrspool import records

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


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


@IN_ONE_FOLDER
@given(value=st.dictionaries(st.text(), JSON))
@example(value={"\ud800": "\udcff\0"})
def test_any_record_there_and_back(tmp_path: Path, value: dict[str, object]) -> None:
    """Whatever JSON can hold comes back, names with surrogates too, and is plain ASCII on disk."""
    (tmp_path / "a.json").write_bytes(data := records.dump(value))
    assert data.isascii()
    assert records.load(tmp_path / "a.json") == value


@IN_ONE_FOLDER
@given(data=st.binary() | JSON.map(lambda value: records.dump({"x": value})[:-3]))
@example(data=b"\xff\xfe{\0}\0")
@example(data=b"9" * 5000)
@example(data=b'{"a": ' * 100_000)
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    """What anyone may write there is an object or as good as none; nothing is raised."""
    (tmp_path / "a.json").write_bytes(data)
    assert isinstance(records.load(tmp_path / "a.json"), dict)
