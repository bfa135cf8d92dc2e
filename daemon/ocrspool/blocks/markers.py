"""What the beginning of a line says of its block: bullets, numbers, captions, footnote marks, page numbers. Pure."""

from __future__ import annotations

import re

_BULLETS = "•·●○◦▪▫■□‣⁃∙►▸➢➤✓✔❖◆◇–—*»-"  # noqa: RUF001 - dashes are bullets too
_BULLET = re.compile(rf"(?:[{_BULLETS}]|[oO](?=\s+\S))\s*(?=\S)")
_BULLET_ONLY = re.compile(rf"[oO.{_BULLETS}]")
_ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "אבגדהוזחטיכלמנסעפצקרשת", "أبجدهوزحطيكلمنسعفصقرشت")
"""As lists count with them."""
_ORDINAL = re.compile(
    r"(?:\(?(?P<number>\d{1,3})[.)](?!\d)|\(?(?P<letter>[A-Za-z])\)|(?P<lone>[a-z])\."
    r"|\(?(?P<other>[א-ת]['\u05f3]?|[أا-ي])[.)\-](?=\s|x\Z)"
    r"|\(?(?P<roman>[ivx]{1,5}|I|[IVX]{2,5})[.)])\s*(?=\S)"
)
_SECTION = re.compile(
    r"(?:(?P<numbers>\d{1,2}(?:\.\d{1,2}){0,4})\.?|(?P<roman>[IVXL]{1,6})\.|[§]\s*\d+\w?\.?)\s*(?=[^\W\d_])"
)
_SECTION_WORD = re.compile(
    r"(?:chapter|section|part|article|appendix|annex|schedule|kapitel|abschnitt|teil|artikel|anhang|anlage|chapitre|partie"
    r"|titre|annexe|capitolo|sezione|parte|capítulo|פרק|סעיף|חלק|נספח|فصل|الفصل|المادة|القسم|الباب|ملحق)\s+(?:[IVXLC]+|\d+|[A-Z]|[א-ת])\b",
    re.IGNORECASE,
)
_CAPTION = re.compile(
    r"(?:fig(?:ure|\.)|table|tab\.|abb(?:ildung|\.)|tabelle|tableau|figura|tabella|tabla|chart|exhibit|plate|box"
    r"|图|圖|表|図|איור|תרשים|טבלה|לוח|شكل|الشكل|جدول|الجدول|صورة)\s*(?:S?\d+|[IVX]+\b|[A-Z]\.?\d*\b)",
    re.IGNORECASE,
)
_FOOTNOTE = re.compile(
    r"(?:[*†‡§¶]{1,3}|\[\d{1,3}\]|\(\d{1,2}\)|\d{1,3}(?![\d.,:/%-])|[¹²³⁴⁵⁶⁷⁸⁹⁰]+)\s*(?=[^\W\d_]|[\"'“„«])"
)
_PAGE_NUMBER = re.compile(
    r"\W*(?:(?:page|pg|seite|pagina|página|p|s|עמוד|עמ|صفحة|ص)\b['\u05f3. ]*)?(?:\d{1,4}|[ivxlc]{1,6})\s*"
    r"(?:(?:/|of|von|sur|de|di|מתוך|من)\s*\d{1,4})?\W*",
    re.IGNORECASE,
)
_PAGE_COUNT = re.compile(
    r"(?:page|pg\.?|seite|pagina|página|עמוד|صفحة)\s*\d{1,4}\b|\d{1,4}\s*(?:of|von|sur|מתוך|من)\s*\d{1,4}$",
    re.IGNORECASE,
)


def bullet(text: str) -> str:
    """Return the bullet with which a line begins, and the space after it; empty where there is none."""
    found = _BULLET.match(text)
    return found[0] if found else ""


def is_lone_marker(text: str) -> bool:
    """Return whether a line is nothing but a bullet or the number of a list item."""
    text = text.strip()
    found = _ORDINAL.match(f"{text}x")
    return bool(_BULLET_ONLY.fullmatch(text)) or (found is not None and found.end() == len(text))


def ordinal(text: str) -> str:
    """Return the number or letter with which a list item begins, as it is written; empty where there is none."""
    found = _ORDINAL.match(text)
    return found[0] if found else ""


def ordinal_value(text: str) -> tuple[str, int] | None:
    """Return the kind of the number of a list item and its value: ("number", 3) of "3.", ("letter", 2) of "b)"."""
    found = _ORDINAL.match(text)
    if found is None:
        return None
    if found["number"]:
        return "number", int(found["number"])
    letter = found["letter"] or found["lone"] or found["other"]
    if letter:
        return "letter", next(
            (letters.find(letter[0].lower()) + 1 for letters in _ALPHABETS if letter[0].lower() in letters), 0
        )
    return "roman", _roman(found["roman"])


def section_depth(text: str) -> int | None:
    """Return how deep a section number is with which a line begins: 2 of "3.1 Scope". None where there is none."""
    if _SECTION_WORD.match(text):
        return 1
    found = _SECTION.match(text)
    if found is None:
        return None
    return found["numbers"].count(".") + 1 if found["numbers"] else 1


def is_caption(text: str) -> bool:
    """Return whether a line begins as captions do: "Figure 3"."""
    return bool(_CAPTION.match(text))


def is_footnote(text: str) -> bool:
    """Return whether a line begins as footnotes do: with a number or a sign, and then words."""
    return bool(_FOOTNOTE.match(text))


def is_page_number(text: str) -> bool:
    """Return whether a line is nothing but the number of a page."""
    return bool(_PAGE_NUMBER.fullmatch(text))


def tells_page_number(text: str) -> bool:
    """Return whether a line holds the number of a page among other words: "Page 3 of 12"."""
    return bool(_PAGE_COUNT.search(text))


def _roman(text: str) -> int:
    values = {"i": 1, "v": 5, "x": 10}
    numbers = [values[letter] for letter in text.lower()]
    following = [*numbers[1:], 0]
    return sum(-one if one < after else one for one, after in zip(numbers, following, strict=True))
