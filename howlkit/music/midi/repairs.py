"""What is repaired while a file is read, and the counts of it that symusic does not give.

Notes that are never released are counted by parsing the file again, which is why `inspect` takes
twice as long as `read`.
"""

from __future__ import annotations

import struct

import numpy as np

from howlkit.errors import MidiError
from howlkit.music.midi.container import END_OF_TRACK, chunks_of
from howlkit.music.midi.parsing import parse
from howlkit.music.tables import Table

__all__ = ["REPAIRS", "count_overlapping", "count_unreleased"]

REPAIRS = {
    "zero_length_notes": "notes of no length, lengthened to one tick",
    "unreleased_notes": "notes never released, dropped",
    "overlapping_notes": "notes begun while one of their pitch and track sounds, kept",
    "unreleased_pedals": "pedals never released, held until the track's last note ends",
    "repeated_tempos": "tempos followed by another at the same tick, dropped",
    "repeated_time_signatures": "time signatures followed by another at the same tick, dropped",
    "repeated_key_signatures": "key signatures followed by another at the same tick, dropped",
    "impossible_key_signatures": "key signatures of more than 7 sharps or flats, dropped",
    "smpte_divisions": "resolutions in ticks a second, rewritten as ticks a beat",
    "missing_chunks": "track chunks that the header promises and the file lacks",
    "surplus_chunks": "track chunks beyond those that the header promises, read all the same",
}
"""Everything that `inspect` counts, and what it means."""

_RELEASE_ALL = b"\x00".join(
    bytes((0x80 | channel, pitch, 64)) for channel in range(16) for pitch in range(128)
)


def count_unreleased(data: bytes, released: int) -> int:
    """Return how many notes of a standard file are never released, besides the `released` ones.

    symusic drops them. A copy of the file in which every pitch is released at the end of every
    chunk has exactly so many notes more; where notes of one pitch pile up, releasing repeatedly.
    The copy may not grow without end: past 64 notes piled up, or 4096 chunks, the rest is not seen.
    """
    found, times, chunks = 0, 1, len(chunks_of(data))
    while times <= 64 and chunks * times <= 4096:
        try:
            tracks = parse(_released(data, times)).tracks
        except MidiError:  # its chunks end so oddly that the copy does not parse
            break
        now = sum(len(track.notes) for track in tracks) - released
        if now <= found:
            break
        found, times = now, times * 2
    return found


def _released(data: bytes, times: int) -> bytes:
    """Return a standard file with every pitch of every channel released at each chunk's end."""
    parts = [data[:14]]
    release = b"\x00".join([_RELEASE_ALL] * times + [END_OF_TRACK])
    for start, stop in chunks_of(data):
        body = data[start:stop]
        ended = body.endswith(END_OF_TRACK)
        # The first release takes over the delta time of the end-of-track event.
        body = (body[:-3] if ended else body + b"\x00") + release
        parts.append(b"MTrk" + struct.pack(">I", len(body)) + body)
    return b"".join(parts)


def count_overlapping(notes: Table) -> int:
    """Return how many notes begin while another one of their pitch and track sounds."""
    key = (notes["track"].astype(np.int64) << 7) | notes["pitch"]
    order = np.argsort(key, kind="stable")  # notes are by start already
    key, starts = key.take(order), notes["start"].take(order)
    ends = starts + notes["duration"].take(order)  # MAX_TICK at most
    return int(np.count_nonzero((key[1:] == key[:-1]) & (starts[1:] < ends[:-1])))
