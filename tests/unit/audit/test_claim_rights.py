"""What the service may not take out of an inbox, found by root or by the service's user: with real users and modes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocrspool.audit.auditor import audit
from ocrspool.audit.claim_rights import unclaimable
from ocrspool.files.name_patterns import NamePatterns
from ocrspool.spool.layout import STATES
from ocrspool.spool.spool import Spool
from support.forked_code import NOBODY, as_nobody, needs_root

RULES = NamePatterns(["*"], [".*"])


@pytest.fixture
def theirs(open_folder: Path) -> Spool:
    """A spool of the user nobody, whose inbox has files and folders that root, as an ordinary user here, has made."""
    needs_root()
    for state in STATES:
        (open_folder / state).mkdir(0o755)
        os.chown(open_folder / state, NOBODY, NOBODY)
    for name in ("well.png", "sub/a.png", "sub/b.png", "closed/c.png", "unread.png", ".hidden/x.png"):
        path = open_folder / "inbox" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x")
    (open_folder / "inbox/closed").chmod(0o700)
    (open_folder / "inbox/unread.png").chmod(0o600)
    return Spool("a", {state: open_folder / state for state in STATES})


def test_each_is_found_with_its_reason(theirs: Spool) -> None:
    """Files in a folder that the service may not write to, a folder that it may not enter, a file it may not read."""
    found = unclaimable(theirs, RULES)
    assert found is not None
    assert {each.name: each.why for each in found} == {
        "closed/": "the service may not look into this folder",
        "sub/a.png": "the service may not write to its folder sub",
        "sub/b.png": "the service may not write to its folder sub",
        "unread.png": "the service may not read it, so it would fail",
    }
    assert os.geteuid() == 0, "the rights are those of before"


def test_a_folder_that_protects_the_files_of_others(theirs: Spool) -> None:
    """A sticky bit keeps the service from taking them, although it may write there."""
    (theirs.inbox / "sub").chmod(0o1777)
    found = unclaimable(theirs, RULES)
    assert found is not None
    assert "(sticky bit)" in {each.name: each.why for each in found}["sub/a.png"]


def test_the_users_group_can_open_it(theirs: Spool) -> None:
    """A folder that the service may write to is no hindrance."""
    (theirs.inbox / "sub").chmod(0o777)
    found = unclaimable(theirs, RULES)
    assert found is not None
    assert {each.name for each in found} == {"closed/", "unread.png"}


def test_the_services_user_sees_the_same(theirs: Spool) -> None:
    """It needs no change of user."""
    found = as_nobody(lambda: [each.name for each in unclaimable(theirs, RULES) or ()])
    assert found == ["closed/", "sub/a.png", "sub/b.png", "unread.png"]


def test_another_user_cannot_tell(theirs: Spool) -> None:
    """What that one may not take says nothing of the service."""
    os.chown(theirs.work, 0, 0)
    assert as_nobody(lambda: unclaimable(theirs, RULES)) is None


def test_the_audit_of_root_tells(theirs: Spool) -> None:
    """Each file is in one place, and four of them will never be read: that is a note with the reason."""
    found = audit(theirs, RULES)
    assert found.findings == ()
    assert sorted((note.kind, note.path.name) for note in found.notes) == [
        ("unclaimable", name) for name in ("a.png", "b.png", "closed", "unread.png")
    ]
    assert found.verdict == "5 files, each in one place; 4 of them cannot be taken out of the inbox"
    assert found.to_json()["unclaimable"] == 4
    assert "may not write to its folder sub" in found.notes[1].meaning
