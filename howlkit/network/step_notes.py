"""The notes that steps begin, as tensors: what inputs about pitches are made of.

Which notes the values of a step begin is what `Schema.notes` says. Notes of drums have no pitch, so
they are left out: a program is in force from the step that settles it on, and where no step has
settled one, notes have pitches. The state of a row is one bit, whether the program in force is
drums. Shapes: B rows, T steps, n values of a field.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from howlkit.errors import OptionError
from howlkit.network.input_state import DRUMS
from howlkit.note_pitches import NotePitches, notes_of
from howlkit.schema import Field, Schema

__all__ = ["StepNotes", "last_where", "note_pitches"]

Columns = dict[str, Tensor]
State = dict[str, Tensor]


def note_pitches(schema: Schema, option: str) -> NotePitches:
    """Return which notes the values of a schema begin; OptionError, naming `option`, if unknown."""
    notes = notes_of(schema)
    if notes is None or not notes.pitches:
        raise OptionError(
            f"{option} needs an encoder that says which notes its values begin (its grammar has "
            "note_choices), and this one does not: leave the option out"
        )
    return notes


class StepNotes(nn.Module):
    """The notes that steps begin. option: the one that asks for them, for messages.

    fields: those whose values begin notes. pitches: of each of them (n,) the pitch that each value
    begins, -1 for none. Raises OptionError for an encoder that does not say it.
    """

    def __init__(self, schema: Schema, option: str) -> None:
        super().__init__()
        notes = note_pitches(schema, option)
        self.schema = schema
        self.fields = [field for field in schema.decisions if field.name in notes.pitches]
        self.programs = [field for field in schema.decisions if field.name in notes.drums]
        for field in self.fields:
            pitches = torch.tensor(notes.pitches[field.name].tolist())
            self.register_buffer(f"pitches_{field.name}", pitches, persistent=False)
        for field in self.programs:
            drums = torch.tensor(notes.drums[field.name].tolist())
            self.register_buffer(f"drums_{field.name}", drums, persistent=False)

    def pitches(self, field: Field) -> Tensor:
        """Return (n,): the pitch that each value of one of `fields` begins, -1 for none."""
        return self.get_buffer(f"pitches_{field.name}")

    def active(self, field: Field, steps: Columns) -> Tensor:
        """Return (B, T): where a field of steps (B, T) has a value."""
        return torch.as_tensor(self.schema.active(field, steps))

    def drums(self, steps: Columns, state: State | None) -> Tensor:
        """Return (B, T + 1): whether drums are in force before steps (B, T) and after each one."""
        marks = steps["mark"]
        before = torch.zeros_like(marks[:, :1], dtype=torch.bool)
        if state is not None and DRUMS in state:
            before = state[DRUMS][:, None]
        drums = torch.cat((before, torch.zeros_like(marks, dtype=torch.bool)), 1)
        settled = torch.zeros_like(drums)
        for field in self.programs:
            active = self.active(field, steps)
            flags = self.get_buffer(f"drums_{field.name}")[steps[field.name]]
            drums[:, 1:] |= flags & active
            settled[:, 1:] |= active
        return last_where(settled, drums)


def last_where(settled: Tensor, values: Tensor) -> Tensor:
    """Return values (B, S), each where it is not settled replaced by the last one that is.

    settled: (B, S); before the first that is, values[:, 0] counts.

    >>> last_where(torch.tensor([[False, False, True, False]]), torch.tensor([[7, 1, 5, 2]]))
    tensor([[7, 7, 5, 5]])
    """
    index = torch.arange(values.shape[1], device=values.device).expand_as(values)
    return values.gather(1, torch.where(settled, index, 0).cummax(1).values)
