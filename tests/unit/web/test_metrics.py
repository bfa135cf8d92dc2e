"""What is told to Prometheus: read back by its own parser, and held to what the board and the alerts ask for."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from ocrspool.observability.snapshot_file import snapshot_of
from ocrspool.observability.statistics import JobStatistics
from ocrspool.web.metrics import exposition

CONFIG = Path(__file__).parents[3] / "config"

FACTS: dict[str, Any] = {
    "pid": 1,
    "state": "ready",
    "in_work": 2,
    "worker_restarts": 3,
    "overflows": 1,
    "lack": "",
    "inboxes": {
        "a": {
            "state": "serves",
            "reason": "no room",
            "since": None,
            "stalled": 3,
            "failed_files": 131,
            "free_bytes": 7,
        },
        "b": {"state": "hangs", "reason": "it does not answer", "since": 1_700_000_000, "stalled": 0},
    },
    "queues": {
        "a": {"waiting": 7, "oldest": 1_700_000_000.5, "unclaimable": 4, "unclaimable_reason": "sub: no"},
        "b": {"waiting": 0, "oldest": None},
    },
    "free_memory_bytes": 99,
    "engine": {
        "runtime": "openvino",
        "runtime_version": "2026.4.1",
        "precision": "bf16",
        "device": "cpu",
        "fingerprint": "24a70f3d779e917d",
        "models": [],
    },
    "start": {"in all": 1.01, "load": 0.2},
    "since_start": {
        "a": {"done": 5, "partial": 1, "failed": 2, "pages": 9, "warned": 3, "warnings": {"reduced": 2, "x-y": 1}}
    },
    "stages": {},
}

CLUSTER: dict[str, Any] = {
    "scheduler": "tls://10.0.0.5:8786",
    "up": True,
    "pages_moved": 4,
    "hosts": [
        {
            "name": "gpu1",
            "state": "in",
            "pages": 7,
            "in_work": 2,
            "wire_seconds": 0.02,
            "worker_restarts": 1,
            "files": 3,
            "sent_bytes": 900,
        },
        {"name": "gpu2", "state": "refused", "reason": "precision is f16, here f32"},
    ],
}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(facts: dict[str, Any]) -> Samples:
    families = text_string_to_metric_families(exposition(snapshot_of(facts)).decode("utf-8"))
    return {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for f in families for sample in f.samples}


def stages(statistics: JobStatistics) -> dict[str, Any]:
    """Return the stages as JSON has them."""
    return {stage: asdict(durations) for stage, durations in statistics.stages().items()}


def test_what_the_service_knows_is_told() -> None:
    """Counts by inbox and result, the queue, the engine: each as the facts have it."""
    found = samples(FACTS)
    results = {
        dict(labels)["result"]: value
        for (name, labels), value in found.items()
        if name == "ocrspool_files_total" and dict(labels)["inbox"] == "a"
    }
    assert results == {"done": 4, "partial": 1, "failed": 2}, "each file has one result"
    assert found["ocrspool_pages_total", (("inbox", "a"),)] == 9
    assert found["ocrspool_queue_files", (("inbox", "a"),)] == 7
    assert found["ocrspool_oldest_pending_timestamp_seconds", (("inbox", "a"),)] == 1_700_000_000.5
    assert ("ocrspool_oldest_pending_timestamp_seconds", (("inbox", "b"),)) not in found, "nothing waits there"
    assert found["ocrspool_inbox_serves", (("inbox", "a"),)] == 1
    assert found["ocrspool_inbox_serves", (("inbox", "b"),)] == 0
    assert found["ocrspool_stalled_files", (("inbox", "a"),)] == 3
    assert found["ocrspool_unclaimable_files", (("inbox", "a"),)] == 4
    assert found["ocrspool_unclaimable_files", (("inbox", "b"),)] == 0
    assert found["ocrspool_failed_files", (("inbox", "a"),)] == 131
    assert ("ocrspool_failed_files", (("inbox", "b"),)) not in found, "its folder has not been looked at"
    assert found["ocrspool_free_disk_bytes", (("inbox", "a"),)] == 7
    assert found["ocrspool_free_memory_bytes", ()] == 99
    assert found["ocrspool_reload_refused", ()] == 0
    assert found["ocrspool_in_work_files", ()] == 2
    assert found["ocrspool_worker_restarts_total", ()] == 3
    assert found["ocrspool_inotify_overflows_total", ()] == 1
    assert found["ocrspool_start_seconds", (("stage", "in all"),)] == 1.01
    (info,) = [dict(labels) for (name, labels), _ in found.items() if name == "ocrspool_engine_info"]
    assert info["fingerprint"] == "24a70f3d779e917d"
    assert any(name == "ocrspool_process_resident_memory_bytes" and value > 0 for (name, _), value in found.items())


def test_each_engine_that_reads_is_told() -> None:
    """A CPU that stands in for a second GPU has an engine of its own."""
    engine = FACTS["engine"]
    reads = [{**engine, "device": "gpu:0"}, {**engine, "fingerprint": "f" * 16, "workers": 1}]
    found = [
        dict(labels) for (name, labels), _ in samples({**FACTS, "engines": reads}).items() if "engine_info" in name
    ]
    told = {(labels["device"], labels["fingerprint"]) for labels in found}
    assert told == {("gpu:0", engine["fingerprint"]), ("cpu", "f" * 16)}


def test_counters_are_there_from_the_start() -> None:
    """Of an inbox that nothing has come out of, too: an alert on an increase would miss the first one otherwise."""
    found = samples(FACTS)
    assert found["ocrspool_documents_with_warnings_total", (("inbox", "a"),)] == 3
    assert found["ocrspool_documents_with_warnings_total", (("inbox", "b"),)] == 0
    assert found["ocrspool_files_total", (("inbox", "b"), ("result", "failed"))] == 0
    assert found["ocrspool_stage_seconds_count", (("stage", "decode"),)] == 0
    assert found["ocrspool_drop_to_result_seconds_count", (("inbox", "b"),)] == 0
    codes = {
        (dict(labels)["inbox"], dict(labels)["code"]): value
        for (name, labels), value in found.items()
        if name == "ocrspool_warnings_total"
    }
    assert codes == {
        ("a", "reduced"): 2,
        ("a", "x-y"): 1,
        **{(inbox, code): 0 for inbox in "ab" for code in ("no-text-found", "unread-script")},
    }


@pytest.mark.parametrize(("state", "lack", "ready", "paused"), [("ready", "", 1, 0), ("degraded", "no room", 0, 1)])
def test_ready_and_paused(state: str, lack: str, ready: int, paused: int) -> None:
    """Degraded is not ready; a full disk is no reason not to be, and is told of by itself."""
    found = samples({**FACTS, "state": state, "lack": lack})
    assert found["ocrspool_ready", ()] == ready
    assert found["ocrspool_claims_paused", ()] == paused


def test_stages_are_a_histogram() -> None:
    """Buckets hold everything that took no longer, +Inf all, and the sum is that of the seconds."""
    tally = JobStatistics()
    for seconds in (0.02, 0.5, 500.0):
        tally.done({"inbox": "a", "pages": 1, "lost": 0, "warnings": ()}, {"decode": seconds})
    found = samples({**FACTS, "stages": stages(tally)})
    buckets = {
        dict(labels)["le"]: value
        for (name, labels), value in found.items()
        if name == "ocrspool_stage_seconds_bucket" and dict(labels)["stage"] == "decode"
    }
    assert (buckets["0.01"], buckets["0.03"], buckets["1.0"], buckets["100.0"], buckets["+Inf"]) == (0, 1, 2, 2, 3)
    assert found["ocrspool_stage_seconds_sum", (("stage", "decode"),)] == pytest.approx(500.52)
    assert found["ocrspool_stage_seconds_count", (("stage", "decode"),)] == 3


def test_from_drop_to_result() -> None:
    """A histogram for each inbox, in buckets that are wide enough for a night of waiting."""
    statistics = JobStatistics()
    for seconds in (2.5, 9000.0, -0.2):
        statistics.done({"inbox": "a"}, {}, seconds)
    statistics.done({"inbox": "a"}, {})
    drops = {inbox: asdict(durations) for inbox, durations in statistics.drop_to_result().items()}
    found = samples({**FACTS, "drop_to_result": drops})
    name = "ocrspool_drop_to_result_seconds"
    assert found[f"{name}_count", (("inbox", "a"),)] == 3, "of the fourth it is not known when it came"
    assert found[f"{name}_sum", (("inbox", "a"),)] == pytest.approx(9002.5)
    assert found[f"{name}_bucket", (("inbox", "a"), ("le", "1.0"))] == 1
    assert found[f"{name}_bucket", (("inbox", "a"), ("le", "10000.0"))] == 3


def test_hosts_of_a_cluster_are_told() -> None:
    """One by one. A service without a cluster tells nothing of any."""
    found = samples({**FACTS, "cluster": CLUSTER})
    told = {(name, dict(labels).get("host", "")): value for (name, labels), value in found.items() if "host" in name}
    assert told == {
        ("ocrspool_host_up", "gpu1"): 1,
        ("ocrspool_host_up", "gpu2"): 0,
        ("ocrspool_host_refused", "gpu1"): 0,
        ("ocrspool_host_refused", "gpu2"): 1,
        ("ocrspool_host_in_work_pages", "gpu1"): 2,
        ("ocrspool_host_in_work_pages", "gpu2"): 0,
        ("ocrspool_host_pages_total", "gpu1"): 7,
        ("ocrspool_host_pages_total", "gpu2"): 0,
        ("ocrspool_host_worker_restarts_total", "gpu1"): 1,
        ("ocrspool_host_worker_restarts_total", "gpu2"): 0,
        ("ocrspool_host_files_total", "gpu1"): 3,
        ("ocrspool_host_files_total", "gpu2"): 0,
        ("ocrspool_host_sent_bytes_total", "gpu1"): 900,
        ("ocrspool_host_sent_bytes_total", "gpu2"): 0,
        ("ocrspool_host_wire_seconds", "gpu1"): 0.02,
    }
    assert (found["ocrspool_cluster_up", ()], found["ocrspool_pages_moved_total", ()]) == (1, 4)
    assert not [name for name, _ in samples(FACTS) if "host" in name or "cluster" in name or "moved" in name]


def _asked_for() -> dict[str, set[str]]:
    """The names of ours in each expression of the board and of the alerts."""
    board = json.loads((CONFIG / "grafana.json").read_text("utf-8"))
    rules = yaml.safe_load((CONFIG / "prometheus-alerts.yml").read_text("utf-8"))
    asked = {target["expr"]: panel["title"] for panel in board["panels"] for target in panel.get("targets", ())}
    asked |= {rule["expr"]: rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    return {title: set(re.findall(r"\bocrspool_\w+", expression)) for expression, title in asked.items()}


def test_board_and_alerts_ask_for_what_is_told() -> None:
    """A metric that is renamed must not leave an empty panel, or an alert that never fires."""
    tally = JobStatistics()
    tally.done({"inbox": "a", "pages": 1, "lost": 0, "warnings": ()}, {"decode": 0.1})
    told = {name for name, _ in samples({**FACTS, "stages": stages(tally), "cluster": CLUSTER})}
    asked = _asked_for()
    assert len(asked) > 10
    for title, names in asked.items():
        assert names <= told | {"ocrspool"}, title
