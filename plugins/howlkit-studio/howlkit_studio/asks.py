"""What a page asks for: from a message, which may be anything, to checked values.

Whatever is not as PROTOCOL.md says is an `AskError`, which says what is wrong.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from howlkit.music import MAX_TICK
from howlkit_studio import edits
from howlkit_studio.document import Note
from howlkit_studio.edits import Edit
from howlkit_studio.fields import AskError, Fields, is_whole
from howlkit_studio.settings import GoOn, Remake

__all__ = ["Ask", "AskError", "ask_of", "read"]

SIMPLE = ("piece", "history", "surprise", "projects", "undo", "redo", "stop", "drop_takes", "save")
"""What is asked for without more words."""

MOST_BARS, MOST_BEATS, MOST_TAKES, MOST_CANDIDATES = 64, 256, 8, 64

NEW_NOTE = ("start", "duration", "pitch", "velocity", "track")


@dataclass(frozen=True)
class Ask:
    """A message that was read.

    do: what it asks for. ask: what the answer carries; None: nothing. value: an edit, settings, a
    text or a number, by `do`; None for those of `SIMPLE`.
    """

    do: str
    ask: str | int | None
    value: Edit | GoOn | Remake | str | int | None = None


def read(text: str) -> Ask:
    """Return what a message asks for; AskError if that is nothing."""
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise AskError("a message is one JSON object") from None
    if not isinstance(message, dict):
        raise AskError("a message is one JSON object")
    do, ask = message.get("do"), message.get("ask")
    if not isinstance(do, str) or (do not in SIMPLE and do not in _READERS):
        raise AskError(f"`do` is one of {', '.join((*SIMPLE, *_READERS))}")
    if ask is not None and not (is_whole(ask) or (isinstance(ask, str) and len(ask) <= 64)):
        raise AskError("`ask` is a number, or a text of up to 64 letters")
    return Ask(do, ask, None if do in SIMPLE else _READERS[do](Fields(message)))


def ask_of(text: str) -> str | int | None:
    """Return the `ask` of a message that was refused, if it has one."""
    try:
        ask = json.loads(text).get("ask")
    except (ValueError, RecursionError, AttributeError):
        return None
    return ask if is_whole(ask) or isinstance(ask, str) and len(ask) <= 64 else None


def _edit(fields: Fields) -> Edit:
    inner = fields.inner("edit")
    kind = inner.text("kind")
    if kind not in _EDITS:
        raise AskError(f"`kind` is one of {', '.join(_EDITS)}")
    return _EDITS[kind](inner)


def _add(fields: Fields) -> Edit:
    table = fields.table("notes")
    if missing := [name for name in NEW_NOTE if name not in table]:
        raise AskError(f"`notes` has the columns {', '.join(NEW_NOTE)}; {missing[0]} is missing")
    values = zip(*(table[name] for name in NEW_NOTE), strict=True)
    return edits.Add(tuple(Note(0, *row) for row in values))


def _set(fields: Fields) -> Edit:
    table = fields.table("notes")
    ids = table.pop("id", None)
    if ids is None or not table or any(name not in NEW_NOTE for name in table):
        raise AskError(f"`notes` has a column id, and some of {', '.join(NEW_NOTE)}")
    rows = zip(*table.values(), strict=True)
    values = (dict(zip(table, row, strict=True)) for row in rows)
    return edits.Set(dict(zip(ids, values, strict=True)))


def _moved(kind: type[edits.Move] | type[edits.Copy]) -> Callable[[Fields], Edit]:
    def read_moved(fields: Fields) -> Edit:
        return kind(
            fields.ids("ids"),
            fields.whole("ticks", -MAX_TICK, MAX_TICK, default=0),
            fields.whole("pitches", -127, 127, default=0),
            fields.maybe_whole("track", 1, MAX_TICK) or 0,
        )

    return read_moved


def _velocity(fields: Fields) -> Edit:
    to = fields.maybe_whole("to", 1, 127)
    return edits.Velocity(fields.ids("ids"), to, fields.whole("by", -127, 127, default=0))


def _quantise(fields: Fields) -> Edit:
    return edits.Quantise(
        fields.ids("ids"),
        fields.whole("grid", 1, MAX_TICK),
        fields.number("strength", 0, 1, default=1.0),
        fields.flag("ends", default=False),
    )


def _track_change(fields: Fields) -> Edit:
    return edits.TrackChange(
        fields.whole("track", 1, MAX_TICK),
        fields.text("name") if fields.has("name") else None,
        fields.maybe_whole("program", 0, 128),
    )


def _tempo(fields: Fields) -> Edit:
    bpm = fields.number("bpm", 4, 1000) if fields.has("bpm") else None
    return edits.SetTempo(fields.whole("tick", 0, MAX_TICK), bpm)


def _time_signature(fields: Fields) -> Edit:
    numerator = fields.maybe_whole("numerator", 1, 255)
    denominator = fields.maybe_whole("denominator", 1, 128)
    if (numerator is None) != (denominator is None):
        raise AskError("`numerator` and `denominator` are both there, or both null")
    return edits.SetTimeSignature(fields.whole("tick", 0, MAX_TICK), numerator, denominator)


_EDITS: Mapping[str, Callable[[Fields], Edit]] = {
    "add": _add,
    "remove": lambda f: edits.Remove(f.ids("ids")),
    "move": _moved(edits.Move),
    "copy": _moved(edits.Copy),
    "resize": lambda f: edits.Resize(f.ids("ids"), f.whole("ticks", -MAX_TICK, MAX_TICK)),
    "velocity": _velocity,
    "quantise": _quantise,
    "lock": lambda f: edits.Lock(f.ids("ids"), f.flag("locked")),
    "set": _set,
    "track_add": lambda f: edits.TrackAdd(f.text("name"), f.whole("program", 0, 128)),
    "track_change": _track_change,
    "track_remove": lambda f: edits.TrackRemove(f.whole("track", 1, MAX_TICK)),
    "track_order": lambda f: edits.TrackOrder(f.ids("tracks")),
    "tempo": _tempo,
    "time_signature": _time_signature,
}


def _go_on(fields: Fields) -> GoOn:
    beats = fields.number("beats", 0.25, MOST_BEATS) if fields.has("beats") else None
    bars = fields.maybe_whole("bars", 1, MOST_BARS)
    return GoOn(
        fields.whole("at", 0, MAX_TICK),
        bars=(bars or 8) if beats is None else None,
        beats=beats,
        tracks=_tracks(fields),
        clear=fields.flag("clear", default=False),
        seed=fields.maybe_whole("seed", 0, 2**53),
        controls=fields.controls(),
    )


def _remake(fields: Fields) -> Remake:
    keep = fields.text("keep") if fields.has("keep") else None
    if keep not in ("rhythm", "pitches", None):
        raise AskError("`keep` is rhythm, pitches or null")
    begin, stop = fields.whole("begin", 0, MAX_TICK), fields.whole("stop", 1, MAX_TICK)
    if stop <= begin:
        raise AskError("`stop` is a tick after `begin`")
    takes = fields.whole("takes", 1, MOST_TAKES, default=4)
    return Remake(
        begin,
        stop,
        tracks=_tracks(fields),
        keep=keep,  # type: ignore[arg-type]  # one of the two words, as was checked
        takes=takes,
        candidates=fields.maybe_whole("candidates", takes, MOST_CANDIDATES),
        seed=fields.maybe_whole("seed", 0, 2**53),
        controls=fields.controls(),
    )


def _tracks(fields: Fields) -> tuple[int, ...] | None:
    return tuple(dict.fromkeys(fields.ids("tracks"))) if fields.has("tracks") else None


_READERS: Mapping[str, Callable[[Fields], Any]] = {
    "edit": _edit,
    "go": lambda f: f.whole("to", 0, MAX_TICK),
    "go_on": _go_on,
    "remake": _remake,
    "take": lambda f: f.whole("take", 1, MOST_TAKES),
    "new": lambda f: f.text("name"),
    "open": lambda f: f.text("project"),
    "rename": lambda f: f.text("name"),
}
