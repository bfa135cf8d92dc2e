"""Decoders that give files to hosts: what the pipeline gets from them, and when decoders of this machine are used."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Profile
from ocrspool.decoding.api import Decoder, DecoderDiedError, DocumentInfo
from ocrspool.decoding.stub import PreparedDocument, PreparedPage, StubDecoderPool
from ocrspool.errors import DocumentError, EngineError
from ocrspool.pages import PageImage
from ocrspool.recognition.hosts.file_answers import DecoderDeath, Fault, FileOutcome, FilePage, FileRead
from ocrspool.recognition.hosts.file_queue import FileTask
from ocrspool.recognition.hosts.transport_choice import HostWay
from ocrspool.recognition.hosts.whole_files import WholeFiles
from ocrspool.recognition.page_json import decoded
from support.stub_hosts import with_cluster
from support.stub_pages import encoded_text

LARGE = 1000
"""Sides of a page: a thousand times as many bytes of pixels as the file has."""


class StubFileHosts:
    """Hosts that answer at once, as `answer` says; None: no host takes the file."""

    def __init__(self, pages: int = 1) -> None:
        self.asked: list[tuple[int, bytes]] = []
        """The first page of each file that came, and its bytes."""
        self.tasks: list[FileTask] = []
        self.keys: set[str] = set()
        self.forgotten: list[str] = []
        self.found = [HostWay(125e6, 0.0)]
        self.answer: Callable[[int], FileOutcome | None] = lambda first: read(pages, first)

    def ways(self) -> list[HostWay]:
        return self.found

    def forget_file(self, key: str) -> None:
        self.forgotten.append(key)

    def read_file(self, task: FileTask) -> None:
        self.asked.append((task.first, os.pread(task.fd, 100, 0)))
        self.tasks.append(task)
        self.keys.add(task.key)
        assert task.begin()
        task.complete(self.answer(task.first))


def read(pages: int, first: int = 0, most: int = 16, *, side: int = LARGE) -> FileRead:
    """Return what a host says of a file of so many pages."""
    numbers = range(first + 1, min(pages, first + most) + 1)
    each = tuple(
        FilePage(PageImage(n, side, side, 1, side, side, None, -1), text=encoded_text(f"far {n}")) for n in numbers
    )
    return FileRead(DocumentInfo("application/pdf", pages, 5, "1" * 64, ()), first, each, decode_seconds=0.5)


class Scene:
    """One file, which hosts and decoders of this machine know."""

    def __init__(self, folder: Path, pages: int = 1, *, files: str = "auto", live: CurrentConfig | None = None) -> None:
        self.hosts = StubFileHosts(pages)
        self.source = folder / "a.pdf"
        self.source.write_bytes(b"bytes")
        self.prepared = PreparedDocument([PreparedPage() for _ in range(pages)])
        self.here = StubDecoderPool(lambda _: self.prepared)
        self.pool = WholeFiles(live or with_cluster(files=files), self.here, self.hosts)

    def decoder(self) -> AbstractContextManager[Decoder]:
        return self.pool.take("inbox")

    def texts(self, count: int, profile: Profile | None = None, *, may_read: bool = True) -> list[str]:
        """Return the text of each page, "here" where it was decoded here."""
        with self.decoder() as decoder:
            assert decoder.open(self.source, profile or Profile(), may_read=may_read).pages == count
            return [told(decoder, index) for index in range(count)]


def told(decoder: Decoder, index: int) -> str:
    page = decoder.page(index)
    assert page.image.number == index + 1
    if page.reading is None:
        os.close(page.image.fd)
        return "here"
    return decoded(page.reading.result(timeout=0)).lines[0].text


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_a_file_is_read_at_a_host(scene: Scene) -> None:
    """Its bytes travel. No decoder of this machine is taken, and the time of decoding is the host's."""
    with scene.decoder() as decoder:
        found = decoder.open(scene.source, Profile(), may_read=True)
        assert (found.sha256, found.decode_seconds) == ("1" * 64, 0.5)
        assert told(decoder, 0) == "far 1"
    assert scene.hosts.asked == [(0, b"bytes")]
    assert scene.here.taken == []


@pytest.mark.parametrize("files", ["auto", "always"])
def test_a_host_that_does_not_take_it_is_no_matter(tmp_path: Path, files: str) -> None:
    """The file is decoded here, and so are files for which there is no way."""
    scene = Scene(tmp_path, files=files)
    scene.hosts.answer = lambda _: None
    assert scene.texts(1) == ["here"]
    scene.hosts.found = []
    assert scene.texts(1) == ["here"]
    assert len(scene.hosts.asked) == 1
    assert scene.here.taken == ["inbox", "inbox"]


def test_what_stays_here(tmp_path: Path) -> None:
    """Suspects, which are read alone; text that a PDF brings along; whatever the settings keep; views; large files."""
    scene = Scene(tmp_path)
    assert scene.texts(1, may_read=False) == ["here"]
    assert scene.texts(1, Profile(pdf_text="prefer")) == ["here"]
    with scene.decoder() as decoder:
        decoder.open(scene.source, Profile(), whole=False, may_read=True)
    os.truncate(scene.source, (64 << 20) + 1)
    assert scene.texts(1) == ["here"]
    assert Scene(tmp_path, files="never").texts(1) == ["here"]
    assert scene.hosts.asked == []


def test_a_file_that_is_larger_than_its_pixels_stays_here(scene: Scene) -> None:
    """Once that is known of files like it."""
    scene.hosts.answer = lambda first: read(1, first, side=1)
    assert scene.texts(1) == ["far 1"]
    assert scene.texts(1) == ["here"]


def test_files_in_memory_are_bounded(tmp_path: Path) -> None:
    """As pages are. What has no room beside others is decoded here."""
    scene = Scene(tmp_path)
    os.truncate(scene.source, 40 << 20)
    live = with_cluster(files="always")
    scene.pool = WholeFiles(
        CurrentConfig(
            live.config.model_copy(update={"limits": live.config.limits.model_copy(update={"memory_mb": 64})})
        ),
        scene.here,
        scene.hosts,
    )
    with scene.decoder() as one, scene.decoder() as other:
        one.open(scene.source, Profile(), may_read=True)
        other.open(scene.source, Profile(), may_read=True)
        assert (told(one, 0), told(other, 0)) == ("far 1", "here")
    assert scene.texts(1) == ["far 1"]


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        (DocumentError("encrypted", "it has a password"), DocumentError),
        (EngineError("3 hosts that had this file were lost"), EngineError),
        (DecoderDeath("gpu1: the decoder was killed"), DecoderDiedError),
    ],
)
def test_a_file_that_cannot_be_opened(scene: Scene, outcome: FileOutcome, error: type[Exception]) -> None:
    """The reason is the same as if it had been opened here."""
    scene.hosts.answer = lambda _: outcome
    with scene.decoder() as decoder, pytest.raises(error):
        decoder.open(scene.source, Profile(), may_read=True)
    assert scene.here.taken == []


def test_faults_of_pages_are_the_documents(tmp_path: Path) -> None:
    """One could not be decoded, and one not read; the third is there."""
    scene = Scene(tmp_path, 3)
    first, second, third = read(3).pages
    faults = (
        FilePage(fault=Fault("document", "damaged", "", "damaged", "decode", 1)),
        FilePage(second.image, fault=Fault("document", "no shape", "", "recognition", "recognize", 2)),
    )
    assert first
    scene.hosts.answer = lambda _: FileRead(read(3).document, 0, (*faults, third))
    with scene.decoder() as decoder:
        decoder.open(scene.source, Profile(), may_read=True)
        with pytest.raises(DocumentError, match="damaged"):
            decoder.page(0)
        with pytest.raises(DocumentError, match="no shape"):
            told(decoder, 1)
        assert told(decoder, 2) == "far 3"


def test_a_page_that_kills_a_decoder_there_is_tried_here(tmp_path: Path) -> None:
    """The death is told once, with the page. From then on the file is decoded here, where the next one is counted."""
    scene = Scene(tmp_path, 3)
    answer = read(3)
    scene.hosts.answer = lambda _: FileRead(answer.document, 0, answer.pages[:1], "gpu1: the decoder was killed")
    with scene.decoder() as decoder:
        decoder.open(scene.source, Profile(), may_read=True)
        assert told(decoder, 0) == "far 1"
        with pytest.raises(DecoderDiedError, match="gpu1: the decoder was killed at page 2") as died:
            decoder.page(1)
        assert died.value.page == 2
        assert (told(decoder, 1), told(decoder, 2)) == ("here", "here")
    assert len(scene.hosts.asked) == 1


def test_a_long_file_is_read_in_parts(tmp_path: Path) -> None:
    """Some are asked for ahead, so that several hosts can have them."""
    scene = Scene(tmp_path, 100)
    assert scene.texts(100) == [f"far {number}" for number in range(1, 101)]
    assert [first for first, _ in scene.hosts.asked] == [0, 16, 32, 48, 64, 80, 96]
    assert [task.pages for task in scene.hosts.tasks] == [1, 16, 16, 16, 16, 16, 4]
    assert scene.hosts.forgotten == list(scene.hosts.keys)  # all parts have one key, and it is forgotten at the end


def test_a_long_file_travels_whole_if_a_share_of_its_pages_is_worth_it(tmp_path: Path) -> None:
    """It travels once to each host: 100 pages of 100 bytes are more than a file of 4000, and 16 of them are less."""
    scene = Scene(tmp_path, 100)
    os.truncate(scene.source, 4000)
    scene.hosts.answer = lambda first: read(100, first, side=10)
    assert scene.texts(100) == [f"far {number}" for number in range(1, 101)]
    scene.hosts.found *= 3
    assert scene.texts(100) == [f"far {number}" for number in range(1, 17)] + ["here"] * 84


def test_the_rest_of_a_long_file_may_stay_here(tmp_path: Path) -> None:
    """If all pages have fewer bytes of pixels than the whole file has."""
    scene = Scene(tmp_path, 40)
    os.truncate(scene.source, 5000)
    scene.hosts.answer = lambda first: read(40, first, side=10)
    assert scene.texts(40) == [f"far {number}" for number in range(1, 17)] + ["here"] * 24


def test_a_disk_that_hangs_is_told_before_it_is_touched(scene: Scene) -> None:
    """As by the decoders of this machine."""
    with pytest.raises(OSError, match="does not answer"), scene.pool.take("inbox", lambda: True):
        pass
