"""The image for containers, run by Podman as docs/container.md says, under the real systemd.

`scripts/system --container` builds the image with the command of that page, and puts it into an archive. A description
of a device in /etc/cdi is in the place of NVIDIA's.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from support.drawn_pages import png, says
from support.lab_machine import SERVICE, SPOOL, Machine, record, run
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
_CDI = """\
cdiVersion: "0.6.0"
kind: nvidia.com/gpu
devices:
  - name: all
    containerEdits:
      env: [OCRSPOOL_CDI=applied]
      deviceNodes:
        - {path: /dev/nvidia0, hostPath: /dev/zero}
"""


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
    Path("/etc/cdi").mkdir(exist_ok=True)
    Path("/etc/cdi/nvidia.yaml").write_text(_CDI, "utf-8")
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
    """Its root cannot be written, its user has no capabilities, it has no network, and the device is there."""
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
    assert inside("sh", "-c", "test -c /dev/nvidia0 && echo $OCRSPOOL_CDI").strip() == "applied"


def main_pid() -> int:
    return int(run("podman", "inspect", "--format={{.State.Pid}}", "ocrspool").stdout)


def test_its_health_is_known(serving_container: Machine) -> None:
    """The health check of the Quadlet file ends with 0 while the service answers."""
    assert serving_container
    run("podman", "healthcheck", "run", "ocrspool")


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
