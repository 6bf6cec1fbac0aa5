"""Runners, by which a session steps its network: the methods that both kinds have.

`TorchRunner` runs any network by torch, on any device. `CompiledRunner` does the same by machine
code, for the networks of models that offer it, on the CPU. `runners.make_runner` chooses one of
the two when a session begins, and nothing changes that later: one runner and one seed always give
the same bytes, while a rounding may make the two draw different values.

Shapes: B rows, T steps, D width of the hidden vector, K decisions a step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.rule_arrays import Judged
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.schema import Field, Steps

__all__ = ["Carried", "CompilableModel", "Mask", "Runner", "Stepping"]

Stepping = Literal["auto", "plain", "compiled"]
Mask = NDArray[np.bool_]
Carried = Any
"""A state or a hidden vector: tensors of a TorchRunner, arrays of a CompiledRunner."""


class Runner(Protocol):
    """A network, run step by step, with the weights that it had when the runner was made."""

    name: Stepping
    needs_torch: bool  # for a session of one row

    def twin(self) -> Runner:
        """Return another runner of the same network, for another session.

        The two share weights and nothing that a step writes to, so each may run in a thread.
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
        """Read steps (B, T), of which lengths (B,) count; return the state and hidden (B, D) after.

        `state` and `hidden` are not changed. A row of length 0 keeps its own.
        """

    def begin(self, hidden: Carried, *, by_logits: bool = False) -> None:
        """Begin a step after hidden (B, D).

        by_logits: its fields are decided by somebody who asks for `logits`, not by `sample_field`.
        """

    def logits(self, field: Field) -> NDArray[np.float64]:
        """Return (B, field.choices), as `protocols.Stepper.logits`, in a step begun `by_logits`."""

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
        """Return (B,) values of a field, drawn from those allowed (B, n), and their probabilities.

        step: (B,), the fields decided so far. uniforms: (B,) in [0, 1). functions: as in
        `Session.step`. The probabilities are those of the draw. Results of rows that are not active
        (B,) mean nothing.

        judged: the rules about notes, if there are any. They change the draw, and what they leave
        is multiplied into `judged.left`; where they leave nothing, the value means nothing.
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
        judged: Judged | None = None,
    ) -> bool:
        """Decide the whole `step` (B,) after hidden, in the rows that are going (B,).

        step_mask: returns the mask of the step. uniforms: (B, K); in rows that are going, they are
        replaced by the probabilities with which the values were drawn. judged: as in
        `sample_field`; where it leaves nothing, the step means nothing. Returns False, with nothing
        decided or changed, if the step has to be decided field by field instead.
        """

    def nats(self, hidden: Carried, steps: Steps, rows: Mask) -> NDArray[np.float64]:
        """Return (B,) the nats of steps (B,) after hidden (B, D), as `Network.nats` prices them.

        They are summed over the fields that have a likelihood; 0 in rows that are not marked.
        """


@runtime_checkable
class CompilableModel(Protocol):
    """A `howlkit.protocols.Model` that offers compiled code for the steps of its networks."""

    def compiled_runner(self, stored: StoredNetwork) -> Runner:
        """Return a runner of the network in compiled code, made of its weights as arrays.

        Raises UnsuitedError, with the reason, for a network that compiled code cannot step, and
        ImportError if a library that it needs (numba) is not installed.
        """
