"""What the tokens of a tokenizer of MidiTok mean: their types, and their values in ticks.

A token is a pair of its type and its value, as MidiTok writes them ("Pitch", "60"). Ticks are those
of the tokenizer, `Rules.division` to a beat.
"""

from __future__ import annotations

import bisect
import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["ENDS", "PITCHES", "STARTS", "TIMES", "Rules", "Token"]

Token = tuple[str, str]

STARTS = frozenset({"NoteOn", "DrumOn"})
ENDS = frozenset({"NoteOff", "DrumOff"})
PITCHES = frozenset({"Pitch", "PitchDrum", *STARTS})
TIMES = frozenset({"Bar", "Position", "TimeShift", "Rest", "TimeSig"})
"""Types that lead to where the next token stands."""

ORDERED = ("REMI", "TSD", "MIDILike", "Structured", "CPWord", "Octuple", "MuMIDI")
"""Tokenizers that write notes in the order in which they are heard."""


@dataclass(frozen=True)
class Rules:
    """What a tokenizer's tokens mean in ticks."""

    tokenizer: Any
    name: str

    @cached_property
    def division(self) -> int:
        """Ticks a beat of what is decoded."""
        pertok = self.name == "PerTok"
        return int(self.tokenizer.tpq if pertok else self.tokenizer.time_division)

    @property
    def position(self) -> int:
        """Ticks of a position where a quarter is a beat."""
        return 1 if self.name == "PerTok" else self.division // self.config.max_num_pos_per_beat

    @property
    def config(self) -> Any:  # noqa: ANN401 - a TokenizerConfig
        """The tokenizer's."""
        return self.tokenizer.config

    def metre(self, value: str) -> tuple[int, int, int]:
        """Return ticks a bar, ticks a beat of the metre, and ticks a position, of "3/4"."""
        numerator, denominator = map(int, value.split("/"))
        if self.name == "PerTok":
            return int(denominator / 4 * numerator * self.division), self.division, 1
        bar = self.division * 4 * numerator // denominator
        beat = int(self.tokenizer._tpb_per_ts.get(denominator, self.division))
        return bar, beat, beat // self.config.max_num_pos_per_beat

    def span(self, value: str, beat: int, *, rest: bool = False) -> int:
        """Return the ticks of a TimeShift, Duration or Rest where `beat` ticks are a beat."""
        if self.name == "PerTok":
            beats, parts, tpq = map(int, value.split("."))
            return beats * tpq + parts
        if self.name == "Structured" and value == "0.0.1":  # no shift at all
            return 0
        table = self.tokenizer._tpb_rests_to_ticks if rest else self.tokenizer._tpb_tokens_to_ticks
        return int(table[beat][value])

    @cached_property
    def ordered(self) -> bool:
        """Whether there is one spelling of music: where notes and metres alone are written."""
        config = self.config
        metres = config.use_time_signatures
        others = (
            self.tokenizer.is_trained,
            config.use_rests,
            config.use_tempos,
            config.use_key_signatures,
            config.use_sustain_pedals,
            config.program_changes,
            metres and self.name == "Octuple",
            metres and not config.delete_equal_successive_time_sig_changes,
            len(config.use_note_duration_programs) < len(config.programs),
        )
        return self.name in ORDERED and not any(others)

    def spans(self, beat: int) -> list[int]:
        """Return the ticks of all shifts and durations where `beat` ticks are a beat, rising."""
        if beat not in self._spans:
            self._spans[beat] = sorted(self.tokenizer._tpb_ticks_to_tokens[beat])
        return self._spans[beat]

    @cached_property
    def _spans(self) -> dict[int, list[int]]:
        return {}

    def gap(self, ticks: int, beat: int) -> float:
        """Return by how much the next longer shift exceeds one of `ticks`; infinity: none does."""
        spans = self.spans(beat)
        after = bisect.bisect_right(spans, ticks)
        return spans[after] - ticks if after < len(spans) else math.inf

    def is_written(self, value: str, beat: int) -> bool:
        """Say whether MidiTok writes a TimeShift or Duration so: two may be equally long."""
        if self.name == "Structured" and value == "0.0.1":
            return True
        ticks = self.tokenizer._tpb_tokens_to_ticks[beat][value]
        return bool(self.tokenizer._tpb_ticks_to_tokens[beat].get(ticks) == value)

    def has_duration(self, program: int) -> bool:
        """Say whether notes of a program tell how long they are."""
        return program in self.config.use_note_duration_programs
