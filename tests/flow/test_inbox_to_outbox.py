"""Files dropped into the inboxes of one real service, from the outside: what comes out, and what is left alone."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from watchdog.events import FileOpenedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers.inotify import InotifyObserver

from support import drawn_pages, sample_files
from support.daemon_process import Daemon, ocrspool
from support.drawn_pages import says
from support.waiting import wait_until

pytestmark = pytest.mark.engine

INBOXES = """
[inbox.default]
root = "spool"
settle_seconds = 0.2
rescan_seconds = 5
[inbox.coarse]
root = "coarse"
settle_seconds = 0.2
profile = "coarse"
[inbox.shredded]
root = "shredded"
settle_seconds = 0.2
after = "delete"
[inbox.polled]
root = "polled"
settle_seconds = 0.2
watch = "poll"
poll_seconds = 0.3
[inbox.patient]
root = "patient"
settle_seconds = 4
[profile.coarse]
dpi = 72
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, engine_cache: object) -> Iterator[Daemon]:
    """One service for all tests of this module, so that each also proves that those before have not hurt it."""
    made = Daemon(tmp_path_factory.mktemp("flow"), engine_cache, INBOXES)  # type: ignore[arg-type] # a Path
    with contextlib.closing(made):
        made.start()
        workers = made.workers()
        yield made
        assert made.runs()
        assert made.workers() == workers
        assert "Traceback" not in made.log()


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    """The published schema of a result."""
    made: dict[str, Any] = json.loads(ocrspool("schema", "result").stdout)
    jsonschema.Draft202012Validator.check_schema(made)
    return made


def after_a_scan(daemon: Daemon, inbox: str = "") -> None:
    """Wait until the service has looked at the whole inbox since now: a file that is dropped now has come out."""
    name = f"mark-{os.urandom(4).hex()}.pgm"
    daemon.drop(name, drawn_pages.tiny(0), inbox)
    daemon.result(name, inbox)


@pytest.mark.parametrize(
    ("name", "media_type", "texts"),
    [
        ("page.png", "image/png", ["Invoice 4711"]),
        ("page.jpeg", "image/jpeg", ["Delivery note"]),
        ("pages.tiff", "image/tiff", ["First page", "Second page", "Third page"]),
        ("pages.pdf", "application/pdf", ["Hello spool", "Hello spool"]),
    ],
)
def test_reads(daemon: Daemon, schema: dict[str, Any], name: str, media_type: str, texts: list[str]) -> None:
    """Each format comes out as JSON that keeps to the schema and holds the text, and its source goes to done/."""
    pages = [drawn_pages.page(text) for text in texts]
    data = {
        "page.png": lambda: sample_files.png(pages[0]),
        "page.jpeg": lambda: sample_files.jpeg(pages[0]),
        "pages.tiff": lambda: sample_files.tiff(*pages),
        "pages.pdf": lambda: sample_files.pdf(len(texts)),
    }[name]()
    daemon.drop(name, data)
    result = daemon.result(name)
    jsonschema.validate(result, schema)
    assert [page["number"] for page in result["pages"]] == list(range(1, len(texts) + 1))
    for number, text in enumerate(texts, 1):
        assert says(result, text, number), result["text"]
    assert result["text"].count("\f") == len(texts) - 1
    assert result["source"]["media_type"] == media_type
    assert result["source"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert result["source"]["size"] == len(data)
    assert (daemon.spool / "done" / name).read_bytes() == data
    assert not (daemon.spool / "inbox" / name).exists()


def test_profile(daemon: Daemon) -> None:
    """Two inboxes read the same PDF each with its own profile."""
    for inbox in ("", "coarse"):
        daemon.drop("profiled.pdf", sample_files.pdf(width=720, height=360), inbox)
    fine, coarse = daemon.result("profiled.pdf"), daemon.result("profiled.pdf", "coarse")
    assert (fine["pages"][0]["dpi"], coarse["pages"][0]["dpi"]) == (200, 72)
    assert (fine["pages"][0]["width"], coarse["pages"][0]["width"]) == (2000, 720)
    assert (fine["source"]["inbox"], coarse["source"]["inbox"]) == ("default", "coarse")


def test_same_bytes_same_result(daemon: Daemon) -> None:
    """The same document twice gives the same JSON, but for its name and the `run` block."""
    data = sample_files.tiff(drawn_pages.page("Twice the same", "and both alike"), drawn_pages.page("page two"))
    made = []
    for name in ("twin-1.tif", "twin-2.tif"):
        daemon.drop(name, data)
        result = daemon.result(name)
        del result["run"], result["source"]["name"], result["source"]["path"]
        made.append(result)
    assert made[0] == made[1]


def test_deletes_the_source(daemon: Daemon) -> None:
    """With after = "delete" the source is gone once its result is there, and done/ stays empty."""
    daemon.drop("secret.png", drawn_pages.png("Shred this"), "shredded")
    assert says(daemon.result("secret.png", "shredded"), "Shred this")
    assert daemon.files("inbox", "shredded") + daemon.files("done", "shredded") == []


def test_mirrors_folders(daemon: Daemon) -> None:
    """A file in a folder of the inbox has its result, and then its source, in a folder of the same name."""
    daemon.drop("2026/05/deep.png", drawn_pages.png("Deep down"))
    result = daemon.result("2026/05/deep.png")
    assert result["source"]["path"] == "2026/05/deep.png"
    assert (daemon.spool / "done/2026/05/deep.png").is_file()


def test_folder_renamed_into_the_inbox(daemon: Daemon) -> None:
    """A populated folder that arrives by one rename is found, at all depths."""
    outside = daemon.folder / "outside-folder"
    (outside / "inner" / "core").mkdir(parents=True)
    for place in ("a.pgm", "inner/b.pgm", "inner/core/c.pgm"):
        (outside / place).write_bytes(drawn_pages.tiny(len(place)))
    outside.rename(daemon.spool / "inbox" / "batch")
    for place in ("a.pgm", "inner/b.pgm", "inner/core/c.pgm"):
        assert daemon.result(f"batch/{place}")["status"] == "ok"


def test_same_stem(daemon: Daemon) -> None:
    """a.png and a.jpg give two results."""
    daemon.drop("stem.png", drawn_pages.png("This is PNG"))
    daemon.drop("stem.jpg", sample_files.jpeg(drawn_pages.page("This is JPEG")))
    assert says(daemon.result("stem.png"), "This is PNG")
    assert says(daemon.result("stem.jpg"), "This is JPEG")


def test_same_name_again(daemon: Daemon) -> None:
    """A second document of the same name gives a second result; a repeat of the first gives none."""
    first, second = drawn_pages.png("Number one"), drawn_pages.png("Number two")
    for data in (first, second, first):
        daemon.drop("again.png", data)
        daemon.idle()
    results = {name: json.loads((daemon.spool / "outbox" / name).read_bytes()) for name in daemon.files("outbox")}
    texts = {name: result["text"] for name, result in results.items() if name.startswith("again")}
    digest = hashlib.sha256(second).hexdigest()
    assert texts == {"again.png.json": "Number one", f"again.png~{digest[:8]}.json": "Number two"}
    done = [(daemon.spool / "done" / name).read_bytes() for name in daemon.files("done") if name.startswith("again")]
    assert sorted(done) == sorted([first, second, first])


@pytest.mark.parametrize(
    "name",
    [
        b"n" * 251 + b".png",
        b"line\nbreak.png",
        b"bad-utf8-\xff.png",
        b"-rf.png",
        b"$(touch pwned);`id`.png",
        b"%s {0}.png",
    ],
    ids=["255 bytes", "newline", "not UTF-8", "dash", "shell", "format"],
)
def test_odd_names(daemon: Daemon, name: bytes) -> None:
    """A file of any name is read, kept under its own name, and its result tells that name exactly."""
    text = os.fsdecode(name)
    daemon.drop(text, data := drawn_pages.png("Odd name"))
    kept = daemon.spool / "done" / text
    wait_until(kept.exists, 90)
    assert kept.read_bytes() == data
    wait_until(lambda: not daemon.in_work())
    found = [result for result in _results(daemon) if _source_name(result) == name]
    assert len(found) == 1
    assert says(found[0], "Odd name")


def _results(daemon: Daemon) -> list[dict[str, Any]]:
    return [json.loads((daemon.spool / "outbox" / name).read_bytes()) for name in daemon.files("outbox")]


def _source_name(result: dict[str, Any]) -> bytes:
    source = result["source"]
    if source["path_base64"] is not None:
        return base64.b64decode(source["path_base64"])
    path: str = source["path"]
    return path.encode()


def test_file_then_folder_of_its_name(daemon: Daemon) -> None:
    """A file `scan` and, later, a folder `scan` full of files are all read: done/ has room for both."""
    daemon.drop("scan", drawn_pages.tiny(1))
    daemon.result("scan")
    (daemon.spool / "inbox" / "scan").mkdir()
    daemon.drop("scan/page.pgm", drawn_pages.tiny(2))
    daemon.result("scan/page.pgm")
    daemon.idle()
    daemon.drop("taken", drawn_pages.tiny(3))
    daemon.result("taken")
    daemon.drop("taken.json/page.pgm", data := drawn_pages.tiny(4))
    daemon.idle()
    digest = hashlib.sha256(data).hexdigest()
    assert digest in {result["source"]["sha256"] for result in _results(daemon)}


def test_blank_page(daemon: Daemon, schema: dict[str, Any]) -> None:
    """A page without text is a result without lines, not a failure."""
    daemon.drop("blank.png", drawn_pages.blank())
    result = daemon.result("blank.png")
    jsonschema.validate(result, schema)
    assert (result["status"], result["text"], result["pages"][0]["lines"]) == ("ok", "", [])
    assert result["pages"][0]["confidence"] is None


def test_partial(daemon: Daemon, schema: dict[str, Any]) -> None:
    """A document with one damaged page comes out as partial, with the other pages read."""
    daemon.drop("partial.tif", sample_files.damaged_page_tiff())
    result = daemon.result("partial.tif")
    jsonschema.validate(result, schema)
    assert result["status"] == "partial"
    assert [page["status"] for page in result["pages"]] == ["ok", "failed", "ok"]
    assert result["pages"][1]["error"]["kind"] == "damaged"


def test_damaged_then_retry(daemon: Daemon) -> None:
    """A damaged file fails with a reason; `retry` puts it back, and mended it is read."""
    good = drawn_pages.png("Mended")
    daemon.drop("broken.png", good[: len(good) // 2])
    reason = daemon.reason("broken.png")
    assert reason["schema"] == "ocrspool-reason/1"
    assert (reason["kind"], reason["stage"], reason["inbox"]) == ("damaged", "decode", "default")
    assert reason["source"] == {"path": "broken.png"}
    assert reason["message"]
    assert reason["hint"]
    assert not daemon.result_path("broken.png").exists()
    (daemon.spool / "failed/broken.png").write_bytes(good)
    retried = ocrspool("retry", "--config", daemon.config, "broken.png")
    assert retried.returncode == 0, retried.stderr
    assert says(daemon.result("broken.png"), "Mended")
    assert [name for name in daemon.files("failed") if name.startswith("broken")] == []


def test_retry_unknown(daemon: Daemon) -> None:
    """`retry` of a name that has not failed says so and ends with 66; without any name, with 64."""
    retried = ocrspool("retry", "--config", daemon.config, "never-seen.png")
    assert retried.returncode == 66
    assert "never-seen.png" in retried.stderr
    assert ocrspool("retry", "--config", daemon.config).returncode == 64


@pytest.mark.parametrize("held_open", [True, False], ids=["held open", "opened again for each piece"])
def test_growing_file(daemon: Daemon, held_open: bool) -> None:  # noqa: FBT001 - parametrized
    """A file that is written in ten pieces is claimed once, when it is whole."""
    inbox = "" if held_open else "patient"  # held open, the kernel tells; else only the settle time can
    name = f"growing-{held_open}.png"
    target = daemon.root(inbox) / "inbox" / name
    data = drawn_pages.png("Whole at last", "second line", "third line")
    step = len(data) // 10 + 1
    pause = threading.Event()
    writer = target.open("wb", buffering=0)
    for at in range(0, len(data), step):
        writer = writer if held_open or at == 0 else target.open("ab", buffering=0)
        writer.write(data[at : at + step])
        if not held_open:
            writer.close()
        assert not pause.wait(0.5)  # the pause of a slow writer is what this test is about
        assert target.exists()
    writer.close()
    result = daemon.result(name, inbox)
    assert result["source"]["sha256"] == hashlib.sha256(data).hexdigest()
    assert daemon.log().count(f"claimed {name} ") == 1


def test_part_file(daemon: Daemon) -> None:
    """A .part file is left alone until it gets its final name."""
    part = daemon.spool / "inbox/upload.png.part"
    part.write_bytes(drawn_pages.png("Uploaded"))
    after_a_scan(daemon)
    after_a_scan(daemon)
    assert part.exists()
    part.rename(part.with_suffix(""))
    assert says(daemon.result("upload.png"), "Uploaded")


def test_replaced_file(daemon: Daemon) -> None:
    """Of a document that is replaced by another under its name, the last one is read, if not both."""
    last = drawn_pages.png("The second")
    daemon.drop("replaced.png", drawn_pages.png("The first"))
    daemon.drop("replaced.png", last)
    digest = hashlib.sha256(last).hexdigest()
    wait_until(lambda: digest in {result["source"]["sha256"] for result in _results(daemon)}, 90)
    daemon.idle()


def test_vanishing_file(daemon: Daemon) -> None:
    """Files that are deleted at any moment after they appear leave nothing behind, and the service goes on."""
    pause = threading.Event()
    for number in range(40):
        path = daemon.drop(f"vanishing-{number}.pgm", drawn_pages.tiny(number))
        pause.wait(number / 400)  # later each time: before, during and after the claim
        path.unlink(missing_ok=True)
    after_a_scan(daemon)
    daemon.idle()
    gone_or_done = {name for name in daemon.files("done") if name.startswith("vanishing")}
    results = {name.removesuffix(".json") for name in daemon.files("outbox") if name.startswith("vanishing")}
    assert results == gone_or_done
    assert not [name for name in daemon.files("failed") if name.startswith("vanishing")]


class _Opened(FileSystemEventHandler):
    """Remembers what was opened."""

    def __init__(self) -> None:
        self.paths: set[str] = set()

    def on_opened(self, event: FileSystemEvent) -> None:
        self.paths.add(os.fsdecode(event.src_path))


@pytest.fixture
def opened(daemon: Daemon) -> Iterator[set[str]]:
    """Which files are opened in the inbox and outside of it, by whomever."""
    handler, observer = _Opened(), InotifyObserver(generate_full_events=True)
    (daemon.folder / "elsewhere").mkdir()
    (daemon.folder / "elsewhere/outside.png").write_bytes(drawn_pages.png("Outside"))
    for folder in (daemon.spool / "inbox", daemon.folder / "elsewhere"):
        observer.schedule(handler, os.fspath(folder), recursive=False, event_filter=[FileOpenedEvent])
    observer.start()
    yield handler.paths
    observer.stop()
    observer.join()


def test_left_alone(daemon: Daemon, opened: set[str]) -> None:
    """Links, pipes and folders with a picture's name stay where they are; no pipe or linked file is ever opened."""
    inbox, elsewhere = daemon.spool / "inbox", daemon.folder / "elsewhere"
    (inbox / "link-outside.png").symlink_to(elsewhere / "outside.png")
    (inbox / "link-inside.png").symlink_to("linked.pgm")
    (inbox / "link-dangling.png").symlink_to("nothing")
    (inbox / "link-loop").symlink_to(".")
    (inbox / "link-folder").symlink_to(elsewhere)
    os.mkfifo(inbox / "fifo.png")
    (inbox / "directory.png").mkdir()
    left = {"link-outside.png", "link-inside.png", "link-dangling.png", "link-loop", "link-folder", "fifo.png"}
    daemon.drop("linked.pgm", drawn_pages.tiny(9))
    daemon.result("linked.pgm")
    after_a_scan(daemon)
    after_a_scan(daemon)
    found = {path.name for path in inbox.iterdir()}
    assert any(path.endswith(".pgm") for path in opened)  # so the watching works
    assert not {os.fspath(inbox / "fifo.png"), os.fspath(elsewhere / "outside.png")} & opened
    names = daemon.files("outbox") + daemon.files("done") + daemon.files("failed")
    assert not [name for name in names if name.startswith(("link-", "fifo"))]
    for name in left:
        (inbox / name).unlink()
    assert left | {"directory.png"} <= found


def test_polling(daemon: Daemon) -> None:
    """An inbox that is polled finds files too, those written in place and those in folders."""
    assert "inbox polled is polled every 0.3 s" in daemon.log()
    (daemon.root("polled") / "inbox/in-place.png").write_bytes(drawn_pages.png("Polled"))
    daemon.drop("folder/renamed.pgm", drawn_pages.tiny(5), "polled")
    assert says(daemon.result("in-place.png", "polled"), "Polled")
    assert daemon.result("folder/renamed.pgm", "polled")["status"] == "ok"


def test_status_of_a_running_service(daemon: Daemon) -> None:
    """`status --json` tells of the service, its processes and engine, and counts what lies in the folders."""
    daemon.idle()
    answer = ocrspool("status", "--json", "--config", daemon.config)
    assert answer.returncode == 0, answer.stderr
    facts = json.loads(answer.stdout)
    assert facts["service"]["pid"] == daemon.pid
    assert facts["service"]["workers"] == daemon.workers()
    assert facts["service"]["state"] == "ready"
    assert facts["service"]["engine"]["runtime"] == "openvino"
    assert set(facts["inboxes"]) == {"default", "coarse", "shredded", "polled", "patient"}
    for name, inbox in facts["inboxes"].items():
        folder = "" if name == "default" else name
        assert inbox["outbox"] == len(daemon.files("outbox", folder))
        assert inbox["done"] == len(daemon.files("done", folder))
        assert inbox["work"] == 0
    plain = ocrspool("status", "--config", daemon.config)
    assert plain.returncode == 0
    assert f"pid {daemon.pid}" in plain.stdout


DEEP = "/".join(["d" * 200] * 30)
"""Longer than any path the system takes."""


def make_deep(inbox: Path) -> None:
    """Lay down folders within folders, past where paths end, each with a file in it."""
    at = os.open(inbox, os.O_RDONLY)
    for part in DEEP.split("/"):
        os.mkdir(part, dir_fd=at)
        below = os.open(part, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
        os.write(file := os.open("deep.pgm", os.O_CREAT | os.O_WRONLY, dir_fd=at), drawn_pages.tiny(7))
        os.close(file)
    os.close(at)


def test_hostile_names_together(daemon: Daemon) -> None:
    """Names that differ in case only, look like options, hold escapes or lie too deep: read or refused, and shown."""
    odd = ["Case.pgm", "case.pgm", "CASE.PGM", "--config=x.pgm", "%2e%2e%2fetc.pgm", "\x1b]0;owned\x07\n.pgm", "..pgm"]
    for number, name in enumerate(odd):
        daemon.drop(name, drawn_pages.tiny(number))
    daemon.drop("\x1b[31m broken \x9b.pgm", b"no document")
    make_deep(daemon.spool / "inbox")
    daemon.reason("\x1b[31m broken \x9b.pgm")
    for number, name in enumerate(odd):
        assert daemon.result(name)["source"]["sha256"] == hashlib.sha256(drawn_pages.tiny(number)).hexdigest()
    wait_until(lambda: "File name too long" in daemon.log(), 60)
    after_a_scan(daemon)
    assert daemon.result(f"{'d' * 200}/deep.pgm")["pages"]
    commands = (["status"], ["status", "--audit"], ["retry", "\\x1b[31m broken \\x9b.pgm"])
    ran = [ocrspool(*command, "--config", daemon.config) for command in commands]
    told = [daemon.log(), *(each.stdout + each.stderr for each in ran)]
    assert [text for text in told if set(text) & set("\x1b\x07\x9b\r")] == []
    assert "\\x1b[31m broken \\x9b.pgm" in told[1]
    assert ran[2].returncode == 0
    subprocess.run(["rm", "-rf", "d" * 200], cwd=daemon.spool / "inbox", check=True)  # noqa: S607 - no path reaches it
