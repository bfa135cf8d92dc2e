"""Which hosts may read, and why others may not."""

from __future__ import annotations

from typing import Any

import pytest

from ocrspool import __version__
from ocrspool.recognition.hosts.program import code
from ocrspool.recognition.hosts.roster import Roster
from ocrspool.recognition.hosts.transport_choice import HostWay
from ocrspool.recognition.stub import FACTS
from support.stub_hosts import report, with_cluster

LOCAL = {**FACTS, "identity": {"precision": "f32", "cpu": "another"}}


def roster(local: dict[str, Any] | None = LOCAL, **engine: object) -> Roster:
    return Roster(with_cluster("cpu", engine=engine).config, lambda: local, clock=lambda: 5.0)


def judged(of: Roster, name: str = "gpu1", **more: object) -> tuple[str, str]:
    host, _ = of.report(name, f"tcp://{name}:1", report(name, **more))
    return host.state, host.reason


def test_a_host_that_reads_as_this_machine_does_is_in() -> None:
    """The processor may be another one."""
    assert judged(roster()) == ("in", "")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"version": "9.9"}, f"ocrspool is 9.9, here {__version__}"),
        ({"code": "ab12"}, f"ocrspool {__version__} has other code: its digest is ab12, here {code()}"),
        ({"code": ""}, f"ocrspool {__version__} has other code: its digest is not known, here {code()}"),
        ({"facts": {"precision": "bf16"}}, "precision is bf16, here f32"),
        ({"facts": {"runtime_version": "7"}}, "runtime_version is 7, here 0"),
        (
            {"facts": {"models": [{"role": "detection", "name": "big", "sha256": "ab" * 32}]}},
            "detection model is big abababababab, here not there",
        ),
        (
            {"facts": {"identity": {"precision": "f32", "detection.shapes": "1x2"}}},
            "detection.shapes is 1x2, here not there",
        ),
    ],
)
def test_a_host_that_would_read_otherwise_is_refused(more: dict[str, Any], reason: str) -> None:
    """The reason names the item, what it is there, and what it is here."""
    assert judged(roster(), **more) == ("refused", reason)


def test_a_host_with_another_dask_is_refused() -> None:
    """The bridge knows what is here. It tells before it has reached anybody."""
    of = roster()
    of.dask = "2"
    assert judged(of) == ("refused", "distributed is 1, here 2")
    assert judged(of, dask="2") == ("in", "")


def test_a_host_waits_for_the_engine_of_this_machine() -> None:
    """Before that is loaded, nobody knows what is right."""
    assert judged(roster(local=None)) == ("out", "the engine of this machine is still loading")


def test_without_an_engine_here_the_first_host_says_what_is_right() -> None:
    """All others have to be like it, also after it has gone."""
    of = Roster(with_cluster().config, lambda: None)
    assert judged(of, "a") == ("in", "")
    of.gone("a", "off")
    state, reason = judged(of, "b", facts={"precision": "f16"})
    assert (state, reason) == ("refused", "precision is f16, on a, which came first, f32")


def test_the_configuration_may_say_what_is_right() -> None:
    """A setting of [engine] that is written down holds for all hosts."""
    of = Roster(with_cluster(engine={"runtime": "tensorrt"}).config, lambda: None)
    assert judged(of) == ("refused", "runtime is stub, asked for here tensorrt")


def test_a_host_needs_the_readers_that_pages_are_sent_to() -> None:
    """Profiles name readers, and the configuration of the service has the profiles."""
    assert judged(roster(readers={"greek": "PP-OCRv5_greek"})) == (
        "refused",
        "it has no reader greek, which engine.readers has here",
    )
    models = [{"role": "recognition", "name": "g", "sha256": "0" * 64, "reader": "greek"}]
    of = Roster(with_cluster(engine={"readers": {"greek": "PP-OCRv5_greek"}}).config, lambda: None)
    assert judged(of, facts={"models": models}) == ("in", "")


def test_a_host_needs_the_finders_that_profiles_name() -> None:
    config = with_cluster(engine={"finders": {"fine": "/models/det"}}).config
    assert judged(Roster(config, lambda: None)) == ("refused", "it has no finder fine, which engine.finders has here")
    models = [{"role": "detection", "name": "g", "sha256": "0" * 64, "finder": "fine"}]
    assert judged(Roster(config, lambda: None), facts={"models": models}) == ("in", "")


def test_a_host_without_an_engine_is_out() -> None:
    """It loads one, perhaps."""
    assert judged(roster(), engines=(), workers=0) == ("out", "none of its workers has an engine")


def test_a_host_with_two_engines_needs_both_to_be_right() -> None:
    """A CPU that reads in the place of a GPU, for instance."""
    engines = (report().engines[0], {**report().engines[0], "precision": "f16"})
    assert judged(roster(), engines=engines)[0] == "refused"


def test_news_are_told_once() -> None:
    """A host says every second how it is."""
    of = roster()
    assert of.report("a", "tcp://a:1", report("a"))[1]
    assert not of.report("a", "tcp://a:1", report("a", pages=3))[1]
    assert of.gone("a", "off")[1]
    assert not of.gone("a", "off")[1]


def test_a_host_that_decodes_otherwise_gets_pages_only() -> None:
    """It reads, and the reason is told; once it decodes alike, that is news too."""
    of = Roster(with_cluster().config, lambda: None, decoding=lambda: {"pillow": "12"})
    host, is_news = of.report("a", "tcp://a:1", report("a", decoding={"pillow": "11"}), 1e9)
    assert (host.state, host.no_files, is_news) == ("in", "pillow is 11, here 12", True)
    assert (of.take_files(), of.ways()) == ([], [])
    assert of.next_host() is host
    assert of.next_host(for_a_file=True) is None
    _, is_news = of.report("a", "tcp://a:1", report("a", decoding={"pillow": "12"}), 1e9)
    assert is_news
    assert of.ways() == [HostWay(1e9, 0.0)]
    of.read_file(host, pages=3, wait_seconds=1.0, wire_seconds=0.02)
    assert of.ways() == [HostWay(1e9, 0.1)]


def test_files_can_be_kept_here() -> None:
    """By a setting."""
    of = Roster(with_cluster(files="never").config, lambda: None)
    assert judged(of) == ("in", "")
    assert of.hosts["gpu1"].no_files == 'cluster.files is "never"'
