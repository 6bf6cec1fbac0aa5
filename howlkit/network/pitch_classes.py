"""The key that music is in: which pitch classes the notes of a piece had lately.

With b(t) (12,) the number of notes of each pitch class (pitch mod 12) that row t begins, drums left
out, and k(t) = sum of b(t), the counts decay note by note, and half of them is left after N notes
(`heads.pitch_classes`):

    h(t) = 2^(-k(t) / N) h(t - 1) + b(t),    h = 0 before the first row,
    s(t) = h(t) / (1 + sum of h(t)),

the shares s, which sum to less than 1. The input of the backbone at row t gets W s(t), W (D in, 12)
learnt from 0 on. In row t + 1, the logit of a value that begins a note of pitch class c gets

    the sum over i = 0 .. 11 of u_i s(t)[(c + i) mod 12],

where u (12,) is a linear map, learnt from 0 on, of what the field's head knows: so a note is judged
by the notes at each interval above it, and what is learnt in C is known in D.

The state of a row is h (12,), and what step_notes.py keeps. Shapes: B rows, T steps, N of both, n
values, D in the width of the backbone's input.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from howlkit.network.input_state import CLASSES, COUNTS, DRUMS
from howlkit.network.step_notes import StepNotes, note_pitches
from howlkit.schema import Field, Schema

__all__ = ["PitchClasses", "classes_of_values"]

OPTION = "heads.pitch_classes"

AT_ONCE = 128  # steps whose counts are summed in one product; bounds memory

Columns = dict[str, Tensor]
State = dict[str, Tensor]


def classes_of_values(schema: Schema, field: Field) -> Tensor | None:
    """Return (n,): the pitch class of each value of a field, 12 for none; None: it has none."""
    classes = _classes(schema, field)
    return None if classes is None else torch.tensor(classes.tolist())


def _classes(schema: Schema, field: Field) -> NDArray[np.int64] | None:
    """Return what `classes_of_values` does, as an array.

    By numpy, since such arithmetic on the device "meta" (`build_shapes`) imports torch's compiler,
    which takes longer than torch.
    """
    found = note_pitches(schema, OPTION).pitches.get(field.name)
    if found is None:
        return None
    pitches = np.asarray(found, np.int64)
    return np.where(pitches >= 0, pitches % CLASSES, CLASSES)


class PitchClasses(nn.Module):
    """The shares of pitch classes, and what is added for them to a backbone's input.

    half_life: N, in notes. width: D in. Raises OptionError for an encoder that does not say which
    notes its values begin.
    """

    def __init__(self, schema: Schema, half_life: int, width: int) -> None:
        super().__init__()
        self.half_life = half_life
        self.notes = StepNotes(schema, OPTION)
        self.fields = self.notes.fields
        self.weight = nn.Parameter(torch.zeros(width, CLASSES))
        for field in self.fields:  # (n, 12): a one at the pitch class
            table = np.eye(CLASSES + 1)[_classes(schema, field), :CLASSES]
            classes = torch.tensor(table.tolist(), dtype=torch.get_default_dtype())
            self.register_buffer(f"classes_{field.name}", classes, persistent=False)

    def forward(self, shares: Tensor) -> Tensor:
        """Return (B, T, D in), what the backbone gets for shares (B, T, 12)."""
        return shares @ self.weight.T

    def shares(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Return s (B, T, 12) of steps (B, T) after `state`, and the new state.

        state: of the network; without h, the rows begin with nothing. lengths: (B,) how many steps
        of each row count; None: all.
        """
        drums = self.notes.drums(steps, state)
        begun = self._begun(steps, drums[:, 1:])
        rows, span = begun.shape[:2]
        counts = begun.new_zeros(rows, CLASSES)
        if state is not None and COUNTS in state:
            counts = state[COUNTS]
        parts = [counts[:, None]]
        for begin in range(0, span, AT_ONCE):
            parts.append(self._decayed(parts[-1][:, -1], begun[:, begin : begin + AT_ONCE]))
        counts = torch.cat(parts, 1)  # (B, T + 1, 12)
        ends = torch.full((rows,), span, device=begun.device) if lengths is None else lengths
        at = torch.arange(rows, device=begun.device), ends
        after = {COUNTS: counts[at], DRUMS: drums[at]}
        counts = counts[:, 1:]
        return counts / (1 + counts.sum(-1, keepdim=True)), after

    def _begun(self, steps: Columns, drums: Tensor) -> Tensor:
        """Return b (B, T, 12); drums: (B, T), whether they are in force."""
        begun = self.weight.new_zeros(*drums.shape, CLASSES)
        for field in self.fields:
            table, active = (
                self.get_buffer(f"classes_{field.name}"),
                self.notes.active(field, steps),
            )
            values = steps[field.name]
            added = values.to(table.dtype) @ table if field.kind == "bits" else table[values]
            begun = begun + added * active[..., None]
        return begun * ~drums[..., None]

    def _decayed(self, counts: Tensor, begun: Tensor) -> Tensor:
        """Return h (B, S, 12) after each of S steps that begin notes (B, S, 12); counts: h before.

        The same as the formula, all at once: a note counts 2^(-m / N) when m more have begun.
        """
        notes = begun.sum(-1).cumsum(1)  # (B, S)
        span = notes.shape[1]
        since = notes[:, :, None] - notes[:, None, :]  # (B, S, S): from the later one back
        earlier = torch.ones(span, span, dtype=torch.bool, device=notes.device).tril()
        weights = torch.exp2(-since / self.half_life).where(earlier, 0)
        with torch.autocast(notes.device.type, enabled=False):
            kept = torch.exp2(-notes / self.half_life)[..., None] * counts[:, None]
            return kept + weights @ begun
