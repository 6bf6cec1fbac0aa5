"""What sounds where a note begins: two more profiles of pitch classes (see pitch_classes.py).

What fits a note is what it sounds with. Which notes sound when the next one begins depends on when
that is, so the profiles of the next note are known once its shift is decided:

    s_c    1 if a note of pitch class c has begun and not ended when the note begins, else 0
           (sum over triads k of q_k [c in k]) - 3/12, with q_k the softmax over the 24 major and
           minor triads of twice the sum of s_c, c in k

The head of its pitch gets them as it gets the other profiles, by intervals to the pitch that is
scored. The input of the backbone at row t gets W y(t), with y(t) (24,) the profiles at the onset of
the last note, W (D in, 24) learnt from 0 on. Independent heads know no shift, and get y(t) too.

Only the last KEPT steps are remembered, drums left out. The state of a row is the pitch class of
each (B, KEPT), -1 for none, how many positions after the last onset it ends (B, KEPT), and what
step_notes.py keeps. Shapes: B rows, T steps, N of both.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from howlkit.head_options import SOUNDING_PROFILES
from howlkit.network.input_state import (
    CHORDS,
    CLASSES,
    DRUMS,
    KEPT,
    LEFT,
    SOUNDING,
    SOUNDING_SURENESS,
)
from howlkit.network.note_spans import NoteSpans
from howlkit.network.pitch_classes import classes_of_values, membership
from howlkit.network.step_notes import StepNotes
from howlkit.schema import STEP, Schema

__all__ = ["Sounding"]

OPTION = "heads.sounding"

Columns = dict[str, Tensor]
State = dict[str, Tensor]


class Sounding(nn.Module):
    """The notes that sound, and what they add to a backbone's input of width D in.

    width: the numbers that lie in a hidden vector for it. Raises OptionError for an encoder of
    which steps do not say when their notes begin and end.
    """

    chords: Tensor

    def __init__(self, schema: Schema, entering: int) -> None:
        super().__init__()
        self.spans, self.notes = NoteSpans(schema, OPTION), StepNotes(schema, OPTION)
        (self.field,) = self.notes.fields
        self.width = 2 * KEPT
        self.weight = nn.Parameter(torch.zeros(entering, SOUNDING_PROFILES * CLASSES))
        self.register_buffer("chords", torch.tensor(CHORDS), persistent=False)
        classes = classes_of_values(schema, self.field)
        assert classes is not None  # it begins notes
        self.register_buffer("classes", classes, persistent=False)
        for name, adds in (self.spans.shifts | self.spans.lengths).items():
            self.register_buffer(f"adds_{name}", torch.tensor(adds.tolist()), persistent=False)

    def forward(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor, State]:
        """Return what sounds after steps (B, T), the backbone's share of it, and the new state.

        The first is (B, T, 2 KEPT): pitch classes, and how many positions after the onset of the
        step each note ends. The second is (B, T, D in). state: of the network; without SOUNDING,
        nothing sounds. lengths: (B,) how many steps of each row count; None: all.
        """
        is_note = (steps["mark"] == STEP) & self.notes.active(self.field, steps)
        rows, span = is_note.shape
        onsets = self.shift(steps).where(steps["mark"] == STEP, 0).cumsum(1)
        ends = onsets + self._added(self.spans.lengths, steps)
        drums = self.notes.drums(steps, state)
        known = self.get_buffer("classes")[steps[self.field.name]]
        classes = known.where(is_note & ~drums[:, 1:] & (known < CLASSES), -1)
        if state is None or SOUNDING not in state:
            nothing = torch.zeros((rows, KEPT), dtype=torch.int64, device=onsets.device)
            state = {SOUNDING: nothing - 1, LEFT: nothing}
        classes = torch.cat((state[SOUNDING], classes), 1)
        ends = torch.cat((state[LEFT], ends), 1)
        stop = torch.full((rows,), span, device=onsets.device) if lengths is None else lengths
        kept = stop[:, None] + torch.arange(KEPT, device=onsets.device)
        last = torch.cat((onsets.new_zeros(rows, 1), onsets), 1).gather(1, stop[:, None])
        after = {
            SOUNDING: classes.gather(1, kept),
            LEFT: ends.gather(1, kept) - last,
            DRUMS: drums[torch.arange(rows, device=onsets.device), stop],
        }
        # After step t the last KEPT ones are those that stand KEPT places on.
        left = ends.unfold(1, KEPT, 1)[:, 1:] - onsets[..., None]
        heard = torch.cat((classes.unfold(1, KEPT, 1)[:, 1:], left), -1).float()
        now = self.profiles(heard, torch.zeros_like(heard[..., 0]))
        return heard, now @ self.weight.T, after

    def shift(self, steps: Columns) -> Tensor:
        """Return how many positions after the one before the note of each step begins."""
        return self._added(self.spans.shifts, steps)

    def _added(self, fields: Iterable[str], steps: Columns) -> Tensor:
        return torch.stack([self.get_buffer(f"adds_{n}")[steps[n]] for n in fields]).sum(0)

    def profiles(self, heard: Tensor, shift: Tensor) -> Tensor:
        """Return (..., 24): the profiles of a note `shift` (...) positions after the one before.

        heard: (..., 2 KEPT), as `forward` returns it.
        """
        classes, left = heard[..., :KEPT], heard[..., KEPT:]
        there = (left > shift[..., None]) & (classes >= 0)
        sounds = heard.new_zeros(*classes.shape[:-1], CLASSES + 1)
        sounds = sounds.scatter(-1, classes.where(there, CLASSES).long(), 1.0)[..., :CLASSES]
        return torch.cat((sounds, membership(sounds, self.chords, SOUNDING_SURENESS)), -1)
