"""Makes daemon/ocrspool/data/srgb.icc anew, the color profile of archival PDFs: python -m tools.srgb_profile.

It is an ICC profile of version 4.2 (ISO 15076-1) of the color space sRGB (IEC 61966-2-1): the primaries, adapted to the
white point D50, and the transfer function. It is made here, so that no license of another profile applies. A test
compares the file with what is made here, and with the sRGB profile of littleCMS.
"""

from __future__ import annotations

import struct
from pathlib import Path

ASSET = Path(__file__).parents[1] / "daemon/ocrspool/data/srgb.icc"

_D50 = (0.9642, 1.0, 0.8249)
_PRIMARIES = {
    b"rXYZ": (0.43607, 0.22249, 0.01392),
    b"gXYZ": (0.38515, 0.71687, 0.09708),
    b"bXYZ": (0.14307, 0.06061, 0.71410),
}
"""Of sRGB, adapted from D65 to D50 by the matrix of Bradford, which is the next one."""
_ADAPTATION = (1.04788, 0.02292, -0.05022, 0.02959, 0.99048, -0.01707, -0.00925, 0.01508, 0.75168)
_TRANSFER = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
"""Y = (aX + b)^g from d on, and cX below it: g, a, b, c, d."""
_DATE = (2000, 1, 1, 0, 0, 0)


def profile() -> bytes:
    """Return the profile: 128 bytes of header, the table of tags, and the tags."""
    transfer = b"para" + struct.pack(">IHH", 0, 3, 0) + _fixed(*_TRANSFER)
    tags = {
        b"desc": _text("sRGB"),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz(_D50),
        b"chad": b"sf32" + bytes(4) + _fixed(*_ADAPTATION),
        **{name: _xyz(color) for name, color in _PRIMARIES.items()},
        **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), transfer),
    }
    start = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    body = b""
    for data in tags.values():
        if data not in places:
            places[data] = start + len(body)
            body += data + bytes(-len(data) % 4)
    table = struct.pack(">I", len(tags)) + b"".join(
        struct.pack(">4sII", name, places[data], len(data)) for name, data in tags.items()
    )
    return _header(start + len(body)) + table + body


def _header(size: int) -> bytes:
    head = struct.pack(">I4sI4s4s4s6H", size, bytes(4), 0x04200000, b"mntr", b"RGB ", b"XYZ ", *_DATE)
    head += b"acsp" + bytes(24) + struct.pack(">I", 0) + _fixed(*_D50)
    return head.ljust(128, b"\0")


def _fixed(*values: float) -> bytes:
    """Return numbers with 16 bits before the point and 16 after it."""
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def _xyz(color: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + _fixed(*color)


def _text(text: str) -> bytes:
    """Return a text in one language."""
    data = text.encode("utf-16-be")
    return b"mluc" + struct.pack(">III2s2sII", 0, 1, 12, b"en", b"US", len(data), 28) + data


if __name__ == "__main__":
    ASSET.write_bytes(profile())
