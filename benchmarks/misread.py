"""Latin scripts by the default reader alone: word F1, and which pages get the warning that names their language.

Pages of Turkish, Romanian and Vietnamese, which it reads badly and has to warn of, and of seven languages that it
reads, in several fonts at 150, 200 and 300 dpi, drawn as those of `scripts/bench scripts`.
"""

from __future__ import annotations

import statistics
from pathlib import Path

import cv2
import numpy as np

from ocrspool.engine.build.builder import build
from ocrspool.engine.loader import load
from ocrspool.engine.plan import plan
from ocrspool.engine_request import EngineRequest
from serving import machine, scratch
from support import script_pages

_BADLY = {"tur": "Turkish", "ron": "Romanian", "vie": "Vietnamese"}
_WELL = ("pol", "ces", "hun", "swe", "deu", "fra", "spa")
_FONTS = (
    "dejavu/DejaVuSerif",
    "dejavu/DejaVuSans",
    "liberation/LiberationSerif-Regular",
    "liberation/LiberationSans-Regular",
    "freefont/FreeSerif",
)
"""Liberation has no Vietnamese letters."""
_RESOLUTIONS = (150, 200, 300)
_POINTS = 11


def main() -> None:
    print(machine())
    fonts = [name for name in (f"truetype/{font}.ttf" for font in _FONTS) if Path("/usr/share/fonts", name).is_file()]
    with scratch() as folder:
        wanted = plan(EngineRequest(cache=str(folder)))
        build(wanted, lambda _: None)
        recognizer = load(wanted, lambda _: None).recognizer
        with recognizer:
            for language in (*_BADLY, *_WELL):
                scores, warned = [], 0
                for font in fonts if language != "vie" else (name for name in fonts if "liberation" not in name):
                    for resolution in _RESOLUTIONS:
                        # Drawn at 200 dpi: letters of another size are those of another resolution.
                        grey = script_pages.page(language, font, points=_POINTS * resolution / 200)
                        (found,) = recognizer.recognize([np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8)])
                        text = "\n".join(line.text for line in found.lines)
                        scores.append(script_pages.word_f1(language, script_pages.text(language), text))
                        warned += any(f"in {_BADLY.get(language, '')}" in each.message for each in found.warnings)
                mean, least = statistics.mean(scores), min(scores)
                print(f"{language}: word F1 {mean:.3f} (least {least:.3f}), {warned} of {len(scores)} pages warned of")


if __name__ == "__main__":
    main()
