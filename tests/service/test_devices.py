"""A GPU that is configured and not there: the reason and exit code 69, or a CPU in its place if somebody wished so."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocrspool.errors import Exit, NoGpuError
from ocrspool.machine.gpu import gpus
from support import drawn_pages, gpu_claiming_worker, sample_files, worker_replacement
from support.daemon_process import NewDaemon, ocrspool
from support.waiting import wait_until


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
    daemon.drop("page.png", drawn_pages.png("Read by a CPU"))
    result = daemon.result("page.png")
    assert drawn_pages.says(result, "Read by a CPU")
    assert (result["engine"]["device"], result["engine"]["precision"]) == ("cpu", "f32")
    told = "STATUS=degraded · onnxruntime f32"
    wait_until(lambda: any(said.startswith(told) for said in daemon.notify.messages()), 30)


def test_pages_name_what_read_them(new_daemon: NewDaemon, tmp_path: Path) -> None:
    """Of two GPUs one works, and a CPU stands in for the other: each page of a document says which of them read it."""
    more = (
        "[engine]\nruntime = 'onnxruntime'\ndevices = ['gpu:0', 'gpu:1']\non_no_gpu = 'cpu'\nthreads = 1\n"
        "[service]\nbatch_pages = 1\n"
    )
    wrapper = worker_replacement.wrapper(tmp_path, gpu_claiming_worker.__name__)
    daemon = new_daemon(cache=tmp_path / "cache", more=more, wrapper=wrapper)
    just_cpu = daemon.folder / "cpu.toml"
    just_cpu.write_text(daemon.config.read_text("utf-8").replace("['gpu:0', 'gpu:1']", "['cpu']"), "utf-8")
    built = ocrspool("prebuild", "--config", just_cpu, seconds=200)
    assert built.returncode == 0, built.stderr
    daemon.start()
    document = sample_files.tiff(*(drawn_pages.page(f"Page {number}") for number in range(1, 9)))
    for attempt in range(10):  # how pages fall to workers is chance; nearly always it is both at the first time
        daemon.drop(f"{attempt}.tif", document)
        result = daemon.result(f"{attempt}.tif")
        engines = {each["fingerprint"]: each for each in (result["engine"], *result["other_engines"])}
        read_by = [page["read_by"] for page in result["pages"]]
        for each in read_by:
            assert each["device"] == ("gpu:0" if each["fingerprint"] == gpu_claiming_worker.FINGERPRINT else "cpu")
            assert engines[each["fingerprint"]]["device"] == each["device"].partition(":")[0]
        assert result["engine"]["fingerprint"] == read_by[0]["fingerprint"]
        assert set(engines) == {each["fingerprint"] for each in read_by}
        if len(engines) > 1:
            break
    assert {each["device"] for each in read_by} == {"gpu:0", "cpu"}
    started = json.loads(ocrspool("status", "--json", "--config", daemon.config).stdout)["service"]
    assert {(each["device"], each["workers"]) for each in started["engines"]} == {("gpu:0", 1), ("cpu", 1)}
    assert started["state"] == "degraded"
