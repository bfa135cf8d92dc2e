"""Every file in exactly one place: proven, disproved with the reason, and mended as far as that is safe."""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ocrspool.audit.auditor import Audit, audit
from ocrspool.audit.findings import FINDINGS, NOTES
from ocrspool.audit.repair import repair
from ocrspool.errors import SpoolBusyError
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.processes.owner import NotOursError
from ocrspool.spool.jobs import Job
from ocrspool.spool.layout import STATES
from ocrspool.spool.spool import Spool
from support.forked_code import as_nobody, killed_before, needs_root
from support.sample_results import rendered, result_of
from support.sample_spools import fail, files, read, reason_of, spool_in, take

DOCS = Path(__file__).parents[3] / "docs/operations.md"


def said(found: Audit) -> list[tuple[str, str]]:
    """Return kind and file name of each finding and note."""
    return [(each.kind, each.path.name) for each in found.findings + found.notes]


def everything(spool: Spool) -> dict[str, bytes]:
    """Return every file of the spool, so that nothing is lost without being missed."""
    return files(spool.inbox.parent)


def test_nothing_is_there_yet(tmp_path: Path) -> None:
    """Before the first start nothing is wrong, and looking makes nothing."""
    found = audit(spool_in(tmp_path / "s"))
    assert (found.verdict, found.busy, said(found)) == ("0 files, each in one place", False, [])
    assert repair(spool_in(tmp_path / "s")) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("open_", [True, False], ids=["busy", "idle"])
def test_a_spool_that_is_well(spool: Spool, *, open_: bool) -> None:
    """Files in every state, of names that meet, taken away by users or not: each is in one place."""
    for name in ("a.png", "sub/a.png", "\udcff\x1b.png", "é" * 127):
        read(spool, name)
        read(spool, name)
        read(spool, name, b"other")
        fail(spool, name)
    fail(spool, "a.png.reason.json")
    read(spool, "gone.png").unlink()
    read(spool, "sources are gone.png")
    (spool.done / "sources are gone.png").unlink()
    fail(spool, "taken.png").with_name("taken.png.reason.json").unlink()
    (spool.failed / "taken.png").unlink()
    for name in ("waiting.png", ".hidden", "growing.part"):
        (spool.inbox / name).write_bytes(b"x")
    (spool.inbox / "folder").mkdir()
    if not open_:
        spool.close()
    found = audit(spool, NamePatterns(["*"], [".*", "*.part"]), thorough=True)
    assert said(found) == []
    assert found.counts == {"inbox": 1, "work": 0, "outbox": 9, "done": 13, "failed": 5}
    assert found.busy == open_
    assert found.verdict == "19 files, each in one place"


def test_jobs_in_flight_are_no_findings(spool: Spool) -> None:
    """Beside a service, jobs in every state are as they should be."""
    take(spool, "claimed.png")
    spool.begin(take(spool, "begun.png"))
    (spool.work / (job := take(spool, "read.png")).id / "result.json").write_bytes(result_of(job))
    (spool.work / take(spool, "failing.png").id / "reason.json").write_bytes(b"{}")
    fail(spool, "failed.png")
    on_its_way = spool.work / "20260101T000000-01234567"
    on_its_way.mkdir()
    (spool.failed / "failed.png.reason.json").rename(on_its_way / "reason.json")
    found = audit(spool)
    assert said(found) == []
    assert found.counts["work"] == 4


Damage = Callable[[Spool], object]


def half_delivered(spool: Spool) -> None:
    job = take(spool, "x.png")
    (spool.work / job.id / "result.json").write_bytes(result_of(job))


def half_failed(spool: Spool) -> None:
    (spool.work / take(spool, "x.png").id / "reason.json").write_bytes(b'{"kind": "damaged"}')


def half_failed_and_moved(spool: Spool) -> None:
    target = fail(spool, "x.png")
    (spool.work / "x.png").mkdir()
    target.with_name("x.png.reason.json").rename(spool.work / "x.png/reason.json")


def half_given_back(spool: Spool) -> None:
    job = take(spool, "x.png")
    (spool.inbox / "x.png").hardlink_to(job.source)


def half_retried(spool: Spool) -> None:
    (spool.inbox / "x.png").hardlink_to(fail(spool, "x.png"))


def leftover(spool: Spool) -> None:
    (spool.work / "x.png/source").mkdir(parents=True)
    (spool.work / "x.png/job.json.new").write_bytes(b"")


def never_begun(spool: Spool) -> None:
    (spool.work / "x.png").mkdir()


def orphan(spool: Spool) -> None:
    (spool.work / "x.png").write_bytes(b"x")


def orphan_in_a_folder(spool: Spool) -> None:
    (spool.work / "notes/deep").mkdir(parents=True)
    (spool.work / "notes/deep/x.png").write_bytes(b"x")


def second_source(spool: Spool) -> None:
    job = take(spool, "y.png")
    job.source.with_name("x.png").write_bytes(b"x")
    with spool.jobs.opened(job.id) as folder:
        found = spool.jobs.read(folder)
    if found != job:  # whichever the folder lists first is the job's
        job.source.with_name("x.png").rename(job.source.with_name("z.png"))
        job.source.rename(job.source.with_name("x.png"))


def no_reason(spool: Spool) -> None:
    fail(spool, "x.png").with_name("x.png.reason.json").unlink()


def named_like_a_reason(spool: Spool) -> None:
    (spool.failed / "x.reason.json").write_bytes(b"a document of this name")


def damaged_result(spool: Spool) -> None:
    path = read(spool, "x.png")
    path.write_bytes(path.read_bytes()[:-20])


def foreign_result(spool: Spool) -> None:
    (spool.outbox / "x.json").write_bytes(b'{"source": {"sha256": "0"}}')


def stray(spool: Spool) -> None:
    (spool.outbox / "x.json.tmp").write_bytes(b"{}")


def stray_link(spool: Spool) -> None:
    (spool.done / "x").symlink_to("/etc/hostname")


def stray_pipe_in_work(spool: Spool) -> None:
    (spool.work / "notes/source").mkdir(parents=True)
    os.mkfifo(spool.work / "notes/source/x")


def waiting_job(spool: Spool) -> None:
    spool.begin(take(spool, "x.png"))


def never_claimed(spool: Spool) -> None:
    (spool.inbox / "x.png").symlink_to("/etc/hostname")


def unreadable(spool: Spool) -> None:
    (spool.inbox / "x.png").write_bytes(b"x")
    (spool.inbox / "x.png").chmod(0o200)


def two_names(spool: Spool) -> None:
    read(spool, "x.png")
    (spool.inbox / "again.png").hardlink_to(spool.done / "x.png")


def lone_reason(spool: Spool) -> None:
    fail(spool, "x.png").unlink()


def other_document(spool: Spool) -> None:
    read(spool, "x.png")
    replaced(spool, b"another")


def replaced(spool: Spool, data: bytes) -> None:
    """Another file takes the place of the retired one, by a rename."""
    other = spool.done.parent / "other"
    other.write_bytes(data)
    os.utime(other, (1, 1))
    other.rename(spool.done / "x.png")


def changed_source(spool: Spool) -> None:
    """Whoever had it open when it was claimed goes on writing to it."""
    read(spool, "x.png", b"one sheet")
    with (spool.done / "x.png").open("ab") as writer:
        writer.write(b" and another")


WRONG: list[tuple[str, Damage, bool]] = [
    ("half-delivered", half_delivered, True),
    ("half-failed", half_failed, True),
    ("half-failed", half_failed_and_moved, True),
    ("half-given-back", half_given_back, True),
    ("half-retried", half_retried, True),
    ("leftover", leftover, True),
    ("leftover", never_begun, True),
    ("orphan", orphan, True),
    ("orphan", orphan_in_a_folder, True),
    ("orphan", second_source, True),
    ("no-reason", no_reason, True),
    ("no-reason", named_like_a_reason, True),
    ("damaged-result", damaged_result, False),
    ("damaged-result", foreign_result, False),
    ("changed-source", changed_source, False),
    ("stray", stray, False),
    ("stray", stray_link, False),
    ("stray", stray_pipe_in_work, False),
]
"""The kind, how to get there, whether a repair mends it."""

WORTH_KNOWING: list[tuple[str, Damage]] = [
    ("waiting-job", waiting_job),
    ("never-claimed", never_claimed),
    ("unreadable", unreadable),
    ("two-names", two_names),
    ("lone-reason", lone_reason),
    ("other-document", other_document),
]


@pytest.mark.parametrize(("kind", "damage", "mends"), WRONG, ids=[damage.__name__ for _, damage, _ in WRONG])
def test_each_finding(spool: Spool, kind: str, damage: Damage, *, mends: bool) -> None:
    """Each is found by name, explained, and mended without losing a file where that is safe."""
    read(spool, "innocent.png")
    fail(spool, "unlucky.png")
    damage(spool)
    spool.close()
    found = audit(spool)
    (finding,) = found.findings
    assert (finding.kind, finding.path.name[0], found.verdict) == (kind, "x", "1 finding")
    assert finding.meaning
    assert bool(finding.repair) == mends
    before = everything(spool)
    assert [each.kind for each in repair(spool)] == [kind] * mends
    after = everything(spool)
    assert len(audit(spool).findings) == (not mends)
    documents = {data for name, data in before.items() if not name.endswith(("reason.json", ".lock"))}
    assert documents - {b""} <= set(after.values())
    assert (before == after) or mends


@pytest.mark.parametrize(("kind", "oddity"), WORTH_KNOWING, ids=[kind for kind, _ in WORTH_KNOWING])
def test_each_note(spool: Spool, kind: str, oddity: Damage) -> None:
    """What is odd and harmless is said, is no finding, and is left alone by a repair."""
    oddity(spool)
    spool.close()
    found = audit(spool)
    assert [note.kind for note in found.notes] == [kind]
    assert found.verdict.endswith("each in one place")
    before = everything(spool)
    assert repair(spool) == []
    assert {name: data for name, data in everything(spool).items() if "job.json" not in name} == {
        name: data for name, data in before.items() if "job.json" not in name
    }


def test_every_word_is_tested_and_documented() -> None:
    """No kind of finding without a case above and a line in the manual."""
    assert {kind for kind, _, _ in WRONG} == set(FINDINGS) - {"closed"}
    assert {kind for kind, _ in WORTH_KNOWING} == set(NOTES) - {"unclaimable"}
    text = DOCS.read_text("utf-8")
    assert [kind for kind in (*FINDINGS, *NOTES) if f"`{kind}`" not in text] == []


def test_an_orphan_tells_where_it_was(spool: Spool) -> None:
    """A file that was moved to failed/ has a reason that a person can act on, and comes back by a retry."""
    orphan_in_a_folder(spool)
    spool.close()
    repair(spool)
    ((path, reason),) = spool.failures()
    assert (path, reason["kind"]) == (spool.failed / "x.png", "unknown")
    assert "work/notes/deep/x.png" in reason["message"]
    assert not (spool.work / "notes").exists()
    assert spool.retry(path, reason) == spool.inbox / "x.png"


def test_same_size_other_content(spool: Spool) -> None:
    """Only a thorough audit sees a source that was replaced by one as long; one that was written to any audit sees."""
    read(spool, "x.png", b"one")
    read(spool, "y.png", b"one")
    replaced(spool, b"two")
    spool.close()
    assert said(audit(spool)) == []
    assert said(audit(spool, thorough=True)) == [("other-document", "x.png.json")]
    (spool.done / "y.png").write_bytes(b"two")
    assert said(audit(spool)) == [("changed-source", "y.png")]


def test_a_repair_beside_a_service(spool: Spool) -> None:
    """Whoever has the spool open keeps it for itself."""
    half_delivered(spool)
    before = everything(spool)
    with pytest.raises(SpoolBusyError, match="another ocrspool is working on"):
        repair(spool)
    assert everything(spool) == before


def test_a_repair_by_another_user(open_folder: Path) -> None:
    """What another user would make there, the service could not move: who repairs has to be the service's user."""
    needs_root()
    spool = spool_in(open_folder / "s")
    spool.open()
    spool.close()
    os.chown(spool.work, 12345, 12345)
    os.chown(spool.work / ".lock", 12345, 12345)
    spool.work.chmod(0o755)

    def mend() -> str:
        with pytest.raises(NotOursError, match="user 12345"):
            repair(spool)
        return "refused"

    assert as_nobody(mend) == "refused"


def test_a_repair_by_root(open_folder: Path) -> None:
    """Root acts as the service's user: what it makes is that user's, and root is root again afterwards."""
    needs_root()
    spool = spool_in(open_folder / "s")
    spool.open()
    half_failed(spool)
    spool.close()
    for path in (spool.work.parent, *spool.work.parent.rglob("*")):
        os.chown(path, 12345, 12345)
    spool.failed.chmod(0o755)
    assert [finding.kind for finding in repair(spool)] == ["half-failed"]
    assert {path.stat().st_uid for path in spool.failed.iterdir()} == {12345}
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_a_folder_that_cannot_be_entered(open_folder: Path) -> None:
    """What could not be looked into is not said to be well; a NAS's own folders are none of ours."""
    needs_root()  # to be rid of the folders, too
    spool = spool_in(open_folder / "s")
    for folder in (spool.inbox / "closed", spool.inbox / "lost+found", spool.done / "closed"):
        folder.mkdir(parents=True)
        folder.chmod(0)

    def look() -> list[tuple[str, str]]:
        return [(each.kind, each.meaning) for each in audit(spool, NamePatterns(["*"], ["lost+found"])).findings]

    meaning = f"{FINDINGS['closed'].meaning} (Permission denied)"
    assert as_nobody(look) == [["closed", meaning]] * 2


def test_a_spool_of_another_user(open_folder: Path) -> None:
    """Who may not ask whether a service runs gets that as an error, not half an answer."""
    spool = spool_in(open_folder / "s")
    spool.open()
    spool.close()

    def look() -> str:
        with pytest.raises(PermissionError) as caught:
            audit(spool)
        return str(caught.value.filename)

    assert as_nobody(look) == str(spool.work)


@pytest.mark.crash
@pytest.mark.parametrize("end", ["deliver", "fail", "give back"])
def test_a_repair_after_every_crash(tmp_path: Path, end: str) -> None:
    """Whatever instant a service died at, a repair and an audit find the file in one place, without any service."""
    for touch in itertools.count(1):
        spool = spool_in(tmp_path / str(touch))
        spool.open()
        job = take(spool, "sub/x.png")
        spool.close()
        result = result_of(job)

        def finish(spool: Spool = spool, job: Job = job, result: bytes = result) -> None:
            if end == "deliver":
                spool.deliver(job, rendered(result))
            elif end == "fail":
                spool.fail(job, reason_of(job.name))
            else:
                spool.give_back(job)

        killed = killed_before(touch, finish)
        repair(spool)
        found = audit(spool, thorough=True)
        assert found.findings == ()
        assert sum(found.counts[state] for state in STATES if state != "outbox") == 1
        if not killed:
            break


@pytest.mark.slow
def test_beside_a_service_at_work(spool: Spool) -> None:
    """Files are on the move all the time: none of it is reported, however often one looks.

    There are many names: one that stands in two looks by chance, on its way both times, would look as if it had stayed.
    """
    ending = threading.Event()

    def work() -> None:
        for number in itertools.count():
            if ending.is_set():
                return
            for name in (f"{number % 97}.png", f"sub/{number % 89}.png"):
                job = spool.begin(take(spool, name, str(number % 11).encode()))
                end = number % 3
                if end == 0:
                    spool.deliver(job, rendered(result_of(job)))
                elif end == 1:
                    spool.retry(spool.fail(job, reason_of(job.name)), {"source": {"path": name}})
                else:
                    spool.give_back(job)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        looks = [said(audit(spool)) for _ in range(30)]
    finally:
        ending.set()
        worker.join()
    assert looks == [[]] * 30
