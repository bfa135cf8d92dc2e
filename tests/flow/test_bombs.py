"""Small files that cost much, as the service meets them: each has its verdict within the limits, the next is read."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocrspool.config.current import CurrentConfig
from ocrspool.config.schema import Config, Profile
from ocrspool.config.sections import Limits, Paths
from ocrspool.decoding.api import DecoderDiedError
from ocrspool.decoding.pool import DecoderProcessPool
from ocrspool.errors import DocumentError
from support import sample_files

PAGE_SECONDS = 5.0


@pytest.fixture(scope="module")
def decoders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DecoderProcessPool]:
    """One decoder with little memory and time."""
    limits = Limits(decoder_memory_mb=256, page_seconds=PAGE_SECONDS, page_megapixels=60, pages=6000)
    config = Config(limits=limits, paths=Paths(cache=tmp_path_factory.mktemp("cache")))
    made = DecoderProcessPool(1, CurrentConfig(config))
    made.start()
    yield made
    made.close()


def verdict(decoders: DecoderProcessPool, path: Path) -> str:
    """What becomes of the file: the kind of its error, "died at page 1", or "page" where its first page is read."""
    with decoders.take() as decoder:
        try:
            decoder.open(path, Profile())
            image = decoder.page(0).image
        except DocumentError as error:
            return error.kind if error.message else "no reason"
        except DecoderDiedError as error:
            return f"died at page {error.page}"
        os.close(image.fd)
        return "page"


@pytest.mark.parametrize(
    ("expected", "made"),
    [
        # Told by the header, before anything is unpacked.
        ("too-large", lambda: sample_files.large_png(8000)),
        ("too-large", lambda: sample_files.flat_tiff(8000)),
        ("too-large", lambda: sample_files.raw_png(60_000, 60_000, 8, 2, b"")),
        # Within the limits, but more than the memory; Pillow says so.
        ("memory", lambda: sample_files.large_png(7500)),
        # PDFium ends the process; the pipeline makes that a lost page.
        ("died at page 1", lambda: sample_files.deadly_pdf(1, {1})),
        ("died at page 1", sample_files.recursive_pdf),
        # PDFium goes on for ever.
        ("timeout", sample_files.hanging_pdf),
        # PDFium leaves out what it cannot decode.
        ("page", lambda: sample_files.pdf_with_image("JPXDecode", 64, 64, 8, sample_files.lying_jpeg2000(60_000))),
        ("page", lambda: sample_files.pdf_with_image("JBIG2Decode", 60_000, 60_000, 1, sample_files.jbig2(60_000))),
        ("page", lambda: sample_files.pdf_with_image("FlateDecode", 60_000, 60_000, 8, b"x")),
        ("page", lambda: sample_files.pdf_page(b"[" * 200_000)),
        ("page", lambda: sample_files.tiff_chain(5000)),
        ("page", lambda: sample_files.pdf(width=14_400, height=14_400)),
    ],
    ids=[
        *("png-64-megapixels", "tiff-64-megapixels", "png-lies", "png-169-megabytes", "pdf-300-megabytes"),
        *("pdf-recursive", "pdf-hangs", "pdf-jpx-lies", "pdf-jbig2", "pdf-image-lies", "pdf-nested"),
        *("tiff-5000-pages", "pdf-200-inches"),
    ],
)
def test_verdict(decoders: DecoderProcessPool, tmp_path: Path, expected: str, made: Callable[[], bytes]) -> None:
    """Refused for a reason, or read; and whatever it did to its decoder, a sound file is read right after it."""
    bomb, sound = tmp_path / "bomb", tmp_path / "sound"
    bomb.write_bytes(made())
    sound.write_bytes(sample_files.png())
    assert verdict(decoders, bomb) == expected
    assert verdict(decoders, sound) == "page"
