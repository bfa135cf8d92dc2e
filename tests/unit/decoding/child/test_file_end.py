"""A file that is cut anywhere is told from a whole one, for each format that says where it ends."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrspool.decoding.child.file_end import refuse_unfinished
from ocrspool.errors import DocumentError
from support import sample_files

SHEETS = [sample_files.corners() for _ in range(3)]


def refused(data: bytes) -> str:
    """The kind of the refusal of a file that holds this; "" where it counts as whole."""
    descriptor = os.memfd_create("file")
    try:
        os.write(descriptor, data)
        refuse_unfinished(descriptor)
    except DocumentError as error:
        return error.kind
    finally:
        os.close(descriptor)
    return ""


def big_tiff() -> bytes:
    return sample_files.tiff(*SHEETS, big_tiff=True)


def tiled_tiff() -> bytes:
    """One tile, whose offset and size stand in the directory itself."""
    pixels = bytes(16 * 16)
    entries = [(256, 16), (257, 16), (258, 8), (259, 1), (262, 1), (277, 1), (322, 16), (323, 16), (324, 8), (325, 256)]
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, 4, 1, at) for tag, at in entries)
    return b"II*\0" + struct.pack("<I", 8 + len(pixels)) + pixels + directory + bytes(4)


WHOLE: dict[str, Callable[[], bytes]] = {
    "png": sample_files.png,
    "jpeg": sample_files.jpeg,
    "jpeg with a preview": lambda: sample_files.jpeg(orientation=6),
    "progressive jpeg": lambda: sample_files.jpeg(progressive=True),
    "gif": lambda: sample_files.gif(3),
    "webp": lambda: sample_files.encoded(sample_files.corners(), "WEBP"),
    "bmp": lambda: sample_files.encoded(sample_files.corners(), "BMP"),
    "tiff": lambda: sample_files.tiff(*SHEETS),
    "tiff, lzw": lambda: sample_files.tiff(*SHEETS, compression="tiff_lzw"),
    "tiff, fax": lambda: sample_files.g4_tiff((200, 100)),
    "tiff, motorola": lambda: sample_files.grey16_tiff(">", [0.0, 65535.0]),
    "tiff, tiles": tiled_tiff,
    "big tiff": big_tiff,
    "pdf": lambda: sample_files.pdf(pages=30),
}


@pytest.mark.parametrize("kind", WHOLE)
def test_whole_and_cut(kind: str) -> None:
    """The whole file passes; cut at any of many places it does not."""
    data = WHOLE[kind]()
    assert refused(data) == ""
    assert {refused(data[: len(data) * share // 40]) for share in range(1, 40)} == {"incomplete"}


@pytest.mark.parametrize("kind", WHOLE)
def test_more_than_whole(kind: str) -> None:
    """What some programs put behind the end of a file, zeros or a few words, does not make it unfinished."""
    assert refused(WHOLE[kind]() + bytes(600)) == ""


def test_a_sheet_at_a_time() -> None:
    """A TIFF file is whole after each sheet: nothing in it says that another follows."""
    sizes = [len(sample_files.tiff(*SHEETS[:count])) for count in (1, 2, 3)]
    assert sizes == sorted(sizes)
    assert {refused(sample_files.tiff(*SHEETS[:count])) for count in (1, 2, 3)} == {""}


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"%PD", "incomplete"),
        (b"\x89PNG\r\n", "incomplete"),
        (bytes(10_000), "incomplete"),
        (b"II*\0\0\0\0\0" + bytes(100), "incomplete"),
        (b"no document, and long enough to tell", "unsupported"),
        (b"P5 1 1 255 \n" + bytes(100), ""),
    ],
)
def test_a_beginning(data: bytes, kind: str) -> None:
    """What is too short to tell waits; what will never be a document does not."""
    assert refused(data) == kind


def test_a_chain_without_end() -> None:
    """Directories that lead back to each other end the look, as does a length of nothing."""
    assert refused(sample_files.tiff_loop()) == ""
    assert refused(b"\xff\xd8\xff\xe0\0\0" + bytes(100)) == ""


@given(st.sampled_from(sorted(WHOLE)), st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6))
def test_any_damage(kind: str, damage: list[tuple[int, int]]) -> None:
    """Whatever a file holds: it is whole, not finished, or nothing that is read; nothing else is raised."""
    data = bytearray(WHOLE[kind]())
    for at, value in damage:
        data[at % len(data)] = value
    assert refused(bytes(data)) in {"", "incomplete", "unsupported"}
