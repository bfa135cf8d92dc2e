"""What another user of the machine, or a decoder that was taken over, finds of a real service: no lock, no secret."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from support import drawn_pages, sample_files
from support.cached_engines import held_elsewhere
from support.daemon_process import NewDaemon
from support.drawn_pages import says

pytestmark = pytest.mark.engine


def test_a_locked_engine_does_not_keep_the_service_from_serving(
    new_daemon: NewDaemon, engine_cache: Path, tmp_path: Path
) -> None:
    """Whoever can read the manifest can lock it, for ever. The log names who does."""
    cache = shutil.copytree(engine_cache, tmp_path / "cache")
    (manifest,) = cache.glob("engines/*/manifest.json")
    daemon = new_daemon(cache=cache)
    with held_elsewhere(manifest):
        daemon.start()
    assert f"{manifest} is locked by process " in daemon.log()
    daemon.drop("page.png", sample_files.png(drawn_pages.page("Read all the same")))
    assert says(daemon.result("page.png"), "Read all the same")


def test_children_see_no_secret_of_the_service(new_daemon: NewDaemon) -> None:
    """Its environment may hold a hook's token."""
    daemon = new_daemon(variables={"HOOK_API_TOKEN": "s3cret", "https_proxy": "http://me:pass@127.0.0.1:1"})
    daemon.start()
    children = {pid: Path(f"/proc/{pid}/environ").read_bytes() for pid in daemon.children()}
    decoders, workers = daemon.decoders(), daemon.workers()
    assert decoders
    assert workers
    assert not [pid for pid, variables in children.items() if b"s3cret" in variables or b"NOTIFY_SOCKET" in variables]
    assert not [pid for pid in decoders if b"proxy" in children[pid]]
    assert all(b"HOME=" in children[pid] for pid in (*decoders, *workers))
