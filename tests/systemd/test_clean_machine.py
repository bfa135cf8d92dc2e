"""scripts/install, from a machine that has never seen it to an active service, and once more."""

from __future__ import annotations

import re
import time
from pathlib import Path

from support.drawn_pages import png, says
from support.lab_machine import (
    CONFIGURATION,
    OPT,
    PREBUILD,
    SCANNER,
    SERVICE,
    SPOOL,
    Machine,
    Result,
    as_user,
    record,
    run,
    tree,
)
from support.waiting import wait_until

_SYSTEM = (
    "/etc",
    "/opt",
    "/usr/local",
    "/var/spool",
    "/var/cache",
    "/var/lib/ocrspool",
    "/run/ocrspool",
    "/run/systemd",
)
_READ_BY_OTHERS = (
    "man/man1/ocrspool.1",
    "man/man5/ocrspool.toml.5",
    "bash-completion/completions/ocrspool",
    "zsh/site-functions/_ocrspool",
    "fish/vendor_completions.d/ocrspool.fish",
)
_VOLATILE = re.compile(
    r"/run/systemd/(journal|units|transient|notify|propagate|inaccessible|\.)|/etc/\.|/var/cache/ldconfig"
)


def _system() -> dict[str, tuple[int, int, int, int]]:
    return {path: state for path, state in tree(*_SYSTEM).items() if not _VOLATILE.match(path)}


def test_dry_run_changes_nothing(bare_machine: Machine) -> None:
    """`scripts/install --dry-run` names every step and leaves a machine as it was."""
    before = _system()
    said = bare_machine.script("install", "--dry-run").stdout
    assert _system() == before
    assert "would run: systemctl restart ocrspool.service" in said
    assert "would run: install -D -m 0644 config/ocrspool.toml /etc/ocrspool/ocrspool.toml" in said


def test_install_leads_to_an_active_service(bare_machine: Machine, first_install: Result) -> None:
    """One command leads from a checkout to a service that is active, enabled, and says what it is doing."""
    assert "Drop files into" in first_install.stdout
    assert bare_machine.show("ActiveState") == "active"
    assert bare_machine.show("UnitFileState") == "enabled"
    assert re.search(r'Status: "ready · openvino \w+ · 0 waiting, 0 in work, 0 done, 0 failed', first_install.stdout)
    assert run("ocrspool", "--version").stdout.startswith("ocrspool ")
    program = OPT / "bin/ocrspool"
    assert program.read_bytes().startswith(b"#!/opt/ocrspool/bin/python")
    assert not run("grep", "-rlIF", "/opt/ocrspool.new", OPT / "bin", OPT / "pyvenv.cfg", check=False).stdout
    assert all((Path("/usr/local/share") / made).is_file() for made in _READ_BY_OTHERS)


def test_systemd_finds_no_fault_in_the_units(serving: Machine) -> None:
    """`systemd-analyze verify` has nothing to say: no unknown setting, no missing program, no missing document."""
    assert not run("systemd-analyze", "verify", "--recursive-errors=no", SERVICE, PREBUILD).stdout
    for unit in (SERVICE, PREBUILD):
        places = serving.show("Documentation", unit).replace('"', "").split()
        documents = [Path(place.removeprefix("file:")) for place in places if place.startswith("file:")]
        assert documents
        assert all(document.is_file() for document in documents)
        for page in ("man1/ocrspool.1", "man5/ocrspool.toml.5"):
            assert f"man:{page[5:-2]}({page[-1]})" in places
            assert (Path("/usr/local/share/man") / page).is_file()


def test_a_member_of_the_group_drops_files_and_reads_results(serving: Machine) -> None:
    """Who is in the group ocrspool can drop a file with an ordinary command, and read what comes of it."""
    page = Path("/var/tmp/page.png")  # noqa: S108 - of this throwaway machine
    page.write_bytes(png("Dropped by a scanner"))
    as_user(SCANNER, "cp", page, SPOOL / "inbox" / "page.png")
    result = serving.wait_for(["page.png"])["page.png"]
    assert says(result, "Dropped by a scanner")
    assert "Dropped" in as_user(SCANNER, "cat", SPOOL / "outbox/page.png.json").stdout
    as_user(SCANNER, "rm", SPOOL / "outbox/page.png.json", SPOOL / "done/page.png")
    wait_until(lambda: " 0 in work, 1 done, 0 failed" in serving.show("StatusText"), 30)
    record("status.txt", run("systemctl", "status", "--no-pager", "--full", SERVICE, PREBUILD, check=False).stdout)


def test_a_member_of_the_group_cannot_reach_into_work(serving: Machine) -> None:
    """Who drops files can put nothing in the place of a job's file, nor of a whole folder."""
    assert serving.installed
    (SPOOL / "work/x").mkdir(exist_ok=True)
    commands: list[list[str | Path]] = [
        ["ln", "-s", "/etc", SPOOL / "work/link"],
        ["rmdir", SPOOL / "work/x"],
        ["mv", SPOOL / "inbox", SPOOL / "inbox.old"],
    ]
    assert all(as_user(SCANNER, *command, check=False).returncode != 0 for command in commands)
    (SPOOL / "work/x").rmdir()


def test_who_is_not_in_the_group_sees_nothing(serving: Machine) -> None:
    """Documents are nobody else's business."""
    assert serving.installed
    for folder in ("inbox", "outbox", "done"):
        assert as_user("nobody", "ls", SPOOL / folder, check=False).returncode != 0


def test_second_install_changes_nothing(machine: Machine) -> None:
    """Run again, the script leaves program and configuration alone, and the service is active after it."""
    with CONFIGURATION.open("a") as file:
        file.write("# an administrator's own words\n")
    before = tree(str(OPT), "/etc/ocrspool")
    said = machine.script("install").stdout
    assert tree(str(OPT), "/etc/ocrspool") == before
    assert "is up to date" in said
    assert "stays as it is" in said
    assert "already there and sound" in machine.journal()
    assert machine.show("ActiveState") == "active"


def test_an_upgrade_that_fails_changes_nothing(serving: Machine, tmp_path: Path) -> None:
    """Without a package index an upgrade ends with an error, while the old program goes on serving."""
    source = serving.checkout / "daemon/ocrspool/__init__.py"
    text, pid, before = source.read_bytes(), serving.pid, tree(str(OPT))
    source.write_bytes(text + b"# newer\n")
    try:
        nowhere = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}
        assert serving.script("install", check=False, **nowhere).returncode != 0
    finally:
        source.write_bytes(text)
    assert tree(str(OPT)) == before
    assert (serving.pid, serving.show("ActiveState")) == (pid, "active")


def test_install_starts_what_had_failed_too_often(machine: Machine) -> None:
    """A service that systemd has given up starting is started by an upgrade: that may be what it is for."""
    machine.no_prebuild()
    machine.drop_in(SERVICE, "[Service]\nExecStart=\nExecStart=/bin/false\nRestartSec=0\n")
    before = time.time()
    machine.systemctl("start", SERVICE, check=False)
    wait_until(lambda: "Start request repeated too quickly" in machine.journal(before), 60)
    assert machine.systemctl("start", SERVICE, check=False).returncode != 0
    machine.drop_in(SERVICE, "")
    machine.script("install")
    assert machine.show("ActiveState") == "active"
