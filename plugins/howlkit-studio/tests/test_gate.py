"""What the studio keeps out: other hosts, other sites, strangers, paths, floods."""

import re
import socket
import struct
import sys
from urllib.parse import quote

import pytest
from conftest import Running
from howlkit_studio.limits import MESSAGE_BYTES, UPLOAD_BYTES
from howlkit_studio.models import Model
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect


@pytest.fixture(scope="module")
def studio(tmp_path_factory):
    """One studio for all that leaves nothing behind."""
    running = Running(tmp_path_factory.mktemp("gate"), Model(None))
    yield running
    running.stop()


def handshake(studio, **headers):
    """Return the status of a WebSocket's handshake."""
    given = {
        **{"host": f"127.0.0.1:{studio.port}", "origin": studio.origin, "cookie": studio.cookie},
        **headers,
    }
    kept = {name: value for name, value in given.items() if value is not None}
    upgrade = {"connection": "Upgrade", "upgrade": "websocket"}
    key = {"sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-version": "13"}
    return raw_status(studio, "/ws", {**kept, **upgrade, **key})


def raw_status(studio, path, headers):
    lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    with socket.create_connection(("127.0.0.1", studio.port), timeout=30) as connection:
        connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(connection.recv(64).split()[1])


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "127.0.0.1:1", "localhost.:{port}"])
def test_another_host_is_refused_with_400(studio, host):
    host = host.format(port=studio.port)
    assert studio.ask("GET", "/", host=host, cookie=studio.cookie).status == 400
    assert studio.ask("GET", f"/?token={studio.token}", host=host).status == 400
    assert handshake(studio, host=host) == 400


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "", "http://127.0.0.1", None])
def test_another_origin_or_none_is_refused_with_403(studio, origin):
    own = {} if origin is None else {"origin": origin}
    assert handshake(studio, origin=origin) == 403
    assert studio.ask("POST", "/import", b"", cookie=studio.cookie, **own).status == 403
    if origin is not None:
        assert studio.get("/", origin=origin).status == 403


def test_the_right_host_origin_and_cookie_come_in(studio):
    assert handshake(studio) == 101
    assert studio.get("/").status == 200
    assert studio.get("/", host=f"localhost:{studio.port}").status == 200


@pytest.mark.parametrize("path", ["/", "/page/index.html", "/export/mid", "/tone/0/60"])
def test_without_the_cookie_nothing_is_told(studio, path):
    assert studio.ask("GET", path).status == 403
    assert studio.ask("GET", path, cookie=studio.cookie[:-1]).status == 403
    assert studio.ask("GET", f"/?token={studio.token[:-1]}").status == 403
    assert handshake(studio, cookie=None) == 403


def test_the_token_has_128_bits_and_the_cookie_is_another_secret(studio):
    assert re.fullmatch("[0-9a-f]{32}", studio.token)
    answer = studio.ask("GET", f"/?token={studio.token}")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and studio.token not in cookie


def test_every_answer_says_what_a_page_may_do(studio):
    for answer in (studio.get("/"), studio.get("/page/none.js"), studio.ask("GET", "/")):
        assert answer.headers["content-security-policy"].startswith("default-src 'self';")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cache-control"] == "no-store"


UP = [
    "..",
    "%2e%2e",
    "..%2f",
    "%2e%2e%2f",
    "..\\",
    "..%5c",
    "%252e%252e",
    "..%c0%af",
    "....//",
    ".",
]
TARGETS = [
    "etc/passwd",
    "server.py",
    "__init__.py",
    "%00index.html",
    "C:/Windows/win.ini",
    "history",
]
PAYLOADS = [f"{up}/{'/'.join([up] * 5)}/{target}" for up in UP for target in TARGETS]


@pytest.mark.parametrize("prefix", ["/page/", "/", "/export/", "/tone/"])
def test_no_path_leads_to_a_file(studio, prefix):
    assert len(PAYLOADS) == 60
    for payload in PAYLOADS:
        answer = studio.get(f"{prefix}{payload}")
        assert answer.status in (400, 404), payload
        assert len(answer.data) < 40 and b"root:" not in answer.data


def test_an_upload_of_a_gigabyte_is_stopped_at_the_cap(studio):
    resource = pytest.importorskip("resource")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    head = (
        f"POST /import HTTP/1.1\r\nhost: 127.0.0.1:{studio.port}\r\norigin: {studio.origin}\r\n"
        f"cookie: {studio.cookie}\r\n"
    )
    stated = f"{head}content-length: {2**30}\r\n\r\n"
    chunk = b"%x\r\n%s\r\n" % (2**20, bytes(2**20))
    for first in (stated, f"{head}transfer-encoding: chunked\r\n\r\n"):
        sent = 0
        with socket.create_connection(("127.0.0.1", studio.port), timeout=30) as connection:
            connection.sendall(first.encode())
            try:
                while sent < 2**30:
                    connection.sendall(chunk)
                    sent += 2**20
                    connection.setblocking(False)
                    try:
                        answer = connection.recv(16)
                        break
                    except BlockingIOError:
                        connection.settimeout(30)
                connection.settimeout(30)
            except (ConnectionResetError, BrokenPipeError):
                answer = b"HTTP/1.1 413"
        assert answer[:12] == b"HTTP/1.1 413"
        # What is under way in the buffers of both sides comes on top.
        assert sent < UPLOAD_BYTES + 16 * 2**20
    unit = 1 if sys.platform == "darwin" else 1024
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - most) * unit
    assert grown < 4 * UPLOAD_BYTES, f"{grown / 2**20:.0f} MiB more of memory"


def test_what_is_no_midi_file_is_refused_with_its_name_as_text(studio):
    answer = studio.post(f"/import?name={quote('<script>.mid')}", b"no music")
    assert answer.status == 422 and answer.headers["content-type"] == "application/json"


def test_names_are_kept_as_they_are_and_make_harmless_file_names(run, tune):
    running = run()
    name = "../<img src=x onerror=alert(1)>\n\"';.mid"
    assert running.post(f"/import?name={quote(name)}", tune.read_bytes()).status == 200
    with running.page() as page:
        assert page.piece["name"] == name
        assert page.ask("save", "saved")["name"] == "img srcx onerroralert1.mid"
    saved = running.get("/export/mid").headers["content-disposition"]
    assert saved == "attachment; filename*=UTF-8''img%20srcx%20onerroralert1.mid"


def test_a_page_that_floods_is_closed(studio):
    with studio.page() as page, pytest.raises(ConnectionClosed) as closed:
        for _ in range(5000):
            page.socket.send('{"do": "drop_takes"}')
        while True:
            page.socket.recv(timeout=30)
    assert closed.value.rcvd.code == 1008


def test_a_message_that_is_too_long_closes_the_page(studio):
    with studio.page() as page, pytest.raises(ConnectionClosed) as closed:
        page.socket.send("x" * (MESSAGE_BYTES + 1))
        while True:
            page.socket.recv(timeout=30)
    assert closed.value.rcvd.code == 1009


def test_a_stranger_cannot_open_a_websocket(studio):
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{studio.port}/ws"):
        pass


def test_a_tone_is_a_sound_file(studio):
    sound = studio.get("/tone/0/60").data
    assert sound[:4] == b"RIFF" and struct.unpack("<HHI", sound[20:28]) == (1, 1, 32000)
    assert len(sound) > 32000 and studio.get("/tone/129/60").status == 404
