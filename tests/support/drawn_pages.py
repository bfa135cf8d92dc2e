"""Pages with large clear text, and how to compare what was read of them."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageDraw, ImageFont

from support import sample_files


def page(*lines: str, size: tuple[int, int] = (520, 90)) -> Image.Image:
    """Black lines on white, in grey."""
    image = Image.new("L", (size[0], size[1] * max(1, len(lines))), 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(image).text((20, size[1] * number + 22), line, fill=0, font=ImageFont.load_default(40))
    return image


def png(*lines: str) -> bytes:
    """Such a page as a PNG file."""
    return sample_files.png(page(*lines))


def blank() -> bytes:
    return sample_files.png(Image.new("L", (200, 120), 255))


def tiny(number: int) -> bytes:
    """The smallest valid image, another one for each number: blank to the eye."""
    return b"P5 8 8 255\n" + bytes(255 - (number >> bit & 1) for bit in range(64))


def squeezed(text: str) -> str:
    """The text without white space, in lower case: what a reader may differ in."""
    return "".join(text.split()).lower()


def says(result: dict[str, Any], text: str, page_number: int = 1) -> bool:
    """Whether a page of a result reads so."""
    return squeezed(text) == squeezed(result["pages"][page_number - 1]["text"])
