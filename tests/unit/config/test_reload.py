"""A configuration that is read again: what holds at once, what waits for a start, what is refused."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from ocrspool.config.reload import Configuration, differences, live_part
from ocrspool.config.schema import Config
from ocrspool.errors import ConfigError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "ocrspool.toml").write_text(text(tmp_path), "utf-8")
    return tmp_path / "ocrspool.toml"


def text(folder: Path, more: str = "") -> str:
    return f"paths = {{ cache = '{folder}/cache', runtime = '{folder}/run' }}\n[inbox.a]\nroot = '{folder}/a'\n{more}"


def config(**settings: object) -> Config:
    return Config.model_validate({"inbox": {"a": {"root": "/a"}}, **settings})


def test_what_can_change_changes_at_once(file: Path) -> None:
    """Everyone who holds the current configuration sees it."""
    configuration = Configuration(file, None)
    live = configuration.live
    more = "settle_seconds = 7\noutputs = ['txt']\n[limits]\npages = 9\n[inbox.b]\nroot = '" + str(file.parent / "b'")
    file.write_text(text(file.parent, more), "utf-8")
    configuration.reload()
    assert live.config.limits.pages == 9
    assert live.config.inbox["a"].settle_seconds == 7
    assert list(live.config.inbox) == ["a", "b"]


@pytest.mark.parametrize("more", ["nonsense = 1", "settle_seconds = -1", "on_done = ['no-such-command']", "[["])
def test_a_faulty_one_changes_nothing(file: Path, more: str) -> None:
    """Whether it is no TOML, has a wrong value, or does not fit this machine."""
    configuration = Configuration(file, None)
    before = configuration.live.config
    file.write_text(text(file.parent, more), "utf-8")
    with pytest.raises(ConfigError):
        configuration.reload()
    assert configuration.live.config is before


def test_what_waits_for_a_start_is_said(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With its old and its new value; it is not in effect."""
    configuration = Configuration(file, None)
    file.write_text(text(file.parent, "[service]\nworkers = 3\n"), "utf-8")
    with caplog.at_level(logging.WARNING):
        configuration.reload()
    assert "service.workers: 1 → 3 takes effect at the next start" in caplog.text
    assert configuration.live.config.service.workers == 1


def test_the_format_of_the_log_stays_as_the_command_line_has_it(file: Path) -> None:
    """Also over a reload."""
    configuration = Configuration(file, "json")
    configuration.reload()
    assert configuration.live.config.log.format == "json"


def test_folders_of_an_inbox_stay() -> None:
    """It is being worked on in them. Those of a new inbox are taken."""
    old = config()
    new = Config.model_validate({"inbox": {"a": {"root": "/other", "settle_seconds": 9}, "b": {"root": "/b"}}})
    live = live_part(old, new)
    assert live.inbox["a"].folder("work") == Path("/a/work")
    assert live.inbox["a"].settle_seconds == 9
    assert live.inbox["b"].folder("work") == Path("/b/work")
    assert differences(old, new) == ["inbox.a.root: /a → /other"]


def test_differences_are_in_words() -> None:
    """A list is shown as one, and what is empty as nothing."""
    one, other = config(), config(engine={"devices": ["gpu:0", "gpu:1"]}, metrics={"listen": "127.0.0.1:9464"})
    assert differences(one, other) == [
        "engine.devices: cpu → gpu:0, gpu:1",
        "metrics.listen: nothing → 127.0.0.1:9464",
    ]
    assert differences(one, one) == []
