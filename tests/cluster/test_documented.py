"""docs/cluster.md, followed by somebody who has never done it: its commands and configurations, as they stand there.

Only what a laboratory has otherwise is replaced: the address of the machine with the spool, the folder /etc/ocrspool,
and systemd, which would start the same commands.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from ocrspool.cli.command_line import command_line
from support.cluster_lab import SPOOL, ClusterLab
from support.daemon_process import COMMAND
from support.waiting import wait_until

LAB = os.environ.get("OCRSPOOL_HOST_LAB", "")
CHECKOUT = Path(__file__).parents[2]
PAGE = (CHECKOUT / "docs" / "cluster.md").read_text("utf-8")
pytestmark = [pytest.mark.slow, pytest.mark.root]
HOSTS = ("gpu1", "gpu2")


def section(title: str) -> str:
    """Return what stands under a heading, up to the next one."""
    return re.split(r"^#+ ", PAGE.partition(f"### {title}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def blocks(title: str, kind: str) -> list[str]:
    found = re.findall(rf"```{kind}\n(.*?)```", section(title), re.DOTALL)
    assert found, title
    return found


@pytest.mark.skipif(not LAB, reason="OCRSPOOL_HOST_LAB names no host-lab")
@pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
def test_the_page_leads_to_a_cluster(tmp_path: Path) -> None:
    """Certificates, configurations, the three commands; then files come out, read by both hosts."""
    lab = ClusterLab(LAB, tmp_path / "lab", (SPOOL, *HOSTS))
    try:
        command = blocks("Certificates", "sh")[0]
        made = lab.said(
            *shlex.split(command.replace("ocrspool", str(COMMAND)).replace("cluster-keys", f"{tmp_path}/k"))
        )
        assert made.returncode == 0, made.stderr
        configured(lab, tmp_path, SPOOL, "scheduler", "The machine with the spool")
        configured(lab, tmp_path, SPOOL, "service", "The machine with the spool")
        for host in HOSTS:
            configured(lab, tmp_path, host, host, "Each host")
        lab.start("scheduler")
        for name in (*HOSTS, "service"):
            lab.start(name)
        wait_until(lambda: lab.status().get("state") == "ready", 60)
        lab.drop(range(12))
        read_by = {each["pages"][0]["read_by"]["host"] for each in lab.results(range(12))}
        assert read_by == set(HOSTS)
        for line in blocks("Look at it", "sh")[0].splitlines():
            config = lab.folder / "service" / "ocrspool.toml"
            said = lab.said(*lab.beside_spool(), COMMAND, line.split()[-1], "--config", config)
            assert f"tls://{lab.address(SPOOL)}:8786 answers" in said.stdout
    finally:
        lab.close()


def configured(lab: ClusterLab, keys: Path, machine: str, name: str, title: str) -> None:
    """Write the configuration of the page for a machine, where it finds its own three files."""
    place = lab.folder / name
    path = lab.configure(name, machine)
    shutil.copytree(keys / "k" / machine, place / "cluster")
    (own,) = blocks(title, "toml")
    own = own.replace("10.0.0.5", lab.address(SPOOL)).replace("/etc/ocrspool", str(place))
    around = "[paths]\ncache = 'cache'\nruntime = 'run'\n[inbox.default]\nroot = 'spool'\nsettle_seconds = 0.1\n"
    limits = "[limits]\nfree_disk_mb = 0\nfree_memory_mb = 0\n"
    path.write_text(own + around + limits, "utf-8")


def test_what_is_installed_is_what_is_tried() -> None:
    """The units start the commands that the test above starts, and the installer knows the roles of the page."""
    for unit, words in (("node", ["node"]), ("scheduler", ["cluster", "scheduler"])):
        text = (CHECKOUT / "systemd" / f"ocrspool-{unit}.service").read_text("utf-8")
        (started,) = re.findall(r"^ExecStart=/opt/ocrspool/bin/ocrspool (.*)$", text, re.MULTILINE)
        options = command_line().parse_args(started.split())
        assert started.split()[: len(words)] == words
        assert options.config == Path("/etc/ocrspool/ocrspool.toml")
        assert f"scripts/install --role {unit}" in PAGE
    assert (CHECKOUT / "systemd" / "cluster.conf").is_file()


def test_the_commands_of_the_installer_are_in_order() -> None:
    """The program, with its group, is there before anything uses it, and the installer takes each of its options."""
    installs = re.findall(r"^sudo scripts/install (.*)$", PAGE, re.MULTILINE)
    assert installs == ["--with cluster --no-start", "--role scheduler", "--role node"]
    assert PAGE.index("scripts/install --with cluster") < PAGE.index("ocrspool cluster certificates")
    assert PAGE.index("scripts/install --with cluster") < PAGE.index("chown")
    for options in installs:
        command = [CHECKOUT / "scripts" / "install", "--dry-run", *options.split()]
        assert subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0, options


def test_the_drop_in_lets_the_service_call_the_hosts(tmp_path: Path) -> None:
    """As it is shipped it names this machine alone. A command of the page writes the cluster's addresses into it."""
    drop_in = Path(shutil.copy(CHECKOUT / "systemd" / "cluster.conf", tmp_path))
    (command,) = re.findall(r"^sudo (sed .*)$", PAGE, re.MULTILINE)
    subprocess.run([*shlex.split(command)[:-1], drop_in], check=True)
    allowed = re.findall(r"^IPAddressAllow=(.*)$", drop_in.read_text("utf-8"), re.MULTILINE)
    assert allowed == ["localhost", "10.0.0.0/24"]


@pytest.mark.skipif(os.geteuid() != 0, reason="other owners need root")
def test_the_three_files_of_a_machine_are_for_the_group_alone(tmp_path: Path) -> None:
    """The commands of the page, on what `ocrspool cluster certificates` makes."""
    subprocess.run([COMMAND, "cluster", "certificates", tmp_path / "k", "gpu1"], check=True, capture_output=True)
    place = Path(shutil.copytree(tmp_path / "k" / "gpu1", tmp_path / "cluster"))
    for line in blocks("Certificates", "sh")[1].splitlines():
        words = line.removeprefix("sudo ").replace("/etc/ocrspool/cluster", str(place))
        subprocess.run(shlex.split(words.replace("root:ocrspool", "root:daemon")), check=True)
    found = {path.name: (path.stat().st_mode & 0o777, path.group()) for path in (place, *place.iterdir())}
    assert found.pop("cluster") == (0o750, "daemon")
    assert found == dict.fromkeys(("ca.crt", "host.crt", "host.key"), (0o640, "daemon"))
