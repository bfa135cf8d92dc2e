"""A status page with something in each of its tables, without a service."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Metrics
from ocrspool.files import names
from ocrspool.observability.snapshot_file import snapshot_of
from ocrspool.web.server import Reply
from ocrspool.web.status_page import StatusPage

HERE = {"host": "127.0.0.1:9464"}
EVIL = '"><script>alert(1)</script><img src=http://evil.example/x>\x1b.png'
MOMENT = "2026-01-01T00:00:00.000Z"


class World:
    """An inbox with a document and a failure, and the page about them."""

    def __init__(self, root: Path, **settings: bool) -> None:
        self.root = root
        self.inbox = Inbox(root=root, outputs=("json", "html"))
        for folder in self.inbox.folders().values():
            folder.mkdir(parents=True, exist_ok=True)
        metrics = Metrics(listen=str(root / "sock"), page=True, **settings)
        self.document = self.delivered(EVIL, "j1")
        self.failure = self.failed("bad.png", "j2")
        self.facts: dict[str, Any] = {
            "pid": 1, "state": "ready", "lack": "", "at": 1000.0, "began": 0.0, "waiting": 3, "in_work": 1,
            "files_per_minute": 8.2, "pages_per_second": 1.44,
            "by_minute": {"files": [0] * 59 + [2], "pages": [0] * 60},
            "queues": {"scans": {"waiting": 3, "oldest": 900.0}, "new": {"waiting": 0, "oldest": None}},
            "since_start": {"scans": {"done": 4, "partial": 1, "failed": 2, "pages": 9, "warned": 77}},
            "jobs": [
                {"job": "a", "inbox": "scans", "path": EVIL, "since": 900.0, "pages": 4, "read": 1},
                {"job": "b", "inbox": "scans", "path": "new.png", "since": None, "pages": None, "read": 0},
            ],
            "last_documents": [self.document], "last_failures": [self.failure],
            "engine": {
                "runtime": "openvino", "runtime_version": "1", "precision": "f32", "device": "cpu", "fingerprint": "f",
                "models": [{"name": "det"}],
            },
            "engines": [],
            "workers": [1], "worker_restarts": 0,
        }  # fmt: skip
        self.page = StatusPage(
            CurrentConfig(Config(metrics=metrics, inbox={"scans": self.inbox})), lambda: snapshot_of(self.facts)
        )

    def delivered(self, name: str, job: str) -> dict[str, Any]:
        """Lay down a result and its HTML; what is told of it."""
        result = self.inbox.folder("outbox") / f"{name.replace('/', '_')}.json"
        result.write_bytes(b"{}")
        self.html = result.with_name(result.name.removesuffix(".json") + ".html")
        self.html.write_bytes(b"<p>the text of it</p>")
        return {
            "job": job, "inbox": "scans", "path": name, "finished_at": MOMENT, "pages": 3, "lost": 1, "lines": 40,
            "warnings": ["no-text-found", "unread-script"],
            "outputs": ["html", "pdf"], "result": names.to_json(str(result)),
        }  # fmt: skip

    def failed(self, name: str, job: str) -> dict[str, Any]:
        """Lay down a failed file with its reason; what is told of it."""
        reason = {
            "source": names.to_json(name), "inbox": "scans", "job": job, "kind": "crash", "page": 2,
            "message": f"no good: {EVIL}", "hint": EVIL, "failed_at": MOMENT,
        }  # fmt: skip
        path = self.inbox.folder("failed") / name
        path.write_bytes(b"x")
        path.with_name(f"{name}.reason.json").write_text(json.dumps(reason), "utf-8")
        return {**reason, "file": names.to_json(str(path))}

    def get(self, path: str = "/", headers: dict[str, str] = HERE) -> tuple[int, str]:
        return self.shown(self.page.get(path, headers))

    def press(self, job: str, token: str | None = None, headers: dict[str, str] = HERE) -> tuple[int, str]:
        """Press the button of a failed file, with the token of the page or another one."""
        form = f"token={self.token() if token is None else token}&job={job}"
        return self.shown(self.page.post("/retry", headers, form.encode()))

    def token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.get()[1])
        assert found
        return found[1]

    def shown(self, reply: Reply | None) -> tuple[int, str]:
        """The status and the body; 0 where the page has nothing to say."""
        if reply is None:
            return 0, ""
        if isinstance(reply.body, bytes):
            return reply.status, reply.body.decode()
        with reply.body as file:
            return reply.status, file.read().decode()
