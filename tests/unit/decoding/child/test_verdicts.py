"""What libraries say of documents, to what people are told."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pypdfium2
import pytest
from PIL import ImageFile, _imaging
from pypdfium2 import raw

from ocrspool.decoding.child import verdicts
from ocrspool.decoding.child.media_type import NAMES
from ocrspool.decoding.child.pdf import pages
from ocrspool.decoding.child.tiff import libtiff

PLUGINS = ("Png", "Jpeg", "Bmp", "Gif", "WebP", "Ppm", "Jpeg2K")
"""Those whose code reads files for us."""
HELPERS = {
    "ImageFile": frozenset({"encode", "_encode_tile", "close", "feed"}),
    "ImagePalette": frozenset({"tobytes", "getcolor", "_new_color_index", "save", "make_linear_lut"}),
}
"""Other modules with messages of broken files, and their functions that only write or make something."""
WRITES = re.compile(r"_?save|_?write|validate_qtables|load_djpeg|verify|getheader|_getmp")
"""Functions of plugins that only write files, or that nothing of ours calls."""


def _text(node: ast.expr) -> str:
    """A message as the source spells it, with a number where a value goes."""
    if isinstance(node, ast.Constant):
        return node.value.decode() if isinstance(node.value, bytes) else str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    return "7" if isinstance(node, ast.FormattedValue) else ""


def _messages(module: str, passed: re.Pattern[str] | frozenset[str]) -> Iterator[str]:
    """Each message that a function of this module raises: Pillow gives it the name `msg` first."""
    tree = ast.parse(inspect.getsource(importlib.import_module(f"PIL.{module}")))
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        if function.name in passed if isinstance(passed, frozenset) else passed.match(function.name):
            continue
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and any(getattr(name, "id", "") == "msg" for name in node.targets):
                yield _text(node.value)
            elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call) and node.exc.args:
                yield _text(node.exc.args[0])


PILLOW = sorted(
    {message for plugin in PLUGINS for message in _messages(f"{plugin}ImagePlugin", WRITES)}
    | {message for helper, passed in HELPERS.items() for message in _messages(helper, passed)}
    | {f"{error} when reading image file" for error in ImageFile.ERRORS.values()}
    | {f"{_imaging.getcodecstatus(-code)} when reading image file" for code in range(1, 10)}
    - {"None when reading image file"}
)


def test_the_walk_sees_messages() -> None:
    """The test would be blind if it found nothing: these are known to be there."""
    assert len(PILLOW) > 60
    assert {"no marker found", "Unsupported BMP bitfields layout", "cannot handle 7-bit layers"} <= set(PILLOW)


@pytest.mark.parametrize("said", [message for message in PILLOW if message.strip()])
def test_every_message_of_pillow_has_its_row(said: str) -> None:
    """A new version of Pillow shows its new messages here; a message that no row knows is told without its words."""
    assert any(re.search(row.pattern, said, re.IGNORECASE) for row in verdicts.TABLE), said


@pytest.mark.parametrize("media_type", [kind for kind in NAMES if kind != "application/pdf"])
@pytest.mark.parametrize("said", [*PILLOW, "34712", "''", "", "b'%PDF secret'", "\0\x1b[31m"])
def test_nothing_is_told_raw(said: str, media_type: str) -> None:
    """Whole sentences, with what to do, and nothing of the document."""
    error = verdicts.verdict(said, media_type)
    assert error.kind in {"damaged", "unsupported", "memory", "too-large"}
    assert re.fullmatch(r"(The|This|Decoding the) [\w ,:()-]+\.", error.message)
    assert error.hint
    assert "secret" not in error.message
    assert "34712" not in error.message


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("cannot handle 12-bit layers", "unsupported"),
        ("cannot handle 5-layer images", "unsupported"),
        ("Unsupported BMP pixel depth (2)", "unsupported"),
        ("Unsupported BMP compression (11)", "unsupported"),
        ("LERC compression support is not configured", "unsupported"),
        ("Sorry, can not handle images with 12-bit samples", "unsupported"),
        ("Compression scheme 34887 LERC decoding is not implemented", "unsupported"),
        ('Cannot handle different values per sample for "BitsPerSample"', "unsupported"),
        ("Uncompressed data (not supported) at line 3 of strip 0 (x 5)", "unsupported"),
        ("image file is truncated (6 bytes not processed)", "damaged"),
        ("broken data stream when reading image file", "damaged"),
        ("broken PNG file (bad header checksum in b'IDAT')", "damaged"),
        ("Not enough data at scanline 12 (short 345 bytes)", "damaged"),
        ("Read error at scanline 4294967295; got 3 bytes, expected 9", "damaged"),
        ("Corrupt JPEG data: premature end of data segment", "damaged"),
        ("out of memory error when reading image file", "memory"),
        ("Failed to allocate memory for to read TIFF directory", "memory"),
    ],
)
def test_kinds(said: str, kind: str) -> None:
    """What is sound is not called damaged, and the other way round."""
    assert verdicts.verdict(said, "image/tiff").kind == kind


def test_every_message_of_libtiff_that_means_unsupported() -> None:
    """All that the library says with these words, found in the library itself."""
    mapped = Path("/proc/self/maps").read_text("utf-8").splitlines()
    library = next(Path(line.split()[-1]) for line in mapped if "libtiff" in line)
    words = rb"[ -~]*(?:Sorry, can not handle|decoding is not implemented|support is not configured)[ -~]*"
    said = set(re.findall(words, library.read_bytes()))
    assert len(said) >= 10
    assert libtiff.has_codec(1)
    for message in said:
        shown = re.sub(r"%l?[dus]", "7", message.decode())
        assert verdicts.verdict(shown, "image/tiff").kind == "unsupported", shown


PDFIUM = {name: getattr(raw, name) for name in dir(raw) if name.startswith("FPDF_ERR_") and "XFA" not in name}


@pytest.mark.parametrize("name", sorted(set(PDFIUM) - {"FPDF_ERR_SUCCESS"}))
def test_every_error_of_pdfium(name: str) -> None:
    """What asks for a password is encrypted; nothing else is."""
    error = pages._refusal(PDFIUM[name])
    assert (error.kind == "encrypted") == (name in {"FPDF_ERR_PASSWORD", "FPDF_ERR_SECURITY"})
    assert error.message.endswith(".")
    assert error.hint


def test_every_message_of_pypdfium2_has_its_row() -> None:
    """Its helpers say what failed, in words for developers."""
    folder = Path(inspect.getfile(pypdfium2)).parent / "_helpers"
    trees = [ast.parse(path.read_text("utf-8")) for path in sorted(folder.glob("*.py"))]
    said = [
        _text(node.exc.args[0])
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and getattr(node.exc.func, "id", "") == "PdfiumError"
    ]
    assert len(said) > 20
    missing = [text for text in said if not any(re.search(row.pattern, text, re.IGNORECASE) for row in verdicts.TABLE)]
    assert [text for text in missing if "sysfontinfo" not in text.lower()] == []  # nothing of ours sets up fonts
