"""What a reload puts into effect, what has to wait for a start, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.config.reload import Configuration, differences
from ocrspool.errors import ConfigError

INBOX = "[inbox.scans]\nroot = '{root}'\n"


class World:
    """A configuration file that a test changes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "ocrspool.toml"
        self.write()
        self.configuration = Configuration(self.path, None)

    def write(self, more: str = "", inbox: str = "") -> None:
        paths = f"[paths]\ncache = '{self.folder}/cache'\nruntime = '{self.folder}/run'\n"
        root = INBOX.format(root=self.folder / "scans")
        self.path.write_text(f"{paths}{more}{root}{inbox}", "utf-8")

    def reload(self, more: str = "", inbox: str = "") -> None:
        self.write(more, inbox)
        self.configuration.reload()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_settings_of_an_inbox_take_effect(world: World) -> None:
    """Whoever asks for the configuration gets the new one."""
    world.reload(inbox="settle_seconds = 9\n")
    assert world.configuration.live.config.inbox["scans"].settle_seconds == 9


def test_a_new_inbox_and_one_that_goes(world: World, tmp_path: Path) -> None:
    """Both are put into effect."""
    world.reload(inbox=f"[inbox.new]\nroot = '{tmp_path}/new'\n")
    assert set(world.configuration.live.config.inbox) == {"scans", "new"}
    world.reload()
    assert set(world.configuration.live.config.inbox) == {"scans"}


def test_what_only_a_start_can_change(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """It stays as it was, and is named with both values."""
    before = world.configuration.live.config.service.workers
    world.reload("[service]\nworkers = 3\n")
    assert world.configuration.live.config.service.workers == before
    assert f"service.workers: {before} → 3 takes effect at the next start" in caplog.text


def test_the_folders_of_an_inbox_wait_too(world: World, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The files in work are in the old ones. Its other settings take effect."""
    world.reload(inbox=f"outbox = '{tmp_path}/elsewhere'\nsettle_seconds = 9\n")
    inbox = world.configuration.live.config.inbox["scans"]
    assert (inbox.folder("outbox"), inbox.settle_seconds) == (tmp_path / "scans/outbox", 9)
    assert "inbox.scans.outbox: nothing → " in caplog.text


@pytest.mark.parametrize("wrong", ["[service]\nworkers = 'x'\n", "nonsense", "[hooks]\ndone = ['/no/such/command']\n"])
def test_a_faulty_file_changes_nothing(world: World, wrong: str) -> None:
    """Neither a wrong value nor a typo, nor what the machine does not have."""
    before = world.configuration.live.config
    with pytest.raises(ConfigError):
        world.reload(wrong)
    assert world.configuration.live.config is before


def test_nothing_waits_where_nothing_changed(world: World) -> None:
    """The same file again is no difference."""
    config = world.configuration.live.config
    world.reload()
    assert differences(config, world.configuration.live.config) == []


def test_the_format_of_the_log_from_the_command_line_stays(world: World) -> None:
    """It holds in place of the file's, after a reload too."""
    configuration = Configuration(world.path, "json")
    world.write("[log]\nformat = 'plain'\nlevel = 'debug'\n")
    configuration.reload()
    log = configuration.live.config.log
    assert (log.format, log.level) == ("json", "debug")
