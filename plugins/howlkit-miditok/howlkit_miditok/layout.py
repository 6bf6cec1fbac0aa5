"""A tokenizer's vocabularies as the fields of a schema, and steps as MidiTok's ids and tokens.

A field's values are MidiTok's ids, as its tokenizer.json lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.music import DRUMS
from howlkit.note_choices import PossibleNotes
from howlkit.schema import Field, Schema, Steps
from howlkit_miditok.clock import Clock
from howlkit_miditok.rules import PITCHES, Token

__all__ = ["Layout", "layout"]

Ids = list[Any]
"""MidiTok's form of a sequence: for each step an id, or a list of ids."""

UNITS = {
    "token": "MidiTok token",
    "bar": "bar",
    "position": "position in the bar",
    "pitch": "MIDI pitch",
    "velocity": "velocity",
    "duration": "duration",
    "program": "MIDI program",
    "tempo": "beats a minute",
    "time_signature": "metre",
    "family": "bar, position or rest; or a note",
    "rest": "rest",
}
ORDERED = {"bar", "position", "pitch", "velocity", "duration", "tempo", "rest"}

# The fields that are decided first, where MidiTok's vocabularies have another order: time comes
# before program, and program before the rest of the note.
DECIDED = {
    "CPWord": ("family", "position", "time_signature", "tempo", "rest"),
    "Octuple": ("time_signature", "bar", "position"),
}
NOTE = ("program", "pitch", "velocity", "duration")
"""The fields of a note, in the order in which they are decided and notes are sorted."""


@dataclass(frozen=True)
class Layout:
    """The fields of a tokenizer, and the vocabulary of each.

    kind: "one" (a token a step), "CPWord", "Octuple" or "MuMIDI". columns: the index of each
    field's vocabulary in MidiTok, in the order in which fields are decided. tokens: the tokens of
    each value of each field; a learnt value has several. absent: the id that stands for nothing,
    for fields that have one.
    """

    kind: str
    schema: Schema
    columns: dict[str, int]
    tokens: dict[str, list[tuple[Token, ...]]]
    absent: dict[str, int]

    def steps(self, ids: Ids) -> Steps:
        """Return ids as steps, without start and end."""
        steps = self.schema.steps(len(ids))
        if self.kind == "one":
            steps["token"] = ids
            return steps
        width = len(self.columns)
        table = np.zeros((len(ids), width), np.int64)
        for row, values in zip(table, ids, strict=True):
            row[: len(values)] = values
        for name, column in self.columns.items():
            values = table[:, column]
            steps[name] = values
        for field in self.schema.decisions[1:]:
            steps[field.name][~self.schema.active(field, steps)] = 0
        return steps

    def read(self, rows: Steps) -> list[list[Token]]:
        """Return the tokens of each step in the order of time, program, rest of the note."""
        if self.kind == "one":
            return [list(self.tokens["token"][value]) for value in rows["token"].tolist()]
        found: list[list[Token]] = [[] for _ in range(len(rows))]
        for name in self._reading:
            values = self._present(name, rows)
            for tokens, value in zip(found, values, strict=True):
                if value >= 0:
                    tokens.append(self.tokens[name][value][0])
        return found

    def written(self, rows: Steps) -> list[list[str]]:
        """Return steps with several fields as MidiTok writes them, a token for each vocabulary."""
        table = [[""] * len(self.columns) for _ in range(len(rows))]
        for name, column in self.columns.items():
            texts, absent = self._texts[name], self.absent.get(name, -1)
            for row, value in zip(table, self._present(name, rows), strict=True):
                row[column] = texts[value if value >= 0 else absent]
        return [[token for token in row if token] for row in table]

    def _present(self, name: str, rows: Steps) -> list[int]:
        """Return the values of a field, -1 where it is inactive."""
        values: list[int] = np.where(
            self.schema.active(self.schema[name], rows), rows[name].astype(np.int64), -1
        ).tolist()
        return values

    @cached_property
    def _texts(self) -> dict[str, list[str]]:
        """The values of each field as MidiTok writes them; the last one is "", for no token."""
        return {
            name: [*("_".join(parts[0]) if parts else "" for parts in self.tokens[name]), ""]
            for name in self.columns
        }

    @cached_property
    def _reading(self) -> tuple[str, ...]:
        """The fields that `read` returns, in order; derived fields follow from them."""
        when: tuple[str, ...] = ("bar", "position", "time_signature", "tempo")
        if self.kind == "CPWord":
            when = ("rest", "position", "time_signature", "tempo")
        elif self.kind == "MuMIDI":
            when = ("token", "tempo")
        return tuple(of for of in (*when, *NOTE) if of in self.columns)

    @property
    def main(self) -> str:
        """The first field ("token", "family", "bar" ..): its values decide what else is allowed."""
        return self.schema.names[0]

    @cached_property
    def music(self) -> dict[str, NDArray[np.bool_]]:
        """Which values of each field are music, not padding and not an absence."""
        return {name: np.array([_is_music(p) for p in self.tokens[name]]) for name in self.columns}

    @cached_property
    def possible_notes(self) -> PossibleNotes:
        """The programs and pitches that there are tokens for; without programs there is one."""
        tokens = [token for values in self.tokens.values() for parts in values for token in parts]
        programs = {int(value) for kind, value in tokens if kind == "Program"} or {0}
        pitches = {int(value) for kind, value in tokens if kind in PITCHES}
        return PossibleNotes({DRUMS if n == -1 else n for n in programs}, pitches)

    @cached_property
    def bars(self) -> int:
        """The number of bars that have a token."""
        return sum(parts[0][1].isdigit() for parts in self.tokens["bar"])

    @cached_property
    def _ids(self) -> dict[str, dict[str, int]]:
        return {
            name: {parts[0][1]: n for n, parts in enumerate(self.tokens[name]) if _is_music(parts)}
            for name in ("bar", "position")
        }

    def derived(self, name: str, clock: Clock) -> int:
        """Return the bar or the position that MuMIDI writes in the step after `clock`."""
        if clock.bar < 0:
            return 0
        at = clock.bar if name == "bar" else clock.position
        return self._ids[name].get(str(at) if at >= 0 else "None", 0)


def _is_music(parts: tuple[Token, ...]) -> bool:
    """Say whether a value is music; a MuMIDI step without a position is."""
    if not parts:
        return False
    kind, value = parts[0]
    return kind in ("Bar", "PositionPosEnc") or value != "None"


def layout(tokenizer: Any, name: str) -> Layout:  # noqa: ANN401 - a MusicTokenizer
    """Return the layout of a tokenizer's steps; name: of its class."""
    if not tokenizer.is_multi_voc:
        values = _base_tokens(tokenizer)
        field = Field("token", len(values), unit=UNITS["token"])
        return Layout("one", Schema((field,)), {"token": 0}, {"token": values}, {})
    kind = name
    columns = _columns(tokenizer, kind)
    tokens = {of: _values(tokenizer.vocab[column]) for of, column in columns.items()}
    absent = {of: _absent(tokens[of]) for of in columns if _absent(tokens[of]) >= 0}
    fields = tuple(_field(kind, of, tokens) for of in columns)
    return Layout(kind, Schema(fields), columns, tokens, absent)


def _base_tokens(tokenizer: Any) -> list[tuple[Token, ...]]:  # noqa: ANN401
    """Return the tokens that each id stands for; () for ids that are not music."""
    size = len(tokenizer)
    made: list[tuple[Token, ...]] = [()] * size
    special = set(tokenizer.special_tokens) - {"Track_Start", "Track_End"}
    if tokenizer.is_trained:
        learnt = tokenizer._vocab_learned_bytes_to_tokens
        model = tokenizer._model.get_vocab()
        made = [()] * max(size, 1 + max(model.values()))
        written = {number: learnt.get(text, ()) for text, number in model.items()}
    else:
        written = {number: (token,) for token, number in tokenizer.vocab.items()}
    for number, tokens in written.items():
        if tokens and not any(token in special or "_" not in token for token in tokens):
            made[number] = tuple(_split(token) for token in tokens)
    return made


def _values(vocabulary: dict[str, int]) -> list[tuple[Token, ...]]:
    made: list[tuple[Token, ...]] = [()] * (1 + max(vocabulary.values()))
    for token, number in vocabulary.items():
        made[number] = (_split(token),)
    return made


def _split(token: str) -> Token:
    kind, _, value = token.partition("_")
    return kind, value


def _absent(tokens: list[tuple[Token, ...]]) -> int:
    return next((n for n, parts in enumerate(tokens) if parts[0] == ("Ignore", "None")), -1)


def _columns(tokenizer: Any, kind: str) -> dict[str, int]:  # noqa: ANN401
    """Return the vocabulary of each field, in the order in which fields are decided."""
    count = len(tokenizer.vocab)
    if kind == "MuMIDI":
        return _mumidi_columns(tokenizer, count)
    names = {of: column for of, column in tokenizer.vocab_types_idx.items() if column < count}
    known = {_named(of): column for of, column in names.items() if kind != "CPWord" or of != "Bar"}
    order = (*DECIDED[kind], *NOTE, *known)
    return {of: known[of] for of in order if of in known}


def _mumidi_columns(tokenizer: Any, count: int) -> dict[str, int]:  # noqa: ANN401
    columns = {"token": 0, "bar": 1, "position": 2}
    for of in ("Tempo", "Velocity", "Duration"):
        if of in tokenizer.vocab_types_idx:
            columns[_named(of)] = len(columns)
    if len(columns) != count:
        raise AssertionError(f"MuMIDI has {count} vocabularies, {len(columns)} are known")
    return columns


def _named(of: str) -> str:
    return {"TimeSig": "time_signature"}.get(of, of.lower())


def _field(kind: str, name: str, tokens: dict[str, list[tuple[Token, ...]]]) -> Field:
    """Return the field of a vocabulary, with the values that make it active."""

    def ids(of: str, *types: str) -> tuple[int, ...]:
        return tuple(n for n, parts in enumerate(tokens[of]) if parts[0][0] in types)

    when: tuple[str, tuple[int, ...]] | None = None
    n, unit = len(tokens[name]), UNITS.get(name, "")
    if kind == "CPWord":
        family = {v: n for n, parts in enumerate(tokens["family"]) for k, v in parts}
        if name == "position" or name in ("tempo", "time_signature", "rest"):
            when = ("family", (family["Metric"],))
        elif name != "family":
            when = ("family", (family["Note"],))
        for of, kinds in (("tempo", "Position"), ("time_signature", "Bar"), ("rest", "Ignore")):
            when = ("position", ids("position", kinds)) if name == of else when
    elif kind == "MuMIDI":
        if name in ("bar", "position"):
            return Field(name, n, unit=unit, derived=True)
        if name in ("velocity", "duration"):
            when = ("token", ids("token", "Pitch", "PitchDrum"))
    return Field(name, n, name in ORDERED, when, unit)
