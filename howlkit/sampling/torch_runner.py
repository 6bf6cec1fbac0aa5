"""A network stepped plainly, by torch, on any device: what `stepping.Runner` asks, for any network.

Shapes: B rows, T steps, D width of the hidden vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from howlkit.network.network import Network
from howlkit.protocols import LogitsFunction, StepMask
from howlkit.sampling.logits import SamplingParams, choose
from howlkit.sampling.runner import Carried, Mask
from howlkit.schema import Field, Schema, Steps

__all__ = ["TorchRunner"]


class TorchRunner:
    """A network stepped by torch. Weights are as they are when it is made."""

    name = "plain"

    def __init__(self, network: Network, schema: Schema) -> None:
        self.network, self.schema = network.eval(), schema
        self._device = next(network.parameters()).device
        with torch.inference_mode():
            self._stepper = network.stepper()

    def prepare(self, rows: int) -> None:
        """As `Runner.prepare`: torch waits for nothing."""

    def start(self, steps: Steps) -> tuple[Carried, Carried]:
        """As `Runner.start`."""
        return self._advance(steps, None, None)

    def read(
        self,
        steps: Steps,
        state: Carried,
        hidden: Carried,
        lengths: NDArray[np.int64],
    ) -> tuple[Carried, Carried]:
        """As `Runner.read`."""
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
        """As `Runner.begin`."""
        with torch.inference_mode():
            self._stepper.begin(hidden)

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
        with torch.inference_mode():
            logits = self._stepper.logits(field).double().cpu().numpy()
        for function in functions:
            logits = function(field, logits, step)
        return choose(logits, allowed, uniforms, shaping.of(field.name))

    def decide(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """As `Runner.decide`."""
        with torch.inference_mode():
            self._stepper.decide(field, self._tensor(values), self._tensor(active))

    def decide_all(
        self,
        hidden: Carried,
        step: Steps,
        going: Mask,
        foresee: Callable[[], StepMask | None],
        uniforms: NDArray[np.float64],
        shaping: SamplingParams,
    ) -> bool:
        """As `Runner.decide_all`: always field by field."""
        return False
