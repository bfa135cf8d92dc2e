"""The files for Podman, Compose and Kubernetes, as far as they can be looked at without running a container."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from ocrspool.config.loader import load

CHECKOUT = Path(__file__).parents[2]
FILES = CHECKOUT / "packaging/container"
KUBERNETES = CHECKOUT / "packaging/kubernetes/ocrspool.yaml"
GENERATOR = Path("/usr/lib/systemd/system-generators/podman-system-generator")


def quadlet(name: str) -> configparser.ConfigParser:
    """Return the sections of a file; of a key that is repeated, the last value."""
    found = configparser.ConfigParser(strict=False, interpolation=None, delimiters=("=",))
    found.optionxform = str  # type: ignore[assignment, method-assign] # keys keep their capitals
    found.read(FILES / name, "utf-8")
    return found


def test_the_service_and_its_prebuild_are_confined_alike() -> None:
    """Both have no network, no capabilities and a root that cannot be written, and the same image and GPU."""
    service, prebuild = quadlet("ocrspool.container")["Container"], quadlet("ocrspool-prebuild.container")["Container"]
    for key in ("GlobalArgs", "Image", "AddDevice", "Network", "ReadOnly", "NoNewPrivileges", "DropCapability"):
        assert service[key] == prebuild[key]


def test_the_watchdog_and_the_service_know_the_same_time() -> None:
    """The container does not get systemd's variable: the file says it twice. It is the time of the unit of the host."""
    found = quadlet("ocrspool.container")
    (microseconds,) = re.findall(r"^WATCHDOG_USEC=(\d+)$", found["Container"]["Environment"])
    host = re.findall(r"^WatchdogSec=(\d+)$", (CHECKOUT / "systemd/ocrspool.service").read_text("utf-8"), re.MULTILINE)
    assert [found["Service"]["WatchdogSec"]] == host == [str(int(microseconds) // 1_000_000)]


def test_the_user_is_the_same_everywhere() -> None:
    """The image, the volume, the folder of the status and the instructions for the host name one number."""
    image = (FILES / "Containerfile").read_text("utf-8")
    manual = (CHECKOUT / "docs/container.md").read_text("utf-8")
    volume = quadlet("ocrspool-cache.volume")["Volume"]
    service = (FILES / "ocrspool.container").read_text("utf-8")
    numbers = re.findall(r"--(?:[ug]id |owner=|group=)(\d+)", image + manual + service)
    assert set(numbers) == {volume["User"], volume["Group"]}


def test_the_configuration_for_gpus_is_one(tmp_path: Path) -> None:
    """gpu.toml holds settings that there are, over the example."""
    (tmp_path / "conf.d").mkdir()
    (tmp_path / "conf.d/gpu.toml").write_bytes((FILES / "gpu.toml").read_bytes())
    example = tmp_path / "ocrspool.toml"
    example.write_bytes((CHECKOUT / "config/ocrspool.toml").read_bytes())
    assert load(example).engine.devices == ("gpu:0",)


@pytest.mark.skipif(not GENERATOR.exists(), reason="there is no Podman with Quadlet")
def test_quadlet_makes_services_of_it() -> None:
    """Podman's generator knows every key, and makes a service of each file."""
    made = subprocess.run(
        [GENERATOR, "--dryrun"],
        check=True,
        capture_output=True,
        encoding="utf-8",
        env={**os.environ, "QUADLET_UNIT_DIRS": str(FILES)},
    )
    for name in ("ocrspool.service", "ocrspool-prebuild.service", "ocrspool-cache-volume.service"):
        assert f"---{name}---" in made.stdout


def compose() -> dict[str, Any]:
    """Return the services of compose.yaml."""
    services: dict[str, Any] = yaml.safe_load((FILES / "compose.yaml").read_text("utf-8"))["services"]
    return services


def kubernetes(kind: str) -> dict[str, Any]:
    """Return the one resource of a kind."""
    (found,) = (one for one in yaml.safe_load_all(KUBERNETES.read_text("utf-8")) if one["kind"] == kind)
    resource: dict[str, Any] = found
    return resource


def test_compose_confines_both_containers() -> None:
    """Neither has a network, capabilities or a root that can be written; only the service sees documents."""
    for name, service in compose().items():
        assert service["user"] == "970:970", name
        assert (service["network_mode"], service["read_only"], service["cap_drop"]) == ("none", True, ["ALL"])
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert not any("spool:" in volume for volume in compose()["prebuild"]["volumes"] if volume.startswith("/var"))


def test_compose_starts_the_service_after_the_build() -> None:
    """The service waits for a build that succeeded, as the unit does."""
    assert compose()["ocrspool"]["depends_on"] == {"prebuild": {"condition": "service_completed_successfully"}}


def test_kubernetes_runs_one_service_for_a_spool() -> None:
    """A rollout that began a second pod beside the first would find the spool locked."""
    spec = kubernetes("Deployment")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_kubernetes_confines_both_containers() -> None:
    """Neither is root, has capabilities or a root that can be written, and the network is closed."""
    pod = kubernetes("Deployment")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["runAsUser"] == 970
    for container in [*pod["initContainers"], *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
    assert kubernetes("NetworkPolicy")["spec"]["policyTypes"] == ["Ingress", "Egress"]


def test_every_mount_has_its_volume() -> None:
    """Volumes are claims and folders that the same file makes."""
    pod = kubernetes("Deployment")["spec"]["template"]["spec"]
    volumes = {volume["name"] for volume in pod["volumes"]}
    claims = {
        volume["persistentVolumeClaim"]["claimName"] for volume in pod["volumes"] if "persistentVolumeClaim" in volume
    }
    made = [one["metadata"]["name"] for one in yaml.safe_load_all(KUBERNETES.read_text("utf-8"))]
    assert {
        mount["name"] for one in pod["initContainers"] + pod["containers"] for mount in one["volumeMounts"]
    } == volumes
    assert claims <= set(made)


def test_the_configuration_for_kubernetes_is_one(tmp_path: Path) -> None:
    """The text in the ConfigMap can be loaded."""
    file = tmp_path / "ocrspool.toml"
    file.write_text(kubernetes("ConfigMap")["data"]["ocrspool.toml"], "utf-8")
    assert str(load(file).inbox["default"].root) == "/var/spool/ocrspool/default"


def test_both_end_a_service_later_than_it_ends_itself() -> None:
    """A service that is killed while it finishes files would have to read them again."""
    longest = load(CHECKOUT / "config/ocrspool.toml").service.stop_seconds
    assert kubernetes("Deployment")["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] > longest
    assert int(compose()["ocrspool"]["stop_grace_period"].rstrip("s")) > longest
