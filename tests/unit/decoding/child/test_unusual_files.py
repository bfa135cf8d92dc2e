"""Sound image files of unusual kinds are read; what is half there is refused, or warned of."""

from __future__ import annotations

import io
import os
import random
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ocrspool.decoding.child.document import Document
from ocrspool.decoding.child.page import PageLimits
from ocrspool.errors import DocumentError
from support import rare_files, sample_files, sample_tiffs

LIMITS = PageLimits(dpi=100, pages=10, megapixels=10, side=4000)
Pixels = NDArray[np.uint8]


def decoded(data: bytes) -> tuple[Pixels, list[str], float | None]:
    """Rows, columns, and red, green and blue or grey of the first page; codes of warnings; resolution."""
    descriptor = os.memfd_create("file")
    os.write(descriptor, data)
    document = Document(descriptor, LIMITS)
    try:
        page, remarks = document.page(0)
        pixels = np.frombuffer(os.pread(page.fd, 1 << 30, 0), np.uint8)
        os.close(page.fd)
    finally:
        document.close()
    shape = (page.height, page.width, page.channels)
    return pixels.reshape(shape)[:, :, ::-1], [remark.code for remark in remarks], page.dpi


def shown(data: bytes) -> Pixels:
    pixels, remarks, _ = decoded(data)
    assert remarks == []
    return pixels


def refused(data: bytes) -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        decoded(data)
    assert caught.value.hint
    return caught.value


def corners() -> Pixels:
    return shown(sample_files.png())


# JPEG


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpeg_without_its_end(mode: str, options: dict[str, object]) -> None:
    """All pixels are there, so nothing is lost."""
    image = sample_files.corners().convert(mode)
    whole = shown(sample_files.encoded(image, "JPEG", quality=90, **options))
    assert np.array_equal(shown(rare_files.jpeg_without_end(image, **options)), whole)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_rows": 1}], ids=str)
def test_jpeg_cut_anywhere(options: dict[str, object]) -> None:
    """It is refused wherever it is cut, unless every pixel is as it was."""
    image = sample_files.words("Every pixel counts", (320, 80))
    made = sample_files.encoded(image, "JPEG", quality=90, **options)
    whole, read = shown(made), 0
    for length in [*range(len(made) - 40, len(made)), *range(200, len(made) - 40, len(made) // 60)]:
        try:
            pixels = shown(made[:length])
        except DocumentError as error:
            assert error.kind == "damaged"  # noqa: PT017 - both outcomes are looked at
            continue
        assert np.array_equal(pixels, whole), length
        read += 1
    assert 1 <= read <= 8


@pytest.mark.parametrize(
    ("marker", "body"),
    [
        (0xE0, b"JFIF\0"),
        (0xE0, b""),
        (0xE1, b"Exif\0\0"),
        (0xEE, b"Adobe"),
        (0xE2, b"ICC_PROFILE\0"),
        (0xED, b"Photoshop 3.0\0"),
    ],
)
def test_jpeg_with_an_empty_segment(marker: int, body: bytes) -> None:
    """What says nothing of the pixels may be as short as it likes."""
    assert np.array_equal(shown(rare_files.jpeg_with(marker, body)), shown(sample_files.jpeg()))


def test_jpeg_of_12_bits() -> None:
    """Black to white over 32 columns."""
    row = shown(rare_files.twelve_bit_jpeg())[16, :, 0].astype(int)
    assert row.tolist() == pytest.approx([column * 255 / 31 for column in range(32)], abs=3)


@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_jpeg_is_unsupported(bits: int) -> None:
    """Told by its name, with what to do."""
    error = refused(rare_files.lossless_jpeg(bits))
    assert (error.kind, "lossless JPEG" in error.message) == ("unsupported", True)


@pytest.mark.parametrize("size", [100, 1 << 17])
def test_arithmetic_jpeg(size: int) -> None:
    """libjpeg decodes it where it gets the whole file at once, however large that is."""
    made = rare_files.arithmetic_jpeg()
    comment = b"\xff\xfe\x80\0" + bytes(0x7FFE)
    pixels = shown(made[:2] + comment * (size // 0x8000) + made[2:])
    assert pixels.shape == (16, 24, 3)
    assert np.abs(pixels[8, 4].astype(int) - sample_files.RED).max() < 8
    assert np.abs(pixels[8, 20].astype(int) - sample_files.GREEN).max() < 8
    for cut in (2, 10, 20):  # what is missing would not be noticed
        assert refused(made[:-cut]).kind == "damaged"


# PNG

_BOMB = zlib.compress(bytes(2 << 20))


@pytest.mark.parametrize(
    "made",
    [
        rare_files.png_with(b"zTXt", b"Comment\0\0" + _BOMB),
        rare_files.png_with(b"iTXt", b"Comment\0\1\0\0\0" + _BOMB),
        rare_files.png_with(b"zTXt", b"Comment\0\0" + _BOMB, after=b"IDAT"),
        rare_files.png_with(b"zTXt", b"Comment\0\7" + _BOMB),
        rare_files.png_with(b"iCCP", b"profile\0\1" + _BOMB),
        rare_files.png_with(b"iCCP", b"profile\0\0" + _BOMB),
        rare_files.png_with(b"pHYs", b"\0\0\x1e\xc2\0\0\x1e\xc2\1", sound=False),
        rare_files.png_with(b"pHYs", b"\0"),
        rare_files.png_with(b"gAMA", b"\0"),
        rare_files.png_with(b"tIME", b"soon", sound=False, after=b"IDAT"),
        rare_files.png_with(b"acTL", b"\0"),
    ],
)
def test_png_with_odd_remarks(made: bytes) -> None:
    """What is beside the picture concerns nobody."""
    assert np.array_equal(shown(made), corners())


def test_png_keeps_what_is_used() -> None:
    """Resolution and transparency are read as ever, beside a remark that is not."""
    made = rare_files.png_with(b"pHYs", b"\0\0\x1e\xc2\0\0\x1e\xc2\1")
    place = made.index(b"IDAT") - 4
    odd = rare_files.png_with(b"gAMA", b"\0")
    odd = odd[odd.index(b"gAMA") - 4 :][:13]
    assert decoded(made[:place] + odd + made[place:])[2] == pytest.approx(200, abs=0.1)


@pytest.mark.parametrize("name", [b"IHDR", b"PLTE"])
def test_png_with_a_broken_critical_chunk(name: bytes) -> None:
    """Its checksum counts."""
    made = bytearray(sample_files.png(sample_files.corners().quantize(8)))
    place = made.index(name)
    made[place + 4 + int.from_bytes(made[place - 4 : place], "big")] ^= 1
    assert refused(bytes(made)).kind == "damaged"


# BMP


def _packed(masks: tuple[int, ...], bits: int, levels: NDArray[np.float64]) -> bytes:
    words = np.zeros(levels.shape[:2], np.uint32)
    for band, mask in enumerate(masks):
        if mask:
            low = (mask & -mask).bit_length() - 1
            words |= np.round(levels[:, :, band] * (mask >> low)).astype(np.uint32) << np.uint32(low)
    rows = words.astype("<u2" if bits == 16 else "<u4")
    padding = -levels.shape[1] * bits // 8 % 4
    return b"".join(row.tobytes() + bytes(padding) for row in rows)


@pytest.mark.parametrize(
    ("bits", "masks", "depth"),
    [
        (16, (0x7C00, 0x3E0, 0x1F), 5),
        (16, (0xF800, 0x7E0, 0x1F), 5),
        (16, (0xF00, 0xF0, 0xF), 4),
        (16, (0xF00, 0xF0, 0xF, 0xF000), 4),
        (16, (0xC0, 0x38, 0x7), 2),
        (32, (0xFF0000, 0xFF00, 0xFF), 8),
        (32, (0xFF, 0xFF00, 0xFF0000), 8),
        (32, (0xFF00, 0xFF0000, 0xFF000000), 8),
        (32, (0x3FF, 0xFFC00, 0x3FF00000), 8),
        (32, (0xFFE00000, 0x1FFC00, 0x3FF), 8),
        (32, (0x7F00000, 0xFE00, 0x7F, 0xF0000000), 7),
        (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000), 8),
    ],
)
@pytest.mark.parametrize("header", [40, 56, 124])
def test_bmp_bit_fields(bits: int, masks: tuple[int, ...], depth: int, header: int) -> None:
    """Colors in any bits of a pixel; the rest, if any, is transparency, and opaque here."""
    levels = np.random.default_rng(7).random((9, 13, 4))
    levels[:, :, 3] = 1
    if header > 40:
        masks = (*masks, 0)[:4]
    compression = 6 if header == 40 and len(masks) == 4 else 3
    made = rare_files.bmp(bits, compression, masks, _packed(masks, bits, levels), header=header)
    pixels, remarks, dpi = decoded(made)
    assert remarks == []
    assert dpi == pytest.approx(200, abs=0.1)
    assert np.abs(pixels - levels[:, :, :3] * 255).max() <= 255 / ((1 << depth) - 1) * 0.51 + 1


@pytest.mark.parametrize(("compression", "kind"), [(4, "JPEG"), (5, "PNG")])
def test_bmp_around_another_file(compression: int, kind: str) -> None:
    """Printers' drivers make such files."""
    inner = sample_files.encoded(sample_files.corners(), kind)
    made = rare_files.bmp(0, compression, (), inner)
    assert np.array_equal(shown(made), shown(inner))


@pytest.mark.parametrize(
    "made",
    [
        rare_files.bmp(16, 3, (0x5555, 0xAAAA, 0), bytes(1024)),
        rare_files.bmp(32, 11, (), bytes(1024)),
        rare_files.bmp(2, 0, (), bytes(1024)),
    ],
    ids=["scattered", "compression", "bits"],
)
def test_bmp_of_other_kinds_is_unsupported(made: bytes) -> None:
    assert refused(made).kind == "unsupported"


@pytest.mark.parametrize(("bits", "masks"), [(32, (0x3FF, 0xFFC00, 0x3FF00000)), (16, (0xF00, 0xF0, 0xF))])
def test_bmp_that_ends_too_soon(bits: int, masks: tuple[int, ...]) -> None:
    """Half of a page is none."""
    made = rare_files.bmp(bits, 3, masks, bytes(-(-13 * bits // 32) * 4 * 9))
    assert refused(made[:-20]).kind == "damaged"


# TIFF


@pytest.mark.parametrize("tile", [None, 48])
@pytest.mark.parametrize(
    ("compression", "kind", "options"),
    [
        (50001, "WEBP", {"lossless": True}),
        (34933, "PNG", {}),
        (34712, "JPEG2000", {"no_jp2": True}),
        (34712, "JPEG2000", {}),
        (33005, "JPEG2000", {"no_jp2": True}),
    ],
)
def test_tiff_of_pictures(compression: int, kind: str, options: dict[str, object], tile: int | None) -> None:
    """Strips and tiles that are WebP or JPEG 2000 files: Pillow has the codecs where libtiff has not."""
    image, (width, height) = sample_files.corners(), sample_files.SIZE
    high, wide = (tile, tile) if tile else (20, width)
    pieces = [
        sample_files.encoded(
            image.crop((left, top, left + wide, top + (tile or min(high, height - top)))), kind, **options
        )
        for top in range(0, height, high)
        for left in range(0, width, wide)
    ]
    layout = sample_tiffs.Layout(compression=compression, tile=tile, rows=high)
    assert np.array_equal(shown(sample_tiffs.file_of(width, height, 3, pieces, layout)), corners())
    broken = [piece[: len(piece) // 2] for piece in pieces]
    assert refused(sample_tiffs.file_of(width, height, 3, broken, layout)).kind == "damaged"


@pytest.mark.parametrize("compression", ["raw", "lzma", "zstd", "tiff_lzw", "packbits", "tiff_adobe_deflate", "jpeg"])
def test_every_codec_of_libtiff(compression: str) -> None:
    """All that Pillow's own libtiff writes is read."""
    made = sample_files.tiff(sample_files.corners(), compression=compression)
    assert np.abs(shown(made).astype(int) - corners()).max() <= (40 if compression == "jpeg" else 0)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"])
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_every_mode_of_pillow(mode: str, compression: str) -> None:
    """White stays white and dark dark, whatever the pixels are made of."""
    page = Image.new("L", (40, 20), 255)
    page.paste(0, (0, 0, 20, 20))
    if mode == "LAB":
        made = sample_tiffs.tiff(
            np.stack([np.asarray(page), np.zeros((20, 40), np.uint8), np.zeros((20, 40), np.uint8)], axis=2),
            sample_tiffs.Layout(photometric=8, compression=5 if compression == "tiff_lzw" else 1),
        )
    else:
        image = page.convert(mode if mode != "LA" else "RGBA").convert(mode) if mode != "YCbCr" else page.convert("RGB")
        made = sample_files.tiff(image.convert(mode), compression=compression)
    pixels = shown(made)
    assert pixels[10, 5].max() <= 40
    assert pixels[10, 35].min() >= 200


def test_broken_fax_of_group_4() -> None:
    """Nothing after the fault can be known, so it is refused; where one line is lost at the end, it is warned of."""
    made, start, end = rare_files.fax(4)
    assert shown(made).shape == (200, 400, 1)
    broken = bytearray(made)
    middle = (start + end) // 2
    broken[middle : middle + 8] = b"\0" * 8
    error = refused(bytes(broken))
    assert (error.kind, "of its 200 lines are lost" in error.message) == ("damaged", True)


def test_broken_fax_of_group_3() -> None:
    """A line of a fax may be noise: up to a fiftieth of them, with a warning."""
    made, start, end = rare_files.fax(3)
    assert shown(made).shape == (200, 400, 1)
    broken = bytearray(made)
    middle = (start + end) // 2
    broken[middle : middle + 2] = b"\xff\xff"
    assert decoded(bytes(broken))[1] == ["damaged-lines"]
    noise = random.Random(3)
    for place in range(start, end, 40):
        broken[place] = noise.randrange(256)
    assert refused(bytes(broken)).kind == "damaged"


@pytest.mark.parametrize("photometric", [0, 1])
def test_fax_that_is_meant_to_end_early(photometric: int) -> None:
    """Group 4 says where it ends: a page that is stated to be longer is read, with a warning."""
    made, start, end = rare_files.fax(4)
    layout = sample_tiffs.Layout(compression=4, photometric=photometric, bits=1)
    longer = sample_tiffs.file_of(400, 240, 1, [made[start:end]], layout)
    pixels, remarks, _ = decoded(longer)
    assert remarks == ["short-page"]
    assert np.array_equal(pixels[:200], shown(made) if photometric else 255 - shown(made))
    assert pixels[201:].min() == 255


@pytest.mark.parametrize("group", [3, 4])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_fax_that_ends_too_soon(group: int, share: float) -> None:
    """The rest of the page is not there; it is not taken for white paper."""
    made, start, end = rare_files.fax(group)
    keep = start + int((end - start) * share)
    assert refused(made[:keep] + bytes(end - keep) + made[end:]).kind == "damaged"


@pytest.mark.parametrize("broken", ["cut", "noise"])
@pytest.mark.parametrize("tables", [True, False])
def test_broken_jpeg_in_tiff(broken: str, *, tables: bool) -> None:
    """libjpeg makes gray of what is missing, and only says so."""
    image = sample_files.words("JPEG in TIFF", (320, 80)).convert("RGB")
    if tables:
        made = bytearray(sample_files.tiff(image, compression="jpeg"))
        with Image.open(io.BytesIO(made)) as opened:
            start, size = opened.getexif()[273][0], sum(opened.getexif()[279])
    else:
        stream = sample_files.jpeg(image)
        layout = sample_tiffs.Layout(compression=7, photometric=6)
        made = bytearray(sample_tiffs.file_of(320, 80, 3, [stream], layout))
        start, size = 16, len(stream)
    assert shown(bytes(made)).shape == (80, 320, 3)
    middle = start + size * 2 // 3
    made[middle : start + size] = (
        b"\xff\xd9" * size if broken == "cut" else bytes(1024) + made[middle + 64 : start + size]
    )
    assert refused(bytes(made)).kind == "damaged"


@pytest.mark.parametrize("kind", sorted(rare_files.KINDS))
def test_cut_anywhere(kind: str) -> None:
    """A file that lost its end is refused, or warned of, unless all its pixels are there."""
    made = rare_files.KINDS[kind]()
    whole, _, _ = decoded(made)
    for part in range(1, 12):
        try:
            pixels, remarks, _ = decoded(made[: max(20, len(made) * part // 12)])
        except DocumentError as error:
            assert error.kind == "damaged", error  # noqa: PT017 - both outcomes are looked at
            continue
        assert remarks or np.array_equal(pixels, whole)
