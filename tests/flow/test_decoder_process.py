"""The decoder as the service meets it: a real child process at the other end of a real socket."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import mmap
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

import ocrspool
from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits, warning_as_json
from ocrspool.processes import sandbox
from ocrspool.processes.channel import Channel, ChannelClosedError
from support import rare_files, sample_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEADLINE = 60.0
LIMITS = {"pages": 50, "megapixels": 50, "side": 2000}
SOURCE_ROOT = Path(ocrspool.__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Page:
    """What the process said of a page, and the pixels it handed out."""

    facts: dict[str, Any]
    pixels: bytes

    def at(self, x: int, y: int) -> tuple[int, ...]:
        """One pixel, as grey or as red, green, blue."""
        channels = self.facts["channels"]
        start = (y * self.facts["width"] + x) * channels
        return tuple(reversed(self.pixels[start : start + channels]))


class Child:
    """A decoder process and the service's end of its socket."""

    def __init__(self, folder: Path, memory_mb: int = 1024) -> None:
        self.folder = folder
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-m", "ocrspool.decoding.child", str(theirs.fileno())]
        environment = {**os.environ, "PYTHONPATH": str(SOURCE_ROOT), "TMPDIR": str(folder)}
        with theirs:
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], cwd=folder, env=environment)
        self.channel = Channel(ours)
        answer = self.ask({"op": "limits", "memory_mb": memory_mb, "cpu_seconds": 60})
        assert answer == {"ready": True, "missing": sandbox.missing_protections()}

    def ask(self, request: dict[str, Any], *descriptors: int) -> dict[str, Any]:
        self.channel.send(request, descriptors)
        answer, received = self.channel.receive(DEADLINE)
        assert received == []
        return answer

    def open(self, document: bytes | Path, *, dpi: int = 100, **limits: int) -> dict[str, Any]:
        """Send an open descriptor of a file that has no name, as proof that none is needed."""
        request = {"op": "open", "dpi": dpi, "limits": {**LIMITS, **limits}}
        descriptor = os.open(document, os.O_RDONLY) if isinstance(document, Path) else _nameless(document)
        try:
            return self.ask(request, descriptor)
        finally:
            os.close(descriptor)

    def page(self, index: int = 0) -> Page:
        self.channel.send({"op": "page", "index": index})
        answer, descriptors = self.channel.receive(DEADLINE)
        assert "page" in answer, answer
        facts, (descriptor,) = answer["page"], descriptors
        size = facts["width"] * facts["height"] * facts["channels"]
        try:
            assert os.fstat(descriptor).st_size == size
            with mmap.mmap(descriptor, size, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ) as mapping:
                pixels = mapping[:]
            with pytest.raises(PermissionError):
                os.pwrite(descriptor, b"x", 0)
        finally:
            os.close(descriptor)
        return Page(facts, pixels)

    def page_error(self, index: int = 0) -> dict[str, Any]:
        error: dict[str, Any] = self.ask({"op": "page", "index": index})["error"]
        return error

    def read(self, document: bytes, **options: int) -> Page:
        """Open a document that is expected to be sound, and decode its first page."""
        answer = self.open(document, **options)
        assert "document" in answer, answer
        return self.page()

    def end(self) -> int:
        self.channel.close()
        return self.process.wait(DEADLINE)

    def kill(self) -> None:
        self.process.kill()
        self.end()


def _nameless(data: bytes) -> int:
    descriptor = os.memfd_create("document")
    os.write(descriptor, data)
    return descriptor


def _near(actual: tuple[int, ...], expected: tuple[int, ...], by: int = 12) -> bool:
    return len(actual) == len(expected) and all(abs(a - b) <= by for a, b in zip(actual, expected, strict=True))


def _shows_corners(page: Page) -> bool:
    right, bottom = page.facts["width"] - 4, page.facts["height"] - 4
    places = {(4, 4): sample_files.RED, (right, 4): sample_files.GREEN, (4, bottom): sample_files.BLUE}
    return all(_near(page.at(*place), color) for place, color in places.items()) and _near(
        page.at(right, bottom), sample_files.WHITE
    )


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Child]:
    """One process for all the documents that must not hurt it."""
    child = Child(tmp_path_factory.mktemp("decoder"))
    yield child
    assert child.end() == 0


@pytest.fixture
def new_child(tmp_path: Path) -> Iterator[Callable[..., Child]]:
    """Makes processes that a test may hurt."""
    children: list[Child] = []

    def make(**options: int) -> Child:
        children.append(Child(tmp_path, **options))
        return children[-1]

    yield make
    for child in children:
        child.kill()


@pytest.mark.parametrize(
    ("media_type", "made"),
    [
        ("image/png", sample_files.png),
        ("image/png", lambda: sample_files.png(sample_files.corners().quantize(8))),
        ("image/jpeg", sample_files.jpeg),
        ("image/jpeg", lambda: sample_files.jpeg(sample_files.corners().convert("CMYK"))),
        ("image/tiff", sample_files.tiff),
        ("image/tiff", lambda: sample_files.tiff(sample_files.corners().convert("CMYK"))),
        ("image/tiff", lambda: sample_files.tiff(sample_files.corners(), compression="tiff_lzw")),
        ("image/tiff", lambda: sample_files.tiff(sample_files.corners(), big_tiff=True)),
        ("image/bmp", lambda: sample_files.encoded(sample_files.corners(), "BMP")),
        ("image/webp", lambda: sample_files.encoded(sample_files.corners(), "WEBP", lossless=True)),
        ("image/gif", sample_files.gif),
        ("image/x-portable-anymap", lambda: sample_files.encoded(sample_files.corners(), "PPM")),
        ("application/pdf", sample_files.pdf),
        ("application/pdf", lambda: b"\n" * 900 + sample_files.pdf()),
    ],
)
def test_each_format_shows_its_picture(shared: Child, media_type: str, made: Callable[[], bytes]) -> None:
    """Colors are where and what they should be, so neither channel order nor rows are mixed up."""
    answer = shared.open(made())["document"]
    assert (answer["media_type"], answer["pages"], answer["warnings"]) == (media_type, 1, [])
    page = shared.page()
    assert page.facts["channels"] == 3
    assert _shows_corners(page)


@pytest.mark.parametrize("kind", rare_files.KINDS)
def test_rare_kinds_are_read_in_the_confined_process(shared: Child, tmp_path: Path, kind: str) -> None:
    """Nothing that a codec or a conversion needs is loaded late: what a free process decodes, this one does."""
    made = rare_files.KINDS[kind]()
    (tmp_path / "file").write_bytes(made)
    page = shared.read(made)
    limits = PageLimits(dpi=100, pages=50, megapixels=50, side=2000)
    with contextlib.closing(Document(os.open(tmp_path / "file", os.O_RDONLY), limits)) as free:
        image, remarks = free.page(0)
        assert page.pixels == os.pread(image.fd, len(page.pixels) + 1, 0)
        os.close(image.fd)
    assert page.facts["warnings"] == [warning_as_json(remark) for remark in remarks]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(shared: Child, orientation: int) -> None:
    """A photo is upright whichever way the camera was held, and so is the page's size."""
    page = shared.read(sample_files.turned(orientation))
    facts = page.facts
    assert (facts["source_width"], facts["source_height"]) == (facts["width"], facts["height"]) == sample_files.SIZE
    assert _shows_corners(page)


@pytest.mark.parametrize("orientation", [6, 7])
def test_tiff_orientation_is_applied_once(shared: Child, orientation: int) -> None:
    """Libraries that turn TIFF images by themselves exist; they must not be turned twice."""
    stored = sample_files.turned(orientation)
    with Image.open(io.BytesIO(stored)) as image:
        made = sample_files.tiff(image, tiffinfo={274: orientation}, exif=b"")
    page = shared.read(made)
    assert (page.facts["source_width"], page.facts["source_height"]) == sample_files.SIZE
    assert _shows_corners(page)


def test_pdf_rotation_and_resolution(shared: Child) -> None:
    """A PDF page is rendered turned as it says, at the resolution asked for."""
    page = shared.read(sample_files.pdf(width=360, height=180, rotate=90), dpi=144)
    assert (page.facts["width"], page.facts["height"], page.facts["dpi"]) == (360, 720, 144)
    assert _near(page.at(355, 5), sample_files.RED)


def test_pages_come_in_any_order(shared: Child) -> None:
    """A page can be asked for again, and after a later one."""
    pictures = [Image.new("L", (10 + step, 10), 20 * step) for step in range(4)]
    assert shared.open(sample_files.tiff(*pictures))["document"]["pages"] == 4
    for index in (2, 0, 0, 3, 1):
        page = shared.page(index)
        assert (page.facts["number"], page.facts["width"], page.at(0, 0)) == (
            index + 1,
            10 + index,
            (20 * index,),
        )
    assert shared.ask({"op": "close"}) == {"closed": True}


def test_fax_is_grey_with_its_resolution(shared: Child) -> None:
    """One bit a pixel becomes one byte a pixel."""
    facts = shared.read(sample_files.g4_tiff(), side=4000).facts
    assert (facts["width"], facts["height"], facts["channels"], facts["dpi"]) == (1728, 2200, 1, 200)


def test_document_is_identified(shared: Child) -> None:
    """Size and hash are those of the file as it was sent."""
    made = sample_files.png()
    answer = shared.open(made)["document"]
    assert answer["size"] == len(made)
    assert answer["sha256"] == hashlib.sha256(made).hexdigest()


@pytest.mark.parametrize("made", [sample_files.png, sample_files.jpeg], ids=["png", "jpeg"])
@pytest.mark.parametrize(
    ("size", "side", "expected"),
    [
        ((1200, 600), 300, (300, 150)),
        ((1199, 601), 600, (600, 301)),  # a half, rounded up
        ((1199, 601), 700, (600, 301)),  # a half is near enough
        ((1200, 600), 800, (800, 400)),  # and here it is not
        ((1300, 600), 500, (434, 200)),  # a third
    ],
)
def test_huge_image_is_reduced(
    shared: Child, made: Callable[..., bytes], size: tuple[int, int], side: int, expected: tuple[int, int]
) -> None:
    """The page says its own size and the size that it was reduced to."""
    page = shared.read(made(sample_files.corners(size)), side=side)
    facts = page.facts
    assert (facts["width"], facts["height"]) == expected
    assert (facts["source_width"], facts["source_height"]) == size
    assert [remark["code"] for remark in facts["warnings"]] == ["reduced"]
    assert _shows_corners(page)


def test_huge_pdf_page_is_rendered_coarser(shared: Child) -> None:
    """A poster stays within the limits, and the result says at which resolution it was read."""
    facts = shared.read(sample_files.pdf(width=14400, height=7200), megapixels=2).facts
    assert (facts["width"], facts["height"], facts["dpi"]) == (2000, 1000, 10.0)
    assert [remark["code"] for remark in facts["warnings"]] == ["resolution-lowered"]
    facts = shared.read(sample_files.pdf(width=1440, height=720), megapixels=1).facts
    assert facts["width"] * facts["height"] <= 1_005_000


def test_animation_is_read_up_to_its_first_frame(shared: Child) -> None:
    """And the result says so."""
    answer = shared.open(sample_files.gif(frames=3))["document"]
    assert (answer["pages"], [remark["code"] for remark in answer["warnings"]]) == (1, ["first-frame"])
    assert _shows_corners(shared.page())


def test_owner_password_only_opens(shared: Child) -> None:
    """A PDF that anybody may read is read, whatever its owner forbids."""
    assert shared.read(sample_files.encrypted_pdf(user=b"")).facts["width"] == 100


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        ("empty", b""),
        ("unsupported", b"Dear Sir or Madam,\n"),
        ("unsupported", b"<!DOCTYPE html><html>404</html>"),
        ("encrypted", sample_files.encrypted_pdf(user=b"secret")),
        ("empty-document", sample_files.pdf_without_pages()),
        ("damaged", sample_files.pdf()[:60]),
        ("damaged", sample_files.png()[:20]),
        ("damaged", sample_files.jpeg()[:20]),
        ("damaged", sample_files.tiff()[:30]),
        ("too-many-pages", sample_files.pdf(pages=51)),
        ("too-many-pages", sample_files.tiff_chain(5000)),
        ("too-large", sample_files.raw_png(60000, 60000, 8, 2, b"")),
    ],
)
def test_refused_when_opened(shared: Child, kind: str, made: bytes) -> None:
    """What the head of a file tells is told before any page is decoded, with what to do about it."""
    error = shared.open(made)["error"]
    assert (error["kind"], error["stage"]) == (kind, "decode")
    assert error["message"].endswith(".")
    assert error["hint"]


@pytest.mark.parametrize(
    "made",
    [
        sample_files.png(sample_files.words())[:-200],
        sample_files.jpeg(sample_files.words())[:-500],
        sample_files.encoded(sample_files.corners(), "WEBP", lossless=True)[:-20],
        sample_files.encoded(sample_files.corners(), "BMP")[:-500],
        sample_files.encoded(sample_files.corners(), "PPM")[:-500],
        sample_files.gif()[:-60],
        sample_files.tiff()[:-200],
        sample_files.g4_tiff()[:-50],
    ],
    ids=["png", "jpeg", "webp", "bmp", "ppm", "gif", "tiff", "g4"],
)
def test_truncated_image_is_refused(shared: Child, made: bytes) -> None:
    """Half a page that looks like a whole one would be worse than none."""
    answer = shared.open(made)
    error = answer.get("error") or shared.page_error()
    assert error["kind"] == "damaged"


def test_damaged_page_fails_alone(shared: Child) -> None:
    """It fails as often as it is asked for, is named, and leaves the other pages readable."""
    assert shared.open(sample_files.damaged_page_tiff())["document"]["pages"] == 3
    for _ in range(2):
        error = shared.page_error(1)
        assert (error["kind"], error["page"]) == ("damaged", 2)
        assert _shows_corners(shared.page(0))
        assert _shows_corners(shared.page(2))
    assert shared.page_error(1) == shared.page_error(1)


def test_form_is_drawn_and_not_run(shared: Child) -> None:
    """What somebody has filled in is part of the page; what the form would do is not."""
    page = shared.read(sample_files.pdf_form(), dpi=72)
    assert _near(page.at(10, 60), (255, 0, 0))
    assert _near(page.at(100, 60), sample_files.WHITE)


def test_tiff_loop_ends(shared: Child) -> None:
    """A chain of pages that bites its tail is as long as its pages are different."""
    answer = shared.open(sample_files.tiff_loop())["document"]
    assert (answer["pages"], [remark["code"] for remark in answer["warnings"]]) == (2, ["page-loop"])
    assert _shows_corners(shared.page(1))


def test_memory_limit_is_an_error_and_not_an_end(new_child: Callable[..., Child]) -> None:
    """A page that takes too much memory fails alone; the next document is read."""
    child = new_child(memory_mb=128)
    assert "document" in child.open(sample_files.large_png(6000))
    assert child.page_error()["kind"] == "memory"
    assert _shows_corners(child.read(sample_files.png()))


def test_process_is_confined(new_child: Callable[..., Child]) -> None:
    """The kernel holds the limits, and the process can raise none of them."""
    child = new_child(memory_mb=512)
    child.ask({"op": "close"})
    lines = Path(f"/proc/{child.process.pid}/limits").read_text().splitlines()
    limits = {line[:26].strip(): line[26:].split()[:2] for line in lines}
    assert limits["Max address space"] == [str(512 << 20)] * 2
    assert limits["Max core file size"] == ["0", "0"]
    assert limits["Max processes"] == ["0", "0"]
    assert limits["Max file size"] == [str(512 << 20)] * 2
    assert int(limits["Max open files"][1]) <= 64
    assert 60 <= int(limits["Max cpu time"][0]) <= 120
    status = Path(f"/proc/{child.process.pid}/status").read_text()
    assert "NoNewPrivs:\t1" in status
    assert "Seccomp:\t2" in status or not sandbox.can_filter()


def _settled(child: Child) -> None:
    """Let it close what it has open. A request is over when the next one is answered: its own answer comes earlier."""
    for _ in range(2):
        child.ask({"op": "close"})


def test_no_descriptor_stays_open(shared: Child) -> None:
    """Neither documents nor pages nor failures leave one behind."""
    folder = Path(f"/proc/{shared.process.pid}/fd")
    _settled(shared)
    before = len(list(folder.iterdir()))
    for made in (sample_files.png(), sample_files.pdf(), sample_files.tiff(), b"text", sample_files.pdf()[:60]):
        if "document" in shared.open(made):
            shared.page()
    _settled(shared)
    assert len(list(folder.iterdir())) <= before


def test_killed_process_leaves_no_file(new_child: Callable[..., Child], tmp_path: Path) -> None:
    """Everything lies in memory, so nothing has to be cleaned up."""
    child = new_child()
    child.read(sample_files.pdf())
    child.process.kill()
    with pytest.raises(ChannelClosedError):
        child.ask({"op": "page", "index": 0})
    assert child.process.wait(DEADLINE) == -signal.SIGKILL
    assert list(tmp_path.iterdir()) == []


def test_decoder_dies_with_its_parent() -> None:
    """Even one whose socket is still open, and whose parent had no time to say goodbye."""
    ours, theirs = socket.socketpair()
    starter = (
        "import subprocess, sys; fd = int(sys.argv[1]);"
        "subprocess.run([sys.executable, '-m', 'ocrspool.decoding.child', str(fd)], pass_fds=[fd])"
    )
    with theirs:
        command = [sys.executable, "-c", starter, str(theirs.fileno())]
        parent = subprocess.Popen(
            command, pass_fds=[theirs.fileno()], env={**os.environ, "PYTHONPATH": str(SOURCE_ROOT)}
        )
    with contextlib.closing(Channel(ours)) as channel:
        channel.send({"op": "limits", "memory_mb": 512})
        assert channel.receive(DEADLINE)[0]["ready"]
        parent.kill()
        parent.wait(DEADLINE)
        with pytest.raises(ChannelClosedError):
            channel.receive(DEADLINE)


def test_senseless_request_ends_the_process(new_child: Callable[..., Child]) -> None:
    """A mistake of the service must not pass for a fault of some document."""
    child = new_child()
    with pytest.raises(ChannelClosedError):
        child.ask({"op": "page", "index": 0})
    assert child.process.wait(DEADLINE) == 1


def _corpus() -> list[Any]:
    folder = os.environ.get("OCRSPOOL_CORPUS")
    if not folder:
        skip = pytest.mark.skip(reason="OCRSPOOL_CORPUS is not set")
        return [pytest.param(Path(), {}, marks=skip, id="none")]
    files = json.loads((Path(folder) / "manifest.json").read_text())["files"]
    return [pytest.param(Path(folder) / entry["file"], entry, id=ascii(entry["file"])) for entry in files]


@pytest.mark.corpus
@pytest.mark.parametrize(("path", "entry"), _corpus())
def test_corpus(shared: Child, path: Path, entry: dict[str, Any]) -> None:
    """Every file of the corpus ends as its manifest says, and none of them hurts the process."""
    answer = shared.open(path, dpi=200, pages=2000, megapixels=200, side=4000)
    refused = "error" in answer
    for index in range(min(5, answer.get("document", {}).get("pages", 0))):
        shared.channel.send({"op": "page", "index": index})
        page, descriptors = shared.channel.receive(DEADLINE)
        for descriptor in descriptors:
            os.close(descriptor)
        refused = refused or "error" in page
    assert {"accept": False, "reject": True}.get(entry.get("expect", "accept"), refused) == refused
    if path.parent.name == "documents":
        assert answer["document"]["pages"] == entry["pages"]
