"""How a session's network is run, step by step; there are two ways behind one set of methods.

`TorchRunner` runs any network by torch, on any device. `CompiledRunner` does the same by
machine code of its own, for some networks on the CPU. `chosen` says which of the two a session
gets, and nothing changes that later: one way and one seed always give the same bytes, while between
the two a rounding may tip a draw.

Shapes: B rows, T steps, D width of the hidden vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.stored_network import StoredNetwork
from howlkit.schema import Field, Schema, Steps

if TYPE_CHECKING:
    from howlkit.network.network import Network

__all__ = ["Carried", "Mask", "Runner", "Stepping", "chosen"]

Stepping = Literal["auto", "plain", "compiled"]
Mask = NDArray[np.bool_]
Carried = Any
"""A state or a hidden vector: tensors where torch steps, arrays where the step is compiled."""


class Runner(Protocol):
    """A network, run step by step. Weights are as they were when it was made."""

    name: str

    def prepare(self, rows: int) -> None:
        """Get ready whatever the first step of so many rows would wait for."""

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
        """Return (B,): one choice of a field, from what is allowed (B, n), by uniforms (B,).

        step: (B,), as far as it is decided. What is returned for rows that are not active (B,)
        means nothing. functions: as of `Session.step`.
        """

    def decide(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """Go on from values (B,) of a field, in the rows where it is active (B,)."""

    def decide_all(
        self,
        hidden: Carried,
        step: Steps,
        going: Mask,
        foresee: Callable[[], StepMask | None],
        uniforms: NDArray[np.float64],
        shaping: SamplingParams,
    ) -> bool:
        """Decide all of `step` (B,) after hidden, in the rows that are going (B,), if it can.

        foresee: what the step may be. uniforms: (B, K). Returns False where it is to be decided
        field by field instead.
        """


def chosen(stepping: Stepping, network: Network | StoredNetwork, schema: Schema) -> Runner:
    """Return the way to step a network: for `auto` compiled, if numba is installed and it fits.

    Raises HowlkitError if `compiled` is asked for and cannot be had.
    """
    if stepping != "plain":
        try:
            from howlkit.sampling import compiled_runner
        except ImportError as error:
            missing = isinstance(error, ModuleNotFoundError) and error.name == "numba"
            reason = "numba is not installed" if missing else f"numba cannot be imported ({error})"
            reason += "; pip install 'howlkit[fast]'"
        else:
            resting = network if isinstance(network, StoredNetwork) else StoredNetwork.of(network)
            reason = compiled_runner.why_not(resting)
            if resting is not None and not reason:
                return compiled_runner.CompiledRunner(resting)
        if stepping == "compiled":
            raise HowlkitError(
                f"this model cannot be stepped by compiled code: {reason}. Choose plain, or auto"
            )
    from howlkit.sampling.torch_runner import TorchRunner

    return TorchRunner(network.network if isinstance(network, StoredNetwork) else network, schema)
