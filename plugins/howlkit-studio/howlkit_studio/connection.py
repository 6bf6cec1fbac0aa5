"""One WebSocket: what a page sends goes to the desk, what the desk says goes to the page."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from howlkit_studio import asks
from howlkit_studio.desk import Desk
from howlkit_studio.limits import CONNECTIONS, MESSAGE_BYTES, UNSENT, Allowance

__all__ = ["Connections"]

POLICY, TOO_MUCH, LATER = 1008, 1009, 1013
"""Codes of RFC 6455 and its register, by which a WebSocket is closed."""


class Connections:
    """All WebSockets of a desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._count = 0

    async def serve(self, socket: WebSocket) -> None:
        """Serve one page until it goes."""
        await socket.accept()
        if self._count >= CONNECTIONS:
            await socket.close(LATER, "too many pages are open")
            return
        self._count += 1
        page = _Page(socket)
        self._desk.join(page)
        sending = asyncio.create_task(page.send_all())
        try:
            await self._listen(socket, page)
        finally:
            self._count -= 1
            self._desk.leave(page)
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await sending

    async def _listen(self, socket: WebSocket, page: _Page) -> None:
        """Hand over each message, until the page goes or sends more than it may."""
        messages = Allowance(a_second=200, at_once=400)
        amount = Allowance(a_second=2 * MESSAGE_BYTES, at_once=8 * MESSAGE_BYTES)
        while True:
            try:
                text = await socket.receive_text()
            except (WebSocketDisconnect, KeyError, RuntimeError):  # gone, or bytes in place of text
                return
            if not messages.spend(1) or not amount.spend(len(text)):
                await page.close(POLICY, "too many messages")
                return
            self._hand_over(page, text)
            await asyncio.sleep(0)  # others have their turn, however fast this page is

    def _hand_over(self, page: _Page, text: str) -> None:
        try:
            ask = asks.read(text)
        except asks.AskError as error:
            self._desk.refuse(page, asks.ask_of(text), str(error))
            return
        self._desk.answer(page, ask)


class _Page:
    """A page as the desk sees it: messages are taken at once, and sent when they can be."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket
        self._unsent: asyncio.Queue[str] = asyncio.Queue(UNSENT)
        self._lost = False

    def send(self, text: str) -> None:
        """Take a message to be sent; a page that takes none for too long is given up."""
        if self._lost:
            return
        try:
            self._unsent.put_nowait(text)
        except asyncio.QueueFull:
            self._lost = True
            self._closing = asyncio.create_task(self.close(POLICY, "the page does not read"))

    async def send_all(self) -> None:
        """Send messages in turn, for ever."""
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # it is gone
            while True:
                await self._socket.send_text(await self._unsent.get())

    async def close(self, code: int, why: str) -> None:
        """Close the WebSocket."""
        if self._socket.application_state == WebSocketState.CONNECTED:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError):
                await self._socket.close(code, why)
