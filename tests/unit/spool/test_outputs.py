"""Several files of one job: they appear together, the result last, and once, whatever is killed or in the way."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.audit.auditor import audit
from ocrspool.files import names
from ocrspool.spool.jobs import Job
from ocrspool.spool.spool import Spool
from support.forked_code import killed_before
from support.sample_results import rendered, result_of
from support.sample_spools import other_filesystem, spool_in, take

MADE = {"txt": ".txt", "pdf": ".pdf"}


def new_spool(root: Path, outbox: Path | None = None) -> Spool:
    spool = spool_in(root, outbox)
    spool.delivery = replace(spool.delivery, mark=True)
    spool.open()
    return spool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    made = new_spool(tmp_path)
    yield made
    made.close()


def put(spool: Spool, job: Job, suffix: str, text: str) -> None:
    """Put an output where its delivery finds it."""
    with spool.place(job, suffix) as place:
        place.folder.write(place.name, text.encode())


def deliver(spool: Spool, job: Job, made: dict[str, str] = MADE) -> Path:
    """Deliver a job whose outputs say what document they are of."""
    digest = hashlib.sha256(job.source.read_bytes()).hexdigest()
    for output, suffix in made.items():
        put(spool, job, suffix, f"{output} of {digest}")
    outputs = [{"format": output, "suffix": suffix} for output, suffix in made.items()]
    result = json.dumps({**json.loads(result_of(job, os.getpid())), "outputs": outputs}).encode()
    return spool.deliver(job, rendered(result))


def in_outbox(spool: Spool) -> dict[str, str]:
    files = [path for path in spool.outbox.rglob("*") if path.is_file()]
    return {os.fspath(path.relative_to(spool.outbox)): path.read_text() for path in files}


def check_set(found: dict[str, str], stem: str, data: bytes) -> None:
    """All files of this document are there under this name, and are of it."""
    digest = hashlib.sha256(data).hexdigest()
    assert json.loads(found[f"{stem}.json"])["source"]["sha256"] == digest
    assert [found[f"{stem}{suffix}"] for suffix in MADE.values()] == [f"{output} of {digest}" for output in MADE]
    assert found[f"{stem}.done"] == ""


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "é" * 124 + "_1.png", "é" * 120 + ".png"])
def test_outputs_lie_beside_the_result(spool: Spool, name: str) -> None:
    """One stem for all, also where the name leaves no room for a suffix."""
    target = deliver(spool, take(spool, name, b"x"))
    stem = names.with_suffix(name, ".json").removesuffix(".json")
    assert os.fspath(target.relative_to(spool.outbox)) == f"{stem}.json"
    found = in_outbox(spool)
    check_set(found, stem, b"x")
    assert len(found) == 4
    assert not list(spool.work.glob("2*"))


def test_another_document_of_the_name_is_tagged_with_all_its_files(spool: Spool) -> None:
    """The first one's files stay as they are; the same document again replaces its own."""
    for data in (b"one", b"two", b"one", b"two"):
        deliver(spool, take(spool, "a.png", data))
    found = in_outbox(spool)
    check_set(found, "a.png", b"one")
    check_set(found, f"a.png~{hashlib.sha256(b'two').hexdigest()[:8]}", b"two")
    assert len(found) == 8


def test_files_whose_result_was_taken_are_not_replaced(spool: Spool) -> None:
    """A consumer took the JSON and has yet to come for the rest: another document of the name leaves that alone."""
    deliver(spool, take(spool, "a.png", b"one")).unlink()
    deliver(spool, take(spool, "a.png", b"two"))
    found = in_outbox(spool)
    check_set(found, f"a.png~{hashlib.sha256(b'two').hexdigest()[:8]}", b"two")
    assert found["a.png.txt"] == f"txt of {hashlib.sha256(b'one').hexdigest()}"


def test_results_of_sources_that_differ_in_their_suffix(spool: Spool) -> None:
    """`a.pdf` and `a.png` do not meet, nor does the PDF of `a` hurt a folder `a.pdf`."""
    for name in ("a.pdf", "a.png", "a", "a.pdf/b"):
        deliver(spool, take(spool, name, name.encode()))
        shutil.rmtree(spool.inbox)
        spool.inbox.mkdir()
    found = in_outbox(spool)
    assert len([name for name in found if name.endswith(".json")]) == 4
    check_set(found, "a.pdf", b"a.pdf")
    check_set(found, "a.png", b"a.png")
    check_set(found, "a", b"a")


def test_what_an_earlier_attempt_left_is_not_delivered(spool: Spool) -> None:
    """Only what the result names appears, and nothing of a job stays in work/."""
    job = take(spool, "a.png", b"x")
    put(spool, job, ".html", "of an attempt that died")
    deliver(spool, job)
    assert "a.png.html" not in in_outbox(spool)
    assert not list(spool.work.glob("2*"))


def test_an_output_that_someone_removed_from_work_stops_nothing(spool: Spool) -> None:
    """The rest is delivered; there is no way to make it again."""
    job = take(spool, "a.png", b"x")
    digest = hashlib.sha256(b"x").hexdigest()
    result = {"source": {"sha256": digest}, "outputs": [{"format": "txt", "suffix": ".txt"}]}
    spool.deliver(job, rendered(json.dumps(result).encode()))
    assert set(in_outbox(spool)) == {"a.png.json", "a.png.done"}


@pytest.mark.crash
@pytest.mark.parametrize("elsewhere", [False, True], ids=["one filesystem, name taken", "another filesystem"])
def test_killed_at_any_instant(tmp_path: Path, *, elsewhere: bool) -> None:
    """At each instant the result, where it is there, has all its files beside it; a start later all is there, once."""
    with other_filesystem(tmp_path) if elsewhere else contextlib.nullcontext(tmp_path / "here") as place:
        _killed_at_any_instant(tmp_path, place, taken=not elsewhere)


def _killed_at_any_instant(tmp_path: Path, place: Path, *, taken: bool) -> None:
    """`taken`: another document of the name came out before."""
    stem = f"a.png~{hashlib.sha256(b'x').hexdigest()[:8]}" if taken else "a.png"
    for instant in itertools.count(1):
        root, outbox = tmp_path / str(instant), place / f"out{instant}"
        spool = new_spool(root, outbox)
        if taken:
            deliver(spool, take(spool, "a.png", b"other"))
        take(spool, "a.png", b"x")
        spool.close()

        def step(root: Path = root, outbox: Path = outbox) -> None:
            spool = new_spool(root, outbox)
            (job,) = spool.recover()
            deliver(spool, spool.begin(job))

        killed = killed_before(instant, step)
        before = {path.name: path.read_bytes() for path in outbox.iterdir() if path.is_file()}
        if f"{stem}.json" in before:
            assert all(f"{stem}{suffix}" in before for suffix in MADE.values())
        again = new_spool(root, outbox)
        for job in again.recover():
            deliver(again, job)
        found = in_outbox(again)
        check_set(found, stem, b"x")
        assert len(found) == (8 if taken else 4)
        assert {name: found[name].encode() for name in before} == before, "what had appeared stays as it was"
        assert not list(again.work.glob("2*"))
        assert audit(again).findings == ()
        again.close()
        if not killed:
            assert instant > 10
            return
