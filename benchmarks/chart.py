"""(no benchmark.) Line charts as SVG, one panel below the other: enough to see whether a line is flat."""

from __future__ import annotations

from dataclasses import dataclass
from xml.sax.saxutils import escape

Points = list[tuple[float, float]]

_WIDTH, _HEIGHT = 760, 150
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 96, 28, 22
_COLORS = ("#1f5fa8", "#c2571a", "#3d8f3d", "#8a4fa3")


@dataclass(frozen=True, slots=True)
class Panel:
    """Some lines over the same axes; the vertical one begins at 0."""

    title: str
    lines: dict[str, Points]


def svg(panels: list[Panel], along: str) -> str:
    """Return the drawing; `along` names what goes from left to right."""
    height = _HEIGHT * len(panels) + _BOTTOM
    drawn = "".join(
        f'<g transform="translate(0 {_HEIGHT * at})">{_panel(panel)}</g>' for at, panel in enumerate(panels)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12"><rect width="{_WIDTH}" height="{height}" fill="white"/>'
        f'{drawn}<text x="{_WIDTH / 2}" y="{height - 8}" text-anchor="middle">{escape(along)}</text></svg>\n'
    )


def _panel(panel: Panel) -> str:
    points = [point for line in panel.lines.values() for point in line]
    most_x, most_y = max(x for x, _ in points) or 1, max(y for _, y in points) or 1
    drawn = [f'<text x="{_LEFT}" y="16" font-weight="bold">{escape(panel.title)}</text>']
    for share in (0.0, 0.5, 1.0):
        x, y = _at(share, share)
        drawn.append(f'<path d="M{_LEFT} {y}H{_WIDTH - _RIGHT}" stroke="#ddd"/>')
        drawn.append(f'<text x="{_LEFT - 6}" y="{y + 4}" text-anchor="end">{most_y * share:,.4g}</text>')
        drawn.append(f'<text x="{x}" y="{_HEIGHT - 6}" text-anchor="middle" fill="#777">{most_x * share:,.0f}</text>')
    for number, (name, line) in enumerate(panel.lines.items()):
        color = _COLORS[number % len(_COLORS)]
        path = " ".join("{:.1f},{:.1f}".format(*_at(x / most_x, y / most_y)) for x, y in line)
        drawn.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.3"/>')
        label = _TOP + 12 + 16 * number
        drawn.append(f'<text x="{_WIDTH - _RIGHT + 8}" y="{label}" fill="{color}">{escape(name)}</text>')
    return "".join(drawn)


def _at(x: float, y: float) -> tuple[float, float]:
    """Return where a point lies that is given in shares of both axes."""
    across, down = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM
    return round(_LEFT + across * x, 1), round(_TOP + down * (1 - y), 1)
