"""What a browser is answered: the page, views, the button; and who is not answered."""

from __future__ import annotations

import os
import re
import socket
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from html.parser import HTMLParser
from http import HTTPStatus
from pathlib import Path

import pytest

from ocrspool.config.sections import Metrics
from ocrspool.files import names
from ocrspool.observability.snapshot_file import snapshot_of
from ocrspool.web.health import Health
from support.http_client import ask
from support.status_pages import EVIL, HERE, World

NewWorld = Callable[..., World]


@pytest.fixture
def new_world(tmp_path: Path) -> NewWorld:
    return lambda **settings: World(tmp_path / "scans", **settings)


class Parsed(HTMLParser):
    """The tags of a page and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_all_is_told_and_nothing_of_it_is_markup(new_world: NewWorld) -> None:
    """Names, reasons and advice appear as they are, control characters made visible; no tag comes of them."""
    page = Parsed(new_world(page_views=True, page_retry=True).get()[1])
    assert not {"script", "img", "iframe", "object", "link"} & {tag for tag, _ in page.tags}
    assert not [values for _, values in page.tags if {"src", "style", "onload", "onclick"} & set(values)]
    assert page.text.count(EVIL.replace("\x1b", "\\x1b")) == 4
    for told in (
        "1 of 4",
        "about 5 min",
        "waits for a decoder",
        "1 lost of 3",
        "77",
        "no-text-found, unread-script",
        "(page 2)",
        "openvino 1, f32 on cpu, f; det",
        "2 in all",
    ):
        assert told in page.text, told
    hrefs = [values["href"] for tag, values in page.tags if tag == "a"]
    assert hrefs == ["/view/j1"]


def test_a_quiet_service_has_a_page_too(new_world: NewWorld) -> None:
    """Nothing in work, nothing read, nothing failed; and one that claims nothing says why."""
    world = new_world()
    world.facts |= {"jobs": [], "last_documents": [], "last_failures": [], "since_start": {}, "lack": "no room <here>"}
    status, page = world.get()
    assert status == HTTPStatus.OK
    assert "no room &lt;here&gt;" in page
    assert "Last" not in page


def test_inboxes_that_do_not_serve(new_world: NewWorld) -> None:
    """An inbox that waits or hangs is named with the reason, which is no markup; one that is well is not."""
    world = new_world()
    well = {"state": "serves", "reason": "", "since": None, "stalled": 0}
    world.facts["inboxes"] = {"scans": {**well, "state": "waits", "reason": "<no> access"}, "new": well}
    _, page = world.get()
    assert "Inbox scans waits: &lt;no&gt; access." in page
    assert "Inbox new" not in page


def test_what_somebody_has_to_mend_is_named(new_world: NewWorld) -> None:
    """Files that cannot be taken, with the reason and in numbers; a reload that was refused."""
    world = new_world()
    world.facts["queues"]["scans"] |= {"unclaimable": 157, "unclaimable_reason": "sub/<a>.jpg: Permission denied"}
    world.facts["reload_refused"] = "engine.<x>: no"
    page = Parsed(world.get()[1])
    told = "Inbox scans: 157 files or folders cannot be taken: sub/<a>.jpg: Permission denied."
    assert told in page.text
    assert "The last reload was refused: engine.<x>: no." in page.text
    assert page.text.count("cannot be taken") == 3, "a tile and a column too"


def test_hosts_of_a_cluster(new_world: NewWorld) -> None:
    """A row for each, with why one does not read; and what is missing stands above all."""
    world = new_world()
    hosts = [
        {"name": "gpu1", "address": "tls://10.0.0.7:8788", "state": "in", "pages": 7, "wire_seconds": 0.02},
        {"name": EVIL, "state": "refused", "reason": "precision is <f16>, here f32"},
    ]
    cluster = {"scheduler": "tls://10.0.0.5:8786", "up": True, "short": "1 of 2 hosts", "hosts": hosts}
    world.facts["cluster"] = cluster
    page = Parsed(world.get()[1])
    for told in ("Hosts are missing: 1 of 2 hosts.", "tls://10.0.0.7:8788", "refused: precision is <f16>, here f32"):
        assert told in page.text, told
    assert "script" not in {tag for tag, _ in page.tags}


def test_a_page_after_a_restart(new_world: NewWorld) -> None:
    """Nothing has come out since the start, and the files in failed/ are there: their number, and the last of them."""
    world = new_world(page_retry=True)
    there = {"state": "serves", "reason": "", "since": None, "stalled": 0, "failed_files": 131}
    world.facts |= {"since_start": {}, "jobs": [], "last_documents": [], "inboxes": {"scans": there}}
    status, page = world.get()
    assert status == HTTPStatus.OK
    assert '<b>131</b><span class="soft">in failed/</span>' in page
    assert "<button" in page
    assert world.press("j2")[0] == HTTPStatus.SEE_OTHER


def test_ten_thousand_wait(new_world: NewWorld) -> None:
    """The page tells of them in numbers, and is as large as before."""
    world = new_world()
    before = len(world.get()[1])
    world.facts["waiting"] = 10_000
    world.facts["queues"]["scans"] = {"waiting": 10_000, "oldest": 0.0}
    page = world.get()[1]
    assert "<b>10000</b>" in page
    assert len(page) < before + 100


def test_no_button_where_another_try_cannot_help(new_world: NewWorld) -> None:
    """A file of an unknown kind stays what it is. Damage may have been a transfer that was not over."""
    world = new_world(page_retry=True)
    world.failure["kind"] = "unsupported"
    page = world.get()[1]
    assert "<button" not in page
    assert "ends in the same way" in page
    world.failure["kind"] = "damaged"
    assert "<button" in world.get()[1]


def test_a_failure_without_a_job_has_no_button(new_world: NewWorld) -> None:
    """A reason file of other people may lack it: nothing tells then which file the button would be for."""
    world = new_world(page_retry=True)
    token = world.token()
    reason = world.inbox.folder("failed") / "bad.png.reason.json"
    reason.write_text("{}", "utf-8")
    world.failure["job"] = None
    assert "<button" not in world.get()[1]
    assert world.press("", token)[0] == HTTPStatus.NOT_FOUND
    assert (world.root / "failed/bad.png").exists()


def test_a_narrow_screen_names_each_number(new_world: NewWorld) -> None:
    """There the heads of the tables are hidden, so each cell with a number has the name of its column."""
    page = Parsed(new_world(page_views=True, page_retry=True).get()[1])
    numbers = [values for tag, values in page.tags if tag == "td" and values.get("class") == "n"]
    assert len(numbers) > 15
    unnamed = [values for values in numbers if "data-label" not in values]
    assert len(unnamed) < len(numbers) / 2, "only cells that are empty, which are hidden too"
    assert "attr(data-label)" in new_world().get()[1]


def test_the_policy_lets_nothing_in(new_world: NewWorld) -> None:
    """Only the one style sheet, by its hash; no frames, no sniffing, nothing kept. That of a view is a sandbox."""
    world = new_world(page_views=True)
    page, view = world.page.get("/", HERE), world.page.get("/view/j1", HERE)
    assert page is not None
    assert view is not None
    assert isinstance(page.body, bytes)
    style = re.search(r"<style>(.*?)</style>", page.body.decode(), re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith(f"default-src 'none'; style-src 'sha256-{digest}'; ")
    assert "unsafe" not in policy
    assert view.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'; ")
    for reply in (page, view):
        assert "frame-ancestors 'none'" in reply.headers["Content-Security-Policy"]
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert reply.headers["Cache-Control"] == "no-store"
    world.shown(view)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:9464", "[::1]", "[::1]:9464"])
def test_names_of_this_machine(new_world: NewWorld, host: str) -> None:
    """With any port: it may come through a tunnel or a proxy."""
    assert new_world().get(headers={"host": host})[0] == HTTPStatus.OK


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:9464", "127.0.0.1.evil.example", "localhost:x", "", "[::1", "::1", "localhost."],
)
def test_other_names_are_refused(new_world: NewWorld, host: str) -> None:
    """A site whose name was made to lead here reads nothing and moves nothing: neither page, view nor button."""
    world = new_world(page_views=True, page_retry=True)
    token = world.token()
    assert world.get(headers={"host": host})[0] == HTTPStatus.MISDIRECTED_REQUEST
    assert world.get("/view/j1", {"host": host})[0] == HTTPStatus.MISDIRECTED_REQUEST
    assert world.press("j2", token, {"host": host})[0] == HTTPStatus.MISDIRECTED_REQUEST
    assert world.get(headers={})[0] == HTTPStatus.MISDIRECTED_REQUEST
    assert (world.root / "failed/bad.png").exists()


def test_a_view_is_the_html_output(new_world: NewWorld) -> None:
    """Of the documents that the page names, and of nothing else; only where it was allowed."""
    world = new_world(page_views=True)
    assert world.get("/view/j1") == (200, "<p>the text of it</p>")
    for path in ("/view/", "/view/j2", "/view/../../etc/passwd", f"/view/{world.root}", "/view/j1/", "/favicon.ico"):
        assert world.get(path) == (0, "")
    without = new_world()
    assert "/view/" not in without.get()[1]
    assert without.get("/view/j1") == (0, "")


def test_a_view_that_has_gone_or_is_a_link(new_world: NewWorld, tmp_path: Path) -> None:
    """Whoever may write to the outbox cannot have another file shown: not by a link, nor by a folder that is one."""
    world = new_world(page_views=True)
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "a.html").write_bytes(b"secret")
    outbox = world.root / "outbox"
    (outbox / "sub").symlink_to(secret)
    (outbox / "b.html").symlink_to(secret / "a.html")
    os.mkfifo(outbox / "c.html")
    for name in ("sub/a", "b", "c", "gone", "../failed/bad"):
        world.document["result"] = names.to_json(str(outbox / f"{name}.json"))
        assert world.get("/view/j1") == (HTTPStatus.GONE, "it is not in the outbox any more\n")


def pictured(icon: bytes) -> bytes:
    """The beginning of an HTML output with such an icon."""
    return b'<html><head><link rel="icon" href="data:image/jpeg;base64,%s"><title>' % icon


JPEG = b"\xff\xd8\xff and so on"


def test_a_document_shows_its_small_picture(new_world: NewWorld) -> None:
    """As a JPEG and nothing else, under a policy of its own; a document without one has an empty place in the table."""
    world = new_world(page_views=True)
    other = world.delivered("other.png", "j3")
    world.html.write_bytes(pictured(b64encode(JPEG)))
    world.facts["last_documents"] = [other, world.document]
    page = Parsed(world.get()[1])
    assert [values for tag, values in page.tags if tag == "img"] == [{"src": "/thumbnail/j3", "alt": "first page"}]
    assert [values["href"] for tag, values in page.tags if tag == "a"] == ["/view/j3", "/view/j3", "/view/j1"]
    assert [tag for tag, values in page.tags if values.get("class") == "picture"] == ["td", "td"]
    reply = world.page.get("/thumbnail/j3", HERE)
    assert reply is not None
    assert (reply.status, reply.body) == (HTTPStatus.OK, JPEG)
    assert reply.headers["Content-Type"] == "image/jpeg"
    assert reply.headers["Content-Security-Policy"] == "sandbox; default-src 'none'; frame-ancestors 'none'"
    assert reply.headers["X-Content-Type-Options"] == "nosniff"
    assert reply.headers["Cache-Control"] == "no-store"


def test_a_small_picture_is_asked_for_as_a_view_is(new_world: NewWorld) -> None:
    """By a name of this machine, of the documents that the page names, where views were allowed."""
    world = new_world(page_views=True)
    world.html.write_bytes(pictured(b64encode(JPEG)))
    assert world.get("/thumbnail/j1", {"host": "evil.example"})[0] == HTTPStatus.MISDIRECTED_REQUEST
    for path in ("/thumbnail", "/thumbnail/", "/thumbnail/j2", "/thumbnail/../j1", "/thumbnail/j1/", "//thumbnail/j1"):
        assert world.get(path) == (0, ""), path
    without = new_world()
    without.html.write_bytes(pictured(b64encode(JPEG)))
    assert without.get("/thumbnail/j1") == (0, "")
    assert "<img" not in without.get()[1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        pictured(b64encode(b"<script>alert(1)</script>")),
        pictured(b64encode(JPEG)[:-1]),
        pictured(b"/9j/ nonsense"),
        pictured(b"====" + b64encode(JPEG)),
        b" " * 40_000 + pictured(b64encode(JPEG)),
        pictured(b64encode(JPEG + b" " * 40_000)),
    ],
    ids=["nothing", "no JPEG", "cut off", "no base64", "padding in front", "too far in", "too large"],
)
def test_what_is_no_small_picture_is_not_sent(new_world: NewWorld, data: bytes) -> None:
    """Whoever may write to the outbox can have a small JPEG shown, and nothing else; then the page shows none."""
    world = new_world(page_views=True)
    world.html.write_bytes(data)
    assert "<img" not in world.get()[1]
    assert world.get("/thumbnail/j1") == (0, "")


def test_a_small_picture_of_what_has_gone_or_is_a_link(new_world: NewWorld, tmp_path: Path) -> None:
    """The row stays, without a picture; a link leads nowhere."""
    world = new_world(page_views=True)
    (tmp_path / "secret").write_bytes(pictured(b64encode(JPEG)))
    world.html.unlink()
    for _ in range(2):
        assert "<img" not in world.get()[1]
        assert "/view/j1" in world.get()[1]
        assert world.get("/thumbnail/j1") == (0, "")
        world.html.unlink(missing_ok=True)
        world.html.symlink_to(tmp_path / "secret")
    (tmp_path / "secret").rename(world.html)
    assert "<img" in world.get()[1], "the same bytes in their place are shown"


def test_the_button_puts_the_file_back(new_world: NewWorld) -> None:
    """Once: then the page says that it is not there any more, and pressing again moves nothing."""
    world = new_world(page_retry=True)
    token = world.token()
    assert world.press("j2") == (HTTPStatus.SEE_OTHER, "")
    assert (world.root / "inbox/bad.png").read_bytes() == b"x"
    assert list((world.root / "failed").iterdir()) == []
    page = world.get()[1]
    assert "no longer there" in page
    assert "<button" not in page
    assert world.press("j2", token)[0] == HTTPStatus.NOT_FOUND


def test_another_file_of_the_same_name(new_world: NewWorld) -> None:
    """One that has failed since has a button of its own; that of the earlier one does not move it."""
    world = new_world(page_retry=True)
    world.facts["last_failures"] = [world.failed("bad.png", "j3"), world.failure]
    assert world.get()[1].count("<button") == 1
    assert world.press("j2")[0] == HTTPStatus.NOT_FOUND
    assert world.press("j3")[0] == HTTPStatus.SEE_OTHER


def test_the_button_does_not_overwrite(new_world: NewWorld) -> None:
    """A file that has come under the same name stays, and so does the failed one."""
    world = new_world(page_retry=True)
    (world.root / "inbox/bad.png").write_bytes(b"new")
    assert world.press("j2")[0] == HTTPStatus.CONFLICT
    assert (world.root / "inbox/bad.png").read_bytes() == b"new"
    assert (world.root / "failed/bad.png").read_bytes() == b"x"


@pytest.mark.parametrize("token", ["", "x", "\udcff", "é"])
def test_without_the_token_nothing_is_moved(new_world: NewWorld, token: str) -> None:
    """Another site can send the form, but does not know the token; nor does it where the browser says who asks."""
    world = new_world(page_retry=True)
    body = f"token={token}&job=j2".encode("utf-8", "surrogateescape")
    assert world.shown(world.page.post("/retry", HERE, body))[0] == HTTPStatus.FORBIDDEN
    across = {**HERE, "sec-fetch-site": "cross-site"}
    assert world.press("j2", headers=across)[0] == HTTPStatus.FORBIDDEN
    assert world.press("unknown")[0] == HTTPStatus.NOT_FOUND
    assert (world.root / "failed/bad.png").exists()


def test_no_button_where_it_was_not_allowed(new_world: NewWorld) -> None:
    """Neither is it shown nor does it work, whatever is sent."""
    world = new_world()
    assert "<form" not in world.get()[1]
    assert world.press("j2", "guessed") == (0, "")
    assert (world.root / "failed/bad.png").exists()


def post(where: Path, head: str, body: bytes = b"") -> bytes:
    """Send a request of this kind; the first line of the answer."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(20)
        client.connect(str(where))
        client.sendall(f"POST /retry HTTP/1.0\r\n{head}\r\n\r\n".encode() + body)
        return client.recv(65536).partition(b"\r\n")[0]


def test_by_way_of_the_listener(new_world: NewWorld, tmp_path: Path) -> None:
    """Headers arrive in any case of their letters, bodies within bounds; health is what it was."""
    world = new_world(page_retry=True)
    where = tmp_path / "page.sock"
    health = Health(str(where), lambda: snapshot_of(world.facts), lambda: True, world.page)
    try:
        assert ask(where, "/livez") == (200, "alive\n")
        assert ask(where, "/")[0] == HTTPStatus.MISDIRECTED_REQUEST
        body = f"token={world.token()}&job=j2".encode()
        assert b" 413 " in post(where, "hOsT: localhost")
        assert b" 413 " in post(where, "hOsT: localhost\r\nContent-Length: 9999999")
        assert b" 413 " in post(where, "hOsT: localhost\r\nContent-Length: -1")
        assert (world.root / "failed/bad.png").exists()
        assert b" 303 " in post(where, f"hOsT: localhost\r\ncontent-LENGTH: {len(body)}", body)
        assert (world.root / "inbox/bad.png").exists()
    finally:
        health.close()


def test_slow_readers_do_not_keep_others_waiting(new_world: NewWorld, tmp_path: Path) -> None:
    """While some have connected and say nothing, health is answered."""
    world = new_world()
    where = tmp_path / "page.sock"
    health = Health(str(where), lambda: snapshot_of(world.facts), lambda: True, world.page)
    silent = [socket.socket(socket.AF_UNIX) for _ in range(5)]
    try:
        for client in silent:
            client.connect(str(where))
        assert ask(where, "/livez") == (200, "alive\n")
    finally:
        for client in silent:
            client.close()
        health.close()


def test_a_page_without_an_address_is_a_wrong_configuration() -> None:
    """And so are its parts without the page."""
    for settings in (
        {"page": True},
        {"listen": "/run/x", "page_views": True},
        {"listen": "/run/x", "page_retry": True},
    ):
        with pytest.raises(ValueError, match="page"):
            Metrics(**settings)
