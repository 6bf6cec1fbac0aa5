"""How a session runs its network, step by step: one set of methods, two ways.

`TorchRunner` runs any network by torch, on any device. `CompiledRunner` does the same by machine
code, for the networks of models that offer it, on the CPU. `runners.make_runner` chooses one of
the two when a session begins, and nothing changes that later: one way and one seed always give the
same bytes, while between the two a rounding may tip a draw.

Shapes: B rows, T steps, D width of the hidden vector, K decisions a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.schema import Field, Steps

__all__ = ["Carried", "CompilableModel", "Mask", "Runner", "Stepping"]

Stepping = Literal["auto", "plain", "compiled"]
Mask = NDArray[np.bool_]
Carried = Any
"""A state or a hidden vector: tensors where torch steps, arrays where the step is compiled."""


class Runner(Protocol):
    """A network, run step by step, with the weights that it had when the runner was made."""

    name: Stepping
    needs_torch: bool  # for a session of one row

    def prepare(self, rows: int) -> None:
        """Load or compile all that the first step of B rows would wait for."""

    def twin(self) -> Runner:
        """Return another runner of the same network, for another session.

        The two share weights and nothing that a step writes to, so each may be in a thread.
        """

    def start(self, steps: Steps) -> tuple[Carried, Carried]:
        """Return the state and hidden (B, D) after the start rows, steps (B, 1)."""

    def read(
        self,
        steps: Steps,
        state: Carried,
        hidden: Carried,
        lengths: NDArray[np.int64],
    ) -> tuple[Carried, Carried]:
        """Go on by steps (B, T), of which lengths (B,) count; return state and hidden (B, D).

        What is given is not changed. A row of length 0 stays as it was.
        """

    def begin(self, hidden: Carried) -> None:
        """Begin a step after hidden (B, D)."""

    def sample_field(
        self,
        field: Field,
        step: Steps,
        active: Mask,
        allowed: Mask,
        uniforms: NDArray[np.float64],
        params: SamplingParams,
        functions: Sequence[LogitsFunction],
    ) -> NDArray[np.int64]:
        """Return (B,): a value of a field for each row, drawn from what is allowed (B, n).

        step: (B,), as far as it is decided. uniforms: (B,) in [0, 1). functions: as of
        `Session.step`. What is returned for rows that are not active (B,) means nothing.
        """

    def accept(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """Go on from values (B,) of a field, in the rows where it is active (B,)."""

    def sample_step(
        self,
        hidden: Carried,
        step: Steps,
        going: Mask,
        step_mask: Callable[[], StepMask | None],
        uniforms: NDArray[np.float64],
        params: SamplingParams,
    ) -> bool:
        """Decide the whole `step` (B,) after hidden, in the rows that are going (B,), if it can.

        step_mask: returns what the step may be. uniforms: (B, K). Returns False where the step has
        to be decided field by field instead.
        """


@runtime_checkable
class CompilableModel(Protocol):
    """A model that offers compiled code for its networks' steps; `howlkit.protocols.Model` else."""

    def compiled_runner(self, stored: StoredNetwork) -> Runner:
        """Return a runner of the network in compiled code, made of its weights as arrays.

        Raises UnsuitedError, with the reason, for a network that compiled code cannot step, and
        ImportError if a library that it takes (numba) is not installed.
        """
