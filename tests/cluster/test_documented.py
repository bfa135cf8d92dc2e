"""docs/cluster.md, followed by somebody who has never done it: its commands and configurations, as they stand there.

Only what a laboratory has otherwise is replaced: the address of the machine with the spool, the folder /etc/ocrspool,
and systemd, which would start the same commands.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
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
        (command,) = blocks("Certificates", "sh")
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
