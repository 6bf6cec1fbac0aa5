"""The pages that show the piece, and how messages get to them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Protocol

from howlkit_studio.messages import Message

__all__ = ["Page", "Pages", "with_ask"]


class Page(Protocol):
    """A page that shows the piece."""

    def send(self, text: str) -> None:
        """Send a message, without waiting for it."""


class Pages:
    """All pages that are open."""

    def __init__(self) -> None:
        self._pages: dict[Page, None] = {}  # in the order in which they came

    def __iter__(self) -> Iterator[Page]:
        """Yield the pages that are open now."""
        return iter(list(self._pages))

    def add(self, page: Page) -> None:
        """Take in a page."""
        self._pages[page] = None

    def discard(self, page: Page) -> None:
        """Forget a page."""
        self._pages.pop(page, None)

    def say(self, page: Page, message: Message) -> None:
        """Say something to one page."""
        page.send(_text(message))

    def tell(
        self, message: Message, asker: Page | None = None, ask: str | int | None = None
    ) -> None:
        """Say something to all pages; the one that asked hears to which ask it belongs."""
        text = _text(message)
        for page in self:
            mine = page is asker and ask is not None
            page.send(_text(with_ask(message, ask)) if mine else text)


def with_ask(message: Message, ask: str | int | None) -> Message:
    """Return a message as the answer to an ask."""
    return message if ask is None else message | {"ask": ask}


def _text(message: Message) -> str:
    return json.dumps(message, separators=(",", ":"), allow_nan=False)
