"""Hold howlkit's reading of MIDI files against two other readers, file by file.

    python benchmarks/differential.py [FOLDER ...]

Every file of the folders (without any: of HOWLKIT_DATA) is read by howlkit, by the plain event
reader of the tests, and by mido. Notes (start, end, pitch, velocity, program or drums, track),
pedals, tempos, time signatures and key signatures must be the same: the events are those of the
other reader, the rules for them are stated anew in tests/music/midi/rule_reader.py. A file that
mido refuses is counted. howlkit's quick reader must give what its exact one gives.

The notes are also compared with those of a player that knows none of these rules: it ends a note at
the next release of its channel and key in any chunk, and drops what is never released. A file in
which they differ is counted under each rule that was used in it; without such a rule it is an
unexplained difference. Exits 1 if there is one.
"""

import argparse
import io
import os
import sys
from collections import Counter, defaultdict
from pathlib import Path

import mido

sys.path.insert(0, str(Path(__file__).parents[1]))  # the readers of the tests

from howlkit.errors import HowlkitError
from howlkit.music import midi
from howlkit.music.tables import DRUMS
from tests.music.midi import event_reader, rule_reader
from tests.music.midi.two_readers import EVERYTHING, compare

TABLES = ("notes", "pedals", "tempos", "time_signatures", "key_signatures")


def mido_events(data):
    """Return the events of a file as mido reads them, in the form of event_reader.py; by tick."""
    found = []
    for chunk, track in enumerate(mido.MidiFile(file=io.BytesIO(data)).tracks):
        tick = 0
        for message in track:
            tick += message.time
            status, *said = message.bytes()
            if status == 0xFF:  # its type, without the length
                _, begin = event_reader.number(bytes(said), 1)
                said = [said[0], *said[begin:]]
            found.append(event_reader.Event(tick, chunk, status, bytes(said)))
    return sorted(found, key=lambda event: event.tick)


def differences(piece, heard):
    """Return the names of the tables that differ."""
    return [
        name for name in TABLES if sorted(getattr(piece, name).tolist()) != getattr(heard, name)
    ]


def without_rules(piece, events):
    """Return how many notes howlkit and a player without its rules do not share."""
    ours = Counter(
        (start, start + duration, pitch, velocity, program)
        for start, duration, pitch, velocity, program, _ in piece.notes.tolist()
    )
    theirs = Counter(
        (n.start, n.end, n.key, n.velocity, DRUMS if n.channel == 9 else n.program)
        for n in event_reader.played(events)
    )
    return ((ours - theirs) + (theirs - ours)).total()


def check(data, row, rules):
    """Count in `row` and `rules` how a file was read; return what is different, in words."""
    piece = midi.read_bytes(data, limits=EVERYTHING)
    way, difference = compare(data)
    row["notes"] += len(piece)
    row[way] += 1
    found = ["quick and exact"] if difference else []
    events = event_reader.events(data)
    heard = rule_reader.heard(events)
    found += [f"event reader: {name}" for name in differences(piece, heard)]
    if apart := without_rules(piece, events):
        row["differ without rules"] += 1
        used = [name for name, count in heard.rules.items() if count]
        for name in used:
            rules[name].update(files=1, notes=heard.rules[name])
        if not used:
            found.append(f"no rule explains {apart} notes")
    try:
        theirs = mido_events(data)
    except Exception as error:  # mido has no error class of its own
        row["mido refuses"] += 1
        print(f"  mido: {type(error).__name__}: {error}")
    else:
        found += [f"mido: {name}" for name in differences(piece, rule_reader.heard(theirs))]
    return found


COLUMNS = (
    "files",
    "notes",
    "quick",
    "exact",
    "differ without rules",
    "mido refuses",
    "unexplained",
)


def main():
    """Compare, print the table, and exit 1 if a difference is unexplained."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", nargs="*", type=Path)
    folders = parser.parse_args().folders
    if not folders:
        if "HOWLKIT_DATA" not in os.environ:
            parser.error("name folders of MIDI files, or set HOWLKIT_DATA to a folder of them")
        folders = sorted(
            path for path in Path(os.environ["HOWLKIT_DATA"]).iterdir() if path.is_dir()
        )
    rows, rules = {}, defaultdict(Counter)
    for folder in folders:
        row = rows[folder.name] = Counter()
        for path in midi.find([folder]) if folder.is_dir() else ():
            row["files"] += 1
            try:
                found = check(path.read_bytes(), row, rules)
            except HowlkitError as error:
                found = [str(error)]
            if found:
                row["unexplained"] += 1
                print(f"{path}: {'; '.join(found)}")
    report({name: row for name, row in rows.items() if row}, rules)


def report(rows, rules):
    """Print the tables; exit 1 if a difference is unexplained."""
    print(f"\n| folder | {' | '.join(COLUMNS)} |\n|---|{'---|' * len(COLUMNS)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(f'{row[column]:,}' for column in COLUMNS)} |")
    print("\nFiles that differ without howlkit's rules, by the rules that were used in them:")
    for name, counts in rules.items():
        print(f"  {name}: {counts['files']:,} files, {counts['notes']:,} notes or presses")
    unexplained = sum(row["unexplained"] for row in rows.values())
    print(f"unexplained differences: {unexplained}")
    sys.exit(int(unexplained > 0))


if __name__ == "__main__":
    main()
