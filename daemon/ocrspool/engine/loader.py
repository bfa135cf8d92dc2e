"""From an engine in the cache to a working one, proven to be loaded and not built.

The proof, in this order: the manifest exists; every file hashes to what it says; the runtime says that it loaded
and did not build; each net runs at both ends of its shapes, where those are fixed; a known page, which takes three
nets, reads as it did when the engine was built, and so do its lines by each further reader, and the page with each
further finder; and no file of the engine has changed meanwhile.
"""

from __future__ import annotations

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ocrspool.engine import further_finders, further_readers
from ocrspool.engine.cache.store import HINT, Manifest, differences
from ocrspool.engine.file_stamps import stamps
from ocrspool.engine.models import model_set
from ocrspool.engine.ocr.recognizer import Nets, Recognizer, RecognizeSettings
from ocrspool.engine.reading.recognize import ReadSettings
from ocrspool.engine.runtimes.base import runtime_spec
from ocrspool.engine.runtimes.fixed_shapes import widths
from ocrspool.engine.stages import OnStage, StageTimer
from ocrspool.engine.test_pages import known_text
from ocrspool.errors import EngineMissingError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ocrspool.engine.detection.detect import Finder
    from ocrspool.engine.plan import Plan
    from ocrspool.engine.readers.reader import LineReader
    from ocrspool.engine.spec import Net, NetSpec

_log = logging.getLogger(__name__)

_TAKES_LETTERS_FOR_OTHERS = "PP-OCRv6_"
"""How the names of nets begin that take letters of some languages for others, and are sure (misread_languages.py)."""

_MOST_BESIDE_A_GPU = 8
"""Threads that prepare work for one GPU; more would wait for Python's lock."""


class Loaded(NamedTuple):
    """What an engine reads with."""

    nets: Nets
    readers: Mapping[str, LineReader]
    """The further ones, by name."""
    finders: Mapping[str, Finder]
    """Likewise."""
    all_nets: Mapping[str, Net]
    """By key, also those of readers that are loaded by now."""
    proven: bool
    """Whether the readers are to be proven now, and not at their first use."""


@dataclass(frozen=True, slots=True)
class Proven:
    """An engine that has been loaded and proven."""

    recognizer: Recognizer
    manifest: Manifest
    seconds: dict[str, float]
    """What each stage took. The nets are loaded side by side: "load" is less than the sum of theirs."""
    nets: Mapping[str, Net]
    """By key."""


def load(plan: Plan, on_stage: OnStage) -> Proven:
    """Load the engine out of the cache and prove it.

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
        loaded = load_nets(plan, plan.folder, on_stage, stages.seconds, manifest.readers)
    with ExitStack() as undo:
        with stages.stage("warm-up", "warming up"):
            recognizer = recognizer_of(plan, loaded)
            undo.callback(recognizer.close_readers)
            undo.callback(recognizer.close)
            found = known_text(recognizer)
            if loaded.proven:
                further_readers.check(manifest.readers, known_by_reader(plan, loaded), plan.folder)
            further_finders.check(manifest.finders, further_finders.known_by(plan, recognizer), plan.folder)
        _check(plan.folder, manifest.known_text, found, before)
        undo.pop_all()
    if changed := differences(manifest.soft, plan.soft):
        told = "; ".join(changed)
        _log.warning("since the engine was built: %s; it was loaded and proven all the same", told)
    return Proven(recognizer, manifest, stages.seconds, loaded.all_nets)


def around(plan: Plan, nets: Mapping[str, Net], on_stage: OnStage) -> Proven:
    """Return what reads with nets that another process has loaded and proven: it reads the known page too.

    Raise EngineMissingError where it reads it otherwise than when the engine was built.
    """
    stages = StageTimer(on_stage)
    manifest = plan.cache.find(plan.identity)
    three = Nets(nets["detection"], nets["recognition"], nets["classifier"])
    readers = further_readers.of(plan, nets, read_settings(plan))
    loaded = Loaded(three, readers, further_finders.of(plan, nets), nets, proven=True)
    with ExitStack() as undo, stages.stage("join", "reading the known page with the shared engine"):
        recognizer = recognizer_of(plan, loaded)
        undo.callback(recognizer.close_readers)
        undo.callback(recognizer.close)
        _check_text(plan.folder, manifest.known_text, known_text(recognizer))
        undo.pop_all()
    return Proven(recognizer, manifest, stages.seconds, nets)


def still_reads(recognizer: Recognizer, manifest: Manifest) -> bool:
    """Tell whether the engine reads the known page as it should, after it has failed on another page.

    No line of a page in work is in a batch with the known page's: one of those may be what makes the engine fail. A
    net that joins calls (gathered.py) may join them all the same. Then an engine in order may be replaced, and no page
    is blamed.
    """
    with recognizer.beside() as fresh:
        return known_text(fresh) == manifest.known_text


def _check(folder: Path, known: list[str], found: list[str], before: dict[str, tuple[int, int]]) -> None:
    """Raise EngineMissingError where the engine reads otherwise than when it was built, or has been built just now."""
    _check_text(folder, known, found)
    if stamps(folder) != before:
        raise EngineMissingError(f"loading changed files in {folder}: the engine was built, not loaded", HINT)


def _check_text(folder: Path, known: list[str], found: list[str]) -> None:
    if found != known:
        raise EngineMissingError(f"the engine in {folder} reads the known page as {found}, not {known}", HINT)


def known_by_reader(plan: Plan, loaded: Loaded) -> dict[str, list[str]]:
    """Return what each further reader reads in the lines of the known page."""
    return further_readers.known_by(loaded.readers, loaded.nets.recognition, read_settings(plan))


def load_nets(
    plan: Plan,
    folder: Path,
    on_stage: OnStage,
    seconds: dict[str, float],
    known: Mapping[str, list[str]] | None = None,
) -> Loaded:
    """Load the nets and the readers of the engine in `folder`, side by side; add the seconds of each.

    With `known`, which says what each reader reads in the known lines, readers may be left to their first use.
    """
    runtime = plan.load_runtime()

    def net(spec: NetSpec) -> Net:
        began = time.perf_counter()
        loaded = runtime.load(spec, folder / spec.folder, plan.settings)
        seconds[f"load {spec.folder}"] = round(time.perf_counter() - began, 3)
        return loaded

    # On a GPU all of them are loaded first: graphs of CUDA can be captured only while nothing else runs.
    later = plan.readers_at_first_use and known is not None and plan.settings.gpu is None
    specs = [spec for spec in plan.models if not (spec.reader and later)]
    nets: dict[str, Net] = {}
    with ThreadPoolExecutor(len(specs)) as threads:
        for number, (spec, loading) in enumerate([(spec, threads.submit(net, spec)) for spec in specs], 1):
            on_stage(f"loading {spec.key} engine {number}/{len(specs)}: {spec.name}")
            nets[spec.key] = loading.result()
    three = Nets(nets["detection"], nets["recognition"], nets["classifier"])
    settings, finders = read_settings(plan), further_finders.of(plan, nets)
    if later:
        readers = further_readers.at_first_use(plan, net, settings, three.recognition, known or {})
        return Loaded(three, readers, finders, nets, proven=False)
    return Loaded(three, further_readers.of(plan, nets, settings), finders, nets, proven=True)


def recognizer_of(plan: Plan, loaded: Loaded) -> Recognizer:
    """Return what reads pages with these nets and readers; each loaded net has run at its warm-up shapes."""
    for net in loaded.all_nets.values():
        for shape in net.warm_up:
            net(np.zeros(shape, np.uint8))
    settings = RecognizeSettings(
        detect=further_finders.settings(plan, plan.models.thresholds),
        read=read_settings(plan),
        threads=0 if plan.settings.gpu is None else min(plan.settings.threads, _MOST_BESIDE_A_GPU),
        taking_letters_for_others=plan.models.readers_of(_TAKES_LETTERS_FOR_OTHERS),
    )
    characters = model_set.characters(plan.models.recognition)
    return Recognizer(loaded.nets, characters, settings, loaded.readers, loaded.finders)


def read_settings(plan: Plan) -> ReadSettings:
    """Return in which widths the nets of an engine get their lines, and how many of them in a call."""
    runtime, provider = runtime_spec(plan.runtime), plan.settings.provider
    fixed = widths(plan.settings.line_width) if provider in {"cuda", "rtx"} else ()
    return ReadSettings(widths=fixed, joined=provider in runtime.joins_calls, columns=runtime.columns)
