"""The pulse of a piece: where in a beat its notes begin, so that music stays on the grid it is on.

A shift says how long after the last onset a note begins. A model that only sees shifts loses the
beat: after one note that is a little late, all that follow are late with it, and nothing that was
played before lies whole half beats back any more. In real pieces the place in the beat hardly
moves, wherever it is: few recordings begin on a beat of their file.

With D the positions of a beat and p(t) the position of row t modulo D, counted from any place, the
counts c (D,) decay note by note, and half of them is left after N notes (`heads.pulse`):

    c(t) = 2^(-1 / N) c(t - 1) + [the place p(t)],    c = 0 before the first row

at rows that begin a note; drums count too. Seen from the last note, with shares below 1,

    s_k(t) = c[(p(t) + k) mod D] / (1 + sum of c),    k = 0 .. D - 1.

The backbone's input at row t gets W s(t), W (D in, D) learnt from 0 on. In row t + 1, the logit of
a shift by k positions (of a value of one of its fields, given those decided before) gets

    g ln(1 + s_(k mod D) / SHARE),

where g is an affine map, learnt from 0 on, of what the field's head knows. A field all of whose
values are whole beats gets nothing.

The state of a row is c (D,) and p. Shapes: B rows, T steps, N of both, n values of a field.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from howlkit.network.input_state import PHASE, PULSE, PULSE_SHARE
from howlkit.network.note_places import NotePlaces
from howlkit.network.pitch_classes import AT_ONCE, decayed
from howlkit.network.step_notes import StepNotes
from howlkit.schema import STEP, Field, Schema

__all__ = ["Pulse"]

OPTION = "heads.pulse"

Columns = dict[str, Tensor]
State = dict[str, Tensor]


class Pulse(nn.Module):
    """The histogram of places in a beat, and what it adds to a backbone's input.

    half_life: N. width: D in. period: D. fields: those of the shift whose values it scores. Raises
    OptionError for an encoder whose notes have no places in beats (`NotePlaces.possible`).
    """

    def __init__(self, schema: Schema, half_life: int, width: int) -> None:
        super().__init__()
        places, self.notes = NotePlaces(schema, OPTION), StepNotes(schema, OPTION)
        self.half_life, self.period = half_life, places.period
        self._shifts = [schema[name] for name in places.shifts]
        self.fields = [schema[name] for name in places.pulsed]
        self.weight = nn.Parameter(torch.zeros(width, self.period))
        for name, adds in places.shifts.items():
            self.register_buffer(f"adds_{name}", torch.tensor(adds.tolist()), persistent=False)

    def forward(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, State]:
        """Return s (B, T, D) of steps (B, T) after `state`, the backbone's part, and the new state.

        The second is (B, T, D in). state: of the network; without c, the rows begin with nothing.
        lengths: (B,) how many steps of each row count; None: all.
        """
        rows, span = steps["mark"].shape
        device = self.weight.device
        counts = self.weight.new_zeros(rows, self.period)
        phase = torch.zeros(rows, dtype=torch.int64, device=device)
        if state is not None and PULSE in state:
            counts, phase = state[PULSE], state[PHASE]
        moved = self._added(self._shifts, steps).where(steps["mark"] == STEP, 0).cumsum(1)
        phases = torch.cat((phase[:, None], (phase[:, None] + moved) % self.period), 1)
        places = torch.arange(self.period, device=device)
        begun = (phases[:, 1:, None] == places) & self._begins(steps)[..., None]
        parts = [counts[:, None]]
        for begin in range(0, span, AT_ONCE):
            now = begun[:, begin : begin + AT_ONCE].to(self.weight.dtype)
            parts.append(decayed(parts[-1][:, -1], now, self.half_life))
        counts = torch.cat(parts, 1)  # (B, T + 1, D)
        ends = torch.full((rows,), span, device=device) if lengths is None else lengths
        at = torch.arange(rows, device=device), ends
        seen = counts[:, 1:].gather(2, (phases[:, 1:, None] + places) % self.period)
        shares = seen / (1 + seen.sum(-1, keepdim=True))
        return shares, shares @ self.weight.T, {PULSE: counts[at], PHASE: phases[at]}

    def scores(self, field: Field, shares: Tensor, decided: Columns) -> Tensor:
        """Return (N, n): ln(1 + s / SHARE) of the place that each value of a field leads to.

        shares: (N, D), as `forward` returns them. decided: (N,) by name, the fields before it.
        """
        logs = torch.log1p(shares / PULSE_SHARE)
        places = self.get_buffer(f"adds_{field.name}").expand(len(shares), -1)
        before = self._shifts[: self._shifts.index(field)]
        if before and all(each.name in decided for each in before):
            places = places + self._added(before, decided)[:, None]
        return logs.gather(1, places % self.period)

    def _begins(self, steps: Columns) -> Tensor:
        """Return (B, T): which steps begin a note."""
        begins = torch.zeros_like(steps["mark"], dtype=torch.bool)
        for field in self.notes.fields:
            pitches = self.notes.pitches(field)[steps[field.name]]
            begins |= (pitches >= 0) & self.notes.active(field, steps)
        return begins & (steps["mark"] == STEP)

    def _added(self, fields: list[Field], steps: Columns) -> Tensor:
        """Return how many positions the values of some fields of the shift add to an onset."""
        adds = [self.get_buffer(f"adds_{field.name}")[steps[field.name]] for field in fields]
        return torch.stack(adds).sum(0)
