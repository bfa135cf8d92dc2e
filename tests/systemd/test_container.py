"""The image for containers, run by Podman as docs/container.md says, under the real systemd.

`scripts/system --container` builds the image with the command of that page, and puts it into an archive. A description
of a device in /etc/cdi is in the place of NVIDIA's.
"""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
import yaml

from support.drawn_pages import png, says
from support.lab_machine import SERVICE, SPOOL, Machine, record, run
from support.process_table import children_of
from support.waiting import wait_until

_IMAGE = "localhost/ocrspool"
_CONTAINERS = Path("/etc/containers")
_LIMITS = """\
[containers]
default_sysctls = []
pids_limit = 0
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
"""What a lab needs: sysctls are the host's, limits cannot be raised, and some controllers are missing."""
_LIBRARY = "libdriver.so.1"
_CDI = f"""\
cdiVersion: "0.6.0"
kind: nvidia.com/gpu
devices:
  - name: all
    containerEdits:
      env: [OCRSPOOL_CDI=applied]
      deviceNodes:
        - {{path: /dev/nvidia0, hostPath: /dev/zero}}
      mounts:
        - {{hostPath: /opt/driver/{_LIBRARY}, containerPath: /usr/lib/driver/{_LIBRARY}, options: [ro, bind]}}
      hooks:
        - {{hookName: createContainer, path: /opt/driver/update-ldcache, args: [update-ldcache]}}
"""
"""The four kinds of things that the driver's description asks for: a variable, nodes, libraries, and a hook."""
_HOOK = """\
#!/usr/bin/python3
import json, pathlib, subprocess, sys
bundle = pathlib.Path(json.load(sys.stdin)["bundle"])
root = pathlib.Path(bundle, json.loads((bundle / "config.json").read_bytes())["root"]["path"])
(root / "etc/ld.so.conf.d/00-driver.conf").write_text("/usr/lib/driver\\n")
subprocess.run(["/sbin/ldconfig", "-r", root], check=True)
"""
"""The loader of the container learns of the libraries, as with `nvidia-ctk hook update-ldcache`."""


def describe_the_device() -> None:
    """Make what stands in the place of a driver, and its description in /etc/cdi."""
    driver = Path("/opt/driver")
    driver.mkdir(parents=True)
    run("gcc", "-shared", f"-Wl,-soname,{_LIBRARY}", "-o", driver / _LIBRARY, "-x", "c", "/dev/null")
    hook = driver / "update-ldcache"
    hook.write_text(_HOOK, "utf-8")
    hook.chmod(0o755)
    Path("/etc/cdi").mkdir(exist_ok=True)
    Path("/etc/cdi/nvidia.yaml").write_text(_CDI, "utf-8")


def page() -> list[str]:
    """Return the commands of docs/container.md, without their comments."""
    text = (Path(__file__).parents[2] / "docs/container.md").read_text("utf-8")
    block = re.findall(r"^```\n(.*?)^```", text, re.MULTILINE | re.DOTALL)[0]
    return [line.partition("  #")[0].strip() for line in block.splitlines() if line]


@pytest.fixture(scope="module")
def image(bare_machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with the image."""
    archive = os.environ.get("OCRSPOOL_IMAGE")
    if not archive:
        pytest.skip("OCRSPOOL_IMAGE names no archive of the image; scripts/system --container makes one")
    # Its root is an overlay already, and a second one cannot lie upon it.
    folder = tmp_path_factory.mktemp("storage")
    storage = f'[storage]\ndriver = "vfs"\nrunroot = "/run/containers/storage"\ngraphroot = "{folder}"\n'
    (_CONTAINERS / "storage.conf").write_text(storage, "utf-8")
    (_CONTAINERS / "containers.conf").write_text(_LIMITS, "utf-8")
    run("podman", "load", "--input", archive)
    return bare_machine


@pytest.fixture(scope="module")
def serving_container(image: Machine) -> Machine:
    """The machine after the steps of the page, on a host without a GPU: the service runs in a container."""
    describe_the_device()
    build, cdi, *on_the_host, reload, start, _ = page()
    assert build.startswith(f"podman build --tag {_IMAGE} ")
    assert cdi.startswith("nvidia-ctk cdi generate --output=/etc/cdi/")
    run("sh", "-ec", f"cd {image.checkout}\n" + "\n".join(on_the_host))
    Path("/etc/ocrspool/conf.d/gpu.toml").unlink()  # as the page says for a host without a GPU
    run("sh", "-ec", reload)
    run(*start.split(), check=False)
    assert image.show("ActiveState") == "active", image.journal()[-8000:]
    return image


def inside(*command: str, check: bool = True) -> str:
    """Run a command in the container."""
    return run("podman", "exec", "ocrspool", *command, check=check).stdout


def test_the_image_says_how_it_is_run(image: Machine) -> None:
    """A user that is not root, the entry point, and the signal that ends it."""
    (found,) = json.loads(run("podman", "image", "inspect", _IMAGE).stdout)
    assert image
    assert found["Config"]["User"] == "ocrspool"
    assert found["Config"]["Entrypoint"] == ["/usr/local/bin/ocrspool"]
    assert found["Config"]["Cmd"] == ["serve"]
    assert found["Config"]["StopSignal"] in ("SIGTERM", "15")


def test_a_page_is_read(serving_container: Machine) -> None:
    """A file that is dropped on the host comes out on the host, for the group too."""
    serving_container.drop("page.png", png("Read in a container"))
    assert says(serving_container.wait_for(["page.png"])["page.png"], "Read in a container")
    result = (SPOOL / "outbox/page.png.json").stat()
    assert (result.st_uid, result.st_gid, result.st_mode & 0o777) == (970, 970, 0o660)
    record("container-status.txt", inside("ocrspool", "status"))


def test_it_is_confined(serving_container: Machine) -> None:
    """Its root cannot be written, its user has no capabilities, and it has no network."""
    assert serving_container
    assert "Read-only file system" in inside("touch", "/opt/x", check=False)
    status = Path(f"/proc/{main_pid()}/status").read_text("utf-8")
    found = dict(line.split(":\t", 1) for line in status.splitlines())
    assert found["Uid"].split() == ["970"] * 4
    assert {found[f"Cap{kind}"] for kind in ("Inh", "Prm", "Eff", "Bnd", "Amb")} == {"0" * 16}
    assert found["NoNewPrivs"] == "1"
    assert found["Seccomp"] == "2"
    networks = inside("sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1").split()
    assert networks == ["lo"]


def test_it_has_the_device(serving_container: Machine) -> None:
    """What the description in /etc/cdi asks for is there, and the loader finds the library.

    `podman exec` leaves out the variable: it is the service that has it.
    """
    assert serving_container
    assert "OCRSPOOL_CDI=applied" in Path(f"/proc/{main_pid()}/environ").read_text("utf-8").split("\0")
    inside("head", "--bytes=1", "/dev/nvidia0")
    inside("python3", "-c", f"import ctypes; ctypes.CDLL('{_LIBRARY}')")


def main_pid() -> int:
    return int(run("podman", "inspect", "--format={{.State.Pid}}", "ocrspool").stdout)


def test_its_health_is_known(serving_container: Machine) -> None:
    """The health check of the Quadlet file ends with 0 while the service answers."""
    assert serving_container
    run("podman", "healthcheck", "run", "ocrspool")


def test_a_reload_takes_effect(serving_container: Machine) -> None:
    """`systemctl reload` reaches the service, which goes on in the same container."""
    before = main_pid()
    second = SPOOL.with_name("second")
    serving_container.configure(f'[inbox.second]\nroot = "{second}"\n')
    serving_container.systemctl("reload", SERVICE)
    wait_until((second / "inbox").is_dir, 60)
    serving_container.drop("new.png", png("In the second inbox"), second)
    assert says(serving_container.wait_for(["new.png"], second)["new.png"], "In the second inbox")
    assert main_pid() == before


def test_a_faulty_configuration_changes_nothing(serving_container: Machine) -> None:
    """A reload with a wrong file fails and says what is wrong, and the service goes on with what it had."""
    before, since = main_pid(), time.time()
    serving_container.configure('[inbox.default]\nsettle_seconds = "soon"\n')
    assert serving_container.systemctl("reload", SERVICE, check=False).returncode != 0
    assert "inbox.default.settle_seconds" in serving_container.journal(since)
    serving_container.configure("")
    assert (main_pid(), serving_container.show("ActiveState")) == (before, "active")


def test_a_stop_finishes_what_is_in_work(serving_container: Machine) -> None:
    """`systemctl stop` ends it by SIGTERM with 0; each file is then read or waits, and is read after the next start."""
    names = [f"busy{number}.png" for number in range(12)]
    for name in names:
        serving_container.drop(name, png(f"busy {name}"))
    wait_until(serving_container.in_work, 60)
    serving_container.stop()
    assert serving_container.show("Result") == "success"
    assert not serving_container.in_work()
    assert sorted(serving_container.names("done") + serving_container.names("inbox")) == sorted([*names, "page.png"])
    serving_container.start()
    serving_container.wait_for([*names, "page.png"])


def test_a_container_that_is_killed_comes_back(serving_container: Machine) -> None:
    """systemd starts it again, and what was in work is read."""
    before = serving_container.names("done")
    names = [f"killed{number}.png" for number in range(12)]
    for name in names:
        serving_container.drop(name, png(f"survives {name}"))
    wait_until(serving_container.in_work, 60)
    run("podman", "kill", "--signal=KILL", "ocrspool")
    serving_container.wait_for([*before, *names])
    assert int(serving_container.show("NRestarts", SERVICE)) == 1


def test_a_service_that_hangs_is_started_again(serving_container: Machine) -> None:
    """Its keepalive comes to systemd through Podman; without it, systemd ends the container and makes another."""
    changes = _CONTAINERS / "systemd/ocrspool.container.d"
    changes.mkdir()
    sooner = "[Container]\nEnvironment=WATCHDOG_USEC=10000000\nStopTimeout=1\n[Service]\nWatchdogSec=10\n"
    (changes / "sooner.conf").write_text(sooner, "utf-8")
    serving_container.systemctl("daemon-reload")
    serving_container.systemctl("restart", SERVICE)
    first = serving_container.show("WatchdogTimestampMonotonic")
    wait_until(lambda: serving_container.show("WatchdogTimestampMonotonic") != first, 60)
    before, since = serving_container.names("done"), time.time()
    (service,) = children_of(main_pid())
    os.kill(service, signal.SIGSTOP)
    serving_container.drop("after.png", png("Read by the next one"))
    serving_container.wait_for([*before, "after.png"])
    assert "Watchdog timeout" in serving_container.journal(since)
    assert int(serving_container.show("NRestarts")) == 1


def test_compose_reads_a_page(serving_container: Machine, tmp_path: Path) -> None:
    """compose.yaml, without the lines of the GPU, builds the engines and serves the same spool."""
    serving_container.stop()
    found = yaml.safe_load((serving_container.checkout / "packaging/container/compose.yaml").read_text("utf-8"))
    for service in found["services"].values():
        del service["deploy"]
    file = tmp_path / "compose.yaml"
    file.write_text(yaml.safe_dump(found), "utf-8")
    before = serving_container.names("done")
    serving_container.drop("composed.png", png("Read by Compose"))
    said = run("podman", "compose", "--file", file, "up", "--detach").stdout
    try:
        results = serving_container.wait_for([*before, "composed.png"])
        assert says(results["composed.png"], "Read by Compose"), said
        result = (SPOOL / "outbox/composed.png.json").stat()
        assert (result.st_uid, result.st_gid, result.st_mode & 0o777) == (970, 970, 0o660)
    finally:
        record(
            "compose.txt",
            said + run("podman", "ps", "--all").stdout + run("podman", "compose", "--file", file, "down").stdout,
        )
