"""Which recorded instrument plays each program and each drum, how loud, and where it sits.

Conventions. A place is -1 (left) to 1 (right). A level is a factor. Seconds of a release are those
in which a note falls to 1/e after its end. Programs that have no recording of their own are played
by the nearest family: a viola by the violin, a banjo's relatives by the banjo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from howlkit.music.tables import DRUMS

__all__ = ["CHOKED", "CHOKING", "DRUM_KIT", "INSTRUMENTS", "Drum", "Instrument", "of_program"]


@dataclass(frozen=True)
class Instrument:
    """How a recorded instrument is played.

    spread: how far the place of a note moves to the right in an octave above middle C. darkens:
    whether soft notes are darker than loud ones, and not only softer.
    """

    name: str
    release: float
    level: float = 1.0
    place: float = 0.0
    spread: float = 0.0
    darkens: bool = True


@dataclass(frozen=True)
class Drum:
    """How a drum is played: the key of its recording, moved by so many semitones."""

    key: int
    level: float = 0.7
    place: float = 0.0
    semitones: int = 0


INSTRUMENTS: Mapping[str, Instrument] = MappingProxyType(
    {
        each.name: each
        for each in (
            Instrument("piano", 0.09, spread=0.12),
            Instrument("electric-piano", 0.08, spread=0.08),
            Instrument("harpsichord", 0.05, 0.8, spread=0.1, darkens=False),
            Instrument("glockenspiel", 0.6, 0.7, 0.3),
            Instrument("vibraphone", 0.3, 0.9, 0.25),
            Instrument("marimba", 0.2, 0.9, -0.25),
            Instrument("organ", 0.03, 0.7, -0.1, darkens=False),
            Instrument("church-organ", 0.15, 0.7, spread=0.06, darkens=False),
            Instrument("accordion", 0.04, 0.7, 0.15, darkens=False),
            Instrument("nylon-guitar", 0.07, 0.9, -0.2),
            Instrument("steel-guitar", 0.07, 0.9, 0.25),
            Instrument("clean-guitar", 0.06, 0.9, -0.3),
            Instrument("distortion-guitar", 0.05, 0.7, 0.35, darkens=False),
            Instrument("acoustic-bass", 0.06),
            Instrument("finger-bass", 0.05),
            Instrument("synth-bass", 0.03, 0.9, darkens=False),
            Instrument("violin", 0.09, 0.8, -0.3),
            Instrument("cello", 0.09, 0.8, 0.25),
            Instrument("pizzicato", 0.12, 0.8, -0.1, 0.05),
            Instrument("harp", 0.5, 0.8, -0.35, 0.05),
            Instrument("timpani", 0.4, 1.0, 0.1),
            Instrument("strings", 0.14, 0.75, 0.05, -0.15),
            Instrument("choir", 0.18, 0.75, 0.0, -0.06),
            Instrument("trumpet", 0.05, 0.8, 0.2),
            Instrument("trombone", 0.06, 0.8, 0.35),
            Instrument("horn", 0.07, 0.8, -0.25),
            Instrument("brass", 0.07, 0.8, 0.25),
            Instrument("sax", 0.05, 0.8, 0.15),
            Instrument("oboe", 0.05, 0.75, 0.1),
            Instrument("bassoon", 0.05, 0.8, 0.2),
            Instrument("clarinet", 0.05, 0.75, -0.1),
            Instrument("flute", 0.06, 0.75, -0.2),
            Instrument("square-lead", 0.03, 0.55, darkens=False),
            Instrument("saw-lead", 0.03, 0.55, darkens=False),
            Instrument("pad", 0.35, 0.65, spread=0.05, darkens=False),
            Instrument("banjo", 0.06, 0.8, -0.25),
            Instrument("drums", 0.03, darkens=False),
        )
    }
)
"""Every recorded instrument."""

_FAMILIES = (
    *("piano", "piano", "electric-piano", "piano"),
    *("electric-piano", "electric-piano", "harpsichord", "harpsichord"),
    *("glockenspiel", "glockenspiel", "glockenspiel", "vibraphone"),
    *("marimba", "marimba", "glockenspiel", "harpsichord"),
    *("organ", "organ", "organ", "church-organ"),
    *("church-organ", "accordion", "accordion", "accordion"),
    *("nylon-guitar", "steel-guitar", "clean-guitar", "clean-guitar"),
    *("clean-guitar", "distortion-guitar", "distortion-guitar", "steel-guitar"),
    *("acoustic-bass", "finger-bass", "finger-bass", "finger-bass"),
    *("finger-bass", "finger-bass", "synth-bass", "synth-bass"),
    *("violin", "violin", "cello", "cello"),
    *("strings", "pizzicato", "harp", "timpani"),
    *("strings", "strings", "strings", "strings"),
    *("choir", "choir", "choir", "brass"),
    *("trumpet", "trombone", "trombone", "trumpet"),
    *("horn", "brass", "brass", "brass"),
    *("sax", "sax", "sax", "sax"),
    *("oboe", "oboe", "bassoon", "clarinet"),
    *("flute", "flute", "flute", "flute"),
    *("flute", "flute", "flute", "flute"),
    *("square-lead", "saw-lead", "flute", "saw-lead"),
    *("distortion-guitar", "choir", "saw-lead", "saw-lead"),
    *("pad", "pad", "saw-lead", "choir"),
    *("pad", "pad", "choir", "pad"),
    *("pad", "pad", "glockenspiel", "nylon-guitar"),
    *("pad", "choir", "pad", "pad"),
    *("banjo", "banjo", "banjo", "harp"),
    *("marimba", "oboe", "violin", "oboe"),
    *("glockenspiel", "glockenspiel", "vibraphone", "marimba"),
    *("timpani", "timpani", "timpani", "strings"),
    *("clean-guitar", "flute", "pad", "flute"),
    *("glockenspiel", "timpani", "pad", "timpani"),
)
"""The instrument of each program, four a line, in the order of `general_midi.NAMES`."""

DRUM_KIT: Mapping[int, Drum] = MappingProxyType(
    {
        **{key: Drum(37, 0.5) for key in (*range(27, 35), 37)},
        **{
            35: Drum(36, 1.2, semitones=-1),
            36: Drum(36, 1.2),
            38: Drum(38, 1.0),
            40: Drum(40, 1.0),
        },
        **{39: Drum(39, 0.7, -0.1), 41: Drum(41, 0.9, 0.4), 43: Drum(43, 0.9, 0.25)},
        **{45: Drum(45, 0.9, 0.1), 47: Drum(45, 0.9, 0.0, 2), 48: Drum(48, 0.9, -0.15)},
        **{50: Drum(48, 0.9, -0.3, 2), 42: Drum(42, 0.35, -0.3), 44: Drum(44, 0.35, -0.3)},
        **{46: Drum(46, 0.4, -0.3), 49: Drum(49, 0.8, -0.35), 57: Drum(49, 0.8, 0.4, 2)},
        **{51: Drum(51, 0.45, 0.35), 59: Drum(51, 0.45, 0.3, 1), 53: Drum(53, 0.45, 0.35)},
        **{52: Drum(52, 0.7, 0.4), 55: Drum(55, 0.7, 0.2), 54: Drum(54, 0.4, 0.2)},
        **{56: Drum(56, 0.5, 0.15), 58: Drum(58, 0.5, -0.3)},
        **{60: Drum(60, 0.6, 0.35), 61: Drum(61, 0.6, 0.25), 62: Drum(62, 0.6, -0.35)},
        **{63: Drum(63, 0.6, -0.3), 64: Drum(64, 0.6, -0.2), 65: Drum(65, 0.6, 0.3)},
        **{66: Drum(66, 0.6, 0.2), 67: Drum(67, 0.5, -0.35), 68: Drum(68, 0.5, -0.35)},
        **{69: Drum(69, 0.35, 0.3), 70: Drum(70, 0.35, -0.3), 71: Drum(71, 0.4), 72: Drum(72, 0.4)},
        **{73: Drum(73, 0.4, 0.3), 74: Drum(74, 0.4, 0.3), 75: Drum(75, 0.5, -0.2)},
        **{76: Drum(76, 0.5, 0.25), 77: Drum(77, 0.5, 0.25), 78: Drum(78, 0.4), 79: Drum(79, 0.4)},
        **{80: Drum(80, 0.35, -0.4), 81: Drum(81, 0.35, -0.4), 82: Drum(70, 0.35, -0.3)},
        **{83: Drum(54, 0.35, 0.2), 84: Drum(81, 0.35, -0.4), 85: Drum(75, 0.5, -0.2)},
        **{86: Drum(41, 0.7, 0.3), 87: Drum(41, 0.9, 0.3)},
    }
)
"""The drums of General MIDI and of its extensions, keys 27 to 87; other keys are a side stick."""

CHOKING, CHOKED = (42, 44), 46
"""The closed hi-hats, which end the open one."""


def of_program(program: int) -> Instrument:
    """Return the instrument of a program, 0..127, or of the drums, 128.

    >>> of_program(41).name
    'violin'
    """
    return INSTRUMENTS["drums" if program == DRUMS else _FAMILIES[program]]
