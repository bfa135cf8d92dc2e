"""The metrics of the service in the form that Prometheus reads. The only module that imports prometheus_client.

Nothing is counted here. The numbers are those of the published facts (observability/status.py), which `ocrspool status`
shows too. Names follow the conventions of Prometheus: base units, `_total` for counters, labels for what a number is
about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_INBOX = ("inbox",)
_NOTHING = {"done": 0, "partial": 0, "failed": 0, "pages": 0, "warned": 0, "warnings": {}}
_CODES = ("no-text-found", "unread-script")
"""Warnings that are counted from the start, so that an alert sees the first one; others from their first one."""


def exposition(facts: Mapping[str, Any]) -> bytes:
    """Return the published facts as Prometheus' text format, with the service's own process beside them."""
    registry = CollectorRegistry()
    registry.register(_Facts(facts))
    ProcessCollector("ocrspool", registry=registry)
    return generate_latest(registry)


class _Facts(Collector):
    """One look at the facts."""

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self._facts = facts

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        yield from self._counts()
        yield from self._queue()
        yield from self._engine()
        yield self._stages()

    def _counts(self) -> Iterable[Metric]:
        files = CounterMetricFamily("ocrspool_files", "Files that came out, by result.", labels=("inbox", "result"))
        pages = CounterMetricFamily("ocrspool_pages", "Pages of documents that were delivered.", labels=_INBOX)
        warned = CounterMetricFamily(
            "ocrspool_documents_with_warnings", "Documents that were delivered with warnings.", labels=_INBOX
        )
        warnings = CounterMetricFamily(
            "ocrspool_warnings", "Documents with a warning of this code.", labels=("inbox", "code")
        )
        for inbox, count in self._by_inbox():
            whole = count["done"] - count["partial"]
            for result, number in (("done", whole), ("partial", count["partial"]), ("failed", count["failed"])):
                files.add_metric((inbox, result), number)
            pages.add_metric((inbox,), count["pages"])
            warned.add_metric((inbox,), count["warned"])
            for code, documents in (dict.fromkeys(_CODES, 0) | count["warnings"]).items():
                warnings.add_metric((inbox, code), documents)
        yield from (files, pages, warned, warnings)
        yield CounterMetricFamily(
            "ocrspool_worker_restarts", "Workers replaced for a failure.", value=self._facts["worker_restarts"]
        )
        yield CounterMetricFamily(
            "ocrspool_inotify_overflows", "Times the kernel lost events.", value=self._facts["overflows"]
        )

    def _by_inbox(self) -> Iterable[tuple[str, Mapping[str, Any]]]:
        """Return what each inbox has counted: 0 from the start, and what one has that was taken away since."""
        counted = self._facts["since_start"]
        return [(inbox, counted.get(inbox, _NOTHING)) for inbox in {**self._facts["queues"], **counted}]

    def _queue(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("ocrspool_queue_files", "Settled files that wait to be claimed.", labels=_INBOX)
        oldest = GaugeMetricFamily(
            "ocrspool_oldest_pending_timestamp_seconds",
            "When the file that has waited longest came; absent when none waits.",
            labels=_INBOX,
        )
        for inbox, queue in self._facts["queues"].items():
            waiting.add_metric((inbox,), queue["waiting"])
            if queue["oldest"] is not None:
                oldest.add_metric((inbox,), queue["oldest"])
        yield from (waiting, oldest)
        serves = GaugeMetricFamily(
            "ocrspool_inbox_serves", "1 while files of the inbox are taken; 0 while it waits or hangs.", labels=_INBOX
        )
        stalled = GaugeMetricFamily("ocrspool_stalled_files", "Files in work that wait for their disk.", labels=_INBOX)
        for inbox, standing in self._facts.get("inboxes", {}).items():
            serves.add_metric((inbox,), standing["state"] == "serves")
            stalled.add_metric((inbox,), standing["stalled"])
        yield from (serves, stalled)
        yield GaugeMetricFamily("ocrspool_in_work_files", "Files that are being read.", value=self._facts["in_work"])
        yield GaugeMetricFamily(
            "ocrspool_claims_paused",
            "1 while disk, memory or threads are too short to claim.",
            value=bool(self._facts["lack"]),
        )

    def _engine(self) -> Iterable[Metric]:
        ready = self._facts["state"] == "ready"
        yield GaugeMetricFamily("ocrspool_ready", "1 while files are read as configured.", value=ready)
        engines = self._facts.get("engines") or [self._facts["engine"]]
        names = ("runtime", "runtime_version", "precision", "device", "fingerprint")
        info = GaugeMetricFamily("ocrspool_engine_info", "The engines that read, one on each device.", labels=names)
        for engine in engines:
            info.add_metric([engine[name] for name in names], 1)
        yield info
        start = GaugeMetricFamily("ocrspool_start_seconds", "Each stage of the last start.", labels=("stage",))
        for stage, seconds in self._facts["start"].items():
            start.add_metric((stage,), seconds)
        yield start

    def _stages(self) -> Metric:
        stages = HistogramMetricFamily(
            "ocrspool_stage_seconds", "What each stage took of a document that was delivered.", labels=("stage",)
        )
        for stage, spread in self._facts["stages"].items():
            buckets = [(str(bound), count) for bound, count in spread["up_to"].items()]
            stages.add_metric((stage,), [*buckets, ("+Inf", spread["count"])], spread["sum"])
        return stages
