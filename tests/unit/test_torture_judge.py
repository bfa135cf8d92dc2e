"""The judge of the campaign of faults sees each kind of breach: a campaign that cannot fail proves nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrspool.spool.layout import STATES
from ocrspool.spool.spool import Spool
from support.sample_spools import read, spool_in
from support.waiting import wait_until
from torture.consumer import Consumer
from torture.documents import Document
from torture.judge import judge

DROPPED = [Document(name, name.encode(), "ok", 0) for name in ("a.png", "sub/b.png")]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    """A spool in which every document has come out, and whose service has ended."""
    spool = spool_in(tmp_path)
    spool.open()
    for document in DROPPED:
        read(spool, document.name, document.data)
    spool.close()
    return spool


def _page(text: str, kind: str = "") -> dict[str, object]:
    return {"text": text, "error": {"kind": kind} if kind else None}


def problems(
    spool: Spool,
    consumer: Consumer | None = None,
    dropped: list[Document] = DROPPED,
    may_fail: frozenset[str] = frozenset(),
) -> list[str]:
    """What the judge says of it."""
    idle = consumer or Consumer(spool.outbox.with_name("none"))
    idle.close()
    folders = {state: spool.inbox.with_name(state) for state in STATES}
    return judge(folders, dropped, idle, may_fail=may_fail).problems()


def test_nothing_is_wrong(spool: Spool) -> None:
    assert problems(spool) == []


@pytest.mark.parametrize(
    ("breach", "word"),
    [
        (lambda spool: (spool.outbox / "a.png.json").unlink(), "lost: a.png: 0 results"),
        (lambda spool: (spool.done / "sub/b.png").unlink(), "lost: sub/b.png: 1 results, 0 in done"),
        (
            lambda spool: shutil.copy(spool.outbox / "a.png.json", spool.outbox / "c.json"),
            "duplicated: a.png: 2 results",
        ),
        (lambda spool: shutil.copy(spool.done / "a.png", spool.failed / "a.png"), "duplicated: a.png: 1 results"),
        (lambda spool: (spool.outbox / "a.png.json").write_bytes(b"{"), "corrupted: "),
        (lambda spool: (spool.done / "a.png").write_bytes(b"other"), "corrupted: done has what nobody dropped"),
        (lambda spool: (spool.inbox / "late.png").write_bytes(b"x"), "corrupted: left behind"),
        (lambda spool: (spool.work / "orphan").write_bytes(b"x"), "corrupted: audit: orphan"),
    ],
)
def test_each_breach_is_seen(spool: Spool, breach: Callable[[Spool], object], word: str) -> None:
    breach(spool)
    assert any(problem.startswith(word) for problem in problems(spool))


@pytest.mark.parametrize(
    ("changes", "may_fail", "word"),
    [
        ({"status": "partial", "pages": [_page("", "recognition")]}, frozenset(), "pages failed as {'recognition'}"),
        ({"status": "partial", "pages": [_page("", "timeout")]}, frozenset({"timeout"}), ""),
        ({"status": "ok", "pages": [_page("", "timeout")]}, frozenset({"timeout"}), "ok, and pages failed as"),
        ({"pages": [_page("else")]}, frozenset(), "a page does not say 'words'"),
        ({"pages": [_page("words"), _page("words")]}, frozenset(), "2 pages"),
        ({"pages": [_page("words")], "warnings": [{"code": "unread-script"}]}, frozenset(), "it warns of"),
        ({"pages": [_page("words")], "warnings": [{"code": "another"}]}, frozenset(), ""),
    ],
)
def test_what_a_result_says(spool: Spool, changes: dict[str, object], may_fail: frozenset[str], word: str) -> None:
    """Pages that failed otherwise than they may, text that is missing, warnings of what was not read."""
    path = spool.outbox / "a.png.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **changes}), "utf-8")
    dropped = [Document("a.png", b"a.png", "ok", 1, "words"), DROPPED[1]]
    # The audit misses the rest of a result in these.
    found = [each for each in problems(spool, dropped=dropped, may_fail=may_fail) if "audit:" not in each]
    assert len(found) == bool(word)
    assert word in "".join(found)


def test_links_are_nobodys_outcome(spool: Spool) -> None:
    """One that somebody has planted is told by the audit, and no second result."""
    (spool.outbox / "b.json").symlink_to(spool.outbox / "a.png.json")
    (found,) = problems(spool)
    assert found.startswith("corrupted: audit: stray ")


def test_what_a_consumer_meets(spool: Spool) -> None:
    """Half a result, a temporary name, and another version of what was there."""
    consumer = Consumer(spool.outbox)
    wait_until(lambda: len(consumer.versions) == len(DROPPED))
    whole = (spool.outbox / "a.png.json").read_bytes()
    (spool.outbox / "half.json").write_bytes(whole[:50])
    (spool.outbox / "a.png.json.new").write_bytes(whole)
    (spool.outbox / "a.png.json").write_bytes(whole + b" ")
    wait_until(lambda: len(consumer.problems) >= 2 and len(consumer.versions["a.png.json"]) > 1)
    found = problems(spool, consumer)
    for word in ("half.json: no whole result", "a.png.json.new: no whole result", "delivered again, and differed"):
        assert any(word in problem for problem in found)
