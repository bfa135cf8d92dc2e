"""Makes docs/images anew, of documents drawn here: `PYTHONPATH=tests .venv/bin/python -m tools.screenshots [MINUTES]`.

Serves two inboxes for some minutes, so that the last hour has something in it, then stops the worker within a document
and takes the pictures: the status page (light, dark, 400 pixels wide, after a restart), `ocrspool status`, and the HTML
output of one invoice.
"""

from __future__ import annotations

import io
import json
import random
import re
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont
from rich.console import Console

from ocrspool.cli.status import collect
from ocrspool.cli.status_view import view
from ocrspool.config.loader import load
from support import sample_files
from support.browser import Browser
from support.daemon_process import Daemon, ocrspool
from support.waiting import wait_until

_IMAGES = Path(__file__).parents[1] / "docs/images"
_SIZE = (1000, 1300)
_DARK = "--blink-settings=preferredColorScheme=0"
_INBOXES = "".join(
    f"[inbox.{name}]\nroot = '{name}'\nsettle_seconds = 0.5\noutputs = {outputs}\n"
    for name, outputs in (("invoices", "['html', 'pdf']"), ("letters", "['txt']"))
)
_GOODS = ("Ladder, 3 m", "Paint, white, 10 l", "Brush, 50 mm", "Masking tape", "Dust sheet", "Roller", "Filler, 1 kg")


def invoice(number: int) -> Image.Image:
    """Draw a page that looks like an invoice, another one for each number."""
    chance = random.Random(number)
    image = Image.new("L", _SIZE, 255)
    draw = ImageDraw.Draw(image)
    large, plain = ImageFont.load_default(46), ImageFont.load_default(27)
    draw.text((90, 90), "Harbour Paint & Co.", fill=0, font=large)
    draw.text((90, 160), "14 Quay Street, Port Ellen", fill=60, font=plain)
    draw.text((90, 290), f"Invoice no. {number}", fill=0, font=large)
    draw.text((90, 360), f"Date: {chance.randint(1, 28):02} March 2026", fill=0, font=plain)
    total, y = 0.0, 480
    for goods in chance.sample(_GOODS, 5):
        count, price = chance.randint(1, 9), chance.randint(100, 9000) / 100
        total += count * price
        draw.text((90, y), goods, fill=0, font=plain)
        draw.text((560, y), str(count), fill=0, font=plain)
        draw.text((780, y), f"{count * price:.2f}", fill=0, font=plain)
        y += 64
        draw.line((90, y - 14, 910, y - 14), fill=170, width=2)
    draw.text((560, y + 20), "Total", fill=0, font=large)
    draw.text((770, y + 20), f"{total:.2f}", fill=0, font=large)
    draw.text((90, 1120), "Payable within 30 days. Thank you for your custom.", fill=0, font=plain)
    return image.rotate(chance.uniform(-1, 1), fillcolor=255, resample=Image.Resampling.BICUBIC)


def pdf(first: int, pages: int) -> bytes:
    """Invoices in one file."""
    file = io.BytesIO()
    images = [invoice(first + index) for index in range(pages)]
    images[0].save(file, "PDF", save_all=True, append_images=images[1:], resolution=110)
    return file.getvalue()


def work(daemon: Daemon, minutes: float) -> None:
    """Drop files as a day brings them, until so much time has passed."""
    chance, number, end = random.Random(7), 1040, time.monotonic() + 60 * minutes
    while time.monotonic() < end:
        for _ in range(chance.randint(0, 5)):
            number += 1
            daemon.drop(f"invoice-{number}.png", sample_files.png(invoice(number)), "invoices")
        if chance.random() < 0.4:
            daemon.drop(f"2026/letter-{number}.pdf", pdf(number, chance.randint(1, 3)), "letters")
        time.sleep(20)
    daemon.drop("cut-off.png", sample_files.png(invoice(1))[:4000], "invoices")
    daemon.drop("contract.pdf", sample_files.encrypted_pdf(b"secret"), "letters")
    daemon.reason("cut-off.png", "invoices")
    daemon.reason("contract.pdf", "letters")
    daemon.idle("invoices")
    daemon.idle("letters")


def state(daemon: Daemon) -> dict[str, Any]:
    """Return what the status command says of the service."""
    found: dict[str, Any] = json.loads(ocrspool("status", "--json", "--config", daemon.config).stdout)
    return found


def halt_within(daemon: Daemon) -> int:
    """Stop the worker when it has read some pages of a long document; the worker."""
    (worker,) = daemon.workers()
    for number in range(1, 5):
        daemon.drop(f"invoice-20{number}.png", sample_files.png(invoice(2000 + number)), "invoices")
    daemon.drop("march.pdf", pdf(3000, 40), "invoices")
    wait_until(lambda: any(job["read"] >= 12 for job in state(daemon)["service"]["jobs"]), 120)
    daemon.send_to(worker, signal.SIGSTOP)
    time.sleep(2)  # until the service has told of it
    return worker


def take(daemon: Daemon, url: str, browser: Browser) -> None:
    """Take the pictures, while the worker stands still."""
    facts = state(daemon)
    browser.picture(url, _IMAGES / "status-page.png", (1000, 1530))
    browser.picture(url, _IMAGES / "status-page-dark.png", (1000, 1530), _DARK)
    browser.picture(url, _IMAGES / "status-page-narrow.png", (400, 1500))
    document = next(each for each in facts["service"]["last_documents"] if "html" in each["outputs"])
    browser.picture(f"{url}view/{document['job']}", _IMAGES / "html-output.png", (760, 1000))
    console = Console(record=True, width=100, highlight=False, markup=False, file=io.StringIO())
    console.print(view(collect(load(daemon.config))))
    # Without the font, which whoever looks at it would have to fetch from elsewhere.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", console.export_svg(title="ocrspool status"), flags=re.DOTALL)
    (_IMAGES / "status.svg").write_text(svg.replace("Fira Code", "DejaVu Sans Mono"), "utf-8")


def take_after_a_restart(daemon: Daemon, url: str, browser: Browser) -> None:
    """Take the picture of a service that has read nothing yet, and knows what lies in failed/."""
    daemon.idle("invoices")
    daemon.stop()
    daemon.start()
    browser.picture(url, _IMAGES / "status-page-restart.png", (1000, 760))


def lighten() -> None:
    """Make the pictures small: they have few colors."""
    for path in _IMAGES.glob("*.png"):
        with Image.open(path) as image:
            few = image.convert("RGB").quantize(96, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def main(minutes: float) -> None:
    """Serve, work, take the pictures, end."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        more = f"[metrics]\nlisten = '{address}'\npage = true\npage_views = true\npage_retry = true\n"
        daemon = Daemon(Path(folder) / "d", Path(folder) / "cache", _INBOXES)
        try:
            daemon.configure(more)
            ocrspool("prebuild", "--config", daemon.config, seconds=300)
            daemon.start()
            work(daemon, minutes)
            worker, url, browser = halt_within(daemon), f"http://{address}/", Browser("chromium", Path(folder))
            try:
                take(daemon, url, browser)
            finally:
                daemon.send_to(worker, signal.SIGCONT)
            take_after_a_restart(daemon, url, browser)
            lighten()
        finally:
            daemon.close()


if __name__ == "__main__":
    main(float(sys.argv[1]) if sys.argv[1:] else 10)
