"""A build, as the service and the command see it: what is asked of the process, and what its answers mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine, Paths
from ocrspool.errors import EngineError, EngineMissingError
from ocrspool.processes.channel import Message
from ocrspool.processes.child import ChildDiedError
from ocrspool.recognition.prebuild import build_in, build_requests
from ocrspool.recognition.stub import FACTS
from ocrspool.recognition.stub_worker import StubProcess

BUILT: Message = {"built": {**FACTS, "new": True}}
BOTH = Config(engine=Engine(devices=("gpu:0", "gpu:0"), on_no_gpu="cpu"), paths=Paths(cache=Path("/cache")))


def build(process: StubProcess, stages: list[str] | None = None) -> dict[str, Any]:
    on_stage = (stages if stages is not None else []).append
    return build_in(process, {"op": "build"}, on_stage, on_stage)


def test_each_device_gets_its_engine_once() -> None:
    """A GPU that is named twice has one engine; the CPU that may take its place has one, too."""
    asked = build_requests(BOTH, force=True, download=False)
    assert [each["engine"]["settings"]["device"] for each in asked] == ["gpu:0", "cpu"]
    assert {each["op"] for each in asked} == {"build"}
    assert all(each["force"] for each in asked)


@pytest.mark.parametrize("download", [True, False])
def test_the_network_is_used_only_by_leave(*, download: bool) -> None:
    (request,) = build_requests(Config(), force=False, download=download)
    assert request["source"] == (Config().engine.model_source if download else None)


def test_stages_are_told_and_the_facts_returned() -> None:
    stages: list[str] = []
    process = StubProcess([{"stage": "one"}, {"stage": "two"}, BUILT])
    assert build(process, stages) == BUILT["built"]
    assert stages == ["one", "two"]
    assert process.sent == [{"op": "build"}]
    assert process.closed


def test_an_error_is_raised_as_what_it_was() -> None:
    process = StubProcess([{"error": {"kind": "missing", "message": "no model", "hint": "download it"}}])
    with pytest.raises(EngineMissingError, match="no model"):
        build(process)
    assert process.closed


def test_a_build_that_crashes_is_told_in_words() -> None:
    with pytest.raises(EngineError, match="the build was killed by SIGSEGV") as caught:
        build(StubProcess([{"stage": "one"}, ChildDiedError("was killed by SIGSEGV")]))
    assert "memory" in caught.value.hint


def test_a_build_that_is_interrupted_is_killed() -> None:
    """It would finish what it is at, which may take minutes."""

    def interrupt(_: str) -> None:
        raise KeyboardInterrupt

    process = StubProcess([{"stage": "one"}, BUILT])
    with pytest.raises(KeyboardInterrupt):
        build_in(process, {"op": "build"}, interrupt, interrupt)
    assert process.killed
