"""A network stepped by compiled code (kernels.py), on the CPU and in float32.

For backbones `recurrent.Recurrent` under softmax heads; `why_not` says what is in the way of
others. A value reaches the first layer and the heads after its own only through matrices, so that
what it gives to them is the row of a table that is made once: what is left to read of the weights
is what the hidden vectors are multiplied by. Where a grammar allows one value only, its head is not
asked at all.

One row is stepped by kernels alone, several with torch's products of matrices between them.
Shapes and letters as in kernels.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.head_options import HeadOptions
from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling import kernels
from howlkit.sampling.logits import NOT_A_NUMBER, SamplingParams
from howlkit.sampling.runner import Mask
from howlkit.sampling.stored_network import StoredNetwork, block_stage, head
from howlkit.schema import MARK, START, STEP, Field, Schema, Steps

if TYPE_CHECKING:
    from howlkit.sampling.torch_runner import TorchRunner

__all__ = ["CompiledRunner", "unsuited", "why_not"]

LARGEST_TABLES = 2**27  # bytes that the tables of values may take
PARTS = "weight_ih", "weight_hh", "bias_ih", "bias_hh"
GATES = "backbone.layers.0.bias_ih_l0"

Array = NDArray[np.float32]
State = dict[str, Array]


def why_not(network: StoredNetwork | None) -> str:
    """Return why this network cannot be stepped by compiled code; "" if it can."""
    if network is None:
        return "its network is one that a plugin wrote whole"
    if reason := unsuited(network.schema, network.heads):
        return reason
    if network.cell is None:
        return "its model is neither lstm nor gru"
    if network.weights is None:
        return "its weights are not in float32 on the CPU"
    rows, gates = len(network.weights["embed.table.weight"]), len(network.weights[GATES])
    if 4 * rows * (gates + len(network.weights["from_hidden.bias"])) > LARGEST_TABLES:
        return "its tables would be too large"
    return ""


def unsuited(schema: Schema, heads: HeadOptions) -> str:
    """Return why compiled code has no step for such fields and heads; "" if it has."""
    if any(field.kind != "class" for field in schema.columns):
        return "it has fields that are bits or real numbers"
    if any(heads.kind(field) != "softmax" for field in schema.decisions):
        return "it has heads that are no softmax"
    odd = [name for name in ("repeats", "relative", "skip") if getattr(heads, name)]
    return f"it has heads.{odd[0]}" if odd else ""


class _Layout:
    """Where everything stands: the fields as arrays for the kernels."""

    def __init__(self, schema: Schema) -> None:
        columns, decisions = schema.columns, schema.decisions
        names = [field.name for field in columns]
        self.column = np.array([names.index(field.name) for field in decisions])
        self.begin = np.cumsum([0, *(field.n for field in decisions)])
        self.control = np.full(len(columns), -1)
        self.when = np.zeros((len(columns), max(field.n for field in columns)), np.bool_)
        for c, field in enumerate(columns):
            if field.name == MARK.name or field.derived:
                continue
            name, values = field.when or (MARK.name, (STEP,))
            self.control[c] = names.index(name)
            self.when[c, list(values)] = True
        self.start = np.cumsum([1, *(field.n for field in columns)])[:-1]
        sizes = np.array([schema.dtype[name].itemsize for name in names])
        self.place, self.wide = np.cumsum(sizes) - sizes, sizes == 2

        self.columns = self.place, self.wide, self.control, self.when, self.start


class _Weights:
    """A network's weights as the kernels want them."""

    def __init__(self, network: StoredNetwork, layout: _Layout) -> None:
        of, heads, schema = network.weights, network.heads, network.schema
        assert of is not None  # for mypy: `why_not` has seen to it
        layers = [{kind: of[f"backbone.layers.{layer}.{kind}_l0"] for kind in PARTS}
                  for layer in range(sum("weight_hh" in name for name in of))]  # fmt: skip
        stages = [block_stage(stage) for stage in range(sum("block" in name for name in of) // 2)]
        read = layers[0]["weight_ih"]  # what the first layer makes of an embedded step
        bias_x = np.stack([part["bias_ih"] for part in layers])
        if heads.input:
            bias_x[0] += read @ of["narrow.bias"]
            read = read @ of["narrow.weight"]
        embedded, width = of["embed.table.weight"], heads.embedding
        self.tables = np.zeros((len(embedded), len(read)), np.float32)
        self.added = np.zeros((0, 0), np.float32)
        if heads.chained:
            self.added = np.zeros((len(embedded), len(of["from_fields"])), np.float32)
        for c, (field, begin) in enumerate(zip(schema.columns, layout.start, strict=True)):
            rows, where = slice(begin, begin + field.n), slice(c * width, (c + 1) * width)
            self.tables[rows] = embedded[rows] @ read[:, where].T
            if heads.chained and not field.derived:  # given to the heads behind its own
                behind = slice((schema.decisions.index(field) + 1) * heads.width, None)
                self.added[rows, behind] = embedded[rows] @ of["from_fields"][behind, where].T
        self.bias_x = bias_x
        self.bias_h = np.stack([part["bias_hh"] for part in layers])
        self.recurrent = np.stack([part["weight_hh"] for part in layers])  # (L, G, H)
        self.inputs = _stacked([part["weight_ih"] for part in layers[1:]], 3)
        self.block_first = of[f"{stages[0]}.weight"] if stages else _stacked([], 2)
        self.block = _stacked([of[f"{stage}.weight"] for stage in stages[1:]], 3)
        self.block_bias = _stacked([of[f"{stage}.bias"] for stage in stages], 2)
        self.mix, self.mix_bias = of["from_hidden.weight"], of["from_hidden.bias"]
        last = [head(field) for field in schema.decisions]
        self.out = np.concatenate([of[f"{name}.weight"] for name in last])
        self.out_bias = np.concatenate([of[f"{name}.bias"] for name in last])


def _stacked(parts: list[Array], ndim: int) -> Array:
    """Return parts (n, ...) on top of each other; of none, an array without elements."""
    return np.stack(parts) if parts else np.zeros((0,) * ndim, np.float32)


class _Room:
    """What B rows need to be worked on."""

    def __init__(self, rows: int, layout: _Layout, weights: _Weights) -> None:
        columns, gates = len(layout.place), weights.bias_x.shape[1]
        self.values = np.zeros((rows, columns), np.int64)
        self.active = np.zeros((rows, columns), np.bool_)
        self.tied = np.zeros(rows, np.bool_)
        self.index = np.zeros((rows, columns), np.int64)
        self.mixed = np.zeros((rows, len(weights.mix)), np.float32)
        self.x, self.h = np.zeros((2, rows, gates), np.float32)
        choices, width = weights.out.shape
        self.logits = np.zeros(rows * choices, np.float32)
        self.weights = np.zeros(choices, np.float32)
        self.activated = np.zeros((rows, width), np.float32)
        self.nothing = np.zeros(width, np.float32)
        # Of the one row that kernels step alone.
        self.deciding = self.values[0], self.active[0], self.mixed[0], self.logits, self.weights
        self.reading = self.x[0], self.h[0]
        # For deciding field by field.
        self.allowed = np.zeros((rows, choices), np.bool_)
        self.least = np.zeros((rows, len(layout.column)), np.int64)
        self.uniforms = np.zeros((rows, len(layout.column)))


class CompiledRunner:
    """A `stepping.Runner`; states are dicts of arrays (B, L, H), and hidden is one of (B, D).

    Functions on logits get them from the plain stepper.
    """

    name = "compiled"

    def __init__(self, network: StoredNetwork) -> None:
        self.schema, self._network = network.schema, network
        self._plain: TorchRunner | None = None
        self._layout = _Layout(network.schema)
        self._weights = _Weights(network, self._layout)
        self._position = {field.name: k for k, field in enumerate(self.schema.decisions)}
        self._rooms: dict[int, _Room] = {}
        self._shapes: tuple[SamplingParams, NDArray[np.float64]] | None = None
        # What the kernels are given each time.
        of, layout = self._weights, self._layout
        self._parts = ("h", "c") if network.cell == "lstm" else ("h",)
        self._backbone = (
            of.tables, of.bias_x, of.bias_h, of.recurrent, of.inputs,
            of.block_first, of.block, of.block_bias,
        )  # fmt: skip
        self._heads = of.mix, of.mix_bias, of.added, of.out, of.out_bias, layout.begin
        self._fields = layout.column, layout.control, layout.when, layout.start
        self._records = layout.place, layout.wide

    def prepare(self, rows: int) -> None:
        """Load the machine code of the kernels for one row or for several, or compile it.

        By making a step; what it makes does not matter: every value is allowed but a start.
        """
        rows = min(rows, 2)
        heads, choices = len(self._position), self._layout.begin[-1]
        steps = self.schema.steps(rows)
        _, hidden = self.start(steps[:, None])
        step_mask = StepMask(np.ones((rows, choices), bool), np.zeros((rows, heads), np.int64))
        step_mask.allowed[:, START] = False
        everywhere, uniforms = np.ones(rows, bool), np.full((rows, heads), 0.5)
        self._begin(hidden)
        self._decide(0, heads, steps, everywhere, step_mask, uniforms, SamplingParams())

    def _room(self, rows: int) -> _Room:
        room = self._rooms.get(rows)
        if room is None:
            room = self._rooms[rows] = _Room(rows, self._layout, self._weights)
        return room

    # Reading ------------------------------------------------------------------------------------

    def start(self, steps: Steps) -> tuple[State, Array]:
        """As `Runner.start`."""
        rows, layers, hidden = len(steps), *self._weights.recurrent.shape[::2]
        state = {part: np.zeros((rows, layers, hidden), np.float32) for part in self._parts}
        nothing = np.zeros((rows, self._weights.mix.shape[1]), np.float32)
        return self.read(steps, state, nothing, np.ones(rows, np.int64))

    def read(
        self, steps: Steps, state: State, hidden: Array, lengths: NDArray[np.int64]
    ) -> tuple[State, Array]:
        """As `Runner.read`."""
        for t in range(steps.shape[1]):
            records = np.ascontiguousarray(steps[:, t : t + 1]).view(np.uint8)
            if len(steps) > 1:
                state, hidden = self._read_rows(records, state, hidden, lengths > t)
            elif lengths[0] > t:
                state, hidden = self._read_row(records[0], state, hidden)
        return state, hidden

    def _read_row(
        self, record: NDArray[np.uint8], state: State, hidden: Array
    ) -> tuple[State, Array]:
        h, after, hidden = state["h"], np.empty_like(state["h"]), np.empty_like(hidden)
        c = state.get("c", h[..., :0])
        kept, room = np.empty_like(c), self._room(1)
        kernels.advance(
            record, *self._layout.columns, *self._backbone,
            h[0], c[0], after[0], kept[0], hidden[0], *room.reading,
        )  # fmt: skip
        return {"h": after, "c": kept} if "c" in state else {"h": after}, hidden

    def _read_rows(
        self, records: NDArray[np.uint8], state: State, hidden: Array, going: Mask
    ) -> tuple[State, Array]:
        weights, room = self._weights, self._room(len(records))
        h, after = state["h"], np.empty_like(state["h"])
        c = state.get("c", h[..., :0])
        kept = np.empty_like(c)
        kernels.read(records, *self._layout.columns, room.index)
        kernels.add_rows(weights.tables, room.index, weights.bias_x[0], room.x)
        for layer in range(h.shape[1]):
            if layer:
                below, matrix = after[:, layer - 1], weights.inputs[layer - 1]
                _multiply(below, matrix, weights.bias_x[layer], room.x)
            _multiply(h[:, layer], weights.recurrent[layer], weights.bias_h[layer], room.h)
            kernels.cells(
                room.x, room.h, going, h[:, layer], c[:, layer], after[:, layer], kept[:, layer]
            )
        hidden = np.empty_like(hidden)
        hidden[:, : h.shape[2]] = after[:, -1]
        if len(weights.block_bias):
            below = after[:, -1]
            for matrix, bias in zip(
                (weights.block_first, *weights.block), weights.block_bias, strict=True
            ):
                above = np.empty((len(records), len(bias)), np.float32)
                _multiply(below, matrix, bias, above)
                kernels.selus(above)
                below = above
            hidden[:, h.shape[2] :] = below
        return {"h": after, "c": kept} if "c" in state else {"h": after}, hidden

    # Deciding -----------------------------------------------------------------------------------

    def begin(self, hidden: Array) -> None:
        """Begin a step after hidden (B, D), to be decided field by field."""
        self._begin(hidden)
        self._begun_plainly: TorchRunner | None = None

    def _begin_plainly(self) -> TorchRunner:
        """Begin the step once more, by torch: functions on logits are given those of all fields."""
        import torch

        from howlkit.sampling.torch_runner import TorchRunner

        self._plain = self._plain or TorchRunner(self._network.network, self.schema)
        self._plain.begin(torch.from_numpy(self._hidden))
        self._begun_plainly = self._plain
        return self._plain

    def _begin(self, hidden: Array) -> None:
        self._hidden, rows = hidden, len(hidden)
        if rows == 1:  # the kernel sees to it
            return
        room = self._room(rows)
        room.values[:], room.active[:], room.tied[:] = 0, False, True
        room.mixed[:] = self._weights.mix_bias

    def choose(
        self,
        field: Field,
        step: Steps,
        active: Mask,
        allowed: Mask,
        uniforms: NDArray[np.float64],
        shaping: SamplingParams,
        functions: Sequence[LogitsFunction],
    ) -> NDArray[np.int64]:
        """As `Runner.choose`."""
        if functions:
            plain = self._begun_plainly or self._begin_plainly()
            return plain.choose(field, step, active, allowed, uniforms, shaping, functions)
        k, room = self._position[field.name], self._room(len(step))
        room.allowed[:, self._layout.begin[k] : self._layout.begin[k + 1]] = allowed
        room.uniforms[:, k] = uniforms
        step_mask = StepMask(room.allowed, room.least)
        self._decide(k, k + 1, step, active, step_mask, room.uniforms, shaping)
        return room.values[:, self._layout.column[k]]

    def decide(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """Go on from values (B,) of a field; without functions `choose` has done so."""
        if self._begun_plainly:
            self._begun_plainly.decide(field, values, active)

    def decide_all(
        self,
        hidden: Array,
        step: Steps,
        going: Mask,
        foresee: Callable[[], StepMask | None],
        uniforms: NDArray[np.float64],
        shaping: SamplingParams,
    ) -> bool:
        """As `Runner.decide_all`, wherever the grammar can say what a whole step may be."""
        step_mask = foresee()
        if step_mask is None:
            return False
        self._begin(hidden)
        self._decide(0, len(self._position), step, going, step_mask, uniforms, shaping)
        return True

    def _decide(
        self,
        first: int,
        stop: int,
        step: Steps,
        going: Mask,
        step_mask: StepMask,
        uniforms: NDArray[np.float64],
        shaping: SamplingParams,
    ) -> None:
        """Decide the decisions first .. stop - 1 in the rows that are going (B,)."""
        records = step[:, None].view(np.uint8)
        shapes = self._params_table(shaping)
        if len(step) > 1:
            for k in range(first, stop):
                self._decide_rows(k, records, going, step_mask, uniforms, shapes)
        elif going[0]:
            room = self._room(1)
            fault = kernels.decide(
                first, stop, self._hidden[0], *self._heads, *self._fields,
                *self._records, step_mask.allowed[0], step_mask.least[0], uniforms[0], shapes,
                records[0], *room.deciding,
            )  # fmt: skip
            self._refuse(fault)

    def _decide_rows(
        self,
        k: int,
        records: NDArray[np.uint8],
        going: Mask,
        step_mask: StepMask,
        uniforms: NDArray[np.float64],
        shapes: NDArray[np.float64],
    ) -> None:
        """Decide decision k of many rows."""
        weights, room = self._weights, self._room(len(records))
        a, b = self._layout.begin[k : k + 2]
        width = weights.out.shape[1]
        where = slice(k * width, (k + 1) * width)
        allowed, logits = step_mask.allowed[:, a:b], room.logits[: len(records) * (b - a)]
        logits = logits.reshape(len(records), b - a)
        if not kernels.settled(
            k, going, *self._fields[:3], allowed, step_mask.least,
            room.values, room.active, room.tied,
        ):  # fmt: skip
            _multiply(self._hidden, weights.mix[where], room.nothing, room.activated)
            kernels.gelus(room.mixed, k * width, room.activated)
            _multiply(room.activated, weights.out[a:b], weights.out_bias[a:b], logits)
        fault = kernels.pick(
            k, logits, going, weights.added, *self._fields, *self._records, allowed,
            step_mask.least, uniforms, shapes, records, room.values, room.active, room.tied,
            room.mixed, width, room.weights[: b - a],
        )  # fmt: skip
        self._refuse(fault)

    def _params_table(self, shaping: SamplingParams) -> NDArray[np.float64]:
        """Return (K, 4): temperature, top_k, top_p, min_p of each decision."""
        if self._shapes is None or self._shapes[0] is not shaping:
            of = [shaping.of(field.name) for field in self.schema.decisions]
            table = np.array([(s.temperature, s.top_k, s.top_p, s.min_p) for s in of], np.float64)
            self._shapes = shaping, table
        return self._shapes[1]

    def _refuse(self, fault: int) -> None:
        """Raise HowlkitError for what a kernel found."""
        if not fault:
            return
        k, kind = divmod(fault, 8)
        if kind == -kernels.NOT_A_NUMBER:
            raise HowlkitError(NOT_A_NUMBER)
        name = self.schema.decisions[k].name
        raise HowlkitError(
            f"the grammar allows no value at all for {name!r}; this is a fault of the encoder"
        )


def _multiply(
    x: Array, matrix: Array, bias: Array,
    y: Array,
) -> None:  # fmt: skip
    """Set y (B, rows) to bias plus x (B, columns) times the transposed matrix (rows, columns)."""
    import torch  # only here, where several rows are made: its products are the quickest

    tensors = (torch.from_numpy(part) for part in (bias, x, matrix))
    shift, left, right = tensors
    torch.addmm(shift, left, right.T, out=torch.from_numpy(y))
