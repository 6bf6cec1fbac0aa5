"""General MIDI's instruments and drums by name.

Conventions. Programs count from 0 (the specification's lists count from 1); a drum is named by its
pitch (35..81 in General MIDI). Source: MIDI Manufacturers Association, General MIDI System Level 1,
tables 1 and 3; spellings as there, a few shortened ("Electric Piano 1").
"""

from __future__ import annotations

from howlkit.errors import PieceError
from howlkit.music.tables import DRUMS

__all__ = ["DRUM_NAMES", "NAMES", "drum_name", "name"]

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
    """Return the instrument of a program, 0..127, or "Drums" for 128; PieceError for any other."""
    if program == DRUMS:
        return "Drums"
    if not 0 <= program < len(NAMES):
        raise PieceError(f"no program {program}: 0..127 are instruments, {DRUMS} is the drums")
    return NAMES[program]


def drum_name(pitch: int) -> str:
    """Return the drum that a pitch, 0..127, stands for; those outside the standard by number."""
    index = pitch - FIRST_DRUM
    return DRUM_NAMES[index] if 0 <= index < len(DRUM_NAMES) else f"Drum {pitch}"
