"""Where files go, in folders that others may write to, and under names that nobody could want."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from ocrspool.audit.auditor import audit
from ocrspool.files.publish import PRIVATE
from ocrspool.files.target_path import target_path
from ocrspool.spool.spool import Spool
from support.forked_code import as_nobody
from support.sample_results import rendered, result_of
from support.sample_spools import drop, files, reason_of, scan, take


def at(root: Path, name: str, tag: str = "tag", mode: int | None = None) -> Path:
    """Return where the place is."""
    with target_path(root, name, tag, mode) as place:
        assert os.path.samestat(os.fstat(place.folder.descriptor), place.path.parent.lstat())
        return place.path


def test_folders_are_made(tmp_path: Path) -> None:
    """Those on the way, and the root; twice is as good as once."""
    for _ in range(2):
        assert at(tmp_path / "r", "a/b/c.png") == tmp_path / "r/a/b/c.png"
    assert (tmp_path / "r/a/b").is_dir()


@pytest.mark.parametrize("in_the_way", ["file", "link", "dangling link", "pipe"])
def test_what_is_in_a_folders_place(tmp_path: Path, in_the_way: str) -> None:
    """Nothing is followed or replaced, neither there nor in the place of the tagged folder."""
    (tmp_path / "outside").mkdir()
    root = tmp_path / "r"
    root.mkdir()
    for name in ("a", "a~tag"):
        if in_the_way == "file":
            (root / name).write_bytes(b"x")
        elif in_the_way == "pipe":
            os.mkfifo(root / name)
        else:
            (root / name).symlink_to(tmp_path / ("outside" if in_the_way == "link" else "nowhere"))
    assert at(root, "a/b.png") == root / "a~tag-2/b.png"
    assert at(root, "a/b.png") == root / "a~tag-2/b.png"
    assert list((tmp_path / "outside").iterdir()) == []
    assert not (tmp_path / "nowhere").exists()


def test_folders_that_we_may_not_write_to(open_folder: Path) -> None:
    """They are left, and what was to lie in them lies in a tagged folder; at last, in the folder above."""
    root = open_folder / "r"
    for name in ("a", "b", "b~tag", "b~tag-2", "b~tag-3"):
        (root / name).mkdir(parents=True)
    root.chmod(0o777)
    found = as_nobody(lambda: [str(at(root, name).relative_to(root)) for name in ("a/x.png", "b/x.png")])
    assert found[0] == "a~tag/x.png"
    assert found[1].startswith("x~")
    assert "/" not in found[1]


def test_the_private_name_is_never_used(tmp_path: Path) -> None:
    """At no depth: what lies in a folder of that name is cleared away."""
    assert at(tmp_path, f"a/{PRIVATE}/b.png") == tmp_path / f"a/{PRIVATE}~tag/b.png"


@pytest.mark.parametrize("state", ["outbox", "done", "failed", "inbox"])
def test_links_are_not_followed_on_the_way_out(spool: Spool, tmp_path: Path, state: str) -> None:
    """A link that somebody has put where a folder of ours would be leads nothing out of the spool."""
    outside = tmp_path / "outside"
    outside.mkdir()
    jobs = [take(spool, f"sub/{number}.png", str(number).encode()) for number in range(3)]
    folder = spool.inbox.parent / state / "sub"
    if state == "inbox":
        folder.rmdir()
    folder.symlink_to(outside)
    spool.deliver(jobs[0], rendered(result_of(jobs[0])))
    spool.fail(jobs[1], reason_of("sub/1.png"))
    spool.give_back(jobs[2])
    assert list(outside.iterdir()) == []
    spool.close()
    found = audit(spool)
    assert [finding.kind for finding in found.findings] == ["stray"] * (state != "inbox")
    assert [found.counts[each] for each in ("inbox", "work", "outbox", "done", "failed")] == [1, 0, 1, 1, 1]


def test_paths_that_only_the_inbox_has_room_for(tmp_path: Path) -> None:
    """A deep file that can be claimed gets somewhere: where its path would be too long, to the top of the folder."""
    far = tmp_path / "/".join(["far" * 60] * 4)
    near = {state: tmp_path / state for state in ("inbox", "work")}
    spool = Spool("default", {**near, **{state: far / state for state in ("outbox", "done", "failed")}})
    spool.open()
    deep = "/".join(["d" * 200] * ((4096 - 64 - len(os.fsencode(far))) // 201 + 1))
    contents = []
    for number in range(4):
        (spool.inbox / deep).mkdir(parents=True, exist_ok=True)
        name = f"{deep}/{number % 2}.png"
        contents.append(f"{number}".encode())
        job = take(spool, name, contents[-1])
        if number < 2:
            spool.deliver(job, rendered(result_of(job)))
        else:
            spool.fail(job, reason_of(name))
    assert sorted(path.parent for path in far.rglob("*.json")) == [spool.failed] * 2 + [spool.outbox] * 2
    assert sorted([*files(spool.done).values(), *(path.read_bytes() for path, _ in spool.failures())]) == contents
    for path, reason in list(spool.failures()):
        assert spool.retry(path, reason).parent == spool.inbox / deep
    spool.close()
    assert audit(spool).findings == ()


# Hard links


def test_one_file_under_two_names(spool: Spool) -> None:
    """A file that is linked twice into the inbox is two documents: each has its result, and both are kept."""
    drop(spool, "a.png").parent.joinpath("b.png").hardlink_to(spool.inbox / "a.png")
    for name in ("a.png", "b.png"):
        job = spool.claim(next(seen for seen in scan(spool) if seen.name == name))
        assert job is not None
        spool.deliver(job, rendered(result_of(job)))
    assert sorted(files(spool.outbox)) == ["a.png.json", "b.png.json"]
    assert files(spool.done) == {"a.png": b"x", "b.png": b"x"}
    assert audit(spool).findings == ()


def test_a_name_outside_stays_and_may_write(spool: Spool, tmp_path: Path) -> None:
    """Whoever keeps a link to a file can change it after the claim; the audit tells."""
    (tmp_path / "mine.png").write_bytes(b"one")
    (spool.inbox / "a.png").hardlink_to(tmp_path / "mine.png")
    job = spool.claim(scan(spool)[0])
    assert job is not None
    spool.deliver(job, rendered(result_of(job)))
    (tmp_path / "mine.png").write_bytes(b"two")
    assert (spool.done / "a.png").read_bytes() == b"two"
    spool.close()
    assert [finding.kind for finding in audit(spool).findings] == ["changed-source"]


def test_folders_have_the_mode_of_results(tmp_path: Path) -> None:
    """Search permission wherever there is read permission, and the group's bit from above."""
    tmp_path.chmod(0o2755)
    at(tmp_path, "a/b/c.png", mode=0o640)
    assert [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("a", "a/b")] == [0o2750, 0o2750]
