"""What version 0.1.0 leaves on disk: its configuration, and the files of an inbox in every state.

The texts are those that 0.1.0 wrote while it was killed between two of its steps. Only names, digests and numbers were
replaced. They must not follow the program: the program must go on reading them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import time
from pathlib import Path
from string import Template

CONFIG = Template("""\
[paths]
cache = "$cache"
runtime = "run"

[engine]
runtime = "openvino"
models = "bundled"
model_source = "https://models.example.org/pp"
devices = ["cpu"]
on_no_gpu = "fail"
provider = "auto"
precision = "auto"
threads = 0
batch_lines = 0
line_width = 0
detection_side = 1280
workspace_mb = 1024
on_missing = "fail"

[service]
workers = 1
decoders = 0
batch_pages = 8
attempts = 3
stop_seconds = 60.0
worker_pages = 20000
worker_memory_mb = 4096
worker_seconds = 300.0

[limits]
file_mb = 1024
pages = 2000
page_megapixels = 150
page_seconds = 60.0
document_seconds = 3600.0
decoder_memory_mb = 2048
memory_mb = 512
free_disk_mb = 200
free_memory_mb = 200

[log]
level = "info"
format = "auto"

[metrics]
listen = "$listen"
page = true
page_views = true
page_retry = true

[profile.default]
dpi = 150
orientation = "auto"
page_side = 4000
pdf_text = "ocr"

[profile.fax]
dpi = 100
orientation = "off"
page_side = 3000
pdf_text = "prefer"

[inbox.default]
root = "spool"
profile = "default"
include = ["*"]
exclude = []
ignore = [
    ".[!.]*", "~*", "*~", "*.part", "*.partial", "*.tmp", "*.temp", "*.filepart", "*.crdownload", "*.download", "*.swp",
    "@eaDir", "#recycle", "#snapshot", "lost+found", "$$RECYCLE.BIN", "System Volume Information",
    "Thumbs.db", "desktop.ini",
]
recursive = true
settle_seconds = 0.5
after = "keep"
outbox_mode = "auto"
watch = "auto"
poll_seconds = 5.0
rescan_seconds = 60.0
outputs = ["txt"]
done_marker = true
on_done = ["$hook"]
on_failed = []
hook_seconds = 60.0
""")
"""Every setting that 0.1.0 had."""

_RESULT = Template("""\
{
  "schema": "ocrspool-result/1",
  "status": "ok",
  "source": {
    "name": "$last",
    "path": "$path",
    "path_base64": null,
    "inbox": "default",
    "size": $size,
    "sha256": "$sha256",
    "media_type": "image/png",
    "pages": 1
  },
  "text": "$text",
  "pages": [
    {
      "number": 1,
      "status": "ok",
      "width": 320,
      "height": 120,
      "unit": "px",
      "origin": "top-left",
      "dpi": null,
      "rotation": 0,
      "text_from": "ocr",
      "text": "$text",
      "confidence": 0.9999,
      "lines": [
        {"order":0,"text":"$text","confidence":0.9999,"detection_confidence":0.8821,"polygon":[[15.0,42.0],[194.0,44.0],[194.0,85.0],[15.0,82.0]],"bounding_box":[15.0,42.0,194.0,85.0]}
      ],
      "error": null
    }
  ],
  "engine": {
    "name": "ocrspool",
    "version": "0.1.0",
    "runtime": "openvino",
    "runtime_version": "2026.4.1",
    "device": "cpu",
    "precision": "bf16",
    "fingerprint": "0123456789abcdef",
    "models": [
      {
        "role": "detection",
        "name": "PP-OCRv6_small_det",
        "sha256": "1111111111111111111111111111111111111111111111111111111111111111"
      },
      {
        "role": "recognition",
        "name": "PP-OCRv6_small_rec",
        "sha256": "2222222222222222222222222222222222222222222222222222222222222222"
      },
      {
        "role": "classifier",
        "name": "ch_ppocr_mobile_v2_cls",
        "sha256": "3333333333333333333333333333333333333333333333333333333333333333"
      }
    ]
  },
  "outputs": [
    {
      "format": "txt",
      "suffix": ".txt"
    }
  ],
  "warnings": [],
  "run": {
    "job": "$job",
    "host": "scanner",
    "attempts": 1,
    "started_at": "2026-11-27T14:10:15.075Z",
    "finished_at": "2026-11-27T14:10:15.431Z",
    "seconds": {
      "decode": 0.0018,
      "detect": 0.1736,
      "orient": 0.0488,
      "recognize": 0.1295,
      "txt": 0.004
    }
  }
}
""")

_REASON = Template("""\
{
  "schema": "ocrspool-reason/1",
  "kind": "damaged",
  "stage": "decode",
  "page": null,
  "message": "The PNG image is damaged: broken PNG file (chunk bytes).",
  "hint": "Send it again: the transfer may have failed.",
  "attempts": 1,
  "source": $name,
  "inbox": "default",
  "job": "$job",
  "failed_at": "2026-11-27T14:10:36.784Z",
  "failed_as": $name
}
""")

_STATUS = Template("""\
{
"pid": $pid,
"at": $at,
"began": $began,
"state": "ready",
"waiting": 0,
"in_work": 1,
"workers": [32609],
"worker_restarts": 0,
"lack": "",
"queues": {"default": {"waiting": 0, "oldest": null}},
"overflows": 0,
"engine": {"name": "ocrspool", "version": "0.1.0", "runtime": "openvino", "runtime_version": "2026.4.1",
  "device": "cpu", "precision": "bf16", "fingerprint": "0123456789abcdef", "models": [{"role": "detection",
  "name": "PP-OCRv6_small_det", "sha256": "1111111111111111111111111111111111111111111111111111111111111111"},
  {"role": "recognition", "name": "PP-OCRv6_small_rec",
  "sha256": "2222222222222222222222222222222222222222222222222222222222222222"}, {"role": "classifier",
  "name": "ch_ppocr_mobile_v2_cls",
  "sha256": "3333333333333333333333333333333333333333333333333333333333333333"}]},
"start": {"in all": 2.092, "runtime": 0.077, "verify": 0.086, "load ch_ppocr_mobile_v2_cls": 0.47,
  "load PP-OCRv6_small_rec": 0.641, "load PP-OCRv6_small_det": 0.712, "load": 0.719, "warm-up": 0.668},
"jobs": [{"job": "20261127T141427-e424f03a", "inbox": "default", "path": "long.pdf", "attempt": 1,
  "since": 1795788867.097, "pages": 6, "read": 1}],
"files_per_minute": 7.3,
"pages_per_second": 0.0,
"by_minute": {"files": [$idle, 1, 1], "pages": [$idle, 0, 1]},
"since_start": {"default": {"done": 1, "partial": 0, "failed": 1, "pages": 1}},
"stages": {"decode": {"sum": 0.0086, "count": 1, "up_to": {"0.01": 1, "0.03": 1, "0.1": 1, "0.3": 1, "1.0": 1,
  "3.0": 1, "10.0": 1, "30.0": 1, "100.0": 1}}},
"last_documents": [{"job": "20261127T141056-da06e529", "inbox": "default", "path": "a.png",
  "finished_at": "2026-11-27T14:10:56.453Z", "pages": 1, "lost": 0, "lines": 1, "outputs": ["txt"],
  "result": {"path": "/srv/spool/outbox/a.png.json"}}],
"last_failures": [{"schema": "ocrspool-reason/1", "kind": "damaged", "stage": "decode", "page": null,
  "message": "The PNG image is damaged: broken PNG file (chunk bytes).",
  "hint": "Send it again: the transfer may have failed.", "attempts": 1, "source": {"path": "b\\\\xe9d.png",
  "path_base64": "YulkLnBuZw=="}, "inbox": "default", "job": "20261127T141427-75eead55",
  "failed_at": "2026-11-27T14:14:27.095Z", "file": {"path": "/srv/spool/failed/b\\\\xe9d.png",
  "path_base64": "L3Nydi9zcG9vbC9mYWlsZWQvYulkLnBuZw=="}}]
}
""")
"""A status.json, broken into lines: 0.1.0 wrote one line."""

_MANIFEST = Template("""\
{
  "schema": "ocrspool-engine/2",
  "fingerprint": "cb313fa8acb92161",
  "identity": {
    "layout": "2",
    "os": "linux",
    "arch": "x86_64",
    "runtime": "openvino",
    "runtime_version": "2026.4.1",
    "device": "cpu",
    "precision": "bf16",
    "cpu": "Intel(R) Xeon(R) Processor",
    "cpu_flags": "amx_bf16 amx_int8 amx_tile avx avx2 avx512_bf16 avx512_fp16 avx512_vnni $more_flags",
    "detection.name": "PP-OCRv6_small_det",
    "detection.sha256": "090f04abcd9d9a7498bc4ebf677e4cb9bdce1fe4197ddb7e529f1ef44e1ff94f",
    "detection.normalization": "mean (123.675, 116.28, 103.53) std (58.395, 57.120000000000005, 57.375)",
    "detection.shapes": "1x32x32x3 1x1280x960x3 1x1344x1344x3",
    "recognition.name": "PP-OCRv6_small_rec",
    "recognition.sha256": "6f327246b50388f3c176ae304bd95767ea6dc0c9ae92153ef8cbe210b3c14884",
    "recognition.normalization": "mean (127.5, 127.5, 127.5) std (127.5, 127.5, 127.5)",
    "recognition.shapes": "1x48x32x3 1x48x320x3 1x48x3200x3",
    "classifier.name": "ch_ppocr_mobile_v2_cls",
    "classifier.sha256": "e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c",
    "classifier.normalization": "mean (127.5, 127.5, 127.5) std (127.5, 127.5, 127.5)",
    "classifier.shapes": "1x48x192x3 1x48x192x3 1x48x192x3",
    "detection.thresholds": "0.2 0.45 1.4"
  },
  "files": $files,
  "known_text": [
    "Known page: 0123456789",
    "Gr\\u00fc\\u00dfe, se\\u00f1or \\u2013 1.234,56 \\u20ac"
  ],
  "soft": {
    "python": "3.11.7"
  },
  "parity": {
    "reference": "openvino 2026.4.1 in f32 on the cpu",
    "lines": 14,
    "characters": 402,
    "characters_differing": 0,
    "worst_shift": 2.0,
    "confidence_difference": 0.0054
  },
  "seconds": {
    "PP-OCRv6_small_det": 1.186,
    "PP-OCRv6_small_rec": 1.391,
    "ch_ppocr_mobile_v2_cls": 0.813,
    "check": 4.553,
    "reference": 10.148
  },
  "built_at": "2026-11-27T14:10:02+00:00",
  "built_by": "ocrspool 0.1.0"
}
""")

_MORE_FLAGS = "avx512bw avx512dq avx512f avx512vl avx_vnni f16c fma sse4_1 sse4_2"

ENGINE = "cb313fa8acb92161"
"""The fingerprint that 0.1.0 gave to the engine of this manifest."""

TEXT = "Read by 0.1.0"


def name_as_json(name: str) -> str:
    """Return how 0.1.0 wrote a file name into a reason."""
    raw = os.fsencode(name)
    try:
        return f'{{\n    "path": "{raw.decode()}"\n  }}'
    except UnicodeDecodeError:
        shown = raw.decode("utf-8", "backslashreplace").replace("\\", "\\\\")
        return f'{{\n    "path": "{shown}",\n    "path_base64": "{base64.b64encode(raw).decode()}"\n  }}'


def result(name: str, data: bytes, job: str) -> bytes:
    """Return the result of a file, as 0.1.0 rendered it."""
    values = {"last": name.rpartition("/")[2], "path": name, "size": str(len(data)), "job": job, "text": TEXT}
    return _RESULT.substitute(values, sha256=hashlib.sha256(data).hexdigest()).encode()


def reason(name: str, job: str) -> bytes:
    """Return why a file failed, as 0.1.0 wrote it."""
    return _REASON.substitute(name=name_as_json(name), job=job).encode()


def status(pid: int) -> bytes:
    """Return the status.json of a service of this process id, which is reading one file and has failed at another.

    It began 8 seconds ago.
    """
    at = time.time()
    return (
        _STATUS.substitute(pid=pid, at=f"{at:.3f}", began=f"{at - 8:.3f}", idle=", ".join(["0"] * 58))
        .replace("\n", "")
        .encode()
    )


def engine(cache: Path) -> dict[str, str]:
    """Put an engine of 0.1.0 into a cache, with small files in the place of its nets. Return its identity."""
    folder = cache / "engines" / ENGINE
    data = {f"net/net.{suffix}": suffix.encode() for suffix in ("xml", "bin")}
    for name, content in data.items():
        put(folder / name, content)
    facts = {name: {"size": len(each), "sha256": hashlib.sha256(each).hexdigest()} for name, each in data.items()}
    manifest = _MANIFEST.substitute(files=json.dumps(facts), more_flags=_MORE_FLAGS)
    put(folder / "manifest.json", manifest.encode())
    put(folder.with_name(f"{ENGINE}.lock"), b"")
    identity: dict[str, str] = json.loads(manifest)["identity"]
    return identity


def put(path: Path, data: bytes) -> Path:
    """Write a file; folders are made on the way, with the modes that the umask gives."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


class Inbox:
    """The five folders of an inbox of 0.1.0, and what its steps left in them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._jobs = 0
        for state in ("inbox", "work", "outbox", "done", "failed"):
            (root / state).mkdir(parents=True)
        put(root / "work/.lock", b"").chmod(0o600)

    def waiting(self, name: str, data: bytes) -> Path:
        """Drop a file. Return where it is."""
        return put(self.root / "inbox" / name, data)

    def claimed(self, name: str, data: bytes | None = None) -> Path:
        """Claim a file. Return the folder of its job; without data the source has left it again."""
        self._jobs += 1
        folder = self.root / f"work/20261127T1410{self._jobs:02}-{self._jobs:08x}"
        source = folder / "source" / name
        source.parent.mkdir(parents=True)
        if data is not None:
            source.write_bytes(data)
        return folder

    def begun(self, name: str, data: bytes | None = None, *deaths: int) -> Path:
        """Claim a file and begin to decode it; decoders died at these pages."""
        folder = self.claimed(name, data)
        shown = ",".join(f"\n    {page}" for page in deaths) + ("\n  " if deaths else "")
        counts = f'{{\n  "attempts": {len(deaths) or 1},\n  "interruptions": 0,\n  "deaths": [{shown}]\n}}\n'
        put(folder / "job.json", counts.encode())
        return folder

    def read(self, name: str, data: bytes, *, has_source: bool = True) -> Path:
        """Claim a file, read it and render its result."""
        folder = self.begun(name, data if has_source else None)
        put(folder / "result.txt", f"{TEXT}\n".encode())
        put(folder / "result.json", result(name, data, folder.name))
        return folder

    def delivering(self, name: str, data: bytes, *appeared: str, has_source: bool = True) -> Path:
        """Read a file, write down the name of its result, and let the files of these suffixes appear."""
        folder = self.read(name, data, has_source=has_source)
        put(folder / "result.begun", f'{{\n  "path": "{name}.json"\n}}\n'.encode())
        target = self.root / "outbox" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        for suffix in appeared:
            other = target.with_name(target.name + suffix)
            if suffix == ".done":
                other.touch()
            else:
                os.link(folder / f"result{suffix}", other)
        return folder

    def done(self, name: str, data: bytes) -> None:
        """Finish a file."""
        put(self.root / "done" / name, data)
        put(self.root / "outbox" / f"{name}.txt", f"{TEXT}\n".encode())
        put(self.root / "outbox" / f"{name}.json", result(name, data, "20261127T140000-0000abcd"))
        put(self.root / "outbox" / f"{name}.done", b"")

    def failing(self, name: str, data: bytes | None) -> Path:
        """Claim a file and write down why it fails; without data it has been moved to failed/ already."""
        folder = self.begun(name, data)
        put(folder / "reason.json", reason(name, folder.name))
        return folder

    def failed(self, name: str, data: bytes) -> None:
        """Let a file fail."""
        put(self.root / "failed" / name, data)
        put(self.root / "failed" / f"{name}.reason.json", reason(name, "20261127T140000-0000abcd"))
