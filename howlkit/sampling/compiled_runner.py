"""A network stepped by compiled code, on the CPU and in float32: a `Runner` around a backbone.

A model brings its backbone's step (`CompiledBackbone`); the fields and the heads around it are
here. Where a grammar allows one value only, the head of the field is not computed at all.

One row is stepped by kernels alone, several with torch's products of matrices between them.
Shapes and letters as in step_kernels.py; S numbers lie beside a hidden vector (compiled_inputs.py).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling import (
    drawing_kernels,
    head_kernels,
    rows_kernels,
    step_kernels,
)
from howlkit.sampling.compiled_backbone import CompiledBackbone, multiply
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.compiled_reading import StepReader
from howlkit.sampling.compiled_weights import OuterWeights
from howlkit.sampling.field_draws import draw_field
from howlkit.sampling.logits import NOT_A_NUMBER, SamplingParams
from howlkit.sampling.rule_arrays import Judged, rules_of_row
from howlkit.sampling.runner import Mask, Stepping
from howlkit.sampling.stored_network import NamedWeights, StoredNetwork
from howlkit.schema import MARK, START, Field, Steps

__all__ = ["CompiledRunner"]

FEW = 8
"""So many of several rows are decided one by one, if the map to the heads is there already."""

Array = NDArray[np.float32]
State = dict[str, NDArray[Any]]


_Deciding = tuple[
    NDArray[np.int64], NDArray[np.bool_], Array, Array, NDArray[np.bool_], Array, Array
]
"""The arrays of `_Scratch` that a kernel takes to decide the step of one row."""


class _Scratch:
    """Scratch arrays for B rows."""

    def __init__(self, rows: int, fields: FieldArrays, weights: OuterWeights) -> None:
        columns, choices, heads = len(fields.place), fields.begin[-1], weights.heads
        self.values = np.zeros((rows, columns), np.int64)
        self.active = np.zeros((rows, columns), np.bool_)
        self.tied = np.zeros(rows, np.bool_)
        self.head_inputs = np.zeros((rows, len(heads.bias)), np.float32)
        self.outputs = np.zeros(rows * int(np.diff(heads.rows).max()), np.float32)
        self.logits = np.zeros(rows * choices, np.float32)
        self.weights = np.zeros(choices, np.float32)
        self.activated = np.zeros((rows, heads.width), np.float32)
        self.nothing = np.zeros(heads.width, np.float32)
        # What the map from a hidden vector to the heads gives, and for which decisions it is there.
        self.mapped = np.zeros((len(fields.column), rows, heads.width), np.float32)
        self.is_mapped = np.zeros(len(fields.column), np.bool_)
        # Those for deciding field by field.
        self.allowed = np.zeros((rows, choices), np.bool_)
        self.least = np.zeros((rows, len(fields.column)), np.int64)
        self.uniforms = np.zeros((rows, len(fields.column)))
        self.everywhere = np.ones(rows, np.bool_)
        self._single = (
            self._of_row(0, self.mapped.reshape(-1), self.is_mapped) if rows == 1 else None
        )

    def deciding(self, row: int) -> _Deciding:
        """Return those that a kernel takes to decide the step of one row."""
        # Of many rows, what is mapped is mapped in all of them: what one row adds is not kept.
        return self._single or self._of_row(
            row, self.mapped[:, row].reshape(-1), self.is_mapped.copy()
        )

    def _of_row(self, row: int, mapped: Array, is_mapped: NDArray[np.bool_]) -> _Deciding:
        of_row = self.values[row], self.active[row], self.head_inputs[row]
        return *of_row, mapped, is_mapped, self.logits, self.weights


class CompiledRunner:
    """A `Runner` of a network in compiled code; hidden is an array (B, D + S).

    stored: the network. backbone: has taken its weights from `weights`; here the others are taken.
    Raises UnsuitedError for weights that do not fit.
    """

    name: Stepping = "compiled"
    needs_torch = False

    def __init__(
        self, stored: StoredNetwork, weights: NamedWeights, backbone: CompiledBackbone
    ) -> None:
        self.schema, self._backbone = stored.schema, backbone
        self._fields = fields = FieldArrays(stored.schema)
        self._weights = OuterWeights(
            stored, weights, fields, backbone.entry, backbone.entry_bias, backbone.width
        )
        weights.check_all_taken()
        heads = self._weights.heads
        self._possible = np.ones(fields.begin[-1], np.bool_)
        self._possible[START] = False  # `mark` comes first; a start is never predicted
        self._position = {field.name: k for k, field in enumerate(self.schema.decisions)}
        self._of_heads = heads.of_heads
        self._heads = (
            heads.from_hidden,
            heads.bias,
            heads.added,
            heads.out,
            heads.out_bias,
            fields.begin,
        )
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Drop everything that steps write to."""
        self._reader = StepReader(self._fields, self._weights.inputs, self._backbone)
        self._scratches: dict[int, _Scratch] = {}
        self._table: tuple[SamplingParams, NDArray[np.float64]] | None = None
        self._mapped_of: Array | None = None  # the hidden vectors of `_Scratch.mapped`
        self._by_logits = False  # whether the step is decided by whoever asks for logits

    def twin(self) -> CompiledRunner:
        """As `Runner.twin`."""
        twin = copy.copy(self)
        twin._begin_anew()
        return twin

    def _scratch(self, rows: int) -> _Scratch:
        scratch = self._scratches.get(rows)
        if scratch is None:
            scratch = self._scratches[rows] = _Scratch(rows, self._fields, self._weights)
        return scratch

    def start(self, steps: Steps) -> tuple[State, Array]:
        """As `Runner.start`."""
        self._mapped_of = None
        return self._reader.start(steps)

    def read(
        self, steps: Steps, state: State, hidden: Array, lengths: NDArray[np.int64]
    ) -> tuple[State, Array]:
        """As `Runner.read`."""
        self._mapped_of = None  # the vector after these steps may lie where the one before did
        return self._reader.read(steps, state, hidden, lengths)

    def begin(self, hidden: Array, *, by_logits: bool = False) -> None:
        """As `Runner.begin`."""
        self._begin(hidden, by_kernel=False)
        self._by_logits = by_logits

    def _begin(self, hidden: Array, *, by_kernel: bool = True) -> None:
        """Begin a step; by_kernel: all of its decisions are made by `decide_row`, if of one row."""
        self._hidden, rows = hidden, len(hidden)
        scratch, heads = self._scratch(rows), self._weights.heads
        if self._mapped_of is not hidden:  # else the step is drawn again
            scratch.is_mapped[:], self._mapped_of = False, hidden
        if rows == 1 and by_kernel:
            return
        scratch.values[:], scratch.active[:], scratch.tied[:] = 0, False, True
        scratch.head_inputs[:] = heads.bias if heads.around is None else hidden[:, heads.around]

    def logits(self, field: Field) -> NDArray[np.float64]:
        """As `Runner.logits`; `accept` then takes in what is decided by them."""
        self._by_logits = True
        k, rows, scratch = (
            self._position[field.name],
            len(self._hidden),
            self._scratch(len(self._hidden)),
        )
        a, b = self._fields.begin[k : k + 2]
        if rows == 1:
            logits = scratch.logits[None, a:b]
            step_kernels.row_logits(
                k, a, self._hidden[0], self._weights.heads.from_hidden, scratch.head_inputs[0],
                *self._heads[3:5], scratch.values[0], scratch.active[0], scratch.activated[0],
                scratch.mapped.reshape(-1), scratch.is_mapped, logits[0], self._of_heads,
            )  # fmt: skip
        else:
            logits = self._rows_logits(k, scratch, scratch.everywhere)
        logits = logits.astype(np.float64)
        if field is MARK:
            logits[:, START] = -np.inf
        return logits

    def sample_field(
        self,
        field: Field,
        step: Steps,
        active: Mask,
        allowed: Mask,
        uniforms: NDArray[np.float64],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
        judged: Judged | None = None,
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """As `Runner.sample_field`."""
        if functions or (judged is not None and judged.arrays is None):
            return draw_field(
                field, self.logits(field), step, active, allowed, uniforms, params, functions,
                judged,
            )  # fmt: skip
        k, scratch = self._position[field.name], self._scratch(len(step))
        scratch.allowed[:, self._fields.begin[k] : self._fields.begin[k + 1]] = allowed
        scratch.uniforms[:, k] = uniforms
        step_mask = StepMask(scratch.allowed, scratch.least)
        rules = None if judged is None else judged.arrays
        self._decide(k, k + 1, step, active, step_mask, scratch.uniforms, params, rules)
        return scratch.values[:, self._fields.column[k]].copy(), scratch.uniforms[:, k].copy()

    def accept(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """As `Runner.accept`; what `sample_field` drew by a kernel, it has taken in already."""
        if not self._by_logits:
            return
        k, scratch, heads = self._position[field.name], self._scratch(len(values)), self._heads
        rows_kernels.accept(
            k, values, active, heads[2], self._fields.column, self._fields.start,
            field.choices - 1, scratch.values, scratch.active, scratch.head_inputs,
            self._weights.heads.width, self._of_heads,
        )  # fmt: skip

    def sample_step(
        self,
        hidden: Array,
        step: Steps,
        going: Mask,
        step_mask: Callable[[], StepMask | None],
        uniforms: NDArray[np.float64],
        params: SamplingParams,
        judged: Judged | None = None,
    ) -> bool:
        """As `Runner.sample_step`; returns True if the grammar gives a mask of the whole step."""
        if judged is not None and judged.arrays is None:
            return False
        mask = step_mask()
        if mask is None:
            return False
        self._begin(hidden)
        rules = None if judged is None else judged.arrays
        self._decide(0, len(self._position), step, going, mask, uniforms, params, rules)
        return True

    def nats(self, hidden: Array, steps: Steps, rows: Mask) -> NDArray[np.float64]:
        """As `Runner.nats`."""
        records, nats = steps[:, None].view(np.uint8), np.zeros(len(steps))
        for row in np.flatnonzero(rows).tolist():
            nats[row] = step_kernels.price_row(
                hidden[row], *self._heads, *self._fields.deciding, *self._fields.writing,
                self._possible, records[row], self._of_heads,
            )  # fmt: skip
        return nats

    def _decide(
        self,
        first: int,
        stop: int,
        step: Steps,
        going: Mask,
        step_mask: StepMask,
        uniforms: NDArray[np.float64],
        params: SamplingParams,
        rules: tuple[NDArray[Any], ...] | None,
    ) -> None:
        """Make the decisions first .. stop - 1 in the rows that are going (B,).

        In uniforms (B, K), the probabilities with which the values were drawn take the places of
        the numbers that they were drawn by.
        """
        records = step[:, None].view(np.uint8)
        table = self._params_table(params)
        if len(step) == 1:
            if going[0]:
                self._decide_row(0, first, stop, records, step_mask, uniforms, table, rules)
            return
        few = np.flatnonzero(going)
        if (
            len(few) <= FEW
            and stop - first == len(self._position)
            and self._scratch(len(step)).is_mapped.any()
        ):
            for row in few.tolist():  # drawn again: a product for all rows would be a waste
                own = None if rules is None else rules_of_row(rules, row)
                self._decide_row(row, first, stop, records, step_mask, uniforms, table, own)
            return
        for k in range(first, stop):
            self._decide_rows(k, records, going, step_mask, uniforms, table, rules)

    def _decide_row(
        self,
        row: int,
        first: int,
        stop: int,
        records: NDArray[np.uint8],
        step_mask: StepMask,
        uniforms: NDArray[np.float64],
        table: NDArray[np.float64],
        rules: tuple[NDArray[Any], ...] | None,
    ) -> None:
        """Make the decisions first .. stop - 1 in one row; rules: of this row alone."""
        scratch = self._scratch(len(records))
        fault = step_kernels.decide_row(
            first, stop, self._hidden[row], *self._heads, *self._fields.deciding,
            *self._fields.writing, step_mask.allowed[row], step_mask.least[row], uniforms[row],
            table, records[row], *scratch.deciding(row), rules, self._of_heads,
        )  # fmt: skip
        self._refuse(fault)

    def _decide_rows(
        self,
        k: int,
        records: NDArray[np.uint8],
        going: Mask,
        step_mask: StepMask,
        uniforms: NDArray[np.float64],
        table: NDArray[np.float64],
        rules: tuple[NDArray[Any], ...] | None,
    ) -> None:
        """Make decision k of many rows."""
        heads, scratch = self._weights.heads, self._scratch(len(records))
        a, b = self._fields.begin[k : k + 2]
        allowed = step_mask.allowed[:, a:b]
        if rows_kernels.settled(
            k, going, *self._fields.deciding[:3], allowed, step_mask.least,
            scratch.values, scratch.active, scratch.tied,
        ):  # fmt: skip
            logits = scratch.logits[: len(records) * (b - a)].reshape(len(records), b - a)
        else:
            logits = self._rows_logits(k, scratch, going)
        fault = rows_kernels.decide_field(
            k, logits, going, heads.added, *self._fields.deciding, *self._fields.writing, allowed,
            step_mask.least, uniforms, table, records, scratch.values, scratch.active,
            scratch.tied, scratch.head_inputs, heads.width, scratch.weights[: b - a], rules,
            self._of_heads,
        )  # fmt: skip
        self._refuse(fault)

    def _rows_logits(self, k: int, scratch: _Scratch, going: Mask) -> Array:
        """Return (B, n): the logits of decision k of many rows, in those that are going."""
        heads, rows = self._weights.heads, len(going)
        n = int(self._fields.begin[k + 1] - self._fields.begin[k])
        first, stop = heads.rows[k : k + 2]
        where = slice(k * heads.width, (k + 1) * heads.width)
        vectors = self._hidden[:, : self._backbone.width]
        if not scratch.is_mapped[k]:
            multiply(vectors, heads.from_hidden[where], scratch.nothing, scratch.mapped[k])
            scratch.is_mapped[k] = True
        logits = scratch.logits[: rows * n].reshape(rows, n)
        outputs = logits
        if not heads.is_plain[k]:
            outputs = scratch.outputs[: rows * (stop - first)].reshape(rows, stop - first)
        out, bias = heads.out[first:stop], heads.out_bias[first:stop]
        few = np.flatnonzero(going)
        if 2 * len(few) < rows:  # such as those that are drawn again
            activated = scratch.mapped[k][few]
            rows_kernels.gelus(scratch.head_inputs[few, where], 0, activated)
            small = np.empty((len(few), stop - first), np.float32)
            multiply(activated, out, bias, small)
            outputs[few] = small
        else:
            np.copyto(scratch.activated, scratch.mapped[k])
            rows_kernels.gelus(scratch.head_inputs, k * heads.width, scratch.activated)
            multiply(scratch.activated, out, bias, outputs)
        if outputs is not logits and self._of_heads is not None:
            head_kernels.finish_logits(
                k, self._hidden, outputs, going, scratch.values, scratch.active, logits,
                self._of_heads,
            )  # fmt: skip
        return logits

    def _params_table(self, params: SamplingParams) -> NDArray[np.float64]:
        """Return (K, 5): temperature, top_k, top_p, min_p, typical_p of each decision."""
        if self._table is None or self._table[0] is not params:
            of = [params.of(field.name) for field in self.schema.decisions]
            table = [(s.temperature, s.top_k, s.top_p, s.min_p, s.typical_p) for s in of]
            self._table = params, np.array(table, np.float64)
        return self._table[1]

    def _refuse(self, fault: int) -> None:
        """Raise HowlkitError for a fault that a kernel returned; 0: there is none."""
        if not fault:
            return
        k, kind = divmod(fault, 8)
        if kind == -drawing_kernels.NOT_A_NUMBER:
            raise HowlkitError(NOT_A_NUMBER)
        name = self.schema.decisions[k].name
        raise HowlkitError(
            f"the grammar allows no value at all for {name!r}; this is a fault of the encoder"
        )
