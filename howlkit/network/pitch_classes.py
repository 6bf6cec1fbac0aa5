"""The key and the chord that music is in: profiles of the pitch classes that notes had lately.

With b(t) (12,) the number of notes of each pitch class (pitch mod 12) that row t begins, drums left
out, and k(t) = sum of b(t), the counts decay note by note, and half of them is left after N notes
(`heads.pitch_classes`):

    h(t) = 2^(-k(t) / N) h(t - 1) + b(t),    h = 0 before the first row.

A profile has a number for each pitch class. The options ask for up to four:

    heads.pitch_classes     the shares s_c = h_c / (1 + sum of h), which sum to less than 1
    heads.scale             m_c = (sum over scales k of p_k [c in k]) - 7/12, with p_k the softmax
                            over the 12 diatonic scales of 0.7 times the sum of h_c, c in k
    heads.harmony           log(1 + g_c) / 2, with g the same counts with its own N, a few notes
                            (sum over triads k of q_k [c in k]) - 3/12, with q_k the softmax over
                            the 24 major and minor triads of the sum of g_c, c in k

Shares say how often a pitch class was played, but hardly whether it belongs to the key: a class
that was never played has a share of 0, and a rare one of 0.02. So a network that is given shares
alone leaves 6 notes in 100 to classes outside the scale where real music has 2, and as soon as
some of them are played the key wanders. The softmax is all but certain of a scale after some bars,
and stays so if a note of it is wrong. It is Bayes' rule for notes that are drawn one by one, each
exp(0.7) times as likely if it is of the scale (as in Temperley, "Music and Probability", 2007,
chapter 6, with one number in place of a profile).

With x(t) the profiles side by side (12 P,), the input of the backbone at row t gets W x(t), W
(D in, 12 P) learnt from 0 on. In row t + 1, the logit of a value that begins a note of pitch class
c gets

    the sum over profiles j and i = 0 .. 11 of u_ji x_j(t)[(c + i) mod 12],

where u (P, 12) is a linear map, learnt from 0 on, of what the field's head knows: so a note is
judged by the notes at each interval above it, and what is learnt in C is known in D.

The state of a row is h (12,), g (12,), and what step_notes.py keeps. Shapes: B rows, T steps, N of
both, n values, P profiles, D in the width of the backbone's input.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from howlkit.head_options import HeadOptions
from howlkit.network.input_state import (
    CHORD_SURENESS,
    CHORDS,
    CLASSES,
    COUNTS,
    DRUMS,
    HARMONY,
    SCALE_SURENESS,
    SCALES,
)
from howlkit.network.step_notes import StepNotes, note_pitches
from howlkit.schema import Field, Schema

__all__ = ["AT_ONCE", "PitchClasses", "classes_of_values", "decayed", "membership"]

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
    """The profiles of pitch classes, and what is added for them to a backbone's input.

    heads: its options say which profiles there are. width: D in. Raises OptionError for an encoder
    that does not say which notes its values begin.
    """

    scales: Tensor
    chords: Tensor

    def __init__(self, schema: Schema, heads: HeadOptions, width: int) -> None:
        super().__init__()
        self.shared, self.scaled = heads.pitch_classes > 0, heads.scale
        self.half_lives = {
            name: notes
            for name, notes in ((COUNTS, heads.pitch_classes), (HARMONY, heads.harmony))
            if notes
        }
        self.width = heads.profiles * CLASSES
        self.notes = StepNotes(schema, OPTION if self.shared else "heads.harmony")
        self.fields = self.notes.fields
        self.weight = nn.Parameter(torch.zeros(width, self.width))
        self.register_buffer("scales", torch.tensor(SCALES), persistent=False)
        self.register_buffer("chords", torch.tensor(CHORDS), persistent=False)
        for field in self.fields:  # (n, 12): a one at the pitch class
            table = np.eye(CLASSES + 1)[_classes(schema, field), :CLASSES]
            classes = torch.tensor(table.tolist(), dtype=torch.get_default_dtype())
            self.register_buffer(f"classes_{field.name}", classes, persistent=False)

    def forward(self, profiles: Tensor) -> Tensor:
        """Return (B, T, D in), what the backbone gets for profiles (B, T, 12 P)."""
        return profiles @ self.weight.T

    def profiles(
        self, steps: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, State]:
        """Return x (B, T, 12 P) of steps (B, T) after `state`, and the new state.

        state: of the network; without h, the rows begin with nothing. lengths: (B,) how many steps
        of each row count; None: all.
        """
        drums = self.notes.drums(steps, state)
        begun = self._begun(steps, drums[:, 1:])
        rows, span = begun.shape[:2]
        ends = torch.full((rows,), span, device=begun.device) if lengths is None else lengths
        at = torch.arange(rows, device=begun.device), ends
        after = {DRUMS: drums[at]}
        found = []
        for name, half_life in self.half_lives.items():
            counts = begun.new_zeros(rows, CLASSES)
            if state is not None and name in state:
                counts = state[name]
            counts = self._counted(counts, begun, half_life)
            after[name] = counts[at]
            found += self._profiles_of(name, counts[:, 1:])
        return torch.cat(found, -1), after

    def _profiles_of(self, name: str, counts: Tensor) -> list[Tensor]:
        """Return the profiles (B, T, 12) that counts (B, T, 12) of this name are made into."""
        if name == HARMONY:
            return [torch.log1p(counts) / 2, membership(counts, self.chords, CHORD_SURENESS)]
        shares = counts / (1 + counts.sum(-1, keepdim=True))
        if not self.scaled:
            return [shares]
        return [shares, membership(counts, self.scales, SCALE_SURENESS)]

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

    def _counted(self, counts: Tensor, begun: Tensor, half_life: int) -> Tensor:
        """Return (B, T + 1, 12): counts before and after steps that begin notes (B, T, 12).

        counts: (B, 12), before all of them.
        """
        parts = [counts[:, None]]
        for begin in range(0, begun.shape[1], AT_ONCE):
            now = begun[:, begin : begin + AT_ONCE]
            parts.append(decayed(parts[-1][:, -1], now, half_life))
        return torch.cat(parts, 1)


def decayed(counts: Tensor, begun: Tensor, half_life: int) -> Tensor:
    """Return counts (B, S, 12) after each of S steps that begin notes (B, S, 12); counts: before.

    The same as the formula, all at once: a note counts 2^(-m / N) when m more have begun.
    """
    notes = begun.sum(-1).cumsum(1)  # (B, S)
    span = notes.shape[1]
    since = notes[:, :, None] - notes[:, None, :]  # (B, S, S): from the later one back
    earlier = torch.ones(span, span, dtype=torch.bool, device=notes.device).tril()
    weights = torch.exp2(-since / half_life).where(earlier, 0)
    with torch.autocast(notes.device.type, enabled=False):
        kept = torch.exp2(-notes / half_life)[..., None] * counts[:, None]
        return kept + weights @ begun


def membership(counts: Tensor, members: Tensor, sureness: float) -> Tensor:
    """Return (..., 12): how surely each pitch class is in the scale or chord that is played.

    counts: (..., 12). members: (K, 12), ones for the classes of each scale or chord. sureness:
    what a note more in it adds to its logit. The result is 0 on average over the classes, and
    everywhere before the first note.
    """
    with torch.autocast(counts.device.type, enabled=False):
        chances = torch.softmax(sureness * counts @ members.T, -1)
        return chances @ members - members[0].sum() / CLASSES
