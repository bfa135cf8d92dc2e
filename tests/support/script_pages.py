"""Pages of real text in many scripts, as a scanner sees them, drawn with the fonts of Debian's packages.

The texts are our own: script_texts/<language>.txt, by the names that Tesseract gives languages. In Thai, which has no
spaces between words, the files have a | there.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, features

_TEXTS = Path(__file__).with_name("script_texts")
_FONTS = Path("/usr/share/fonts")
_DATA = ("/usr/share/tesseract-ocr/*/tessdata",)
_DPI = 200
_WIDTH, _MARGIN, _LEADING = 1654, 150, 1.55
_PAPER, _INK = 250, 25

_SARA_AM = re.compile("\u0e4d([\u0e48-\u0e4b]?)\u0e32")
"""A Thai vowel in two parts, as Tesseract writes it: for comparing what it says itself."""

RIGHT_TO_LEFT = {"ara", "heb"}


@dataclass(frozen=True)
class Script:
    """A language, and the fonts that its pages are drawn with."""

    language: str
    name: str
    least_f1: float
    """What has to be read of a page: 0.95 for alphabets that stand letter beside letter, 0.9 for the others."""
    fonts: tuple[str, ...]
    """Below /usr/share/fonts; all have every character of the text."""
    first: bool = False
    """Whether its reader is asked before the default one, which takes its letters for others and is sure of them."""

    @property
    def profile(self) -> str:
        """The profile for pages in this script, as a table of the configuration; its reader has the language's name."""
        readers = f'["{self.language}", "default"]\nsure = 0.9' if self.first else f'["default", "{self.language}"]'
        return f"[profile.{self.language}]\nreaders = {readers}\n"


_DEJAVU_SERIF, _DEJAVU_SANS = "truetype/dejavu/DejaVuSerif.ttf", "truetype/dejavu/DejaVuSans.ttf"
_FREE_SERIF, _FREE_SANS = "truetype/freefont/FreeSerif.ttf", "truetype/freefont/FreeSans.ttf"
_LIBERATION = "truetype/liberation/LiberationSerif-Regular.ttf"

_NOTO, _TLWG = "truetype/noto", "truetype/tlwg"
_ARABIC = (
    _DEJAVU_SANS,
    f"{_NOTO}/NotoNaskhArabic-Regular.ttf",
    f"{_NOTO}/NotoSansArabic-Regular.ttf",
    "opentype/fonts-hosny-amiri/Amiri-Regular.ttf",
)
_KOREAN = (
    "truetype/unfonts-core/UnBatang.ttf",
    "truetype/unfonts-core/UnDotum.ttf",
    "opentype/noto/NotoSansCJK-Regular.ttc",
)
_THAI = tuple(f"{_TLWG}/{name}.ttf" for name in ("Loma", "Garuda", "Norasi", "Laksaman"))
_INDIAN = (
    "truetype/lohit-devanagari/Lohit-Devanagari.ttf",
    _FREE_SANS,
    f"{_NOTO}/NotoSansDevanagari-Regular.ttf",
    f"{_NOTO}/NotoSerifDevanagari-Regular.ttf",
)

SCRIPTS = (
    Script("rus", "Cyrillic", 0.95, (_DEJAVU_SERIF, _DEJAVU_SANS, _LIBERATION, _FREE_SANS)),
    Script("ell", "Greek", 0.95, (_DEJAVU_SERIF, _DEJAVU_SANS, _LIBERATION, _FREE_SANS)),
    Script("vie", "Vietnamese", 0.95, (_DEJAVU_SERIF, _DEJAVU_SANS, _FREE_SERIF, _FREE_SANS), first=True),
    Script("heb", "Hebrew", 0.95, (_DEJAVU_SANS, _FREE_SERIF, _FREE_SANS)),
    Script("ara", "Arabic", 0.9, _ARABIC),
    Script("kor", "Hangul", 0.9, _KOREAN),
    Script("tha", "Thai", 0.9, _THAI),
    Script("hin", "Devanagari", 0.9, _INDIAN),
)
PACKAGES = "fonts-dejavu-core fonts-tlwg-loma-ttf fonts-lohit-deva fonts-unfonts-core"
"""What has the first font of each; the others: fonts-liberation fonts-freefont-ttf fonts-thai-tlwg-ttf fonts-noto-core
fonts-noto-cjk fonts-hosny-amiri."""


def text(language: str) -> str:
    """Return what a page says."""
    return (_TEXTS / f"{language}.txt").read_text("utf-8").strip().replace("|", "")


def lacks(language: str, font: str) -> str:
    """Return what this machine lacks to draw a page in this font and to have Tesseract read it; "" for nothing."""
    try:
        import tesserocr  # noqa: F401, PLC0415 - whether it is there
    except ImportError:
        return "tesserocr is not installed"
    if not any(any(Path("/").glob(f"{place[1:]}/{language}.traineddata")) for place in _DATA):
        return f"Tesseract's data is not installed: tesseract-ocr-{language}"
    if not (_FONTS / font).is_file():
        return f"the font {font} is not installed: {PACKAGES}, or another package of fonts"
    return "" if features.check("raqm") else "Pillow has no raqm, which shapes the letters of these scripts"


def skip_unless(*pages: tuple[str, str]) -> None:
    """Skip a test whose pages (language and font) cannot be drawn or read here."""
    for language, font in pages:
        if reason := lacks(language, font):
            pytest.skip(reason)


def page(language: str, font: str, lines: str | None = None, points: float = 11, seed: int = 1) -> NDArray[np.uint8]:
    """Return a page in grey: 200 dpi, a little askew, unsharp and noisy. `lines` stand in place of the text."""
    right_to_left = language in RIGHT_TO_LEFT
    index = 1 if font.endswith("CJK-Regular.ttc") else 0  # of that collection the Korean one
    size = round(points * _DPI / 72)
    drawn = ImageFont.truetype(_FONTS / font, size, index=index, layout_engine=ImageFont.Layout.RAQM)
    wrapped = _wrapped(text(language) if lines is None else lines, drawn, _WIDTH - 2 * _MARGIN)
    image = Image.new("L", (_WIDTH, round(size * _LEADING * (len(wrapped) + 6))), _PAPER)
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(wrapped):
        x, anchor, direction = (_WIDTH - _MARGIN, "ra", "rtl") if right_to_left else (_MARGIN, "la", "ltr")
        draw.text((x, size * (_LEADING * number + 3)), line, _INK, drawn, anchor, direction=direction)
    return _scanned(np.asarray(image), seed)


def png(pixels: NDArray[np.uint8]) -> bytes:
    """Return a page as a PNG file that says its resolution."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "png", dpi=(_DPI, _DPI))
    return file.getvalue()


def word_f1(language: str, truth: str, read: str) -> float:
    """Return how many of the words were read: 0 to 1."""
    wanted, found = words(language, truth), words(language, read)
    shared = sum((wanted & found).values())
    return 2 * shared / max(sum(wanted.values()) + sum(found.values()), 1)


def words(language: str, said: str) -> Counter[str]:
    """Return the words of a text without punctuation. Marks are a part of the letter that they stand at."""
    if language == "tha":
        said = _SARA_AM.sub("\\1\u0e33", said)
    said = "".join(_letter_or_space(each) for each in unicodedata.normalize("NFC", said).casefold())
    if language == "tha":
        return Counter(word for part in said.split() for word in _thai_words(part))
    return Counter(said.split())


def _letter_or_space(character: str) -> str:
    category = unicodedata.category(character)
    return "" if category == "Cf" else character if category[0] in "LMN" else " "


def _thai_words(part: str) -> list[str]:
    """Return the words of the text that begin one after the other in a part, and what is between these as a word."""
    known = sorted(set(re.split(r"[|\s]+", (_TEXTS / "tha.txt").read_text("utf-8"))) - {""}, key=len, reverse=True)
    found, unknown = [], ""
    while part:
        word = next((each for each in known if part.startswith(each)), "")
        if word and unknown:
            found.append(unknown)
            unknown = ""
        found += [word] if word else []
        unknown += "" if word else part[0]
        part = part[len(word) or 1 :]
    return [*found, unknown] if unknown else found


def _wrapped(paragraphs: str, font: ImageFont.FreeTypeFont, width: int) -> list[str]:
    lines: list[str] = []
    for paragraph in paragraphs.split("\n"):
        line = ""
        for word in paragraph.split(" "):
            longer = f"{line} {word}".strip()
            if line and font.getlength(longer) > width:
                lines.append(line)
                longer = word
            line = longer
        lines += [line, ""]
    return lines


def _scanned(pixels: NDArray[np.uint8], seed: int) -> NDArray[np.uint8]:
    height, width = pixels.shape
    askew = cv2.getRotationMatrix2D((width / 2, height / 2), 0.6, 1)
    turned = cv2.warpAffine(pixels, askew, (width, height), flags=cv2.INTER_CUBIC, borderValue=_PAPER)
    unsharp = cv2.GaussianBlur(turned, (0, 0), 0.7).astype(np.float64)
    noise = np.random.default_rng(seed).normal(0, 6, unsharp.shape)
    return np.clip(unsharp + noise, 0, 255).astype(np.uint8)
