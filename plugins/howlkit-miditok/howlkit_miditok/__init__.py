"""Encoder `miditok`: any tokenizer of MidiTok, one adapter for all.

MidiTok (Fradet et al. 2021) makes the tokens and decodes them. This package places tokens in time,
cuts excerpts, and follows step by step what MidiTok would decode. README.md describes it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import OptionError
from howlkit.hookspecs import hookimpl
from howlkit.music import Piece
from howlkit.options import option
from howlkit.protocols import Encoder
from howlkit.schema import STEP, Schema, Steps

if TYPE_CHECKING:
    from howlkit_miditok.grammar import Grammar
    from howlkit_miditok.graph import Graph
    from howlkit_miditok.layout import Layout
    from howlkit_miditok.notes import TokenNotes
    from howlkit_miditok.rules import Rules
    from howlkit_miditok.sequences import Sequences

__all__ = ["MidiTok"]

Name = Literal[
    "REMI", "TSD", "MIDILike", "Structured", "CPWord", "Octuple", "MuMIDI", "MMM", "PerTok"
]

SEVERAL_FIELDS = ("CPWord", "Octuple", "MuMIDI")


@dataclass(frozen=True)
class MidiTok:
    """Any tokenizer of MidiTok, with or without a learnt vocabulary (BPE, Unigram)."""

    tokenizer: Name = option("REMI", "MidiTok's class")
    params: str = option(
        "", "path of MidiTok's tokenizer.json; its content is stored and replaces the other options"
    )
    learn: Literal["none", "BPE", "Unigram"] = option(
        "none", "learn a vocabulary from the training part when a run begins"
    )
    size: int = option(2000, "number of tokens of a learnt vocabulary", low=100, high=60_000)
    grid: int = option(8, "positions a beat", low=1, high=96)
    velocities: int = option(32, "number of velocities; 0: no velocity tokens", low=0, high=127)
    programs: bool = option(True, "instruments and drums; false: one piano, drums left out")
    tempos: bool = option(False, "changes of tempo are tokens, where the tokenizer has any")

    name: ClassVar[str] = "miditok"

    def __post_init__(self) -> None:
        """Read the tokenizer.json, so that a model never needs the file again; refuse a bad one."""
        if self.learn != "none" and not self.params and self.tokenizer in SEVERAL_FIELDS:
            raise OptionError(
                f"miditok.learn={self.learn}: {self.tokenizer} has several fields a step, so no "
                "vocabulary can be learnt for it; take miditok.learn=none, or another tokenizer"
            )
        if self.params:
            from howlkit_miditok.tokenizers import PACKED, pack

            if not self.params.startswith(PACKED):
                object.__setattr__(self, "params", pack(self.params))
            _ = self._tokenizer

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle as the options."""
        return type(self), dataclasses.astuple(self)

    @cached_property
    def _tokenizer(self) -> Any:  # noqa: ANN401 - a MusicTokenizer
        from howlkit_miditok import tokenizers

        if self.params:
            return tokenizers.load(self.params)
        return tokenizers.make(
            self.tokenizer,
            grid=self.grid,
            velocities=self.velocities,
            programs=self.programs,
            tempos=self.tempos,
        )

    @cached_property
    def _rules(self) -> Rules:
        from howlkit_miditok.rules import Rules

        return Rules(self._tokenizer, type(self._tokenizer).__name__)

    @cached_property
    def _layout(self) -> Layout:
        from howlkit_miditok.layout import layout

        return layout(self._tokenizer, self._rules.name)

    @cached_property
    def _graph(self) -> Graph:
        from howlkit_miditok.graph import Graph

        return Graph(self._rules, self._layout)

    @cached_property
    def _sequences(self) -> Sequences:
        from howlkit_miditok.sequences import Sequences

        return Sequences(self._rules, self._layout)

    @property
    def schema(self) -> Schema:
        """One field; or, for a tokenizer with several vocabularies, a field for each."""
        return self._layout.schema

    @property
    def exemptions(self) -> dict[str, str]:
        """The laws that do not hold for this tokenizer, with the reasons."""
        from howlkit_miditok.order import exemptions

        return exemptions(self._rules)

    @property
    def sets_tempo(self) -> bool:
        """Whether steps set the tempo."""
        return bool(self._rules.config.use_tempos)

    def fitted(self, pieces: Iterable[Piece]) -> MidiTok:
        """Return the encoder with a vocabulary learnt from whole pieces, if `learn` asks for one.

        Raises OptionError if there are no pieces, or if `size` leaves no room for learnt tokens.
        """
        if self.learn == "none" or self._tokenizer.is_trained:
            return self
        from howlkit_miditok.tokenizers import fit

        ids = (self._sequences.whole(piece) for piece in pieces)
        learner = dataclasses.replace(self)._tokenizer  # a copy: learning changes it
        return dataclasses.replace(self, params=fit(learner, self.learn, self.size, ids))

    def tokenizer_json(self) -> str:
        """Return this tokenizer as MidiTok's `tokenizer.save` writes it."""
        return json.dumps(self._tokenizer.to_dict(), indent=1)

    def encode(self, piece: Piece) -> Steps:
        """Return start, MidiTok's tokens, end; of an excerpt those from `since` to `until`."""
        before, ids = self._sequences.cut(piece)
        steps = self._layout.steps(before[-1:] + ids)
        return self.schema.frame(steps, before=len(before[-1:]), end=piece.has_end)

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the piece that MidiTok decodes; notes still sounding end with the last step."""
        from howlkit_miditok.clock import Clock
        from howlkit_miditok.scores import Frame, to_piece

        rows, clock = steps[steps["mark"] == STEP], Clock(self._rules)
        for tokens in self._layout.read(rows):
            clock.take_step(tokens)
        frame = Frame.of(like, self._rules.division, clock.stand)
        score = self._sequences.decode(rows, clock)
        if score is None:
            return frame.empty
        return to_piece(score, frame, shortest=self._rules.position, maps=like is None)

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> NDArray[np.int64]:
        """Return the position of each step, in ticks of `decode`'s result."""
        from howlkit_miditok.clock import Clock
        from howlkit_miditok.scores import Frame

        clock, stands = Clock(self._rules), np.zeros(len(steps), np.int64)
        music = steps["mark"] == STEP
        for row, tokens in zip(np.flatnonzero(music), self._layout.read(steps[music]), strict=True):
            clock.take_step(tokens)
            stands[row] = clock.stand
        frame = Frame.of(like, self._rules.division, clock.stand)
        # Start and end get the position of the step before them.
        return frame.ticks(np.maximum.accumulate(stands))

    def grammar(self, rows: int, *, like: Piece | None = None) -> Grammar:
        """Return the grammar of `rows` rows at the start of their pieces."""
        from howlkit_miditok.clock import Clock
        from howlkit_miditok.grammar import Grammar
        from howlkit_miditok.order import Order
        from howlkit_miditok.scores import metres_of

        metres = () if like is None else metres_of(self._tokenizer, like, self._rules.division)

        def clock() -> Clock:
            order = Order(self._rules, metres=metres) if self._rules.ordered else None
            return Clock(self._rules, order=order)

        clocks = [clock() for _ in range(rows)]
        if self._notes is not None:
            from howlkit_miditok.notes import NoteGrammar

            return NoteGrammar(self._graph, clocks, self._notes)
        return Grammar(self._graph, clocks)

    @cached_property
    def _notes(self) -> TokenNotes | None:
        """What tokens mean in notes; None if a token is no part of one note."""
        from howlkit_miditok.notes import TokenNotes, speaks_of_notes

        return TokenNotes(self._graph) if speaks_of_notes(self._rules) else None


@hookimpl
def register_encoders(register: Callable[[type[Encoder]], None]) -> None:
    """Register the encoder."""
    register(MidiTok)
