"""Where a piece comes from: a record in one text event at the beginning of a MIDI file.

The text is JSON, an object whose "made_by" is "howlkit" (docs/provenance.md lists what it says). It
belongs to no track and is no lyric, so programs that show lyrics or names of tracks do not show it,
and it is not sound. A Piece keeps it among its extras.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from howlkit.music.extras import NO_TRACK, Text
from howlkit.music.piece import Piece

__all__ = ["attached", "is_record", "read", "removed"]

MADE_BY = "howlkit"

_TEXT = 1  # the kind of a text event that is no lyric, name or marker

_LONGEST = 2**20  # bytes; a longer text is none of ours, and is not parsed


def read(piece: Piece) -> dict[str, Any] | None:
    """Return the record of a piece; None if it has none.

    What it says is what a file says: anybody can write it, so nothing of it may be trusted.

    >>> piece = Piece.of([(0, 480, 60)])
    >>> read(attached(piece, {"seed": 7}))
    {'made_by': 'howlkit', 'seed': 7}
    """
    return next((said for text in piece.extras.texts if (said := _parsed(text))), None)


def attached(piece: Piece, record: Mapping[str, Any]) -> Piece:
    """Return the piece with this record, in place of one that it has.

    record: JSON-ready. The notes and everything else stay as they are.
    """
    data = json.dumps({"made_by": MADE_BY, **record}, separators=(",", ":"), ensure_ascii=True)
    text = Text(0, NO_TRACK, _TEXT, data.encode("ascii"))
    others = removed(piece).extras
    return piece.replace(extras=replace(others, texts=(text, *others.texts)))


def removed(piece: Piece) -> Piece:
    """Return the piece without its record; the same one if it has none."""
    texts = tuple(text for text in piece.extras.texts if not is_record(text))
    if len(texts) == len(piece.extras.texts):
        return piece
    return piece.replace(extras=replace(piece.extras, texts=texts))


def is_record(text: Text) -> bool:
    """Return whether a text is a record."""
    return _parsed(text) is not None


def _parsed(text: Text) -> dict[str, Any] | None:
    data = text.data
    if text.kind != _TEXT or len(data) > _LONGEST or not data.startswith(b"{"):
        return None
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) and said.get("made_by") == MADE_BY else None
