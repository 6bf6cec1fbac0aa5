"""Every MIDI file of HOWLKIT_DATA, read by howlkit, by a plain reader, and by mido.

    python -m tests.music.midi.differential [FOLDER]

howlkit's Piece must have the notes, pedals, tempos, time signatures and key signatures that its
rules (rule_reader.py) make of the events of event_reader.py, and of mido's where mido reads the
file; and its quick reader must give what its exact one gives. Prints a row for each folder, names
what differs, and exits 1 if something does. `rules`: the files with a note or a pedal in which a
reader without howlkit's rules (a note held to the end of its track, released in another chunk ...)
may hear something else; those are explained differences.
"""

import os
import sys
from collections import Counter
from pathlib import Path

import mido
from mido.midifiles.meta import UnknownMetaMessage

from howlkit.errors import HowlkitError
from howlkit.music import midi
from tests.music.midi import event_reader
from tests.music.midi.rule_reader import heard
from tests.music.midi.two_readers import compare

COLUMNS = ("files", "refused", "plain", "mido", "mido fails", "rules", "quick", "different")


def of_howlkit(piece):
    """Return a Piece in the form of `rule_reader.Heard`, without its rules."""
    tables = (piece.tempos, piece.time_signatures, piece.key_signatures)
    notes = sorted(map(tuple, piece.notes.tolist()))
    return (notes, sorted(map(tuple, piece.pedals.tolist())), *(t.tolist() for t in tables))


def mido_events(path):
    """Return the events of a file as mido reads it, in the form of event_reader.py."""
    found = []
    for chunk, track in enumerate(mido.MidiFile(path, clip=False).tracks):
        tick = 0
        for message in track:
            tick += message.time
            if isinstance(message, UnknownMetaMessage):
                said = bytes([message.type_byte, *message.data])
                found.append(event_reader.Event(tick, chunk, 0xFF, said))
            elif message.is_meta:
                raw = bytes(message.bytes())
                _, begin = event_reader.number(raw, 2)
                found.append(event_reader.Event(tick, chunk, 0xFF, raw[1:2] + raw[begin:]))
            else:
                raw = bytes(message.bytes())
                found.append(event_reader.Event(tick, chunk, raw[0], raw[1:]))
    return found


def differences(path, tally):
    """Return what differs in one file, in words; count in `tally` what was compared."""
    data = path.read_bytes()
    tally["files"] += 1
    try:
        ours = of_howlkit(midi.read(path))
    except HowlkitError:
        tally["refused"] += 1
        return []
    found = []
    way, difference = compare(data)
    tally["quick"] += way == "quick"
    if difference:
        found.append(f"the quick reader and the exact one: {difference[:300]}")
    *plain, rules = heard(event_reader.events(data))
    tally["plain"] += 1
    tally["rules"] += bool(rules)
    found += [f"the plain reader: {name}" for name in unlike(ours, plain)]
    try:
        events = mido_events(path)
    except Exception:  # mido refuses files in many ways; then it has nothing to say
        tally["mido fails"] += 1
    else:
        tally["mido"] += 1
        found += [f"mido: {name}" for name in unlike(ours, heard(events)[:-1])]
    return found


def unlike(ours, theirs):
    """Return the names of the tables that are not the same."""
    names = ("notes", "pedals", "tempos", "time signatures", "key signatures")
    pairs = zip(names, ours, theirs, strict=True)
    return [name for name, one, other in pairs if list(map(tuple, one)) != list(map(tuple, other))]


def main():
    """Compare all files; print a table, and exit 1 if something differs."""
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("HOWLKIT_DATA")
    if not folder:
        sys.exit("name a folder of MIDI files, or set HOWLKIT_DATA")
    tallies = {}
    for path in midi.find([folder]):
        inside = Path(path).relative_to(folder).parts
        tally = tallies.setdefault(inside[0] if len(inside) > 1 else ".", Counter())
        for difference in differences(Path(path), tally):
            tally["different"] += 1
            print(f"{path}: {difference}")
    print("".join(f"{name:>12}" for name in COLUMNS) + "  folder")
    total = sum(tallies.values(), Counter())
    for name, tally in [*sorted(tallies.items()), ("all", total)]:
        print("".join(f"{tally[column]:12,}" for column in COLUMNS) + f"  {name}")
    print(f"unexplained differences: {total['different']}")
    sys.exit(int(total["different"] > 0))


if __name__ == "__main__":
    main()
