"""libtiff, called directly: what it shares with the file object, and what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from ocrspool.decoding.child.image.pages import ImagePages
from ocrspool.decoding.child.page import PageLimits
from ocrspool.decoding.child.tiff import directory, libtiff
from ocrspool.decoding.child.tiff.libtiff import LibtiffError, Tiff
from ocrspool.errors import DocumentError
from support import rare_files, sample_files

LIMITS = PageLimits(dpi=100, pages=10, megapixels=10, side=1000)


def test_the_file_object_stays_where_it_was(tmp_path: Path) -> None:
    """Both move the same place in the file; who reads on afterwards reads what comes next."""
    made = sample_files.tiff(sample_files.corners(), sample_files.words(), compression="tiff_lzw")
    (tmp_path / "page.tif").write_bytes(made)
    with (tmp_path / "page.tif").open("rb", buffering=0) as file:
        pages = ImagePages(file, "image/tiff", LIMITS)
        file.seek(7)
        for index in (1, 0):
            pages.page(index)
            assert file.tell() == 7
        assert file.read() == made[7:]
        pages.close()


def test_what_it_says_is_heard(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Its messages come with their numbers, and not to the log."""
    made, start, end = rare_files.fax(4)
    (tmp_path / "fax.tif").write_bytes(made[:start] + bytes(end - start) + made[end:])
    with (tmp_path / "fax.tif").open("rb") as file:
        places, _ = directory.find_pages(file, 10)
        opened = Tiff(file)
        opened.go_to(places[0])
        libtiff.said()
        with pytest.raises(LibtiffError):
            opened.rgba(400, 200)
        assert any("of strip 0" in text for text in libtiff.said())
        opened.close()
    assert capfd.readouterr() == ("", "")


def test_a_pillow_that_hides_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then TIFF images are told to be unsupported, and why."""
    (tmp_path / "page.tif").write_bytes(sample_files.tiff())
    monkeypatch.setattr(libtiff, "_library", None)
    with (tmp_path / "page.tif").open("rb") as file, pytest.raises(DocumentError, match="hides its libtiff") as caught:
        ImagePages(file, "image/tiff", LIMITS)
    assert caught.value.kind == "unsupported"
