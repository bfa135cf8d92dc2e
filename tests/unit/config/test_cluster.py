"""The table [cluster]: an open port is refused, and so is what does not go together."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.config.loader import load
from ocrspool.config.schema import Config
from ocrspool.errors import ConfigError

FILES = "ca = 'ca.crt'\ncertificate = 'host.crt'\nkey = 'host.key'\n"


def loaded(folder: Path, text: str) -> Config:
    path = folder / "ocrspool.toml"
    path.write_text(text, "utf-8")
    return load(path)


def test_certificates_are_below_the_folder_of_the_file(tmp_path: Path) -> None:
    """As all relative paths are."""
    config = loaded(tmp_path, f"[cluster]\nscheduler = 'tls://10.0.0.5:8786'\n{FILES}")
    assert config.cluster.key == tmp_path / "host.key"


@pytest.mark.parametrize("scheduler", ["tcp://127.0.0.1:8786", "tcp://[::1]:8786", "tcp://localhost:1"])
def test_loopback_needs_no_certificates(tmp_path: Path, scheduler: str) -> None:
    """Nobody else can reach it."""
    assert loaded(tmp_path, f"[cluster]\nscheduler = '{scheduler}'\n").cluster.scheduler == scheduler


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("scheduler = 'tcp://10.0.0.5:8786'", "should begin with tls://"),
        ("scheduler = 'tcp://0.0.0.0:8786'", "should begin with tls://"),
        ("scheduler = 'tcp://[::]:8786'", "should begin with tls://"),
        ("scheduler = 'tcp://127.0.0.1.example.org:8786'", "should begin with tls://"),
        ("scheduler = '10.0.0.5:8786'", 'should be like "tls://10.0.0.5:8786"'),
        ("scheduler = 'tls://10.0.0.5'", 'should be like "tls://10.0.0.5:8786"'),
        ("scheduler = 'tls://10.0.0.5:0'", 'should be like "tls://10.0.0.5:8786"'),
        ("scheduler = 'tls://10.0.0.5:8786'", "needs the three files"),
        ("scheduler = 'tls://10.0.0.5:8786'\nca = 'ca.crt'\nkey = 'k'", "needs the three files"),
        (f"scheduler = 'tcp://127.0.0.1:8786'\n{FILES}", "are for a scheduler at tls://"),
        ("patience_seconds = 5.0", "should be 11.0 or more"),
        ("address = 'gpu1'", "should be an IP address"),
        ("scheduler = 'tcp://127.0.0.1:8786'\naddress = '10.0.0.7'", "should be a loopback address"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    """With the key, and what it should be."""
    with pytest.raises(ConfigError) as raised:
        loaded(tmp_path, f"[cluster]\n{text}\n")
    assert problem in raised.value.message
    assert "cluster" in raised.value.message


def test_no_device_needs_a_cluster(tmp_path: Path) -> None:
    """Somebody has to read."""
    with pytest.raises(ConfigError, match=r"engine\.devices: should have at least one item"):
        loaded(tmp_path, "[engine]\ndevices = []\n")
    cluster = "[cluster]\nscheduler = 'tcp://127.0.0.1:8786'\n"
    assert loaded(tmp_path, f"[engine]\ndevices = []\n{cluster}").engine.devices == ()
    with pytest.raises(ConfigError, match=r"cluster\.least_hosts: should be 1 or more"):
        loaded(tmp_path, f"[engine]\ndevices = []\n{cluster}least_hosts = 0\n")
