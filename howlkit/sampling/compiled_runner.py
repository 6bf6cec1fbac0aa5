"""A network stepped by compiled code, on the CPU and in float32: a `Runner` around a backbone.

A model brings its backbone's step (`CompiledBackbone`); the fields and the heads around it are
here. Where a grammar allows one value only, the head of the field is not computed at all.

One row is stepped by kernels alone, several with torch's products of matrices between them.
Shapes and letters as in step_kernels.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling import drawing_kernels, kernels, step_kernels
from howlkit.sampling.compiled_weights import FieldArrays, OuterWeights, check_suited
from howlkit.sampling.logits import NOT_A_NUMBER, SamplingParams
from howlkit.sampling.rule_arrays import Judged
from howlkit.sampling.runner import Mask, Stepping
from howlkit.sampling.stored_network import NamedWeights, StoredNetwork
from howlkit.schema import START, Field, Steps

if TYPE_CHECKING:
    from howlkit.sampling.torch_runner import TorchRunner

__all__ = ["CompiledBackbone", "CompiledRunner", "multiply"]

Array = NDArray[np.float32]
State = dict[str, NDArray[Any]]


class CompiledBackbone(Protocol):
    """The step of a backbone in compiled code, with weights that do not change.

    entry, entry_bias: (G, D in), (G,), the linear map that an embedded step goes through first.
    width: D, the width of the hidden vectors that it returns.
    """

    entry: Array
    entry_bias: Array
    width: int

    def start(self, rows: int) -> State:
        """Return the state of B rows before their first step, arrays (B, ...) by name."""

    def step(self, x: Array, state: State, going: Mask) -> tuple[State, Array]:
        """Take in x (B, G), a step after the map `entry`; return the new state and hidden (B, D).

        `state` is not changed; x may be. Rows that are not going (B,) keep their state, and their
        hidden vector means nothing.
        """


class _Scratch:
    """Scratch arrays for B rows."""

    def __init__(self, rows: int, fields: FieldArrays, weights: OuterWeights) -> None:
        columns = len(fields.place)
        self.values = np.zeros((rows, columns), np.int64)
        self.active = np.zeros((rows, columns), np.bool_)
        self.tied = np.zeros(rows, np.bool_)
        self.index = np.zeros((rows, columns), np.int64)
        self.head_inputs = np.zeros((rows, len(weights.from_hidden)), np.float32)
        self.x = np.zeros((rows, weights.tables.shape[1]), np.float32)
        choices, width = weights.out.shape
        self.logits = np.zeros(rows * choices, np.float32)
        self.weights = np.zeros(choices, np.float32)
        self.activated = np.zeros((rows, width), np.float32)
        self.nothing = np.zeros(width, np.float32)
        # Those that a kernel takes to decide the step of a single row.
        self.deciding = (
            self.values[0],
            self.active[0],
            self.head_inputs[0],
            self.logits,
            self.weights,
        )
        # Those for deciding field by field.
        self.allowed = np.zeros((rows, choices), np.bool_)
        self.least = np.zeros((rows, len(fields.column)), np.int64)
        self.uniforms = np.zeros((rows, len(fields.column)))


class CompiledRunner:
    """A `Runner` of a network in compiled code; hidden is an array (B, D).

    stored: the network. backbone: has taken its weights from `weights`; here the others are taken.
    Functions on logits get their logits from torch, which loads the network for them.
    Raises UnsuitedError for fields, heads or weights that it has no code for.
    """

    name: Stepping = "compiled"
    needs_torch = False

    def __init__(
        self, stored: StoredNetwork, weights: NamedWeights, backbone: CompiledBackbone
    ) -> None:
        check_suited(stored.schema, stored.heads)
        self.schema, self._stored, self._backbone = stored.schema, stored, backbone
        self._fields = FieldArrays(stored.schema)
        self._weights = OuterWeights(
            stored, weights, backbone.entry, backbone.entry_bias, backbone.width
        )
        weights.check_all_taken()
        self._possible = np.ones(self._fields.begin[-1], np.bool_)
        self._possible[START] = False  # `mark` comes first; a start is never predicted
        self._position = {field.name: k for k, field in enumerate(self.schema.decisions)}
        outer = self._weights
        self._heads = (
            outer.from_hidden,
            outer.from_hidden_bias,
            outer.added,
            outer.out,
            outer.out_bias,
            self._fields.begin,
        )
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Drop everything that steps write to."""
        self._torch: TorchRunner | None = None
        self._scratches: dict[int, _Scratch] = {}
        self._table: tuple[SamplingParams, NDArray[np.float64]] | None = None

    def twin(self) -> CompiledRunner:
        """As `Runner.twin`."""
        twin = copy.copy(self)
        twin._begin_anew()
        return twin

    def prepare(self, rows: int) -> None:
        """As `Runner.prepare`: load the machine code for one row or for several, or compile it.

        To do so it decides one step, in which every value but a start is allowed, and drops it.
        """
        rows = min(rows, 2)
        heads, choices = len(self._position), self._fields.begin[-1]
        steps = self.schema.steps(rows)
        _, hidden = self.start(steps[:, None])
        step_mask = StepMask(np.ones((rows, choices), bool), np.zeros((rows, heads), np.int64))
        step_mask.allowed[:, START] = False
        everywhere, uniforms = np.ones(rows, bool), np.full((rows, heads), 0.5)
        self._begin(hidden)
        self._decide(0, heads, steps, everywhere, step_mask, uniforms, SamplingParams(), None)

    def _scratch(self, rows: int) -> _Scratch:
        scratch = self._scratches.get(rows)
        if scratch is None:
            scratch = self._scratches[rows] = _Scratch(rows, self._fields, self._weights)
        return scratch

    # Reading ------------------------------------------------------------------------------------

    def start(self, steps: Steps) -> tuple[State, Array]:
        """As `Runner.start`."""
        rows = len(steps)
        nothing = np.zeros((rows, self._backbone.width), np.float32)
        return self.read(steps, self._backbone.start(rows), nothing, np.ones(rows, np.int64))

    def read(
        self, steps: Steps, state: State, hidden: Array, lengths: NDArray[np.int64]
    ) -> tuple[State, Array]:
        """As `Runner.read`."""
        scratch, weights = self._scratch(len(steps)), self._weights
        for t in range(steps.shape[1]):
            going = lengths > t
            records = np.ascontiguousarray(steps[:, t : t + 1]).view(np.uint8)
            if len(steps) == 1:
                if not going[0]:
                    break
                step_kernels.enter(
                    records[0], *self._fields.reading, weights.tables, weights.entry_bias,
                    scratch.x[0],
                )  # fmt: skip
                state, hidden = self._backbone.step(scratch.x, state, going)
                continue
            step_kernels.read(records, *self._fields.reading, scratch.index)
            kernels.add_rows(weights.tables, scratch.index, weights.entry_bias, scratch.x)
            state, after = self._backbone.step(scratch.x, state, going)
            hidden = after if going.all() else np.where(going[:, None], after, hidden)
        return state, hidden

    # Deciding -----------------------------------------------------------------------------------

    def begin(self, hidden: Array, *, by_logits: bool = False) -> None:
        """Begin a step after hidden (B, D), to be decided field by field; by_logits: by torch."""
        self._begun_by_torch: TorchRunner | None = None
        if by_logits:
            self._hidden = hidden
            self._begin_by_torch()
        else:
            self._begin(hidden)

    def logits(self, field: Field) -> NDArray[np.float64]:
        """As `Runner.logits`: those of torch, which loads the network for them."""
        assert self._begun_by_torch is not None  # for mypy: the step was begun by logits
        return self._begun_by_torch.logits(field)

    def _begin_by_torch(self) -> TorchRunner:
        """Begin the step once more, by torch, which has logits for functions to change."""
        import torch

        from howlkit.sampling.torch_runner import TorchRunner

        self._torch = self._torch or TorchRunner(self._stored.network, self.schema)
        self._torch.begin(torch.from_numpy(self._hidden))
        self._begun_by_torch = self._torch
        return self._torch

    def _begin(self, hidden: Array) -> None:
        self._hidden, rows = hidden, len(hidden)
        if rows == 1:  # decide_row begins the step itself
            return
        scratch = self._scratch(rows)
        scratch.values[:], scratch.active[:], scratch.tied[:] = 0, False, True
        scratch.head_inputs[:] = self._weights.from_hidden_bias

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
            torch_runner = self._begun_by_torch or self._begin_by_torch()
            return torch_runner.sample_field(
                field, step, active, allowed, uniforms, params, functions, judged
            )
        k, scratch = self._position[field.name], self._scratch(len(step))
        scratch.allowed[:, self._fields.begin[k] : self._fields.begin[k + 1]] = allowed
        scratch.uniforms[:, k] = uniforms
        step_mask = StepMask(scratch.allowed, scratch.least)
        rules = None if judged is None else judged.arrays
        self._decide(k, k + 1, step, active, step_mask, scratch.uniforms, params, rules)
        return scratch.values[:, self._fields.column[k]], scratch.uniforms[:, k].copy()

    def accept(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """As `Runner.accept`; without functions `sample_field` has done so already."""
        if self._begun_by_torch:
            self._begun_by_torch.accept(field, values, active)

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
                self._possible, records[row],
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
        if len(step) > 1:
            for k in range(first, stop):
                self._decide_rows(k, records, going, step_mask, uniforms, table, rules)
        elif going[0]:
            scratch = self._scratch(1)
            fault = step_kernels.decide_row(
                first, stop, self._hidden[0], *self._heads, *self._fields.deciding,
                *self._fields.writing, step_mask.allowed[0], step_mask.least[0], uniforms[0],
                table, records[0], *scratch.deciding, rules,
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
        weights, scratch = self._weights, self._scratch(len(records))
        a, b = self._fields.begin[k : k + 2]
        width = weights.out.shape[1]
        where = slice(k * width, (k + 1) * width)
        allowed, logits = step_mask.allowed[:, a:b], scratch.logits[: len(records) * (b - a)]
        logits = logits.reshape(len(records), b - a)
        if not step_kernels.settled(
            k, going, *self._fields.deciding[:3], allowed, step_mask.least,
            scratch.values, scratch.active, scratch.tied,
        ):  # fmt: skip
            multiply(self._hidden, weights.from_hidden[where], scratch.nothing, scratch.activated)
            step_kernels.gelus(scratch.head_inputs, k * width, scratch.activated)
            multiply(scratch.activated, weights.out[a:b], weights.out_bias[a:b], logits)
        fault = step_kernels.decide_field(
            k, logits, going, weights.added, *self._fields.deciding, *self._fields.writing, allowed,
            step_mask.least, uniforms, table, records, scratch.values, scratch.active,
            scratch.tied, scratch.head_inputs, width, scratch.weights[: b - a], a, rules,
        )  # fmt: skip
        self._refuse(fault)

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


def multiply(x: Array, matrix: Array, bias: Array, y: Array) -> None:
    """Set y (B, rows) to bias plus x (B, columns) times the transposed matrix (rows, columns)."""
    import torch  # late: only several rows need it, and its products are the quickest

    tensors = (torch.from_numpy(part) for part in (bias, x, matrix))
    shift, left, right = tensors
    torch.addmm(shift, left, right.T, out=torch.from_numpy(y))
