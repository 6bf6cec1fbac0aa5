"""The repairs that reading a file may take, by name."""

from __future__ import annotations

import numpy as np

from howlkit.music.tables import Table

__all__ = ["DAMAGE", "REPAIRS", "count_overlapping"]

REPAIRS = {
    "zero_length_notes": "notes of no length, lengthened to one tick",
    "restruck_notes": "notes of no length whose key is struck again at once, dropped",
    "unreleased_notes": "notes never released, held to the end of their track",
    "silenced_notes": "notes ended by a message that ends all notes of a channel",
    "released_elsewhere": "notes released in another track of their channel",
    "overlapping_notes": "notes begun while one of their pitch and track sounds, kept",
    "unreleased_pedals": "pedals never released, held until their channel's last note ends",
    "repeated_tempos": "tempos followed by another at the same tick, dropped",
    "repeated_time_signatures": "time signatures followed by another at the same tick, dropped",
    "repeated_key_signatures": "key signatures followed by another at the same tick, dropped",
    "impossible_tempos": "tempos of no length or without a meaning, dropped",
    "impossible_time_signatures": "time signatures without a meaning, dropped",
    "impossible_key_signatures": "key signatures of more than 7 sharps or flats, dropped",
    "smpte_divisions": "resolutions in ticks a second, rewritten as ticks a beat",
    "missing_chunks": "track chunks that the header promises and the file lacks",
    "surplus_chunks": "track chunks beyond those that the header promises, read all the same",
    "wrong_chunk_lengths": "lengths of chunks that do not fit the file, found anew",
    "cut_chunks": "track chunks that end in the middle of an event, which is dropped",
    "bytes_after_end": "track chunks with bytes after the end of their track, left out",
    "stray_bytes": "stretches of bytes that belong to no track chunk, skipped",
    "broken_events": "events that make no sense, dropped",
    "bytes_before_header": "files with other bytes before their header, skipped",
    "unknown_formats": "formats other than 0, 1 and 2, read as 1",
}
"""The repairs that `inspect` counts, and what each means."""

DAMAGE = frozenset(
    (
        "unreleased_notes",
        "silenced_notes",
        "impossible_tempos",
        "impossible_time_signatures",
        "impossible_key_signatures",
        "missing_chunks",
        "wrong_chunk_lengths",
        "cut_chunks",
        "bytes_after_end",
        "stray_bytes",
        "broken_events",
        "bytes_before_header",
        "unknown_formats",
    )
)
"""The repairs for which a file is refused where reading is strict."""


def count_overlapping(notes: Table) -> int:
    """Return how many notes begin while another one of their pitch and track sounds."""
    key = (notes["track"].astype(np.int64) << 7) | notes["pitch"]
    order = np.argsort(key, kind="stable")  # notes are by start already
    key, starts = key.take(order), notes["start"].take(order)
    ends = starts + notes["duration"].take(order)  # MAX_TICK at most
    return int(np.count_nonzero((key[1:] == key[:-1]) & (starts[1:] < ends[:-1])))
