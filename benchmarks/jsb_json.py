"""The JSB chorales as published in JSON, read into pieces: the tables that papers compare on.

    python benchmarks/jsb_json.py FOLDER voices OUT   then: howlkit train OUT --encoder voices ...

makes a dataset of the published split, of the parts that are there.

FOLDER holds, each as {part: [piece, ...]} with the parts train, valid and test:

Jsb16thSeparated.json     a piece is [[soprano, alto, tenor, bass], ...], a row a sixteenth: MIDI
                          pitches, -1 for silence
jsb-chorales-quarter.json a piece is [[pitch, ...], ...], a row a quarter: the keys that sound

Neither knows holds: equal neighbours become one note, of a voice or of a key. A silence at the end
of a piece, which no note can hold, is lost; the published files have none. They state no metre, no
tempo and no dynamics.

Source: https://github.com/czhuang/JSB-Chorales-dataset (Huang et al. 2017, Coconet); its split is
that of Boulanger-Lewandowski et al. 2012.
"""

import argparse
import json
from pathlib import Path

import numpy as np

from howlkit.dataset import PreparationReport, prepare_pieces
from howlkit.music.piece import NOTE, Piece

FILES = {"voices": ("Jsb16thSeparated.json", 4), "quarters": ("jsb-chorales-quarter.json", 1)}
"""By name: the file, and its rows a beat."""

PARTS = {"train": "train", "validation": "valid", "test": "test"}
"""howlkit's names of the parts, and the files'."""

SILENCE = -1
VELOCITY = 80


def pieces(folder: Path, name: str, part: str) -> list[Piece]:
    """Return the pieces of a part ("train", "validation" or "test"), a tick a row of the table.

    name: "voices", sixteenths with a track for each voice, or "quarters", in one track.
    """
    rows_a_beat = FILES[name][1]
    tables = _tables(folder, name)[PARTS[part]]
    read = _voices if name == "voices" else _keys
    return [
        Piece(read(rows), ticks_per_beat=rows_a_beat, name=f"jsb {name} {part} {number:03d}")
        for number, rows in enumerate(tables)
    ]


def prepare(folder: Path, name: str, out: Path) -> PreparationReport:
    """Write the dataset folder `out`: the parts that are there, as they were published."""
    there = _tables(folder, name)
    parts = {part: pieces(folder, name, part) for part in PARTS if PARTS[part] in there}
    split = {part: [piece.name for piece in some] for part, some in parts.items()}
    return prepare_pieces([piece for some in parts.values() for piece in some], out, split=split)


def _tables(folder: Path, name: str) -> dict[str, list[list[list[int]]]]:
    return json.loads((Path(folder) / FILES[name][0]).read_text())


def _voices(rows: list[list[int]]) -> np.ndarray:
    """Return the notes of a table of voices: runs of one pitch in a column."""
    table = np.array(rows, np.int64)  # (T, voices)
    changed = np.ones_like(table, bool)
    changed[1:] = table[1:] != table[:-1]
    voice, start = np.nonzero(changed.T)
    stop = np.append(start[1:], 0)
    stop[stop == 0] = len(table)  # a voice begins at 0, where the one before it ends
    pitch = table[start, voice]
    return _notes(start, stop, pitch, voice)[pitch != SILENCE]


def _keys(rows: list[list[int]]) -> np.ndarray:
    """Return the notes of a table of keys: runs of rows in which a key sounds."""
    roll = np.zeros((len(rows) + 2, 128), np.int8)
    for row, keys in enumerate(rows):
        roll[row + 1, keys] = 1
    change = np.diff(roll, axis=0).T  # (keys, T + 1)
    pitch, start = np.nonzero(change > 0)
    _, stop = np.nonzero(change < 0)
    return _notes(start, stop, pitch, np.zeros_like(pitch))


def _notes(start: np.ndarray, stop: np.ndarray, pitch: np.ndarray, track: np.ndarray) -> np.ndarray:
    notes = np.zeros(len(start), NOTE)
    notes["start"], notes["duration"] = start, stop - start
    notes["pitch"], notes["track"] = np.where(pitch == SILENCE, 0, pitch), track
    notes["velocity"] = VELOCITY
    return notes


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("name", choices=list(FILES))
    parser.add_argument("out", type=Path)
    options = parser.parse_args()
    report = prepare(options.folder, options.name, options.out)
    print(report.line())
    for warning in report.warnings:
        print("note:", warning)


if __name__ == "__main__":
    main()
