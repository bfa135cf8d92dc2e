"""Every command of the documents is run, beside a service; or it is said here why not.

A command that is added to the documents fails here until it has its place in one of the tables, and an entry fails
when the documents do not have it any more.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import drawn_pages, sample_files
from support.daemon_process import COMMAND, Daemon, environment
from support.documented_commands import DOCUMENTS, ROOT, commands, scripts

pytestmark = pytest.mark.engine

USAGE, OTHER_HAS_IT = 64, 75

RUN = {
    "--help": 0,
    "check": 0,
    "check --show": 0,
    "doctor": 0,
    "doctor --json": 0,
    "engines gc": 0,
    "engines ls": 0,
    "engines export 24a7 -": 0,
    "once scan.pdf --outbox .": 0,
    "once scan.tif --outbox . --outputs txt,pdf": 0,
    "prebuild": 0,
    "retry NAME": 0,
    "schema config": 0,
    "schema result": 0,
    "schema reason": 0,
    "schema status": 0,
    "schema doctor": 0,
    "serve": OTHER_HAS_IT,  # beside the service that the fixture has started with it
    "status": 0,
    "status --audit": 0,
    "status --audit --repair": OTHER_HAS_IT,
    "status --audit --warnings": 0,
    "status --json": 0,
    "check --start": 0,
    # What a sentence names without its arguments. It says which it needs.
    "cluster": USAGE,
    "cluster certificates": USAGE,
    "engines": USAGE,
    "inbox": USAGE,
    "engines export": USAGE,
    "engines import": USAGE,
    "once": USAGE,
    "once --outputs": USAGE,
    "retry": USAGE,
    "schema": USAGE,
}
"""Each `ocrspool` command of the documents, and what it ends with."""

_AS_ROOT = "needs root, and changes units: tests/systemd/test_inboxes.py"
_SECOND = "is of a second service: tests/systemd/test_inboxes.py"

_ON_HOSTS = "needs hosts: tests/cluster/test_documented.py"

NOT_RUN = {
    "cluster certificates cluster-keys spool gpu1 gpu2": _ON_HOSTS,
    "cluster scheduler": _ON_HOSTS,
    "node": _ON_HOSTS,
    "inbox add": _AS_ROOT,
    "inbox add invoices /srv/invoices": _AS_ROOT,
    "inbox remove invoices": _AS_ROOT,
    "inbox repair": _AS_ROOT,
    "inbox add NAME ROOT": _AS_ROOT,
    "inbox remove NAME": _AS_ROOT,
    "retry --all": "is an event of a long run: tests/service/test_one_inbox_only.py runs it",
    "once -": "reads standard input: tests/service/test_command_line.py",
    "inbox add letters /srv/letters --config /etc/ocrspool-NAME/ocrspool.toml": _SECOND,
    "status --config /etc/ocrspool-NAME/ocrspool.toml": _SECOND,
    "engines import -": "below, with something to import",
    "status --watch": "goes on until Ctrl-C: tests/service/test_status_watch.py",
}

SCRIPTS = {
    "run": "tests/service/test_scripts.py",
    "install": "tests/systemd/conftest.py",  # as root, on a machine made for it; its options in test_scripts.py
    "uninstall": "tests/systemd/test_uninstall.py",
    "deb": "tests/systemd/test_debian_package.py",
    "docs": "tests/unit/test_manual.py",  # what it writes, compared with what is there
    "torture": "tests/flow/test_torture.py",
    "fuzz": "tests/unit/test_fuzzing.py",  # its targets, without the library that leads the way
    "structure": "tests/test_imports.py",  # what it prints, compared with docs/architecture.md
}
"""Each script of the documents, and the test that runs it or what it is made of."""

SCRIPTS_NOT_RUN = {
    "test": "runs this",
    "check": "runs before each commit",
    "venv": "ran before this: the tests are run out of what it makes",
    "bench": "minutes to hours each, and figures need a machine of their own",
    "lock": "asks a package index for what is newest",
    "system": "makes a whole system out of a distribution's packages, 1 to 2 GB",
    "models": "scripts/install runs it, as tests/systemd/conftest.py does",
    "sbom": "installs CycloneDX's tool from a package index; tests/unit/test_sbom.py runs what is ours in it",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Daemon]:
    """A service that has read one file, and failed at another one."""
    daemon = Daemon(tmp_path_factory.mktemp("documented"), engine_cache)
    try:
        daemon.start()
        daemon.drop("scan.png", drawn_pages.png("Run as documented"))
        daemon.drop("broken.png", b"no picture")
        daemon.result("scan.png")
        daemon.reason("broken.png")
        yield daemon
    finally:
        daemon.close()


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder with what a reader has at hand."""
    page = drawn_pages.page("A scan at hand")
    (tmp_path / "scan.tif").write_bytes(sample_files.tiff(page))
    page.save(tmp_path / "scan.pdf")
    return tmp_path


def run(command: str, config: Path, desk: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command as it is written, but of this configuration."""
    words = command.split()
    takes = b"--config" in subprocess.run([COMMAND, *words[:2], "--help"], capture_output=True, check=False).stdout
    more = ("--config", config) if takes else ()
    whole = (COMMAND, *words, *more)
    return subprocess.run(whole, cwd=desk, env=environment(), input=stdin, capture_output=True, check=False)


def engine_of(cache: Path) -> str:
    """The name of the one engine in a cache."""
    (manifest,) = cache.glob("engines/*/manifest.json")
    return manifest.parent.name


@pytest.mark.parametrize("command", RUN)
def test_a_command_runs(daemon: Daemon, desk: Path, command: str) -> None:
    """It ends with the exit code that it should, and where that is 64, says how it is to be used."""
    filled = command.replace("NAME", "broken.png").replace("24a7", engine_of(daemon.cache)[:4])
    ended = run(filled, daemon.config, desk)
    assert ended.returncode == RUN[command], ended.stderr.decode()
    assert b"Traceback" not in ended.stderr
    if ended.returncode == 0:
        assert ended.stdout
    else:
        assert re.search(rb"^(usage|ocrspool): ", ended.stderr, re.MULTILINE)


def test_an_engine_goes_from_one_machine_to_another(daemon: Daemon, desk: Path) -> None:
    """The two halves of a pipe in the documents: what one writes is what the other one takes."""
    engine = engine_of(daemon.cache)
    there = Daemon(desk / "there", desk / "cache")
    there.close()
    parcel = run(f"engines export {engine} -", daemon.config, desk).stdout
    ended = run("engines import -", there.config, desk, parcel)
    assert ended.returncode == 0, ended.stderr.decode()
    assert engine_of(there.cache) == engine


def test_each_command_has_its_place() -> None:
    """What the documents have and what is listed here are the same."""
    assert {command for _, command in commands()} == set(RUN) | set(NOT_RUN)
    assert not set(RUN) & set(NOT_RUN)


def test_each_script_has_its_place() -> None:
    """Likewise; and a test that is named for a script is there, and names it."""
    assert {script for document in DOCUMENTS for script, _ in scripts(document)} == set(SCRIPTS) | set(SCRIPTS_NOT_RUN)
    for script, test in SCRIPTS.items():
        assert re.search(rf"scripts/{script}\b|script\(\"{script}\"", (ROOT / test).read_text("utf-8")), test


def test_a_test_that_is_named_is_there() -> None:
    """For commands that are not run here."""
    for reason in NOT_RUN.values():
        for path in re.findall(r"tests/[\w/]+\.py", reason):
            assert (ROOT / path).is_file(), path
