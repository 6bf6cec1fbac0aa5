"""Pieces as MidiTok's sequences of ids, whole or cut, and steps as MidiTok decodes them.

A token stands at MidiTok's own time of its event; bars, positions, shifts and metres, which lead to
where the next event is, stand there with it. So they are cut with that event, and excerpts side by
side give the whole. Three things MidiTok writes cannot be cut so:

- MMM tells one track after the other. An excerpt is encoded as a piece of its own, from the bar in
  which it begins, after a start row.
- What is learnt may join tokens on both sides of a cut. An excerpt has what its own tokens join to.
- PerTok rounds each shift and carries the rest on to the next, so that what a shift is depends on
  the whole bar before it; at a cut it is told from the notes that come along as context.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from miditok import TokSequence
from numpy.typing import NDArray
from symusic import Note

from howlkit.music import Piece
from howlkit.schema import Steps
from howlkit_miditok.clock import Clock
from howlkit_miditok.layout import Ids, Layout
from howlkit_miditok.rules import TIMES, Rules
from howlkit_miditok.scores import edges, to_score
from howlkit_miditok.tokenizers import quiet

__all__ = ["Sequences"]

UNTOLD = 64  # a velocity that no token tells


@dataclass(frozen=True)
class Sequences:
    """A tokenizer at work."""

    rules: Rules
    layout: Layout

    def whole(self, piece: Piece) -> Ids:
        """Return the ids of a piece, without what is learnt."""
        return list(self._tokens(piece).ids)

    def cut(self, piece: Piece) -> tuple[Ids, Ids]:
        """Return the ids before an excerpt, as far as they are known, and those in it."""
        if self.rules.name == "MMM":
            return [], self._joined(self._tokens(_on_its_own(piece)), 0, None)
        sequence = self._tokens(piece)
        first, stop = self._edges(sequence, piece)
        return self._joined(sequence, 0, first), self._joined(sequence, first, stop)

    def _tokens(self, piece: Piece) -> Any:  # noqa: ANN401 - a TokSequence
        """Return MidiTok's TokSequence of all notes, nothing joined."""
        config = self.rules.config
        score = to_score(piece, programs=config.use_programs, pedals=config.use_sustain_pedals)
        if not score.tracks:
            return TokSequence()
        tokenizer = self.rules.tokenizer
        with quiet():
            score = tokenizer.preprocess_score(score)
            for track in score.tracks:  # MidiTok leaves the order that they had before rounding
                track.notes = _in_order(track.notes, self.rules)
            if self.rules.ordered and piece.has_end:
                self._end_with_music(score)
            made = tokenizer.encode(score, encode_ids=False, no_preprocess_score=True)
        if isinstance(made, list):  # a sequence a track: all notes are in one
            made = made[0] if made else TokSequence()
        return made

    def _end_with_music(self, score: Any) -> None:  # noqa: ANN401 - a ScoreTick
        """Take away metres after all that is told of notes: they would be a second spelling."""
        ends = self.rules.name == "MIDILike"
        tables = [track.notes.numpy() for track in score.tracks if track.notes]
        last = max((int((t["time"] + ends * t["duration"]).max()) for t in tables), default=0)
        score.time_signatures = [at for at in score.time_signatures if at.time <= last]

    def _edges(self, sequence: Any, piece: Piece) -> tuple[int, int]:  # noqa: ANN401
        """Return which of the tokens are the first of an excerpt, and the first after it."""
        if piece.has_start and piece.has_end:
            return 0, len(sequence.ids)
        if piece.context == len(piece):  # no note of its own
            return len(sequence.ids), len(sequence.ids)
        stands = self._stands(sequence)
        since, until = edges(self.rules.tokenizer, piece)
        first = 0 if piece.has_start else int(np.searchsorted(stands, since))
        return first, max(first, int(np.searchsorted(stands, until, side="left")))

    def _stands(self, sequence: Any) -> NDArray[np.float64]:  # noqa: ANN401
        """Return where each token stands, rising, in ticks of the preprocessed score.

        What nothing follows is at the end of the piece: at infinity, less than `until` there.
        """
        events = self._events(sequence)
        stands, after = np.empty(len(events)), float(np.finfo(np.float64).max)
        for number in range(len(events) - 1, -1, -1):
            kind, time = events[number]
            if not self._leads(kind):
                after = time
            stands[number] = after
        return stands

    def _events(self, sequence: Any) -> list[tuple[str, float]]:  # noqa: ANN401
        """Return the type and the time of each token, or of what each step of several tells."""
        if not sequence.events:  # MuMIDI has none
            return self._mumidi_events(sequence)
        if self.layout.kind == "one":
            return [(event.type_, event.time) for event in sequence.events]
        return [
            (row[1 if row[0].value == "Metric" else 0].type_, row[0].time)
            for row in sequence.events
        ]

    def _leads(self, kind: str) -> bool:
        """Say whether a token only leads to where the next one stands."""
        if self.layout.kind == "CPWord":  # a position may be told for a tempo alone
            return kind in ("Bar", "Ignore")
        return kind in TIMES or (self.layout.kind == "MuMIDI" and kind == "Program")

    def _joined(self, sequence: Any, first: int, stop: int | None) -> Ids:  # noqa: ANN401
        """Return the ids of some tokens, with what is learnt."""
        tokenizer, ids = self.rules.tokenizer, sequence.ids[first:stop]
        if not tokenizer.is_trained or not ids:
            return list(ids)
        part = TokSequence(
            ids=ids, tokens=sequence.tokens[first:stop], events=sequence.events[first:stop]
        )
        part._ticks_bars, part._ticks_beats = sequence._ticks_bars, sequence._ticks_beats
        tokenizer.encode_token_ids(part)
        return list(part.ids)

    def _mumidi_events(self, sequence: Any) -> list[tuple[str, float]]:  # noqa: ANN401
        clock, events = Clock(self.rules), []
        for row in sequence.tokens:
            kind, _, value = row[0].partition("_")
            clock.take((kind, value))
            events.append((kind, float(clock.stand)))
        return events

    def decode(self, rows: Steps, clock: Clock) -> Any:  # noqa: ANN401 - a ScoreTick or None
        """Return MidiTok's score of ordinary steps; None if there are none.

        clock: as it stands after them.
        """
        tokens: list[Any]
        if self.layout.kind == "one":
            tokens = ["_".join(token) for read in self.layout.read(rows) for token in read]
            for (program, kind, pitch), times in clock.sounding.items():
                told = [f"Program_{program}"] if self.rules.config.use_programs else []
                tokens += [*told, f"{kind}Off_{pitch}"] * times
        else:
            tokens = self.layout.written(rows)
        if not tokens:
            return None
        sequence = TokSequence(tokens=tokens)
        if self.rules.name == "MMM":
            self.rules.tokenizer.complete_sequence(sequence)
        single = self.rules.tokenizer.one_token_stream
        with quiet():
            return self.rules.tokenizer.decode(sequence if single else [sequence])


def _in_order(notes: Any, rules: Rules) -> Any:  # noqa: ANN401 - a NoteTickList
    """Return notes by onset, pitch, velocity if it is told, and duration.

    Of note-ons and note-offs of one pitch, the first to begin is the first to end.
    """
    table = {name: column.astype(np.int64) for name, column in notes.numpy().items()}
    if not rules.config.use_velocities:
        table["velocity"][:] = UNTOLD
    if rules.name == "MIDILike":
        end = table["time"] + table["duration"]
        by_onset = np.lexsort((table["velocity"], table["time"], table["pitch"]))
        by_end = np.lexsort((end, table["pitch"]))
        table["duration"][by_onset] = end[by_end] - table["time"][by_onset]
    keys = "duration", "velocity", "pitch", "time"  # the last one counts most
    order = np.lexsort([table[key] for key in keys])
    columns = {name: column[order] for name, column in table.items()}
    return Note.from_numpy(
        time=columns["time"].astype(np.int32),
        duration=columns["duration"].astype(np.int32),
        pitch=columns["pitch"].astype(np.int8),
        velocity=columns["velocity"].astype(np.int8),
    )


def _on_its_own(piece: Piece) -> Piece:
    """Return an excerpt as a piece of its own, from the bar in which it begins."""
    if piece.has_start:
        return piece.replace(context=0, has_end=True)
    notes = piece.notes[piece.context :]
    return piece.replace(notes=notes, context=0).without_leading_silence(bars=True)
