"""Rules of the kinds that howlkit knows; compiled code judges them by what they say here.

`logits(choices, heard)` is what a rule is: what to add to the logits of each choice of a field, 0
for no opinion, below 0 for less likely, -inf for forbidden. Every rule is judged where notes begin
(BEGINS, or COMING, of which only a part is known), and says nothing about what is UNKNOWN. Of a
note that is AHEAD rules judge what follows from its latest onset: how many notes there are.
`compilable` says that compiled code knows this very class: what a plugin's constraint begins passes
its checks as it is (howlkit.plugins.checked_constraint). A class made of one of these is another.

Shapes: B rows, n choices, S notes that sound.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from howlkit.constraints.heard import (
    FIRST,
    LAST_ONSET,
    LAST_PITCH,
    NOTES,
    ONSET,
    PITCH,
    PROGRAM,
    TRACK,
    UNTIL,
    Heard,
)
from howlkit.music.tables import DRUMS
from howlkit.note_choices import AHEAD, BEGINS, COMING, LASTS, OPEN, UNKNOWN, NoteChoices
from howlkit.protocols import Rule

__all__ = [
    "DENSE",
    "FORBIDDEN",
    "DensityRule",
    "LengthRule",
    "LoopRule",
    "PitchRule",
    "PolyphonyRule",
    "ProgramRule",
    "RestrikeRule",
    "Rules",
    "flat",
]

FORBIDDEN = -np.inf

DENSE = 16
"""The number of notes over which `DensityRule` counts: four chords of four."""

Logits = NDArray[np.float64]


def _forbid(where: NDArray[np.bool_]) -> Logits:
    return np.where(where, FORBIDDEN, 0.0)


def _new(choices: NoteChoices) -> NDArray[np.bool_]:
    """Return (B, n): where a note begins, or will."""
    return np.asarray((choices.role == BEGINS) | (choices.role == COMING))


@dataclass(frozen=True)
class PitchRule:
    """Which pitches may begin, always or by the beat of the bar; drums are left alone.

    tables: (S, 128), what to add to the logits of each pitch. which: (X,), the table of each slot
    of the music, from the first slot on; after the last comes the first. slot: beats. The first
    slot begins `early` beats before the beginning of the bar in which the first new note lies, or
    if `bar` is 0 before that note. beats_a_unit, divisions, bar, offset: `Setting.beats_a_unit`,
    `divisions`, `beats_a_bar`, `bar_offset`.
    """

    tables: NDArray[np.float64]
    which: NDArray[np.int64] = field(default_factory=lambda: np.zeros(1, np.int64))
    slot: float = 1.0
    early: float = 0.0
    beats_a_unit: float = 1.0
    divisions: int = 1
    bar: float = 4.0
    offset: float = 0.0
    compilable: ClassVar[bool] = True

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): what to add for pitches that are known."""
        which = np.full(choices.onset.shape, self.which[0])
        if len(self.which) > 1:
            which = self.which[self._slots(choices, heard)]
        found = self.tables[which, np.clip(choices.pitch, 0, 127)]  # 131: none the grammar allows
        counts = _new(choices) & (choices.pitch != UNKNOWN) & (choices.program != DRUMS)
        return np.where(counts & (choices.onset != UNKNOWN), found, 0.0)

    def _slots(self, choices: NoteChoices, heard: Heard) -> NDArray[np.int64]:
        per_position = self.beats_a_unit / self.divisions
        beat = (choices.onset + heard.moved[:, None]) * per_position
        first = (heard.at[:, FIRST] + heard.moved) * per_position
        first = np.where(heard.at[:, FIRST, None] < 0, beat, first[:, None])
        begins = first
        if self.bar:
            bars = np.floor((first + self.early - self.offset) / self.bar)
            begins = bars * self.bar + self.offset
        since = beat + self.early - begins
        return np.asarray(np.floor(since / self.slot).astype(np.int64) % len(self.which))


@dataclass(frozen=True)
class ProgramRule:
    """Which programs may begin notes. allowed: (129,), 128 for drums."""

    allowed: NDArray[np.bool_]
    compilable: ClassVar[bool] = True

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): -inf for notes of another program."""
        known = _new(choices) & (choices.program != UNKNOWN)
        return _forbid(known & ~self.allowed[np.maximum(choices.program, 0)])


@dataclass(frozen=True)
class PolyphonyRule:
    """At most `most` notes sound at once."""

    most: int
    compilable: ClassVar[bool] = True

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): -inf for one note more, begun or held."""
        sounds = heard.sounding(choices.onset)
        held = (choices.role == LASTS) & (choices.end > choices.onset)
        track = heard.notes[:, None, :, TRACK] == choices.track[:, :, None]
        new = _new(choices) | (choices.role == AHEAD)
        same = heard.notes[:, None, :, PITCH] == choices.pitch[:, :, None]
        mine = track & (same | (choices.pitch == UNKNOWN)[:, :, None])
        # A track on which nothing sounds goes on being silent.
        held &= (choices.pitch != UNKNOWN) | (mine & sounds).any(axis=2)
        others = sounds & ~(mine & held[:, :, None])
        if heard.alone:  # a note that begins ends the one before it on its track
            others &= ~(track & new[:, :, None])
        full = others.sum(axis=2) >= self.most  # at the latest onset of a note fewest sound
        return _forbid(full & (new | held) & (choices.onset != UNKNOWN))


@dataclass(frozen=True)
class RestrikeRule:
    """No key is struck while it sounds.

    Where a note ends the one before it on its track, a key may be struck again: it no longer
    sounds.
    """

    compilable: ClassVar[bool] = True

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): -inf for a note of a key that sounds at its onset."""
        if heard.alone:
            return np.zeros(choices.role.shape)
        same = heard.sounding(choices.onset)
        for column, values in (
            (PITCH, choices.pitch), (PROGRAM, choices.program), (TRACK, choices.track)
        ):  # fmt: skip
            same &= heard.notes[:, None, :, column] == values[:, :, None]
        known = _new(choices) & (choices.pitch != UNKNOWN) & (choices.program != UNKNOWN)
        return _forbid(same.any(axis=2) & known & (choices.track != UNKNOWN))


@dataclass(frozen=True)
class LengthRule:
    """No note sounds longer than `longest` positions.

    A note that sounds until a step ends it is not held on at that age, and time does not move past
    it. Where the choice is between time and notes, only that note may be chosen then, the lowest
    first: encoders end notes in this order, and before they begin others. A note that is older
    already, of a prompt, is let be.
    """

    longest: int
    compilable: ClassVar[bool] = True

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): -inf for a longer length, and for moving on while a note is due to end."""
        known = (choices.role == LASTS) & (choices.end != UNKNOWN) & (choices.end < OPEN)
        too_long = known & (choices.end - choices.onset > self.longest)
        now = choices.onset.min(axis=1, keepdims=True)
        due = np.where(heard.notes[:, :, UNTIL] >= OPEN, heard.notes[:, :, ONSET], OPEN)
        due = due + self.longest
        next_due = np.where(due < now, OPEN, due).min(axis=1)
        late = (choices.onset > next_due[:, None]) & (choices.role != AHEAD)
        waits = late.any(axis=1, keepdims=True) & (next_due[:, None] == now)
        key = 128 * heard.notes[:, :, PROGRAM] + heard.notes[:, :, PITCH]
        lowest = np.where(due == next_due[:, None], key, OPEN).min(axis=1)[:, None]
        another = (choices.pitch != UNKNOWN) & (choices.pitch != lowest % 128)
        waits = waits & (_new(choices) | another)
        return _forbid(too_long | late | waits | self._holds_on(choices, heard))

    def _holds_on(self, choices: NoteChoices, heard: Heard) -> NDArray[np.bool_]:
        """Return (B, n): where a choice lets a note sound on that is `longest` long."""
        held = np.asarray((choices.role == LASTS) & (choices.end >= OPEN))
        if not held.any():
            return held
        mine = heard.sounding(choices.onset)
        mine &= heard.notes[:, None, :, TRACK] == choices.track[:, :, None]
        same = heard.notes[:, None, :, PITCH] == choices.pitch[:, :, None]
        mine &= same | (choices.pitch == UNKNOWN)[:, :, None]
        age = choices.onset[:, :, None] - heard.notes[:, None, :, ONSET]
        return np.asarray(held & (mine & (age >= self.longest)).any(axis=2))


@dataclass(frozen=True)
class LoopRule:
    """No passage goes on being repeated: moves from note to note, an interval and a time.

    most: (P,), for how many notes in a row the music may go on as it did 1, 2 .. P notes before.
    """

    most: NDArray[np.int64]
    compilable: ClassVar[bool] = True

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): -inf for the note with which a loop would go on too long."""
        interval = choices.pitch - heard.at[:, LAST_PITCH, None]
        time = choices.onset - heard.at[:, LAST_ONSET, None]
        known = _new(choices) & (choices.pitch != UNKNOWN) & (choices.onset != UNKNOWN)
        long = heard.runs >= self.most  # (B, P)
        same = heard.moves[:, None, :, 0] == interval[:, :, None]
        same &= heard.moves[:, None, :, 1] == time[:, :, None]
        return _forbid((same & long[:, None, :]).any(axis=2) & known)


@dataclass(frozen=True)
class DensityRule:
    """About `rate` notes a beat or second of the clock, counted over the last `DENSE` new notes.

    So what was too much once is not paid for with a long silence. strength: what a note too many,
    or too few, weighs in nats beyond `slack`; it grows with the square of their number, so that a
    model that is sure of itself is turned too.
    """

    rate: float
    divisions: int
    slack: float = 1.0
    strength: float = 1.0
    compilable: ClassVar[bool] = True

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): a soft push towards the number of notes that is due at each onset.

        A note that is AHEAD may come too late as well as too early.
        """
        ahead = choices.role == AHEAD
        new = _new(choices) | ahead
        made, last = heard.at[:, NOTES, None], heard.at[:, LAST_ONSET, None]
        counted = np.clip(made - 1, 0, DENSE)  # moves from note to note
        lasted = np.where(np.arange(DENSE) < counted, heard.moves[:, :DENSE, 1], 0).sum(axis=1)
        due = self.rate * (choices.onset - last + lasted[:, None]) / self.divisions
        over = counted + new - due
        beyond = np.clip(np.abs(over) - self.slack, 0.0, DENSE)
        matters = np.where(new, over > 0, over < 0) | ahead
        known = (choices.onset != UNKNOWN) & (made > 0)
        return np.where(known & matters, -self.strength * beyond**2, 0.0)


@dataclass(frozen=True)
class Rules:
    """Several rules as one, for a constraint that says more than one thing; none: it says nothing.

    A session judges the parts one by one (`flat`), so they stay compiled.
    """

    compilable: ClassVar[bool] = True

    parts: tuple[Rule, ...] = ()

    def logits(self, choices: NoteChoices, heard: Heard) -> Logits:
        """Return (B, n): the sum of what the parts say."""
        total = np.zeros(choices.role.shape)
        for part in self.parts:
            total += part.logits(choices, heard)
        return total


def flat(rules: Iterable[Rule]) -> Iterator[Rule]:
    """Yield the rules, in the place of `Rules` their parts.

    >>> [*flat([Rules((RestrikeRule(), Rules()))])]
    [RestrikeRule()]
    """
    for rule in rules:
        if isinstance(rule, Rules):
            yield from flat(rule.parts)
        else:
            yield rule
