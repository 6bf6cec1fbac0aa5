"""Who may come in: the right host, the right origin, and the cookie that the launch link gives.

- **Host**: only the names by which the studio is reached (else 400), so that no other name can be
  made to lead here (DNS rebinding).
- **Origin**: the studio's own, wherever a browser sends one, and required for WebSockets and for
  requests that change something (else 403), so that no other site can ask in a visitor's name.
- **Token**: 128 bits in the launch link. It is exchanged for a cookie with a secret of its own,
  which scripts cannot read and which other sites' requests do not carry.

All answers get the headers of `HEADERS`.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["HEADERS", "Gate"]

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}

ENTERED = """<!doctype html><meta charset="utf-8"><title>howlkit studio</title>
<link rel="icon" href="/page/icon.svg">
<meta http-equiv="refresh" content="0; url=/"><p><a href="/">To the studio</a></p>"""
"""A page of the studio's own goes on to it: a redirect from a link on another site would be
another site's request, which does not carry the cookie."""

NO_TOKEN = (
    "This studio opens with the link that `howlkit studio` prints, which has a token in it. "
    "Open that link; each start of the studio has its own.\n"
)

SAFE = ("GET", "HEAD")


class Gate:
    """The application behind the gate.

    hosts: names and addresses by which it is reached, without the port.
    token: what the launch link carries.
    """

    def __init__(self, app: ASGIApp, *, hosts: Iterable[str], port: int) -> None:
        self._app = app
        self.token = secrets.token_hex(16)
        self._secret = secrets.token_hex(16)
        self._cookie = f"howlkit_studio_{port}"  # cookies are shared by all ports of a host
        # Browsers leave out the port of HTTP.
        self._hosts = {_bracketed(host) + ("" if port == 80 else f":{port}") for host in hosts}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if scope["type"] == "websocket":
            if refusal is None:
                await self._app(scope, receive, send)
            else:
                await _deny(refusal, receive, send)
            return
        await (refusal or self._app)(scope, receive, _with_headers(send))

    def _refusal(self, scope: Scope) -> Response | None:
        """Return what is answered in place of what was asked for; None: it may be asked for."""
        headers = Headers(scope=scope)
        if headers.getlist("host") not in [[host] for host in self._hosts]:
            return PlainTextResponse("This host is not the studio's.\n", 400)
        if not self._right_origin(scope, headers):
            return PlainTextResponse("This origin is not the studio's.\n", 403)
        if self._has_cookie(headers):
            return None
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"] == "/":
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
            if _same(given, self.token):
                return self._entered()
        return PlainTextResponse(NO_TOKEN, 403)

    def _right_origin(self, scope: Scope, headers: Headers) -> bool:
        origins = headers.getlist("origin")
        if not origins:
            return scope["type"] == "http" and scope["method"] in SAFE
        return len(origins) == 1 and origins[0] in self._origins

    def _has_cookie(self, headers: Headers) -> bool:
        cookies = cookie_parser(headers.get("cookie", ""))
        return _same(cookies.get(self._cookie, ""), self._secret)

    def _entered(self) -> Response:
        response = HTMLResponse(ENTERED)
        response.set_cookie(self._cookie, self._secret, httponly=True, samesite="strict", path="/")
        return response


def _same(one: str, other: str) -> bool:
    """Compare two secrets in a time that says nothing of where they differ."""
    return hmac.compare_digest(one.encode(), other.encode())


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _with_headers(send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers[name] = value
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return with_headers


async def _deny(refusal: Response, receive: Receive, send: Send) -> None:
    """Answer a WebSocket's handshake as if it were a request."""
    await receive()  # websocket.connect
    # The server states the length itself; before uvicorn 0.54 it would be there twice.
    headers: list[Any] = [h for h in refusal.raw_headers if h[0] != b"content-length"]
    await send(
        {
            "type": "websocket.http.response.start",
            "status": refusal.status_code,
            "headers": headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": bytes(refusal.body)})
