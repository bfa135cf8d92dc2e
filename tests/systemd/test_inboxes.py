"""Inboxes for ordinary people: subfolders whatever their umask, places elsewhere, a second service on one machine."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.drawn_pages import png, says
from support.lab_machine import ENGINES, SCANNER, SERVICE, SPOOL, Machine, as_user, record, run
from support.waiting import wait_until

OCRSPOOL = "/usr/local/bin/ocrspool"
_PAGE = Path("/var/tmp/page.png")  # noqa: S108 - of this throwaway machine
_SECOND = "ocrspool@second.service"


def people_drop(root: Path, folder: str, umask: str, text: str) -> str:
    """Have a member of the group make a folder in an inbox and copy a page into it; return the page's name there."""
    _PAGE.write_bytes(png(text))
    _PAGE.chmod(0o644)
    name = f"{folder}/page.png"
    as_user(SCANNER, "sh", "-ec", f'umask {umask}; mkdir "$1"; cp {_PAGE} "$1/page.png"', "sh", root / "inbox" / folder)
    return name


def wait_for_result(machine: Machine, root: Path, name: str) -> str:
    """Wait until a file in a subfolder has been read; return its result."""
    result = root / "outbox" / f"{name}.json"
    try:
        wait_until(result.is_file, 120)
        wait_until((root / "done" / name).is_file, 30)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{machine.journal()[-4000:]}") from None
    return result.read_text("utf-8")


def test_a_subfolder_whatever_the_umask(serving: Machine) -> None:
    """A member of the group makes a folder and copies a file into it: with any umask it is read and taken away."""
    for umask in ("022", "027", "077"):
        name = people_drop(SPOOL, f"umask-{umask}", umask, f"Copied with {umask}")
        assert "Copied" in wait_for_result(serving, SPOOL, name)
        assert not (SPOOL / "inbox" / name).exists()
        as_user(SCANNER, "rm", SPOOL / "done" / name)


def test_a_folder_that_was_copied_with_its_mode(serving: Machine) -> None:
    """`cp -r` brings modes along, against any ACL; `inbox repair` opens such a folder, and its files are read."""
    source = Path("/var/tmp/copied")  # noqa: S108 - as above
    source.mkdir()
    (source / "page.png").write_bytes(png("Copied with its folder"))
    source.chmod(0o755)
    as_user(SCANNER, "sh", "-ec", f"umask 022; cp -r {source} {SPOOL}/inbox/")
    shutil.rmtree(source)
    said = run(OCRSPOOL, "inbox", "repair").stdout
    assert "inbox default: 1 folder and 0 files opened" in said
    assert "Copied" in wait_for_result(serving, SPOOL, "copied/page.png")


@pytest.fixture
def other_disk() -> Iterator[Path]:
    """A folder on a filesystem of its own."""
    folder = Path("/srv/disk")
    folder.mkdir(parents=True)
    run("mount", "-t", "tmpfs", "-o", "size=512m,mode=0755", "tmpfs", folder)
    yield folder
    run(OCRSPOOL, "inbox", "remove", "invoices", check=False)
    run("umount", "--lazy", folder)
    folder.rmdir()


def test_an_inbox_on_another_filesystem(machine: Machine, other_disk: Path) -> None:
    """One command and a restart; people drop files there; one command takes it away again, and documents stay."""
    machine.start()
    root = other_disk / "invoices"
    said = run(OCRSPOOL, "inbox", "add", "invoices", root).stdout
    record("inbox-add.txt", said)
    assert "next: systemctl restart ocrspool" in said
    assert run(OCRSPOOL, "check").stdout.count("inbox invoices: ") == 1
    machine.systemctl("restart", SERVICE)
    name = people_drop(root, "monday", "077", "Invoice 4711")
    assert "4711" in wait_for_result(machine, root, name)
    removed = run(OCRSPOOL, "inbox", "remove", "invoices").stdout
    record("inbox-remove.txt", removed)
    assert "done: run systemctl reload ocrspool" in removed
    assert (root / "done" / name).is_file()
    assert not (root / "work").exists() or "still works in" in removed
    assert machine.show("ActiveState") == "active"
    assert "inbox-invoices" not in machine.show("DropInPaths")


def test_check_by_root_finds_what_a_restart_would_stumble_over(machine: Machine) -> None:
    """Without the drop-ins: an inbox elsewhere, one in a home, a port, a folder of models in /tmp. One line each."""
    Path("/srv/elsewhere").mkdir(parents=True, exist_ok=True)
    shutil.chown("/srv/elsewhere", "ocrspool", "ocrspool")
    machine.configure(
        '[metrics]\nlisten = "127.0.0.1:9464"\n[engine]\nmodels = "/tmp/models"\n'
        '[inbox.elsewhere]\nroot = "/srv/elsewhere"\n[inbox.home]\nroot = "/home/scans"\n'
    )
    answer = run(OCRSPOOL, "check", check=False)
    record("check-sandbox.txt", answer.stdout)
    assert answer.returncode == 78
    problems = [line for line in answer.stdout.splitlines() if line.startswith("  ")]
    keys = [line.strip().partition(": ")[0] for line in problems]
    assert sorted(keys) == ["engine.models", "inbox.elsewhere", "inbox.home", "metrics.listen"]
    assert any("inbox.elsewhere: /srv/elsewhere: it is read-only" in line for line in problems)
    assert any("ProtectHome=yes" in line for line in problems)
    shutil.rmtree("/srv/elsewhere")
    machine.reset()
    assert "seen as user ocrspool" in run(OCRSPOOL, "check").stdout
    assert as_user(SCANNER, OCRSPOOL, "check", check=False).returncode == 77


def test_prebuild_by_root_makes_what_the_service_can_load(machine: Machine) -> None:
    """As the help suggests: the engines that root has built belong to the service, which starts with them."""
    shutil.rmtree(ENGINES)
    run(OCRSPOOL, "check")
    run(OCRSPOOL, "prebuild")
    assert {path.owner() for path in (ENGINES, *ENGINES.rglob("*"))} == {"ocrspool"}
    machine.start()
    assert machine.show("ActiveState") == "active"


def test_a_second_service_on_one_machine(machine: Machine) -> None:
    """ocrspool@NAME has a configuration, folders, engines and a sandbox of its own; both serve."""
    machine.start()
    configuration = Path("/etc/ocrspool-second/ocrspool.toml")
    configuration.parent.mkdir()
    configuration.write_text('[paths]\ncache = "/var/cache/ocrspool-second"\nruntime = "/run/ocrspool-second"\n')
    run("install", "-d", "-o", "ocrspool", "-g", "ocrspool", "-m", "0700", "/var/cache/ocrspool-second")
    root = Path("/srv/second")
    try:
        run(OCRSPOOL, "inbox", "add", "second", root, "--config", configuration)
        assert not run("systemd-analyze", "verify", "--recursive-errors=no", _SECOND).stdout
        machine.systemctl("start", _SECOND)
        name = people_drop(root, "x", "027", "For the second")
        assert "second" in wait_for_result(machine, root, name)
        status = run(OCRSPOOL, "status", "--config", configuration)
        record("second-status.txt", status.stdout)
        assert machine.show("ActiveState") == machine.show("ActiveState", _SECOND) == "active"
        assert machine.show("MainPID") != machine.show("MainPID", _SECOND)
    finally:
        machine.systemctl("stop", _SECOND, "ocrspool-prebuild@second.service", check=False)
    for folder in ("/srv/second", "/etc/ocrspool-second", "/var/cache/ocrspool-second", "/var/lib/ocrspool-second"):
        shutil.rmtree(folder, ignore_errors=True)
    for unit in ("ocrspool@second", "ocrspool-prebuild@second"):
        shutil.rmtree(f"/etc/systemd/system/{unit}.service.d", ignore_errors=True)


def test_once_reads_with_the_engine_of_the_service(machine: Machine) -> None:
    """Who may read the service's engines builds none; who may not, and has no home, is told what to do."""
    machine.start()
    _PAGE.write_bytes(png("Read at once"))
    _PAGE.chmod(0o644)
    result = json.loads(as_user("ocrspool", "sh", "-c", f"{OCRSPOOL} once - 2>/dev/null <{_PAGE}").stdout)
    assert says(result, "Read at once")
    assert result["engine"]["fingerprint"] in {path.name for path in ENGINES.iterdir()}
    assert not Path("/var/lib/ocrspool/.cache").exists()
    without = as_user(SCANNER, "env", "HOME=/nonexistent", OCRSPOOL, "once", _PAGE, check=False)
    assert without.returncode == 73
    assert "set XDG_CACHE_HOME to a folder of this user" in without.stdout
