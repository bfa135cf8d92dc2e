"""Changes of bytes and of JSON values. The same random numbers give the same changes."""

from __future__ import annotations

import json
from random import Random
from typing import Any

AS_JSON = 0.85
"""Share of the changes of JSON that keep it JSON."""
_MOST_BYTES = 1 << 16
_NUMBERS = (0, 1, 2, 7, 8, 127, 128, 255, 256, 32767, 65535, 1 << 24, (1 << 31) - 1, 1 << 31, (1 << 32) - 1, 1 << 63)
ODD_TEXTS = (
    *("", " ", "a", "\0", "\n", "\t", "\x1b[31m", "\x7f", "\x85", "\u200f", "\u2028", "\ud800", "\udcff", "\ufffe"),
    *("..", "/", "../../etc/passwd", "a/../b", "-1", "1e400", "nan", "٣", "²", "9" * 5000, "x" * 5000, "<a b='&'>"),
    *("0001-01-01", "9999-12-31T23:59:59-23:59", "2026-02-30", "ocrspool-result/1", "YQ==", "=", "\u05d0\u0661"),
)
ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 1 << 31, 1 << 63, 1 << 70, -(1 << 63), 10**400, 0.5, -0.0, 1e-320, 1e308, -1e308),
    *(float("nan"), float("inf"), float("-inf"), [], {}, [[]], [None], {"": None}, [[[[[[[[]]]]]]]]),
    *ODD_TEXTS,
)


def changed(data: bytes, random: Random) -> bytes:
    """Return bytes with one change."""
    at = random.randrange(len(data) + 1)
    end = min(len(data), at + random.choice((1, 1, 2, 4, 8, 64, 1024)))
    kind = random.randrange(7)
    if kind == 0 and at < len(data):
        return data[:at] + bytes((data[at] ^ 1 << random.randrange(8),)) + data[at + 1 :]
    if kind == 1:
        return data[:at] + bytes((random.randrange(256),)) + data[end:]
    if kind == 2:
        return data[:at] + data[end:]
    if kind == 3:
        return data[:at]
    if kind == 4:
        return (data[:end] + data[at:])[:_MOST_BYTES]
    if kind == 5:
        return data[:at] + random.choice(ODD_TEXTS).encode("utf-8", "surrogatepass") + data[end:]
    width = random.choice((1, 2, 4, 8))
    number = random.choice(_NUMBERS) + random.choice((-1, 0, 0, 1))
    packed = (number % (1 << 8 * width)).to_bytes(width, random.choice(("little", "big")))
    return data[:at] + packed + data[at + width :]


def json_changed(data: bytes, random: Random) -> bytes:
    """Return JSON with one value changed, removed, moved or doubled; bytes with one change where there is none."""
    try:
        value = json.loads(data)
        places = list(_places(value))
        made = json.dumps(_with_change(value, places, random)).encode("ascii")
    except (ValueError, RecursionError):
        return changed(data, random)
    return made if len(made) <= _MOST_BYTES else data


def _places(value: Any, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Yield each list or mapping with each key of it."""
    if isinstance(value, (dict, list)):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield value, key
            yield from _places(value[key], depth + 1)


def _with_change(value: Any, places: list[Any], random: Random) -> Any:  # noqa: ANN401 - JSON
    if not places or random.random() < 0.01:
        return random.choice(ODD_VALUES)
    holder, key = random.choice(places)
    kind = random.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1:
        other, there = random.choice(places)
        holder[key] = json.loads(json.dumps(other[there]))
    elif kind == 2 and isinstance(holder, list):
        holder.insert(key, json.loads(json.dumps(holder[key])))
    elif kind == 3 and isinstance(holder, dict):
        holder[random.choice(ODD_TEXTS)] = holder.pop(key)
    elif kind == 4 and isinstance(holder[key], str):
        at = random.randrange(len(holder[key]) + 1)
        holder[key] = holder[key][:at] + random.choice(ODD_TEXTS) + holder[key][at:]
    else:
        holder[key] = random.choice(ODD_VALUES)
    return value
