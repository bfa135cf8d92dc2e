"""The five folders: every move, every crash in the middle of one, every name that gets in the way of another."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocrspool.errors import OcrspoolError
from ocrspool.files import names
from ocrspool.spool.failure_reason import REASON_SUFFIX
from ocrspool.spool.jobs import Job
from ocrspool.spool.spool import Spool
from support.forked_code import as_nobody, killed_before
from support.sample_results import rendered
from support.sample_spools import claim, drop, files, scan, spool_in, take

STATES = ("inbox", "work", "outbox", "done", "failed")
LONG = "é" * 124 + "_1.png"
"""254 bytes, with no room for a suffix."""


def new_spool(root: Path, *, delete: bool = False) -> Spool:
    """Return a spool with its folders below `root`, open."""
    spool = spool_in(root, delete=delete)
    spool.open()
    return spool


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = new_spool(tmp_path)
    yield spool
    spool.close()


def result_of(job: Job, run: object = 1) -> bytes:
    """Return a result as small as one can be: of this content, by this run."""
    digest = hashlib.sha256(job.source.read_bytes()).hexdigest()
    return json.dumps({"source": {"sha256": digest}, "run": run}).encode()


def reason_of(job: Job) -> dict[str, Any]:
    """Return a reason as the pipeline gives it, in what matters here."""
    return {"kind": "damaged", "source": names.to_json(job.name)}


def sources(spool: Spool) -> Counter[tuple[str, bytes]]:
    """Return in which state each source file is; a source in two states counts twice."""
    found: Counter[tuple[str, bytes]] = Counter()
    for state in ("inbox", "done"):
        found.update((state, data) for data in files(spool.inbox.parent / state).values())
    found.update(("work", data) for name, data in files(spool.work).items() if "/source/" in name)
    found.update(("failed", path.read_bytes()) for path, _ in spool.failures())
    return found


def results(spool: Spool) -> dict[str, dict[str, Any]]:
    """Return what is in the outbox; every file in it has to be a whole result under a final name."""
    found = files(spool.outbox)
    assert not [name for name in found if not name.endswith(".json")]
    return {name: json.loads(data) for name, data in found.items()}


def digests(spool: Spool) -> list[str]:
    """Return the sha256 of each document in the outbox."""
    return [result["source"]["sha256"] for result in results(spool).values()]


def jobs_in_work(spool: Spool) -> list[str]:
    """Return what is in work/ apart from the lock."""
    return [path.name for path in spool.work.iterdir() if path.name != ".lock"]


# Every transition


@pytest.mark.parametrize("name", ["a.png", "sub/deep/a.png", "-rf\n\x1b.png", "\udcff\udcfe", LONG, f"{LONG}/{LONG}"])
def test_from_inbox_to_done(spool: Spool, name: str) -> None:
    """A file of any name goes inbox → work → done, and its result appears under its name."""
    job = take(spool, name)
    assert (job.name, job.inbox, job.attempts) == (name, "default", 0)
    assert files(spool.inbox) == {}
    job = spool.begin(job)
    target = spool.deliver(job, rendered(result_of(job)))
    assert target == spool.outbox / names.with_suffix(name, ".json")
    assert files(spool.done) == {name: b"x"}
    assert len(results(spool)) == 1
    assert jobs_in_work(spool) == []


def test_delete_keeps_only_the_result(tmp_path: Path) -> None:
    """`after = "delete"`: the source is gone once its result is there."""
    spool = new_spool(tmp_path, delete=True)
    job = take(spool, "a.png")
    spool.deliver(job, rendered(result_of(job)))
    assert list(results(spool)) == ["a.png.json"]
    assert sources(spool) == Counter()
    assert jobs_in_work(spool) == []
    spool.close()


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "\udcff", LONG])
def test_fail_and_retry(spool: Spool, name: str) -> None:
    """A failed file lies in failed/ with its reason, and `retry` puts it back as it came."""
    target = spool.fail(job := take(spool, name), reason_of(job))
    ((path, reason),) = spool.failures()
    assert path == target == spool.failed / name
    assert reason["kind"] == "damaged"
    assert names.from_json(reason["failed_as"]) == name
    assert jobs_in_work(spool) == []
    assert spool.retry(path, reason) == spool.inbox / name
    assert files(spool.failed) == {}
    assert files(spool.inbox) == {name: b"x"}


def test_retry_never_overwrites(spool: Spool) -> None:
    """A file of the same name in the inbox stays, and so does the failed one."""
    spool.fail(job := take(spool, "a.png", b"old"), reason_of(job))
    drop(spool, "a.png", b"new")
    ((path, reason),) = spool.failures()
    with pytest.raises(FileExistsError):
        spool.retry(path, reason)
    assert files(spool.inbox) == {"a.png": b"new"}
    assert sources(spool)["failed", b"old"] == 1
    assert next(iter(spool.failures()))[1] == reason


def test_retry_gives_the_first_name_back(spool: Spool) -> None:
    """A file that failed under a tagged name returns under the name it came with."""
    for data in (b"1", b"2"):
        spool.fail(job := take(spool, "a.png", data), reason_of(job))
    (tagged,) = ((path, reason) for path, reason in spool.failures() if path.name != "a.png")
    assert spool.retry(*tagged) == spool.inbox / "a.png"


@pytest.mark.parametrize(
    "reason",
    [
        b"",
        b"[]",
        b"{",
        b'{"source": 3}',
        b'{"source": {"path": "../../etc/passwd"}}',
        b'{"source": {"path": "\\ud800"}}',
    ],
)
def test_retry_with_a_damaged_reason(spool: Spool, reason: bytes) -> None:
    """Without a usable reason the file returns under the name it has; no reason leads out of the inbox."""
    spool.fail(job := take(spool, "a.png"), reason_of(job))
    (spool.failed / ("a.png" + REASON_SUFFIX)).write_bytes(reason)
    ((path, found),) = spool.failures()
    assert spool.retry(path, found) == spool.inbox / "a.png"
    assert files(spool.failed) == {}


def test_give_back(spool: Spool) -> None:
    """A claim that is undone leaves nothing in work/."""
    spool.give_back(take(spool, "sub/a.png"))
    assert files(spool.inbox) == {"sub/a.png": b"x"}
    assert jobs_in_work(spool) == []


def test_give_back_never_overwrites(spool: Spool) -> None:
    """Where the name has been taken meanwhile, the file comes back under a tagged one."""
    job = take(spool, "a.png", b"old")
    drop(spool, "a.png", b"new")
    spool.give_back(job)
    assert files(spool.inbox) == {"a.png": b"new", f"a~{job.id}.png": b"old"}
    assert jobs_in_work(spool) == []


def test_attempts_and_interruptions_are_on_disk(tmp_path: Path) -> None:
    """An attempt that ended with the service is no fault of the file's; `suspend` takes one back."""
    spool = new_spool(tmp_path)
    job = spool.begin(spool.begin(take(spool, "a.png")))
    assert job.attempts == 2
    spool.close()
    for interruptions in (1, 2):
        spool = new_spool(tmp_path)
        (job,) = spool.recover()
        assert (job.name, job.attempts, job.interruptions) == ("a.png", 2 - interruptions, interruptions)
        spool.close()
    spool = new_spool(tmp_path)
    (job,) = spool.recover()
    assert (job.attempts, job.interruptions) == (0, 2)
    spool.suspend(spool.begin(job))
    assert spool.recover() == [job]
    spool.note_death(spool.note_death(job, 7), 3)
    (job,) = spool.recover()
    assert job.deaths == (7, 3)
    spool.close()


def test_only_one_may_have_a_spool(spool: Spool, tmp_path: Path) -> None:
    """A second service on the same folders is refused, whatever it calls them, until the first is gone."""
    second = Spool("other", {state: tmp_path / state for state in STATES})
    for _ in range(2):
        with pytest.raises(OcrspoolError, match="another ocrspool is working on"):
            second.open()
    spool.close()
    second.open()
    second.close()


# What a claim refuses


def test_claim_of_a_changed_file(spool: Spool) -> None:
    """What has changed since it was seen stays where it is."""
    drop(spool, "a.png")
    (seen,) = scan(spool)
    drop(spool, "a.png", b"longer")
    assert spool.claim(seen) is None
    assert files(spool.inbox) == {"a.png": b"longer"}
    assert jobs_in_work(spool) == []


def test_claim_of_what_has_gone(spool: Spool) -> None:
    """A file, or its folder, that has gone is no error."""
    drop(spool, "a.png")
    drop(spool, "sub/b.png")
    seen = scan(spool)
    shutil.rmtree(spool.inbox)
    assert [spool.claim(each) for each in seen] == [None, None]
    assert jobs_in_work(spool) == []


@pytest.mark.parametrize("swapped", ["file", "folder", "folder above"])
def test_claim_follows_no_link(spool: Spool, tmp_path: Path, swapped: str) -> None:
    """A link swapped in after the scan leads nowhere: what it points to is neither moved nor read."""
    outside = tmp_path / "outside"
    (outside / "sub").mkdir(parents=True)
    drop(spool, "up/sub/a.png")
    (seen,) = scan(spool)
    inbox = spool.inbox
    if swapped == "file":
        (inbox / "up/sub/a.png").rename(outside / "sub/a.png")
        (inbox / "up/sub/a.png").symlink_to(outside / "sub/a.png")
    elif swapped == "folder":
        (inbox / "up/sub/a.png").rename(outside / "sub/a.png")
        (inbox / "up/sub").rmdir()
        (inbox / "up/sub").symlink_to(outside / "sub")
    else:
        (inbox / "up/sub/a.png").rename(outside / "sub/a.png")
        shutil.rmtree(inbox / "up")
        (inbox / "up").symlink_to(outside)
    assert spool.claim(seen) is None
    assert (outside / "sub/a.png").read_bytes() == b"x"
    assert jobs_in_work(spool) == []


def test_an_unreadable_file_is_claimed(open_folder: Path) -> None:
    """A file without read permission is taken, so that it can fail with that reason instead of lying there."""
    open_folder.chmod(0o777)
    spool = Spool("default", {state: open_folder / state for state in STATES})
    (open_folder / "inbox").mkdir()
    (open_folder / "inbox").chmod(0o777)
    drop(spool, "a.png")
    (open_folder / "inbox/a.png").chmod(0o600)

    def claim_it() -> str:
        spool.open()
        return claim(spool, "a.png").name

    assert as_nobody(claim_it) == "a.png"


def test_a_path_too_long_for_work_stays(spool: Spool) -> None:
    """A path that fits into the inbox but not below work/ raises, and leaves nothing in work/ each time it is tried."""
    room = os.pathconf(spool.inbox, "PC_PATH_MAX") - len(os.fsencode(spool.inbox)) - 6
    name = "/".join(["d" * 200] * (room // 201)) + "/" + "f" * (room % 201)
    path = spool.inbox / name
    path.parent.mkdir(parents=True)
    path.write_bytes(b"x")
    (seen,) = scan(spool)
    for _ in range(2):
        with pytest.raises(OSError, match="File name too long"):
            spool.claim(seen)
        assert jobs_in_work(spool) == []
    assert path.read_bytes() == b"x"


# Names that meet


def test_delivering_again_gives_the_first_result(spool: Spool) -> None:
    """After an error in the middle a document is read again, by another run: what is out already stays what it is."""
    job = take(spool, "a.png")
    spool.done.rmdir()
    spool.done.write_bytes(b"in the way")
    with pytest.raises(NotADirectoryError):
        spool.deliver(job, rendered(result_of(job, "first")))
    assert results(spool)["a.png.json"]["run"] == "first"
    spool.done.unlink()
    spool.deliver(job, rendered(result_of(job, "second")))
    assert {name: result["run"] for name, result in results(spool).items()} == {"a.png.json": "first"}
    assert files(spool.done) == {"a.png": b"x"}


def test_same_name_other_content(spool: Spool) -> None:
    """Two documents of one name give two results and two files in done/."""
    for data in (b"1", b"2", b"3"):
        job = take(spool, "a.png", data)
        spool.deliver(job, rendered(result_of(job)))
    assert len(set(digests(spool))) == len(results(spool)) == 3
    assert {name[:1] for name in results(spool)} == {"a"}
    assert sorted(files(spool.done).values()) == [b"1", b"2", b"3"]


def test_same_name_same_content(spool: Spool) -> None:
    """The same document once more replaces its result; both sources are kept."""
    for run in (1, 2):
        job = take(spool, "a.png")
        spool.deliver(job, rendered(result_of(job, run)))
    assert {name: result["run"] for name, result in results(spool).items()} == {"a.png.json": 2}
    assert sorted(files(spool.done).values()) == [b"x", b"x"]


def test_long_names_that_differ_at_the_end(spool: Spool) -> None:
    """Names that only what is cut off tells apart have results of their own."""
    for data, name in ((b"1", LONG), (b"2", LONG.replace("1", "2"))):
        job = take(spool, name, data)
        spool.deliver(job, rendered(result_of(job)))
    assert len(results(spool)) == 2


def test_failed_names_meet(spool: Spool) -> None:
    """Every failed file has a reason of its own, even one that is named like another's reason."""
    for name, data in (
        ("a.png", b"1"),
        ("a.png", b"2"),
        ("a.png.reason.json", b"3"),
        ("b.png.reason.json", b"4"),
        ("b.png", b"5"),
    ):
        spool.fail(job := take(spool, name, data), {**reason_of(job), "of": data.decode()})
    assert sorted((path.read_bytes().decode(), reason["of"]) for path, reason in spool.failures()) == [
        (digit, digit) for digit in "12345"
    ]


def test_no_failed_file_is_taken_for_a_reason(spool: Spool) -> None:
    """A file named like another's reason is tagged, so that what people take away makes no document of a reason."""
    for name in ("a.png.reason.json", "a.png"):
        target = spool.fail(job := take(spool, name), reason_of(job))
        assert not target.name.endswith(REASON_SUFFIX)
        if name != "a.png":
            assert names.from_json(next(iter(spool.failures()))[1]["source"]) == name
            target.unlink()
    assert [path.name for path, _ in spool.failures()] == ["a.png"]


@pytest.mark.parametrize("first", ["scan", "scan.json"])
@pytest.mark.parametrize("second", ["scan/a.png", "scan.json/a.png"])
def test_a_folder_named_like_an_earlier_file(spool: Spool, first: str, second: str) -> None:
    """A file in done/, outbox/ or failed/ does not keep a folder's files from getting there: their folder is tagged."""
    for end in (spool.deliver, spool.fail):
        for name, data in ((first, b"1" + end.__name__.encode()), (second, b"2" + end.__name__.encode())):
            job = take(spool, name, data)
            if end == spool.deliver:
                spool.deliver(job, rendered(result_of(job)))
            else:
                spool.fail(job, reason_of(job))
        shutil.rmtree(spool.inbox)
        spool.inbox.mkdir()
    assert len(results(spool)) == 2
    assert sorted(files(spool.done).values()) == [b"1deliver", b"2deliver"]
    assert sorted(path.read_bytes() for path, _ in spool.failures()) == [b"1fail", b"2fail"]
    assert jobs_in_work(spool) == []


def test_giving_back_into_a_folder_that_became_a_file(spool: Spool) -> None:
    """A file whose folder in the inbox is now a file comes back beside it."""
    job = take(spool, "sub/a.png", b"1")
    (spool.inbox / "sub").rmdir()
    drop(spool, "sub", b"2")
    spool.give_back(job)
    assert sorted(files(spool.inbox).values()) == [b"1", b"2"]
    assert jobs_in_work(spool) == []


@pytest.mark.parametrize("foreign", [b"", b"[]", b"not json", b'{"source": "x"}', b'{"source": {"sha256": 5}}'])
def test_a_foreign_file_in_the_outbox_stays(spool: Spool, foreign: bytes) -> None:
    """What is not ours is not replaced."""
    (spool.outbox / "a.png.json").write_bytes(foreign)
    job = take(spool, "a.png")
    target = spool.deliver(job, rendered(result_of(job)))
    assert (spool.outbox / "a.png.json").read_bytes() == foreign
    assert json.loads(target.read_bytes())["run"] == 1


# Damage in work/


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"attempts": "many"}',
        b'{"attempts": null, "interruptions": {}}',
        b'{"attempts": -3}',
        b'{"deaths": 3}',
        b'{"deaths": [0, "x", null, {}]}',
    ],
)
def test_a_damaged_job_file_is_a_job_without_history(spool: Spool, damage: bytes) -> None:
    """Counts that cannot be read are 0: the file is read again."""
    job = spool.begin(take(spool, "a.png"))
    (spool.work / job.id / "job.json").write_bytes(damage)
    assert [(each.id, each.name, each.attempts, each.deaths) for each in spool.recover()] == [(job.id, "a.png", 0, ())]


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"source": {}}', b'{"source": {"sha256": '])
def test_a_damaged_result_is_made_again(spool: Spool, damage: bytes) -> None:
    """A result in work/ that a disk has eaten is not delivered: the document is read again, and replaces it."""
    job = take(spool, "a.png")
    (spool.work / job.id / "result.json").write_bytes(damage)
    (again,) = spool.recover()
    assert results(spool) == {}
    spool.deliver(again, rendered(result_of(again)))
    assert len(digests(spool)) == 1
    assert jobs_in_work(spool) == []


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"failed_as": "x"}', b'{"failed_as": {"path": "/etc/x"}}'])
@pytest.mark.parametrize("moved", [False, True])
def test_a_damaged_reason_is_no_hindrance(spool: Spool, damage: bytes, *, moved: bool) -> None:
    """A file that was about to fail, or had just been moved, ends in failed/, with what is left of its reason."""
    job = take(spool, "a.png")
    (spool.work / job.id / "reason.json").write_bytes(damage)
    if moved:
        job.source.rename(spool.failed / "a.png")
    assert spool.recover() == []
    assert sources(spool) == Counter({("failed", b"x"): 1})
    assert jobs_in_work(spool) == []


@pytest.mark.parametrize("left", [0, 3])
def test_a_source_that_a_power_cut_has_shortened(spool: Spool, left: int) -> None:
    """It fails by name, and says so: its sender never synced it. job.json need not have survived."""
    job = take(spool, "sub/a.png", b"document")
    found = job.source.stat()
    os.truncate(job.source, left)
    os.utime(job.source, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert spool.recover() == []
    ((path, reason),) = spool.failures()
    assert (path.name, reason["kind"]) == ("a.png", "lost-on-power-cut")
    assert f"had 8 bytes when it was claimed, and {left} are left" in reason["message"]
    assert jobs_in_work(spool) == []


def test_a_source_that_was_cut_off_by_its_owner(spool: Spool) -> None:
    """A file that was written to since it was claimed is no matter of a power cut."""
    job = take(spool, "a.png", b"document")
    os.truncate(job.source, 3)
    later = (job.source.stat().st_mtime_ns + 5 * 10**9,) * 2
    os.utime(job.source, ns=later)
    assert [each.name for each in spool.recover()] == ["a.png"]


def test_a_source_is_on_disk_before_its_result(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    """`keep` waits for it, and says when the disk fails."""
    job = take(spool, "sub/a.png")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.append(os.fstat(descriptor).st_ino))
    spool.keep(job)
    assert synced == [job.source.stat().st_ino]


def test_a_reason_whose_file_was_tidied_away(spool: Spool) -> None:
    """A failed folder that was removed between a crash and the next start does not keep the service from starting."""
    job = take(spool, "sub/a.png")
    reason = {"failed_as": {"path": "sub/a.png"}}
    (spool.work / job.id / "reason.json").write_text(json.dumps(reason), "utf-8")
    shutil.rmtree(job.source.parents[1])
    assert spool.recover() == []
    assert jobs_in_work(spool) == []


def told_as(job: Job, name: str) -> bytes:
    """The result of a job that tells this path below done/."""
    told = json.loads(result_of(job))
    fields = names.to_json(name)
    told["run"] = {"done_as": fields["path"], "done_as_base64": fields.get("path_base64")}
    return json.dumps(told).encode()


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "sub/\udcff.png", LONG])
def test_a_result_tells_where_its_source_is(spool: Spool, name: str) -> None:
    """The name is decided before the result is made: that of the source, or one with its job's id where it is taken."""
    for data in (b"first", b"second", b"third"):
        job = take(spool, name, data)
        told = spool.done_as(job)
        spool.deliver(job, rendered(told_as(job, told)))
        assert (spool.done / told).read_bytes() == data
        assert (told == name) == (data == b"first")


def test_two_jobs_of_one_name_are_told_different_places(spool: Spool) -> None:
    """Both are in work at one time; a third one gets the name that a job has left that came to nothing."""
    first, second = take(spool, "a.png", b"first"), take(spool, "a.png", b"second")
    told = [spool.done_as(job) for job in (first, second, first)]
    assert told == ["a.png", f"a~{second.id}.png", "a.png"]
    spool.fail(first, reason_of(first))
    third = take(spool, "a.png", b"third")
    assert spool.done_as(third) == "a.png"
    for job, name in ((second, told[1]), (third, "a.png")):
        spool.deliver(job, rendered(told_as(job, name)))
    assert files(spool.done) == {told[1]: b"second", "a.png": b"third"}


def test_what_people_put_into_done_meanwhile_stays(spool: Spool, caplog: pytest.LogCaptureFixture) -> None:
    """The source gets another name then, and the log says so. The result has appeared already."""
    job = take(spool, "a.png", b"ours")
    assert spool.done_as(job) == "a.png"
    (spool.done / "a.png").write_bytes(b"theirs")
    spool.deliver(job, rendered(told_as(job, "a.png")))
    assert files(spool.done) == {"a.png": b"theirs", f"a~{job.id}.png": b"ours"}
    assert "somebody has put a file at a.png in done/" in caplog.text


def test_a_source_that_is_not_kept_is_told_nowhere(tmp_path: Path) -> None:
    """after = "delete"; nor where done/ cannot be used, which the retirement finds again."""
    spool = new_spool(tmp_path / "deletes", delete=True)
    assert spool.done_as(take(spool, "a.png")) == ""
    spool.close()
    spool = new_spool(tmp_path / "away")
    job = take(spool, "a.png")
    shutil.rmtree(spool.done)
    spool.done.write_bytes(b"no folder")
    assert spool.done_as(job) == ""
    spool.close()


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_a_reason_whose_name_was_taken_after_a_crash(spool: Spool, kind: str) -> None:
    """What people have put there stays as it is. The failed file and its reason get another name together."""
    job = take(spool, "a.png", b"bad")
    reason = {**reason_of(job), "failed_as": {"path": "a.png"}}
    (spool.work / job.id / "reason.json").write_text(json.dumps(reason), "utf-8")
    job.source.rename(spool.failed / "a.png")  # and then comes the crash
    theirs = spool.failed / "a.png.reason.json"
    if kind == "file":
        theirs.write_bytes(b"theirs")
    elif kind == "link":
        theirs.symlink_to(spool.work)
    else:
        theirs.mkdir()
    before = theirs.lstat()
    assert spool.recover() == []
    assert theirs.lstat() == before
    name = f"a~{job.id}.png"
    assert (spool.failed / name).read_bytes() == b"bad"
    told = json.loads((spool.failed / f"{name}.reason.json").read_bytes())
    assert told == {**reason, "failed_as": {"path": name}}
    assert jobs_in_work(spool) == []
    assert not (spool.failed / "a.png").exists()


def test_litter_in_work_is_cleared_and_strangers_are_kept(spool: Spool) -> None:
    """Folders of crashed claims and temporary files go; a file that nobody knows is nobody's to delete."""
    (spool.work / "empty/source/sub").mkdir(parents=True)
    (spool.work / "litter").mkdir()
    (spool.work / "litter/job.json.new").write_bytes(b"")
    (spool.work / "litter/result.json.out").write_bytes(b"")
    (spool.work / "notes").mkdir()
    (spool.work / "notes/read-me").write_bytes(b"mine")
    assert spool.recover() == []
    assert jobs_in_work(spool) == ["notes"]
    assert (spool.work / "notes/read-me").read_bytes() == b"mine"


# Crashes. A child process is killed before its n-th touch of the filesystem, for every n.


def finish(root: Path, *, delete: bool = False) -> Spool:
    """Start anew after a crash: recover, then read whatever is left, as the service does."""
    spool = new_spool(root, delete=delete)
    left = spool.recover()
    in_work = sum(count for (state, _), count in sources(spool).items() if state == "work")
    assert len(left) == in_work
    assert all(count == 1 for count in Counter(data for _, data in sources(spool).elements()).values())
    for job in left:
        end_well_or_badly(spool, job)
    for seen in scan(spool):
        claimed = spool.claim(seen)
        assert claimed is not None
        end_well_or_badly(spool, claimed)
    spool.close()
    return spool


def end_well_or_badly(spool: Spool, job: Job) -> None:
    """Take a job to its outcome; content that begins with "bad" fails."""
    job = spool.begin(job)
    if job.source.read_bytes().startswith(b"bad"):
        spool.fail(job, reason_of(job))
    else:
        spool.deliver(job, rendered(result_of(job, os.getpid())))


def check_outcome(spool: Spool, contents: list[bytes]) -> None:
    """Hold the invariant: each file has exactly one fate, with its result or its reason, and no other trace."""
    fates = {data: "failed" if data.startswith(b"bad") else "done" for data in contents}
    kept = {data: fate for data, fate in fates.items() if fate == "failed" or not spool.delivery.delete}
    assert sources(spool) == Counter((fate, data) for data, fate in kept.items())
    read = [data for data, fate in fates.items() if fate == "done"]
    assert sorted(digests(spool)) == sorted(hashlib.sha256(data).hexdigest() for data in read)
    assert all(reason.get("kind") == "damaged" for _, reason in spool.failures())
    assert jobs_in_work(spool) == []


Step = Callable[[Spool], object]


def open_and(step: Step, root: Path, *, delete: bool = False) -> Callable[[], object]:
    """Return what a child process does: open the spool, take one step."""
    return lambda: step(new_spool(root, delete=delete))


def only_job(spool: Spool) -> Job:
    """Return the one job in work/."""
    (job,) = spool.recover()
    return job


STEPS: dict[str, Step] = {
    "claim": lambda spool: claim(spool, "sub/a.png"),
    "begin": lambda spool: spool.begin(only_job(spool)),
    "deliver": lambda spool: spool.deliver(job := only_job(spool), rendered(result_of(job))),
    "fail": lambda spool: spool.fail(job := only_job(spool), reason_of(job)),
    "give back": lambda spool: spool.give_back(only_job(spool)),
    "give back to a taken name": lambda spool: spool.give_back(only_job(spool)),
}


@pytest.fixture(params=["links", "no links"])
def any_filesystem(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a test on a filesystem with hard links, and on one that refuses them as FAT does."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    if request.param == "no links":
        monkeypatch.setattr(os, "link", refuse)


@pytest.mark.crash
@pytest.mark.usefixtures("any_filesystem")
@pytest.mark.parametrize("delete", [False, True], ids=["keep", "delete"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_instant(tmp_path: Path, step: str, *, delete: bool) -> None:
    """Whatever a step was doing when it was killed, the next start takes every file to one fate."""
    for touch in itertools.count(1):
        root = tmp_path / str(touch)
        spool = new_spool(root, delete=delete)
        contents = [drop(spool, "sub/a.png", b"bad" if step == "fail" else b"good").read_bytes()]
        if step != "claim":
            claim(spool, "sub/a.png")
        if step == "give back to a taken name":
            contents.append(drop(spool, "sub/a.png", b"other").read_bytes())
        spool.close()
        killed = killed_before(touch, open_and(STEPS[step], root, delete=delete))
        results(spool)
        check_outcome(finish(root, delete=delete), contents)
        if not killed:
            break
    assert touch > 6, "the step touched the disk less often than it can"


@pytest.mark.crash
@pytest.mark.parametrize("step", ["deliver", "fail", "give back"])
def test_killed_again_while_recovering(tmp_path: Path, step: str) -> None:
    """A second crash in the middle of mending the first one costs nothing either."""
    for first in itertools.count(1):
        for second in itertools.count(1 + first % 3, 3):  # every third instant; the next round shifts it
            root = tmp_path / f"{first}-{second}"
            spool = new_spool(root)
            contents = [drop(spool, "a.png", b"bad" if step == "fail" else b"good").read_bytes()]
            claim(spool, "a.png")
            spool.close()
            killed = killed_before(first, open_and(STEPS[step], root))
            recovering = killed_before(second, open_and(Spool.recover, root))
            check_outcome(finish(root), contents)
            shutil.rmtree(root)
            if not recovering:
                break
        if not killed:
            break


@pytest.mark.crash
@pytest.mark.usefixtures("any_filesystem")
def test_retry_killed_at_any_instant(tmp_path: Path) -> None:
    """A `retry` that was killed is finished by repeating it; the file is in the inbox once, and was never nowhere."""
    for touch in itertools.count(1):
        root = tmp_path / str(touch)
        spool = new_spool(root)
        spool.fail(job := take(spool, "sub/a.png"), reason_of(job))
        spool.close()

        def retry_all(spool: Spool = spool) -> None:
            for path, reason in list(spool.failures()):
                spool.retry(path, reason)

        killed = killed_before(touch, retry_all)
        assert sources(spool)
        retry_all()
        assert sources(spool) == Counter({("inbox", b"x"): 1})
        if not killed:
            break


def test_a_result_delivered_twice_is_the_same(tmp_path: Path) -> None:
    """A reader that took the first delivery away sees the very same bytes after the crash, not those of another run."""
    for touch in itertools.count(1):
        root = tmp_path / str(touch)
        spool = new_spool(root)
        take(spool, "a.png", b"good")
        spool.close()
        killed = killed_before(touch, open_and(STEPS["deliver"], root))
        first = files(spool.outbox)
        finish(root)
        assert first in ({}, files(spool.outbox))
        if not killed:
            break


def test_a_failure_that_the_disk_stopped_is_forgotten(tmp_path: Path) -> None:
    """A file that could not be moved to failed/, and is read at the next attempt, is done whenever that is killed."""
    for touch in itertools.count(1):
        root = tmp_path / str(touch)
        spool = new_spool(root)
        job = take(spool, "a.png", b"good")
        spool.failed.rmdir()
        spool.failed.write_bytes(b"no folder, for now")
        with pytest.raises(NotADirectoryError):
            spool.fail(job, reason_of(job))
        spool.failed.unlink()
        (spool.work / job.id / "reason.json").write_text(json.dumps(reason_of(job)), "utf-8")  # as far as it may get
        spool.begin(job)
        spool.close()

        def deliver(spool: Spool, job: Job = job) -> None:
            spool.deliver(job, rendered(told_as(job, spool.done_as(job))))

        killed = killed_before(touch, open_and(deliver, root))
        check_outcome(finish(root), [b"good"])
        if not killed:
            break


NAMES = st.sampled_from(
    ["a.png", "b.png", "sub/a.png", "sub", "a.png.json", "a.png.json/x", "a.png.reason.json", "\udcff", LONG]
)
DROPS = st.tuples(st.just("drop"), NAMES, st.booleans())
RUNS = st.tuples(st.just("run"), st.integers(1, 120), st.booleans())


@pytest.mark.crash
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(DROPS | RUNS, max_size=14), st.booleans())
def test_any_history(history: list[tuple[str, Any, bool]], delete: bool) -> None:  # noqa: FBT001 - hypothesis passes by position
    """Files of meeting names arrive, the service is killed again and again: every file ends with one fate."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        spool = new_spool(root, delete=delete)
        spool.close()
        contents: list[bytes] = []
        for kind, what, bad in history:
            if kind == "run":
                killed_before(what, lambda: finish(root, delete=delete))
                results(spool)
            elif not os.path.lexists(spool.inbox / what) and not (spool.inbox / what).parent.is_file():
                contents.append(drop(spool, what, f"{'bad' if bad else 'good'} {len(contents)}".encode()).read_bytes())
        check_outcome(finish(root, delete=delete), contents)
