"""F1 against processor time: points of several rules as a table, as JSON and as an SVG chart written by hand."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape

_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 760, 420, 60, 20, 180, 60
_COLORS = ("#8a94a6", "#1f6f4a", "#c2571a", "#3566b8", "#8c4fa3", "#9a7d0a")


@dataclass(frozen=True, slots=True)
class Point:
    """What one threshold gives."""

    sure: float
    f1: float
    seconds: float
    again: float
    """Share of the lines that the next reader reads too."""


Curves = Mapping[str, Sequence[Point]]


def markdown(curves: Curves) -> str:
    """Return a table of all points."""
    rows = [
        f"| {name} | {point.sure:g} | {point.f1:.4f} | {point.seconds:.1f} | {point.again:.0%} |"
        for name, points in curves.items()
        for point in points
    ]
    return "\n".join(["| by | sure | word F1 | s | read again |", "|---|---:|---:|---:|---:|", *rows])


def as_json(machine: str, curves: Curves) -> str:
    """Return everything that was measured."""
    found = {name: [asdict(point) for point in points] for name, points in curves.items()}
    return json.dumps({"machine": machine, "curves": found}, indent=1) + "\n"


def svg(machine: str, curves: Curves) -> str:
    """Return the chart: seconds to the right, F1 upward."""
    points = [point for each in curves.values() for point in each]
    low, high = min(point.f1 for point in points) - 0.002, max(point.f1 for point in points) + 0.002
    longest = 1.05 * max(point.seconds for point in points)

    def place(point: Point) -> tuple[float, float]:
        right, down = _WIDTH - _RIGHT - _LEFT, _HEIGHT - _BOTTOM - _TOP
        return _LEFT + right * point.seconds / longest, _TOP + down * (high - point.f1) / (high - low)

    parts = [_axes(low, high, longest)]
    for number, (name, each) in enumerate(curves.items()):
        color = _COLORS[number % len(_COLORS)]
        at = [place(point) for point in sorted(each, key=lambda point: point.seconds)]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in at)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{color}" stroke-width="1.5"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{5 if len(at) == 1 else 3}" fill="{color}"/>' for x, y in at]
        top = _TOP + 10 + 18 * number
        parts.append(f'<circle cx="{_WIDTH - _RIGHT + 20}" cy="{top}" r="4" fill="{color}"/>')
        parts.append(_text(_WIDTH - _RIGHT + 30, top + 4, name))
    parts.append(_text(_LEFT, _HEIGHT - 8, machine, ' font-size="11"'))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" '
        f'font-size="13">\n<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _axes(low: float, high: float, longest: float) -> str:
    bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
    parts = [f'<path d="M{_LEFT},{_TOP} V{bottom} H{right}" fill="none" stroke="#444"/>']
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        y = _TOP + (bottom - _TOP) * (1 - share)
        parts.append(_text(_LEFT - 8, y + 4, f"{low + (high - low) * share:.3f}", ' text-anchor="end"'))
        x = _LEFT + (right - _LEFT) * share
        parts.append(_text(x, bottom + 18, f"{longest * share:.0f}", ' text-anchor="middle"'))
    parts.append(_text((_LEFT + right) / 2, bottom + 36, "processor seconds; word F1 upward", ' text-anchor="middle"'))
    return "\n".join(parts)


def _text(x: float, y: float, text: str, style: str = "") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}"{style}>{escape(text)}</text>'
