"""Pages and settings for tests of recognition with stubs."""

from __future__ import annotations

from collections.abc import Callable

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config
from ocrspool.config.sections import Engine, Limits, Service
from ocrspool.pages import EncodedText, PageImage, PageText, TextLine
from ocrspool.recognition.page_json import decoded, encoded

NewPage = Callable[..., PageImage]
"""Makes a page with this number, width and height."""


BOX = ((1.0, 1.0), (30.0, 1.0), (30.0, 9.0), (1.0, 9.0))


def text(*lines: str) -> PageText:
    """Return a page of these lines."""
    return PageText(tuple(TextLine(line, 0.9, BOX, 0.8) for line in lines), 0, {"recognize": 0.5})


def encoded_text(*lines: str) -> EncodedText:
    """Return such a page as it travels."""
    return encoded(text(*lines))


def lines_of(found: object) -> list[str]:
    """Return the lines of a page that was read, or of what travels of it."""
    assert isinstance(found, (PageText, EncodedText))
    return [line.text for line in decoded(found).lines]


def configured(*devices: str, **service: int) -> CurrentConfig:
    """Return a configuration with these devices and these settings of the service. Memory is never short."""
    engine = Engine(devices=devices or ("cpu",))
    return CurrentConfig(Config(engine=engine, service=Service(**service), limits=Limits(free_memory_mb=0)))
