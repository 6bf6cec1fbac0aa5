"""The network of a compiled runner reads steps: from their bytes to a state and a hidden vector.

Shapes: B rows, T steps, G width of what enters a backbone, D of its hidden vectors; S numbers lie
beside these (compiled_inputs.py).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.sampling import input_kernels
from howlkit.sampling.compiled_backbone import CompiledBackbone
from howlkit.sampling.compiled_fields import FieldArrays
from howlkit.sampling.compiled_inputs import InputTables
from howlkit.sampling.runner import Mask
from howlkit.schema import Steps

__all__ = ["StepReader"]

MANY = 4
"""Where at most one row in so many has steps to read, those rows are read by themselves."""

Array = NDArray[np.float32]
State = dict[str, NDArray[Any]]


class StepReader:
    """Reads steps by the tables of inputs and a backbone."""

    def __init__(
        self, fields: FieldArrays, inputs: InputTables, backbone: CompiledBackbone
    ) -> None:
        self._fields, self._inputs, self._backbone = fields, inputs, backbone
        self._scratches: dict[int, tuple[Array, Array]] = {}  # by B: (B, G) and (B, S)

    def start(self, steps: Steps) -> tuple[State, Array]:
        """As `Runner.start`."""
        rows = len(steps)
        nothing = np.zeros((rows, self._backbone.width + self._inputs.width), np.float32)
        state = self._backbone.start(rows) | self._inputs.start(rows)
        return self.read(steps, state, nothing, np.ones(rows, np.int64))

    def read(
        self, steps: Steps, state: State, hidden: Array, lengths: NDArray[np.int64]
    ) -> tuple[State, Array]:
        """As `Runner.read`."""
        few = np.flatnonzero(lengths)
        if MANY * len(few) <= len(steps):
            return self._read_few(few, steps, state, hidden, lengths)
        for t in range(steps.shape[1]):
            going = lengths > t
            if len(steps) == 1 and not going[0]:
                break
            records = np.ascontiguousarray(steps[:, t : t + 1]).view(np.uint8)
            state, after = self._read_step(records, going, state)
            if len(steps) > 1 and not going.all():
                after = np.where(going[:, None], after, hidden)
            hidden = after
        return state, hidden

    def _read_few(
        self,
        rows: NDArray[np.intp],
        steps: Steps,
        state: State,
        hidden: Array,
        lengths: NDArray[np.int64],
    ) -> tuple[State, Array]:
        """Read steps in a few rows alone, such as those that rules sent back."""
        if not len(rows):
            return state, hidden
        own = {name: part[rows] for name, part in state.items()}
        own, vectors = self.read(steps[rows], own, hidden[rows], lengths[rows])
        state, hidden = {name: part.copy() for name, part in state.items()}, hidden.copy()
        for name, part in own.items():
            state[name][rows] = part
        hidden[rows] = vectors
        return state, hidden

    def _read_step(
        self, records: NDArray[np.uint8], going: Mask, state: State
    ) -> tuple[State, Array]:
        """Take in a step, rows of bytes; return the state and, in rows that are going, hidden."""
        x, beside = self._scratch(len(records))
        state, others, search, running = self._inputs.next(state)
        input_kernels.enter(
            records, going, *self._fields.reading, *self._inputs.entering, x, beside, search,
            running,
        )  # fmt: skip
        state, after = self._backbone.step(x, state, going)
        if self._inputs.width:
            after = np.concatenate((after, beside), axis=1)
        return (state | others if others else state), after

    def _scratch(self, rows: int) -> tuple[Array, Array]:
        scratch = self._scratches.get(rows)
        if scratch is None:
            widths = self._inputs.tables.shape[1], self._inputs.width
            x, beside = (np.zeros((rows, width), np.float32) for width in widths)
            scratch = self._scratches[rows] = x, beside
        return scratch
