"""The parts of a service that have processes of their own, or signals. Tests put others in their place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ocrspool.config.assemblers import assembler_count
from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.decoding.api import DecoderPool
from ocrspool.processes.starting import Start
from ocrspool.processes.wakeup import WakeupEvent
from ocrspool.recognition.api import PageRecognizer
from ocrspool.recognition.pool import WorkerPool
from ocrspool.service.signals import Signals

if TYPE_CHECKING:
    from ocrspool.pipeline.assembler import Assembler

OnStage = Callable[[str], None]
"""Is told each stage of something that takes long."""


def _decoder_processes(live: CurrentConfig, start: Start) -> DecoderPool:
    pool = import_module("ocrspool.decoding.pool")  # when the workers load
    decoders: DecoderPool = pool.DecoderProcessPool(pool.decoder_count(live.config), live, start)
    return decoders


def _worker_processes(live: CurrentConfig, on_stage: OnStage, start: Start) -> PageRecognizer:
    return WorkerPool(live, on_stage, start=start)


def _assembler(live: CurrentConfig, start: Start) -> Assembler:
    assembler: Assembler
    if count := assembler_count(live.config):
        assembler = import_module("ocrspool.pipeline.assembling.pool").AssemblerPool(count, live, start)
    else:
        assembler = import_module("ocrspool.pipeline.assembler").InProcess()
    return assembler


def _prebuilt(config: Config, on_stage: OnStage) -> object:
    return import_module("ocrspool.recognition.prebuild").prebuild(config, on_stage)  # few starts build anything


@dataclass(frozen=True, slots=True)
class Parts:
    """What makes each part."""

    decoders: Callable[[CurrentConfig, Start], DecoderPool] = _decoder_processes
    recognizer: Callable[[CurrentConfig, OnStage, Start], PageRecognizer] = _worker_processes
    build: Callable[[Config, OnStage], object] = _prebuilt
    """Builds the engines that are missing."""
    signals: Callable[[WakeupEvent], Signals] = Signals
    assembler: Callable[[CurrentConfig, Start], Assembler] = _assembler


REAL = Parts()
