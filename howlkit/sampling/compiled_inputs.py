"""The arrays by which a compiled runner takes in steps (`input_kernels.enter`).

Everything that a network is given of a step is a sum of rows of tables: its own values, and, with
`heads.repeats`, those of the step that followed an earlier passage, and how good that passage was.
Inputs that are counted from step to step (compiled_running.py) have rows of their own behind these.

What the heads need of a step besides the hidden vector lies behind it, `beside` it, as numbers:

    K W      what reaches the inputs of the heads around the backbone (`skip`, `repeats`)
    P        the values that fields of the next step are relative to, -1 where there is none
    12 P     the profiles of pitch classes, those of what sounds at the last onset behind the others
    1        the pitch begun last, with `intervals`
    2 KEPT   the last notes, by pitch class, and how long they still sound, with `sounding`
    D        the shares of the places in a beat, from that of the last note on, with `pulse`
    W        how good each lag is, and what was heard, with `votes` (repeat_kernels.take_heard)
    1 + F    how good the passage was, and its values of the fields with hints, -1 for none

Letters as in input_kernels.py.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.head_options import HeadOptions
from howlkit.network.note_places import LAGS, NotePlaces
from howlkit.network.references import References
from howlkit.network.repeat_scores import (
    KEYS_AND_SCORES,
    NOWHERE,
    PREFIX,
    REACH,
    SCORES,
    compared_fields,
)
from howlkit.network.vote_fields import VoteFields
from howlkit.sampling.compiled_embedding import EmbeddedValues
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.compiled_running import RunningInputs
from howlkit.sampling.stored_network import NamedWeights
from howlkit.schema import Schema

__all__ = ["InputTables", "PassageSearch"]

PASSAGES = PREFIX + "state"
"""The name of the search's part of a state (B, bytes), as repeat_kernels.py has it."""

Array = NDArray[np.float32]
State = dict[str, NDArray[Any]]


class InputTables:
    """The tables of everything that a step gives to a network, and what lies beside hidden vectors.

    tables: (R, G) what each value gives to the backbone, and entry_bias (G,). around: (R, K W) what
    it gives to the inputs of the heads around the backbone, and around_bias (K W,); empty if
    nothing does. before: (P, 2), the references to the step before: a column, and a number to add.
    search: the search for earlier passages; None: there is none. width: the numbers that lie beside
    a hidden vector.
    """

    def __init__(
        self,
        schema: Schema,
        heads: HeadOptions,
        weights: NamedWeights,
        fields: FieldArrays,
        embedded: EmbeddedValues,
        entry: Array,
        entry_bias: Array,
        skip: Array,
        skip_bias: Array,
    ) -> None:
        """Make the tables.

        entry, entry_bias: (G, D in), (G,), the first linear map of the backbone. skip: (K W, .),
        the linear map from what reaches the heads around the backbone to their inputs; skip_bias:
        (K W,), their bias.
        """
        inner = heads.width_embedded(schema)
        around = np.zeros((len(skip), heads.width_in(schema)), np.float32)
        around[:, around.shape[1] - skip.shape[1] :] = skip
        entering, reaching = entry, around
        if heads.input:
            narrow, bias = weights.linear("narrow", heads.input, inner)
            entry, entry_bias = entry @ narrow, entry_bias + entry @ bias
            around, skip_bias = around @ narrow, skip_bias + around @ bias
        scores = np.zeros((0, 0), np.float32)
        self.search = None
        if heads.repeats:
            scores = weights.take(
                "hints.scores.weight", len(SCORES[heads.repeats_by]) + 1, heads.embedding
            )
            self.search = PassageSearch(schema, heads, fields)
        self.tables = _through(entry, fields, embedded, scores)
        self.running = RunningInputs.of(schema, heads, weights, fields, len(self.tables))
        if self.running is not None:
            self.tables = np.concatenate((self.tables, self.running.rows @ entering.T))
        self.entry_bias = entry_bias
        self.around, self.around_bias = np.zeros((0, 0), np.float32), skip_bias
        if skip.shape[1]:
            self.around = _through(around, fields, embedded, scores)
            if self.running is not None:
                self.around = np.concatenate((self.around, self.running.rows @ reaching.T))
        self.before = self._references(schema, heads)
        self.width = self.around.shape[1] + len(self.before)
        if self.running is not None:
            self.width += self.running.width
        if self.search is not None:
            self.width += self.search.width
        self.entering = (
            self.tables, self.entry_bias, self.around, self.around_bias, self.before
        )  # fmt: skip

    def start(self, rows: int) -> State:
        """Return what B rows have in their state, besides the backbone's, before any step."""
        parts = (self.search, self.running)
        return {k: v for part in parts if part is not None for k, v in part.start(rows).items()}

    def next(self, state: State) -> tuple[State, State, Any, Any]:
        """Return the backbone's state, the rest of the next one, and two arguments of the kernel.

        The kernel writes the next state.
        """
        after: State = {}
        search = running = None
        if self.search is not None:
            after, search = self.search.next(state)
        if self.running is not None:
            counts, running = self.running.next(state)
            after = after | counts
        if after:
            state = {name: part for name, part in state.items() if name not in after}
        return state, after, search, running

    @staticmethod
    def _references(schema: Schema, heads: HeadOptions) -> NDArray[np.int64]:
        """Return (P, 2): the references to the step before."""
        references = References(schema, heads.related(schema), chained=heads.chained)
        names = [field.name for field in schema.columns]
        found = references.in_suffix if references.fields else []
        pairs = [(names.index(name), more) for name, more in found]
        return np.array(pairs, np.int64).reshape(-1, 2)


class PassageSearch:
    """The search for earlier passages: what it compares, and its state.

    hinted: (F,) the columns whose values are hints. width: the numbers that lie beside a hidden
    vector for it. The kernel gets the lowest score of each class of passages from 1 on, too. A
    search by beats needs more: what one more in a column adds to the rank of a note (C,), the
    columns of shifts (S,), and what each of their values adds to the onset (S, n); of `NotePlaces`,
    as are two numbers, unit and span. With votes it gets a flag, and the columns of details (D,).
    """

    def __init__(self, schema: Schema, heads: HeadOptions, fields: FieldArrays) -> None:
        names = [field.name for field in schema.columns]
        self._by_beats = heads.repeats_by == "beats"
        places = NotePlaces(schema, "heads.repeats_by=beats") if self._by_beats else None
        shifts = {} if places is None else places.shifts
        compared = [
            names.index(field.name)
            for field in compared_fields(schema, heads.repeats)
            if field.name not in shifts
        ]
        self.hinted = np.array(
            [names.index(field.name) for field in heads.hinted(schema)], np.int64
        )
        whole = heads.skip or bool(heads.input)  # whether the step goes around a backbone too
        lag = min(heads.repeats_lag, LAGS if self._by_beats else REACH)
        scale = (1, 1) if places is None else (places.unit, places.span)
        numbers = (
            *(lag, fields.rows - 1, 2 * fields.rows - 1, whole, self._by_beats, *scale),
            heads.votes,
        )
        voted = VoteFields(schema, heads) if heads.votes else None
        details = () if voted is None else voted.details
        self._fixed: tuple[NDArray[Any], ...] = (
            np.array(compared, np.int64),
            self.hinted,
            np.array(numbers, np.int64),
            np.array(SCORES[heads.repeats_by], np.float32),
            *_places(names, places),
            np.array([names.index(name) for name in details], np.int64),
        )
        self.width = 1 + len(self.hinted) + (0 if voted is None else voted.width)
        self._series = 0 if voted is None else 1 + len(details)
        self._size = schema.dtype.itemsize

    def start(self, rows: int) -> State:
        """Return the state of B rows before their first step: nothing to find."""
        first = 24 * REACH + 4 * LAGS if self._by_beats else REACH * KEYS_AND_SCORES
        begin = first + REACH * self._size
        state = np.zeros((rows, begin + 4 * REACH * self._series), np.uint8)
        state[:, begin:] = 255  # as integers, -1: nothing was heard
        state[:, : 8 * REACH] = 255  # as an integer, -1: no step has that key
        if self._by_beats:
            state[:, 8 * REACH : 16 * REACH].view(np.int64)[:] = NOWHERE
        return {PASSAGES: state}

    def next(self, state: State) -> tuple[State, tuple[NDArray[Any], ...]]:
        """Return the next state, which the kernel writes, and what it is given."""
        before = state[PASSAGES]
        after = np.empty_like(before)
        return {PASSAGES: after}, (*self._fixed, before, after)


def _places(names: list[str], places: NotePlaces | None) -> tuple[NDArray[Any], ...]:
    """Return what `PassageSearch` says of a search by beats; nothing for None."""
    shifts = {} if places is None else places.shifts
    ranked = {} if places is None else places.ranked
    adds = np.full((len(shifts), max(map(len, shifts.values()), default=1)), -1, np.int64)
    for row, values in zip(adds, shifts.values(), strict=True):
        row[: len(values)] = values
    return (
        np.array([ranked.get(name, 0) for name in names], np.int64),
        np.array([names.index(name) for name in shifts], np.int64),
        adds,
    )


def _through(matrix: Array, fields: FieldArrays, embedded: EmbeddedValues, scores: Array) -> Array:
    """Return (R, G): what each value gives by a matrix (G, .) of an embedded step.

    scores: (., width) the embeddings of how good a passage was. If there are any, the columns go on
    with the embedding of the step that followed it, and with these; so do the rows.
    """
    steps = 2 if len(scores) else 1
    table = np.zeros((steps * (fields.rows - 1) + 1 + len(scores), len(matrix)), np.float32)
    for number in range(steps):
        for name, begin in fields.first_row.items():
            values, where = embedded.values[name], embedded.slices[name]
            first = begin + number * (fields.rows - 1)
            part = matrix[:, number * embedded.width :][:, where]
            table[first : first + len(values)] = values @ part.T
    if len(scores):
        table[-len(scores) :] = scores @ matrix[:, 2 * embedded.width :].T
    return table
