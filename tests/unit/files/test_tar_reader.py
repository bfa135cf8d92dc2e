"""A tar archive that may be hostile: what the standard library writes is read, and what leads elsewhere is not."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable

import pytest

from ocrspool.files import tar_reader

LONG = "folder/" + "n" * 150 + "é.bin"


def archive(form: int, *infos: tuple[tarfile.TarInfo, bytes]) -> bytes:
    """Return an archive of these members, as Python's own writer makes it."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as tar:
        for info, data in infos:
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file.getvalue()


def file(name: str, data: bytes = b"x", mtime: float = 0) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.mtime = mtime
    return info, data


def other(name: str, kind: bytes, link: str = "") -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, b""


def read(data: bytes, *, foreign: bool = False) -> dict[str, bytes]:
    return {each.name: b"".join(each.pieces()) for each in tar_reader.members(io.BytesIO(data), foreign=foreign)}


def test_files_of_our_own() -> None:
    """In GNU's format, with names of any length, and with sizes that fill a block or do not."""
    contents = {"a": b"", "b": b"x" * 512, LONG: b"y" * 513, "c": b"z" * (1 << 20)}
    data = archive(tarfile.GNU_FORMAT, *(file(name, content) for name, content in contents.items()))
    assert read(data) == contents
    counted: list[int] = []
    for each in tar_reader.members(io.BytesIO(data), counted.append):
        each.skip()
    assert 0 < sum(counted) <= len(data)


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_files_of_other_programs(form: int) -> None:
    """Folders are passed over; an extended header gives a long name, or says what does not matter here."""
    members = [other("folder", tarfile.DIRTYPE), file("folder/a", b"1"), file("b", b"2", mtime=1.5)]
    contents = {"folder/a": b"1", "b": b"2"}
    if form != tarfile.USTAR_FORMAT:
        members.append(file(LONG, b"3"))
        contents[LONG] = b"3"
    assert read(archive(form, *members), foreign=True) == contents


@pytest.mark.parametrize(
    "member",
    [
        other("x", tarfile.SYMTYPE, "/etc/passwd"),
        other("x", tarfile.LNKTYPE, "y"),
        other("x", tarfile.CHRTYPE),
        other("x", tarfile.FIFOTYPE),
    ],
    ids=["symbolic link", "hard link", "device", "pipe"],
)
@pytest.mark.parametrize("foreign", [False, True])
def test_nothing_but_files(member: tuple[tarfile.TarInfo, bytes], *, foreign: bool) -> None:
    """Whatever leads elsewhere ends the reading."""
    with pytest.raises(ValueError, match="no regular file"):
        read(archive(tarfile.GNU_FORMAT, file("a"), member), foreign=foreign)


def test_a_strict_reader_takes_no_folders() -> None:
    """We write none."""
    with pytest.raises(ValueError, match="no regular file"):
        read(archive(tarfile.GNU_FORMAT, other("folder", tarfile.DIRTYPE)))


def extended(record: bytes) -> bytes:
    """Return an archive whose file has this extended header."""
    header = tarfile.TarInfo("x")
    header.type = tarfile.XHDTYPE
    header.size = len(record)
    data = header.tobuf(tarfile.USTAR_FORMAT, "utf-8", "strict") + record + bytes(-len(record) % 512)
    return data + archive(tarfile.USTAR_FORMAT, file("a"))


@pytest.mark.parametrize(
    "record",
    [
        b"12 size=999\n",
        b"99 path=x\n",
        b"x path=x\n",
        b"0 path=x\n",
        b"-1 path=x\n",
        b"21 GNU.sparse.major=1\n",
        b"9 path=\xff\n",
    ],
)
def test_extended_headers_that_lie(record: bytes) -> None:
    """One that sets another size, or is no header, ends the reading."""
    with pytest.raises(ValueError, match=r"extended header|codec|invalid literal"):
        read(extended(record), foreign=True)


@pytest.mark.parametrize(
    "broken",
    [lambda data: data[:700], lambda data: data[:512], lambda _: b"", lambda data: b"PK" + data],
    ids=["within a file", "after a header", "empty", "no archive"],
)
def test_what_is_cut_off_or_no_archive(broken: Callable[[bytes], bytes]) -> None:
    """It never ends as if it were whole."""
    data = archive(tarfile.GNU_FORMAT, file("a", b"x" * 600))
    with pytest.raises(ValueError, match=r"cut off|no tar archive"):
        read(broken(data))
