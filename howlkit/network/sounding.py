"""What sounds where a note begins: two more profiles of pitch classes (see pitch_classes.py).

What fits a note is what it sounds with. Which notes sound when the next one begins depends on when
that is, so the profiles of the next note are known once its shift is decided:

    s_c    1 if a note of pitch class c has begun and not ended when the note begins, else 0
           (sum over triads k of q_k [c in k]) - 3/12, with q_k the softmax over the 24 major and
           minor triads of twice the sum of s_c, c in k

The head of its pitch gets them as it gets the other profiles, by intervals to the pitch that is
scored. The input of the backbone at row t gets W y(t), with y(t) (24,) the profiles at the onset of
the last note, W (D in, 24) learnt from 0 on. Independent heads know no shift, and get y(t) too.

With `heads.held`, the logit of a pitch whose key will still sound for r positions when the note
begins gets h ln(1 + r), where h is an affine map, learnt from 0 on, of what the head knows: a key
that sounds is hardly ever struck again, and one that ends just then often is.

Only the last KEPT steps are remembered, drums left out. The state of a row is the pitch class of
each (B, KEPT), -1 for none (with `heads.held` the pitch), how many positions after the last onset
it ends (B, KEPT), and what step_notes.py keeps. Shapes: B rows, T steps, N of both, n values.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from howlkit.errors import OptionError
from howlkit.head_options import SOUNDING_PROFILES
from howlkit.network.input_state import (
    CHORDS,
    CLASSES,
    DRUMS,
    KEPT,
    LEFT,
    PITCHES,
    SOUNDING,
    SOUNDING_SURENESS,
)
from howlkit.network.note_spans import NoteSpans
from howlkit.network.pitch_classes import classes_of_values, membership
from howlkit.network.step_notes import StepNotes
from howlkit.schema import STEP, Field, Schema

__all__ = ["Sounding"]

OPTION = "heads.sounding"

Columns = dict[str, Tensor]
State = dict[str, Tensor]


class Sounding(nn.Module):
    """The notes that sound, and what they add to a backbone's input of width D in.

    width: the numbers that lie in a hidden vector for it. held: whether pitches are remembered, for
    `held_scores`, and not only their classes. Raises OptionError for an encoder of which steps do
    not say when their notes begin and end, or with `held`, which pitch they have.
    """

    chords: Tensor

    def __init__(self, schema: Schema, entering: int, *, held: bool = False) -> None:
        super().__init__()
        self.spans, self.notes = NoteSpans(schema, OPTION), StepNotes(schema, OPTION)
        (self.field,) = self.notes.fields
        self.width, self.held = 2 * KEPT, held
        if held and not NoteSpans.names_keys(schema):
            raise OptionError(
                "heads.held needs an encoder of which one field says the whole pitch (such as "
                "tuple with pitch=one), and this one does not: leave the option out"
            )
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
        there = is_note & ~drums[:, 1:] & (known < CLASSES)
        if self.held:
            known = self.notes.pitches(self.field)[steps[self.field.name]]
        classes = known.where(there, -1)
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
        classes = (classes % CLASSES).where(there, CLASSES).long()
        sounds = sounds.scatter(-1, classes, 1.0)[..., :CLASSES]
        return torch.cat((sounds, membership(sounds, self.chords, SOUNDING_SURENESS)), -1)

    def scores_keys_of(self, field: Field) -> bool:
        """Return whether the values of a field are scored by keys that sound."""
        return self.held and field == self.field

    def held_scores(self, heard: Tensor, shift: Tensor) -> Tensor:
        """Return (N, n): ln(1 + r), r the positions that the key of each value will still sound.

        heard: (N, 2 KEPT), as `forward` returns it. shift: (N,) when the note begins.
        """
        keys, left = heard[:, :KEPT], heard[:, KEPT:] - shift[:, None]
        there = (left > 0) & (keys >= 0)
        longest = heard.new_zeros(len(heard), PITCHES + 1)
        index = keys.where(there, PITCHES).long()
        longest = longest.scatter_reduce(1, index, left.where(there, 0), "amax")
        pitches = self.notes.pitches(self.field)
        scores = torch.log1p(longest[:, pitches.clamp(min=0)])
        return scores.where(pitches >= 0, 0)
