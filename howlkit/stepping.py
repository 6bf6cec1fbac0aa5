"""How a session's network is run, step by step: plainly, by torch, on any device.

`compiled.CompiledStep` does the same by machine code of its own, for some networks on the CPU.
`chosen` says which of the two a session gets, and nothing changes that later: one way and one seed
always give the same bytes, while between the two a rounding may tip a draw.

Shapes: B rows, T steps, D width of the hidden vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from howlkit.errors import HowlkitError
from howlkit.heads import Network
from howlkit.protocols import LogitsFunction, Outlook
from howlkit.schema import Field, Schema, Steps
from howlkit.shaping import Shaping, choose

__all__ = ["PlainStep", "Stepping", "chosen", "prepare"]

Stepping = Literal["auto", "plain", "compiled"]
Mask = NDArray[np.bool_]
Carried = Any
"""A state or a hidden vector: tensors here, arrays where the step is compiled."""


class PlainStep:
    """A network stepped by torch. Weights are as they are when it is made."""

    name = "plain"

    def __init__(self, network: Network, schema: Schema) -> None:
        self.network, self.schema = network, schema
        self._device = next(network.parameters()).device
        with torch.inference_mode():
            self._stepper = network.stepper()

    def prepare(self) -> None:
        """Get ready whatever the first step would wait for."""

    def start(self, steps: Steps) -> tuple[Carried, Carried]:
        """Return the state and hidden (B, D) after the start rows, steps (B, 1)."""
        return self._advance(steps, None, None)

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
        if (lengths == steps.shape[1]).all():
            return self._advance(steps, state, None)
        state, after = self._advance(steps, state, lengths)
        return state, torch.where(self._tensor(lengths > 0)[:, None], after, hidden)

    def _advance(
        self,
        steps: Steps,
        state: Carried,
        lengths: NDArray[np.int64] | None,
    ) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
        batch = {f.name: self._tensor(steps[f.name].astype(np.int64)) for f in self.schema.columns}
        counted = None if lengths is None else self._tensor(lengths)
        with torch.inference_mode():
            hidden, state = self.network.advance(batch, state, counted)
            if counted is None:
                return state, hidden[:, -1]
            last = (counted - 1).clamp(min=0)
            return state, hidden[torch.arange(len(last), device=self._device), last]

    def _tensor(self, values: NDArray[Any]) -> torch.Tensor:
        return torch.from_numpy(values).to(self._device)

    def begin(self, hidden: Carried) -> None:
        """Begin a step after hidden (B, D)."""
        with torch.inference_mode():
            self._stepper.begin(hidden)

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
        """Return (B,): one choice of a field, from what is allowed (B, n), by uniforms (B,).

        step: (B,), as far as it is decided. What is returned for rows that are not active (B,)
        means nothing. functions: as of `Session.step`.
        """
        with torch.inference_mode():
            logits = self._stepper.logits(field).double().cpu().numpy()
        for function in functions:
            logits = function(field, logits, step)
        return choose(logits, allowed, uniforms, shaping.of(field.name))

    def decide(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """Go on from values (B,) of a field, in the rows where it is active (B,)."""
        with torch.inference_mode():
            self._stepper.decide(field, self._tensor(values), self._tensor(active))

    def decide_all(
        self,
        hidden: Carried,
        step: Steps,
        going: Mask,
        foresee: Callable[[], Outlook | None],
        uniforms: NDArray[np.float64],
        shaping: Shaping,
    ) -> bool:
        """Decide all of `step` (B,) after hidden, in the rows that are going (B,), if it can.

        foresee: what the step may be. uniforms: (B, K). Returns False where it is to be decided
        field by field instead, as always here.
        """
        return False


def chosen(stepping: Stepping, network: Network, schema: Schema) -> PlainStep:
    """Return the way to step a network: for `auto` compiled, if numba is installed and it fits.

    Raises HowlkitError if `compiled` is asked for and cannot be had.
    """
    if stepping == "plain":
        return PlainStep(network, schema)
    try:
        from howlkit import compiled
    except ImportError as error:
        missing = isinstance(error, ModuleNotFoundError) and error.name == "numba"
        reason = "numba is not installed" if missing else f"numba cannot be imported ({error})"
        reason += "; pip install 'howlkit[fast]'"
    else:
        reason = compiled.why_not(network, schema)
        if not reason:
            return compiled.CompiledStep(network, schema)
    if stepping == "compiled":
        raise HowlkitError(
            f"this model cannot be stepped by compiled code: {reason}. Choose plain, or auto"
        )
    return PlainStep(network, schema)


def prepare(stepping: Stepping, network: Network, schema: Schema) -> None:
    """Get machine code ready for a network, so that the first note does not wait for it.

    It is compiled once on a machine, which takes some seconds, and loaded after that.
    """
    chosen(stepping, network, schema).prepare()
