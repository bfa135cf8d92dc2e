"""Tesseract in its own processes: what it reads, and what becomes of lines when these die."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ocrspool.engine.models import tesseract_data
from ocrspool.engine.readers import tesseract
from ocrspool.engine.readers.tesseract import Symbol, TesseractReader
from ocrspool.engine.spec import ReaderSpec
from ocrspool.errors import ConfigError, EngineError
from ocrspool.processes import sandbox
from ocrspool.processes.child import Child
from support.process_table import children_of, is_module
from support.waiting import wait_until

Strip = NDArray[np.uint8]

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def spec() -> ReaderSpec:
    pytest.importorskip("tesserocr", reason="tesserocr is not installed")
    try:
        return tesseract_data.find("english", "tesseract:eng")
    except ConfigError as error:
        pytest.skip(f"{error.message}: {error.hint}")


@pytest.fixture
def reader(spec: ReaderSpec) -> Iterator[TesseractReader]:
    reader = tesseract.load(spec, 2)
    yield reader
    reader.close()
    assert not _processes()


def _strip(text: str) -> Strip:
    font = ImageFont.load_default(30)
    image = Image.new("RGB", (round(font.getlength(text)) + 20, 48), "white")
    ImageDraw.Draw(image).text((10, 4), text, fill=0, font=font)
    return np.asarray(image)


def _processes() -> list[int]:
    return [pid for pid in children_of(os.getpid()) if is_module(pid, "ocrspool.engine.readers.tesseract_process")]


def test_a_line_is_read_with_the_places_of_its_letters(reader: TesseractReader) -> None:
    assert not _processes()  # nothing is started before the first line
    strip = _strip("Total amount 12.50")
    (found,) = reader.read([strip])
    assert found.text == "Total amount 12.50"
    assert found.certainty > 0.9
    assert found.unread_share == 0
    places = [letter.x for letter in found.letters]
    assert places == sorted(places)
    assert 0 < places[0] < 40
    assert strip.shape[1] - 40 < places[-1] < strip.shape[1]
    assert len(_processes()) == 1  # one line needs one


@pytest.mark.skipif(not sandbox.can_filter(), reason="this kernel filters no system calls")
def test_a_process_is_confined(reader: TesseractReader) -> None:
    """It filters its system calls, and has no descriptor beside its socket and what every process has."""
    reader.read([_strip("confined")])
    (pid,) = _processes()
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Seccomp:\t2" in status
    assert "NoNewPrivs:\t1" in status
    opened = [os.fspath(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    assert sum(link.startswith("socket:") for link in opened) == 1
    assert not [link for link in opened if "memfd" in link or "traineddata" in link]


def test_lines_are_read_side_by_side_and_alike(reader: TesseractReader) -> None:
    """By several threads, in any order, and by different processes: a line depends on itself alone."""
    strips = [_strip(f"Invoice number {number}") for number in range(21, 33)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda strip: reader.read([strip])[0], strips))
    assert [reading.text for reading in found] == [f"Invoice number {number}" for number in range(21, 33)]
    assert [reader.read([strip])[0] for strip in strips] == found
    assert len(_processes()) == 2


def test_it_is_not_sure_of_what_is_no_text(reader: TesseractReader) -> None:
    """A page is turned, and the reader of another script is asked, by this difference."""
    text = "The reading room is open again"
    upright, turned = reader.read([_strip(text), np.ascontiguousarray(_strip(text)[::-1, ::-1])])
    assert upright.text == text
    assert upright.certainty > turned.certainty + 0.2


def test_a_strip_need_not_be_contiguous_or_hold_ink(reader: TesseractReader) -> None:
    strip = np.ascontiguousarray(_strip("upside down")[::-1, ::-1])[::-1, ::-1]
    blank = np.full((48, 1, 3), 255, np.uint8)
    assert [reading.text for reading in reader.read([strip, blank])] == ["upside down", ""]


def test_a_process_that_is_killed_is_replaced(reader: TesseractReader, caplog: pytest.LogCaptureFixture) -> None:
    """The line that it was to read is read by the next one."""
    strip = _strip("still there")
    reader.read([strip])
    (pid,) = _processes()
    os.kill(pid, signal.SIGKILL)
    with caplog.at_level(logging.WARNING):
        assert reader.read([strip])[0].text == "still there"
    assert "the reader english: its process was killed by SIGKILL" in caplog.text
    assert pid not in _processes()


def test_a_line_that_kills_every_process_is_unread_and_the_next_one_is_not(
    reader: TesseractReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    strip = _strip("line of ink")
    real = tesseract._asked

    def killing(child: Child, picture: Strip, left: int) -> list[Symbol]:
        child.signal_kill()
        return real(child, picture, left)

    with monkeypatch.context() as patched:
        patched.setattr(tesseract, "_asked", killing)
        (lost,) = reader.read([strip])
    assert (lost.text, lost.confidence) == ("", 0)
    assert lost.ink.unread > 0  # so there is a warning
    assert reader.read([strip])[0].text == "line of ink"


@pytest.mark.usefixtures("spec")
def test_data_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    file = tmp_path / "eng.traineddata"
    file.write_bytes(b"no data")
    reader = tesseract.load(ReaderSpec("english", "tesseract:eng", (file,)), 1)
    with pytest.raises(EngineError, match=r"the reader english \(tesseract:eng\) cannot be loaded"):
        reader.read([_strip("x")])
    reader.close()
    wait_until(lambda: not _processes(), 10)


def test_noise_of_all_sizes_does_no_harm(reader: TesseractReader) -> None:
    generator = np.random.default_rng(1)
    for width in (1, 2, 3, 7, 48, 3200):
        noise = generator.integers(0, 256, (48, width, 3), np.uint8)
        reader.read([noise, cv2.GaussianBlur(noise, (0, 0), 3).astype(np.uint8)])
    assert reader.read([_strip("after noise")])[0].text == "after noise"
