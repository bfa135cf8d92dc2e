"""A row of numbers as a small picture (SVG), for a page that fetches nothing. Pure."""

from __future__ import annotations

import html
from collections.abc import Sequence

_STEP, _HEIGHT = 5, 40


def sparkline(numbers: Sequence[int], label: str) -> str:
    """Return a bar for each number. The highest is as high as the picture. `label` says in words what it shows."""
    most = max((*numbers, 1))
    bars = "".join(
        f'<rect x="{place * _STEP}" y="{_HEIGHT - height:g}" width="{_STEP - 1}" height="{height:g}"/>'
        for place, number in enumerate(numbers)
        if (height := round(_HEIGHT * number / most, 1))
    )
    text = html.escape(label)
    box = f"0 0 {max(len(numbers) * _STEP - 1, 1)} {_HEIGHT}"
    return f'<svg viewBox="{box}" preserveAspectRatio="none" role="img" aria-label="{text}">{bars}</svg>'
