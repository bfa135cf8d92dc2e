"""Files that others can write or have written: results, records beside jobs, the status, settings, engines, models."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import tarfile
import tempfile
from base64 import b64encode
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fuzzing.target import Target
from ocrspool.config import engine_requests, loader
from ocrspool.engine.cache import archive
from ocrspool.engine.cache.store import fingerprint
from ocrspool.engine.models import inference_yml
from ocrspool.errors import ConfigError, EngineError
from ocrspool.files import json_file, names, tar_reader
from ocrspool.files.folder import Folder
from ocrspool.observability.snapshot import StatusSnapshot
from ocrspool.observability.snapshot_file import snapshot_from
from ocrspool.observability.statistics import Count
from ocrspool.observability.status import _newest, status_line
from ocrspool.render.json import render
from ocrspool.results import read
from ocrspool.results.reason import PublishedName, failure_from
from ocrspool.spool import job_folder, jobs, outbox
from ocrspool.web.metrics import exposition
from ocrspool.web.status_page_html import Offer
from ocrspool.web.status_page_html import render as as_html
from support import cached_engines, model_folders, result_blocks

_DEEP = b"[" * 20_000 + b"]" * 20_000
_ROOT = Path(__file__).parents[2]


@functools.cache
def _folder() -> Path:
    """A folder in memory, if there is one: each input is a file."""
    memory = Path("/dev/shm")  # noqa: S108 - not for files with known names
    made = tempfile.TemporaryDirectory(prefix="ocrspool-fuzz-", dir=memory if memory.is_dir() else None)
    _kept.append(made)
    return Path(made.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []
"""They go when the process ends."""


def _file(name: str, data: bytes) -> Path:
    path = _folder() / name
    path.write_bytes(data)
    return path


def result(data: bytes) -> None:
    """A program reads a result, or gets ValueError."""
    with suppress(ValueError):
        read(_file("a.json", data))


def records(data: bytes) -> None:
    """A job is read back from whatever lies in its folder, and can be written down again."""
    job = _folder() / "work" / "20260101T000000-00000000"
    (job / "source").mkdir(parents=True, exist_ok=True)
    (job / "source" / "a.png").write_bytes(b"abc")
    for name in (job_folder.JOB, job_folder.RESULT, job_folder.REASON):
        (job / name).write_bytes(data)
    kept = jobs.Jobs("scans", job.parent)
    with Folder.at(job) as folder:
        found = kept.read(folder)
        assert found is not None
        assert kept.read(folder) == found
        kept.save_in(folder, found)
        assert kept.read(folder) == found, "what was written down is read again"
        jobs.lost_bytes(folder, found)
        jobs.saved_result(folder)
        assert isinstance(jobs.failed_as(folder), str)
        head = json_file.load_head(folder, job_folder.RESULT, "source")
        assert isinstance(outbox.digest_of({"source": head}), str)


def reason(data: bytes) -> None:
    """A failed file is shown with a reason that anybody may have written: in the status, on the page, in metrics."""
    _file("a.reason.json", data)
    with Folder.at(_folder()) as folder:
        told = json_file.load(folder, "a.reason.json")
    failure = failure_from(told, PublishedName("a.png"), "scans", "a.png")
    names.from_json(told.get("source"))
    names.printable(failure.source.exact)
    snapshot = StatusSnapshot(state="ready", pid=1, last_failures=_newest([failure], [failure]))
    as_html(snapshot, Offer(still_failed=[failure]), 0.0).decode()
    exposition(snapshot)
    status_line(snapshot, Count()).encode()
    assert snapshot_from(json.dumps(asdict(snapshot)).encode()).last_failures == (failure,)


def status(data: bytes) -> None:
    """What a service has published is shown, or it is ValueError."""
    with suppress(ValueError):
        snapshot = snapshot_from(data)
        status_line(snapshot, Count()).encode()


def settings(data: bytes) -> None:
    """A configuration is refused with words, or every part of the service can use it."""
    try:
        config = loader.load(_file("ocrspool.toml", data))
    except ConfigError as error:
        str(error).encode()
        return
    config.model_dump_json()
    for device in config.engine.devices:
        json.dumps(engine_requests.engine_request(config, device).to_json())
    for inbox in config.inbox.values():
        inbox.folders()


def engine(data: bytes) -> None:
    """An archive, or the manifest of one, becomes an engine, or is refused; nothing appears beside the engines."""
    cache = _folder() / "cache"
    cache.mkdir(exist_ok=True)
    with suppress(EngineError, OSError):  # a name that is longer than the filesystem allows
        archive.import_engine(io.BytesIO(_packed(data) if data.startswith(b"{") else data), cache, lambda _: None)
    assert {path.name for path in cache.iterdir()} <= {"engines"}
    assert not list((cache / "engines").glob(".import-*"))


def _packed(manifest: bytes) -> bytes:
    """Return an archive with this manifest, under the name that its identity has, and files of the stated sizes."""
    try:
        told = json.loads(manifest)
        told["fingerprint"] = fingerprint(told["identity"])
        files = {str(name): b"x" * min(9999, int(facts["size"])) for name, facts in told["files"].items()}
        for name, facts in told["files"].items():
            facts["sha256"] = facts["sha256"] and hashlib.sha256(files[name]).hexdigest()
        manifest = json.dumps(told).encode()
        name = str(told["fingerprint"])
    except Exception:  # noqa: BLE001 - a manifest that says less
        files, name = {}, "0" * 16
    target = io.BytesIO()
    for path, data in {"manifest.json": manifest, **files}.items():
        target.write(_member(f"{name}/{path}", data))
    return target.getvalue() + bytes(1024)


def _member(name: str, data: bytes) -> bytes:
    header = tarfile.TarInfo(name.encode("utf-8", "replace").decode())
    header.size = len(data)
    return header.tobuf(tarfile.GNU_FORMAT, "utf-8", "strict") + data + bytes(-len(data) % 512)


def archive_members(data: bytes) -> None:
    """An archive of ours, or of others, is walked to its end, or it is ValueError."""
    for foreign in (False, True):
        with suppress(ValueError):
            for member in tar_reader.members(io.BytesIO(data), foreign=foreign):
                assert sum(map(len, member.pieces())) == member.size


def model(data: bytes) -> None:
    """What a model says of itself is understood, or refused."""
    with suppress(EngineError):
        inference_yml._read.__wrapped__(_file(inference_yml.NAME, data), 0, 0)  # without its memory of files


@functools.cache
def _exported() -> tuple[bytes, bytes]:
    """The manifest of a small engine, and its archive."""
    with tempfile.TemporaryDirectory() as cache:
        folder = cached_engines.made(Path(cache), "a")
        manifest = (folder / "manifest.json").read_bytes()
        return manifest, _packed(manifest)


def _example() -> list[bytes]:
    return [
        render(result_blocks.with_blocks()),
        *(path.read_bytes() for path in sorted((_ROOT / "manual/examples").glob("*.json"))[:2]),
        _DEEP, b'{"schema": "ocrspool-result/1", "source": ' + _DEEP + b"}",
    ]  # fmt: skip


def _records() -> list[bytes]:
    told: dict[str, Any] = {
        "attempts": 1, "interruptions": 1, "deaths": [1, 2], "seen": [3, 1, 1, 1, True], "failed_as": {"path": "a"},
        "outputs": [{"format": "txt"}], "run": {"done_as": "a", "done_as_base64": b64encode(b"\xff").decode()},
        "source": {"sha256": "f" * 64},
    }  # fmt: skip
    return [json.dumps(told).encode(), _DEEP, b'{"source": {"a": ' + _DEEP + b"}}"]


def _reasons() -> list[bytes]:
    told = {
        "schema": "ocrspool-reason/1", "kind": "damaged", "stage": "decode", "page": 1, "message": "a", "hint": "b",
        "attempts": 2, "source": {"path": "\\xff.png", "path_base64": b64encode(b"\xff.png").decode()},
        "inbox": "scans", "job": "20260101T000000-00000000", "failed_at": "2026-01-01T00:00:00.000Z",
    }  # fmt: skip
    return [json.dumps(told).encode()]


def _settings() -> list[bytes]:
    every = (_ROOT / "config/ocrspool.toml").read_text("utf-8")
    plain = "\n".join(line for line in every.splitlines() if line and not line.startswith("# "))
    more = "\n[cluster]\nscheduler = 'tls://a:1'\n[profile.fast]\ndpi = 200\n[inbox.b]\nroot = '/b'\nprofile = 'fast'\n"
    return [plain.encode(), (plain.replace("\n#", "\n")).encode(), more.encode(), b"a = " + b"[" * 9000]


def _models() -> list[bytes]:
    ends = ("_det", "_ori", "_rec")
    return [model_folders.yml(f"PP-OCRv5_server{end}").encode() for end in ends] + [b"[" * 3000]


TARGETS = (
    Target("results", result, _example, is_json=True),
    Target("records", records, _records, is_json=True),
    Target("reasons", reason, _reasons, is_json=True),
    Target("status", status, lambda: [json.dumps(asdict(StatusSnapshot(state="ready", pid=1))).encode()], is_json=True),
    Target("settings", settings, _settings),
    Target("engines", engine, lambda: [*_exported()], is_json=True),
    Target("archives", archive_members, lambda: [_exported()[1]]),
    Target("models", model, _models),
)
