"""A service, a scheduler and hosts, each on a machine of its own as far as the network tells. Faults in all of them.

Whatever is pulled, killed or halted: each document comes out once, with the same text, in its first attempt.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

import ocrspool
from support.cluster_lab import SPOOL, ClusterLab
from support.daemon_process import COMMAND
from support.waiting import wait_until

LAB = os.environ.get("OCRSPOOL_HOST_LAB", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.root,
    pytest.mark.skipif(not LAB, reason="OCRSPOOL_HOST_LAB names no host-lab"),
    pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root"),
]
A, B, C = "gpu1", "gpu2", "gpu3"


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClusterLab]:
    """A service that reads nothing itself, with two hosts."""
    lab = ClusterLab(LAB, tmp_path_factory.mktemp("cluster"), (SPOOL, A, B, C))
    try:
        lab.start_scheduler()
        lab.start_node(A)
        lab.start_node(B)
        lab.start_service(cluster="least_hosts = 2")
        wait_until(lambda: lab.status().get("state") == "ready", 60)
        yield lab
    finally:
        lab.close()


@pytest.fixture
def lab(running: ClusterLab) -> ClusterLab:
    """Both hosts are in and have nothing to read, whatever a test before this one has done."""
    for host in (A, B):
        if host not in running.processes:
            running.start_node(host)
        running.until_state(host, "in")
    wait_until(lambda: running.host(A)["in_work"] == running.host(B)["in_work"] == 0, 20)
    return running


_numbers = iter(range(0, 10**6, 1000))


@pytest.fixture
def numbers() -> range:
    """Pages that no other test has: enough for some seconds of both hosts."""
    first = next(_numbers)
    return range(first, first + 24)


def in_work(lab: ClusterLab, host: str) -> None:
    """Wait until a host has pages."""
    wait_until(lambda: lab.host(host).get("in_work", 0) > 0, 20)


def attempts(found: list[dict[str, object]]) -> set[object]:
    return {each["run"]["attempts"] for each in found}  # type: ignore[index]


def test_hosts_read_what_is_dropped_here(lab: ClusterLab, numbers: range) -> None:
    """Both of them, and each result names who read it."""
    lab.drop(numbers)
    found = lab.results(numbers)
    hosts = {each["pages"][0]["read_by"]["host"] for each in found}
    assert hosts == {A, B}
    assert {host for each in found for host in each["run"]["hosts"]} == hosts
    assert attempts(found) == {1}
    assert len(lab.bridges()) == 1


def test_each_process_has_one_port(lab: ClusterLab) -> None:
    """The scheduler's and the node's own, each at one address; the service and its bridge have none."""
    here = lab.said(*lab.beside_spool(), "ss", "-Hltn").stdout
    assert [line.split()[3] for line in here.splitlines()] == [f"{lab.address(SPOOL)}:8786"]
    there = lab.said(LAB, "run", A, "ss", "-Hltn").stdout
    assert [line.split()[3] for line in there.splitlines()] == [f"{lab.address(A)}:8788"]


def test_a_host_is_killed(lab: ClusterLab, numbers: range) -> None:
    """Its plug is pulled while it reads. The other one reads its pages, and it comes back."""
    lab.drop(numbers)
    in_work(lab, A)
    lab.lab("off", A)
    lab.processes.pop(A).wait(20)
    assert attempts(lab.results(numbers)) == {1}
    assert lab.until_state(A, "out")["reason"]
    assert lab.status()["state"] == "degraded"
    lab.lab("on", A)
    lab.start_node(A)
    lab.until_state(A, "in")
    wait_until(lambda: lab.status()["state"] == "ready", 20)


def test_a_cable_is_pulled(lab: ClusterLab, numbers: range) -> None:
    """Nothing tells of it but silence. When it is in again, so is the host."""
    lab.drop(numbers)
    in_work(lab, B)
    with lab.cable_out(B):
        assert attempts(lab.results(numbers)) == {1}
        lab.until_state(B, "out")
    lab.until_state(B, "in", 60)


def test_the_scheduler_is_killed(lab: ClusterLab, numbers: range) -> None:
    """No document and no attempt is lost, and hosts join the next one by themselves."""
    lab.drop(numbers)
    in_work(lab, A)
    lab.end("scheduler", signal.SIGKILL)
    lab.until_state(A, "out")
    lab.start_scheduler()
    assert attempts(lab.results(numbers)) == {1}
    lab.until_state(A, "in")
    lab.until_state(B, "in")


def test_an_agent_is_halted(lab: ClusterLab, numbers: range) -> None:
    """The kernel still answers for it. It is lost all the same, and comes back with its engines loaded."""
    lab.drop(numbers)
    in_work(lab, A)
    workers = lab.workers(A)
    lab.send(A, signal.SIGSTOP)
    try:
        assert attempts(lab.results(numbers)) == {1}
        # Dask gives the connection up, or the bridge the host, whichever comes first.
        assert lab.until_state(A, "out")["reason"] in {"no answer for 12 s", "no answer in time"}
    finally:
        lab.send(A, signal.SIGCONT)
    lab.until_state(A, "in", 60)
    assert lab.workers(A) == workers


def test_an_engine_is_killed(lab: ClusterLab, numbers: range) -> None:
    """That is the host's own affair: it starts another worker, and its pages count an attempt, as here."""
    lab.drop(numbers)
    in_work(lab, B)
    (worker,) = lab.workers(B)
    os.kill(worker, signal.SIGKILL)
    assert attempts(lab.results(numbers)) == {1, 2}
    wait_until(lambda: lab.host(B)["worker_restarts"] == 1, 20)
    lab.until_state(B, "in")
    assert "gpu2: the worker was killed by SIGKILL" in lab.log("service")


def test_the_bridge_is_killed(lab: ClusterLab, numbers: range) -> None:
    """The service starts another one, and no attempt is lost."""
    lab.drop(numbers)
    in_work(lab, A)
    (bridge,) = lab.bridges()
    os.kill(bridge, signal.SIGKILL)
    assert attempts(lab.results(numbers)) == {1}
    assert lab.bridges() != [bridge]


def test_hosts_are_upgraded_one_after_the_other(lab: ClusterLab, numbers: range) -> None:
    """A node that is told to stop finishes what it has. Nothing is read twice."""
    moved = lab.status()["cluster"]["pages_moved"]
    dropped: list[range] = []
    for host in (A, B):
        had = 0
        while not had:  # the service counts a page as in work when it sends it, so the node may not have it yet
            assert len(dropped) < 8
            first = numbers[0] + len(numbers) * len(dropped)
            dropped.append(range(first, first + len(numbers)))
            had = upgraded(lab, host, dropped[-1])
    assert attempts([each for some in dropped for each in lab.results(some)]) == {1}
    # Those that came between the signal and the news of it.
    assert lab.status()["cluster"]["pages_moved"] - moved <= 4 * len(dropped)


def upgraded(lab: ClusterLab, host: str, some: range) -> int:
    """Stop a node while it reads, and start it again. Return how many pages it had when it was told to stop."""
    (worker,) = lab.workers(host)
    os.kill(worker, signal.SIGSTOP)
    lab.drop(some)
    in_work(lab, host)
    lab.send(host, signal.SIGTERM)
    os.kill(worker, signal.SIGCONT)
    assert lab.processes.pop(host).wait(30) == 0
    had = re.findall(r"stopping: (\d+) pages", lab.log(host))[-1]
    lab.start_node(host)
    lab.until_state(host, "in")
    return int(had)


def test_a_host_of_another_precision_is_refused(lab: ClusterLab, numbers: range) -> None:
    """By name, with the item. It gets no page, and the others go on."""
    lab.start_node(C, engine="precision = 'bf16'")
    try:
        reason = lab.until_state(C, "refused")["reason"]
        assert reason.startswith("precision is bf16, on gpu")
        lab.drop(numbers)
        lab.results(numbers)
        assert lab.host(C)["pages"] == 0
        assert f"refused {C}" in lab.log("service")
        assert lab.status()["state"] == "ready"
    finally:
        lab.end(C)


def test_a_host_with_other_code_is_refused(lab: ClusterLab, tmp_path: Path) -> None:
    """Another state of the same version, as between two commits."""
    package = Path(ocrspool.__file__).parent
    shutil.copytree(package, tmp_path / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    with (tmp_path / package.name / "errors.py").open("a", encoding="utf-8") as module:
        module.write("# another commit\n")
    lab.start_node(C, program=tmp_path)
    try:
        reason = lab.until_state(C, "refused")["reason"]
        assert reason.startswith(f"ocrspool {ocrspool.__version__} has other code")
        config = lab.folder / "service" / "ocrspool.toml"
        said = lab.said(*lab.beside_spool(), COMMAND, "doctor", "--config", config).stdout
        assert re.search(rf"host {C} +tls://[\d.:]+ is refused: ocrspool \S+ has other code", said), said
    finally:
        lab.end(C)


def test_a_node_without_its_engine_says_so(lab: ClusterLab) -> None:
    """It ends before it joins, with what to do."""
    name = lab.start_node(C, "missing", engine="models = 'missing'")
    assert lab.processes.pop(name).wait(30) == 69
    assert "no engine f770bebdd7adff33" in lab.log(name)


def test_nobody_joins_without_a_certificate_of_this_cluster(lab: ClusterLab) -> None:
    """Neither a host with another authority's, nor a client without any."""
    lab.certificates("other", C)
    name = lab.start_node(C, "stranger", authority="other")
    try:
        wait_until(lambda: "not in the cluster" in lab.log(name))
        assert lab.host(name) == {}
    finally:
        lab.end(name)
    probe = (
        "import ssl,socket;c=ssl._create_unverified_context();"
        f"s=c.wrap_socket(socket.create_connection(('{lab.address(SPOOL)}',8786)));s.send(b'x'*8);print(s.recv(8))"
    )
    said = lab.said(LAB, "run", C, "python3", "-c", probe)
    assert said.returncode != 0
    assert "certificate required" in said.stderr or "reset" in said.stderr or "EOF occurred" in said.stderr


def test_a_service_that_finds_no_cluster_ends_with_the_reason(lab: ClusterLab) -> None:
    """After the time that it has for that. It names the scheduler and what it waited for."""
    nowhere = "start_seconds = 2"
    path = lab.configure("alone", SPOOL, engine="devices = []", cluster=nowhere)
    path.write_text(path.read_text("utf-8").replace(":8786", ":8799"), "utf-8")
    said = lab.said(*lab.beside_spool(), COMMAND, "serve", "--config", path)
    assert said.returncode == 69
    assert f"the scheduler tls://{lab.address(SPOOL)}:8799 does not answer" in said.stderr


def test_doctor_examines_the_cluster(lab: ClusterLab) -> None:
    """Certificate, scheduler, each host, and how much the way to it carries."""
    config = lab.folder / "service" / "ocrspool.toml"
    said = lab.said(*lab.beside_spool(), COMMAND, "doctor", "--config", config).stdout
    assert "host.crt is valid until 20" in said
    assert "tls://10.99.0.1:8786 answers, 2 hosts" in said
    carried = re.findall(r"host (gpu\d) +tls://[\d.:]+, 1 worker; this way carries about (\d+) pages/s of 6 MB", said)
    assert {name for name, _ in carried} == {A, B}
    assert all(int(number) > 0 for _, number in carried)


def test_status_shows_each_host(lab: ClusterLab) -> None:
    """A line each, and why one does not read."""
    config = lab.folder / "service" / "ocrspool.toml"
    said = lab.said(COMMAND, "status", "--config", config).stdout
    assert "cluster  tls://10.99.0.1:8786 answers" in said
    assert {tuple(line.split()[:2]) for line in said.splitlines()} >= {(A, "in"), (B, "in")}
