"""TIFF images of every layout, written sample by sample: what Pillow does not write."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[Any]
"""Rows, columns, samples of a pixel."""
_TYPES = {3: "H", 4: "I", 5: "II", 16: "Q"}
NONE, LZW, DEFLATE, PACKBITS = 1, 5, 8, 32773


@dataclass(frozen=True)
class Layout:
    """How the samples are stored; what is not said here is as plain as can be."""

    bits: int = 8
    order: str = "<"
    photometric: int = 2
    kind: int = 1
    """1 = unsigned, 2 = signed, 3 = floating-point."""
    separate: bool = False
    compression: int = NONE
    predictor: int = 1
    tile: int | None = None
    rows: int | None = None
    """Of a strip; None = all."""
    big: bool = False
    extra: Sequence[int] = ()
    tags: Mapping[int, tuple[int, Sequence[int]]] = field(default_factory=dict)
    """More tags: type and values by number."""


def tiff(samples: Samples, layout: Layout) -> bytes:
    """A TIFF file of one image. Samples are whole numbers below 2 ** bits, or floating-point numbers."""
    height, width, count = samples.shape
    planes = [samples[:, :, [plane]] for plane in range(count)] if layout.separate else [samples]
    pieces = [_compressed(_packed(piece, layout), layout) for plane in planes for piece in _pieces(plane, layout)]
    return file_of(width, height, count, pieces, layout)


def file_of(width: int, height: int, count: int, pieces: Sequence[bytes], layout: Layout) -> bytes:
    """A TIFF file of one image of `count` samples a pixel, whose strips or tiles are these."""
    tags: dict[int, tuple[int, Sequence[int]]] = {
        256: (4, [width]), 257: (4, [height]), 258: (3, [layout.bits] * count), 259: (3, [layout.compression]),
        262: (3, [layout.photometric]), 277: (3, [count]), 284: (3, [2 if layout.separate else 1]),
        339: (3, [layout.kind] * count),
    }  # fmt: skip
    if layout.predictor != 1:
        tags[317] = (3, [layout.predictor])
    if layout.extra:
        tags[338] = (3, layout.extra)
    starts = [16 + sum(len(piece) + len(piece) % 2 for piece in pieces[:number]) for number in range(len(pieces))]
    sizes = [len(piece) for piece in pieces]
    if layout.tile:
        tags |= {322: (4, [layout.tile]), 323: (4, [layout.tile]), 324: (4, starts), 325: (4, sizes)}
    else:
        tags |= {278: (4, [layout.rows or height]), 273: (4, starts), 279: (4, sizes)}
    tags |= layout.tags
    body = b"".join(piece + b"\0" * (len(piece) % 2) for piece in pieces)
    return _file(body, tags, layout)


def _file(body: bytes, tags: dict[int, tuple[int, Sequence[int]]], layout: Layout) -> bytes:
    order, big = layout.order, layout.big
    place = 16 + len(body)
    inline, pointer = (8, "Q") if big else (4, "I")
    size = (8 + 20 * len(tags) + 8) if big else (2 + 12 * len(tags) + 4)
    behind = place + size
    entries, data = b"", b""
    for tag, (kind, values) in sorted(tags.items()):
        packed = struct.pack(f"{order}{len(values)}{_TYPES[kind][0]}", *values)
        number = len(values) // len(_TYPES[kind])
        entries += struct.pack(f"{order}HH{pointer}", tag, kind, number)
        if len(packed) <= inline:
            entries += packed.ljust(inline, b"\0")
        else:
            entries += struct.pack(f"{order}{pointer}", behind + len(data))
            data += packed + b"\0" * (len(packed) % 2)
    directory = struct.pack(f"{order}{'Q' if big else 'H'}", len(tags)) + entries + bytes(8 if big else 4)
    mark = b"II" if order == "<" else b"MM"
    header = struct.pack(f"{order}HHHQ", 43, 8, 0, place) if big else struct.pack(f"{order}HI", 42, place)
    return (mark + header).ljust(16, b"\0") + body + directory + data


def _pieces(samples: Samples, layout: Layout) -> list[Samples]:
    height, width, _ = samples.shape
    if layout.tile:
        side = layout.tile
        padded = np.pad(samples, ((0, -height % side), (0, -width % side), (0, 0)), mode="edge")
        return [
            padded[top : top + side, left : left + side]
            for top in range(0, height, side)
            for left in range(0, width, side)
        ]
    rows = layout.rows or height
    return [samples[top : top + rows] for top in range(0, height, rows)]


def _packed(samples: Samples, layout: Layout) -> bytes:
    if layout.predictor == 3:
        return _float_differences(samples, layout)
    if layout.predictor == 2:
        whole = samples.astype(np.int64)
        whole[:, 1:] -= samples[:, :-1].astype(np.int64)
        samples = whole & ((1 << layout.bits) - 1)
    height = samples.shape[0]
    if layout.kind == 3:
        return samples.astype(f"{layout.order}f{layout.bits // 8}").tobytes()
    if layout.bits in {8, 16, 32}:
        kind = "i" if layout.kind == 2 else "u"
        return samples.astype(f"{layout.order}{kind}{layout.bits // 8}").tobytes()
    if layout.bits == 24:
        words = samples.astype(f"{layout.order}u4").reshape(-1, 1).view(np.uint8)
        return (words[:, :3] if layout.order == "<" else words[:, 1:]).tobytes()
    flat = samples.reshape(height, -1).astype(np.uint32)
    places = np.arange(layout.bits - 1, -1, -1, dtype=np.uint32)
    bits = ((flat[:, :, None] >> places) & 1).astype(np.uint8).reshape(height, -1)
    return np.packbits(bits, axis=1).tobytes()


def _float_differences(samples: Samples, layout: Layout) -> bytes:
    """Predictor 3: the bytes of each row sorted by their weight, then differences."""
    height, _, count = samples.shape
    wide = layout.bits // 8
    flat = samples.astype(f">f{wide}").reshape(height, -1)
    sorted_bytes = flat.view(np.uint8).reshape(height, -1, wide).transpose(0, 2, 1).reshape(height, -1)
    differences = sorted_bytes.astype(np.int16)
    differences[:, count:] -= sorted_bytes[:, :-count].astype(np.int16)
    made: bytes = differences.astype(np.uint8).tobytes()
    return made


def _compressed(data: bytes, layout: Layout) -> bytes:
    if layout.compression == DEFLATE:
        return zlib.compress(data)
    if layout.compression == LZW:
        return _lzw(data)
    if layout.compression == PACKBITS:
        return b"".join(bytes([len(data[at : at + 128]) - 1]) + data[at : at + 128] for at in range(0, len(data), 128))
    return data


def _lzw(data: bytes) -> bytes:
    """LZW that never looks back: every byte a code of 9 bits, and a clear code before the table needs more."""
    codes = []
    for at in range(0, len(data), 200):
        codes += [256, *data[at : at + 200]]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
