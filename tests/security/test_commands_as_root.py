"""Commands that root runs on the cache of the service: what they make and remove is what its owner could."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocrspool.errors import Exit
from ocrspool.processes.owner import become_owner
from support.daemon_process import COMMAND, ocrspool
from support.forked_code import as_nobody
from support.other_users import RUNS_AS_ANOTHER_USER, folder_with_cache

OWNER = 4711

pytestmark = [
    pytest.mark.engine,
    *RUNS_AS_ANOTHER_USER,
]


@pytest.fixture
def config(engine_cache: Path) -> Iterator[Path]:
    """A configuration whose cache belongs to another user."""
    with folder_with_cache(engine_cache, OWNER) as folder:
        os.chown(folder, 0, 0)
        (folder / "cache").chmod(0o700)
        path = folder / "ocrspool.toml"
        path.write_text("[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\n", "utf-8")
        yield path


def owners(folder: Path) -> set[int]:
    return {path.lstat().st_uid for path in (folder, *folder.rglob("*"))}


def test_prebuild(config: Path) -> None:
    """What root builds belongs to the service's user, who is to load it."""
    shutil.rmtree(config.parent / "cache/engines")
    made = ocrspool("prebuild", "--config", config, seconds=300)
    assert made.returncode == 0, made.stderr
    assert list((config.parent / "cache/engines").glob("*/manifest.json"))
    assert owners(config.parent / "cache") == {OWNER}


def test_gc_and_import(config: Path, tmp_path: Path) -> None:
    """An engine goes out and comes in again; a link in the cache leads root to nothing of its own."""
    (manifest,) = config.parent.glob("cache/engines/*/manifest.json")
    fingerprint = manifest.parent.name
    archive = tmp_path / "engine.tar"
    assert ocrspool("engines", "export", fingerprint, archive, "--config", config).returncode == 0
    shutil.rmtree(manifest.parent)
    roots = tmp_path / "roots"
    roots.mkdir(0o700)
    (roots / "key").write_text("secret")
    (config.parent / "cache/engines/0123456789abcdef").symlink_to(roots)
    taken = ocrspool("engines", "import", archive, "--config", config)
    assert taken.returncode == 0, taken.stderr
    assert owners(manifest.parent) == {OWNER}
    assert ocrspool("engines", "gc", "--config", config).returncode == Exit.NO_PERMISSION
    (config.parent / "cache/engines/0123456789abcdef").unlink()
    assert ocrspool("engines", "gc", "--config", config).returncode == 0
    assert (roots / "key").read_text() == "secret"
    assert manifest.exists()


def test_check_sees_what_the_service_sees(config: Path) -> None:
    """Root may do everything: what the service may not is found all the same, and it is said as whom it was seen."""
    os.chown(config.parent, OWNER, OWNER)
    well = ocrspool("check", "--config", config)
    assert well.returncode == 0, well.stderr
    assert f"seen as user {OWNER}" in well.stdout
    (config.parent / "spool").mkdir(0o700)
    for state in ("inbox", "work", "outbox", "done", "failed"):
        (config.parent / "spool" / state).mkdir(0o700)
    refused = ocrspool("check", "--config", config)
    assert refused.returncode == Exit.CONFIG
    assert f"user {OWNER} needs read, write and search permission in {config.parent}/spool" in refused.stderr
    config.chmod(0o600)
    os.chown(config, 0, 0)
    closed = ocrspool("check", "--config", config)
    assert (closed.returncode, "may not read it" in closed.stderr) == (Exit.CONFIG, True), closed.stderr


def test_serve_by_root_is_the_service_user(config: Path) -> None:
    """Started by root, the service acts as the user whom the cache belongs to, and meets what that user may not."""
    (config.parent / "spool").mkdir(0o755)
    answer = ocrspool("serve", "--config", config)
    assert answer.returncode == Exit.CONFIG
    assert f"user {OWNER} needs read, write and search permission in {config.parent}/spool" in answer.stderr


@pytest.mark.parametrize(
    "command",
    [
        ["check"],
        ["check", "--start"],
        ["engines", "ls"],
        ["engines", "verify"],
        ["status"],
        ["doctor"],
        ["retry", "--all"],
    ],
    ids=" ".join,
)
def test_no_command_of_roots_leaves_files_that_the_service_cannot_use(config: Path, command: list[str]) -> None:
    """Whatever root runs on a configuration, all that is there afterwards belongs to the service's user."""
    os.chown(config.parent, OWNER, OWNER)
    os.chown(config, OWNER, OWNER)
    answer = ocrspool(*command, "--config", config, seconds=120)
    assert "Traceback" not in answer.stderr
    assert owners(config.parent) == {OWNER}


@pytest.mark.parametrize("command", [["check"], ["serve"], ["prebuild", "--force"], ["engines", "gc"]], ids=" ".join)
def test_another_user_is_refused(config: Path, command: list[str]) -> None:
    """A user who is neither root nor the service's is told so, in a sentence, and changes nothing."""
    before = {path: path.lstat().st_mtime_ns for path in config.parent.rglob("*")}
    rights = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    answer = subprocess.run(
        [*rights, str(COMMAND), *command, "--config", str(config)], check=False, capture_output=True, text=True
    )
    assert answer.returncode in {Exit.NO_PERMISSION, Exit.CONFIG}, answer.stderr
    assert "user nobody" in answer.stderr
    assert "Traceback" not in answer.stderr
    assert "Errno" not in answer.stderr
    assert {path: path.lstat().st_mtime_ns for path in config.parent.rglob("*")} == before


def test_who_is_not_root_stays_who_he_is(tmp_path: Path) -> None:
    """And a folder of root's, or none, changes nothing for root."""
    become_owner(tmp_path)
    become_owner(tmp_path / "none")
    assert os.geteuid() == 0

    def user() -> str:
        become_owner(Path("/"))
        return str(os.geteuid())

    assert as_nobody(user) == "65534"
