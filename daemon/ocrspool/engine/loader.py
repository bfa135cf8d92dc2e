"""From an engine in the cache to a working one, proven to be loaded and not built.

The proof, in this order: the manifest exists; every file hashes to what it says; the runtime says that it loaded
and did not build; each net runs at both ends of its shapes, where those are fixed; a known page, which takes all
three nets, reads as it did when the engine was built; and no file of the engine has changed meanwhile.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict
from typing import TYPE_CHECKING

import numpy as np

from ocrspool.engine.cache.store import HINT, Manifest, differences
from ocrspool.engine.detection.detect import DetectSettings
from ocrspool.engine.file_stamps import stamps
from ocrspool.engine.models import model_set
from ocrspool.engine.ocr.recognizer import Nets, Recognizer, RecognizeSettings
from ocrspool.engine.reading.recognize import ReadSettings
from ocrspool.engine.runtimes.fixed_shapes import widths
from ocrspool.engine.stages import OnStage, StageTimer
from ocrspool.engine.test_pages import known_text
from ocrspool.errors import EngineMissingError

if TYPE_CHECKING:
    from pathlib import Path

    from ocrspool.engine.plan import Plan
    from ocrspool.engine.spec import Net, NetSpec

_log = logging.getLogger(__name__)

_MOST_BESIDE_A_GPU = 8
"""Threads that prepare work for one GPU; more would wait for Python's lock."""


def load(plan: Plan, on_stage: OnStage) -> tuple[Recognizer, Manifest, dict[str, float]]:
    """Load the engine out of the cache and prove it. Return also the seconds that each stage took.

    The nets are loaded side by side: "load" is less than the sum of theirs.
    Raise EngineMissingError when it is not there, differs or is damaged; nothing is ever built here.
    """
    stages = StageTimer(on_stage)
    manifest = plan.cache.find(plan.identity)
    before = stamps(plan.folder)
    with ThreadPoolExecutor(1) as aside:  # hashing needs no interpreter lock, so it costs no time beside the loading
        verified = aside.submit(plan.cache.verify, plan.identity, manifest)
        with stages.stage("runtime", f"loading the {plan.runtime} library"):
            plan.load_runtime()
        with stages.stage("verify", "verifying the engine's files"):
            verified.result()
    with stages.stage("load"):
        nets = load_nets(plan, plan.folder, on_stage, stages.seconds)
    with ExitStack() as undo:
        with stages.stage("warm-up", "warming up"):
            recognizer = recognizer_of(plan, nets)
            undo.callback(recognizer.close)
            found = known_text(recognizer)
        _check(plan.folder, manifest.known_text, found, before)
        undo.pop_all()
    if changed := differences(manifest.soft, plan.soft):
        told = "; ".join(changed)
        _log.warning("since the engine was built: %s; it was loaded and proven all the same", told)
    return recognizer, manifest, stages.seconds


def still_reads(recognizer: Recognizer, manifest: Manifest) -> bool:
    """Tell whether the engine reads the known page as it should, after it has failed on another page.

    No line of a page in work is in a batch with the known page's: one of those may be what makes the engine fail.
    """
    with recognizer.beside() as fresh:
        return known_text(fresh) == manifest.known_text


def _check(folder: Path, known: list[str], found: list[str], before: dict[str, tuple[int, int]]) -> None:
    """Raise EngineMissingError where the engine reads otherwise than when it was built, or has been built just now."""
    if found != known:
        raise EngineMissingError(f"the engine in {folder} reads the known page as {found}, not {known}", HINT)
    if stamps(folder) != before:
        raise EngineMissingError(f"loading changed files in {folder}: the engine was built, not loaded", HINT)


def load_nets(plan: Plan, folder: Path, on_stage: OnStage, seconds: dict[str, float]) -> Nets:
    """Load the three nets of the engine in `folder`, side by side; add the seconds of each."""
    runtime = plan.load_runtime()

    def net(spec: NetSpec) -> Net:
        began = time.perf_counter()
        loaded = runtime.load(spec, folder / spec.name, plan.settings)
        seconds[f"load {spec.name}"] = round(time.perf_counter() - began, 3)
        return loaded

    nets: list[Net] = []
    with ThreadPoolExecutor(3) as threads:
        for number, (spec, loading) in enumerate([(spec, threads.submit(net, spec)) for spec in plan.models], 1):
            on_stage(f"loading {spec.role} engine {number}/3: {spec.name}")
            nets.append(loading.result())
    return Nets(*nets)


def recognizer_of(plan: Plan, nets: Nets) -> Recognizer:
    """Return what reads pages with these nets, each of which has run at its warm-up shapes."""
    for net in (nets.detection, nets.recognition, nets.classifier):
        for shape in net.warm_up:
            net(np.zeros(shape, np.uint8))
    thresholds = asdict(plan.models.thresholds)
    settings = RecognizeSettings(
        detect=DetectSettings(side=plan.settings.detection_side, **thresholds),
        read=ReadSettings(widths=widths(plan.settings.line_width) if plan.settings.provider in {"cuda", "rtx"} else ()),
        threads=0 if plan.settings.gpu is None else min(plan.settings.threads, _MOST_BESIDE_A_GPU),
    )
    return Recognizer(nets, model_set.characters(plan.models.recognition), settings)
