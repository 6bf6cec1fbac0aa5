"""General MIDI's instruments and drums by name.

Conventions. Programs count from 0 (the specification's lists count from 1); a drum is named by its
pitch (35..81 in General MIDI). Source: MIDI Manufacturers Association, General MIDI System Level 1,
tables 1 and 3; spellings as there, a few shortened ("Electric Piano 1").
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from howlkit.errors import HowlkitError, PieceError, did_you_mean
from howlkit.music.tables import DRUMS

__all__ = ["DRUM_NAMES", "GROUPS", "NAMES", "drum_name", "name", "programs"]

NAMES: tuple[str, ...] = (
    *("Acoustic Grand Piano", "Bright Acoustic Piano", "Electric Grand Piano", "Honky-tonk Piano"),
    *("Electric Piano 1", "Electric Piano 2", "Harpsichord", "Clavi"),
    *("Celesta", "Glockenspiel", "Music Box", "Vibraphone"),
    *("Marimba", "Xylophone", "Tubular Bells", "Dulcimer"),
    *("Drawbar Organ", "Percussive Organ", "Rock Organ", "Church Organ"),
    *("Reed Organ", "Accordion", "Harmonica", "Tango Accordion"),
    *("Nylon Guitar", "Steel Guitar", "Jazz Guitar", "Clean Guitar"),
    *("Muted Guitar", "Overdriven Guitar", "Distortion Guitar", "Guitar Harmonics"),
    *("Acoustic Bass", "Fingered Bass", "Picked Bass", "Fretless Bass"),
    *("Slap Bass 1", "Slap Bass 2", "Synth Bass 1", "Synth Bass 2"),
    *("Violin", "Viola", "Cello", "Contrabass"),
    *("Tremolo Strings", "Pizzicato Strings", "Orchestral Harp", "Timpani"),
    *("String Ensemble 1", "String Ensemble 2", "Synth Strings 1", "Synth Strings 2"),
    *("Choir Aahs", "Voice Oohs", "Synth Voice", "Orchestra Hit"),
    *("Trumpet", "Trombone", "Tuba", "Muted Trumpet"),
    *("French Horn", "Brass Section", "Synth Brass 1", "Synth Brass 2"),
    *("Soprano Sax", "Alto Sax", "Tenor Sax", "Baritone Sax"),
    *("Oboe", "English Horn", "Bassoon", "Clarinet"),
    *("Piccolo", "Flute", "Recorder", "Pan Flute"),
    *("Blown Bottle", "Shakuhachi", "Whistle", "Ocarina"),
    *("Lead 1 (square)", "Lead 2 (sawtooth)", "Lead 3 (calliope)", "Lead 4 (chiff)"),
    *("Lead 5 (charang)", "Lead 6 (voice)", "Lead 7 (fifths)", "Lead 8 (bass + lead)"),
    *("Pad 1 (new age)", "Pad 2 (warm)", "Pad 3 (polysynth)", "Pad 4 (choir)"),
    *("Pad 5 (bowed)", "Pad 6 (metallic)", "Pad 7 (halo)", "Pad 8 (sweep)"),
    *("FX 1 (rain)", "FX 2 (soundtrack)", "FX 3 (crystal)", "FX 4 (atmosphere)"),
    *("FX 5 (brightness)", "FX 6 (goblins)", "FX 7 (echoes)", "FX 8 (sci-fi)"),
    *("Sitar", "Banjo", "Shamisen", "Koto"),
    *("Kalimba", "Bagpipe", "Fiddle", "Shanai"),
    *("Tinkle Bell", "Agogo", "Steel Drums", "Woodblock"),
    *("Taiko Drum", "Melodic Tom", "Synth Drum", "Reverse Cymbal"),
    *("Guitar Fret Noise", "Breath Noise", "Seashore", "Bird Tweet"),
    *("Telephone Ring", "Helicopter", "Applause", "Gunshot"),
)
"""The 128 programs, four a line, eight a family."""

GROUPS: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "drums": (DRUMS,),
        "piano": (*range(6),),
        "organ": (*range(16, 21),),
        "guitar": (*range(24, 32),),
        "bass": (*range(32, 40),),
        "strings": (*range(40, 46), *range(48, 52)),
        "choir": (52, 53, 54),
        "brass": (*range(56, 64),),
        "sax": (*range(64, 68),),
        "reed": (*range(64, 72),),
        "pipe": (*range(72, 80),),
        "lead": (*range(80, 88),),
        "pad": (*range(88, 96),),
    }
)
"""Words for several programs at once: families of the standard, some of them narrower.

"piano" is without the harpsichord and the clavi, "organ" without accordions and the harmonica, and
"strings" without the timpani, which the standard has in these families.
"""

FIRST_DRUM = 35

DRUM_NAMES: tuple[str, ...] = (
    *("Acoustic Bass Drum", "Bass Drum 1", "Side Stick", "Acoustic Snare", "Hand Clap"),
    *("Electric Snare", "Low Floor Tom", "Closed Hi-hat", "High Floor Tom", "Pedal Hi-hat"),
    *("Low Tom", "Open Hi-hat", "Low-Mid Tom", "Hi-Mid Tom", "Crash Cymbal 1"),
    *("High Tom", "Ride Cymbal 1", "Chinese Cymbal", "Ride Bell", "Tambourine"),
    *("Splash Cymbal", "Cowbell", "Crash Cymbal 2", "Vibraslap", "Ride Cymbal 2"),
    *("Hi Bongo", "Low Bongo", "Mute Hi Conga", "Open Hi Conga", "Low Conga"),
    *("High Timbale", "Low Timbale", "High Agogo", "Low Agogo", "Cabasa"),
    *("Maracas", "Short Whistle", "Long Whistle", "Short Guiro", "Long Guiro"),
    *("Claves", "Hi Wood Block", "Low Wood Block", "Mute Cuica", "Open Cuica"),
    *("Mute Triangle", "Open Triangle"),
)
"""The drums of pitches 35 to 81."""


def name(program: int) -> str:
    """Return the instrument of a program, 0..127, or "Drums" for 128; PieceError for any other.

    >>> name(40)
    'Violin'
    """
    if program == DRUMS:
        return "Drums"
    if not 0 <= program < len(NAMES):
        raise PieceError(f"no program {program}: 0..127 are instruments, {DRUMS} is the drums")
    return NAMES[program]


def programs(text: str) -> tuple[int, ...]:
    """Return the programs that a word of people means, in rising order; 128 is the drums.

    text: a number, 0..128; the name of an instrument, or a part of it that no other name has; or
    one of `GROUPS`. Capital letters do not matter. Raises HowlkitError, with names that may be
    meant, for a word that names none, or several that are no group.

    >>> programs("violin"), programs("acoustic grand"), programs("brass")[:3], programs("drums")
    ((40,), (0,), (56, 57, 58), (128,))
    """
    word = re.sub(r"[\s_]+", " ", text).strip().casefold()
    if re.fullmatch(r"[0-9]{1,6}", word):
        if int(word) > DRUMS:
            raise HowlkitError(f"there is no program {word}: 0..127, and {DRUMS} for drums")
        return (int(word),)
    names = [name.casefold() for name in NAMES]
    if word in names:
        return (names.index(word),)
    if word in GROUPS:
        return GROUPS[word]
    found = [program for program, name in enumerate(names) if word and word in name]
    # Whole words first: "harp" is the Orchestral Harp, though Harpsichord has it too.
    whole = [each for each in found if re.search(rf"\b{re.escape(word)}\b", names[each])]
    found = whole or found
    if len(found) == 1:
        return (found[0],)
    if found:
        which = ", ".join(NAMES[program] for program in found)
        raise HowlkitError(f"{text!r} may be {which}; name one of them, or several")
    raise HowlkitError(
        f"{text!r} is no instrument.{did_you_mean(word, [*names, *GROUPS])} Name one of General "
        f"MIDI, such as violin, by its name or its number (0..127), or one of: {', '.join(GROUPS)}"
    )


def drum_name(pitch: int) -> str:
    """Return the drum of a pitch, 0..127; outside General MIDI's range its number.

    >>> drum_name(38), drum_name(20)
    ('Acoustic Snare', 'Drum 20')
    """
    index = pitch - FIRST_DRUM
    return DRUM_NAMES[index] if 0 <= index < len(DRUM_NAMES) else f"Drum {pitch}"
