"""Languages that the net reads badly are told by the letters that it reads; others are never taken for them.

The texts of the three are what PP-OCRv6 small has read of pages in them (DejaVu Serif, 200 dpi).
"""

# ruff: noqa: RUF001

from __future__ import annotations

import numpy as np
import pytest

from ocrspool.engine.ocr.misread_languages import misread_language
from ocrspool.engine.ocr.page_state import Line, PageInWork, Variant
from ocrspool.engine.ocr.page_text import page_text
from ocrspool.engine.reading.recognize import Reading

TURKISH = (
    "Köyümüzün kütüphanesi yaşl bir çınarın yanında duruyor. Her akşamüstü çocuklar",
    "burada hikâye okur,ödevlerini yapar. Kapıyı açan Işıl Hanım herkesin adını bilir,",
    "kiminhangi kitabı sevdiğini unutmaz.",
)
ROMANIAN = (
    "Biblioteca satului nostru stă lângă un stejar bătrân. În fiecare după-amiază copiii vin",
    "să citească povesti și să-si facă temele. Doamna Stefania, care are grijă de cărti, știe",
    "numele tuturor și ține minte ceîi place fiecăruia.",
)
VIETNAMESE = (
    "Thư vin ca làng tôi năm cnh mt cây đa rt lón. Mi bui chiu, trě em trong xóm",
    "thuòng đn đây đc truyn và làm bài tp. Cô Hnh, nguòi gi thư vin, nhó tên ca",
    "tùng đúa và bit chúng thích quyn sách nào.",
)
OTHERS = {
    "Polish": (
        "Komisja porównała dawne księgi z planami mostu, zanim zaczęła się zima",
        "źródłem wiedzy o życiu, łąkę",
    ),
    "Czech": ("Výbor porovnal staré zápisy s plány mostu dříve, než začala zima", "opravil dva motory; říše, děti"),
    "Hungarian": ("A bizottság összehasonlította a régi jegyzékeket a híd terveivel", "őszi fűtés, erdő, tűz"),
    "Croatian": ("Građani su došli na sastanak; među njima i mlađi đaci, vođa i građevinar", "također između pređe"),
    "Albanian": ("Komiteti krahasoi regjistrat e vjetër me planet e urës përpara se të fillonte dimri", "çështje"),
    "French": (
        "Le comité compara les anciens registres avec les plans du pont, à la fenêtre",
        "château, forêt, bâtiment",
    ),
    "German": ("Der Ausschuß verglich die älteren Verzeichnisse mit den Plänen der Brücke", "für das Öl, Übermaß"),
    "Swedish": ("Kommittén jämförde de äldre registren med ritningarna över bron innan vintern", "på ån"),
    "English": ("The committee compared the older registers with the plans of the bridge", "12.50 TOTAL"),
    "Latin of 1668": ("Philoſophical Tranſactions: giving ſome Accompt of the preſent undertakings", "Aër, Poëma"),
    "English with names": ("Mr. Işık and Ms. Çağlar of Beyoğlu met Mr. Ionescu of Galați in the harbor office.",) * 1
    + ("The committee compared the older registers with the plans of the bridge before the winter began.",) * 4,
}


@pytest.mark.parametrize(("texts", "name"), [(TURKISH, "Turkish"), (ROMANIAN, "Romanian"), (VIETNAMESE, "Vietnamese")])
def test_a_language_is_told_by_the_letters_that_were_read(texts: tuple[str, ...], name: str) -> None:
    found = misread_language(texts)
    assert found
    assert found.name == name


@pytest.mark.parametrize("texts", OTHERS.values(), ids=OTHERS)
def test_other_languages_are_not_taken_for_them(texts: tuple[str, ...]) -> None:
    assert misread_language(texts) is None
    assert misread_language(texts * 20) is None


@pytest.mark.parametrize("texts", [(), ("",), ("ı",) * 90, ("Ağı 12", "total " * 30)])
def test_a_few_letters_tell_nothing(texts: tuple[str, ...]) -> None:
    """Strokes are taken for one of these letters, and a name may have two of them."""
    assert misread_language(texts) is None


def _page(reader: str, *texts: str) -> PageInWork:
    page = PageInWork(np.full((1000, 800), 255, np.uint8), lambda: None)
    for row, text in enumerate(texts):
        top = 100 + 60 * row
        polygon = np.array([(50, top), (450, top), (450, top + 40), (50, top + 40)], np.float32)
        variant = Variant(polygon, [np.full((48, 400, 3), 255, np.uint8)])
        variant.read_by[reader] = {0: Reading(text, 0.99)}
        page.lines.append(Line(0.9, [variant]))
    return page


def test_the_warning_says_what_to_do() -> None:
    """It names the lines with such letters, and a reader."""
    (warning,) = page_text(_page("default", "4711", *TURKISH), 0.5, {"default"}).warnings
    assert (warning.code, warning.lines) == ("unread-script", (1, 2, 3))
    assert warning.message.startswith("The page seems to be in Turkish. ")
    assert "tesseract:tur" in warning.message


def test_what_a_reader_of_the_language_has_read_is_no_matter() -> None:
    assert page_text(_page("turkish", *TURKISH), 0.5, {"default"}).warnings == ()
