"""Translate a library's message about a document that it gives up: into a kind, words and advice for people.

Unsupported is not damaged. The sender of a sound file of a rare kind should save it in another way, and not send it
again. A library's own words are for its developers. A message that no row knows is reported without them.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ocrspool.decoding.child.media_type import NAMES
from ocrspool.errors import DocumentError

SEND_AGAIN = "Send it again: the transfer may have failed."
_SAVE_AS = {
    "image/tiff": "Save it as TIFF with LZW or CCITT group 4 compression, as PNG or as PDF.",
    "image/jpeg": "Save it as PNG, or as an ordinary (baseline) JPEG.",
    "image/bmp": "Save it as PNG, or as a BMP image of 24 bits without compression.",
    "application/pdf": "Print it to a new PDF file.",
}
_ANY_OTHER = "Save it as PNG or as PDF."
_UNKNOWN = "its contents make no sense"


class Verdict(NamedTuple):
    """What is told where a library's words match the pattern. Groups of the pattern go into the words."""

    pattern: str
    """Compiled when a file is refused, not at each start of a decoder."""
    kind: str
    words: str


def _row(kind: str, words: str, *patterns: str) -> Verdict:
    return Verdict("|".join(patterns), kind, words)


TABLE = (
    # Memory first: codecs say so in the middle of something else.
    _row("memory", "",
         r"out of memory", r"cannot allocate", r"failed to allocate", r"No space for", r"malloc"),
    _row("unsupported", "its samples have {} bits",
         r"cannot handle (\d+)-bit layers", r"Unsupported bits\S* ?=? ?:? ?(\d+)"),
    _row("unsupported", "it has {} samples for each pixel",
         r"cannot handle (\d+)-layer images", r"SamplesPerPixel (\d+) not supported"),
    _row("unsupported", "its pixels have {} bits",
         r"Unsupported BMP pixel depth \((-?\d+)\)"),
    _row("unsupported", "its header is of an unknown kind, with {} bytes",
         r"Unsupported BMP header type \((-?\d+)\)"),
    _row("unsupported", "its compression has the unknown number {}",
         r"Unsupported BMP compression \((-?\d+)\)"),
    _row("unsupported", "its colors are bit fields of an unknown layout",
         r"Unsupported BMP bitfields layout"),
    _row("unsupported", "it has {} compression",
         r"^(\w[\w ]*) compression support is not configured"),
    _row("unsupported", "its compression is not known here",
         r"not configured", r"decoding is not implemented", r"decoder .* not available",
         r"cannot find loader", r"unavailable in base"),
    _row("unsupported", "its fax data hold lines without compression",
         r"Uncompressed data \(not supported\)"),
    _row("unsupported", "its JPEG data are of a rare kind",
         r"Improper JPEG data precision", r"Unsupported (?:marker|JPEG)", r"unsupported JPEG process"),
    _row("unsupported", "its samples are not all alike",
         r"Cannot handle different values per.sample"),
    _row("unsupported", "its pixels have an unusual layout",
         r"Sorry, ", r'No "put" routine', r'"?Predictor"?.*not supported', r"can ?not handle (?!zero)",
         r"not supported for", r"unsupported tile size", r"unable to determine J2K image mode",
         r"unsupported palette mode", r"unsupported picture format"),
    _row("too-large", "",
         r"decompression bomb", r"could be.*bomb"),
    _row("damaged", "remarks in it unpack to more than they may",
         r"Decompressed data too large", r"Too much memory used in text"),
    _row("damaged", "a part of it is missing",
         r"truncated", r"not enough (?:image )?data", r"premature", r"EOF", r"incomplete",
         r"no marker found", r"Read error", r"Seek error", r"Expected to read", r"too short", r"no more images",
         r"missing frame data", r"end of PNG image", r"not found in", r"unterminated",
         r"attempt to seek"),
    _row("damaged", "a checksum in it is wrong",
         r"checksum"),
    _row("damaged", "its header makes no sense",
         r"not an? .* file", r"not identified", r"cannot identify", r"missing (?:dimensions|color map)",
         r"invalid dimensions", r"bad mode", r"maxval must be", r"scale must be", r"bad magic",
         r"unknown filter category", r"Palette size", r"cannot load palette", r"invalid palette size",
         r"Malformed JP2", r"(?:box|marker|header) length", r"Size must be positive", r"TIFF header",
         r"create decoder object",
         r"zero (?:tag|tile|strip|scanline|number)", r"Width and height must be"),
    _row("damaged", "its frames make no sense",
         r"APNG", r"cannot seek to frame", r"MP (?:Index|Entry)", r"image data found", r"next frame"),
    _row("damaged", "its parts make no sense",
         r"broken PNG file", r"Unknown compression method", r"quantization table", r"DPI is not a number",
         r"directory", r"byte count", r"StripOffsets", r"TileOffsets",
         r"incorrect count", r"incompatible type", r"IO error", r"sanity check", r"bad value", r"unpack_from",
         r"missing required", r"tag "),
    _row("damaged", "its pixel data cannot be decoded",
         r"broken data stream", r"unrecognized data stream",
         r"code not yet in table", r"Huffman table", r"Invalid component", r"overrun",
         r"unknown error", r"\w error -?\d", r"token",
         r"corrupt", r"Bad code", r"bad (?:huffman|arithmetic)", r"decoding error",
         r"failed to decode", r"cannot decode", r"tile ", r"configuration", r"buffer is not large",
         r"progression", r"scanline", r"cannot load this image", r"cannot parse this image",
         r"larger than its place", r"JPEG", r"Invalid data", r"strip"),
    _row("damaged", "PDFium can make nothing of it",
         r"^Failed to", r"^An error occurred", r"failed for document"),
)  # fmt: skip
"""The first row that matches counts."""


def verdict(said: str, media_type: str) -> DocumentError:
    """Return the error of a document of this type, of which a library has said this."""
    name = NAMES[media_type]
    for row in TABLE:
        if found := re.search(row.pattern, said, re.IGNORECASE):
            values = [group for group in found.groups() if group is not None]
            return _error(row.kind, row.words.format(*values) if values else row.words, name, media_type)
    return _error("damaged", _UNKNOWN, name, media_type)


def out_of_memory(media_type: str) -> DocumentError:
    """Return the error of a document of this type that takes more memory than there is."""
    return DocumentError(
        "memory",
        f"Decoding the {NAMES[media_type]} takes more memory than a decoder may use.",
        "Reduce it, or raise the decoder's memory limit in the configuration.",
    )


def _error(kind: str, words: str, name: str, media_type: str) -> DocumentError:
    if kind == "memory":
        return out_of_memory(media_type)
    if kind == "too-large":
        return DocumentError(kind, f"The {name} has too many pixels.", "Reduce it.")
    if kind == "unsupported":
        return DocumentError(kind, f"This {name} cannot be read: {words}.", _SAVE_AS.get(media_type, _ANY_OTHER))
    return DocumentError(kind, f"The {name} is damaged: {words}.", SEND_AGAIN)
