"""Who reads: presets, readers of one's own, and what a reload cannot change."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from ocrspool.config.engine_requests import engine_request
from ocrspool.config.reload import differences, live_part
from ocrspool.config.schema import Config
from ocrspool.pages import ReaderOrder


def config(**settings: object) -> Config:
    return Config.model_validate({"inbox": {"a": {"root": "/a"}}, **settings})


def test_by_default_one_reader_reads() -> None:
    assert config().profile_of("a").reader_order().names == ("default",)
    assert engine_request(config(), "cpu").readers == ()


TINY = (("tiny", "PP-OCRv6_tiny"),)


@pytest.mark.parametrize(
    ("quality", "order", "finders"),
    [
        ("fast", ReaderOrder(("tiny",), 0.96, finder="tiny", search=0.75), TINY),
        ("balanced", ReaderOrder(("tiny", "default"), 0.96, 1.0, "tiny", wary=True, letter_width=16), TINY),
    ],
)
def test_a_preset_brings_its_nets_along(quality: str, order: ReaderOrder, finders: tuple[tuple[str, str], ...]) -> None:
    found = config(profile={"default": {"quality": quality}})
    assert found.profile_of("a").reader_order() == order
    assert engine_request(found, "cpu").readers == TINY
    assert engine_request(found, "cpu").finders == finders


def test_a_profile_may_name_who_finds_its_lines() -> None:
    """With readers of its own, the default finder finds them unless another one is named."""
    engine = {"readers": {"mine": "/models/rec"}, "finders": {"mine": "/models/det"}}
    for settings, finder in (
        ({"quality": "fast", "finder": "default"}, "default"),
        ({"quality": "best", "finder": "tiny"}, "tiny"),
        ({"quality": "fast", "readers": ["mine"]}, "default"),
        ({"readers": ["mine"], "finder": "mine"}, "mine"),
    ):
        found = config(engine=engine, profile={"default": settings})
        assert found.profile_of("a").reader_order().finder == finder
        assert ("tiny" in found.engine.finders) == (finder == "tiny")


def test_readers_of_one_s_own_are_asked_in_their_order() -> None:
    found = config(
        engine={"readers": {"russian": "eslav_PP-OCRv5_mobile", "fast": "/models/tiny"}},
        profile={"default": {"readers": ["fast", "default", "russian"], "sure": 0.9}},
    )
    assert found.profile_of("a").reader_order() == ReaderOrder(("fast", "default", "russian"), 0.9)
    assert engine_request(found, "cpu").readers == (("fast", "/models/tiny"), ("russian", "eslav_PP-OCRv5_mobile"))


def test_the_reader_tiny_can_be_another_model() -> None:
    found = config(engine={"readers": {"tiny": "/models/tiny"}}, profile={"default": {"quality": "fast"}})
    assert engine_request(found, "cpu").readers == (("tiny", "/models/tiny"),)


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        (
            {"profile": {"x": {"readers": ["greek"]}}},
            "profile.x.readers: there is no reader greek, only default",
        ),
        ({"engine": {"readers": {"default": "bundled"}}}, "default is the reader of engine.models"),
        ({"profile": {"x": {"readers": ["default", "default"]}}}, "should name each reader once"),
        ({"engine": {"readers": {"greek": ""}}}, "at least 1 character"),
        ({"profile": {"x": {"finder": "strong"}}}, "profile.x.finder: there is no finder strong, only default"),
        ({"engine": {"finders": {"default": "bundled"}}}, "default is the finder of engine.models"),
        ({"engine": {"finders": {"greek": "tesseract:ell"}}}, "Tesseract reads them only"),
    ],
)
def test_what_no_engine_can_have_is_refused(settings: dict[str, object], problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        config(**settings)


def test_a_reload_gives_no_profile_a_reader_that_is_not_loaded() -> None:
    """The engine is loaded at the start. Until the next one the profile is read as before, and that is said."""
    quality = {"quality": "balanced", "finder": "default", "dpi": 300}
    old, new = config(), config(profile={"default": quality})
    live = live_part(old, new)
    assert live.profile_of("a").reader_order().names == ("default",)
    assert live.profile_of("a").dpi == 300
    assert engine_request(live, "cpu") == engine_request(old, "cpu")
    assert differences(old, new) == [
        "engine.readers: nothing → tiny = PP-OCRv6_tiny",
        "profile.default.readers: default → tiny, default",
    ]


def test_a_reload_gives_no_profile_a_finder_that_is_not_loaded() -> None:
    old = config(profile={"default": {"quality": "balanced", "finder": "default"}})
    new = config(profile={"default": {"quality": "fast"}})
    live = live_part(old, new)
    assert live.profile_of("a").reader_order() == old.profile_of("a").reader_order()
    assert engine_request(live, "cpu") == engine_request(old, "cpu")
    assert differences(old, new) == [
        "engine.finders: nothing → tiny = PP-OCRv6_tiny",
        "profile.default.readers: tiny, default → tiny",
        "profile.default.finder: default → tiny",
    ]


def test_a_reload_may_choose_among_readers_that_are_loaded() -> None:
    old = config(profile={"default": {"quality": "balanced"}})
    live = live_part(old, config())
    assert live.profile_of("a").reader_order().names == ("default",)
    assert engine_request(live, "cpu") == engine_request(old, "cpu"), "a worker that is replaced loads the same engine"
    again = live_part(live, config(profile={"default": {"quality": "fast", "finder": "default"}}))
    assert again.profile_of("a").reader_order().names == ("tiny",)
