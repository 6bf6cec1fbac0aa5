"""Where one row stands: MidiTok's decoders, told of one token after the other.

A token is a pair of its type and its value, as MidiTok writes them ("Pitch", "60"). MidiTok decodes
whole sequences; while sampling, howlkit must know after every step where the music stands and how
many notes have begun, so this says the same of what has been read so far. Only what a later token
depends on is kept. Ticks are those of the tokenizer, `division` to a beat.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from howlkit_miditok.order import Order
from howlkit_miditok.rules import ENDS, PITCHES, STARTS, Rules, Token

__all__ = ["Clock"]

DEFAULT_TEMPO = 120.0


@dataclass
class Clock:
    """One row after some tokens.

    tick: where the decoder stands; stand: the furthest that it has stood. bar: its number, -1
    before the first; begun: the tick at which it began; position: the last one told in it, or -1.
    bar_ticks, beat, step: of the metre, as `Rules.metre` has them. program: of the next note, -1
    for drums. pending: a pitch is told, but not all of its note. note_end: of all notes the latest.
    sounding: how often (program, drum, pitch) has been let sound. last: the type of the last token;
    step_type: of the first one of the last step. in_track: of MMM, whether a track has begun.
    tempo, since, seconds: the tempo, and the tick and seconds at which it began. order: what is
    told at this tick, where music has one spelling.
    """

    rules: Rules
    tick: int = 0
    stand: int = 0
    bar: int = -1
    begun: int = 0
    position: int = -1
    metre: str = "4/4"
    bar_ticks: int = 0
    beat: int = 0
    step: int = 0
    metre_since: int = 0
    metre_bar: int = 0
    program: int = 0
    pending: str = ""
    note_end: int = 0
    sounding: Counter[tuple[int, str, int]] = field(default_factory=Counter)
    last: str = ""
    step_type: str = ""
    in_track: bool = False
    tempo: float = DEFAULT_TEMPO
    since: int = 0
    seconds: float = 0.0
    order: Order | None = None

    def __post_init__(self) -> None:
        """Begin in 4/4."""
        self.bar_ticks, self.beat, self.step = self.rules.metre(self.metre)
        if self.rules.name == "PerTok":
            self.bar = 0  # it counts the bars that have ended

    def copy(self) -> Clock:
        """Return an independent copy."""
        twin = copy.copy(self)
        twin.sounding = self.sounding.copy()
        twin.order = self.order and self.order.copy()
        return twin

    def take_step(self, tokens: Sequence[Token]) -> int:
        """Take in the tokens of a step; return how many notes they begin."""
        self.step_type = tokens[0][0] if tokens else ""
        if self.rules.name == "Octuple" and self.bar < 0:  # its metre holds from tick 0
            tokens = sorted(tokens, key=lambda token: token[0] != "TimeSig")
        return sum(self.take(token) for token in tokens)

    def take(self, token: Token) -> int:
        """Take in a token; return how many notes it completes or, of note-ons, begins."""
        kind, value = token
        begun = 0
        read = getattr(self, f"_{kind.lower()}", None)
        if read is not None:
            read(value)
        if kind in PITCHES:
            self.pending = f"{kind} {value}"
        elif kind in ENDS:
            self._release(kind, int(value))
        if self.pending and self._is_whole(kind):
            begun, self.pending = 1, self._hold()
        if kind in ("Program", "Tempo", "KeySig", "Pedal", "PedalOff"):
            self.note_end = max(self.note_end, self.tick)
        self.last = kind
        self.stand = max(self.stand, self.tick)
        if self.order is not None:
            self.order.take(kind, value, self)
        return begun

    def in_seconds(self, ticks: float) -> float:
        """Return when a tick sounds, in the tempo since the last change."""
        return self.seconds + (ticks - self.since) / self.rules.division * 60 / self.tempo

    # What single types do ------------------------------------------------------------------------

    def _bar(self, value: str) -> None:
        if value == "End":
            return
        if self.rules.name == "Octuple":
            self.bar = int(value)
            self.begun = self.metre_since + (self.bar - self.metre_bar) * self.bar_ticks
            return
        self.bar += 1
        if self.rules.name == "PerTok":
            self.tick = self.bar * self.bar_ticks
        elif self.bar > 0:
            self.tick = self.begun + self.bar_ticks
        self.begun, self.position = self.tick, -1

    def _position(self, value: str) -> None:
        self.bar = max(self.bar, 0)
        self.position = int(value)
        self.tick = self.begun + self.position * self.step

    def _timeshift(self, value: str) -> None:
        self.tick += self.rules.span(value, self.beat)

    def _rest(self, value: str) -> None:
        ticks = self.rules.span(value, self.beat, rest=True)
        if "NoteOn" in self.rules.tokenizer.tokens_types_graph:
            self.tick += ticks
            return
        self.tick = max(self.note_end, self.tick) + ticks
        bar = self.metre_bar + (self.tick - self.metre_since) // self.bar_ticks
        if bar > self.bar:
            self.begun += (bar - max(self.bar, 0)) * self.bar_ticks
            self.bar, self.position = bar, -1

    def _timesig(self, value: str) -> None:
        if value == self.metre:
            return
        self.metre, self.metre_since, self.metre_bar = value, self.begun, max(self.bar, 0)
        self.bar_ticks, self.beat, self.step = self.rules.metre(value)

    def _program(self, value: str) -> None:
        self.program = int(value)

    def _track(self, value: str) -> None:
        """Begin a track from tick 0, as MMM does."""
        self.in_track = value == "Start"
        if self.in_track:
            self.tick = self.begun = self.metre_since = self.note_end = 0
            self.bar, self.position, self.metre, self.program = -1, -1, "4/4", 0
            self.bar_ticks, self.beat, self.step = self.rules.metre(self.metre)

    def _tempo(self, value: str) -> None:
        tick = max(self.tick, self.stand)
        self.seconds, self.since = self.in_seconds(tick), tick
        self.tempo = float(value)

    def _duration(self, value: str) -> None:
        if self.pending:
            self.note_end = max(self.note_end, self.tick + self.rules.span(value, self.beat))

    # Notes --------------------------------------------------------------------------------------

    def _is_whole(self, kind: str) -> bool:
        """Say whether a note is told with a token of this type."""
        if kind == "Duration":
            return True
        pitch = self.pending.split()[0]
        if pitch not in STARTS and self.rules.has_duration(self.program):
            return False
        if self.rules.config.use_velocities:
            return kind == "Velocity"
        return kind in PITCHES if self.rules.name != "PerTok" else kind == "MicroTiming"

    def _hold(self) -> str:
        """Let a note-on sound, if it will be let go; return that nothing is pending."""
        kind, pitch = self.pending.split()
        if kind in STARTS and self.rules.has_duration(self.program):
            self.sounding[self.program, kind.removesuffix("On"), int(pitch)] += 1
        return ""

    def _release(self, kind: str, pitch: int) -> None:
        key = self.program, kind.removesuffix("Off"), pitch
        if self.sounding[key] > 1:
            self.sounding[key] -= 1
        else:
            del self.sounding[key]
