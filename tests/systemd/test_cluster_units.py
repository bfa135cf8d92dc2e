"""The units of a cluster: scheduler, node, and a service without an engine, on one machine.

`scripts/install --role` installs and starts scheduler and node. The service is an instance, `ocrspool@front`: on one
machine, node and `ocrspool.service` would share their configuration.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.drawn_pages import png
from support.lab_machine import Machine, Result, record, run
from support.process_table import children_of, is_module
from support.waiting import wait_until

SCHEDULER, NODE, FRONT = "ocrspool-scheduler.service", "ocrspool-node.service", "ocrspool@front.service"
PREBUILDS = ("ocrspool-prebuild.service", "ocrspool-prebuild@front.service")
OCRSPOOL = "/usr/local/bin/ocrspool"
ROOT = Path("/srv/front")
FOLDER = Path("/etc/ocrspool-front")
KEYS = Path("/root/cluster-keys")
_MADE = (ROOT, FOLDER, KEYS, Path("/var/cache/ocrspool-front"), Path("/var/lib/ocrspool-front"))
_ALLOWED_SCORE = 2.0
"""Of scheduler and node, which have the network. Units without it have at most 1.5 (test_sandbox.py)."""


@pytest.fixture(scope="module")
def said(bare_machine: Machine, first_install: Result) -> Iterator[dict[str, Result]]:
    """A cluster that runs. What the installer said of each role, and before anything was configured."""
    assert first_install.returncode == 0
    bare_machine.reset()
    try:
        found = {"nothing": bare_machine.script("install", "--role", "scheduler")}
        configure(bare_machine)
        for role in ("scheduler", "node"):
            found[role] = bare_machine.script("install", "--role", role)
        bare_machine.systemctl("start", FRONT)
        yield found
    finally:
        take_away(bare_machine)


def configure(machine: Machine) -> None:
    """Give the machine two certificates, and write what docs/cluster.md says."""
    run(OCRSPOOL, "cluster", "certificates", KEYS, "front", "gpu1")
    places = {"front": FOLDER / "cluster", "gpu1": Path("/etc/ocrspool/cluster")}
    for name, place in places.items():
        shutil.copytree(KEYS / name, place)
        run("chown", "-R", "root:ocrspool", place)
        run("chmod", "750", place)
        run("chmod", "640", *place.iterdir())
    machine.configure(f'{cluster(places["gpu1"])}name = "gpu1"\naddress = "127.0.0.1"\n')
    (FOLDER / "ocrspool.toml").write_text(
        '[paths]\ncache = "/var/cache/ocrspool-front"\nruntime = "/run/ocrspool-front"\n'
        f"[engine]\ndevices = []\n{cluster(places['front'])}",
        "utf-8",
    )
    run("install", "-d", "-o", "ocrspool", "-g", "ocrspool", "-m", "0700", "/var/cache/ocrspool-front")
    run(OCRSPOOL, "inbox", "add", "front", ROOT, "--config", FOLDER / "ocrspool.toml")
    machine.drop_in(FRONT, (machine.checkout / "systemd/cluster.conf").read_text("utf-8"), "cluster.conf")


def cluster(place: Path) -> str:
    return (
        '[cluster]\nscheduler = "tls://127.0.0.1:8786"\n'
        f'ca = "{place}/ca.crt"\ncertificate = "{place}/host.crt"\nkey = "{place}/host.key"\n'
    )


def take_away(machine: Machine) -> None:
    """Leave the machine as it was."""
    machine.systemctl("disable", SCHEDULER, NODE, check=False)
    machine.systemctl("stop", FRONT, NODE, SCHEDULER, *PREBUILDS, check=False)
    for unit in (SCHEDULER, NODE):
        Path("/usr/local/lib/systemd/system", unit).unlink(missing_ok=True)
    for unit in (FRONT, PREBUILDS[1]):
        shutil.rmtree(f"/etc/systemd/system/{unit}.d", ignore_errors=True)
    for folder in (*_MADE, Path("/etc/ocrspool/cluster")):
        shutil.rmtree(folder, ignore_errors=True)
    machine.reset()


def pid(machine: Machine, unit: str) -> int:
    return int(machine.show("MainPID", unit))


def journal(unit: str, since: float = 0) -> str:
    run("journalctl", "--sync")
    return run("journalctl", "--quiet", "--output=cat", f"--since=@{since:.6f}", "--unit", unit, check=False).stdout


def status() -> dict[str, Any]:
    """What the service has published."""
    found: dict[str, Any] = json.loads(Path("/run/ocrspool-front/status.json").read_bytes())
    return found


def read(machine: Machine, name: str, seconds: float = 60) -> dict[str, Any]:
    """Drop a page and wait for its result."""
    machine.drop(name, png("Read elsewhere"), ROOT)
    return result(name, seconds)


def result(name: str, seconds: float = 60) -> dict[str, Any]:
    path = ROOT / "outbox" / f"{name}.json"
    try:
        wait_until(path.exists, seconds)
    except AssertionError:
        told = "\n".join(journal(unit)[-3000:] for unit in (FRONT, NODE, SCHEDULER))
        raise AssertionError(f"{name} was not read\n{told}") from None
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


def test_the_installer_starts_what_is_configured(bare_machine: Machine, said: dict[str, Result]) -> None:
    """Before that, it says what to write."""
    assert "Set [cluster] in /etc/ocrspool/ocrspool.toml" in said["nothing"].stdout
    for unit in (SCHEDULER, NODE):
        assert bare_machine.show("ActiveState", unit) == "active"
        assert bare_machine.show("UnitFileState", unit) == "enabled"
    assert "is up to date" in said["node"].stdout
    assert not run("systemd-analyze", "verify", "--recursive-errors=no", SCHEDULER, NODE).stdout


def test_a_service_without_an_engine_has_files_read_by_the_node(bare_machine: Machine, said: dict[str, Result]) -> None:
    """The result names the host, and all three parts are well."""
    assert said
    found = read(bare_machine, "first.png")
    assert "Read elsewhere" in found["text"]
    assert found["pages"][0]["read_by"]["host"] == "gpu1"
    assert found["run"]["hosts"] == ["gpu1"]
    assert status()["state"] == "ready"
    record("cluster-status.txt", run(OCRSPOOL, "status", "--config", FOLDER / "ocrspool.toml").stdout)


def test_a_node_is_ready_when_its_engines_are_loaded(bare_machine: Machine, said: dict[str, Result]) -> None:
    """`systemctl restart` returns then, and not before."""
    assert said
    bare_machine.systemctl("restart", NODE)
    text = bare_machine.show("StatusText", NODE)
    workers = [each for each in children_of(pid(bare_machine, NODE)) if is_module(each, "ocrspool.recognition.child")]
    assert text.startswith(("engines loaded; joining", "reads pages for tls://127.0.0.1:8786 as gpu1")), text
    assert len(workers) == 1
    try:
        wait_until(lambda: "reads pages" in bare_machine.show("StatusText", NODE), 60)
    except AssertionError:
        raise AssertionError(f"{bare_machine.show('StatusText', NODE)}\n{journal(NODE)[-3000:]}") from None


@pytest.mark.parametrize("unit", [SCHEDULER, NODE])
def test_what_the_units_forbid(bare_machine: Machine, said: dict[str, Result], unit: str) -> None:
    """By systemd's own count, and as seen from within."""
    assert said
    score = re.search(r"level for \S+: ([0-9.]+)", run("systemd-analyze", "security", "--no-pager", unit).stdout)
    assert score
    assert float(score[1]) <= _ALLOWED_SCORE
    main = pid(bare_machine, unit)
    assert re.search(r"CapEff:\s0+\n.*NoNewPrivs:\s1\n", Path(f"/proc/{main}/status").read_text("ascii"), re.DOTALL)
    enter = ("nsenter", f"--target={main}", "--mount", "--")
    for folder in ("/etc", "/usr", "/opt/ocrspool", "/var", "/var/spool/ocrspool/default/inbox", "/root"):
        refused = run(*enter, "touch", f"{folder}/written", check=False).stdout
        assert re.search("Read-only file system|Permission denied|No such file", refused), (folder, refused)
    assert not run(*enter, "ls", "-A", "/root").stdout


def test_each_listens_at_one_address(bare_machine: Machine, said: dict[str, Result]) -> None:
    """And the service at none, although its drop-in lets the bridge out."""
    assert said
    lines = run("ss", "-Hltnp").stdout.splitlines()
    for unit, places in ((SCHEDULER, ["127.0.0.1:8786"]), (NODE, ["127.0.0.1:8788"]), (FRONT, [])):
        family = {pid(bare_machine, unit), *children_of(pid(bare_machine, unit))}
        own = [line.split()[3] for line in lines if family & {int(each) for each in re.findall(r"pid=(\d+)", line)}]
        assert own == places, unit


def test_the_scheduler_is_restarted(bare_machine: Machine, said: dict[str, Result]) -> None:
    """Node and service stay as they are, find it again, and go on."""
    assert said
    others = [pid(bare_machine, unit) for unit in (NODE, FRONT)]
    began = time.time()
    bare_machine.systemctl("restart", SCHEDULER)
    assert read(bare_machine, "second.png")["run"]["attempts"] == 1
    assert [pid(bare_machine, unit) for unit in (NODE, FRONT)] == others
    assert "joined tls://127.0.0.1:8786 as gpu1" in journal(NODE, began)


def test_the_node_is_stopped_and_started(bare_machine: Machine, said: dict[str, Result]) -> None:
    """Its end is in order. The service waits with its pages, says so, and goes on when the node is back."""
    assert said
    bare_machine.systemctl("stop", NODE)
    assert bare_machine.show("Result", NODE) == "success"
    wait_until(lambda: status()["state"] == "degraded", 30)
    bare_machine.drop("third.png", png("Read elsewhere"), ROOT)
    bare_machine.systemctl("start", NODE)
    assert result("third.png")["run"]["attempts"] == 1
    wait_until(lambda: status()["state"] == "ready", 30)
