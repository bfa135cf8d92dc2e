"""A process that runs Tesseract: pictures of lines come over a socket, characters with their places go back.

    {"folder": "/usr/share/...", "languages": "vie"}  → {"ready": true}, or {"error": "..."}
    {"width": 640, "height": 58} + grey pixels        → {"symbols": [[text, left, right, confidence, space], ...]}

Symbols come in the order in which they are read; `space` tells whether one stands before the symbol. The process ends
with 0 when the socket closes. Once it has loaded its data, it gives up files, network and other processes.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
from typing import Any

import tesserocr

from ocrspool.processes import lifetime, sandbox
from ocrspool.processes.channel import Channel, ChannelClosedError, Message

_DPI = 300
"""Said to Tesseract, which would guess it otherwise: letters of a strip are as high as those of a page of this."""


def main(descriptor: int) -> None:
    """Serve on this inherited socket."""
    lifetime.die_with_parent()
    channel = Channel(socket.socket(fileno=descriptor))
    with contextlib.suppress(ChannelClosedError):
        request, _ = channel.receive()
        try:
            # One line of text, whose layout is not analyzed: its boundaries are ours.
            tesseract = tesserocr.PyTessBaseAPI(
                path=request["folder"],
                lang=request["languages"],
                psm=tesserocr.PSM.RAW_LINE,
                oem=tesserocr.OEM.LSTM_ONLY,
            )
        except RuntimeError as error:
            channel.send({"error": str(error)})
            return
        _symbols(tesseract, bytes([255] * 58 * 58), 58, 58)  # whatever is loaded late is loaded now
        sandbox.confine(())
        channel.send({"ready": True})
        while True:
            channel.send(_answer(tesseract, *channel.receive()))


def _answer(tesseract: Any, request: Message, descriptors: list[int]) -> Message:  # noqa: ANN401 - it has no types
    width, height = request["width"], request["height"]
    (descriptor,) = descriptors
    try:
        pixels = os.pread(descriptor, width * height, 0)
    finally:
        os.close(descriptor)
    return {"symbols": _symbols(tesseract, pixels, width, height)}


def _symbols(tesseract: Any, pixels: bytes, width: int, height: int) -> list[list[Any]]:  # noqa: ANN401
    """Return text, left, right, confidence and whether a space is before it, of each symbol."""
    tesseract.SetImageBytes(pixels, width, height, 1, width)
    tesseract.SetSourceResolution(_DPI)
    if not tesseract.Recognize():
        return []
    text = tesseract.GetUTF8Text()
    iterator = tesseract.GetIterator()
    symbols: list[list[Any]] = []
    place = 0
    if iterator is None or not text.strip():  # then there is a symbol all the same, and asking for it is an error
        return symbols
    for each in tesserocr.iterate_level(iterator, tesserocr.RIL.SYMBOL):
        symbol, box = each.GetUTF8Text(tesserocr.RIL.SYMBOL), each.BoundingBoxInternal(tesserocr.RIL.SYMBOL)
        if not symbol or symbol.isspace() or box is None:
            continue
        # Spaces are in the text alone. In words from right to left the iterator misplaces them.
        found = text.find(symbol, place)
        after_space = found > place and text[place:found].strip("\u200e\u200f\u202a\u202b\u202c") != ""
        place = place if found < 0 else found + len(symbol)
        symbols.append([symbol, box[0], box[2], each.Confidence(tesserocr.RIL.SYMBOL), after_space])
    return symbols


if __name__ == "__main__":
    main(int(sys.argv[1]))
