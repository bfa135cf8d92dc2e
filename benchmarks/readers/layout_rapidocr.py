"""(no benchmark.) Markdown by RapidOCR's lines and the regions of rapid-layout's net: titles are headings.

Lines are put into the region that holds most of them, and regions are read from top to bottom. It has no tables: the
net says where one is, and not what its rows and columns are.
"""

from __future__ import annotations

from typing import Any

from reading import ReadAll, converse, one_by_one

_LEFT_OUT = {"header", "footer"}
_HEADING = "title"


def _load() -> ReadAll:
    from rapid_layout import RapidLayout  # noqa: PLC0415 - the load is measured
    from rapidocr import RapidOCR  # noqa: PLC0415

    ocr, layout = RapidOCR(), RapidLayout()

    def read(file: str) -> str:
        lines: Any = ocr(file)
        regions: Any = layout(file)
        texts = [] if lines.txts is None else list(zip(lines.txts, map(_around, lines.boxes), strict=True))
        boxes = [
            (str(name), tuple(map(float, box))) for name, box in zip(regions.class_names, regions.boxes, strict=True)
        ]
        return "\n\n".join(_blocks(texts, boxes)) + "\n"

    return one_by_one(read)


def _blocks(texts: list[tuple[str, Any]], boxes: list[tuple[str, Any]]) -> list[str]:
    held: dict[int, list[tuple[str, Any]]] = {}
    found: list[tuple[Any, str]] = []
    for text, box in texts:
        shares = [_shared(box, region) for _, region in boxes]
        best = max(range(len(boxes)), key=shares.__getitem__, default=None)
        if best is None or not shares[best]:
            found.append((box, text))
        else:
            held.setdefault(best, []).append((text, box))
    for number, lines in held.items():
        name, box = boxes[number]
        if name not in _LEFT_OUT:
            said = " ".join(text for text, _ in lines)
            found.append((box, f"# {said}" if name == _HEADING else said))
    return [text for _, text in sorted(found, key=lambda each: (each[0][1], each[0][0]))]


def _around(polygon: Any) -> tuple[float, float, float, float]:  # noqa: ANN401 - an array
    xs, ys = [float(x) for x, _ in polygon], [float(y) for _, y in polygon]
    return min(xs), min(ys), max(xs), max(ys)


def _shared(one: Any, other: Any) -> float:  # noqa: ANN401 - four numbers
    width: float = min(one[2], other[2]) - max(one[0], other[0])
    height: float = min(one[3], other[3]) - max(one[1], other[1])
    return max(width, 0.0) * max(height, 0.0)


if __name__ == "__main__":
    converse(_load)
