"""Documents behind descriptors: whose fault what is."""

from __future__ import annotations

import errno
import os
import resource
import time
from typing import TYPE_CHECKING, NoReturn

import pytest

from ocrspool.decoding.child import document
from ocrspool.decoding.child.confinement import grant_cpu
from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.errors import DocumentError
from support import sample_files

if TYPE_CHECKING:
    from pathlib import Path

LIMITS = PageLimits(dpi=100, pages=10, megapixels=10, side=1000)


@pytest.mark.parametrize(
    ("kind", "raised"),
    [
        ("damaged", SyntaxError("not a TIFF file")),
        ("damaged", KeyError(3)),
        ("damaged", RecursionError()),
        ("damaged", OSError(errno.EINVAL, "Invalid argument")),
        ("memory", MemoryError()),
        ("memory", OSError(errno.ENOMEM, "Cannot allocate memory")),
        ("memory", OSError("out of memory error when reading image file")),
        ("io", OSError(errno.EIO, "Input/output error")),
        ("io", OSError(errno.EACCES, "Permission denied")),
        ("encrypted", DocumentError("encrypted", "The file needs a password.")),
    ],
)
def test_whatever_a_library_raises(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, kind: str, raised: Exception
) -> None:
    """A codec may raise anything: it ends as the document's error, and the descriptor is closed."""

    def fail(*_: object) -> NoReturn:
        raise raised

    path = tmp_path / "page.png"
    path.write_bytes(sample_files.png())
    monkeypatch.setattr(document, "ImagePages", fail)
    descriptor = os.open(path, os.O_RDONLY)
    with pytest.raises(DocumentError) as caught:
        Document(descriptor, LIMITS)
    assert caught.value.kind == kind
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_what_the_sandbox_refuses_is_no_fault_of_the_document(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A library that wants to open a file does so by our mistake, which has to be seen."""

    def fail(*_: object) -> NoReturn:
        raise PermissionError(errno.EACCES, "Permission denied", "/usr/lib/python3/encodings/odd.py")

    (tmp_path / "page.png").write_bytes(sample_files.png())
    monkeypatch.setattr(document, "ImagePages", fail)
    with pytest.raises(PermissionError):
        Document(os.open(tmp_path / "page.png", os.O_RDONLY), LIMITS)


def test_only_regular_files(tmp_path: Path) -> None:
    """A pipe or a folder is refused at once, instead of waited for."""
    reading, writing = os.pipe()
    os.close(writing)
    for descriptor in (reading, os.open(tmp_path, os.O_RDONLY)):
        with pytest.raises(DocumentError) as caught:
            Document(descriptor, LIMITS)
        assert caught.value.kind == "unsupported"


def test_descriptor_is_read_from_its_start(tmp_path: Path) -> None:
    """Wherever the service has left off reading."""
    path = tmp_path / "pages.tif"
    path.write_bytes(sample_files.tiff())
    descriptor = os.open(path, os.O_RDONLY)
    os.lseek(descriptor, 0, os.SEEK_END)
    opened = Document(descriptor, LIMITS)
    page, _ = opened.page(0)
    os.close(page.fd)
    opened.close()
    assert page.width == sample_files.SIZE[0]


def test_processor_time_is_granted_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit moves with what the process has used, and never above the hard limit."""
    granted = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, pair: granted.append(pair))
    monkeypatch.setattr(time, "process_time", lambda: 100.4)
    for hard in (resource.RLIM_INFINITY, 120):
        monkeypatch.setattr(resource, "getrlimit", lambda _, hard=hard: (0, hard))
        grant_cpu(30)
    assert granted == [(131, resource.RLIM_INFINITY), (120, 120)]
