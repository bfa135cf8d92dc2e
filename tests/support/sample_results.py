"""Whole results, as small as they can be: what a pipeline would deliver, without one."""

from __future__ import annotations

import hashlib
import json

from ocrspool.files import names
from ocrspool.render.json import render
from ocrspool.results.rendered import RenderedResult
from ocrspool.results.schema import Document, Engine, Run, Source
from ocrspool.spool.jobs import Job
from ocrspool.spool.outbox import files_of

ENGINE = Engine("ocrspool", "0", "openvino", "0", "cpu", "f32", "0" * 16, ())


def result_of(job: Job, run: object = 1) -> bytes:
    """Return the result of a job's source, by this run."""
    data = job.source.read_bytes()
    named = names.to_json(job.name)
    source = Source(
        name=named["path"].rpartition("/")[2],
        path=named["path"],
        path_base64=named.get("path_base64"),
        inbox=job.inbox,
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        media_type="image/png",
        pages=1,
    )
    ran = Run(job.id, str(run), 1, "2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", {})
    return render(Document("ocrspool-result/1", "ok", source, "", (), ENGINE, (), ran))


def rendered(data: bytes) -> RenderedResult:
    """Return a result as a pipeline hands it over."""
    return RenderedResult(files_of(json.loads(data)), data)
