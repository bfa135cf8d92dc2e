"""The tables of the configuration of which there is one each: every setting with its type, bounds and default."""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ocrspool.config.value_types import (
    Devices,
    FinderChoice,
    Folder,
    Listen,
    Name,
    OwnAddress,
    OwnName,
    ReaderChoice,
    SchedulerAddress,
)
from ocrspool.engine_request import GpuProvider, Precision, Runtime

_MOST_MB = 1 << 30
"""A pebibyte: no limit on anything, and no number that a system call cannot take."""
_LEAST_MB = 64
"""For decoded pages: less would make a coarse picture of an ordinary page."""


class Section(BaseModel):
    """A table of the file: unknown keys are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Paths(Section):
    """The folders of data that ocrspool can make again."""

    cache: Folder = Path("/var/cache/ocrspool")
    """The folder of the engine cache. It may be deleted: `ocrspool prebuild` makes the engines again."""
    runtime: Folder = Path("/run/ocrspool")
    """The folder in which the running service publishes its state for `ocrspool status`."""


class Engine(Section):
    """What recognizes, and on which devices."""

    runtime: Runtime = "openvino"
    """The library that runs the nets. openvino: CPU. onnxruntime: CPU, CUDA or TensorRT. paddle: CPU or TensorRT.
    tensorrt: TensorRT, or TensorRT for RTX."""
    models: str = "bundled"
    """bundled: PP-OCRv6 small, part of the installation. Otherwise a published set that `prebuild` downloads, or a
    folder. Their recognition net is the reader named default; their detection net is the finder named default."""
    readers: dict[Name, ReaderChoice] = {}
    """Further readers by names of yours: bundled, a published set of which the recognition net is used, a folder, or
    data of Tesseract such as tesseract:vie."""
    finders: dict[Name, FinderChoice] = {}
    """Further finders of lines by names of yours: bundled, a published set of which the detection net is used, or a
    folder. The detection net of `engine.models` is the finder named default."""
    load_readers: Literal["start", "first use"] = "start"
    """When the nets of further readers are loaded. first use: when a line is read by one for the first time. On a GPU
    they are loaded at the start."""
    model_source: str = "https://paddle-model-ecology.bj.bcebos.com/paddlex/official_inference_model/paddle3.0.0"
    """The address from which `prebuild` downloads published models: a web folder of <name>_infer.tar files."""
    devices: Devices = ("cpu",)
    """The devices that recognize: cpu, or GPUs (gpu:0, gpu:1). Each device has `service.workers` workers. The list
    may be empty if there is a cluster: then only its hosts recognize."""
    shared: Literal["auto", "always", "never"] = "auto"
    """Whether the workers of a GPU share one engine: one process computes with it, and holds memory of the GPU, for all
    of them. auto: with the provider cuda. never: each worker has an engine of its own. It makes no difference with one
    worker, and on a CPU."""
    on_no_gpu: Literal["fail", "cpu"] = "fail"
    """What `serve` does if a GPU of `devices` is missing: fail stops it, cpu uses the CPU in place of the GPU."""
    provider: GpuProvider = "auto"
    """What computes on a GPU. auto: TensorRT, in the runtime tensorrt whichever package is installed. rtx: TensorRT for
    RTX. cuda: the runtime's own CUDA kernels, which need no build."""
    precision: Precision = "auto"
    """The precision of the arithmetic. auto: the fastest on this device without a loss of accuracy."""
    threads: int = Field(0, ge=0, le=1024)
    """The number of threads of one worker. 0: all processors that the process may use, divided among the workers."""
    batch_lines: int = Field(0, ge=0, le=256)
    """The number of text lines in one call of the recognition net. 0: a number that suits the device."""
    line_width: int = Field(0, ge=0, le=8192)
    """The width of the widest line that is read in one piece, in pixels at a height of 48. Longer lines are cut at
    gaps. 0: a width that suits the device."""
    detection_side: int = Field(1280, ge=320, le=4096)
    """The long side, in pixels, to which a page with the proportions 3:4 is reduced to find its lines."""
    workspace_mb: int = Field(1024, ge=64, le=_MOST_MB)
    """The GPU memory that TensorRT may use for one net, in megabytes."""
    on_missing: Literal["fail", "build"] = "fail"
    """What `serve` does if the engine is not in the cache: fail says what differs and stops, build builds it first."""


class Service(Section):
    """The processes of the service: how many, and how long they may take."""

    workers: int = Field(1, ge=1, le=64)
    """The number of worker processes on each device. A worker recognizes and has an engine of its own."""
    decoders: int = Field(0, ge=0, le=256)
    """The number of decoder processes, which open files. 0: one for every two processors."""
    batch_pages: int = Field(8, ge=1, le=64)
    """The highest number of pages that one worker has in work. One message carries at most 64 descriptors."""
    attempts: int = Field(3, ge=1, le=100)
    """How many times a file may end a process before the file is given up."""
    stop_seconds: float = Field(60, ge=0, le=86_400)
    """How long a stop waits for the files in work, in seconds. The others are read after the next start."""
    worker_pages: int = Field(20_000, ge=1, le=10**9)
    """A worker is replaced after this number of pages."""
    worker_memory_mb: int = Field(4096, ge=256, le=_MOST_MB)
    """A worker is replaced when it holds more memory than this, in megabytes."""
    worker_seconds: float = Field(300, gt=0, le=86_400)
    """A worker that makes no progress for this time, in seconds, is killed and replaced. Progress is a page searched
    for lines or a batch of lines read."""


class Limits(Section):
    """What one file may cost. A file that exceeds a limit moves to failed/ with the reason."""

    file_mb: int = Field(1024, ge=1, le=_MOST_MB)
    """The largest size of a file, in megabytes."""
    pages: int = Field(2000, ge=1, le=10**6)
    """The highest number of pages of a file."""
    page_megapixels: int = Field(300, ge=1, le=4000)
    """The highest number of pixels of a page, in millions. A larger image is refused, a PDF page rendered coarser."""
    page_seconds: float = Field(60, gt=0, le=86_400)
    """The longest time that decoding one page may take, or opening the file, in seconds."""
    document_seconds: float = Field(3600, gt=0, le=604_800)
    """The longest time that decoding all pages of a file may take, in seconds. Waits between pages count."""
    decoder_memory_mb: int = Field(2048, ge=256, le=_MOST_MB)
    """The largest address space of a decoder process, in megabytes."""
    memory_mb: int = Field(0, ge=0, le=_MOST_MB)
    """The memory for decoded pages of all files, in megabytes. A page that needs more alone is reduced to fit. 0: 512,
    and for all files 12 for each page that workers of GPUs may have in work, if that is more."""
    free_disk_mb: int = Field(200, ge=0, le=_MOST_MB)
    """No file is claimed while the spool's filesystem has less free space than this, in megabytes."""
    free_memory_mb: int = Field(200, ge=0, le=_MOST_MB)
    """No file is claimed while the machine or the service's control group has less memory than this, in megabytes."""

    @model_validator(mode="after")
    def _a_page_has_room(self) -> Limits:
        if 0 < self.memory_mb < _LEAST_MB:
            raise ValueError(f"memory_mb: should be 0, or {_LEAST_MB} or more")
        return self

    @property
    def page_mb(self) -> int:
        """What a single page may take, in megabytes: the same on every machine, where it is left open."""
        return self.memory_mb or 512


class Log(Section):
    """Messages on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level of the messages that are logged."""
    format: Literal["auto", "plain", "journal", "json"] = "auto"
    """The form of the messages. auto: journal under systemd, plain lines elsewhere."""


class Metrics(Section):
    """The HTTP server for health checks and metrics: /livez, /readyz, /metrics (Prometheus)."""

    listen: Listen = ""
    """A loopback address with a port ("127.0.0.1:9464"), or the path of a Unix socket. "": no server."""
    page: bool = False
    """Whether the server has a status page at /. Everybody who can reach the address can read the file names on it."""
    page_views: bool = False
    """Whether the status page links to the HTML outputs, which are the documents themselves."""
    page_retry: bool = False
    """Whether the status page has a button that puts a failed file back into its inbox."""

    @model_validator(mode="after")
    def _page_is_somewhere(self) -> Metrics:
        if self.page and not self.listen:
            raise ValueError("page needs an address to listen at: metrics.listen")
        if (self.page_views or self.page_retry) and not self.page:
            raise ValueError("page_views and page_retry are parts of the page: set metrics.page = true")
        return self


class Cluster(Section):
    """More machines that recognize for this one. They meet at one Dask scheduler."""

    scheduler: SchedulerAddress = ""
    """The address of the scheduler, for example "tls://10.0.0.5:8786". "": there is no cluster."""
    ca: Folder | None = None
    """The file of the authority that has signed the certificates of all hosts. It should sign nothing else."""
    certificate: Folder | None = None
    """The file of the certificate of this host."""
    key: Folder | None = None
    """The file of the private key of this host. Only the service may read it."""
    name: OwnName = ""
    """The name of this host in status, metrics and results. "": the name of the machine."""
    address: OwnAddress = ""
    """The IP address at which this host can be reached. "": the one from which it reaches the scheduler."""
    port: int = Field(8788, ge=0, le=65_535)
    """The TCP port of `ocrspool node` on this host. 0: any free port."""
    least_hosts: int = Field(1, ge=0, le=1000)
    """The service is ready when so many hosts have joined. With fewer later, it is degraded."""
    start_seconds: float = Field(300, ge=1, le=86_400)
    """The longest time that a start waits for these hosts, in seconds."""
    host_pages: int = Field(8, ge=1, le=64)
    """The highest number of pages that one worker of another host has in work."""
    files: Literal["auto", "always", "never"] = "auto"
    """What travels to hosts. never: pages, as pixels. auto: the whole file, which the host decodes, if that brings its
    pages to a worker sooner. always: the whole file, if a host can have it."""
    patience_seconds: float = Field(12, ge=11, le=3600)
    """A host that does not answer for this time, in seconds, is lost. Its pages are read by others."""

    @model_validator(mode="after")
    def _is_encrypted_or_local(self) -> Cluster:
        files = [self.ca, self.certificate, self.key]
        if self.scheduler.startswith("tls:") and None in files:
            raise ValueError("tls:// needs the three files ca, certificate and key")
        if not self.scheduler.startswith("tls:") and files != [None] * 3:
            raise ValueError("ca, certificate and key are for a scheduler at tls://")
        if self.scheduler.startswith("tcp:") and self.address and not ip_address(self.address).is_loopback:
            raise ValueError("address: should be a loopback address, because the scheduler is at tcp://")
        return self
