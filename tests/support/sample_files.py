"""Small document files, made in code: every format that is read, and damaged, hostile or odd ones."""

from __future__ import annotations

import hashlib
import io
import re
import struct
import zlib

from PIL import Image, ImageDraw, ImageFont

SIZE = (120, 60)
RED, GREEN, BLUE, WHITE = (200, 30, 30), (30, 160, 30), (30, 30, 200), (255, 255, 255)

_PASSWORD_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def corners(size: tuple[int, int] = SIZE) -> Image.Image:
    """A white page with a red, a green and, below the red, a blue quarter: no turn goes unseen."""
    image = Image.new("RGB", size, WHITE)
    width, height = size[0] // 2, size[1] // 2
    image.paste(RED, (0, 0, width, height))
    image.paste(GREEN, (width, 0, size[0], height))
    image.paste(BLUE, (0, height, width, size[1]))
    return image


def words(text: str = "Hello spool", size: tuple[int, int] = (320, 80)) -> Image.Image:
    """Black words on white, in grey."""
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).text((10, 20), text, fill=0, font=ImageFont.load_default(32))
    return image


def ramp(levels: int, black: float = 0.0, white: float = 65535.0) -> list[float]:
    """So many levels from black to white, evenly spaced."""
    return [black + (white - black) * step / (levels - 1) for step in range(levels)]


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    """The image in a file of this Pillow format."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png(image: Image.Image | None = None, **options: object) -> bytes:
    return encoded(image or corners(), "PNG", **options)


def jpeg(image: Image.Image | None = None, orientation: int | None = None, **options: object) -> bytes:
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    return encoded(image or corners(), "JPEG", quality=95, subsampling=0, **options)


def jpeg_of_density(image: Image.Image, unit: int, across: int, down: int) -> bytes:
    """A JPEG image whose JFIF header states this density; unit 0 means the form of the pixels only."""
    data = jpeg(image)
    place = data.index(b"JFIF\0") + 7
    return data[:place] + struct.pack(">BHH", unit, across, down) + data[place + 5 :]


def png_of_density(image: Image.Image, unit: int, across: int, down: int) -> bytes:
    """A PNG image whose pHYs chunk states this density; unit 0 means the form of the pixels only."""
    body = b"pHYs" + struct.pack(">IIB", across, down, unit)
    chunk = struct.pack(">I", 9) + body + struct.pack(">I", zlib.crc32(body))
    data = png(image)
    return data[:33] + chunk + data[33:]


def turned(orientation: int) -> bytes:
    """A JPEG image stored as a camera with this orientation stores it, which shows `corners` when upright."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    stored = corners() if orientation == 1 else corners().transpose(turns[orientation])
    return jpeg(stored, orientation)


def tiff(*pages: Image.Image, **options: object) -> bytes:
    """A TIFF image of these pages."""
    first, *rest = pages or (corners(),)
    return encoded(first, "TIFF", save_all=True, append_images=rest, **options)


def g4_tiff(size: tuple[int, int] = (1728, 2200)) -> bytes:
    """A fax page: one bit a pixel, CCITT group 4."""
    return encoded(words(size=size).convert("1"), "TIFF", compression="group4", dpi=(200, 200))


def grey16_tiff(order: str, levels: list[float], photometric: int = 1) -> bytes:
    """One row of 16-bit grey in a TIFF image of this byte order ("<" or ">"); photometric 0: white is 0."""
    pixels = struct.pack(f"{order}{len(levels)}H", *(round(level) for level in levels))
    entries = [(256, 3, len(levels)), (257, 3, 1), (258, 3, 16), (259, 3, 1), (262, 3, photometric)]
    entries += [(273, 4, 8), (277, 3, 1), (278, 3, 1), (279, 4, len(pixels))]
    directory = struct.pack(f"{order}H", len(entries))
    for tag, form, value in entries:
        directory += struct.pack(f"{order}HHI", tag, form, 1)
        directory += struct.pack(f"{order}HH", value, 0) if form == 3 else struct.pack(f"{order}I", value)
    header = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, 8 + len(pixels))
    return header + pixels + directory + bytes(4)


def grey16_png(levels: list[float]) -> bytes:
    row = b"\0" + struct.pack(f">{len(levels)}H", *(round(level) for level in levels))
    return raw_png(len(levels), 1, 16, 0, zlib.compress(row))


def float_tiff(levels: list[float]) -> bytes:
    image = Image.new("F", (len(levels), 1))
    image.putdata(levels)
    return encoded(image, "TIFF")


def raw_png(width: int, height: int, depth: int, color: int, data: bytes) -> bytes:
    """A PNG image whose header and data need not agree: also the way to make a bomb."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def large_png(side: int) -> bytes:
    """A valid square image, nearly all of it black, in a file a thousand times smaller than its pixels."""
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + side * 3)) for _ in range(side))
    return raw_png(side, side, 8, 2, rows + packer.flush())


def on_transparent(color: tuple[int, int, int]) -> bytes:
    """Words of this color on a background that is not there."""
    image = Image.new("RGBA", (320, 80), (*color, 0))
    ImageDraw.Draw(image).text((10, 20), "Hello spool", fill=(*color, 255), font=ImageFont.load_default(32))
    return png(image)


def palette_png() -> bytes:
    """A palette image whose paper color is transparent and, were it seen, green."""
    image = Image.new("P", SIZE, 0)
    image.putpalette([*GREEN, *RED])
    image.paste(1, (0, 0, SIZE[0] // 2, SIZE[1]))
    return png(image, transparency=0)


def gif(frames: int = 1) -> bytes:
    rest = [Image.new("RGB", SIZE, (0, step, 0)) for step in range(1, frames)]
    return encoded(corners(), "GIF", save_all=True, append_images=rest)


def tiff_loop() -> bytes:
    """Two pages, the second of which leads back to the first."""
    data = bytearray(tiff(corners(), corners()))
    first = struct.unpack_from("<I", data, 4)[0]
    pointer = _next_pointer(data, first)
    struct.pack_into("<I", data, _next_pointer(data, struct.unpack_from("<I", data, pointer)[0]), first)
    return bytes(data)


def tiff_chain(pages: int) -> bytes:
    """A TIFF image of so many pages of one pixel, all sharing it."""
    entries = [(256, 1), (257, 1), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 1)]
    size = 2 + 12 * len(entries) + 4
    body = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    chain = [body + struct.pack("<I", 16 + size * (page + 1)) for page in range(pages - 1)]
    return b"II*\0" + struct.pack("<I", 16) + bytes(8) + b"".join(chain) + body + bytes(4)


def _next_pointer(data: bytearray, directory: int) -> int:
    count: int = struct.unpack_from("<H", data, directory)[0]
    return directory + 2 + 12 * count


def pdf(pages: int = 1, width: float = 360, height: float = 180, rotate: int = 0, extra: bytes = b"") -> bytes:
    """A PDF document whose pages show `corners`, drawn, and the page's words; `extra` goes into each page."""
    kids = b" ".join(b"%d 0 R" % (4 + 2 * page) for page in range(pages))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count %d /Kids [%s] >>" % (pages, kids),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    for page in range(pages):
        objects += [_pdf_page(5 + 2 * page, width, height, rotate, extra), _pdf_drawing(width, height)]
    return pdf_file(objects)


def deadly_pdf(pages: int, deadly: set[int]) -> bytes:
    """A PDF document like `pdf`, whose pages of these numbers unpack to 300 MB: PDFium aborts where it may not."""
    made = pdf(pages)
    squeezed = zlib.compress(_packed(300))
    bomb = pdf_stream(squeezed, b"/Filter [/FlateDecode /FlateDecode]")
    objects = re.findall(rb"\n\d+ 0 obj\n(.*?)\nendobj(?=\n)", made, re.DOTALL)
    for page in deadly:
        objects[2 + 2 * page] = bomb
    return pdf_file(objects)


def _packed(megabytes: int) -> bytes:
    """Zeros, packed by zlib. One megabyte is packed, and that is repeated: packing all of them takes a second."""
    packer = zlib.compressobj(9)
    head = packer.compress(b"") + packer.flush(zlib.Z_FULL_FLUSH)
    one = packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH)
    last = packer.flush()[:-4]  # without the Adler-32 checksum, which is that of one megabyte
    checksum = (megabytes << 20) % 65521 << 16 | 1
    return head + megabytes * one + last + checksum.to_bytes(4, "big")


def pdf_page(contents: bytes, resources: bytes = b"", *more: bytes) -> bytes:
    """A PDF document of one page with these contents; objects that its resources name are numbered from 5."""
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R /Resources << %s >> >>" % resources
    head = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>", page]
    return pdf_file([*head, pdf_stream(contents), *more])


def hanging_pdf() -> bytes:
    """A page filled with a tile that is repeated every thousandth of a point: PDFium draws 40 billion of them."""
    tile = pdf_stream(
        b"1 0 0 rg 0 0 1 1 re f",
        b"/PatternType 1 /PaintType 1 /TilingType 1 /BBox [0 0 1 1] /XStep 0.001 /YStep 0.001 /Resources << >>",
    )
    return pdf_page(b"/Pattern cs /P scn 0 0 200 200 re f", b"/Pattern << /P 5 0 R >>", tile)


def recursive_pdf() -> bytes:
    """A page whose form draws itself, twice: as often as PDFium lets it."""
    form = pdf_stream(
        b"/X Do /X Do", b"/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 5 0 R >> >>"
    )
    return pdf_page(b"/X Do", b"/XObject << /X 5 0 R >>", form)


def pdf_with_image(codec: str, width: int, height: int, bits: int, data: bytes) -> bytes:
    """A page that is one image, in this codec of PDF (JPXDecode, say) and of this size, or so it says."""
    space = "DeviceGray" if bits == 1 else "DeviceRGB"
    facts = f"/Width {width} /Height {height} /BitsPerComponent {bits} /ColorSpace /{space} /Filter /{codec}"
    picture = pdf_stream(data, f"/Type /XObject /Subtype /Image {facts}".encode())
    return pdf_page(b"200 0 0 200 0 0 cm /I Do", b"/XObject << /I 5 0 R >>", picture)


def lying_jpeg2000(side: int) -> bytes:
    """A JPEG 2000 codestream of 64 x 64 pixels whose header claims another size."""
    made = bytearray(encoded(Image.new("RGB", (64, 64), WHITE), "JPEG2000", no_jp2=True))
    struct.pack_into(">6I", made, made.index(b"\xff\x51") + 6, side, side, 0, 0, side, side)
    return bytes(made)


def jbig2(side: int) -> bytes:
    """An embedded JBIG2 stream: a page of this size, one region as large, and hardly any data."""
    page = struct.pack(">IBBI", 0, 48, 1, 19) + struct.pack(">IIIIBH", side, side, 0, 0, 0, 0)
    region = struct.pack(">IIIIBB", side, side, 0, 0, 0, 1) + bytes(16)
    return page + struct.pack(">IBBI", 1, 38, 1, len(region)) + region


def flat_tiff(side: int) -> bytes:
    """A square TIFF image of one color, a bit a pixel, deflated to a thousandth and less."""
    return encoded(Image.new("1", (side, side)), "TIFF", compression="tiff_adobe_deflate")


def pdf_form() -> bytes:
    """A blank page with a form field whose look is a red box, and an action that would run JavaScript."""
    look = (
        b"<< /Type /XObject /Subtype /Form /BBox [0 0 72 36] /Length 23 >> stream\n1 0 0 rg 0 0 72 36 re f\nendstream"
    )
    return pdf_file(
        [
            b"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] >> /OpenAction 6 0 R >>",
            b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 144 72] /Annots [4 0 R] >>",
            b"<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /F 4 /Rect [0 0 72 36] /P 3 0 R /AP << /N 5 0 R >> >>",
            look,
            rb"<< /S /JavaScript /JS (while \(true\) {}) >>",
        ]
    )


def damaged_page_tiff() -> bytes:
    """Three pages, the second of which holds compressed data that are none."""
    made = bytearray(tiff(*(corners() for _ in range(3)), compression="tiff_adobe_deflate"))
    with Image.open(io.BytesIO(made)) as image:
        image.seek(1)
        start = image.getexif()[273]
    made[start : start + 8] = bytes(8)
    return bytes(made)


def _pdf_page(contents: int, width: float, height: float, rotate: int, extra: bytes) -> bytes:
    box = f"[0 0 {width:g} {height:g}]".encode()
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox %s /Rotate %d /Contents %d 0 R "
        b"/Resources << /Font << /F1 3 0 R >> >> %s >>" % (box, rotate, contents, extra)
    )


def _pdf_drawing(width: float, height: float) -> bytes:
    quarters = [(RED, 0.0, height / 2), (GREEN, width / 2, height / 2), (BLUE, 0.0, 0.0)]
    drawing = "".join(
        f"{red / 255} {green / 255} {blue / 255} rg {x:g} {y:g} {width / 2:g} {height / 2:g} re f "
        for (red, green, blue), x, y in quarters
    )
    return pdf_stream(drawing.encode() + b"BT 0 g /F1 12 Tf 5 5 Td (Hello spool) Tj ET")


def pdf_stream(data: bytes, facts: bytes = b"") -> bytes:
    return b"<< /Length %d %s >> stream\n%s\nendstream" % (len(data), facts, data)


def pdf_file(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF file of these objects, numbered from 1; the first is the catalog."""
    body, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    head = b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    tail = b"trailer << /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        trailer,
        len(body),
    )
    return body + head + table + tail


def pdf_without_pages() -> bytes:
    return pdf_file([b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Count 0 /Kids [] >>"])


def encrypted_pdf(user: bytes, owner: bytes = b"owner") -> bytes:
    """An empty page under the oldest PDF encryption (revision 2); an empty user password lets everyone in."""
    identity, permissions = b"0123456789abcdef", -44
    owner_entry = _rc4(_md5(_padded(owner))[:5], _padded(user))
    key = _md5(_padded(user) + owner_entry + struct.pack("<i", permissions) + identity)[:5]
    encrypt = b"<< /Filter /Standard /V 1 /R 2 /P %d /O <%s> /U <%s> >>" % (
        permissions,
        owner_entry.hex().encode(),
        _rc4(key, _PASSWORD_PADDING).hex().encode(),
    )
    page = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 72 36] >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1 /Kids [3 0 R] >>",
        page,
        encrypt,
    ]
    return pdf_file(objects, b"/Encrypt 4 0 R /ID [<%s> <%s>]" % ((identity.hex().encode(),) * 2))


def _padded(password: bytes) -> bytes:
    return (password + _PASSWORD_PADDING)[:32]


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()  # noqa: S324 - what PDF revision 2 prescribes


def _rc4(key: bytes, data: bytes) -> bytes:
    box, j = list(range(256)), 0
    for i in range(256):
        j = (j + box[i] + key[i % len(key)]) % 256
        box[i], box[j] = box[j], box[i]
    i = j = 0
    out = bytearray()
    for byte in data:
        i = (i + 1) % 256
        j = (j + box[i]) % 256
        box[i], box[j] = box[j], box[i]
        out.append(byte ^ box[(box[i] + box[j]) % 256])
    return bytes(out)
