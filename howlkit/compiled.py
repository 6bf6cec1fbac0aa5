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
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from howlkit import kernels
from howlkit.builtin.recurrent import Recurrent
from howlkit.choices import Softmax
from howlkit.errors import HowlkitError
from howlkit.heads import Network
from howlkit.protocols import LogitsFunction, Outlook
from howlkit.schema import MARK, START, STEP, Field, Schema, Steps
from howlkit.shaping import NOT_A_NUMBER, Shaping
from howlkit.stepping import Mask, PlainStep

__all__ = ["CompiledStep", "why_not"]

LARGEST_TABLES = 2**27  # bytes that the tables of values may take

State = dict[str, NDArray[np.float32]]


def why_not(network: Network, schema: Schema) -> str:
    """Return why this network cannot be stepped by compiled code; "" if it can."""
    heads, backbone = network.heads, network.backbone
    weights = list(network.parameters())
    if any(w.device.type != "cpu" or w.dtype != torch.float32 for w in weights):
        return "its weights are not in float32 on the CPU"
    if type(backbone) is not Recurrent:
        return f"its backbone is {type(backbone).__name__}, not lstm or gru"
    if any(field.kind != "class" for field in schema.columns):
        return "it has fields that are bits or real numbers"
    if any(heads.head_class(field) is not Softmax for field in schema.decisions):
        return "it has heads that are no softmax"
    odd = [name for name in ("repeats", "relative", "skip") if getattr(heads, name)]
    if odd:
        return f"it has heads.{odd[0]}"
    rows = sum(field.n for field in schema.columns) + 1
    width = network.from_hidden.out_features + len(backbone.layers[0].get_parameter("bias_ih_l0"))
    if 4 * rows * width > LARGEST_TABLES:
        return "its tables would be too large"
    return ""


def _array(tensor: torch.Tensor) -> NDArray[np.float32]:
    return tensor.detach().contiguous().numpy()


class _Layout:
    """Where everything stands: the fields as arrays for the kernels."""

    def __init__(self, network: Network, schema: Schema) -> None:
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
        self.start = np.array([network.embed.offsets[name] for name in names])
        sizes = np.array([schema.dtype[name].itemsize for name in names])
        self.place, self.wide = np.cumsum(sizes) - sizes, sizes == 2

        self.columns = self.place, self.wide, self.control, self.when, self.start


class _Weights:
    """A network's weights as the kernels want them."""

    def __init__(self, network: Network, schema: Schema) -> None:
        backbone, heads = network.backbone, network.heads
        assert isinstance(backbone, Recurrent)  # for mypy: `why_not` has seen to it
        of: list[dict[str, torch.Tensor]] = [
            {name.removesuffix("_l0"): part for name, part in layer.named_parameters()}
            for layer in backbone.layers
        ]
        slices = network.embed.slices
        table = network.embed.table.weight
        gates = len(of[0]["bias_ih"])
        self.tables = np.zeros((len(table), gates), np.float32)
        self.added = np.zeros((0, 0), np.float32)
        if heads.chained:
            chain = network.from_fields * network.head_mask  # (K W, E)
            self.added = np.zeros((len(table), len(chain)), np.float32)
        read = of[0]["weight_ih"]  # what the first layer makes of an embedded step
        bias_x = torch.stack([part["bias_ih"] for part in of])
        if network.narrow is not None:
            bias_x[0] += read @ network.narrow.bias
            read = read @ network.narrow.weight
        for field in schema.columns:
            begin, where = network.embed.offsets[field.name], slices[field.name]
            every = table[begin : begin + field.n]
            self.tables[begin : begin + field.n] = _array(every @ read[:, where].T)
            if heads.chained and not field.derived:
                self.added[begin : begin + field.n] = _array(every @ chain[:, where].T)
        self.bias_x = _array(bias_x)
        self.bias_h = _array(torch.stack([part["bias_hh"] for part in of]))
        self.recurrent = _array(torch.stack([part["weight_hh"] for part in of]))  # (L, G, H)
        upper = [part["weight_ih"] for part in of[1:]]
        self.inputs = _array(torch.stack(upper) if upper else table.new_zeros(0, 0, 0))
        stages = [stage for stage in backbone.block if isinstance(stage, torch.nn.Linear)]
        nothing = table.new_zeros(0, 0)
        self.block_first = _array(stages[0].weight if stages else nothing)
        rest = [stage.weight for stage in stages[1:]]
        self.block = _array(torch.stack(rest) if rest else table.new_zeros(0, 0, 0))
        self.block_bias = _array(torch.stack([s.bias for s in stages]) if stages else nothing)
        self.mix = _array(network.from_hidden.weight)
        self.mix_bias = _array(network.from_hidden.bias)
        last = [network.head(field).out for field in schema.decisions]
        self.out = _array(torch.cat([layer.weight for layer in last]))
        self.out_bias = _array(torch.cat([layer.bias for layer in last]))


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


class CompiledStep(PlainStep):
    """As `PlainStep`; states are dicts of arrays (B, L, H), and hidden is one of (B, D).

    Functions on logits get them from the plain stepper.
    """

    name = "compiled"

    def __init__(self, network: Network, schema: Schema) -> None:
        super().__init__(network, schema)
        self._layout = _Layout(network, schema)
        with torch.inference_mode():
            self._weights = _Weights(network, schema)
        self._position = {field.name: k for k, field in enumerate(schema.decisions)}
        self._rooms: dict[int, _Room] = {}
        self._shapes: tuple[Shaping, NDArray[np.float64]] | None = None
        # What the kernels are given each time.
        of, layout = self._weights, self._layout
        self._backbone = (
            of.tables, of.bias_x, of.bias_h, of.recurrent, of.inputs,
            of.block_first, of.block, of.block_bias,
        )  # fmt: skip
        self._heads = of.mix, of.mix_bias, of.added, of.out, of.out_bias, layout.begin
        self._fields = layout.column, layout.control, layout.when, layout.start
        self._records = layout.place, layout.wide

    def prepare(self) -> None:
        """Load the machine code of all kernels, or compile it, by making a step of one row and two.

        What they make does not matter: every value is allowed but the one that is a start.
        """
        heads, choices = len(self._position), self._layout.begin[-1]
        for rows in (1, 2):
            steps = self.schema.steps(rows)
            state, hidden = self.start(steps[:, None])
            outlook = Outlook(np.ones((rows, choices), bool), np.zeros((rows, heads), np.int64))
            outlook.allowed[:, START] = False
            everywhere, uniforms = np.ones(rows, bool), np.full((rows, heads), 0.5)
            self._begin(hidden)
            self._decide(0, heads, steps, everywhere, outlook, uniforms, Shaping())
            self.read(steps[:, None], state, hidden, np.ones(rows, np.int64))

    def _room(self, rows: int) -> _Room:
        room = self._rooms.get(rows)
        if room is None:
            room = self._rooms[rows] = _Room(rows, self._layout, self._weights)
        return room

    # Reading ------------------------------------------------------------------------------------

    def start(self, steps: Steps) -> tuple[State, NDArray[np.float32]]:
        """Return the state and hidden (B, D) after the start rows, steps (B, 1)."""
        return _arrays(super().start(steps))

    def read(
        self, steps: Steps, state: State, hidden: NDArray[np.float32], lengths: NDArray[np.int64]
    ) -> tuple[State, NDArray[np.float32]]:
        """Go on by steps (B, T), of which lengths (B,) count; return state and hidden (B, D)."""
        if steps.shape[1] > 1:  # torch reads a prompt in one pass
            tensors = {name: torch.from_numpy(part) for name, part in state.items()}
            return _arrays(super().read(steps, tensors, torch.from_numpy(hidden), lengths))
        records = np.ascontiguousarray(steps).view(np.uint8)
        if len(steps) > 1:
            return self._read_rows(records, state, hidden, lengths > 0)
        if not lengths[0]:
            return state, hidden
        h, after, hidden = state["h"], np.empty_like(state["h"]), np.empty_like(hidden)
        c = state.get("c", h[..., :0])
        kept, room = np.empty_like(c), self._room(1)
        kernels.advance(
            records[0], *self._layout.columns, *self._backbone,
            h[0], c[0], after[0], kept[0], hidden[0], *room.reading,
        )  # fmt: skip
        return {"h": after, "c": kept} if "c" in state else {"h": after}, hidden

    def _read_rows(
        self, records: NDArray[np.uint8], state: State, hidden: NDArray[np.float32], going: Mask
    ) -> tuple[State, NDArray[np.float32]]:
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

    def begin(self, hidden: NDArray[np.float32]) -> None:
        """Begin a step after hidden (B, D), to be decided field by field."""
        self._begin(hidden)
        self._begun_plainly = False

    def _begin(self, hidden: NDArray[np.float32]) -> None:
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
        shaping: Shaping,
        functions: Sequence[LogitsFunction],
    ) -> NDArray[np.int64]:
        """As `PlainStep.choose`."""
        if functions:
            if not self._begun_plainly:
                super().begin(torch.from_numpy(self._hidden))
                self._begun_plainly = True
            return super().choose(field, step, active, allowed, uniforms, shaping, functions)
        k, room = self._position[field.name], self._room(len(step))
        room.allowed[:, self._layout.begin[k] : self._layout.begin[k + 1]] = allowed
        room.uniforms[:, k] = uniforms
        outlook = Outlook(room.allowed, room.least)
        self._decide(k, k + 1, step, active, outlook, room.uniforms, shaping)
        return room.values[:, self._layout.column[k]]

    def decide(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """Go on from values (B,) of a field; without functions `choose` has done so."""
        if self._begun_plainly:
            super().decide(field, values, active)

    def decide_all(
        self,
        hidden: NDArray[np.float32],
        step: Steps,
        going: Mask,
        foresee: Callable[[], Outlook | None],
        uniforms: NDArray[np.float64],
        shaping: Shaping,
    ) -> bool:
        """As `PlainStep.decide_all`, wherever the grammar can say what a whole step may be."""
        outlook = foresee()
        if outlook is None:
            return False
        self._begin(hidden)
        self._decide(0, len(self._position), step, going, outlook, uniforms, shaping)
        return True

    def _decide(
        self,
        first: int,
        stop: int,
        step: Steps,
        going: Mask,
        outlook: Outlook,
        uniforms: NDArray[np.float64],
        shaping: Shaping,
    ) -> None:
        """Decide the decisions first .. stop - 1 in the rows that are going (B,)."""
        records = step[:, None].view(np.uint8)
        shapes = self._shaped(shaping)
        if len(step) > 1:
            for k in range(first, stop):
                self._decide_rows(k, records, going, outlook, uniforms, shapes)
        elif going[0]:
            room = self._room(1)
            fault = kernels.decide(
                first, stop, self._hidden[0], *self._heads, *self._fields,
                *self._records, outlook.allowed[0], outlook.least[0], uniforms[0], shapes,
                records[0], *room.deciding,
            )  # fmt: skip
            self._refuse(fault)

    def _decide_rows(
        self,
        k: int,
        records: NDArray[np.uint8],
        going: Mask,
        outlook: Outlook,
        uniforms: NDArray[np.float64],
        shapes: NDArray[np.float64],
    ) -> None:
        """Decide decision k of many rows."""
        weights, room = self._weights, self._room(len(records))
        a, b = self._layout.begin[k : k + 2]
        width = weights.out.shape[1]
        where = slice(k * width, (k + 1) * width)
        allowed, logits = outlook.allowed[:, a:b], room.logits[: len(records) * (b - a)]
        logits = logits.reshape(len(records), b - a)
        if not kernels.settled(k, allowed, outlook.least, room.tied):
            _multiply(self._hidden, weights.mix[where], room.nothing, room.activated)
            kernels.gelus(room.mixed, k * width, room.activated)
            _multiply(room.activated, weights.out[a:b], weights.out_bias[a:b], logits)
        fault = kernels.pick(
            k, logits, going, weights.added, *self._fields, *self._records, allowed, outlook.least,
            uniforms, shapes, records, room.values, room.active, room.tied, room.mixed, width,
            room.weights[: b - a],
        )  # fmt: skip
        self._refuse(fault)

    def _shaped(self, shaping: Shaping) -> NDArray[np.float64]:
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


def _arrays(pair: tuple[dict[str, torch.Tensor], torch.Tensor]) -> tuple[State, NDArray[Any]]:
    state, hidden = pair
    return {name: _array(part) for name, part in state.items()}, _array(hidden)


def _multiply(
    x: NDArray[np.float32], matrix: NDArray[np.float32], bias: NDArray[np.float32],
    y: NDArray[np.float32],
) -> None:  # fmt: skip
    """Set y (B, rows) to bias plus x (B, columns) times the transposed matrix (rows, columns)."""
    tensors = (torch.from_numpy(part) for part in (bias, x, matrix))
    shift, left, right = tensors
    torch.addmm(shift, left, right.T, out=torch.from_numpy(y))
