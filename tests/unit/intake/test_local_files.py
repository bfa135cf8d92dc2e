"""Files read where they lie, for `once`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocrspool.config.schema import Inbox
from ocrspool.errors import Exit
from ocrspool.files import names
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.intake.local_files import LocalFiles, MissingPathError
from ocrspool.results.rendered import RenderedResult, ResultFiles
from support.sample_results import rendered

RULES = NamePatterns(("*",), Inbox(root=Path("/r")).ignore)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Some files to read, and some things that are none."""
    for name in ("a.png", "sub/b.png", ".hidden.png", "@eaDir/c.png", "sub/d.part", "odd/\udcff\n.png"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name).write_bytes(b"x")
    (tmp_path / "in/link.png").symlink_to("a.png")
    os.mkfifo(tmp_path / "in/pipe.png")
    return tmp_path / "in"


@pytest.fixture
def folders(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "out")


def test_a_folder_is_mirrored(folders: LocalFiles, tree: Path) -> None:
    """Wanted regular files below a folder, named by their place in it, always in the same order."""
    jobs = folders.jobs([tree], RULES)
    assert [job.name for job in jobs] == ["a.png", "odd/\udcff\n.png", "sub/b.png"]
    assert [job.source for job in jobs] == [tree / job.name for job in jobs]


def test_rules_know_the_whole_path(folders: LocalFiles, tree: Path) -> None:
    """A pattern with a "/" leaves a folder out here as it does in an inbox."""
    (tree / "deep/sub").mkdir(parents=True)
    (tree / "deep/sub/e.png").write_bytes(b"x")
    found = [job.name for job in folders.jobs([tree], NamePatterns(("*.png",), ("deep/sub", "odd")))]
    assert found == [".hidden.png", "a.png", "@eaDir/c.png", "sub/b.png"]


def test_a_named_file_is_read_whatever_its_name(folders: LocalFiles, tree: Path) -> None:
    """Who names a file means it."""
    assert [job.name for job in folders.jobs([tree / ".hidden.png", tree / "sub/d.part"], RULES)] == [
        ".hidden.png",
        "d.part",
    ]


def test_names_that_meet(folders: LocalFiles, tree: Path) -> None:
    """Files of one name, from several folders, have results of their own."""
    jobs = folders.jobs([tree / "a.png", tree, tree / "a.png"], RULES)
    found = [job.name for job in jobs if job.source == tree / "a.png"]
    assert found == ["a.png", "a~2.png", "a~3.png"]
    assert len({folders.deliver(job, rendered(b"{}")) for job in jobs}) == len(jobs)


def test_a_missing_path(folders: LocalFiles, tree: Path) -> None:
    """What is not there is named, harmlessly, before anything is read."""
    with pytest.raises(MissingPathError, match=r"none\\x1b: there is no such file") as caught:
        folders.jobs([tree, tree / "none\x1b"], RULES)
    assert caught.value.exit_code == Exit.NO_INPUT


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "é" * 127, "\udcff" * 255])
def test_deliver_replaces_whole(folders: LocalFiles, tmp_path: Path, tree: Path, name: str) -> None:
    """A result of any name is written, again and again, and nothing lies beside it."""
    (job,) = folders.jobs([tree / "a.png"], RULES)
    job = type(job)(job.id, job.inbox, name, job.source)
    for result in (b"1", b"2"):
        assert folders.deliver(job, RenderedResult(ResultFiles(""), result)) == tmp_path / "out" / names.with_suffix(
            name, ".json"
        )
    found = [path for path in (tmp_path / "out").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in found] == [b"2"]


def test_attempts_and_failures(folders: LocalFiles, tree: Path) -> None:
    """Attempts are counted, failures remembered, and the source stays where it is through all of it."""
    (job,) = folders.jobs([tree / "a.png"], RULES)
    job = folders.begin(folders.begin(job))
    assert job.attempts == 2
    folders.suspend(job)
    assert folders.fail(job, {"kind": "damaged"}) == tree / "a.png"
    assert folders.failures == [(str(tree / "a.png"), {"kind": "damaged"})]
    assert (tree / "a.png").read_bytes() == b"x"
