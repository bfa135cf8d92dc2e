"""A GPU that is configured and not there: the reason and exit code 69, or a CPU in its place if somebody wished so."""

from __future__ import annotations

from pathlib import Path

import pytest

import pages_drawn
from daemons import NewDaemon, ocrspool
from ocrspool.engine.gpu import gpus
from ocrspool.errors import Exit, NoGpuError
from waiting import wait_until


def _has_gpu() -> bool:
    try:
        return bool(gpus())
    except NoGpuError:
        return False


pytestmark = [pytest.mark.engine, pytest.mark.skipif(_has_gpu(), reason="this machine has a GPU")]

WANTED = "[engine]\nruntime = 'onnxruntime'\ndevices = ['gpu:0']\n"


def test_without_a_gpu_it_says_so_and_stops(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """Prebuild and serve alike: what is missing, what to do, and no CPU in silence."""
    daemon = new_daemon(cache=tmp_path / "cache", more=WANTED)
    built = ocrspool("prebuild", "--config", daemon.config)
    assert built.returncode == Exit.UNAVAILABLE
    assert "the NVIDIA driver does not answer" in built.stderr
    assert 'engine.on_no_gpu = "cpu"' in built.stderr
    daemon.spawn()
    assert daemon.wait() == Exit.UNAVAILABLE
    assert "the NVIDIA driver does not answer" in daemon.log()
    assert daemon.said("READY=1") == 0
    assert daemon.childless()


def test_a_cpu_in_its_place_is_told(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """It works, and STATUS= says degraded; the result says on what it was read."""
    daemon = new_daemon(cache=tmp_path / "cache", more=f"{WANTED}on_no_gpu = 'cpu'\nprecision = 'f16'\n")
    built = ocrspool("prebuild", "--config", daemon.config, seconds=200)
    assert built.returncode == 0, built.stderr
    assert "f32 on cpu" in built.stdout
    daemon.start()
    assert "the CPU takes its place" in daemon.log()
    daemon.drop("page.png", pages_drawn.png("Read by a CPU"))
    result = daemon.result("page.png")
    assert pages_drawn.says(result, "Read by a CPU")
    assert (result["engine"]["device"], result["engine"]["precision"]) == ("cpu", "f32")
    told = "STATUS=degraded · onnxruntime f32"
    wait_until(lambda: any(said.startswith(told) for said in daemon.notify.messages()), 30)
