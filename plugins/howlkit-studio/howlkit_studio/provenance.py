"""What a saved file says of how it was made: whose its notes are, and how models made theirs.

The record is one of howlkit's (docs/provenance.md), of the kind "studio": for each passage of
which notes are left the model, its seed and its settings, no path and no name of a person. No seed
makes again what people wrote in between, so `howlkit replay` refuses it and says so. One state it
does make again: a piece that was just taken as a take carries the record of that take.
"""

from __future__ import annotations

import json
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from howlkit import Piece, Trained
from howlkit.music import provenance
from howlkit_studio.document import BY_FILE, BY_PERSON, Document
from howlkit_studio.history import History
from howlkit_studio.pieces import piece_of

__all__ = ["INTERNAL", "made_with", "signed", "take_record"]

FORMAT = 1

MOST_BYTES = 2**19
"""Of the passages in a record; older ones beyond that are counted only."""

INTERNAL = ("made_with", "record")
"""What a passage has for files, and pages are not told."""

Record = dict[str, Any]


def made_with(trained: Trained) -> Record:
    """Return what decides the music of a model, beside seed and settings."""
    identity = dict(trained.identity)
    brought = identity.pop("distributions")
    stepping = trained.runner.name
    libraries = ("numba", "llvmlite") if stepping == "compiled" else ("torch",)
    return {
        "versions": versions(("howlkit", "howlkit-studio", "numpy", *libraries, *brought)),
        "machine": f"{platform.system() or 'unknown'} {platform.machine() or 'unknown'}",
        "model": identity,
        "stepping": stepping,
        "device": trained.device,
    }


def take_record(take: Piece, document: Document) -> Record | None:
    """Return the record of a take if a document is the take as it stands; else None."""
    piece, _ = piece_of(document)
    alike = provenance.removed(take) == provenance.removed(piece)
    return provenance.read(take) if alike else None


def signed(history: History) -> Piece:
    """Return the piece in the state that is shown, with its record.

    A piece that is still as it was opened keeps the record that it has, if it has one.
    """
    document = history.document
    piece, _ = piece_of(document, history.name)
    if history.head == 0:
        return piece
    passage = history.passages.get(history.states[history.head].by, {})
    if record := passage.get("record"):
        return provenance.attached(piece, record)
    return provenance.attached(piece, _record(document, history.passages, piece))


def _record(document: Document, passages: Mapping[int, Record], piece: Piece) -> Record:
    counts = Counter(note.by for note in document.notes.values())
    made = {number: count for number, count in counts.items() if number in passages}
    told = [_told(passages[number], made[number]) for number in sorted(made, reverse=True)]
    kept = _newest(told)
    record = {
        "format": FORMAT,
        "kind": "studio",
        "versions": versions(("howlkit", "howlkit-studio")),
        "notes": {
            "file": counts[BY_FILE],
            "person": counts[BY_PERSON],
            "model": sum(made.values()),
        },
        "passages": kept,
    }
    if len(kept) < len(told):
        record["passages_left_out"] = len(told) - len(kept)
    if (source := provenance.read(piece)) is not None:  # of the file that was opened
        source.pop("source", None)
        record["source"] = source
    return record


def _told(passage: Mapping[str, Any], notes: int) -> Record:
    """Return what a record says of a passage; its `model` is the name that a person gave."""
    hidden = ("id", "model", "at", *INTERNAL)
    said = {name: value for name, value in passage.items() if name not in hidden}
    return {**said, "notes": notes, **passage.get("made_with", {})}


def _newest(passages: Iterable[Record]) -> list[Record]:
    """Return passages, the newest first, as many as a record may have."""
    kept, left = [], MOST_BYTES
    for passage in passages:
        left -= len(json.dumps(passage))
        if left < 0:
            break
        kept.append(passage)
    return kept


def versions(distributions: Iterable[str]) -> dict[str, str]:
    """Return the versions of those distributions that are installed."""
    found = {}
    for name in distributions:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
