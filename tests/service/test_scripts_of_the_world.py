"""Pages in eight scripts through a real service, Tesseract being the second reader."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from ocrspool.text_similarity import Runs
from support import script_pages
from support.daemon_process import Daemon, ocrspool
from support.script_pages import SCRIPTS, Script

pytestmark = [pytest.mark.engine, pytest.mark.slow]

_ENGLISH = (
    "The reading room is open from nine to six, and each visitor may ask for a map.\nLetters received in 2024: 1248"
)
_NUMBERS = itertools.count()
_HERE = [script for script in SCRIPTS if not script_pages.lacks(script.language, script.fonts[0])]


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A service with a reader and an inbox for each script that can be drawn here, and an inbox without any."""
    if not _HERE:
        script_pages.skip_unless((SCRIPTS[0].language, SCRIPTS[0].fonts[0]))
        pytest.skip(script_pages.lacks(SCRIPTS[-1].language, SCRIPTS[-1].fonts[0]))
    folder = tmp_path_factory.mktemp("scripts")
    names = [script.language for script in _HERE]
    readers = ", ".join(f'{name} = "tesseract:{name}"' for name in names)
    profiles = "".join(script.profile for script in _HERE)
    inboxes = "".join(_inbox(name) + f'profile = "{name}"\n' for name in names)
    more = f"{inboxes}[engine]\nreaders = {{ {readers} }}\n{profiles}"
    daemon = Daemon(folder / "d", folder / "cache", inboxes=_inbox("default"), more=more)
    try:
        built = ocrspool("prebuild", "--config", daemon.config, seconds=300)
        assert built.returncode == 0, built.stderr
        daemon.start()
        yield daemon
    finally:
        daemon.close()


def _inbox(name: str) -> str:
    return f"[inbox.{name}]\nroot = '{'spool' if name == 'default' else name}'\nsettle_seconds = 0.2\n"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_a_page_is_read_by_the_reader_of_its_script(daemon: Daemon, script: Script) -> None:
    """Nearly all words of it are in the result, in the order in which they are read; words have boxes on the page."""
    script_pages.skip_unless((script.language, script.fonts[0]))
    pixels = script_pages.page(script.language, script.fonts[0])
    page = _read(daemon, script.language, pixels)["pages"][0]
    read = "\n".join(line["text"] for line in page["lines"])
    truth = script_pages.text(script.language)
    assert script_pages.word_f1(script.language, truth, read) >= script.least_f1, read
    assert {line["reader"] for line in page["lines"]} == {script.language}
    for line in page["lines"]:
        assert "".join(word["text"] for word in line["words"]) == "".join(line["text"].split())
        first, last = (line["words"][place]["polygon"][0][0] for place in (0, -1))
        assert len(line["words"]) == 1 or (first > last) == (script.language in script_pages.RIGHT_TO_LEFT)


@pytest.mark.parametrize("language", ["rus", "heb"])
def test_lines_of_a_mixed_page_find_their_reader(daemon: Daemon, language: str) -> None:
    """Nobody says which line is in which script: English stays with the net, which is sure of it."""
    script = next(each for each in SCRIPTS if each.language == language)
    script_pages.skip_unless((language, script.fonts[0]))
    own = script_pages.text(language).split("\n")[1]
    english = script_pages.page("eng", script.fonts[0], _ENGLISH)
    foreign = script_pages.page(language, script.fonts[0], own)
    page = _read(daemon, language, np.vstack([english, foreign, english]))["pages"][0]
    by_reader: dict[str, list[str]] = {}
    for line in page["lines"]:
        by_reader.setdefault(line["reader"], []).append(line["text"])
    # Whether the net sees the spaces beside a number depends on how the processor rounds.
    english_lines = by_reader["default"]
    assert len(english_lines) == 2 * len(_ENGLISH.split("\n"))
    assert Runs(english_lines).share(_ENGLISH) >= 0.95
    assert script_pages.word_f1(language, own, "\n".join(by_reader[language])) >= 0.95


@pytest.mark.parametrize("script", [each for each in SCRIPTS if each.language != "vie"], ids=lambda script: script.name)
def test_without_its_reader_a_page_is_warned_of(daemon: Daemon, script: Script) -> None:
    script_pages.skip_unless((script.language, script.fonts[0]))
    result = _read(daemon, "default", script_pages.page(script.language, script.fonts[0]))
    assert "unread-script" in {warning["code"] for warning in result["warnings"]}


def _read(daemon: Daemon, inbox: str, page: NDArray[np.uint8]) -> dict[str, Any]:
    """Drop a page into an inbox, and wait for its result."""
    name, root = f"{next(_NUMBERS)}.png", "" if inbox == "default" else inbox
    daemon.drop(name, script_pages.png(page), root)
    return daemon.result(name, root)
