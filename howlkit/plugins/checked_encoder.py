"""An encoder with every call checked, and with defaults for all that an encoder may leave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music.piece import Piece
from howlkit.note_pitches import NotePitches
from howlkit.plugins.checked_grammar import CheckedGrammar
from howlkit.plugins.contracts import is_array
from howlkit.plugins.exemptions import exemptions
from howlkit.plugins.wrapper import Wrapper
from howlkit.schema import Field, Schema, Steps

__all__ = ["CheckedEncoder"]


class CheckedEncoder(Wrapper):
    """An encoder as the core calls it: `protocols.Encoder`, with all of its optional capabilities.

    Every method raises PluginError where the encoder breaks its contract.
    """

    __slots__ = ("schema",)

    schema: Schema
    """What a step is, and what its values mean in notes; asked for once, by the wrapper."""

    def __init__(self, component: Any) -> None:  # noqa: ANN401 - any encoder
        super().__init__(component, "encoder")
        self.schema = component.schema
        if not isinstance(self.schema, Schema):
            raise self._error("schema", self.schema, "a howlkit.schema.Schema", verb="is")
        self.schema = replace(self.schema, notes=partial(_note_pitches, component))

    def encode(self, piece: Piece) -> Steps:
        """Return a piece as steps: at least one row, every value within its field's range.

        Whether the steps describe the music of the piece is not checked.
        """
        steps: Steps = self._component.encode(piece)
        dtype = self.schema.dtype
        if not isinstance(steps, np.ndarray) or steps.dtype != dtype or steps.ndim != 1:
            raise self._error("encode", steps, f"a structured array of dtype {dtype}")
        if not len(steps):
            raise self._error("encode", steps, "at least a start row")
        for field in self.schema.columns:
            highest = int(steps[field.name].max())
            if highest >= _values(field):
                raise self._refusal(
                    f"encode returned {field.name}={highest}; 0..{_values(field) - 1} are allowed"
                )
        return steps

    def decode(self, steps: Steps, *, like: Piece | None = None) -> Piece:
        """Return the music of steps, as `Encoder.decode`."""
        piece: Piece = self._component.decode(steps, like=like)
        if not isinstance(piece, Piece):
            raise self._error("decode", piece, "a Piece")
        return piece

    def ticks(self, steps: Steps, *, like: Piece | None = None) -> NDArray[np.int64]:
        """Return (T,) where each step stands, as `Encoder.ticks`."""
        ticks: NDArray[np.int64] = self._component.ticks(steps, like=like)
        if not is_array(ticks, steps.shape, "iu"):
            raise self._error("ticks", ticks, f"integers of shape {steps.shape}")
        return ticks

    def grammar(self, rows: int, *, like: Piece | None = None) -> CheckedGrammar:
        """Return the grammar of B rows, every method of it called once to see whether it works."""
        begun = CheckedGrammar(
            self._component,
            self.schema,
            self._component.grammar(rows, like=like),
            rows,
            sets_tempo=self.sets_tempo,
        )
        begun.try_out()
        return begun

    def fitted(self, pieces: Iterable[Piece]) -> CheckedEncoder:
        """Return the encoder fitted to pieces (`FittingEncoder`); itself if it learns nothing."""
        if not hasattr(self._component, "fitted"):
            return self
        fitted = self._component.fitted(pieces)
        if not hasattr(fitted, "encode") or not hasattr(fitted, "schema"):
            raise self._error("fitted", fitted, "an encoder")
        return CheckedEncoder.of(fitted)

    def left_out(self, pieces: Iterable[Piece]) -> str:
        """Return what the encoder leaves out of pieces (`SelectingEncoder`); "" by default."""
        if not hasattr(self._component, "left_out"):
            return ""
        line = self._component.left_out(pieces)
        if not isinstance(line, str):
            raise self._error("left_out", line, "a line of text")
        return line

    @property
    def sets_tempo(self) -> bool:
        """Whether steps set the tempo (`TempoEncoder`); False if the encoder does not say."""
        return bool(getattr(self._component, "sets_tempo", False))

    @property
    def sampling_advice(self) -> dict[str, dict[str, float]]:
        """How fields are best drawn (`AdvisingEncoder`); nothing if the encoder does not say."""
        advice = getattr(self._component, "sampling_advice", {})
        if not isinstance(advice, Mapping) or not all(
            isinstance(own, Mapping) for own in advice.values()
        ):
            raise self._error("sampling_advice", advice, "options by field", verb="is")
        known = [field.name for field in self.schema.decisions]
        for name in advice:
            if name not in known:
                raise self._refusal(f"sampling_advice names {name!r}; its fields are {known}")
        return {name: dict(own) for name, own in advice.items()}

    @property
    def exemptions(self) -> Mapping[str, str]:
        """The laws it cannot keep (`ExemptEncoder`); none if the encoder does not say."""
        return exemptions(self._component)


def _note_pitches(component: Any) -> NotePitches | None:  # noqa: ANN401 - any encoder
    """Return which notes the values of an encoder's fields begin; None if it does not say."""
    encoder = CheckedEncoder(component)
    grammar = encoder.grammar(1)
    if not grammar.has_notes:
        return None
    tables = grammar.note_tables if grammar.has_note_tables else None
    return NotePitches.of(encoder.schema, grammar, tables)


def _values(field: Field) -> int:
    """Return the number of values that a column of a field may have."""
    return 2 if field.kind == "bits" else field.n
