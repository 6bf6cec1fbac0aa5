"""The note begun last: what a pitch is judged by, with any encoder, for its interval to it.

With l(t) the highest pitch of the last row up to t that begins notes, drums left out, the logit of
value v of a field in row t + 1 gets

    r[v - j(l(t))],

where j(p) is the first value that begins pitch p, and r (2 n - 1) is a linear map, learnt from 0
on, of what the field's head knows (`heads.Softmax`). What is learnt in C is known in D. The state
of a row is l, -1 before the first note, and what step_notes.py keeps.

`heads.relative` does the same for fields that name what they are relative to, where that stands in
the step before; here the note may have begun many steps ago. Shapes: B rows, T steps, N of both, n
values.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from howlkit.network.input_state import DRUMS, LAST_PITCH, first_values
from howlkit.network.step_notes import StepNotes, last_where, note_pitches
from howlkit.schema import Field, Schema

__all__ = ["LastPitch"]

OPTION = "heads.intervals"

Columns = dict[str, Tensor]
State = dict[str, Tensor]


class LastPitch(nn.Module):
    """The note begun last; fields: those that can be scored, of which those that begin notes are.

    Raises OptionError for an encoder that does not say which notes its values begin.
    """

    def __init__(self, schema: Schema, fields: Sequence[Field]) -> None:
        super().__init__()
        self.notes = StepNotes(schema, OPTION)
        begun = note_pitches(schema, OPTION).pitches
        self.fields = tuple(field for field in self.notes.fields if field in fields)
        for field in self.fields:
            values = first_values(begun[field.name].tolist())
            self.register_buffer(f"values_{field.name}", torch.tensor(values), persistent=False)

    def forward(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Return l (B, T, 1) of steps (B, T) after `state`, as floats, and the new state.

        state: of the network; without l, nothing was played. lengths: (B,) how many steps of each
        row count; None: all.
        """
        drums = self.notes.drums(steps, state)
        before = torch.full_like(steps["mark"][:, :1], -1)
        if state is not None and LAST_PITCH in state:
            before = state[LAST_PITCH][:, None]
        highest = torch.full_like(steps["mark"], -1)
        for field in self.notes.fields:
            pitches, values = self.notes.pitches(field), steps[field.name]
            if field.kind == "bits":
                begun = torch.where(values > 0, pitches, -1).amax(-1)
            else:
                begun = pitches[values]
            begun = begun.where(self.notes.active(field, steps), -1)
            highest = torch.maximum(highest, begun)
        highest = highest.where(~drums[:, 1:], -1)
        last = torch.cat((before, highest), 1)
        last = last_where(last >= 0, last)
        rows, span = highest.shape
        ends = torch.full((rows,), span, device=last.device) if lengths is None else lengths
        at = torch.arange(rows, device=last.device), ends
        return last[:, 1:, None].float(), {LAST_PITCH: last[at], DRUMS: drums[at]}

    def references(self, field: Field, last: Tensor) -> Tensor:
        """Return (N, 1): the value of a field that begins l (N, 1), -1 where there is none."""
        return self.get_buffer(f"values_{field.name}")[last.long()]
