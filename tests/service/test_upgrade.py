"""An installation of 0.1.0 with files in every state is taken over as it is.

`support/every_state.py` makes the files. The lists here are those of 0.1.0 too. They grow no more, and nothing may be
taken out of them: programs depend on each entry.
"""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import tomli

from ocrspool.cli.command_line import command_line
from ocrspool.cli.json_schemas import schema_of
from ocrspool.config import loader
from ocrspool.engine.cache.store import EngineCache, fingerprint
from ocrspool.errors import Exit
from ocrspool.observability.journald import ABOUT, MESSAGE_IDS
from ocrspool.results import read
from ocrspool.results.formats import SUFFIXES
from support import drawn_pages, version_0_1_0
from support.daemon_process import Daemon, NewDaemon, ocrspool
from support.every_state import DAMAGED, FAILED, ODD, RENDERED, TO_READ, filled
from support.http_client import ask
from support.sample_spools import files
from support.waiting import wait_until

AUDIT = {"leftover": 4, "half-given-back": 1, "half-delivered": 6, "half-failed": 2}
"""What `status --audit` of 0.1.0 found in the tree: kind → how many."""

DONE_HOOK = {"OUTCOME", "JOB", "INBOX", "NAME", "RESULT"}

EXIT_CODES = {
    "OK": 0,
    "USAGE": 64,
    "DATA": 65,
    "NO_INPUT": 66,
    "UNAVAILABLE": 69,
    "SOFTWARE": 70,
    "OS": 71,
    "CANT_CREATE": 73,
    "IO": 74,
    "TEMPORARY": 75,
    "NO_PERMISSION": 77,
    "CONFIG": 78,
    "INTERRUPTED": 130,
}

EVENTS = {
    "ready": "25ecc6bd4ad2449186b25c68276ea3bb",
    "degraded": "2866284eea2c4da9847f08dc5f6d21ff",
    "stopping": "2af4ad61a8b44e6fba973f2b073f4c91",
    "stopped": "ea50e178e9744167a07b10a4f918c2a8",
    "reloaded": "4539d0b8e3ad41ffac52bc00e511d2c5",
    "reload-refused": "b0dc23e24869469788f23e4390cc38c2",
    "claims-paused": "db1682827df04499b5f41fbdb250c13c",
    "claims-resumed": "2529c90e187b489d8f0dcca8d43610f6",
    "claimed": "63d3edcabfb44cf1a8da3a4e7bdb1713",
    "again": "388e80a959dc4586ac6391c1ff0f78ec",
    "done": "8b02a991cb0e4ce98927bb957e3e9a5b",
    "failed": "ae3c8967a26243c4a2dc21e7dd673622",
    "hook-failed": "551d22e6d067474cad0988e14d14b33f",
}

METRICS = {
    "ocrspool_files_total": {"inbox", "result"},
    "ocrspool_pages_total": {"inbox"},
    "ocrspool_worker_restarts_total": set(),
    "ocrspool_inotify_overflows_total": set(),
    "ocrspool_queue_files": {"inbox"},
    "ocrspool_in_work_files": set(),
    "ocrspool_claims_paused": set(),
    "ocrspool_ready": set(),
    "ocrspool_engine_info": {"runtime", "runtime_version", "precision", "device", "fingerprint"},
    "ocrspool_start_seconds": {"stage"},
    "ocrspool_stage_seconds_bucket": {"stage", "le"},
    "ocrspool_stage_seconds_count": {"stage"},
    "ocrspool_stage_seconds_sum": {"stage"},
    "ocrspool_process_virtual_memory_bytes": set(),
    "ocrspool_process_resident_memory_bytes": set(),
    "ocrspool_process_start_time_seconds": set(),
    "ocrspool_process_cpu_seconds_total": set(),
    "ocrspool_process_open_fds": set(),
    "ocrspool_process_max_fds": set(),
}
"""Name → labels. A value is there in every state, but for the one that follows."""
ABSENT_METRIC = "ocrspool_oldest_pending_timestamp_seconds"
"""It has no value while no file waits."""

INBOX_KEYS = {"folder", "inbox", "work", "outbox", "done", "failed", "failures"}

FINDINGS = {
    ("program", "ocrspool"),
    ("program", "Python"),
    ("program", "system"),
    ("program", "libc"),
    ("program", "decoders' sandbox"),
    ("configuration", "configuration"),
    ("processor", "processor"),
    ("processor", "OpenVINO's precision"),
    ("gpu", "driver"),
    ("runtimes", "openvino"),
    ("runtimes", "onnxruntime"),
    ("runtimes", "paddle"),
    ("engines", "models"),
    ("engines", "cache"),
    ("engines", "engine for cpu"),
    ("permissions", "folders"),
    ("combinations", "known bad combinations"),
}
"""What `doctor` looks at: group and name."""

COMMANDS = (
    "serve --config FILE --log-format plain",
    "serve --log-format journal",
    "serve --log-format json",
    "prebuild --config FILE --force",
    "check --config FILE --show",
    "once A B --outbox DIR --config FILE --profile NAME --outputs txt,tsv,hocr,alto,html,pdf",
    "status --config FILE --json --watch",
    "status --watch 5",
    "status --audit --thorough --repair",
    "retry --config FILE --all --inbox NAME",
    "retry A B",
    "engines ls --config FILE --json",
    "engines verify 0123 4567 --config FILE --json",
    "engines gc --config FILE --keep 2 --dry-run --fingerprint 0123 --fingerprint 4567",
    "engines export 0123 FILE --config FILE",
    "engines import - --config FILE",
    "doctor --config FILE --json",
    "schema result",
    "schema config",
)
OUTPUTS = {"txt": ".txt", "tsv": ".tsv", "hocr": ".hocr", "alto": ".xml", "html": ".html", "pdf": ".pdf"}


@dataclass
class Upgraded:
    """A service of this version that has taken over a tree of 0.1.0."""

    daemon: Daemon
    sources: dict[str, bytes]
    results: dict[str, bytes]
    """Name of a source → the result that 0.1.0 rendered."""
    reasons: dict[str, bytes]
    listen: Path
    hooks: Path


def old_config(cache: Path, listen: Path, hook: Path) -> str:
    return version_0_1_0.CONFIG.substitute(cache=cache, listen=listen, hook=hook)


def published(daemon: Daemon) -> dict[str, dict[str, int]]:
    """Return what the service says has come out since its start."""
    found: dict[str, dict[str, int]] = json.loads((daemon.folder / "run/status.json").read_bytes())["since_start"]
    return found


@pytest.fixture(scope="module")
def upgraded(tmp_path_factory: pytest.TempPathFactory, engine_cache: Path) -> Iterator[Upgraded]:
    """A service that has been started on such a tree, and has nothing left to do.

    0.1.0 ran with a umask that lets the group write, so everybody in it may write to work/ and its jobs.
    """
    folder = tmp_path_factory.mktemp("upgrade")
    hook, told, listen = folder / "hook", folder / "told", folder / "s"
    hook.write_text(f"#!/bin/sh\nenv | grep ^OCRSPOOL_ >> '{told}'\n", "utf-8")
    hook.chmod(0o755)
    daemon = Daemon(folder / "d", engine_cache)
    with ExitStack() as at_last:
        at_last.callback(daemon.close)
        daemon.config.write_text(old_config(engine_cache, listen, hook), "utf-8")
        before = os.umask(0o002)
        try:
            made = filled(daemon.spool)
            version_0_1_0.put(daemon.folder / "run/status.json", version_0_1_0.status(1 << 22))
        finally:
            os.umask(before)
        daemon.start()
        daemon.idle()
        wait_until(lambda: told.exists() and told.read_text("utf-8").count("OUTCOME=") == len(TO_READ) + 1)
        wait_until(lambda: published(daemon).get("default", {}).get("done") == len(TO_READ) + 1)
        yield Upgraded(daemon, *made, listen, told)


@pytest.mark.engine
def test_each_file_is_where_it_should_be(upgraded: Upgraded) -> None:
    """Every source lies in exactly one place, unchanged, and nothing else lies anywhere."""
    found = {state: files(upgraded.daemon.spool / state) for state in ("inbox", "work", "outbox", "done", "failed")}
    done = {*TO_READ, *RENDERED, "killer.tif"}
    assert found["inbox"] == {}
    assert found["work"] == {".lock": b""}
    assert upgraded.daemon.in_work() == []
    assert found["done"] == {name: upgraded.sources[name] for name in done}
    assert set(found["outbox"]) == {f"{name}{suffix}" for name in done for suffix in (".json", ".txt", ".done")}
    sources = {name: upgraded.sources[name] for name in FAILED}
    assert found["failed"] == sources | {f"{name}.reason.json": upgraded.reasons[name] for name in FAILED}


@pytest.mark.engine
def test_rendered_results_are_delivered_byte_for_byte(upgraded: Upgraded) -> None:
    outbox = upgraded.daemon.spool / "outbox"
    for name in RENDERED:
        assert (outbox / f"{name}.json").read_bytes() == upgraded.results[name], name
        assert (outbox / f"{name}.txt").read_text() == f"{version_0_1_0.TEXT}\n", name
        assert (outbox / f"{name}.done").read_bytes() == b"", name
        assert read(outbox / f"{name}.json").text == version_0_1_0.TEXT


@pytest.mark.engine
def test_what_had_no_result_is_read(upgraded: Upgraded) -> None:
    """Each file at its first attempt: 0.1.0 was ended in the middle, which was not the file's fault."""
    for name, words in TO_READ.items():
        result = json.loads(upgraded.daemon.result_path(name).read_bytes())
        assert drawn_pages.says(result, words), name
        assert (upgraded.daemon.spool / f"outbox/{name}.txt").read_text() == f"{result['text']}\n"
        assert result["run"]["attempts"] == 1, name


@pytest.mark.engine
def test_deaths_that_were_counted_still_count(upgraded: Upgraded) -> None:
    """Two decoders of 0.1.0 have died at a page: no third one is given it."""
    result = json.loads(upgraded.daemon.result_path("killer.tif").read_bytes())
    assert result["status"] == "partial"
    assert [page["status"] for page in result["pages"]] == ["failed", "ok"]
    assert result["pages"][0]["error"]["kind"] == "crash"


@pytest.mark.engine
def test_nobody_else_may_enter_work_any_more(upgraded: Upgraded) -> None:
    assert (upgraded.daemon.spool / "work").stat().st_mode & 0o777 == 0o700


@pytest.mark.engine
def test_hooks_are_told_the_same(upgraded: Upgraded) -> None:
    told = [line.removeprefix("OCRSPOOL_") for line in upgraded.hooks.read_text("utf-8").splitlines()]
    names = {line.partition("=")[2] for line in told if line.startswith("NAME=")}
    assert {line.partition("=")[0] for line in told} >= DONE_HOOK
    assert names == {*TO_READ, "killer.tif"}


@pytest.mark.engine
def test_the_audit_finds_nothing(upgraded: Upgraded) -> None:
    found = ocrspool("status", "--audit", "--thorough", "--config", upgraded.daemon.config)
    assert found.returncode == Exit.OK, found.stdout
    count = len(TO_READ) + len(RENDERED) + len(FAILED) + 1
    assert f"{count} files, each in one place" in found.stdout


@pytest.mark.engine
def test_the_page_shows_what_0_1_0_left(upgraded: Upgraded) -> None:
    code, page = ask(upgraded.listen, "/", "localhost")
    assert code == 200
    assert f'<b>{len(FAILED)}</b><span class="soft">in failed/</span>' in page
    for name in ("failing.png", "sub/moved.png", "old/failed.png", "odd/b\\xe9d.png"):
        assert f"default/{name}" in page
    assert "The PNG image is damaged: broken PNG file (chunk bytes)." in page


@pytest.mark.engine
def test_metrics_are_still_there(upgraded: Upgraded) -> None:
    """With the labels of 0.1.0, and no others."""
    text = ask(upgraded.listen, "/metrics")[1]
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            name, _, labels = line.rpartition(" ")[0].partition("{")
            found[name] = {label.partition("=")[0] for label in labels.rstrip("}").split(",") if label}
    assert {name: found.get(name) for name in METRICS} == METRICS
    assert f"# TYPE {ABSENT_METRIC} gauge" in text
    for path in ("/livez", "/readyz"):
        assert ask(upgraded.listen, path)[0] == 200


@pytest.mark.engine
def test_keys_of_status_are_still_there(upgraded: Upgraded) -> None:
    """Also those of the values inside, as far as 0.1.0 has any here."""
    found = json.loads(ocrspool("status", "--json", "--config", upgraded.daemon.config).stdout)
    old = json.loads(version_0_1_0.status(1))
    del old["jobs"]  # none is in work
    assert_keys(old, found["service"])
    assert {failure["source"]["path"]: failure["source"]["path_base64"] for failure in last_failures(found)} == {
        "failing.png": None,
        "sub/moved.png": None,
        "old/failed.png": None,
        "odd/b\\xe9d.png": "b2RkL2LpZC5wbmc=",
    }
    assert found["inboxes"]["default"].keys() >= INBOX_KEYS
    failures = {failure["path"]: failure["reason"] for failure in found["inboxes"]["default"]["failures"]}
    assert failures["failing.png"] == json.loads(upgraded.reasons["failing.png"])


def last_failures(found: dict[str, Any]) -> list[dict[str, Any]]:
    failures: list[dict[str, Any]] = found["service"]["last_failures"]
    return failures


def assert_keys(old: Any, new: Any) -> None:  # noqa: ANN401 - any JSON
    """Every key of the old value is in the new one. Of a list, the first values are compared."""
    if isinstance(old, dict):
        assert old.keys() <= new.keys()
        for key in old.keys() & new.keys():
            assert_keys(old[key], new[key])
    elif isinstance(old, list) and old:
        assert new
        assert_keys(old[0], new[0])


@pytest.mark.engine
def test_doctor_still_says_the_same(upgraded: Upgraded) -> None:
    found = json.loads(ocrspool("doctor", "--json", "--config", upgraded.daemon.config).stdout)
    assert found.keys() >= {"well", "findings"}
    assert found["findings"][0].keys() >= {"group", "level", "name", "found", "advice"}
    assert {(finding["group"], finding["name"]) for finding in found["findings"]} >= FINDINGS


@pytest.mark.engine
def test_events_carry_their_ids(upgraded: Upgraded) -> None:
    """The ids of 0.1.0 are in the table, and the service logs what happened to the files under its own events."""
    assert dict(MESSAGE_IDS) | EVENTS == MESSAGE_IDS
    assert set(ABOUT) >= {"job", "inbox", "file"}
    assert upgraded.daemon.log().count("done sub/claimed.png (") == 1


@pytest.mark.engine
def test_a_second_kill_changes_nothing(new_daemon: NewDaemon, engine_cache: Path, tmp_path: Path) -> None:
    """The new version is killed as soon as it has begun: what it leaves is taken over just as well."""
    daemon = new_daemon()
    daemon.config.write_text(old_config(engine_cache, tmp_path / "s", Path("/bin/true")), "utf-8")
    sources, results, _ = filled(daemon.spool)
    daemon.start()
    daemon.send(signal.SIGKILL)
    daemon.wait()
    daemon.start()
    daemon.idle()
    failed = files(daemon.spool / "failed")
    assert files(daemon.spool / "done").items() | {(name, failed[name]) for name in FAILED} == sources.items()
    for name in RENDERED:
        assert daemon.result_path(name).read_bytes() == results[name], name


def test_the_audit_reads_every_state(tmp_path: Path) -> None:
    """It finds in the tree what the audit of 0.1.0 found there, and repairs it without a service."""
    path = tmp_path / "ocrspool.toml"
    path.write_text(old_config(tmp_path / "cache", tmp_path / "s", Path("/bin/true")), "utf-8")
    sources, results, reasons = filled(tmp_path / "spool")
    found = ocrspool("status", "--audit", "--thorough", "--json", "--config", path)
    kinds = Counter(finding["kind"] for finding in json.loads(found.stdout)["inboxes"]["default"]["findings"])
    assert found.returncode == Exit.DATA
    assert kinds == AUDIT
    assert ocrspool("status", "--audit", "--repair", "--config", path).returncode == Exit.OK
    done, failed = files(tmp_path / "spool/done"), files(tmp_path / "spool/failed")
    outbox = files(tmp_path / "spool/outbox")
    assert done == {name: sources[name] for name in RENDERED}
    assert failed == {name: sources[name] for name in FAILED} | {
        f"{name}.reason.json": reasons[name] for name in FAILED
    }
    assert {name: outbox[f"{name}.json"] for name in RENDERED} == results
    left = {name.partition("source/")[2]: data for name, data in files(tmp_path / "spool/work").items()}
    waiting = {"sub/claimed.png", "sub/begun.png", "rendered-txt.png", "killer.tif"}
    assert {name: left.get(name) for name in waiting} == {name: sources[name] for name in waiting}


def test_an_engine_is_found(tmp_path: Path) -> None:
    """Under the same fingerprint, with the same manifest, and whole."""
    identity = version_0_1_0.engine(tmp_path)
    cache = EngineCache(tmp_path)
    assert fingerprint(identity) == version_0_1_0.ENGINE
    manifest = cache.find(identity)
    cache.verify(identity, manifest)
    assert manifest.built_by == "ocrspool 0.1.0"


@pytest.mark.engine
def test_what_makes_an_engine_another_one(tmp_path: Path, engine_cache: Path) -> None:
    """What identifies an engine is what identified it, so far as it is not a fact of the machine or of the runtime.

    Two things are different: four narrow lines are read in a call, so the shapes are others, and the detection net is
    written otherwise before it is compiled (`edits`). Engines are built again. Whoever changes one more item makes
    every installation do that, which docs/install.md must say.
    """
    (manifest,) = engine_cache.glob("engines/*/manifest.json")
    new, old = json.loads(manifest.read_bytes())["identity"], version_0_1_0.engine(tmp_path)
    assert new.keys() - old.keys() == {"edits"}
    assert old.keys() <= new.keys()
    theirs = {"os", "arch", "runtime_version", "precision", "cpu", "cpu_flags"}
    theirs |= {"recognition.shapes", "classifier.shapes", "edits"}
    assert {name: new[name] for name in new.keys() - theirs} == {name: old[name] for name in old.keys() - theirs}


def test_every_setting_is_accepted(tmp_path: Path) -> None:
    """And means what it meant: the configuration in effect has each value."""
    path = tmp_path / "ocrspool.toml"
    path.write_text(old_config(tmp_path / "cache", tmp_path / "s", Path("/bin/true")), "utf-8")
    config = loader.load(path).model_dump(mode="json")
    old = tomli.loads(path.read_text("utf-8"))
    old["paths"]["runtime"] = str(tmp_path / "run")
    old["inbox"]["default"]["root"] = str(tmp_path / "spool")
    old["inbox"]["default"]["outputs"] = config["inbox"]["default"]["outputs"]
    assert config["inbox"]["default"]["outputs"] in (["txt"], ["json", "txt"])
    assert_values(old, config)


def assert_values(old: dict[str, Any], new: dict[str, Any]) -> None:
    for key, value in old.items():
        if isinstance(value, dict):
            assert_values(value, new[key])
        else:
            assert new[key] == value, key


def test_results_and_reasons_fit_the_schemas() -> None:
    jsonschema.validate(json.loads(version_0_1_0.result("a.png", b"x", "job")), schema_of("result"))
    jsonschema.validate(json.loads(version_0_1_0.reason(ODD, "job")), schema_of("reason"))


def test_status_of_a_service_that_still_runs(tmp_path: Path) -> None:
    """The new command beside a service of 0.1.0, as it is between the installation and the restart."""
    path = tmp_path / "ocrspool.toml"
    path.write_text(old_config(tmp_path / "cache", tmp_path / "s", Path("/bin/true")), "utf-8")
    version_0_1_0.Inbox(tmp_path / "spool").failed(ODD, DAMAGED)
    version_0_1_0.put(tmp_path / "run/status.json", version_0_1_0.status(os.getpid()))
    shown = ocrspool("status", "--config", path)
    assert shown.returncode == Exit.OK
    assert "long.pdf  1 of 6" in shown.stdout
    assert "odd/b\\xe9d.png" in shown.stdout
    found = json.loads(ocrspool("status", "--json", "--config", path).stdout)
    assert_keys(json.loads(version_0_1_0.status(1)), found["service"])
    assert found["service"]["engine"]["fingerprint"] == "0123456789abcdef"
    assert found["service"]["last_documents"][0]["path"] == "a.png"


def test_failed_files_are_retried(tmp_path: Path) -> None:
    path = tmp_path / "ocrspool.toml"
    path.write_text(old_config(tmp_path / "cache", tmp_path / "s", Path("/bin/true")), "utf-8")
    made = version_0_1_0.Inbox(tmp_path / "spool")
    for name in FAILED:
        made.failed(name, DAMAGED + os.fsencode(name))
    assert ocrspool("retry", "old/failed.png", "--config", path).returncode == Exit.OK
    assert files(tmp_path / "spool/inbox") == {"old/failed.png": DAMAGED + b"old/failed.png"}
    assert ocrspool("retry", "--all", "--config", path).returncode == Exit.OK
    assert files(tmp_path / "spool/inbox") == {name: DAMAGED + os.fsencode(name) for name in FAILED}
    assert files(tmp_path / "spool/failed") == {}


def test_exit_codes() -> None:
    assert {code.name: code.value for code in Exit} | EXIT_CODES == {code.name: code.value for code in Exit}


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("frobnicate", 64),
        ("retry", 64),
        ("retry no-such-file", 66),
        ("status", 69),
        ("engines export 0123", 66),
        ("check", 78),
    ],
)
def test_exit_codes_of_commands(tmp_path: Path, command: str, code: int) -> None:
    path = tmp_path / "ocrspool.toml"
    settings = "[inbox.default]\nroot = 'spool'\n[paths]\ncache = 'cache'\nruntime = 'run'\n"
    path.write_text(settings + ("[engine]\nno_such_key = 1\n" if command == "check" else ""), "utf-8")
    more = () if command == "frobnicate" else ("--config", path)
    assert ocrspool(*command.split(), *more).returncode == code


@pytest.mark.parametrize("line", COMMANDS)
def test_commands_are_still_understood(line: str) -> None:
    assert callable(command_line().parse_args(line.split()).run)


def test_outputs_have_their_suffixes() -> None:
    assert SUFFIXES | OUTPUTS == SUFFIXES
