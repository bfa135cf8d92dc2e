"""The files for Podman, as far as they can be looked at without running a container."""

from __future__ import annotations

import configparser
import os
import re
import subprocess
from pathlib import Path

import pytest

from ocrspool.config.loader import load

CHECKOUT = Path(__file__).parents[2]
FILES = CHECKOUT / "packaging/container"
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
    for key in ("Image", "AddDevice", "Network", "ReadOnly", "NoNewPrivileges", "DropCapability"):
        assert service[key] == prebuild[key]


def test_the_user_is_the_same_everywhere() -> None:
    """The image, the volume and the instructions for the host name one number."""
    image = (FILES / "Containerfile").read_text("utf-8")
    manual = (CHECKOUT / "docs/container.md").read_text("utf-8")
    volume = quadlet("ocrspool-cache.volume")["Volume"]
    assert set(re.findall(r"--[ug]id (\d+)", image + manual)) == {volume["User"], volume["Group"]}


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
