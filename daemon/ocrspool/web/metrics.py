"""The metrics, in the form that Prometheus reads. The one place that imports prometheus_client.

Nothing is counted here. The numbers are those of the published snapshot (observability/snapshot.py), which
`ocrspool status` shows too. Names follow the conventions of Prometheus: base units, `_total` for what only grows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ocrspool.observability.snapshot import Durations, InboxCounts, StatusSnapshot
from ocrspool.observability.statistics import DROP_BOUNDS, STAGE_BOUNDS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_INBOX = ("inbox",)
_CODES = ("no-text-found", "unread-script")
"""Warnings that are counted from the start, so that an alert sees the first one. Others appear with their first one."""
_STAGES = ("decode", "detect", "orient", "recognize")
"""Stages that each document goes through: they are there from the start too."""


def exposition(published: StatusSnapshot) -> bytes:
    """Return what was published in the text format of Prometheus, with the process of the service beside it."""
    registry = CollectorRegistry()
    registry.register(_Published(published))
    ProcessCollector("ocrspool", registry=registry)
    return generate_latest(registry)


class _Published(Collector):
    """One snapshot."""

    def __init__(self, published: StatusSnapshot) -> None:
        self._published = published

    def collect(self) -> Iterable[Metric]:
        """Yield every metric."""
        yield from self._counts()
        yield from self._queues()
        yield from self._inboxes()
        yield from self._service()
        yield from self._engines()
        yield from self._hosts()
        yield from self._durations()

    def _counts(self) -> Iterable[Metric]:
        files = CounterMetricFamily("ocrspool_files", "Files that came out, by result.", labels=("inbox", "result"))
        pages = CounterMetricFamily("ocrspool_pages", "Pages of documents that were delivered.", labels=_INBOX)
        warned = CounterMetricFamily(
            "ocrspool_documents_with_warnings", "Documents that were delivered with warnings.", labels=_INBOX
        )
        warnings = CounterMetricFamily(
            "ocrspool_warnings", "Documents with a warning of this code.", labels=("inbox", "code")
        )
        lines = CounterMetricFamily("ocrspool_lines", "Lines that a reader has read.", labels=("inbox", "reader"))
        for inbox, count in self._by_inbox():
            for reader, number in (dict.fromkeys(self._readers(), 0) | dict(count.lines)).items():
                lines.add_metric((inbox, reader), number)
            whole = count.done - count.partial
            for result, number in (("done", whole), ("partial", count.partial), ("failed", count.failed)):
                files.add_metric((inbox, result), number)
            pages.add_metric((inbox,), count.pages)
            warned.add_metric((inbox,), count.warned)
            for code, documents in (dict.fromkeys(_CODES, 0) | dict(count.warnings)).items():
                warnings.add_metric((inbox, code), documents)
        yield from (files, pages, lines, warned, warnings)
        yield CounterMetricFamily(
            "ocrspool_worker_restarts", "Workers replaced for a failure.", value=self._published.worker_restarts
        )
        yield CounterMetricFamily(
            "ocrspool_inotify_overflows", "Times the kernel lost events.", value=self._published.overflows
        )

    def _readers(self) -> list[str]:
        """Return the readers of all engines that read."""
        return [model.reader for engine in self._published.reads_with for model in engine.models if model.reader]

    def _by_inbox(self) -> Iterable[tuple[str, InboxCounts]]:
        """Return what each inbox has counted: 0 from the start. An inbox that was taken away keeps its counts."""
        counted = self._published.since_start
        return [(inbox, counted.get(inbox, InboxCounts())) for inbox in {**self._published.queues, **counted}]

    def _queues(self) -> Iterable[Metric]:
        waiting = GaugeMetricFamily("ocrspool_queue_files", "Settled files that wait to be claimed.", labels=_INBOX)
        unclaimable = GaugeMetricFamily(
            "ocrspool_unclaimable_files",
            "Files that the service may not take, and folders that it may not read.",
            labels=_INBOX,
        )
        oldest = GaugeMetricFamily(
            "ocrspool_oldest_pending_timestamp_seconds",
            "When the file that has waited longest came, one that cannot be taken too; absent when none waits.",
            labels=_INBOX,
        )
        for inbox, queue in self._published.queues.items():
            waiting.add_metric((inbox,), queue.waiting)
            unclaimable.add_metric((inbox,), queue.unclaimable)
            if queue.oldest is not None:
                oldest.add_metric((inbox,), queue.oldest)
        yield from (waiting, unclaimable, oldest)

    def _inboxes(self) -> Iterable[Metric]:
        serves = GaugeMetricFamily(
            "ocrspool_inbox_serves", "1 while files of the inbox are taken; 0 while it waits or hangs.", labels=_INBOX
        )
        stalled = GaugeMetricFamily("ocrspool_stalled_files", "Files in work that wait for their disk.", labels=_INBOX)
        failed = GaugeMetricFamily("ocrspool_failed_files", "Files that lie in failed/.", labels=_INBOX)
        free = GaugeMetricFamily("ocrspool_free_disk_bytes", "Free room on the disk of work/.", labels=_INBOX)
        for inbox, standing in self._published.inboxes.items():
            serves.add_metric((inbox,), standing.state == "serves")
            stalled.add_metric((inbox,), standing.stalled)
            if standing.failed_files is not None:
                failed.add_metric((inbox,), standing.failed_files)
            if standing.free_bytes is not None:
                free.add_metric((inbox,), standing.free_bytes)
        yield from (serves, stalled, failed, free)

    def _service(self) -> Iterable[Metric]:
        published = self._published
        yield GaugeMetricFamily(
            "ocrspool_ready", "1 while files are read as configured.", value=published.state == "ready"
        )
        yield GaugeMetricFamily("ocrspool_in_work_files", "Files that are being read.", value=published.in_work)
        yield GaugeMetricFamily(
            "ocrspool_claims_paused",
            "1 while disk, memory or threads are too short to claim.",
            value=bool(published.lack),
        )
        yield GaugeMetricFamily(
            "ocrspool_reload_refused",
            "1 while the configuration in use is not the one in the file, because the last reload was refused.",
            value=bool(published.reload_refused),
        )
        if published.free_memory_bytes is not None:
            yield GaugeMetricFamily(
                "ocrspool_free_memory_bytes",
                "Memory that the machine, or the unit, has left.",
                value=published.free_memory_bytes,
            )

    def _engines(self) -> Iterable[Metric]:
        names = ("runtime", "runtime_version", "precision", "device", "fingerprint")
        info = GaugeMetricFamily("ocrspool_engine_info", "The engines that read, one on each device.", labels=names)
        for engine in self._published.reads_with:
            info.add_metric([getattr(engine, name) for name in names], 1)
        yield info
        start = GaugeMetricFamily("ocrspool_start_seconds", "Each stage of the last start.", labels=("stage",))
        for stage, seconds in self._published.start.items():
            start.add_metric((stage,), seconds)
        yield start

    def _hosts(self) -> Iterable[Metric]:
        """Yield what is known of the hosts of the cluster; nothing where the configuration names none."""
        cluster = self._published.cluster
        if cluster is None:
            return
        label = ("host",)
        up = GaugeMetricFamily("ocrspool_host_up", "1 while the host reads.", labels=label)
        refused = GaugeMetricFamily("ocrspool_host_refused", "1 while the host may not read.", labels=label)
        in_work = GaugeMetricFamily("ocrspool_host_in_work_pages", "Pages that the host has now.", labels=label)
        pages = CounterMetricFamily(
            "ocrspool_host_pages", "Pages that the host has read for this service.", labels=label
        )
        files = CounterMetricFamily(
            "ocrspool_host_files", "Whole files that the host has decoded and read for this service.", labels=label
        )
        sent = CounterMetricFamily("ocrspool_host_sent_bytes", "Pixels and files that the host has got.", labels=label)
        wire = GaugeMetricFamily(
            "ocrspool_host_wire_seconds", "Mean time of a page or file beyond its time at the host.", labels=label
        )
        link_rate = GaugeMetricFamily(
            "ocrspool_host_link_bytes_per_second", "What the way to the host carries, as last measured.", labels=label
        )
        restarts = CounterMetricFamily(
            "ocrspool_host_worker_restarts", "Workers of the host that were replaced for a failure.", labels=label
        )
        for host in cluster.hosts:
            up.add_metric((host.name,), host.state == "in")
            refused.add_metric((host.name,), host.state == "refused")
            in_work.add_metric((host.name,), host.in_work)
            pages.add_metric((host.name,), host.pages)
            restarts.add_metric((host.name,), host.worker_restarts)
            files.add_metric((host.name,), host.files)
            sent.add_metric((host.name,), host.sent_bytes)
            if host.link_measured:
                link_rate.add_metric((host.name,), host.link_bytes_per_second)
            if host.wire_seconds is not None:
                wire.add_metric((host.name,), host.wire_seconds)
        yield GaugeMetricFamily("ocrspool_cluster_up", "1 while the scheduler answers.", value=cluster.up)
        yield CounterMetricFamily(
            "ocrspool_pages_moved", "Times that a page went to another host.", value=cluster.pages_moved
        )
        yield from (up, refused, in_work, pages, files, sent, wire, link_rate, restarts)

    def _durations(self) -> Iterable[Metric]:
        stages = HistogramMetricFamily(
            "ocrspool_stage_seconds", "What each stage took of a document that was delivered.", labels=("stage",)
        )
        nothing = Durations(up_to=dict.fromkeys(STAGE_BOUNDS, 0))
        _add(stages, {**dict.fromkeys(_STAGES, nothing), **self._published.stages})
        drops = HistogramMetricFamily(
            "ocrspool_drop_to_result_seconds",
            "From the arrival of a file, or the last write to it, to its result.",
            labels=_INBOX,
        )
        nothing = Durations(up_to=dict.fromkeys(DROP_BOUNDS, 0))
        _add(drops, {**dict.fromkeys(self._published.queues, nothing), **self._published.drop_to_result})
        yield from (stages, drops)


def _add(family: HistogramMetricFamily, durations: Mapping[str, Durations]) -> None:
    for label, took in durations.items():
        buckets = [(str(bound), count) for bound, count in took.up_to.items()]
        family.add_metric((label,), [*buckets, ("+Inf", took.count)], took.sum)
