"""The rules of howlkit.music.midi for whole files, stated anew on the events of a plain reader.

Events come from event_reader.py, or from another reader in its form. Slow, and written to be
checked by eye. `Heard.rules` counts the notes and presses for which a reader without such a rule
may hear something else. Banks and exclusive messages that make drums are left out (test_drums.py).
"""

from collections import Counter, defaultdict
from typing import NamedTuple

from howlkit.music.tables import DRUMS


class Heard(NamedTuple):
    """What stands in a file, in the columns of Piece, sorted; rules: how often each was used."""

    notes: list
    pedals: list
    tempos: list
    time_signatures: list
    key_signatures: list
    rules: Counter


class Placed(NamedTuple):
    """A channel message: where it stands (tick, chunk, number in the file), and what it says."""

    tick: int
    chunk: int
    order: int
    channel: int  # 16 times the port, and 0..15
    kind: int
    data: bytes


def heard(events):
    """Return what stands in a file with these events, which come by chunk or by tick."""
    events = sorted(events, key=lambda event: event.chunk)  # stable
    rules, messages = Counter(), placed(events)
    ends = {event.chunk: event.tick for event in events}  # the last of each chunk
    notes = paired(messages, ends, rules)
    settings = [m for m in messages if m.kind == 0xC]
    tracks = [(n[4], n[0], program_of(n, settings, rules)) for n in notes]
    kept = with_length(notes, tracks, rules)
    numbers = {track: i for i, track in enumerate(sorted({track for _, track in kept}))}
    rows = [
        (start, end - start, key, velocity, DRUMS if on_drums(track) else track[2], numbers[track])
        for (_, key, start, end, _, velocity, _), track in kept
    ]
    pedals = pressed(messages, kept, numbers, rules)
    return Heard(sorted(rows), sorted(pedals), *maps(events), rules)


def on_drums(track):
    return track[1] % 16 == 9


def placed(events):
    found, ports = [], defaultdict(int)
    for order, (tick, chunk, status, data) in enumerate(events):
        if status == 0xFF and data[0] == 0x21 and len(data) > 1:
            ports[chunk] = data[1]
        elif status < 0xF0:
            channel = 16 * ports[chunk] + (status & 15)
            found.append(Placed(tick, chunk, order, channel, status >> 4, data))
    return found


def paired(messages, ends, rules):
    """Return (channel, key, start, end, chunk, velocity, order) of notes, as the file has them."""
    silences = defaultdict(list)
    for message in messages:
        if message.kind == 0xB and message.data[0] in (120, 123):
            silences[message.channel].append(message.tick)
    keys = defaultdict(list)
    for message in messages:
        if message.kind in (8, 9):
            keys[message.channel, message.data[0]].append(message)
    found = []
    for (channel, key), its in keys.items():
        ended = ends_of(its, silences[channel], ends, rules)
        for on in its:
            if on in ended:
                found.append((channel, key, on.tick, ended[on], on.chunk, on.data[1], on.order))
    return sorted(found, key=lambda note: note[6])


def ends_of(its, silences, ends, rules):
    """Return the end of each stroke of one key of a channel; its: strokes and releases."""
    ended, unmatched, releases = {}, [], []

    def silence(on):
        return min((tick for tick in silences if tick > on.tick), default=None)

    for chunk in sorted({message.chunk for message in its}):
        waiting = []
        for message in [m for m in its if m.chunk == chunk]:
            stroke = message.kind == 9 and message.data[1] > 0
            for on in list(waiting):
                last = silence(on)
                if last is not None and (last <= message.tick if stroke else last < message.tick):
                    waiting.remove(on)
                    unmatched.append(on)
            if stroke:
                waiting.append(message)
            elif waiting:
                ended[waiting.pop(0)] = message.tick
            else:
                releases.append(message)
        unmatched += waiting
    waiting = sorted(unmatched)
    for release in sorted(releases):
        sounding = [on for on in waiting if silence(on) is None or silence(on) >= release.tick]
        if sounding and sounding[0].tick < release.tick:
            ended[sounding[0]] = release.tick
            waiting.remove(sounding[0])
            rules["released elsewhere"] += 1
    for on in waiting:
        last = silence(on)
        ended[on] = max(ends[on.chunk], on.tick + 1) if last is None else last
        rules["never released" if last is None else "all notes off"] += 1
    if len({message.chunk for message in its}) > 1:
        rules["own chunk first"] += len(ended)
    return ended


def program_of(note, settings, rules):
    """Return the program that the channel of a note has at its start."""
    channel, _, tick, _, chunk, _, order = note
    its = [s for s in settings if s.channel == channel and s.tick <= tick]
    its = [s for s in its if s.tick < tick or s.chunk != chunk or s.order < order]
    if not its:
        return 0
    last = max(its)  # by tick, then chunk, then order
    if last.chunk != chunk:
        rules["program of another chunk"] += 1
    return last.data[0]


def with_length(notes, tracks, rules):
    """Return (note, track) of the notes; those of no length last a tick or are left out."""
    places = defaultdict(list)
    for note, track in zip(notes, tracks, strict=True):
        places[track, note[1], note[2]].append(note)
    kept = []
    for note, track in zip(notes, tracks, strict=True):
        if note[3] == note[2]:
            rules["no length"] += 1
            others = places[track, note[1], note[2]]
            longer = any(other[3] > other[2] for other in others)
            loudest = max(others, key=lambda other: (other[5], -other[6]))
            if longer or loudest is not note:
                continue
            note = (*note[:3], note[2] + 1, *note[4:])
        kept.append((note, track))
    return kept


def pressed(messages, kept, numbers, rules):
    """Return the rows of the pedals."""
    turns = defaultdict(list)
    for message in sorted(messages):
        if message.kind == 0xB and message.data[0] in (64, 121):
            down = message.data[0] == 64 and message.data[1] >= 64
            if down != len(turns[message.channel]) % 2:
                turns[message.channel].append(message.tick)
    rows = []
    for channel, ticks in turns.items():
        last = max((note[3] for note, track in kept if track[1] == channel), default=-1)
        if len(ticks) % 2:
            rules["pedal never released"] += 1
            ticks.append(max(last, ticks[-1]))
        for down, up in zip(ticks[::2], ticks[1::2], strict=True):
            rows += [
                (down, up - down, number)
                for track, number in numbers.items()
                if track[1] == channel and up > down
            ]
    return rows


def maps(events):
    """Return the tempos, time signatures and key signatures, the last at each tick."""
    tempos, metres, keys = {}, {}, {}
    for tick, _, status, data in sorted(events, key=lambda event: event.tick):
        kind, said = (data[0], data[1:]) if status == 0xFF else (0, b"")
        if kind == 0x51 and len(said) == 3 and any(said):
            tempos[tick] = int.from_bytes(said, "big")
        if kind == 0x58 and len(said) >= 2 and said[0] and said[1] < 8:
            metres[tick] = said[0], 2 ** said[1]
        if kind == 0x59 and len(said) >= 2 and abs(sharps := (said[0] ^ 128) - 128) <= 7:
            if said[1] < 2:
                keys[tick] = sharps, said[1]
    return (
        sorted(tempos.items()),
        [(tick, *metre) for tick, metre in sorted(metres.items())],
        [(tick, *key) for tick, key in sorted(keys.items())],
    )
