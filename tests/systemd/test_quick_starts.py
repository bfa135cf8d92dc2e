"""The quick starts, followed to the letter: the commands of docs/quick-start.md as they are written there.

`scripts/install` is what the fixtures have run, with everything that it needs. What needs a GPU is followed up to where
a GPU has to be.
tests/test_quick_starts.py says which step is covered by what.
"""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from configparser import ConfigParser
from pathlib import Path

import pytest

from support.container_image import ContainerImage
from support.drawn_pages import png
from support.lab_machine import CONFIGURATION, PREBUILD, SCANNER, SERVICE, SPOOL, Machine, as_user, record, run
from support.quick_starts import READER, commands, sections
from support.waiting import wait_until

_DESK = Path("/var/tmp/desk")  # noqa: S108 - of this throwaway machine
_WRITTEN = [CONFIGURATION.with_name("conf.d") / name for name in ("outputs.toml", "gpu.toml")]
_AS_ROOT = 'sudo() { "$@"; }\n'
"""root follows the page; a throwaway machine has no sudo."""


@pytest.fixture
def desk() -> Iterator[Path]:
    """A folder of the reader's with a scan, and no configuration of the page left behind."""
    _DESK.mkdir()
    (_DESK / "scan.png").write_bytes(png("Followed to the letter"))
    for path in (_DESK, _DESK / "scan.png"):
        shutil.chown(path, SCANNER, SCANNER)
    yield _DESK
    shutil.rmtree(_DESK)
    for path in _WRITTEN:
        path.unlink(missing_ok=True)


def follow(block: str, folder: Path) -> str:
    """Run a block as root, or with `as_reader` below; stop at the first command that fails."""
    return run("sh", "-ec", f'cd "{folder}"\n{_AS_ROOT}{block.replace(READER, SCANNER)}').stdout


def as_reader(block: str, folder: Path) -> str:
    """Run a block as the user who drops files."""
    return as_user(SCANNER, "sh", "-ec", f'cd "{folder}"\nPATH=/usr/local/bin:/usr/bin:/bin\n{block}').stdout


def result(name: str = "scan.png") -> Path:
    """Wait for the result of a file; return its path."""
    path = SPOOL / "outbox" / f"{name}.json"
    wait_until(path.is_file, 120)
    wait_until((SPOOL / "done" / name).is_file, 30)
    return path


def test_cpu(machine: Machine, desk: Path) -> None:
    """A member of the group drops a scan and reads its text; with the further setting, a PDF and a text come too."""
    install, drop, fetch, more = sections()["CPU"]
    clone, script, join = install.splitlines()
    assert clone.startswith("git clone")
    assert script == "sudo scripts/install"
    assert machine.installed
    machine.start()
    follow(join, desk)

    assert "default" in as_reader(drop, desk)
    result()
    said = as_reader(fetch, desk)
    record("quick-start-cpu.txt", said)
    text, _, done = said.rpartition("}\n")
    assert "Followed to the letter" in json.loads(text + "}")["text"]
    assert done.split() == ["scan.png"]

    before = time.time()
    follow(more, desk)
    # systemd 252 returns when the signal is sent.
    wait_until(lambda: "reload" in machine.journal(before, "_COMM=ocrspool"), 60)
    result().unlink()
    as_user(SCANNER, "mv", SPOOL / "done/scan.png", SPOOL / "inbox/scan.png")
    result()
    assert (SPOOL / "outbox/scan.png.pdf").read_bytes().startswith(b"%PDF-")
    assert "Followed" in (SPOOL / "outbox/scan.png.txt").read_text("utf-8")


# GPU


_NODES = (Path("/dev/nvidiactl"), Path("/dev/nvidia-uvm"))


@pytest.fixture
def nodes() -> Iterator[None]:
    """Stand-ins of the device nodes, for which the units wait. No driver answers behind them."""
    if any(node.exists() for node in _NODES):
        pytest.skip("this machine has NVIDIA devices")
    for node in _NODES:
        os.mknod(node, stat.S_IFCHR | 0o666, os.makedev(1, 3))
    yield
    for node in _NODES:
        node.unlink()


def test_gpu(machine: Machine, desk: Path, nodes: None) -> None:  # noqa: ARG001 - what the units wait for
    """Without a GPU each step does what it can, `doctor` and the units name what is missing, and going back works."""
    runtime, units = sections()["GPU"]
    install, *configure = commands(runtime)
    assert install.startswith("sudo scripts/install ")
    dry = machine.script(*install.removeprefix("sudo scripts/").split(), "--dry-run").stdout
    assert re.search(r"would run: .* -m pip install .* \.\[onnx-gpu\]", dry)
    follow("\n".join(configure), desk)

    *unlock, doctor, restart, status = commands(units)
    follow("\n".join(unlock), desk)
    for unit in (SERVICE, PREBUILD):
        assert f"/etc/systemd/system/{unit}.d/nvidia.conf" in machine.show("DropInPaths", unit)
    assert doctor == "sudo -u ocrspool ocrspool doctor"
    said = as_user("ocrspool", "/usr/local/bin/ocrspool", "doctor", check=False)
    record("quick-start-gpu-doctor.txt", said.stdout)
    assert said.returncode in {69, 78}
    missing = ("scripts/install --with onnx", "install the NVIDIA driver", "/dev/nvidia0 is missing")
    assert all(words in said.stdout for words in missing), said.stdout
    assert "/run/ocrspool" not in said.stdout  # systemd makes it at the start of the service
    before = time.time()
    assert run("sh", "-ec", _AS_ROOT + restart, check=False).returncode != 0
    assert "install the NVIDIA driver" in machine.journal(before)
    assert run("sh", "-c", status, check=False).returncode == 69

    _WRITTEN[1].unlink()
    machine.reset()
    machine.start()


# Share


def typed(command: str, *answers: str, folder: Path) -> str:
    """Run a command at a terminal, and type an answer at each question. Return what it said."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(folder)
        os.execv("/bin/sh", ["/bin/sh", "-ec", _AS_ROOT + command.replace(READER, SCANNER)])  # noqa: S606 - at a terminal
    said, asked, left, until = "", 0, list(answers), time.monotonic() + 60
    with contextlib.suppress(OSError):  # a terminal whose last process has gone
        while time.monotonic() < until:
            if select.select([terminal], [], [], 1)[0]:
                said += os.read(terminal, 4096).decode("utf-8", "replace")
                if left and said[asked:].rstrip().endswith(":"):
                    os.write(terminal, f"{left.pop(0)}\n".encode())
                    asked = len(said)
    if time.monotonic() >= until:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, f"{command}: {said}"
    return said


def answers() -> bool:
    """Tell whether the server of the share takes connections."""
    try:
        socket.create_connection(("server", 445), 5).close()
    except OSError:
        return False
    return True


@pytest.fixture
def file_server() -> Iterator[None]:
    """A machine called "server", whose configuration of Samba is as before at the end."""
    hosts = Path("/etc/hosts")
    before = hosts.read_text("utf-8")
    hosts.write_text(f"{before}\n127.0.0.1 server\n", "utf-8")
    yield
    hosts.write_text(before, "utf-8")
    run("systemctl", "stop", "smbd", check=False)
    Path("/etc/samba/smb.conf").unlink(missing_ok=True)


def test_share(serving: Machine, desk: Path, file_server: None) -> None:  # noqa: ARG001 - where the share is
    """A package, a section of smb.conf, a password typed at a terminal, and a client that puts a file there."""
    server, client = sections()["Share"]
    install, section, join, password, restart = commands(server)
    assert install == "sudo apt install samba"
    got = run("sh", "-c", "apt-get install --yes --no-install-recommends samba smbclient", check=False)
    if got.returncode != 0:
        pytest.skip(f"no Samba can be had here: {got.stdout.strip().splitlines()[-1:]}")
    follow(f"{section}\n{join}", desk)
    assert "[scans]" in Path("/etc/samba/smb.conf").read_text("utf-8")
    typed(password, "secret", "secret", folder=desk)
    follow(restart, desk)
    (put,) = commands(client)
    wait_until(answers, 60)
    record("quick-start-share.txt", typed(put, "secret", folder=desk))
    assert serving.installed
    result()
    assert "Followed to the letter" in (SPOOL / "outbox/scan.png.json").read_text("utf-8")


# Container


@pytest.fixture
def image(machine: Machine) -> Iterator[ContainerImage]:
    """An image of the checkout, on a machine whose own service does not run."""
    place = Path("/opt/image")
    place.mkdir()
    made = ContainerImage(machine.checkout, place)
    try:
        made.make()
        yield made
    finally:
        made.remove()


def test_container(image: ContainerImage, desk: Path) -> None:
    """The steps on the host, and what the Quadlet files ask for: prebuild, serve, a file, and `podman exec`.

    One file system is that of the host and that of the image: the folders of the host are mounted into the container.
    """
    (block,) = sections()["Container"]
    build, cdi, *on_the_host, reload, start, execute = commands(block)
    assert build.startswith("podman build ")
    assert cdi.startswith("nvidia-ctk ")
    assert (reload, start) == ("systemctl daemon-reload", "systemctl start ocrspool")
    image.attach()
    image.inside("userdel ocrspool || true; groupdel ocrspool || true")  # the image has them; the host gets them now
    image.inside("cd /mnt\n" + "\n".join(on_the_host))
    quadlets = image.root / "etc/containers/systemd"
    assert sorted(path.name for path in quadlets.iterdir()) == [
        *("ocrspool-cache.volume", "ocrspool-prebuild.container", "ocrspool.container")
    ]
    (image.root / "etc/ocrspool/conf.d/gpu.toml").unlink()  # as docs/container.md says for a host without a GPU
    service = ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    service.read(quadlets / "ocrspool.container", "utf-8")

    record("quick-start-container.txt", run(*image.command("prebuild")).stdout)
    with subprocess.Popen(image.command(service["Container"]["Exec"])) as process:
        try:
            published = image.root / "run/ocrspool/status.json"
            wait_until(lambda: published.exists() or process.poll() is not None, 120)
            assert process.poll() is None
            spool = image.root / "var/spool/ocrspool/default"
            shutil.copy(desk / "scan.png", spool / "inbox/scan.png")
            wait_until((spool / "outbox/scan.png.json").is_file, 120)
            assert "Followed to the letter" in (spool / "outbox/scan.png.json").read_text("utf-8")
            _, _, name, *arguments = execute.split()
            assert (name, arguments) == ("ocrspool", ["ocrspool", "status"])
            assert "ready" in run(*image.command("status")).stdout
        finally:
            process.terminate()
            assert process.wait(60) == 0
