"""What the status takes over from a reason file, which anybody may have written."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from ocrspool.observability.snapshot import StatusSnapshot
from ocrspool.observability.snapshot_file import snapshot_from
from ocrspool.results.reason import PublishedName, failure_from

FILE = PublishedName("/srv/failed/a.png")


@pytest.mark.parametrize(
    ("source", "taken"),
    [
        ({"path": "b\\xe9d.png", "path_base64": "YulkLnBuZw=="}, PublishedName("b\\xe9d.png", "YulkLnBuZw==")),
        ({"path": "plain.png"}, PublishedName("plain.png")),
        ({"path": "a.png", "path_base64": "not base64"}, PublishedName("a.png")),
        ({"path": "a.png", "path_base64": 7}, PublishedName("a.png")),
        ({"path": 7, "path_base64": "YulkLnBuZw=="}, PublishedName("where/it/lies.png")),
        ("a.png", PublishedName("where/it/lies.png")),
        (None, PublishedName("where/it/lies.png")),
    ],
)
def test_the_name_under_which_a_file_came(source: object, taken: PublishedName) -> None:
    """Exactly, where the reason says it; never something that cannot be decoded."""
    found = failure_from({"source": source}, FILE, "default", "where/it/lies.png")
    assert found.source == taken
    assert found.source.exact


def test_what_no_text_can_hold_does_not_reach_the_status() -> None:
    """JSON may have half of a surrogate pair. With it, nobody could read the status any more."""
    half = "a\ud800"
    keys = ("kind", "stage", "message", "hint", "job", "failed_at")
    found = failure_from(dict.fromkeys(keys, half) | {"source": {"path": half}}, FILE, "default", "a.png")
    assert [getattr(found, key) for key in keys] == ["a?"] * len(keys)
    snapshot = StatusSnapshot(state="ready", pid=1, last_failures=(found,))
    assert snapshot_from(json.dumps(asdict(snapshot)).encode()).last_failures == (found,)
