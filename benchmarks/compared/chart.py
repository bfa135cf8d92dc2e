"""Bars, as an SVG file written by hand: milliseconds a page, a panel for each set."""

from __future__ import annotations

from html import escape
from pathlib import Path

from compared.table import Comparison, Row

_WIDTH, _NAMES, _BARS, _STEP = 760, 170, 430, 24
_COLORS = {"ocrspool": "#1f6f4a", "ocrspool-balanced": "#3d9068", "ocrspool-fast": "#63b088", "limit": "#9ab8a8"}
_OTHERS = "#8a94a6"


def save(comparison: Comparison, file: Path) -> None:
    """Write the chart."""
    parts: list[str] = []
    top = 10
    for set_name in comparison.sets():
        rows = comparison.of_set(set_name)
        parts.append(_text(0, top + 14, f"{set_name}: milliseconds a page (word F1)", ' font-weight="bold"'))
        widest = max(row.page_ms for row in rows)
        parts += [_bar(row, top + 24 + _STEP * index, widest) for index, row in enumerate(rows)]
        top += 24 + _STEP * len(rows) + 20
    parts.append(_text(0, top + 10, comparison.machine, ' font-size="11"'))
    height = top + 20
    font = 'font-family="sans-serif" font-size="13"'
    file.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" {font}>\n'
        f'<rect width="{_WIDTH}" height="{height}" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n",
        "utf-8",
    )


def _bar(row: Row, top: int, widest: float) -> str:
    length = max(1, round(_BARS * row.page_ms / widest))
    told = f"{row.page_ms:.0f}" + ("" if row.f1 is None else f" ({row.f1:.3f})")
    color = _COLORS.get(row.name, _OTHERS)
    return (
        _text(_NAMES - 8, top + 14, row.name, ' text-anchor="end"')
        + f'<rect x="{_NAMES}" y="{top + 2}" width="{length}" height="16" fill="{color}"/>'
        + _text(_NAMES + length + 6, top + 14, told)
    )


def _text(x: int, y: int, text: str, style: str = "") -> str:
    return f'<text x="{x}" y="{y}"{style}>{escape(text)}</text>'
