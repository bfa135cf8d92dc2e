"""What the units forbid, measured: the score, the network, the homes, and every write and connection under strace."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ocrspool.processes import sandbox
from support.drawn_pages import png
from support.lab_machine import ENGINES, PREBUILD, SERVICE, SPOOL, Machine, record, run
from support.sample_files import pdf
from support.waiting import wait_until

_ALLOWED_SCORE = 1.5


@pytest.mark.parametrize("drop_in", ["", "nvidia.conf"], ids=["cpu", "gpu"])
@pytest.mark.parametrize("unit", [SERVICE, PREBUILD])
def test_exposure(bare_machine: Machine, tmp_path: Path, unit: str, drop_in: str) -> None:
    """`systemd-analyze security` gives both units at most 1.5, and with the GPU drop-in what its header says."""
    units = tmp_path / "etc/systemd/system"
    folder = units / f"{unit}.d"
    folder.mkdir(parents=True)
    shutil.copy(bare_machine.checkout / "systemd" / unit, units)
    text = (bare_machine.checkout / "systemd/nvidia.conf").read_text("utf-8")
    if drop_in:
        (folder / drop_in).write_text(text, "utf-8")
    analyze = ["systemd-analyze", "security", "--offline=true", "--no-pager", f"--root={tmp_path}", unit]
    said = run(*analyze).stdout
    score = re.search(r"Overall exposure level for \S+: ([0-9.]+)", said)
    assert score
    record(f"security-{unit}-{drop_in or 'cpu'}.txt", "\n".join(line for line in said.splitlines() if line[:1] in "✗→"))
    assert float(score[1]) <= _ALLOWED_SCORE
    claimed = re.search(r"says ([0-9.]+) without it, ([0-9.]+) with it", text)
    assert claimed
    assert score[1] == claimed[2 if drop_in else 1]


def test_no_network(serving: Machine) -> None:
    """The service and all its children see one network interface, the loopback, and are in a network of their own."""
    for pid in (
        serving.pid,
        *serving.children("ocrspool.recognition.child"),
        *serving.children("ocrspool.decoding.child"),
    ):
        interfaces = Path(f"/proc/{pid}/net/dev").read_text("ascii").splitlines()[2:]
        assert [line.partition(":")[0].strip() for line in interfaces] == ["lo"]
        assert Path(f"/proc/{pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def test_decoders_confine_themselves(serving: Machine) -> None:
    """The unit leaves them the calls for it: they have a filter more than the service, and lack nothing."""

    def filters(pid: int) -> int:
        status = Path(f"/proc/{pid}/status").read_text("ascii")
        return int(re.findall(r"Seccomp_filters:\s(\d+)", status)[0])

    assert sandbox.missing_protections() == []
    for pid in serving.children("ocrspool.decoding.child"):
        assert filters(pid) == filters(serving.pid) + 1
    assert "confined less" not in serving.journal()


def test_homes_and_system_cannot_be_written(serving: Machine) -> None:
    """In the service's view of the machine, even root finds homes empty, and they and the system read-only."""
    enter = ("nsenter", f"--target={serving.pid}", "--mount", "--")
    for folder in ("/root", "/home"):
        assert not run(*enter, "ls", "-A", folder).stdout
    for folder in ("/root", "/home", "/etc", "/usr", "/opt/ocrspool", "/var", str(ENGINES)):
        said = run(*enter, "touch", f"{folder}/written", check=False)
        assert "Read-only file system" in said.stdout or "Permission denied" in said.stdout, (folder, said.stdout)
    capabilities = Path(f"/proc/{serving.pid}/status").read_text("ascii")
    assert re.search(r"CapEff:\s0+\n", capabilities)
    assert re.search(r"CapBnd:\s0+\n", capabilities)
    assert re.search(r"NoNewPrivs:\s1\n", capabilities)


def test_it_works_with_a_read_only_home(machine: Machine) -> None:
    """Nothing needs the home of the user, nor the one that libraries are given: both read-only, it serves."""
    home = Path("/var/cache/ocrspool/home")
    machine.drop_in(SERVICE, f"[Service]\nReadOnlyPaths=/var/lib/ocrspool {home}\n")
    home.mkdir(exist_ok=True)
    shutil.chown(home, "ocrspool", "ocrspool")
    machine.start()
    machine.drop("page.png", png("Homeless"))
    machine.wait_for(["page.png"])
    home.rmdir()
    assert not [path for path in Path("/var/lib/ocrspool").iterdir() if path.name != "trace"]


_TRACES = Path("/var/lib/ocrspool/trace")
_CALLS = (
    "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,"
    "unlink,unlinkat,rmdir,truncate,chmod,fchmodat,chown,lchown,fchownat,utimensat,setxattr,"
    "socket,connect,bind,sendto,sendmsg"
)
_MAY_WRITE = (
    "/var/spool/ocrspool/",
    "/var/cache/ocrspool/",
    "/run/ocrspool/",
    "/var/lib/ocrspool/",
    "/dev/shm/",  # noqa: S108 - PrivateIPC and PrivateTmp: the service's own
    "/tmp/",  # noqa: S108 - as above
    "/proc/self/",
    "/dev/null/",
)
# glibc asks nscd, on this machine, for the name of a user, if one runs.
_MAY_CONNECT = re.compile(r'"/run/systemd/(notify|journal/\w+)"|"/var/run/nscd/socket"')

_QUOTED = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC")


@dataclass(frozen=True, slots=True)
class _Traced:
    """What one unit did, over all its processes."""

    writes: dict[str, int]
    """Path → how often it was opened for writing, made, moved or removed, successfully or not."""
    sockets: set[str]
    """Address families."""
    peers: set[str]
    notifications: list[str]
    """In the order in which they were sent."""


def _strace(machine: Machine, unit: str, command: str) -> None:
    """Have a unit run under strace. -D makes the tracer the child, so that systemd's main process is the traced one."""
    strace = f"/usr/bin/strace -D -ff -ttt -y --seccomp-bpf -s 400 -e trace={_CALLS} -o {_TRACES}/{command}"
    start = f"{strace} /opt/ocrspool/bin/ocrspool {command} --config /etc/ocrspool/ocrspool.toml"
    text = f"[Service]\nExecStart=\nExecStart={start}\nSystemCallFilter=@debug @setuid\nTimeoutStartSec=300\n"
    machine.drop_in(unit, text)


@pytest.fixture(scope="module")
def traced(bare_machine: Machine, first_install: object) -> Iterator[dict[str, _Traced]]:
    """A build, a start, files of several kinds, good and bad, a reload, a dead worker and a stop, all under strace."""
    del first_install
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    machine = bare_machine
    machine.reset()
    shutil.rmtree(ENGINES, ignore_errors=True)
    _TRACES.mkdir(exist_ok=True)
    shutil.chown(_TRACES, "ocrspool", "ocrspool")
    _strace(machine, PREBUILD, "prebuild")
    _strace(machine, SERVICE, "serve")
    machine.start()
    machine.drop("page.png", png("Traced"))
    machine.drop("paper.pdf", pdf(2))
    machine.wait_for(["page.png", "paper.pdf"])
    (worker,) = machine.children("ocrspool.recognition.child")
    os.kill(worker, signal.SIGKILL)
    machine.drop("bad.png", b"This is no image.")
    machine.drop("second.png", png("Read by the second worker"))
    wait_until(lambda: "second.png" in machine.names("done") and "bad.png" in machine.names("failed"), 60)
    machine.configure("[log]\nlevel = 'debug'\n")
    machine.reload()
    machine.stop()
    record("traced.txt", machine.journal())
    yield {command: _read(command) for command in ("prebuild", "serve")}
    shutil.rmtree(_TRACES)
    machine.reset()


def test_every_write_lands_in_folders_of_ours(traced: dict[str, _Traced]) -> None:
    """Nothing is opened for writing, made, moved or removed but in the service's own directories."""
    for command, seen in traced.items():
        assert seen.writes, command
        record(f"writes-{command}.txt", "".join(f"{count:5} {place}\n" for place, count in _places(seen.writes)))
        stray = [path for path in seen.writes if not f"{path}/".startswith(_MAY_WRITE)]
        assert not stray, (command, stray)


def test_every_connection_is_to_systemd(traced: dict[str, _Traced]) -> None:
    """No socket of any network family is so much as made; the only peers are systemd's own sockets."""
    for command, seen in traced.items():
        record(f"peers-{command}.txt", f"families: {sorted(seen.sockets)}\npeers: {sorted(seen.peers)}\n")
        assert seen.sockets <= {"AF_UNIX"}, command
        assert not [peer for peer in seen.peers if not _MAY_CONNECT.fullmatch(peer)], command
    assert '"/run/systemd/notify"' in traced["serve"].peers


def test_the_order_of_notifications(traced: dict[str, _Traced]) -> None:
    """Every stage of the start is told before READY=1, a reload and a stop are told as such, and keepalives come."""
    said = traced["serve"].notifications
    record("notifications.txt", "\n".join(said))
    stages = [
        "checking the configuration",
        "recovering inbox default",
        "verifying the engine",
        "loading detection",
        "warming up",
    ]
    places = [next(at for at, text in enumerate(said) if text.startswith(f"STATUS={stage}")) for stage in stages]
    assert max(places) < said.index("READY=1")
    first = said.index("READY=1")
    assert any(text.startswith("STATUS=ready ") for text in said[:first])
    assert any(text.startswith("EXTEND_TIMEOUT_USEC=") for text in said[:first])
    reloading = next(at for at, text in enumerate(said) if text.startswith("RELOADING=1"))
    assert re.fullmatch(r"RELOADING=1\\nMONOTONIC_USEC=\d+", said[reloading])
    assert said.index("READY=1", reloading) < said.index("STOPPING=1")
    assert "WATCHDOG=1" in said[first:]
    assert any("building recognition engine 2/3" in text for text in traced["prebuild"].notifications)


def _read(command: str) -> _Traced:
    writes: dict[str, int] = {}
    sockets: set[str] = set()
    peers: set[str] = set()
    notifications: list[tuple[float, str]] = []
    for file in sorted(_TRACES.glob(f"{command}.*")):
        for stamped in file.read_text("utf-8", "replace").splitlines():
            moment, _, line = stamped.partition(" ")
            call, _, rest = line.partition("(")
            if call == "socket":
                sockets.add(rest.partition(",")[0])
            elif call in {"connect", "bind", "sendto", "sendmsg"}:
                peers.update(found[1] for found in re.finditer(r'sun_path=(@?"[^"]+")', rest))
                if found := re.search(r'"((?:READY|STATUS|WATCHDOG|RELOADING|STOPPING|EXTEND)[^"]*)"', rest):
                    notifications.append((float(moment), found[1]))
            elif call and (not call.startswith("open") or _WRITING.search(rest)):
                for path in _paths(call, rest):
                    writes[path] = writes.get(path, 0) + 1
    return _Traced(writes, sockets, peers, [text for _, text in sorted(notifications)])


def _paths(call: str, rest: str) -> set[str]:
    """The absolute paths that one call is about; of an open that worked, where the descriptor says it leads."""
    if call.startswith(("open", "creat")) and (found := re.search(r"\) += \d+<([^>]*)>", rest)):
        return {re.sub(r"^/proc/\d+/", "/proc/self/", found[1].removesuffix(" (deleted)"))}
    arguments = rest.rpartition(") = ")[0]
    return {str(Path(found[1] or "/", found[2])) for found in _QUOTED.finditer(arguments) if found[2]}


def _places(writes: dict[str, int]) -> list[tuple[str, int]]:
    """Paths with what differs from run to run left out, so that they can be read."""
    places: dict[str, int] = {}
    for path, count in writes.items():
        place = re.sub(r"[0-9a-f]{16,}", "#", path)
        place = re.sub(r"(/work)/[^/]+", r"\1/JOB", place) if str(SPOOL) in path else place
        place = re.sub(r"\d{4,}", "N", place)
        places[place] = places.get(place, 0) + count
    return sorted(places.items())
