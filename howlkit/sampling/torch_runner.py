"""A network stepped by torch, on any device: a `Runner` of any network.

Shapes: B rows, T steps, D width of the hidden vector.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from howlkit.network.network import Network
from howlkit.protocols import LogitsFunction, StepMask, Stepper
from howlkit.sampling.field_draws import draw_field
from howlkit.sampling.logits import SamplingParams
from howlkit.sampling.rule_arrays import Judged
from howlkit.sampling.runner import Carried, Mask, Stepping
from howlkit.schema import Field, Schema, Steps

__all__ = ["TorchRunner"]


class TorchRunner:
    """A network stepped by torch, with the weights that it has when the runner is made."""

    name: Stepping = "plain"
    needs_torch = True

    def __init__(self, network: Network, schema: Schema) -> None:
        self.network, self.schema = network.eval(), schema
        self._device = next(network.parameters()).device
        self._stepper: Stepper | None = None  # made when the first step is decided

    def twin(self) -> TorchRunner:
        """As `Runner.twin`."""
        return TorchRunner(self.network, self.schema)

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

    def begin(self, hidden: Carried, *, by_logits: bool = False) -> None:
        """As `Runner.begin`."""
        with torch.inference_mode():
            self._stepper = self._stepper or self.network.stepper()
            self._stepper.begin(hidden)

    def logits(self, field: Field) -> NDArray[np.float64]:
        """As `Runner.logits`."""
        assert self._stepper is not None  # for mypy: `begin` has made it
        with torch.inference_mode():
            return np.asarray(self._stepper.logits(field).double().cpu().numpy())

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
        return draw_field(
            field, self.logits(field), step, active, allowed, uniforms, params, functions, judged
        )

    def accept(self, field: Field, values: NDArray[np.int64], active: Mask) -> None:
        """As `Runner.accept`."""
        assert self._stepper is not None  # for mypy: as above
        with torch.inference_mode():
            self._stepper.decide(field, self._tensor(values), self._tensor(active))

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
        """As `Runner.sample_step`: torch always decides field by field."""
        return False

    def nats(self, hidden: Carried, steps: Steps, rows: Mask) -> NDArray[np.float64]:
        """As `Runner.nats`."""
        columns = self.schema.columns
        batch = {f.name: self._tensor(steps[f.name].astype(np.int64))[:, None] for f in columns}
        with torch.inference_mode():
            costs = self.network.nats(hidden[:, None], batch)
            fields = [f for f in self.schema.decisions if self.network.is_likelihood(f)]
            nats = torch.stack([costs[f.name][:, 0] for f in fields]).cpu().double().sum(0)
        return np.where(rows, nats.numpy(), 0.0)
