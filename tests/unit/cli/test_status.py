"""What `status` and `retry` tell and do, out of the folders alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from ocrspool.cli.retry import retry
from ocrspool.cli.status import collect, status
from ocrspool.cli.status_view import view
from ocrspool.config.schema import Config, Inbox
from ocrspool.config.sections import Paths
from ocrspool.errors import Exit
from ocrspool.files import names
from ocrspool.spool.layout import STATES
from support.forked_code import NOBODY, as_nobody, needs_root

FAILED = ("a.png", "sub/b.png", "c\x1b[2J\udcff.png")


def config_in(root: Path, *names_of_inboxes: str) -> Config:
    """Return a configuration below `root`."""
    inboxes = {name: Inbox(root=root / name) for name in names_of_inboxes or ("scans",)}
    return Config(paths=Paths(cache=root / "cache", runtime=root / "run"), inbox=inboxes)


def put(path: Path, data: bytes = b"x") -> None:
    """Write a file, its folders too."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def put_failed(config: Config, name: str, inbox: str = "scans", **reason: object) -> None:
    """Lay down a failed file and its reason."""
    failed = config.inbox[inbox].folder("failed")
    put(failed / name)
    reason = {
        "kind": "damaged",
        "message": "it is damaged",
        "hint": "scan again",
        "source": names.to_json(name),
        **reason,
    }
    put(failed / names.with_suffix(name, ".reason.json"), json.dumps(reason).encode())


def put_service(config: Config, **facts: object) -> None:
    """Lay down what a running service says of itself."""
    facts = {
        "pid": os.getpid(), "state": "ready", "engine": None, "in_work": 2, "pages_per_second": 1.25, **facts,
    }  # fmt: skip
    put(config.paths.runtime / "status.json", json.dumps(facts).encode())


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return config_in(tmp_path)


def test_nothing_is_there_yet(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first start all counts are 0, no service runs, and nothing is made by looking."""
    assert status(config, as_json=True) == Exit.UNAVAILABLE
    facts = json.loads(capsys.readouterr().out)
    assert facts["service"] is None
    assert [facts["inboxes"]["scans"][state] for state in STATES] == [0] * 5
    assert not config.inbox["scans"].folder("work").exists()


def test_files_are_counted_by_state(config: Config) -> None:
    """Waiting files that the rules ignore do not count; results and sources do whatever their names."""
    folder = config.inbox["scans"].folder
    for name in ("a.png", "sub/b.png", ".hidden", "c.part"):
        put(folder("inbox") / name)
    put(folder("work") / "20260101T000000-01234567/source/sub/a.png")
    put(folder("work") / ".lock")
    for name in ("a.png.json", "a.png.txt", "sub/b.png.json"):
        put(folder("outbox") / name)
    for name in ("a.png", "b.png.reason.json"):
        put(folder("done") / name)
    for name in FAILED:
        put_failed(config, name)
    counts = collect(config).inboxes["scans"]
    assert [getattr(counts, state) for state in STATES] == [2, 1, 3, 2, 3]
    assert (counts.results, counts.ignored) == (2, 2), "a result may lie beside other outputs; two files are left out"
    assert sorted(names.from_json(asdict(failure)) for failure in counts.failures) == sorted(FAILED)
    assert {failure.reason["kind"] for failure in counts.failures} == {"damaged"}


def test_a_running_service(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """What the service last said is shown, with exit code 0."""
    engine = {
        "runtime": "openvino",
        "runtime_version": "1",
        "precision": "bf16",
        "device": "cpu",
        "fingerprint": "f" * 16,
    }
    for found in (None, engine):
        put_service(config, engine=found)
        assert status(config, as_json=False) == Exit.OK
        shown = capsys.readouterr().out
        assert "ready" in shown
        assert "2 in work" in shown
        assert ("openvino 1" in shown) == (found is not None)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"silent": 30}, ""),
        ({"silent": 240}, "it has said nothing for 4 min"),
        ({"silent": 0, "responsive": False}, "a part of it waits longer than it may"),
    ],
    ids=["goes on", "silent", "stuck"],
)
def test_a_service_that_hangs(
    config: Config, capsys: pytest.CaptureFixture[str], facts: dict[str, Any], told: str
) -> None:
    """Its process lives, so only what it says of itself, and when, tells. Health checks go by the exit code."""
    put_service(config, at=time.time() - facts.pop("silent"), **facts)
    assert status(config, as_json=False) == (Exit.UNAVAILABLE if told else Exit.OK)
    assert (f"hangs: {told}" in capsys.readouterr().out) == bool(told)
    status(config, as_json=True)
    hangs = json.loads(capsys.readouterr().out)["hangs"]
    assert hangs.startswith(told)
    assert bool(hangs) == bool(told)


def job(name: str, *, pages: int | None, read: int = 0, since: float | None = 1000.0) -> dict[str, Any]:
    """Return what the service says of a file in work."""
    return {"job": name, "inbox": "scans", "path": name, "attempt": 1, "pages": pages, "read": read, "since": since}


def test_the_hosts_of_a_cluster(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each; below them why one does not read; above all what is missing."""
    hosts = [
        {"name": "gpu1", "state": "in", "since": 940.0, "runtime": "tensorrt", "workers": 4, "pages": 7,
         "wire_seconds": 0.0207, "files": 3, "sent_bytes": 2_500_000, "no_files": "pillow is 11, here 12",
         "link_bytes_per_second": 11.8e6, "link_measured": 990.0},
        {"name": "gpu2\x1b", "state": "refused", "address": "tls://b:1", "reason": "precision is f16, here f32"},
    ]  # fmt: skip
    cluster = {
        "scheduler": "tls://10.0.0.5:8786",
        "up": True,
        "short": "1 of 2 hosts",
        "hosts": hosts,
        "scheduler_other": "distributed is 1, here 2",
    }
    put_service(config, cluster=cluster, at=1000.0)
    status(config, as_json=False)
    told = capsys.readouterr().out
    assert "hosts are missing: 1 of 2 hosts" in told
    assert "cluster  tls://10.0.0.5:8786 answers" in told
    (line,) = [line.split() for line in told.splitlines() if line.startswith("gpu1")]
    assert (line[:2], line[-7:]) == (["gpu1", "in"], ["4", "0", "0", "7", "3", "2", "21"])
    assert "host gpu1 gets no whole files: pillow is 11, here 12" in told
    assert "links gpu1 12 MB/s, measured 10 s ago" in " ".join(told.split())
    assert "the scheduler has another program: distributed is 1, here 2" in told
    assert "host gpu2\\x1b (tls://b:1): precision is f16, here f32" in told
    assert "\x1b" not in told


def test_what_is_in_work(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """How far each file is and how long it will take; of very many files only the first."""
    now = time.time()
    since = now - 30
    jobs = [
        job("book[bold]\x1b.pdf", pages=40, read=10, since=since),
        job("read.png", pages=1, read=1, since=since),
        job("new.png", pages=None, since=since),
        job("waiting.png", pages=None, since=None),
        job("begun.pdf", pages=7, since=since),
        *(job(f"{number}.png", pages=1, since=since) for number in range(20)),
    ]
    put_service(
        config, at=now, began=now - 1030, jobs=jobs, waiting=30, files_per_minute=8.0, worker_restarts=0, workers=[1]
    )
    assert status(config, as_json=False) == Exit.OK
    shown = capsys.readouterr().out
    lines = {line.split()[0].removeprefix("scans/"): line for line in shown.splitlines() if line.startswith("scans/")}
    assert "10 of 40" in lines["book[bold]\\x1b.pdf"]
    assert lines["book[bold]\\x1b.pdf"].rstrip().endswith("about 2 min"), "30 pages more, at 10 in 30 s"
    assert lines["read.png"].rstrip().endswith("writing")
    assert lines["new.png"].rstrip().endswith("is opened")
    assert lines["waiting.png"].rstrip().endswith("waits for a decoder")
    assert "0 of 7" in lines["begun.pdf"]
    assert "about" not in lines["begun.pdf"]
    assert "and 15 more" in shown
    assert "8 files/min; what waits takes about 4 min" in shown
    assert "for 17 min" in shown


def test_documents_with_warnings(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Of all inboxes together, by code. Nothing is said where there are none, or an earlier version counts none."""
    counts = {
        "a": {"warned": 2, "warnings": {"reduced": 2}},
        "b": {"warned": 1, "warnings": {"no-text-found": 1, "reduced": 1}},
        "old": {"done": 3},
    }
    put_service(config, since_start=counts)
    status(config, as_json=False)
    assert "3 documents since the start: no-text-found 1, reduced 3" in capsys.readouterr().out
    put_service(config, since_start={"old": {"done": 3}})
    status(config, as_json=False)
    assert "warnings" not in capsys.readouterr().out


def test_the_last_failures_come_first(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """Five of them, newest first; the others are counted."""
    for day in range(1, 8):
        put_failed(config, f"{day * 3 % 8}.png", failed_at=f"2026-01-0{day}T00:00:00.000Z", message=f"of day {day}.")
    status(config, as_json=False)
    told = [line[-2] for line in capsys.readouterr().out.splitlines() if line.startswith("failed ")]
    assert told == ["7", "6", "5", "4", "3"]


def dead_pid() -> int:
    """Return the id of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize("text", [b"", b"[]", b"3", b"{}", b'{"pid": "1"}', b'{"pid": null}', b"dead"])
def test_a_stale_or_damaged_state_file(config: Config, text: bytes) -> None:
    """A file that a killed service left behind, or half a one, is no running service."""
    if text == b"dead":
        text = json.dumps({"pid": dead_pid(), "state": "ready"}).encode()
    put(config.paths.runtime / "status.json", text)
    assert collect(config).service is None


def test_seen_by_another_user(open_folder: Path) -> None:
    """Who may not look into a folder gets null for it, not 0; another user's service is seen to run."""
    config = config_in(open_folder)
    put_service(config)
    put(config.inbox["scans"].folder("inbox") / "a.png")
    for state in ("work", "done", "failed"):
        config.inbox["scans"].folder(state).mkdir()
        config.inbox["scans"].folder(state).chmod(0o700)
    facts: Any = as_nobody(lambda: asdict(collect(config)))
    assert facts["service"]["pid"] == os.getpid()
    assert [facts["inboxes"]["scans"][state] for state in STATES] == [1, None, 0, None, None]
    assert as_nobody(lambda: int(status(config, as_json=False))) == Exit.OK


@pytest.mark.parametrize("closed", ["status.json", "."])
def test_a_state_that_may_not_be_read(open_folder: Path, closed: str) -> None:
    """Who may not look is told that, with an exit code of its own, and not that the service is down."""
    config = config_in(open_folder)
    put_service(config)
    (config.paths.runtime / closed).chmod(0o600)
    facts: Any = as_nobody(lambda: asdict(collect(config)))
    assert (facts["service"], facts["unseen"]) == (None, str(config.paths.runtime / "status.json"))
    assert as_nobody(lambda: int(status(config, as_json=True))) == Exit.NO_PERMISSION
    shown = as_nobody(lambda: rendered(view(collect(config))))
    assert "not running" not in shown
    assert f"user nobody may not read {config.paths.runtime / 'status.json'}" in " ".join(shown.split())


def rendered(shown: RenderableType) -> str:
    """Return what a terminal of 200 columns would show."""
    console = Console(width=200, highlight=False, markup=False)
    with console.capture() as captured:
        console.print(shown)
    return captured.get()


def test_strange_names_are_harmless_on_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither escapes nor markup in names and reasons get through, however many failures there are."""
    config = config_in(tmp_path / "[bold]x[/nonsense]")
    for number in range(7):
        put_failed(config, f"{number}[/red]\x1b[31m.png", message="[/bold] it is [red]odd\x1b[2J\ud800", hint="\x1bc")
    status(config, as_json=False)
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "0[/red]\\x1b[31m.png" in shown
    assert "it is [red]odd" in shown
    assert "and 2 more" in shown


@pytest.mark.parametrize("reason", [b"", b"[]", b'{"message": 3, "hint": ["x"]}'])
def test_a_damaged_reason_is_shown_as_it_is(config: Config, capsys: pytest.CaptureFixture[str], reason: bytes) -> None:
    """A reason that cannot be read does not keep the rest from being shown."""
    put(config.inbox["scans"].folder("failed") / "a.png")
    put(config.inbox["scans"].folder("failed") / "a.png.reason.json", reason)
    status(config, as_json=False)
    assert "failed scans/a.png: " in capsys.readouterr().out


def test_retry_by_name(config: Config) -> None:
    """Only the named file goes back; it may be named as `status` shows it."""
    for name in FAILED:
        put_failed(config, name)
    assert retry(config, ["c\\x1b[2J\\xff.png"], inbox=None, everything=False) == Exit.OK
    inbox, failed = (config.inbox["scans"].folder(state) for state in ("inbox", "failed"))
    assert [path.name for path in inbox.iterdir()] == [FAILED[2]]
    assert sorted(path.name for path in failed.iterdir()) == ["a.png", "a.png.reason.json", "sub"]


def test_retry_everything(tmp_path: Path) -> None:
    """Of all inboxes, or of one; no reason is left behind."""
    config = config_in(tmp_path, "scans", "faxes")
    for inbox in ("scans", "faxes"):
        for name in FAILED:
            put_failed(config, name, inbox)
    assert retry(config, [], inbox="faxes", everything=True) == Exit.OK
    assert collect(config).inboxes["scans"].failed == 3
    assert retry(config, [], inbox=None, everything=True) == Exit.OK
    for inbox in ("scans", "faxes"):
        counts = collect(config).inboxes[inbox]
        assert (counts.inbox, counts.failed) == (3, 0)
        assert not [path for path in config.inbox[inbox].folder("failed").rglob("*") if path.is_file()]


def test_retry_refuses(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """No name, an unknown inbox, an unknown file, a taken name: each has its exit code, and nothing is lost."""
    put_failed(config, "a.png")
    put(config.inbox["scans"].folder("inbox") / "a.png", b"new")
    assert retry(config, [], inbox=None, everything=False) == Exit.USAGE
    assert retry(config, [], inbox="none", everything=True) == Exit.USAGE
    assert retry(config, ["b.png"], inbox=None, everything=False) == Exit.NO_INPUT
    assert retry(config, ["a.png"], inbox=None, everything=False) == Exit.CANT_CREATE
    assert (config.inbox["scans"].folder("inbox") / "a.png").read_bytes() == b"new"
    assert (config.inbox["scans"].folder("failed") / "a.png").read_bytes() == b"x"
    assert "b.png: no failed file" in capsys.readouterr().err


def test_inboxes_that_do_not_serve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each is named with its reason; the folders of one whose disk hangs are not touched, so that the answer comes."""
    config = config_in(tmp_path, "dead", "closed", "full", "well")
    for name in config.inbox:
        put(config.inbox[name].folder("inbox") / "a.png")
    well = {"state": "serves", "reason": "", "since": None, "stalled": 0}
    put_service(
        config,
        inboxes={
            "dead": {**well, "state": "hangs", "reason": "no answer", "since": 1_700_000_000},
            "closed": {**well, "state": "waits", "reason": "may not use it"},
            "full": {**well, "reason": "No space left", "stalled": 3},
            "well": well,
        },
    )
    assert status(config, as_json=False) == Exit.OK
    said = " ".join(capsys.readouterr().out.split())
    assert "inbox dead hangs since 2023-11-14 22:13:20 UTC: no answer" in said
    assert "inbox closed waits: may not use it" in said
    assert "inbox full serves; 3 in work wait for its disk: No space left" in said
    assert "inbox well" not in said
    counts = {name: inbox.inbox for name, inbox in collect(config).inboxes.items()}
    assert counts == {"dead": None, "closed": 1, "full": 1, "well": 1}


def test_files_that_cannot_be_taken(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """As the running service knows, with the reason, which comes from outside."""
    put(config.inbox["scans"].folder("inbox") / "sub/a.png")
    queue = {"waiting": 0, "oldest": 1.0, "open": 0, "unclaimable": 157, "unclaimable_reason": "sub/[red]a.png: no"}
    put_service(config, queues={"scans": queue})
    assert status(config, as_json=False) == Exit.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert "inbox scans: 157 files or folders cannot be taken: sub/[red]a.png: no" in shown
    assert collect(config).inboxes["scans"].unclaimable == 157
    put_service(config)
    status(config, as_json=False)
    assert "cannot be taken" not in capsys.readouterr().out


def test_without_a_service_the_folders_are_asked(open_folder: Path) -> None:
    """Root asks as the user of the service: what waits and can never be read is told before the start."""
    needs_root()
    config = config_in(open_folder)
    folder = config.inbox["scans"].folder
    put(folder("inbox") / "sub/a.png")
    folder("work").mkdir()
    os.chown(folder("work"), NOBODY, NOBODY)
    found = collect(config).inboxes["scans"]
    assert (found.inbox, found.unclaimable) == (1, 1)
    assert found.unclaimable_reason == "sub/a.png: the service may not write to its folder sub"


def test_lines_end_where_their_text_ends(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """No blanks behind a table, and what is wrapped stands below its beginning, not at the edge."""
    put_failed(config, "a.png", message="word " * 40)
    put_service(config, start={"in all": 1.0})
    status(config, as_json=False)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    (first,) = [number for number, line in enumerate(lines) if line.startswith("failed ")]
    assert lines[first + 1].startswith("       word")


def test_a_service_of_the_first_version(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    """During an upgrade the command reads what a service of 0.1.0 has published."""
    reads = {"device": "cpu", "runtime": "openvino", "runtime_version": "1", "precision": "f32", "fingerprint": "f"}
    put_service(
        config,
        began=time.time() - 1, at=time.time(),
        waiting=1, workers=[5], worker_restarts=0, lack="", overflows=0, reload_refused="",
        queues={"scans": {"waiting": 1, "oldest": 1.5, "open": 0}},
        inboxes={"scans": {"state": "serves", "reason": "", "since": None, "stalled": 0}},
        engines=[{**reads, "workers": 1}],
        engine={**reads, "name": "ocrspool", "version": "0.1.0",
                "models": [{"role": "detection", "name": "det", "sha256": "0"}]},
        start={"in all": 1.0}, jobs=[job("a.png", pages=2, read=1)], files_per_minute=1.0,
        by_minute={"files": [0] * 60, "pages": [0] * 60},
        since_start={"scans": {"done": 1, "partial": 0, "failed": 0, "pages": 1, "warned": 0, "warnings": {}}},
        stages={"decode": {"sum": 0.1, "count": 1, "up_to": {"0.01": 0, "100.0": 1}}},
        last_documents=[{"job": "j", "inbox": "scans", "path": "a", "finished_at": "", "pages": 1, "lost": 0,
                         "lines": 1, "warnings": [], "outputs": ["txt"], "result": {"path": "/a.json"}}],
        last_failures=[{"schema": "ocrspool-reason/1", "kind": "damaged", "stage": "decode", "page": None,
                        "message": "m", "hint": "", "attempts": 1, "source": {"path": "b", "path_base64": "Yg=="},
                        "inbox": "scans", "job": "k", "failed_at": "", "file": {"path": "/failed/b"}}],
    )  # fmt: skip
    assert status(config, as_json=False) == Exit.OK
    shown = capsys.readouterr().out
    assert "openvino 1, f32 on cpu, f" in shown
    assert "det" in shown
    assert "1 of 2" in shown
