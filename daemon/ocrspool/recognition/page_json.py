"""What was read on a page as JSON, and back: what travels from a worker to the service, and on to an assembler.

Both ends of each way use this module. All that is in a PageText travels, but the engine, the device and the host: the
service adds these.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ocrspool.errors import EngineError
from ocrspool.pages import EncodedText, Notice, PageText, Polygon, Recognized, TextLine, Word
from ocrspool.processes.fast_json import dumps, loads
from ocrspool.recognition.plausible import checked


def body_of(page: PageText) -> bytes:
    """Return the text of a page as JSON. Raise TypeError where it holds what cannot be written."""
    warnings = [(warning.code, warning.message, warning.lines) for warning in page.warnings]
    return dumps(
        {
            **lines_as_json(page.lines),
            "rotation": page.rotation,
            "warnings": warnings,
            "rules": page.rules,
            "finder": page.finder,
        }
    )


def read_body(text: EncodedText) -> PageText:
    """Return the text of a page. Raise LookupError, TypeError, ValueError and the like where the body is none."""
    found = loads(text.body)
    if not isinstance(found, dict):
        raise TypeError("the body of a page is no object")
    return replace(checked(page_text({**found, "seconds": text.seconds}, text.engine, text.device)), host=text.host)


def encoded(found: Recognized) -> EncodedText:
    """Return the text of a page as it travels. Raise TypeError where it holds what cannot be written."""
    if isinstance(found, EncodedText):
        return found
    return EncodedText(body_of(found), found.seconds, found.engine, found.device, found.host)


def encoded_and_sound(found: Recognized) -> EncodedText:
    """Return the text of a page as it travels, looked into. Raise EngineError where it is none."""
    decoded(found)
    return encoded(found)


def decoded(found: Recognized) -> PageText:
    """Return the text of a page, also of one that nobody has looked into yet. Raise EngineError where it is none."""
    if isinstance(found, PageText):
        return found
    try:
        return read_body(found)
    except (LookupError, TypeError, ValueError, OverflowError, RecursionError, AttributeError) as error:
        raise UnreadableBodyError(f"a worker sent what is no text of a page: {error!r}") from error


class UnreadableBodyError(EngineError):
    """What a worker has sent as the text of a page is none."""


def lines_as_json(lines: Sequence[TextLine]) -> dict[str, Any]:
    """Return lines as values of JSON."""
    return {
        "lines": [
            (
                *(line.text, line.confidence, line.polygon, line.detection_confidence),
                [(word.text, word.confidence, word.polygon) for word in line.words],
            )
            for line in lines
        ],
        "readers": [line.reader for line in lines],
        "letters": [(line.letter_height, line.stroke) for line in lines],
    }


def lines_from(found: Mapping[str, Any]) -> tuple[TextLine, ...]:
    """Return the lines that `lines_as_json` made values of."""
    lines = found["lines"]
    letters = found.get("letters") or [(None, None)] * len(lines)
    readers = found.get("readers") or [""] * len(lines)
    return tuple(
        [
            TextLine(
                *(text, confidence, _polygon(points), detection_confidence),
                tuple([Word(of_word, sure, _polygon(around)) for of_word, sure, around in words]),
                *(height, stroke, reader),
            )
            for (text, confidence, points, detection_confidence, words), (height, stroke), reader in zip(
                lines, letters, readers, strict=True
            )
        ]
    )


def page_text(found: Mapping[str, Any], engine: Mapping[str, Any] | None = None, device: str = "") -> PageText:
    """Return the text of one page, which this engine has read."""
    warnings = tuple([Notice(code, message, None, lines=tuple(about)) for code, message, about in found["warnings"]])
    return PageText(
        lines_from(found),
        found["rotation"],
        found["seconds"],
        warnings,
        engine=engine or {},
        device=device,
        rules=tuple([((x1, y1), (x2, y2)) for (x1, y1), (x2, y2) in found.get("rules", ())]),
        finder=found.get("finder", ""),
    )


def _polygon(points: list[list[float]]) -> Polygon:
    (ax, ay), (bx, by), (cx, cy), (dx, dy) = points
    return (ax, ay), (bx, by), (cx, cy), (dx, dy)
