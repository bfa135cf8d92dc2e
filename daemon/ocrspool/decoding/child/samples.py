"""Convert packed samples of any depth to bytes, without numpy, which would double a decoder's start.

The standard library works on many samples at once: slices with a step, tables of 256 bytes, and integers as long as the
data, which combine bits.
"""

from __future__ import annotations

import math
import struct
import sys
from array import array

_BYTE = 8
_HALF, _SINGLE = 16, 32
"""Bits of floating-point numbers."""
_TOP_COMES_LAST = sys.byteorder == "little"


def field(data: bytes | bytearray | memoryview, step: int, shift: int, bits: int) -> bytes:
    """Return one field of each group of bytes as 8 bits: scaled up where it has fewer, its upper 8 where it has more.

    A group is `step` bytes, read as one number whose first byte is the lowest; the field's lowest bit has the value
    2 ** shift in it.
    """
    if bits > _BYTE:
        shift, bits = shift + bits - _BYTE, _BYTE
    mask, merged, length = (1 << bits) - 1, 0, 0
    for index in range(shift // _BYTE, (shift + bits - 1) // _BYTE + 1):
        moved = shift - _BYTE * index
        table = bytes((level >> moved if moved >= 0 else level << -moved) & mask for level in range(256))
        part = bytes(data[index::step]).translate(table)
        length = length or len(part)
        merged |= int.from_bytes(part, "little")
    return merged.to_bytes(length, "little").translate(_scaled(bits))


def top_bytes(data: bytes | memoryview, bits: int, count: int, row_bytes: int, *, scaled: bool = True) -> bytes:
    """Return samples as bytes: scaled up where they have fewer bits, the upper 8 bits where they have more.

    `data` is rows of `count` samples, each row in `row_bytes` bytes: packed, most significant bit first, or in the
    order of this machine where a sample fills whole bytes. With `scaled` false, small samples keep their value.
    """
    rows = range(0, len(data) // row_bytes * row_bytes, row_bytes)
    if bits % _BYTE == 0:
        wide = bits // _BYTE
        first = wide - 1 if _TOP_COMES_LAST else 0
        used = count * wide
        return b"".join(bytes(data[row + first : row + used : wide]) for row in rows)
    return b"".join(_unpacked(data[row : row + row_bytes], bits, count, scaled=scaled) for row in rows)


def floats(data: bytes | memoryview, bits: int) -> array[float]:
    """Return floating-point numbers of 16, 32 or 64 bits, in the order of this machine, as those of 32 bits."""
    if bits == _HALF:
        return array("f", struct.unpack(f"={len(data) // 2}e", data))
    return array("f", bytes(data)) if bits == _SINGLE else array("f", array("d", bytes(data)))


def _unpacked(row: bytes | memoryview, bits: int, count: int, *, scaled: bool) -> bytes:
    """Return the samples of one row."""
    phases = _BYTE // math.gcd(bits, _BYTE)
    """After so many samples one begins at the same bit of a byte again,"""
    step = bits // math.gcd(bits, _BYTE)
    """which is so many bytes later."""
    groups = -(-count // phases)
    padded = bytes(row)[: groups * step].ljust(groups * step, b"\0")
    kept = min(bits, _BYTE)
    mask = (1 << kept) - 1
    found = bytearray(groups * phases)
    for phase in range(phases):
        first, offset = divmod(phase * bits, _BYTE)
        below = 2 * _BYTE - offset - kept  # of two bytes, what lies below the field
        upper = bytes(level << _BYTE >> below & mask for level in range(256))
        part = padded[first::step].translate(upper)
        if offset + kept > _BYTE:
            lower = bytes(level >> below & mask for level in range(256))
            part = _either(part, padded[first + 1 :: step].translate(lower))
        found[phase::phases] = part
    unpacked = bytes(found[:count])
    return unpacked.translate(_scaled(kept)) if scaled else unpacked


def _either(one: bytes, other: bytes) -> bytes:
    merged = int.from_bytes(one, "little") | int.from_bytes(other, "little")
    return merged.to_bytes(len(one), "little")


def _scaled(bits: int) -> bytes:
    """Return the table from levels of so many bits to those of 8."""
    most = (1 << bits) - 1
    return bytes((min(level, most) * 255 + most // 2) // most for level in range(256))
