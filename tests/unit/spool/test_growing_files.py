"""Files that are written to while they are in work: none is lost, none is delivered half without a second result."""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ocrspool.errors import DocumentError
from ocrspool.spool.jobs import Job
from ocrspool.spool.patience import Patience
from ocrspool.spool.spool import Spool
from support.forked_code import killed_before
from support.sample_results import rendered, result_of
from support.sample_spools import claim, drop, files, reason_of, spool_in, take

PATIENCE = Patience(settle=2, writer=600, incomplete=30)


def opened(root: Path, *, delete: bool = False) -> Spool:
    """A spool that is open and patient."""
    spool = spool_in(root, delete=delete)
    spool.open()
    spool.growing.patience = PATIENCE
    return spool


@pytest.fixture(params=[False, True], ids=["keep", "delete"])
def spool(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spool]:
    spool = opened(tmp_path, delete=request.param)
    yield spool
    spool.close()


def write_to(job: Job, data: bytes = b" more") -> None:
    """Do what somebody does who had the file open when it was claimed."""
    with job.source.open("ab") as file:
        file.write(data)


def error(kind: str) -> DocumentError:
    return DocumentError(kind, "The file is short.", "Send it again.")


def jobs_in_work(spool: Spool) -> list[Path]:
    return [path for path in spool.work.iterdir() if path.is_dir()]


def test_a_file_that_did_not_change_stays(spool: Spool) -> None:
    """Also one that was begun more than once, and whose mode or links have changed."""
    job = spool.begin(spool.begin(take(spool, "sub/a.png")))
    job.source.chmod(0o640)
    (spool.inbox.parent / "link").hardlink_to(job.source)
    assert spool.take_back(job) is None
    assert spool.take_back(job, error("encrypted")) is None
    assert len(jobs_in_work(spool)) == 1


@pytest.mark.parametrize("kind", [None, "damaged", "encrypted"])
def test_a_file_that_changed_goes_back(spool: Spool, kind: str | None) -> None:
    """Whatever came of it: what was read is not what it holds now. It costs no attempt."""
    job = spool.begin(take(spool, "sub/a.png"))
    write_to(job)
    back = spool.take_back(job, error(kind) if kind else None)
    assert back is not None
    assert (back.why, back.again) == ("it has changed since it was claimed", False)
    assert files(spool.inbox) == {"sub/a.png": b"x more"}
    assert jobs_in_work(spool) == []
    assert spool.begin(claim(spool, "sub/a.png")).attempts == 1


@pytest.mark.parametrize("change", ["written", "touched", "replaced"])
def test_what_counts_as_a_change(spool: Spool, change: str) -> None:
    """Size, time of the last change and inode, since the claim."""
    job = take(spool, "a.png")
    seen = job.source.stat()
    if change == "written":
        write_to(job)
        os.utime(job.source, ns=(seen.st_mtime_ns, seen.st_mtime_ns))
    elif change == "touched":
        os.utime(job.source, ns=(seen.st_mtime_ns, seen.st_mtime_ns + 1))
    else:
        job.source.rename(spool.inbox.parent / "other")
        job.source.write_bytes(b"x")
        os.utime(job.source, ns=(seen.st_mtime_ns, seen.st_mtime_ns))
    assert spool.take_back(job) is not None


def test_a_file_that_changes_for_ever(spool: Spool) -> None:
    """It is left alone for twice as long each time, up to a minute, and that is new only once; an end forgets it."""
    waits = []
    for number in range(8):
        job = take(spool, "a.png")
        write_to(job)
        back = spool.take_back(job)
        assert back is not None
        assert back.again == (number > 0)
        waits.append(spool.growing.alone.pop()[1])
    assert waits == [2, 4, 8, 16, 32, 60, 60, 60]
    spool.deliver(job := claim(spool, "a.png"), rendered(result_of(job)))
    write_to(job := take(spool, "a.png"))
    again = spool.take_back(job)
    assert again is not None
    assert not again.again


def test_what_is_left_alone_is_what_comes_back(spool: Spool) -> None:
    """The scanner knows it by inode, size and time, also where another file has its name meanwhile."""
    job = take(spool, "a.png")
    write_to(job)
    drop(spool, "a.png", b"another")
    assert spool.take_back(job) is not None
    found = (spool.inbox / f"a~{job.id}.png").stat()
    assert spool.growing.alone[0] == ((found.st_ino, found.st_size, found.st_mtime_ns), 2)


@pytest.mark.parametrize(("kind", "goes_back"), [("incomplete", True), ("empty", True), ("damaged", False)])
def test_a_file_that_ends_too_early(spool: Spool, kind: str, *, goes_back: bool) -> None:
    """Written to a moment ago it waits for the rest; damaged is damaged."""
    job = spool.begin(take(spool, "a.png"))
    assert spool.may_grow(job)
    assert (spool.take_back(job, error(kind)) is not None) == goes_back
    if goes_back:
        assert spool.growing.alone[0][1] == pytest.approx(PATIENCE.incomplete, abs=5)


@pytest.mark.parametrize("age", [31.0, 4000.0, -31.0])
def test_patience_ends(spool: Spool, age: float) -> None:
    """A file that has not changed for so long is read as it is, or fails, and the reason says for how long it was."""
    path = drop(spool, "a.png", b"")
    os.utime(path, (0, time.time() - age))
    job = spool.begin(claim(spool, "a.png"))
    assert not spool.may_grow(job)
    failed = error("empty")
    assert spool.take_back(job, failed) is None
    said = "Send it again. The file had not changed for "
    assert failed.hint.startswith(said) == (age > 0)


def test_a_renamed_file_is_whole(spool: Spool) -> None:
    """Who renames a file into place says so; it fails at once, also where the service was started anew since."""
    drop(spool, "a.png", b"")
    found = (spool.inbox / "a.png").stat()
    job = claim(spool, "a.png")
    assert job.seen is not None
    job = spool.begin(replace(job, seen=replace(job.seen, renamed=True)))
    (again,) = spool.recover()
    for each in (job, again):
        assert not spool.may_grow(each)
        failed = error("empty")
        assert spool.take_back(each, failed) is None
        assert failed.hint == "Send it again."
    assert again.seen is not None
    assert again.seen.content == (found.st_ino, found.st_size, found.st_mtime_ns)


def test_written_to_while_it_is_delivered(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    """After the last look and before the end: what was read is delivered, and the file goes back to be read again."""
    job = spool.begin(take(spool, "sub/a.png", b"half"))
    result = result_of(job)
    write_to(job, b" and whole")
    target = spool.deliver(job, rendered(result))
    assert target.read_bytes() == result
    assert files(spool.inbox) == {"sub/a.png": b"half and whole"}
    assert (files(spool.done), jobs_in_work(spool)) == ({}, [])
    assert "sub/a.png changed while its result was delivered: it is read again" in caplog.text
    spool.deliver(job := claim(spool, "sub/a.png"), rendered(result_of(job)))
    assert len(files(spool.outbox)) == 2
    assert list(files(spool.done).values()) == ([] if spool.delivery.delete else [b"half and whole"])


def test_written_to_while_there_is_no_service(spool: Spool) -> None:
    """A result that a crash left in work/ is not taken for one of what the file holds now."""
    job = spool.begin(take(spool, "a.png", b"half"))
    (spool.work / job.id / "result.json").write_bytes(result_of(job))
    write_to(job)
    assert spool.recover() == []
    assert files(spool.inbox) == {"a.png": b"half more"}
    assert files(spool.outbox) == {}


@pytest.mark.parametrize("damage", ["{", '{"seen": 1}', '{"seen": [1, 2]}', '{"seen": ["a", "b", "c", "d", "e"]}'])
def test_a_record_that_makes_no_sense(spool: Spool, damage: str) -> None:
    """Then it is not known what was claimed, and the file is read as it is."""
    job = spool.begin(take(spool, "a.png"))
    (spool.work / job.id / "job.json").write_text(damage, "utf-8")
    write_to(job)
    (again,) = spool.recover()
    assert again.seen is None
    assert spool.take_back(spool.begin(again)) is None


@pytest.mark.crash
@pytest.mark.parametrize("delete", [False, True], ids=["keep", "delete"])
@pytest.mark.parametrize("step", ["take back", "deliver"])
def test_killed_at_any_instant(tmp_path: Path, step: str, *, delete: bool) -> None:
    """However far it had come: after the next start the file is in one place, and so it is after it was read."""
    for touch in itertools.count(1):
        root = tmp_path / str(touch)
        spool = opened(root, delete=delete)
        job = spool.begin(take(spool, "a.png", b"half"))
        half = result_of(job)
        write_to(job)
        spool.close()

        def act(root: Path = root, job: Job = job, half: bytes = half) -> None:
            spool = opened(root, delete=delete)
            spool.take_back(job) if step == "take back" else spool.deliver(job, rendered(half))

        killed = killed_before(touch, act)
        spool = opened(root, delete=delete)
        jobs = spool.recover()
        sources = [data for folder in ("inbox", "done") for data in files(root / folder).values()]
        sources += [each.source.read_bytes() for each in jobs]
        assert sources == [b"half more"]
        for each in [*jobs, *(claim(spool, name) for name in files(spool.inbox))]:
            spool.deliver(each, rendered(result_of(each)))
        results = [json.loads(data)["source"]["size"] for data in files(spool.outbox).values()]
        assert set(results) <= {4, 9}
        assert 9 in results or files(spool.done) == {"a.png": b"half more"}
        assert jobs_in_work(spool) == []
        spool.close()
        if not killed:
            break
    assert touch > 5, "the step touched the disk less often than it can"


def test_failing_is_not_held_up(spool: Spool) -> None:
    """A file that is failing already has left work/: there is nothing to look at."""
    job = spool.begin(take(spool, "a.png"))
    target = spool.fail(job, reason_of(job.name))
    assert spool.take_back(job, error("damaged")) is None
    assert target.exists()
