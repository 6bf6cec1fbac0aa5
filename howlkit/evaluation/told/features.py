"""The features of an excerpt that the classifier sees, by name, in words and with their units.

They are frozen with `VERSION`: whoever adds, removes or changes one raises it, and measures again
what is to be compared, on both sides. All are of what is heard: none depends on the resolution of
the file, the place of bars and beats in it, tracks, pedals or names.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from howlkit.evaluation.told import harmony, pitches, repetition, rhythm, texture
from howlkit.music.piece import Piece

__all__ = ["FEATURES", "VERSION", "Feature", "measure"]

VERSION = 1
"""The version of the measure: of features, excerpts and classifier together."""


@dataclass(frozen=True)
class Feature:
    """A number for an excerpt; NaN where it is not defined.

    words: what it is, for a table. unit: in which unit; "" for a share 0..1 or another ratio.
    """

    function: Callable[[Piece], float]
    words: str
    unit: str = ""

    @property
    def name(self) -> str:
        """The name of the function."""
        return self.function.__name__


_ALL = (
    Feature(texture.notes_per_second, "notes that begin in a second", "a second"),
    Feature(texture.density_spread, "unevenness of the notes in time", "ratio"),
    Feature(texture.mean_polyphony, "notes that sound at once, mean", "notes"),
    Feature(texture.most_at_once, "notes that sound at once, most", "notes"),
    Feature(texture.notes_per_onset, "notes that begin together, mean", "notes"),
    Feature(texture.single_note_share, "onsets of one note alone"),
    Feature(texture.silence_share, "time in which nothing sounds"),
    Feature(texture.longest_silence, "longest silence", "seconds"),
    Feature(texture.restrike_share, "keys struck again without being let go"),
    Feature(texture.note_length, "length of a note, median", "seconds"),
    Feature(texture.note_length_spread, "spread of the lengths of notes", "octaves"),
    Feature(texture.note_length_kinds, "kinds of lengths of notes", "bits"),
    Feature(texture.longest_note, "longest note", "seconds"),
    Feature(texture.legato, "length of a note over the time to the next onset", "ratio"),
    Feature(texture.loudness, "loudness, mean", "velocity"),
    Feature(texture.loudness_spread, "spread of the loudness", "velocity"),
    Feature(texture.loudness_change, "change of loudness between onsets", "velocity"),
    Feature(texture.loudness_in_chords, "differences of loudness in a chord", "velocity"),
    Feature(texture.instruments, "instruments", "instruments"),
    Feature(texture.instrument_switches, "changes of instrument from note to note"),
    Feature(texture.drum_share, "notes that are drums"),
    Feature(pitches.mean_pitch, "pitch, mean", "MIDI note"),
    Feature(pitches.pitch_range, "lowest to highest pitch", "semitones"),
    Feature(pitches.pitch_spread, "spread of the pitches", "semitones"),
    Feature(pitches.pitch_entropy, "kinds of pitches", "bits"),
    Feature(pitches.pitch_class_entropy, "kinds of pitch classes", "bits"),
    Feature(pitches.scale_share, "notes in the best scale"),
    Feature(pitches.window_scale_share, "notes in the best scale of 12 seconds"),
    Feature(pitches.scale_gain, "wandering of the scale"),
    Feature(pitches.pitch_class_drift, "drift of the pitch classes over 12 seconds"),
    Feature(pitches.key_clarity, "clarity of the key", "correlation"),
    Feature(pitches.window_key_clarity, "clarity of the key of 12 seconds", "correlation"),
    Feature(pitches.key_changes, "changes of key between windows"),
    Feature(pitches.top_interval, "interval in the top line, mean", "semitones"),
    Feature(pitches.top_step_share, "steps in the top line"),
    Feature(pitches.top_repeats, "repeated pitches in the top line"),
    Feature(pitches.top_leaps, "leaps of a fifth or more in the top line"),
    Feature(pitches.top_turns, "turns of the top line"),
    Feature(pitches.top_range, "range of the top line", "semitones"),
    Feature(pitches.bass_leaps, "leaps of a fifth or more in the lowest line"),
    Feature(pitches.bass_repeats, "repeated pitches in the lowest line"),
    Feature(pitches.bass_step_share, "steps in the lowest line"),
    Feature(rhythm.gap_kinds, "kinds of times between onsets", "bits"),
    Feature(rhythm.common_gap_share, "the commonest time between onsets"),
    Feature(rhythm.common_gaps_share, "the three commonest times between onsets"),
    Feature(rhythm.gap_change, "change from a time between onsets to the next", "nPVI"),
    Feature(rhythm.gap_ratio_kinds, "kinds of changes of the time between onsets", "bits"),
    Feature(rhythm.simple_ratio_share, "changes of it by 1, 2, 3 or 4 to 1"),
    Feature(rhythm.pulse_clarity, "clarity of the pulse"),
    Feature(harmony.consonance, "consonant intervals that sound"),
    Feature(harmony.semitone_share, "semitones and major sevenths that sound"),
    Feature(harmony.whole_tone_share, "whole tones and minor sevenths that sound"),
    Feature(harmony.tritone_share, "tritones that sound"),
    Feature(harmony.fifth_and_fourth_share, "fifths and fourths that sound"),
    Feature(harmony.doubling, "octaves that sound"),
    Feature(harmony.classes_at_once, "pitch classes that sound at once", "classes"),
    Feature(harmony.chord_share, "usual chords among all chords"),
    Feature(harmony.outer_gap, "lowest to highest note that sound", "semitones"),
    Feature(harmony.top_supported, "top notes doubled in a lower octave"),
    Feature(harmony.harmony_change, "change of the harmony in a second"),
    Feature(repetition.tune_heard_before, "four intervals of the top line heard before"),
    Feature(repetition.tune_heard_before_long, "eight intervals of the top line heard before"),
    Feature(repetition.bass_heard_before, "four intervals of the lowest line heard before"),
    Feature(repetition.notes_heard_before, "four intervals with their rhythm heard before"),
    Feature(repetition.rhythm_heard_before, "eight changes of rhythm heard before"),
    Feature(repetition.chords_heard_before, "four chords in a row heard before"),
    Feature(repetition.same_chord_again, "the same pitch classes at the next onset"),
    Feature(repetition.longest_repeat, "longest passage that comes twice"),
    Feature(repetition.copies_in_a_row, "copies of a passage in a row", "copies"),
    Feature(repetition.harmony_return, "return of the harmony after 1 to 16 seconds"),
    Feature(repetition.melody_return, "return of the notes after 1 to 16 seconds"),
    Feature(repetition.rhythm_return, "return of the rhythm after 1 to 16 seconds"),
)

FEATURES: Mapping[str, Feature] = MappingProxyType({each.name: each for each in _ALL})
"""All features of version 1, by name. A share is a number from 0 to 1."""


def measure(excerpts: Sequence[Piece]) -> NDArray[np.float64]:
    """Return (N, features): the features of each excerpt, in the order of `FEATURES`.

    NaN where a feature is not defined, such as an interval where one note sounds.

    >>> values = measure([Piece.of([(0, 480, 60), (480, 480, 64)])])
    >>> values.shape == (1, len(FEATURES)), float(values[0, 0])
    (True, 2.0)
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a feature says itself where it is not defined
        rows = [[each.function(excerpt) for each in FEATURES.values()] for excerpt in excerpts]
    return np.array(rows, np.float64).reshape(len(rows), len(FEATURES))
