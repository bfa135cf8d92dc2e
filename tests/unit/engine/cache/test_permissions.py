"""Engine files that the service could not use: found before it starts, and told in a sentence with what to do."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ocrspool.cli.engines import verify
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Paths
from ocrspool.doctor import config_checks
from ocrspool.doctor.run import _made
from ocrspool.engine.cache.permissions import denied, unusable
from ocrspool.errors import EngineError, Exit
from support.cached_engines import made
from support.forked_code import as_nobody, needs_root

NOBODY = 65_534


@pytest.fixture
def cache(open_folder: Path) -> Path:
    """A cache with an engine, which belongs to nobody as a service's belongs to its user."""
    needs_root()
    folder = made(open_folder / "cache", "one").parents[1]
    for path in (folder, *folder.rglob("*")):
        os.chown(path, NOBODY, NOBODY)
    return folder


def test_all_is_well(cache: Path) -> None:
    """An engine of the cache's owner, and no engine at all."""
    assert unusable(cache) is None
    assert unusable(cache / "none") is None


def test_files_of_another_user(cache: Path) -> None:
    """What root has built into the cache is named, with the command that gives it back."""
    files = sorted(path for path in cache.rglob("*.blob"))
    for path in files:
        os.chown(path, 0, 0)
    told = unusable(cache)
    assert told is not None
    assert told.message == f"{files[0]} belongs to root (and 1 more); user nobody has the cache and cannot use it"
    assert told.hint == f"run as root: chown -R nobody: {cache} && chmod -R u+rwX {cache}"


@pytest.mark.parametrize("place", ["det", "det/model.blob"])
def test_what_its_owner_may_not_read(cache: Path, place: str) -> None:
    """A mode that closes a file or a folder to its own owner is found too."""
    (closed,) = cache.glob(f"engines/*/{place}")
    closed.chmod(0o200)
    told = unusable(cache)
    assert told is not None
    assert told.message.startswith(f"{closed} has the mode 0200; ")


def test_commands_tell(cache: Path) -> None:
    """`doctor` has it as a problem, and `engines verify` fails, as root, who could read all of it."""
    (path,) = cache.glob("engines/*/rec/model.blob")
    os.chown(path, 0, 0)
    config = Config(paths=Paths(cache=cache, runtime=cache / "run"), inbox={"a": Inbox(root=cache / "spool")})
    (finding,) = [found for found in config_checks.engines(config) if found.name == "owner"]
    assert finding.level == "problem"
    assert f"{path} belongs to root" in finding.found
    assert "chown" in finding.advice
    with pytest.raises(EngineError, match="belongs to root"):
        verify(config, [], as_json=False)


def test_a_file_that_may_not_be_read(cache: Path) -> None:
    """The error of the system becomes a sentence: who, which file, and what to do."""
    (path,) = cache.glob("engines/*/rec/model.blob")
    os.chown(path, 0, 0)
    path.chmod(0o600)

    def told() -> list[Any]:
        try:
            path.read_bytes()
        except PermissionError as error:
            said = denied(error)
            return [said.message, said.hint, int(said.exit_code)]
        return []

    message, hint, code = as_nobody(told)
    assert message == f"user nobody may not use {path}"
    assert f"chown -R nobody: {cache}" in hint
    assert code == Exit.NO_PERMISSION


def test_a_cache_of_another_user(cache: Path) -> None:
    """Who may not look into another's cache is told whose it is, and not to change its owner."""
    os.chown(cache, 0, 0)
    cache.chmod(0o700)
    config = Config(paths=Paths(cache=cache, runtime=cache / "run"), inbox={"a": Inbox(root=cache / "spool")})

    def told() -> list[str]:
        (finding,) = _made("engines", lambda: config_checks.engines(config))
        return [finding.found, finding.advice]

    assert as_nobody(told) == [
        f"user nobody may not use {cache / 'engines'}",
        f"{cache} belongs to user root: run this as that user (sudo -u root), or as root",
    ]


def test_a_file_elsewhere() -> None:
    """Of a file that is not in the cache nobody is told to change the owner."""
    assert denied(PermissionError(13, "Permission denied", "/dev/nvidiactl")).hint == ""
