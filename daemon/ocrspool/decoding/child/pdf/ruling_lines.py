"""The ruling lines of a PDF page: the frames and rules of its tables, as they are drawn in its content.

A rule is a stroked line, a side of a stroked rectangle, or a filled rectangle that is very flat. Programs draw the
frame of a table cell by cell, so pieces that touch each other are one line.
"""

from __future__ import annotations

import ctypes
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import pypdfium2
from pypdfium2 import raw

from ocrspool.decoding.child.pdf.text import Place
from ocrspool.pages import Point, Segment

_THICKEST = 3.0  # points; what is thicker is a bar
_LEVEL = 0.02  # dy / dx up to which a line is level, and dx / dy up to which it is upright
_SAME = 1.0  # points between two pieces that are one line
_GAP = 2.0  # points that may be missing in a line
_SHORTEST = 20.0  # points; what is shorter is a part of a drawing
_MOST = 2000  # lines of a page; one that has more is a drawing
_MOST_LOOKED_AT = 50_000  # points of paths
_DEEPEST = 6  # forms within forms
_FARTHEST = 20_000.0  # units; no page is as large (ISO 32000-1, annex C)
_WHITE = 245  # red, green and blue from which on a line is not seen on paper

Matrix = tuple[float, float, float, float, float, float]


class _Piece(NamedTuple):
    """A piece of a level or an upright line: its place across, and from where to where it runs."""

    place: float
    start: float
    end: float


def ruling_lines(page: pypdfium2.PdfPage, place: Place) -> tuple[Segment, ...]:
    """Return the level and the upright lines that are drawn on a page, in the pixels of `place`."""
    level: list[_Piece] = []
    upright: list[_Piece] = []
    for (x1, y1), (x2, y2) in _pieces(page):
        if not math.isfinite(x1 + y1 + x2 + y2):
            continue
        across, down = abs(x2 - x1), abs(y2 - y1)
        if down <= _LEVEL * across:
            level.append(_Piece((y1 + y2) / 2, min(x1, x2), max(x1, x2)))
        elif across <= _LEVEL * down:
            upright.append(_Piece((x1 + x2) / 2, min(y1, y2), max(y1, y2)))
    lines = [((line.start, line.place), (line.end, line.place)) for line in _joined(level)]
    lines += [((line.place, line.start), (line.place, line.end)) for line in _joined(upright)]
    if len(lines) > _MOST:
        return ()
    shown = ((_on_page(place, start), _on_page(place, end)) for start, end in lines)
    return tuple((start, end) for start, end in shown if start != end)


def _on_page(place: Place, point: Point) -> Point:
    """Return the pixel of a point; of one beside the page, the nearest pixel on it."""
    x, y = place(*(min(max(value, -_FARTHEST), _FARTHEST) for value in point))
    return min(max(x, 0.0), float(place.width)), min(max(y, 0.0), float(place.height))


def _pieces(page: pypdfium2.PdfPage) -> Iterator[Segment]:
    """Yield the straight pieces that are drawn, in the page's own coordinates."""
    left = _MOST_LOOKED_AT
    count = raw.FPDFPage_CountObjects(page)
    objects = (raw.FPDFPage_GetObject(page, index) for index in range(count))
    for path, matrix in _paths(objects, (1, 0, 0, 1, 0, 0), _DEEPEST):
        left -= raw.FPDFPath_CountSegments(path)
        if left < 0:
            return
        yield from _of_path(path, matrix)


def _paths(
    objects: Iterable[raw.FPDF_PAGEOBJECT], around: Matrix, depth: int
) -> Iterator[tuple[raw.FPDF_PAGEOBJECT, Matrix]]:
    """Yield the paths among some objects and in the forms among them, each with the matrix that leads to the page."""
    for found in objects:
        kind = raw.FPDFPageObj_GetType(found)
        if kind == raw.FPDF_PAGEOBJ_PATH:
            yield found, _within(around, _matrix(found))
        elif kind == raw.FPDF_PAGEOBJ_FORM and depth:
            count = raw.FPDFFormObj_CountObjects(found)
            inner = (raw.FPDFFormObj_GetObject(found, index) for index in range(max(count, 0)))
            yield from _paths(inner, _within(around, _matrix(found)), depth - 1)


def _of_path(path: raw.FPDF_PAGEOBJECT, matrix: Matrix) -> Iterator[Segment]:
    fill, stroke = ctypes.c_int(), ctypes.c_int()
    if not raw.FPDFPath_GetDrawMode(path, fill, stroke):
        return
    filled = bool(fill.value) and _is_seen(path, raw.FPDFPageObj_GetFillColor)
    stroked = bool(stroke.value) and _is_seen(path, raw.FPDFPageObj_GetStrokeColor)
    for points in _subpaths(path, matrix) if filled or stroked else ():
        if flat := _flat(points):
            yield flat
        elif stroked:
            yield from itertools.pairwise(points)


def _is_seen(path: raw.FPDF_PAGEOBJECT, color_of: Callable[..., int]) -> bool:
    """Tell whether something is drawn in a color that differs from paper; of a pattern nobody knows, so it does."""
    color = [ctypes.c_uint() for _ in range(4)]
    if not color_of(path, *color):
        return True
    red, green, blue, opacity = (each.value for each in color)
    return opacity > 0 and min(red, green, blue) < _WHITE


def _subpaths(path: raw.FPDF_PAGEOBJECT, matrix: Matrix) -> Iterator[list[Point]]:
    """Yield the points of each part of a path that is drawn in one go; a curve ends a part."""
    points: list[Point] = []
    for index in range(raw.FPDFPath_CountSegments(path)):
        segment = raw.FPDFPath_GetPathSegment(path, index)
        x, y = ctypes.c_float(), ctypes.c_float()
        kind = raw.FPDFPathSegment_GetType(segment)
        if not raw.FPDFPathSegment_GetPoint(segment, x, y):
            continue
        if kind != raw.FPDF_SEGMENT_LINETO:
            yield points
            points = []
        points.append(_at(matrix, x.value, y.value))
        if raw.FPDFPathSegment_GetClose(segment):
            points.append(points[0])
    yield points


def _flat(points: Sequence[Point]) -> Segment | None:
    """Return the line that a very flat rectangle is; None where it is none."""
    if len(points) < 4:  # noqa: PLR2004 - corners
        return None
    xs, ys = [x for x, _ in points], [y for _, y in points]
    (left, right), (bottom, top) = (min(xs), max(xs)), (min(ys), max(ys))
    if top - bottom <= _THICKEST < right - left:
        return (left, (top + bottom) / 2), (right, (top + bottom) / 2)
    if right - left <= _THICKEST < top - bottom:
        return ((left + right) / 2, bottom), ((left + right) / 2, top)
    return None


def _joined(pieces: Iterable[_Piece]) -> list[_Piece]:
    """Return the lines that pieces make which lie in a row, without those that stay short."""
    found: list[_Piece] = []
    for near in _alike(sorted(pieces)):
        line = near[0]
        for piece in near[1:]:
            if piece.start <= line.end + _GAP:
                line = line._replace(end=max(line.end, piece.end))
            else:
                found.append(line)
                line = piece
        found.append(line)
    return [line for line in found if line.end - line.start >= _SHORTEST]


def _alike(pieces: Iterable[_Piece]) -> Iterator[list[_Piece]]:
    """Yield the pieces that are at one place, in the order in which they begin."""
    near: list[_Piece] = []
    for piece in pieces:
        if near and piece.place - near[0].place > _SAME:
            yield sorted(near, key=lambda each: each.start)
            near = []
        near.append(piece)
    if near:
        yield sorted(near, key=lambda each: each.start)


def _matrix(found: raw.FPDF_PAGEOBJECT) -> Matrix:
    matrix = raw.FS_MATRIX()
    if not raw.FPDFPageObj_GetMatrix(found, matrix):
        return 1, 0, 0, 1, 0, 0
    return matrix.a, matrix.b, matrix.c, matrix.d, matrix.e, matrix.f


def _within(outer: Matrix, inner: Matrix) -> Matrix:
    """Return the matrix that does what the inner one does and then what the outer one does."""
    a, b, c, d, e, f = inner
    return (*_turned(outer, a, b), *_turned(outer, c, d), *_at(outer, e, f))


def _turned(matrix: Matrix, x: float, y: float) -> Point:
    a, b, c, d, _, _ = matrix
    return a * x + c * y, b * x + d * y


def _at(matrix: Matrix, x: float, y: float) -> Point:
    right, up = _turned(matrix, x, y)
    return right + matrix[4], up + matrix[5]
