"""What every network has around its backbone: steps to vectors, and back by a chain of heads.

Heads belong to the core, so a model only has to be a backbone, (B, T, D in) to (B, T, D out).
embedding.py embeds a step, heads.py has what one field's head computes, repeat_hints.py the hints
from earlier passages. Shapes: B rows, T steps, N of both, D the width of the hidden vector, K
decisions a step (`mark` and the fields that are not derived), E the width of an embedded step, H
the width of a head.

Chained heads write the likelihood of a step as a product in which each field is given those decided
before it, p(v1) p(v2 | v1) ... (NADE, Larochelle and Murray 2011). The decided fields reach all K
heads by one masked matrix product (as in MADE, Germain et al. 2015), which for fields of few values
is a sum of rows of a table (`Embedding.project`), so training needs no loop over notes.
Independent heads, as Howl had them, are the same network with that mask all zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F

from howlkit.head_options import HeadKind, HeadOptions
from howlkit.network.elapsed import Elapsed
from howlkit.network.embedding import Embedding, key_of
from howlkit.network.heads import (
    BitsChained,
    BitsIndependent,
    Head,
    HeadHint,
    Logistics,
    Softmax,
    Squared,
)
from howlkit.network.input_state import ELAPSED
from howlkit.network.last_pitch import LastPitch
from howlkit.network.pitch_classes import PitchClasses, classes_of_values
from howlkit.network.pulse import Pulse
from howlkit.network.relative import RelativeLookup
from howlkit.network.repeat_hints import RepeatHints, StepHints
from howlkit.network.repeat_scores import PREFIX
from howlkit.network.repeats import RepeatMatch
from howlkit.network.sounding import Sounding
from howlkit.protocols import Backbone
from howlkit.schema import Field, Schema

__all__ = ["Network", "Stepper"]

Columns = dict[str, Tensor]
State = dict[str, Tensor]

CLASSES: dict[HeadKind, type[Head]] = {
    "softmax": Softmax,
    "logistics": Logistics,
    "squared": Squared,
    "bits chained": BitsChained,
    "bits independent": BitsIndependent,
}


def _backbone_state(state: State | None) -> State | None:
    """Return the backbone's part of a state; None: it begins."""
    own = (PREFIX, ELAPSED, "begun_")
    parts = {name: part for name, part in (state or {}).items() if not name.startswith(own)}
    return parts or None


class Network(nn.Module):
    """A backbone between the embedding of steps and one head a field.

    The shapes of parameters depend on the schema and the options alone, never on the data.

    >>> from howlkit.builtin.models.lstm_gru import Lstm
    >>> from howlkit.schema import Field
    >>> schema = Schema((Field("pitch", 128),))
    >>> network = Lstm(hidden=16).build(schema, HeadOptions())
    >>> steps = {"mark": torch.tensor([[2, 0]]), "pitch": torch.tensor([[0, 60]])}
    >>> hidden, state = network.advance(steps, None)
    >>> next_steps = {"mark": torch.tensor([[0, 1]]), "pitch": torch.tensor([[60, 0]])}
    >>> {name: tuple(nats.shape) for name, nats in network.nats(hidden, next_steps).items()}
    {'mark': (1, 2), 'pitch': (1, 2)}
    """

    head_mask: Tensor

    def __init__(self, schema: Schema, heads: HeadOptions, backbone: Backbone) -> None:
        super().__init__()
        self.schema = schema
        self.heads = heads
        self.backbone = backbone
        self.embed = Embedding(schema, heads)
        self.hints = RepeatHints(schema, heads) if heads.repeats else None
        fields = schema.decisions
        self.relative = RelativeLookup(schema, heads.related(schema), chained=heads.chained)
        softmax = [field for field in fields if heads.kind(field) == "softmax"]
        self.last_pitch = LastPitch(schema, softmax) if heads.intervals else None
        self._position = {field.name: k for k, field in enumerate(fields)}
        self.narrow = nn.Linear(heads.width_embedded(schema), heads.input) if heads.input else None
        entering = heads.width_in(schema)
        self.elapsed = Elapsed(entering, heads.elapsed_scale) if heads.elapsed else None
        self.pitch_classes = PitchClasses(schema, heads, entering) if heads.profiles else None
        self.sounding = Sounding(schema, entering, held=heads.held) if heads.sounding else None
        self.pulse = Pulse(schema, heads.pulse, entering) if heads.pulse else None
        width = backbone.width + heads.width_skip(schema)
        self.from_hidden = nn.Linear(width, len(fields) * heads.width)
        if heads.chained:
            fan_in = heads.width_of_step(schema)
            weights = torch.empty(len(fields) * heads.width, fan_in)
            self.from_fields = nn.Parameter(
                nn.init.uniform_(weights, -(fan_in**-0.5), fan_in**-0.5)
            )
            self.register_buffer("head_mask", self._mask(), persistent=False)
        self.out = nn.ModuleDict({key_of(field): self._new_head(field) for field in fields})

    def _new_head(self, field: Field) -> Head:
        heads, kind = self.heads, CLASSES[self.heads.kind(field)]
        head: Head
        if kind is Softmax:
            takes_hints = bool(heads.repeats) and field.name != "mark"
            count = self.relative.count(field)
            count += self.last_pitch is not None and field in self.last_pitch.fields
            classes = classes_of_values(self.schema, field) if heads.scored_profiles else None
            votes = self.hints.votes if self.hints is not None else None
            head = Softmax(
                field,
                heads.width,
                takes_hints=takes_hints,
                reference_count=count,
                classes=classes,
                profiles=heads.scored_profiles,
                takes_votes=votes is not None and votes.fields.has(field.name),
                takes_held=self.sounding is not None and self.sounding.scores_keys_of(field),
                takes_pulse=self.pulse is not None and field in self.pulse.fields,
            )
        elif kind is Logistics:
            head = Logistics(field, heads.width, heads.components)
        else:
            head = kind(field, heads.width)
        head.dropout = heads.dropout
        return head

    def _mask(self) -> Tensor:
        """Return (K H, E): ones where head k is given a field before its own, zeros elsewhere."""
        fields, width = self.schema.decisions, self.heads.width
        mask = torch.zeros(len(fields), width, self.heads.width_of_step(self.schema))
        for k in range(len(fields)):
            for before in fields[:k]:
                mask[k, :, self.embed.slices[before.name]] = 1
        return mask.flatten(0, 1)

    @property
    def row_blocks(self) -> dict[str, tuple[int, ...]]:
        """The rows of each head in the matrices of all heads (`hidden_matrices`)."""
        rows = (self.heads.width,) * len(self.schema.decisions)
        return {"from_hidden.weight": rows} | ({"from_fields": rows} if self.heads.chained else {})

    def head(self, field: Field) -> Head:
        """Return the head of a field."""
        head = self.out[key_of(field)]
        assert isinstance(head, Head)  # for mypy: a ModuleDict forgets what it holds
        return head

    def is_likelihood(self, field: Field) -> bool:
        """Say whether the nats of this field are -ln of a probability, or a squared error."""
        return self.head(field).is_likelihood

    def start_at(self, counts: Mapping[str, ArrayLike]) -> None:
        """Set the biases of the heads so that training begins at the unigram model of `counts`.

        counts: how often each value of each field was decided (`likelihood.unigram`). Without
        them, the first minutes go into learning which values occur at all.
        """
        with torch.no_grad():
            for name, seen in counts.items():
                head = self.head(self.schema[name])
                head.start_at(torch.from_numpy(np.asarray(seen, np.float64)))

    def start_state(self, elapsed: Tensor) -> State | None:
        """Return the state of rows (B,) that begin `elapsed` steps after their pieces did.

        None if nothing depends on that. Everything else begins as at the start of a piece.
        """
        return None if self.elapsed is None else {ELAPSED: elapsed}

    def advance(
        self,
        batch: Columns,
        state: State | None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, State]:
        """Read steps (B, T) by field name after `state`; return hidden (B, T, D) and the state.

        state: as this returned it, or `start_state` did; None: the rows begin their pieces.
        lengths: (B,) how many steps of each row count; None: all.
        """
        hidden, suffix, state = self._read(batch, state, lengths)
        return hidden if suffix is None else torch.cat((hidden, suffix), -1), state

    def _read(
        self, batch: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, Tensor | None, State]:
        """Return what `advance` does, the hidden vectors in two parts.

        The first (B, T, D') has gradients. The second is what the steps alone say, apart so that no
        gradient is computed for it; None: nothing.
        """
        x, match, after = self._embed(batch, state, lengths)
        suffixes = [self.relative.suffix(batch)] if self.relative.fields else []
        if self.pitch_classes is not None:
            profiles, counted = self.pitch_classes.profiles(batch, state, lengths)
            x, after = x + self.pitch_classes(profiles), after | counted
            suffixes.append(profiles)
        if self.sounding is not None:
            sounding, added, heard = self.sounding(batch, state, lengths)
            x, after = x + added, after | heard
            suffixes.append(sounding)
        if self.pulse is not None:
            shares, added, counted = self.pulse(batch, state, lengths)
            x, after = x + added, after | counted
            suffixes.append(shares)
        if self.last_pitch is not None:
            last, counted = self.last_pitch(batch, state, lengths)
            after |= counted
            suffixes.append(last)
        if self.hints is not None and match is not None:
            suffixes += self.hints.suffix(match)
        hidden, state = self.backbone(x, _backbone_state(state), lengths)
        if width := self.heads.width_skip(self.schema):
            skipped = F.dropout(x[..., -width:], self.heads.dropout, self.training)
            hidden = torch.cat((hidden, skipped), -1)
        return hidden, torch.cat(suffixes, -1) if suffixes else None, state | after

    def _embed(
        self, batch: Columns, state: State | None, lengths: Tensor | None
    ) -> tuple[Tensor, RepeatMatch | None, State]:
        """Return the backbone's input (B, T, D in), the match in it, and their state."""
        x = self.embed(batch)
        match: RepeatMatch | None = None
        after: State = {}
        if self.hints is not None:
            match, after = self.hints.search(batch, state, lengths)
            x = torch.cat((x, self.hints(self.embed(match.steps), match)), -1)
        x = x if self.narrow is None else self.narrow(x)
        if self.elapsed is not None:
            added, counted = self.elapsed(batch, state, lengths)
            x, after = x + added, after | counted
        return x, match, after

    def head_hint(
        self, field: Field, suffix: Tensor, step_hints: StepHints | None, decided: Columns
    ) -> HeadHint | None:
        """Return the hint that a field's head is given; None: no hint.

        suffix: (N, .) the second part of the hidden vector. decided: (N,) by name, the fields
        decided before it.
        """
        hint = step_hints.of(field, decided) if step_hints is not None else None
        begin, end = 0, self.relative.width
        references = []
        if field in self.relative.fields:
            references.append(self.relative.references(field, suffix[:, begin:end], decided))
        profiles = []
        if self.pitch_classes is not None:
            begin, end = end, end + self.pitch_classes.width
            if field in self.pitch_classes.fields:
                profiles.append(suffix[:, begin:end])
        if self.sounding is not None:
            begin, end = end, end + self.sounding.width
            if field == self.sounding.field:
                shift = torch.zeros_like(suffix[:, 0])
                if self.heads.chained:
                    shift = self.sounding.shift(decided)
                profiles.append(self.sounding.profiles(suffix[:, begin:end], shift))
                if self.heads.held:
                    held = self.sounding.held_scores(suffix[:, begin:end], shift)
                    hint = replace(hint or HeadHint(), held=held)
        if self.pulse is not None:
            begin, end = end, end + self.pulse.period
            if field in self.pulse.fields:
                earlier = decided if self.heads.chained else {}
                scores = self.pulse.scores(field, suffix[:, begin:end], earlier)
                hint = replace(hint or HeadHint(), pulse=scores)
        if profiles:
            hint = replace(hint or HeadHint(), profiles=torch.cat(profiles, -1))
        if self.last_pitch is not None and field in self.last_pitch.fields:
            references.append(self.last_pitch.references(field, suffix[:, end : end + 1]))
        if references:
            hint = replace(hint or HeadHint(), references=torch.cat(references, -1))
        return hint

    def nats(self, hidden: Tensor, targets: Columns) -> Columns:
        """Return by field (B, T) nats of `targets`, each field given those before it in its step.

        hidden: (B, T, D), what `advance` returned for the step before each target. A field costs
        nothing where it is not active. The nats are exact and normalised (exp(-nats) sums to 1 over
        all values of a field), unless `is_likelihood` says no.
        """
        return self._nats(*self._parts(hidden), targets)

    def _parts(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Return the two parts of hidden (..., D), as `_read` does; the second may be empty."""
        width = self.from_hidden.in_features
        return hidden[..., :width], hidden[..., width:].detach()

    def _nats(self, hidden: Tensor, suffix: Tensor | None, targets: Columns) -> Columns:
        """Return by field (B, T) nats of targets (B, T); hidden, suffix: as `_read` does."""
        rows, span = hidden.shape[:2]
        suffix = hidden[..., :0].detach() if suffix is None else suffix
        flat = {name: column.flatten(0, 1) for name, column in targets.items()}
        costs = self._flat_nats(hidden.flatten(0, 1), suffix.flatten(0, 1), flat)
        return {name: cost.view(rows, span) for name, cost in costs.items()}

    def _flat_nats(self, hidden: Tensor, suffix: Tensor, targets: Columns) -> Columns:
        """Return by field (N,) nats of targets (N,)."""
        head_inputs = self.head_inputs(hidden)  # (N, K H)
        if self.heads.chained:
            weight = self.from_fields * self.head_mask  # (K H, E), zero for the last field
            given = self.embed.project(self.schema.decisions[:-1], targets, weight)
            head_inputs = head_inputs + given
        parts = torch.split(head_inputs, self.heads.width, -1)  # K of (N, H)
        step_hints = self.hints.begin(suffix) if self.hints is not None else None
        costs = {}
        for field, part in zip(self.schema.decisions, parts, strict=True):
            target, active = targets[field.name], self.schema.active(field, targets)
            hint = self.head_hint(field, suffix, step_hints, targets)
            costs[field.name] = self.head(field).nats(part, target, hint).where(active, 0)
            if step_hints is not None:
                step_hints.decide(field, target, active)
        return costs

    def head_inputs(self, hidden: Tensor) -> Tensor:
        """Return (..., K H): what hidden (..., D) gives to all heads, side by side."""
        inputs: Tensor = self.from_hidden(hidden[..., : self.from_hidden.in_features])
        return inputs

    def stepper(self) -> Stepper:
        """Return a `Stepper`, which decides steps field by field with the weights as they are."""
        return Stepper(self)

    def forward(
        self, inputs: Columns, targets: Columns, lengths: Tensor, state: State | None
    ) -> tuple[Tensor, State]:
        """Return (K,) nats by decision, summed over the steps that count, and the state after.

        All of training goes through here, as torch's data-parallel wrappers need.
        inputs, targets: (B, T) by name; targets[t] follows inputs[t]. lengths: (B,) how many steps
        of each row count.
        """
        hidden, suffix, state = self._read(inputs, state, None)
        counted = torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]
        costs = self._nats(hidden, suffix, targets)
        # Costs past a row's length mean nothing and may be anything: `where`, not a product.
        sums = [cost.where(counted, 0).sum() for cost in costs.values()]
        return torch.stack(sums), state


class Stepper:
    """Decides a step choice by choice, for B rows, with the probabilities that `nats` prices.

    A decided value gives the heads after it a row of a table that is made once, so a decision costs
    a look-up and one product instead of a run through the embedding. A bit that is on also adds to
    its own head, which decides the next bit.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._added: dict[str, Tensor] = {}  # by field (n, K H)
        if network.heads.chained:
            weights = network.from_fields * network.head_mask  # (K H, E)
            for field in network.schema.decisions:
                part = weights[:, network.embed.slices[field.name]]
                added = network.embed.all_values(field) @ part.T
                head = network.head(field)
                if isinstance(head, BitsChained):
                    added[:, self._slice(field)] = head.on
                self._added[field.name] = added

    def _slice(self, field: Field) -> slice:
        width = self._network.heads.width
        begin = self._network._position[field.name] * width
        return slice(begin, begin + width)

    def begin(self, hidden: Tensor) -> None:
        """Begin a step after hidden (B, D), the last of `Network.advance`."""
        network = self._network
        hidden, self._suffix = network._parts(hidden)
        self._head_inputs = network.head_inputs(hidden)  # (B, K H)
        self._decided: Columns = {}
        self._step_hints = network.hints.begin(self._suffix) if network.hints is not None else None

    def logits(self, field: Field) -> Tensor:
        """Return (B, C), the logits of `field`, given the values that `decide` was given."""
        hint = self._network.head_hint(field, self._suffix, self._step_hints, self._decided)
        return self._network.head(field).logits(self._head_inputs[:, self._slice(field)], hint)

    def decide(self, field: Field, values: Tensor, active: Tensor) -> None:
        """Go on from `values` (B,) of `field`, in the rows where it is active (B,)."""
        self._decided[field.name] = values.where(active, 0)
        if self._added:
            added = self._added[field.name][self._decided[field.name]]
            self._head_inputs = self._head_inputs + added.where(active[:, None], 0)
        if self._step_hints is not None:
            self._step_hints.decide(field, values, active)
