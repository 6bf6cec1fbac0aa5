"""The heads of a compiled runner as arrays (step_kernels.py, rows_kernels.py, head_kernels.py).

Letters as there: D width of the hidden vector, K decisions, W width of a head, N the choices of all
decisions side by side, R rows of the tables, X references of all fields, F fields with hints.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.head_options import HeadKind, HeadOptions
from howlkit.network.input_state import CLASSES, KEPT, first_values
from howlkit.network.note_places import NotePlaces
from howlkit.network.note_spans import NoteSpans
from howlkit.network.references import References
from howlkit.network.repeat_scores import SCORES
from howlkit.network.vote_fields import VoteFields
from howlkit.sampling.compiled_embedding import EmbeddedValues
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.compiled_running import begun_pitches
from howlkit.sampling.compiled_votes import vote_rows, vote_weights
from howlkit.sampling.stored_network import NamedWeights
from howlkit.schema import Field, Schema

__all__ = ["KINDS", "HeadArrays"]

Array = NDArray[np.float32]

KINDS: tuple[HeadKind, ...] = (
    "softmax", "logistics", "squared", "bits chained", "bits independent"
)  # fmt: skip
"""In the order of head_kernels.py."""


class HeadArrays:
    """The weights of the heads.

    from_hidden: (K W, D), the linear map from the hidden vector to the inputs of all heads; skip:
    (K W, .), from what reaches them around the backbone; bias: (K W,). added: (R, K W) what a
    decided value gives to the heads after it; empty if heads are independent. out and out_bias: the
    last layers of all heads, rows[k] .. rows[k + 1] of decision k. For a softmax these are one for
    each value, then 2 n - 1 for the distance from each reference, 12 P for the profiles of
    pitch classes, one for the gain of votes, one for that of the pulse, one for that of keys that
    sound, and one for the trust in a hint.
    is_plain: for each decision, whether it is a softmax of its last layer. of_heads: what other
    heads need (`_of_heads`); None if there are no others.
    """

    def __init__(
        self,
        schema: Schema,
        heads: HeadOptions,
        weights: NamedWeights,
        fields: FieldArrays,
        embedded: EmbeddedValues,
        width: int,
    ) -> None:
        """Take the weights of the heads. width: D. UnsuitedError if they do not fit."""
        self._schema, self._heads = schema, heads
        self._begun = {}  # by field, the pitch that each value begins
        if heads.intervals or heads.scored_profiles:
            self._begun = begun_pitches(schema).pitches
        self.width, decisions = heads.width, schema.decisions
        inputs, around = len(decisions) * heads.width, heads.width_skip(schema)
        both, self.bias = weights.linear("from_hidden", inputs, width + around)
        self.from_hidden = np.ascontiguousarray(both[:, :width])
        self.skip = both[:, width:]
        self.added = np.zeros((0, 0), np.float32)
        if heads.chained:
            from_fields = weights.take("from_fields", inputs, embedded.width)
            self.added = self._added(fields, embedded, from_fields, weights)
        self._voted = VoteFields(schema, heads) if heads.votes else None
        self._places = NotePlaces(schema, "heads.pulse") if heads.pulse else None
        self._references = References(schema, heads.related(schema), chained=heads.chained)
        layers = [self._last_layer(field, weights) for field in decisions]
        self.out = np.concatenate([weight for weight, _ in layers])
        self.out_bias = np.concatenate([bias for _, bias in layers])
        self.rows = np.cumsum([0, *(len(bias) for _, bias in layers)])
        self.around: slice | None = None  # where what reaches heads around the backbone lies
        if around:
            self.around = slice(width, width + inputs)
        self.of_heads = self._of_heads(fields, weights, width)
        self.is_plain = [
            heads.kind(field) == "softmax" and self.rows[k + 1] - self.rows[k] == field.n
            for k, field in enumerate(decisions)
        ]

    def _added(
        self, fields: FieldArrays, embedded: EmbeddedValues, from_fields: Array,
        weights: NamedWeights,
    ) -> Array:  # fmt: skip
        """Return (R, K W): what a decided value gives to the heads after it, a bit to its own."""
        added = np.zeros((fields.rows, len(from_fields)), np.float32)
        for k, field in enumerate(self._schema.decisions):
            begin = fields.start[fields.column[k]]
            here, behind = slice(begin, begin + field.n), slice((k + 1) * self.width, None)
            part = from_fields[behind, embedded.slices[field.name]]
            added[here, behind] = embedded.values[field.name] @ part.T
            if self._heads.kind(field) == "bits chained":
                own = slice(k * self.width, (k + 1) * self.width)
                added[here, own] = weights.take(f"{_head(field)}.on", field.n, self.width)
        return added

    def _last_layer(self, field: Field, weights: NamedWeights) -> tuple[Array, Array]:
        """Return the last layer of a field's head, and what it has for references and hints."""
        name, n, heads = _head(field), field.n, self._heads
        sizes = {
            "softmax": n, "logistics": 3 * heads.components, "squared": 1,
            "bits chained": n + 1, "bits independent": n,
        }  # fmt: skip
        out, bias = weights.linear(f"{name}.out", sizes[heads.kind(field)], self.width)
        more = []
        if count := self._references.count(field) + self._is_scored(field, heads.intervals):
            rows = count * (2 * n - 1)
            more.append(weights.take(f"{name}.relative.weight", rows, self.width))
        if self._is_scored(field, bool(heads.scored_profiles)):
            rows = CLASSES * heads.scored_profiles
            more.append(weights.take(f"{name}.intervals.weight", rows, self.width))
        biases = [bias, *(np.zeros(len(rows), np.float32) for rows in more)]
        if self._takes_votes(field):
            gain, its_bias = weights.linear(f"{name}.gain", 1, self.width)
            more.append(gain)
            biases.append(its_bias)
        if self._takes_pulse(field):
            gain, its_bias = weights.linear(f"{name}.pulse", 1, self.width)
            more.append(gain)
            biases.append(its_bias)
        if self._takes_held(field):
            gain, its_bias = weights.linear(f"{name}.held", 1, self.width)
            more.append(gain)
            biases.append(its_bias)
        if self._is_hinted(field):
            more.append(weights.take(f"{name}.trust.weight", 1, self.width))
            biases.append(np.zeros(1, np.float32))
        return np.concatenate((out, *more)), np.concatenate(biases)

    def _is_scored(self, field: Field, option: bool) -> bool:
        """Return whether the head scores the notes that a field's values begin, by an option."""
        return option and self._heads.kind(field) == "softmax" and field.name in self._begun

    def _takes_votes(self, field: Field) -> bool:
        return self._voted is not None and self._voted.has(field.name)

    def _takes_pulse(self, field: Field) -> bool:
        is_softmax = self._heads.kind(field) == "softmax"
        return is_softmax and self._places is not None and field.name in self._places.pulsed

    def _takes_held(self, field: Field) -> bool:
        return self._is_scored(field, self._heads.held)

    def _is_hinted(self, field: Field) -> bool:
        return bool(self._heads.repeats) and field in self._heads.hinted(self._schema)

    def _of_heads(
        self, fields: FieldArrays, weights: NamedWeights, width: int
    ) -> tuple[NDArray[Any], ...] | None:
        """Return what heads need that are no mere softmax; None if there are none.

        plan (K, 10): of each decision the kind of its head, its column, the first and the last row
        of its last layer, the first and the last of its references, its place among the hints,
        which of the tables has the pitch classes of its values, -1 for none, whether its logits
        are raised by the pulse, and which of the tables has the pitches of its values if they
        change for keys that sound, -1 if not. references (X, 5), as `_reference_rows`. tables: the
        pitch class of each value, or its pitch, or the value that begins each pitch; -1 for none.
        bonus (F, ., F + 1), of the hints. shifts (S, 1 + n): a column, and how many positions
        later a note begins for each of its values. votes (C, 3)
        and vote_weights (2, .), as in compiled_votes.py. beside, as `_beside`.
        """
        heads, decisions = self._heads, self._schema.decisions
        kinds = [KINDS.index(heads.kind(field)) for field in decisions]
        hinted = [field for field in decisions if self._is_hinted(field)]
        bonus = np.zeros((0, 0, 0), np.float32)
        if heads.repeats:
            shape = len(hinted), len(SCORES[heads.repeats_by]) + 1, len(hinted) + 1
            bonus = weights.take("hints.bonus", *shape)
        scored = [f for f in decisions if self._is_scored(f, bool(heads.scored_profiles))]
        references = [self._reference_rows(field) for field in decisions]
        last = self._before_profiles + CLASSES * heads.scored_profiles  # the pitch begun last
        tables: list[list[int]] = []
        for rows, field in zip(references, decisions, strict=True):
            if self._is_scored(field, heads.intervals):
                rows.append((last, -1, 0, -1, len(tables)))
                tables.append(first_values(self._begun[field.name].tolist()))
        classes = {field.name: len(tables) + index for index, field in enumerate(scored)}
        for field in scored:
            pitches = self._begun[field.name]
            tables.append(np.where(pitches >= 0, pitches % CLASSES, -1).tolist())
        held = {}
        for field in (each for each in decisions if self._takes_held(each)):
            held[field.name] = len(tables)
            tables.append(self._begun[field.name].tolist())
        flat = [row for rows in references for row in rows]
        pulsed = [self._takes_pulse(field) for field in decisions]
        others = any(kinds) or flat or hinted or scored or any(pulsed)
        if not others and self.around is None:
            return None
        stops = np.cumsum([len(rows) for rows in references])
        plan = (
            kinds,
            fields.column,
            self.rows[:-1],
            self.rows[1:],
            stops - [len(rows) for rows in references],
            stops,
            [hinted.index(field) if field in hinted else -1 for field in decisions],
            [classes.get(field.name, -1) for field in decisions],
            pulsed,
            [held.get(field.name, -1) for field in decisions],
        )
        width_of_tables = max(map(len, tables), default=0)
        padded = [table + [-1] * (width_of_tables - len(table)) for table in tables]
        return (
            np.array(plan).T.copy(),
            np.array(flat, np.int64).reshape(-1, 5),
            np.array(padded, np.int64).reshape(len(tables), width_of_tables),
            bonus,
            self._shifts(),
            vote_rows(self._schema, self._voted),
            vote_weights(weights, self._voted, heads.repeats_lag),
            self._beside(width),
        )

    @property
    def _before_profiles(self) -> int:
        """The numbers between what reaches heads around the backbone and the profiles."""
        return len(self._references.in_suffix) if self._references.fields else 0

    def _beside(self, width: int) -> NDArray[np.int64]:
        """Return where what lies beside a hidden vector (D,) begins, and other numbers.

        Where lies what reaches heads around the backbone, -1 for nothing; the references; the
        profiles; the hints; the number of profiles; whether heads are chained; where lie the notes
        that sound, -1 for none; what votes are counted from; the positions of a half beat; where
        lie the shares of places in a beat; and how many there are.
        """
        heads, voted = self._heads, self._voted
        around = -1 if self.around is None else self.around.start
        in_suffix = width if self.around is None else self.around.stop
        profiles = in_suffix + self._before_profiles
        heard = profiles + CLASSES * heads.scored_profiles + heads.intervals
        pulse = heard + 2 * KEPT * heads.sounding
        period = 0 if self._places is None else self._places.period
        votes = pulse + period
        hints = votes if voted is None else votes + voted.width
        # Independent heads know no shift, and so only what sounds at the last onset.
        heard = heard if heads.sounding and heads.chained else -1
        unit = 1 if voted is None else voted.places.unit
        numbers = heads.scored_profiles, int(heads.chained), heard, votes, unit, pulse, period
        return np.array((around, in_suffix, profiles, hints, *numbers))

    def _shifts(self) -> NDArray[np.int64]:
        """Return (S, 1 + n): the columns of shifts, and what each of their values adds."""
        if self._voted is not None:
            shifts = self._voted.places.shifts
        elif self._places is not None:
            shifts = self._places.shifts
        elif self._heads.sounding:
            shifts = NoteSpans(self._schema, "heads.sounding").shifts
        else:
            return np.zeros((0, 1), np.int64)
        names = [column.name for column in self._schema.columns]
        found = np.zeros((len(shifts), 1 + max(map(len, shifts.values()))), np.int64)
        for row, (name, values) in zip(found, shifts.items(), strict=True):
            row[0], row[1 : 1 + len(values)] = names.index(name), values
        return found

    def _reference_rows(self, field: Field) -> list[tuple[int, ...]]:
        """Return the references of a field, in the order of its weights.

        Each is its index among those to the step before, or -1; a column of this step, or -1, and a
        number to add; the reference to the step before that is taken where the column is 0; and for
        a pitch, which table has the value that begins it, -1 for a value.
        """
        references = self._references
        if not references.count(field):
            return []
        names = [column.name for column in self._schema.columns]
        rows: list[tuple[int, ...]] = [
            (index, -1, 0, -1, -1) for index in references.before[field.name]
        ]
        for name, more in references.in_step[field.name]:
            otherwise = (*references.before[name], -1)[0]
            rows.append((-1, names.index(name), more, otherwise, -1))
        return rows


def _head(field: Field) -> str:
    """Return the name of a field's head among the weights (`embedding.key_of`)."""
    return f"out.of_{field.name}"
