"""From the Debian package of 0.1.0 to that of this version, under the real systemd, and the way back.

The tests are steps of one history, in this order. `scripts/system` makes the package of 0.1.0.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from support.drawn_pages import png, says
from support.every_state import FAILED, RENDERED, TO_READ, filled
from support.lab_machine import CONFIGURATION, SERVICE, SPOOL, Machine, dpkg, run
from support.sample_spools import files
from support.waiting import wait_until

_MINE = "# an administrator's own words\n"
_KEEP_MINE = ("--force-confdef", "--force-confold")
"""The answer to dpkg's question about a configuration that the administrator has changed, and the package too."""
_SETTINGS = 'outputs = ["txt"]\ndone_marker = true\n'
"""Those with which the files in every state were made; 0.1.0 knew both."""
_RESULTS = (".json", ".txt", ".done")
pytestmark = pytest.mark.usefixtures("old")


@pytest.fixture(scope="module")
def old() -> Path:
    """The package of 0.1.0."""
    made = os.environ.get("OCRSPOOL_OLD_PACKAGE")
    if not made:
        pytest.skip("OCRSPOOL_OLD_PACKAGE names no package of 0.1.0; scripts/system makes one")
    return Path(made)


def found(state: str) -> dict[str, bytes]:
    """The files of a state, without the lock."""
    return {name: data for name, data in files(SPOOL / state).items() if name != ".lock"}


def engines() -> dict[Path, int]:
    """The files of the nets; a net that is built again has another inode."""
    return {path: path.stat().st_ino for path in Path("/var/cache/ocrspool").rglob("*.blob")}


def is_0_1_0() -> bool:
    """Whether the command is the old one, which had no schema of the status."""
    return run("ocrspool", "schema", "status", check=False).returncode != 0


def test_0_1_0_reads(old: Path, bare_machine: Machine) -> None:
    """The package of 0.1.0 makes a service on this machine, and it reads a page."""
    shutil.rmtree(SPOOL.parent, ignore_errors=True)
    dpkg("--install", old)
    assert is_0_1_0()
    bare_machine.drop("first.png", png("Read by the old one"))
    assert says(bare_machine.wait_for(["first.png"])["first.png"], "Read by the old one")


def test_files_in_every_state_are_taken_over(package: Path, bare_machine: Machine) -> None:
    """0.1.0 was killed; its successor finds a file for each instant, and each ends in its one place."""
    bare_machine.systemctl("kill", "--signal=KILL", "--kill-whom=all", SERVICE)
    bare_machine.systemctl("stop", SERVICE)
    with CONFIGURATION.open("a", encoding="utf-8") as file:
        file.write(_MINE)
    bare_machine.configure(f'[inbox.default]\nroot = "{SPOOL}"\n{_SETTINGS}')
    shutil.rmtree(SPOOL)
    before = os.umask(0o002)  # as the unit of 0.1.0 has it
    try:
        sources, results, reasons = filled(SPOOL)
    finally:
        os.umask(before)
    run("chown", "--recursive", "ocrspool:ocrspool", SPOOL)
    built = engines()
    assert built

    dpkg(*_KEEP_MINE, "--install", package)
    assert not is_0_1_0()
    assert bare_machine.show("ActiveState") == "active"
    assert CONFIGURATION.read_text("utf-8").endswith(_MINE)
    wait_until(lambda: not found("inbox") and not bare_machine.in_work(), 240)
    done = {*TO_READ, *RENDERED, "killer.tif"}
    assert found("done") == {name: sources[name] for name in done}
    assert set(found("outbox")) == {f"{name}{suffix}" for name in done for suffix in _RESULTS}
    assert found("failed") == {name: sources[name] for name in FAILED} | {
        f"{name}.reason.json": reasons[name] for name in FAILED
    }
    for name in RENDERED:
        assert (SPOOL / f"outbox/{name}.json").read_bytes() == results[name], name
    for name, words in TO_READ.items():
        assert says(json.loads((SPOOL / f"outbox/{name}.json").read_bytes()), words), name
    assert (SPOOL / "work").stat().st_mode & 0o777 == 0o700
    # Its nets are of other shapes, so it has built its own. Those of 0.1.0 stay, for the way back.
    assert engines().items() > built.items()
    audit = run("ocrspool", "status", "--audit", "--thorough").stdout
    assert f"{len(sources)} files, each in one place" in audit


def test_the_way_back(old: Path, bare_machine: Machine) -> None:
    """0.1.0 can be installed over it again, with the settings that 0.1.0 knew: it reads on, and moves no document."""
    before = {state: found(state) for state in ("done", "outbox", "failed")}
    of_both = engines()
    dpkg(*_KEEP_MINE, "--install", old)
    assert is_0_1_0()
    assert engines() == of_both
    assert bare_machine.show("ActiveState") == "active"
    bare_machine.drop("back.png", png("On the way back"))
    wait_until((SPOOL / "done/back.png").is_file, 120)
    wait_until(lambda: not bare_machine.in_work(), 60)
    assert says(json.loads((SPOOL / "outbox/back.png.json").read_bytes()), "On the way back")
    for state, were in before.items():
        assert found(state).items() >= were.items()


def test_a_service_that_reads_is_replaced(package: Path, bare_machine: Machine) -> None:
    """The upgrade comes while 0.1.0 reads: each document is read once, by the one or by the other."""
    assert is_0_1_0()
    pid = bare_machine.pid
    words = {f"busy{number}.png": f"busy page {number}" for number in range(12)}
    for name, text in words.items():
        bare_machine.drop(name, png(text))
    wait_until(bare_machine.in_work, 60)
    dpkg(*_KEEP_MINE, "--install", package)
    assert not is_0_1_0()
    assert bare_machine.show("ActiveState") == "active"
    assert bare_machine.pid != pid
    wait_until(lambda: words.keys() <= found("done").keys(), 240)
    wait_until(lambda: not bare_machine.in_work(), 60)
    for name, text in words.items():
        assert says(json.loads((SPOOL / f"outbox/{name}.json").read_bytes()), text), name
    assert set(found("failed")) == {*FAILED, *(f"{name}.reason.json" for name in FAILED)}


def test_purging_keeps_every_document(bare_machine: Machine) -> None:
    """Sources, results and reasons of both versions stay, byte for byte; all else goes."""
    bare_machine.systemctl("stop", SERVICE)
    before = {state: found(state) for state in ("done", "outbox", "failed")}
    assert all(before.values())
    dpkg("--purge", "ocrspool")
    assert {state: found(state) for state in before} == before
    for path in (CONFIGURATION, Path("/usr/lib/ocrspool"), Path("/var/cache/ocrspool"), SPOOL / "work"):
        assert not path.exists(), path
