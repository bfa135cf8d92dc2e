"""records: small JSON files in folders that others may write to."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ocrspool.files import json_file
from ocrspool.files.folder import Folder
from ocrspool.render.json import render
from ocrspool.results.schema import Document, Run, Source
from support.sample_results import ENGINE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
IN_ONE_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def load(folder: Path, name: str) -> dict[str, Any]:
    """Return the record of this name."""
    return json_file.load_below(folder, name)


def head(folder: Path, wanted: str = "source") -> dict[str, Any]:
    """Return what stands under a key near the beginning of a.json."""
    with Folder.at(folder) as opened:
        return json_file.load_head(opened, "a.json", wanted)


def test_there_and_back(tmp_path: Path) -> None:
    """What was written is what is read."""
    (tmp_path / "a.json").write_bytes(json_file.dump({"attempts": 2}))
    assert load(tmp_path, "a.json") == {"attempts": 2}


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b"\xff", b"[" * 100_000])
def test_nothing_of_the_kind(tmp_path: Path, data: bytes) -> None:
    """A damaged file is as good as none."""
    (tmp_path / "a.json").write_bytes(data)
    assert load(tmp_path, "a.json") == {}


def test_what_would_block_or_mislead_is_not_read(tmp_path: Path) -> None:
    """A pipe under the name of a result does not stop the service, and a link is not followed."""
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "real.json").write_bytes(b'{"a": 1}')
    (tmp_path / "link.json").symlink_to("real.json")
    assert [load(tmp_path, name) for name in ("pipe.json", "link.json", "none.json")] == [{}, {}, {}]


@IN_ONE_FOLDER
@given(value=st.dictionaries(st.text(), JSON))
@example(value={"\ud800": "\udcff\0"})
def test_any_record_there_and_back(tmp_path: Path, value: dict[str, object]) -> None:
    """Whatever JSON can hold comes back, names with surrogates too, and is plain ASCII on disk."""
    (tmp_path / "a.json").write_bytes(data := json_file.dump(value))
    assert data.isascii()
    assert load(tmp_path, "a.json") == value


@IN_ONE_FOLDER
@given(data=st.binary() | JSON.map(lambda value: json_file.dump({"x": value})[:-3]))
@example(data=b"\xff\xfe{\0}\0")
@example(data=b"9" * 5000)
@example(data=b'{"a": ' * 100_000)
def test_any_bytes(tmp_path: Path, data: bytes) -> None:
    """What anyone may write there is an object or as good as none; nothing is raised."""
    (tmp_path / "a.json").write_bytes(data)
    assert isinstance(load(tmp_path, "a.json"), dict)


def test_a_record_that_is_too_large(tmp_path: Path) -> None:
    """Not more than the bound is read: what is larger is none of ours."""
    (tmp_path / "a.json").write_bytes(b'{"a": "' + b"x" * json_file.MOST_BYTES + b'"}')
    assert load(tmp_path, "a.json") == {}


@pytest.mark.parametrize(
    "rest", [b"", b', "pages": [', b', "pages": [' + b"[]," * (10 << 20), b', "x": ' + b"[" * 100_000]
)
def test_the_head_of_a_file_of_any_size(tmp_path: Path, rest: bytes) -> None:
    """What stands early is found, whatever follows, and no more than the head is read."""
    begin = b'{\n "schema" : "x\\"y", "n": [1, {"source": 0}], "source": {"sha256": "\xc3\xa9"}'
    (tmp_path / "a.json").write_bytes(begin + rest)
    assert head(tmp_path) == {"sha256": "é"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"[]",
        b'{"source": 1}',
        b'{"source": {"sha256": "x',
        b'{"a": "\\"source\\": {}"}',
        b'{"source"',
        b"[" * 100_000,
        b'{"a": "' + b"x" * json_file.HEAD_BYTES + b'", "source": {"sha256": "x"}}',
    ],
)
def test_no_head(tmp_path: Path, data: bytes) -> None:
    """Where it is not there, or too far away, there is nothing."""
    (tmp_path / "a.json").write_bytes(data)
    assert head(tmp_path) == {}


@IN_ONE_FOLDER
@given(value=st.dictionaries(st.text(), JSON), wanted=st.text())
def test_any_head(tmp_path: Path, value: dict[str, Any], wanted: str) -> None:
    """The member of any object is found where it is an object."""
    (tmp_path / "a.json").write_bytes(json_file.dump(value))
    found = value.get(wanted, {})
    assert head(tmp_path, wanted) == (found if isinstance(found, dict) else {})


def test_a_result_says_early_what_it_is_of(tmp_path: Path) -> None:
    """Also where the name takes as much room as it can: control characters, which JSON writes in six bytes."""
    name = "/".join(["\x01" * 255] * 16)
    source = Source(name[-255:], name, "A" * 5464, "default", 1, "0" * 64, "image/png", 1)
    run = Run("job", "host", 1, "", "", {})
    document = Document("ocrspool-result/1", "ok", source, "x" * json_file.HEAD_BYTES, (), ENGINE, warnings=(), run=run)
    (tmp_path / "a.json").write_bytes(render(document))
    assert head(tmp_path)["sha256"] == "0" * 64
