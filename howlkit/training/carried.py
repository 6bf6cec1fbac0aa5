"""The state that is carried from window to window, of the rows that this process trains on.

A batch is computed in `accumulate` parts, whose gradients add up, so the state is kept by part. In
checkpoints it belongs to the rows of the whole segment, in their order, whichever process had them:
a run goes on with any number of processes, and with any number of parts.

Shapes: B rows of the segment.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from howlkit.network.batches import on_device
from howlkit.network.network import Network
from howlkit.training.dealing import dealt, joined
from howlkit.training.windows import Segment
from howlkit.training.world import World

__all__ = ["CarriedState"]

State = dict[str, Tensor]


class CarriedState:
    """The state of this process's rows. parts: how many a batch is computed in, at most."""

    def __init__(self, world: World, device: torch.device, parts: int) -> None:
        self._world, self._device, self._parts = world, device, parts
        self._states: list[State | None] = []  # by part; empty: no segment has begun
        self._rows = 0  # of the whole segment
        self._stored: State = {}  # (B, ...), of a checkpoint, until its segment begins again

    def parts(self, rows: int) -> list[range]:
        """Return which of this process's rows are computed together."""
        return dealt(rows, self._parts)

    def begin(self, segment: Segment, network: Any) -> None:  # noqa: ANN401 - a module, a Network
        """Begin a segment, or go on with that of a checkpoint."""
        if self._states:
            return
        stored, self._stored, self._rows = self._stored, {}, segment.rows
        own = range(self._world.rank, segment.rows, self._world.size) or range(1)
        for part in self.parts(len(own)):
            rows = torch.tensor([own[row] for row in part])
            if stored:
                state = {name: whole[rows].to(self._device) for name, whole in stored.items()}
                self._states.append(state)
            elif isinstance(network, Network):
                elapsed = on_device(segment.elapsed[list(part)], self._device)
                self._states.append(network.start_state(elapsed))
            else:  # a plugin wrote it whole
                self._states.append(None)

    def __getitem__(self, part: int) -> State | None:
        """Return the state before the next window of a part; None: its rows begin their pieces."""
        return self._states[part] if self._states else None

    def move(self, states: list[State]) -> None:
        """Set the state after a window, by part."""
        self._states = [{n: value.detach() for n, value in state.items()} for state in states]

    def end(self) -> None:
        """Forget the state at the end of a segment."""
        self._states = []

    def load(self, tensors: Mapping[str, Tensor]) -> None:
        """Set what `tensors` returned, which the next segment to begin goes on with."""
        self._states, self._stored = [], dict(tensors)

    def tensors(self) -> State:
        """Return the state of all rows (B, ...), in memory of the CPU, to the first process.

        Every process must call this; the others get nothing.
        """
        states = [state for state in self._states if state]
        if not states:
            return dict(self._stored) if self._world.first else {}
        found = {}
        for name in sorted(states[0]):
            own = joined([state[name] for state in states])
            hands = self._world.gathered(self._padded(own))
            if hands is not None:
                found[name] = joined(hands)[: self._rows]
        return found

    def _padded(self, own: Tensor) -> Tensor:
        """Return as many rows as the first process has, which has the most."""
        missing = -(-self._rows // self._world.size) - len(own)
        if missing <= 0:
            return own
        return torch.cat((own, own.new_zeros((missing, *own.shape[1:]))))
