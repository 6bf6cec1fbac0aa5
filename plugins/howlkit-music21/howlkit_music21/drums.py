"""Drum kits in MusicXML: finds the drum of each note on a percussion staff, and writes it.

In MusicXML each unpitched note has an instrument of its part, and the part names the drum of
General MIDI for each instrument (`midi-unpitched`, from 1). music21 (10.5) reads only the first
instrument of a part and writes none, so this module changes the XML before reading and after
writing. The drum of a note without an instrument follows from its place on the staff, as kits are
usually written (N. Weinberg, "Guidelines for Drumset Notation", Percussive Notes 32/3, 1994).
"""

from __future__ import annotations

from typing import NamedTuple
from xml.etree import ElementTree

__all__ = ["as_pitches", "shape", "with_instruments"]

Element = ElementTree.Element


class Shape(NamedTuple):
    """The place of a drum on its staff, such as "C5", and the name of its notehead."""

    place: str
    head: str


KIT = {
    35: Shape("E4", "normal"), 36: Shape("F4", "normal"), 37: Shape("C5", "x"),
    38: Shape("C5", "normal"), 39: Shape("C5", "triangle"), 40: Shape("C5", "diamond"),
    41: Shape("G4", "normal"), 42: Shape("G5", "x"), 43: Shape("A4", "normal"),
    44: Shape("D4", "x"), 45: Shape("B4", "normal"), 46: Shape("G5", "circle-x"),
    47: Shape("D5", "normal"), 48: Shape("E5", "normal"), 49: Shape("A5", "x"),
    50: Shape("F5", "normal"), 51: Shape("F5", "x"), 52: Shape("A5", "circle-x"),
    53: Shape("F5", "diamond"), 54: Shape("B4", "triangle"), 55: Shape("B5", "x"),
    56: Shape("E5", "triangle"), 57: Shape("B5", "circle-x"), 59: Shape("F5", "circle-x"),
}  # fmt: skip

DRUM_AT = {shape: pitch for pitch, shape in KIT.items()}

UNLIKELY = tuple(
    "square,slash,inverted triangle,arrow down,arrow up,cross,back slashed,slashed,cluster,"
    "la,so,mi,re,do,fa,ti,left triangle,rectangle,circled".split(",")
)
"""Noteheads of MusicXML for drums that kits do not have, seven drums each."""

SNARE = 38


def shape(pitch: int) -> Shape:
    """Return the shape of a drum; no two drums have the same."""
    if pitch in KIT:
        return KIT[pitch]
    return Shape(f"{'CDEFGAB'[pitch % 7]}5", UNLIKELY[pitch // 7])


def as_pitches(root: Element) -> None:
    """Replace unpitched notes by the pitches of General MIDI's drums, in parts without pitches.

    Each such part keeps one instrument, on the drum channel.
    """
    for part in root.findall("part"):
        header = _header(root, part)
        notes = part.findall("measure/note")
        if header is None or not any(note.find("unpitched") is not None for note in notes):
            continue
        if any(note.find("pitch") is not None for note in notes):
            continue
        known = {
            each.get("id", ""): int(each.findtext("midi-unpitched", "")) - 1
            for each in header.findall("midi-instrument")
            if each.findtext("midi-unpitched", "").strip().isdigit()
        }
        for note in notes:
            unpitched = note.find("unpitched")
            if unpitched is not None:
                _set_pitch(unpitched, _drum(note, known))
        _set_instruments(header, {"drums": SNARE})


def with_instruments(root: Element) -> None:
    """Add the instrument to each note of a percussion staff, by the note's `shape`."""
    pitch_of = {shape(pitch): pitch for pitch in range(128)}
    for part in root.findall("part"):
        header, used = _header(root, part), dict[str, int]()
        for note in part.findall("measure/note"):
            unpitched = note.find("unpitched")
            pitch = pitch_of.get(_written(note)) if unpitched is not None else None
            if header is None or pitch is None:
                continue
            name = f"{header.get('id')}-I{pitch}"
            used[name] = pitch
            after = note.find("duration")
            index = list(note).index(after) + 1 if after is not None else len(note)
            note.insert(index, ElementTree.Element("instrument", id=name))
        if header is not None and used:
            _set_instruments(header, dict(sorted(used.items())))


def _header(root: Element, part: Element) -> Element | None:
    parts = root.findall("part-list/score-part")
    return next((each for each in parts if each.get("id") == part.get("id")), None)


def _written(note: Element) -> Shape:
    place = note.findtext("unpitched/display-step", "") + note.findtext(
        "unpitched/display-octave", ""
    )
    return Shape(place, note.findtext("notehead", "normal"))


def _drum(note: Element, known: dict[str, int]) -> int:
    """Return the drum of a note: by its instrument, by the only instrument, or by its place."""
    instrument = note.find("instrument")
    if instrument is not None and instrument.get("id", "") in known:
        return known[instrument.get("id", "")]
    if len(known) == 1:
        return next(iter(known.values()))
    written = _written(note)
    return DRUM_AT.get(written, DRUM_AT.get(Shape(written.place, "normal"), SNARE))


def _set_pitch(unpitched: Element, pitch: int) -> None:
    name = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")[pitch % 12]
    unpitched.clear()
    unpitched.tag = "pitch"
    ElementTree.SubElement(unpitched, "step").text = name[0]
    if len(name) == 2:
        ElementTree.SubElement(unpitched, "alter").text = "1"
    ElementTree.SubElement(unpitched, "octave").text = str(pitch // 12 - 1)


def _set_instruments(header: Element, drums: dict[str, int]) -> None:
    """Replace the instruments of a part; drums: the drum of each instrument by its id."""
    for tag in ("score-instrument", "midi-device", "midi-instrument"):
        for old in header.findall(tag):
            header.remove(old)
    for name, pitch in drums.items():
        entry = ElementTree.SubElement(header, "score-instrument", id=name)
        ElementTree.SubElement(entry, "instrument-name").text = f"Drum {pitch}"
    for name, pitch in drums.items():
        entry = ElementTree.SubElement(header, "midi-instrument", id=name)
        ElementTree.SubElement(entry, "midi-channel").text = "10"
        ElementTree.SubElement(entry, "midi-unpitched").text = str(pitch + 1)
