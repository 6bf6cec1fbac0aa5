"""Make howlkit/data/chorales.npz: Bach's four-part chorales, out of music21's corpus, once.

    pip install "music21==10.5.1"
    python scripts/make_chorales.py            # about a minute; writes howlkit/data/chorales.npz

Conventions. A voice is one melodic line: a row of (pitch, duration) where pitch 0 is a rest and a
duration is in ticks, 24 to a quarter. Every line starts at tick 0, which is a bar line: before an
upbeat stands a rest that fills its bar. The same corpus gives the same bytes.
Source: music21, corpus/bach (M. S. Cuthbert and others; encodings by M. Greentree).
Nothing of howlkit is imported: music21 needs no place in howlkit's own environment.
"""

from __future__ import annotations

import argparse
import itertools
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

TICKS_PER_BEAT = 24
LONGEST_REST = 4  # beats; a voice that pauses longer is a damaged transcription
VOICES = ("Soprano", "Alto", "Tenor", "Bass")

Line = list[tuple[int, Fraction]]  # (pitch or 0, quarters)
Measure = tuple[Fraction, Fraction, tuple[int, int]]  # (start, length in quarters, signature)
Meter = tuple[Fraction, int, int]  # (quarters from the start, numerator, denominator)


class Unfit(Exception):
    """A score that is left out, and why."""


@dataclass
class Chorale:
    """One score: its four lines, bar by bar metre, and key."""

    number: str
    title: str
    lines: list[Line]
    meters: list[Meter]
    sharps: int
    minor: bool
    source: str = field(default="", compare=False)


def main() -> int:
    """Read every score, leave out what does not fit, write the rest, and say what was done."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = Path(__file__).parents[1] / "howlkit" / "data" / "chorales.npz"
    parser.add_argument("--out", type=Path, default=default)
    out: Path = parser.parse_args().out

    left_out: list[tuple[str, str]] = []
    chorales: list[Chorale] = []
    for path in scores():
        try:
            chorales.append(read(path))
        except Unfit as reason:
            left_out.append((path.name, str(reason)))
    chorales, twins = without_twins(chorales)
    left_out += twins
    for name, reason in left_out:
        print(f"left out {name}: {reason}")
    tables = pack(chorales)
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(out, **tables)
    notes = int((tables["pitch"] > 0).sum())
    print(f"{len(chorales)} chorales, {notes} notes, {out.stat().st_size} bytes in {out}")
    return 0


def scores() -> Iterator[Path]:
    """Yield the MusicXML files of the corpus's Bach folder by rising BWV number.

    The three .krn files there are other people's encodings of chorales that are present anyway,
    under terms of their own; they are not touched.
    """
    import music21

    folder = Path(music21.__file__).parent / "corpus" / "bach"
    files = [p for p in folder.iterdir() if p.suffix in (".mxl", ".xml")]
    yield from sorted(files, key=lambda p: (_numbers(p.stem), p.stem))


def _numbers(text: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", text)]


def read(path: Path) -> Chorale:
    """Return the chorale in one score; Unfit if it is not four plain voices."""
    from music21 import converter

    score = converter.parse(path, forceSource=True)
    parts = list(score.parts)
    if tuple(part.partName for part in parts) != VOICES:
        raise Unfit(f"{len(parts)} parts, not the four voices alone")
    bars = {tuple(measures(part)) for part in parts}
    if len(bars) != 1:
        raise Unfit("the voices disagree about the bars")
    upbeat, meters = layout(list(bars.pop()))
    lines = [line(part, upbeat) for part in parts]
    lengths = {sum(quarters for _, quarters in row) for row in lines}
    if len(lengths) != 1:
        raise Unfit("the voices do not end together")
    # Only the soprano's key can be trusted: the other staves often lack the mode, or repeat
    # another piece's signature.
    key = parts[0].flatten().getElementsByClass("KeySignature").first()
    number = path.stem.removeprefix("bwv")
    return Chorale(
        number,
        title(number),
        lines,
        meters,
        int(key.sharps),
        getattr(key, "mode", None) == "minor",
        path.name,
    )


def measures(part: Any) -> Iterator[Measure]:
    """Yield a part's measures as written.

    `part` is a music21 Part, which music21 leaves untyped.
    """
    signature = None
    for measure in part.getElementsByClass("Measure"):
        change = measure.timeSignature
        if change is not None:
            signature = (int(change.numerator), int(change.denominator))
        if signature is None:
            raise Unfit("no time signature")
        yield Fraction(measure.offset), Fraction(measure.quarterLength), signature


def layout(rows: list[Measure]) -> tuple[Fraction, list[Meter]]:
    """Return the rest before an upbeat, and the metre: where which signature begins to hold.

    A bar that is irregular gets a signature of its own length, so that every bar line after it
    falls right; the upbeat is filled up with a rest instead, and the last bar needs neither.
    """
    _, length, signature = rows[0]
    upbeat = max(bar_length(signature) - length, Fraction(0))
    meters = [(Fraction(0), *signature)]
    bars = whole_bars(rows[1:] if upbeat else rows)
    for index, (start, length, signature) in enumerate(bars):
        complete = length == bar_length(signature)
        shown = signature if complete else of_length(length)
        if meters[-1][1:] != shown and (complete or index + 1 < len(bars)):
            meters.append((start + upbeat, *shown))
    return upbeat, meters


def whole_bars(rows: list[Measure]) -> list[Measure]:
    """Join measures that a repeat sign cuts a bar into (3 + 1 quarters) to one."""
    bars: list[Measure] = []
    for start, length, signature in rows:
        if bars and bars[-1][1] + length <= bar_length(signature):
            bars[-1] = (bars[-1][0], bars[-1][1] + length, signature)
        else:
            bars.append((start, length, signature))
    return bars


def bar_length(signature: tuple[int, int]) -> Fraction:
    """Return the quarters in a bar."""
    return Fraction(4 * signature[0], signature[1])


def of_length(quarters: Fraction) -> tuple[int, int]:
    """Return the signature of a bar of this length, in quarters or the coarsest finer unit."""
    unit = 4
    while (quarters * unit / 4).denominator != 1:
        unit *= 2
    return int(quarters * unit / 4), unit


def line(part: Any, upbeat: Fraction) -> Line:
    """Return a part as one gapless line: ties merged, ornaments without length left out."""
    row: Line = [(0, upbeat)] if upbeat else []
    now = Fraction(0)
    for note in part.flatten().notes:
        if note.duration.isGrace:
            continue
        if len(note.pitches) != 1:
            raise Unfit("a chord inside a voice")
        start, quarters = Fraction(note.offset), Fraction(note.quarterLength)
        if start < now:
            raise Unfit("notes of one voice overlap")
        if start > now:
            row.append((0, start - now))
        pitch = int(note.pitches[0].midi)
        tied = note.tie is not None and note.tie.type in ("stop", "continue")
        if tied and row and row[-1][0] == pitch:
            row[-1] = (pitch, row[-1][1] + quarters)
        else:
            row.append((pitch, quarters))
        now = start + quarters
    rests = [quarters for pitch, quarters in row[1:] if pitch == 0]
    if max(rests, default=0) > LONGEST_REST:
        raise Unfit(f"a voice is silent for {float(max(rests)):g} beats")
    return row


def title(number: str) -> str:
    """Return the hymn's first line as music21's table of the chorales has it, or nothing."""
    from music21 import corpus

    known = corpus.chorales.ChoraleListRKBWV().byBWV
    found = str(known[number]["title"]) if number in known else ""
    return found.strip().replace("AAch ", "Ach ")  # a slip in the table, at 2.6


def without_twins(chorales: list[Chorale]) -> tuple[list[Chorale], list[tuple[str, str]]]:
    """Drop every score that sounds like another, in this key or a different one; the last stays.

    The later BWV number is the one of the four-part collection (250-438). One twin, 62.6, is not
    the chorale that its number names.
    """
    last = {_shape(chorale): chorale for chorale in chorales}
    kept, dropped = [], []
    for chorale in chorales:
        twin = last[_shape(chorale)]
        if twin is chorale:
            kept.append(chorale)
        else:
            dropped.append((chorale.source, f"the same music as {twin.source}"))
    return kept, dropped


def _shape(chorale: Chorale) -> tuple[tuple[tuple[int, Fraction], ...], ...]:
    """Return what two copies share whatever their key, upbeat and ties: what sounds how long."""
    first = next(pitch for pitch, _ in chorale.lines[0] if pitch)
    sounding = (itertools.dropwhile(lambda entry: not entry[0], row) for row in chorale.lines)
    return tuple(
        tuple(
            (pitch - first if pitch else 0, sum((d for _, d in run), Fraction(0)))
            for pitch, run in itertools.groupby(row, key=lambda entry: entry[0])
        )
        for row in sounding
    )


def ticks(quarters: Fraction) -> int:
    """Return quarters in ticks; ValueError if they are not whole, so that nothing is rounded."""
    exact = quarters * TICKS_PER_BEAT
    if exact.denominator != 1:
        raise ValueError(f"{quarters} quarters are no whole number of 1/{TICKS_PER_BEAT}")
    return int(exact)


def pack(chorales: list[Chorale]) -> dict[str, np.ndarray]:
    """Return the arrays of the file: lines and metres end to end, and how long each of them is."""
    rows = [row for chorale in chorales for row in chorale.lines]
    entries = [entry for row in rows for entry in row]
    meters = [meter for chorale in chorales for meter in chorale.meters]
    return {
        "format": np.array(1, "u1"),
        "ticks_per_beat": np.array(TICKS_PER_BEAT, "u1"),
        "bwv": np.array([c.number for c in chorales]),
        "title": np.array([c.title for c in chorales]),
        "sharps": np.array([c.sharps for c in chorales], "i1"),
        "minor": np.array([c.minor for c in chorales], "u1"),
        "line_length": np.array([len(row) for row in rows], "<u2").reshape(-1, len(VOICES)),
        "pitch": np.array([pitch for pitch, _ in entries], "u1"),
        "duration": np.array([ticks(d) for _, d in entries], "<u2"),
        "meter_length": np.array([len(c.meters) for c in chorales], "u1"),
        "meter_tick": np.array([ticks(at) for at, _, _ in meters], "<u2"),
        "meter_numerator": np.array([n for _, n, _ in meters], "u1"),
        "meter_denominator": np.array([d for _, _, d in meters], "u1"),
    }


if __name__ == "__main__":
    sys.exit(main())
