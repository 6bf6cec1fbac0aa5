"""Heads: each is the likelihood of one field of a step, to price a value or to decide one.

A head takes x (N, H), the sum of what the hidden vector and the fields decided before give to it,
before the nonlinearity. Shapes: N steps (any leading shape, flattened), H the width of a head, n
the field's values, bits or cells, C = `field.choices`.

class   Softmax; of ordered values also Logistics, by option
real    Logistics (mass in a cell), or Squared (Howl's; no likelihood)
bits    BitsChained (given the bits below, as RNN-NADE; here by naming the bits that are on), or
        BitsIndependent
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from howlkit.network.input_state import CLASSES
from howlkit.schema import MARK, START, Field

__all__ = ["BitsChained", "BitsIndependent", "Head", "HeadHint", "Logistics", "Softmax", "Squared"]


@dataclass(frozen=True)
class HeadHint:
    """What a head is given about a field besides x; None: nothing.

    value: (N,) a value that is likely to come, -1 for none. bonus: (N,) what the hint adds to the
    logit of `value`. references: (N, R) the values that the field is relative to, -1 for none
    (`schema.Field.relative_to`). profiles: (N, 12 P) of pitch classes (pitch_classes.py). votes:
    (N, n), how often each value is voted for, as a logarithm (lag_votes.py). pulse: (N, n), how
    often notes began at the place in a beat that each value leads to, as one (pulse.py). held:
    (N, n), how long the key of each value will still sound, as one (sounding.py).
    """

    value: Tensor | None = None
    bonus: Tensor | None = None
    references: Tensor | None = None
    profiles: Tensor | None = None
    votes: Tensor | None = None
    pulse: Tensor | None = None
    held: Tensor | None = None


class Head(nn.Module, ABC):
    """One field's part of a network; `out` is its last layer, with `dropout` before it."""

    is_likelihood: ClassVar[bool] = True

    def __init__(self, field: Field, width: int, outputs: int = 1) -> None:
        super().__init__()
        self.field = field
        self.dropout = 0.0
        self.out = nn.Linear(width, outputs)

    def outputs(self, x: Tensor) -> Tensor:
        """Return (..., outputs) of the last layer."""
        result: Tensor = self.out(self.activations(x))
        return result

    def activations(self, x: Tensor) -> Tensor:
        """Return (..., H), the input of the last layer."""
        return F.dropout(F.gelu(x), self.dropout, self.training)

    @abstractmethod
    def nats(self, x: Tensor, target: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N,) the nats of target (N,), of bits (N, n); x (N, H).

        hint: used by Softmax, ignored by every other head.
        """

    @abstractmethod
    def logits(self, x: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N, C) logits, as `protocols.Stepper.logits`."""

    @abstractmethod
    def start_at(self, counts: Tensor) -> None:
        """Set the biases by counts of values (C,) (`likelihood.unigram`)."""


class Softmax(Head):
    """One of n values, by a logit for each.

    takes_hints: whether a hinted value gets a bonus on its logit. reference_count: R, the number
    of values that the field is relative to. classes: (n,) the pitch class of the note that each
    value begins, 12 for none. profiles: P, of pitch classes; 0: no bonus for intervals to notes
    played lately. takes_votes: whether logits are raised by votes. takes_pulse:
    whether they are by the pulse. takes_held: whether they change for keys that sound.
    """

    classes: Tensor

    def __init__(
        self,
        field: Field,
        width: int,
        *,
        takes_hints: bool = False,
        reference_count: int = 0,
        classes: Tensor | None = None,
        profiles: int = 0,
        takes_votes: bool = False,
        takes_pulse: bool = False,
        takes_held: bool = False,
    ) -> None:
        super().__init__(field, width, field.n)
        self._is_mark = field == MARK
        if reference_count:
            self.relative = nn.Linear(width, reference_count * (2 * field.n - 1), bias=False)
            nn.init.zeros_(self.relative.weight)
        if takes_hints:
            self.trust = nn.Linear(width, 1, bias=False)
            nn.init.zeros_(self.trust.weight)
        if classes is not None:
            self.intervals = nn.Linear(width, profiles * CLASSES, bias=False)
            nn.init.zeros_(self.intervals.weight)
            self.register_buffer("classes", classes, persistent=False)
        if takes_votes:
            self.gain = nn.Linear(width, 1)
            nn.init.zeros_(self.gain.weight)
            nn.init.zeros_(self.gain.bias)
        if takes_pulse:
            self.pulse = nn.Linear(width, 1)
            nn.init.zeros_(self.pulse.weight)
            nn.init.zeros_(self.pulse.bias)
        if takes_held:
            self.held = nn.Linear(width, 1)
            nn.init.zeros_(self.held.weight)
            nn.init.zeros_(self.held.bias)

    def nats(self, x: Tensor, target: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N,) cross-entropies."""
        return F.cross_entropy(self.logits(x, hint), target, reduction="none")

    def logits(self, x: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N, n); a start is never predicted."""
        activations = self.activations(x)
        logits: Tensor = self.out(activations)
        if hint is not None and hint.references is not None:
            logits = logits + self._from_references(activations, hint.references)
        if hint is not None and hint.profiles is not None:
            logits = logits + self._from_profiles(activations, hint.profiles)
        if hint is not None and hint.votes is not None:
            logits = logits + self.gain(activations) * hint.votes
        if hint is not None and hint.pulse is not None:
            logits = logits + self.pulse(activations) * hint.pulse
        if hint is not None and hint.held is not None:
            logits = logits + self.held(activations) * hint.held
        if hint is not None and hint.value is not None and hint.bonus is not None:
            bonus = hint.bonus + self.trust(activations)[:, 0]
            bonus = bonus.where(hint.value >= 0, 0).to(logits.dtype)
            logits = logits.scatter_add(-1, hint.value.clamp(min=0)[:, None], bonus[:, None])
        if self._is_mark:
            logits = torch.cat((logits[..., :START], logits[..., START:] - torch.inf), -1)
        return logits

    def _from_references(self, activations: Tensor, references: Tensor) -> Tensor:
        """Return (N, n): what each value's logit gets for its distance from each reference."""
        n = self.field.n
        distance = (
            torch.arange(n, device=references.device) - references.clamp(0, n - 1)[..., None]
        )  # (N, R, n)
        by_distance = self.relative(activations).view(*references.shape, -1)  # (N, R, 2 n - 1)
        added: Tensor = by_distance.gather(-1, distance + n - 1)
        return added.where(references[..., None] >= 0, 0).sum(-2)

    def _from_profiles(self, activations: Tensor, profiles: Tensor) -> Tensor:
        """Return (N, n): what each value's logit gets for profiles (N, 12 P) of pitch classes."""
        interval = torch.arange(CLASSES, device=profiles.device)
        each = profiles.reshape(len(profiles), -1, CLASSES)  # (N, P, 12)
        rotated = each[..., (interval[:, None] + interval) % CLASSES]  # (N, P, class, interval)
        asked = self.intervals(activations).reshape(each.shape)  # (N, P, interval)
        by_class = (rotated * asked[:, :, None]).sum((1, 3))
        return F.pad(by_class, (0, 1))[:, self.classes]

    def start_at(self, counts: Tensor) -> None:
        """Begin at the unigram model."""
        self.out.bias.copy_(torch.log((counts + 1) / (counts + 1).sum()))


class Logistics(Head):
    """One of n ordered cells, by the mass that a mixture of logistics has in each.

    Salimans et al. 2017 (PixelCNN++), section 2.1: the outermost cells reach to infinity, so the
    masses sum to 1 exactly. Positions are in cells.
    """

    FIT_STEPS = 300  # of the fit to counts, when training starts
    NARROWEST = 0.02  # scale in cells: puts all but e^-25 of the mass into one cell

    def __init__(self, field: Field, width: int, components: int) -> None:
        super().__init__(field, width, 3 * components)

    def nats(self, x: Tensor, target: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N,) -ln of the mass in the cell `target`."""
        return -self._log_mass(self.outputs(x), target[:, None])[:, 0]

    def logits(self, x: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N, n) log masses."""
        cells = torch.arange(self.field.n, device=x.device)
        return self._log_mass(self.outputs(x), cells.expand(len(x), -1))

    def _log_mass(self, outputs: Tensor, cells: Tensor) -> Tensor:
        """Return (N, M) log masses of cells (N, M)."""
        weight, centre, spread = outputs.float().unsqueeze(1).chunk(3, -1)  # (N, 1, components)
        width = self.field.n / 2
        centre = (centre + 1) * width - 0.5
        sharpness = 1 / (F.softplus(spread) * width + self.NARROWEST)
        below = (cells[..., None] - 0.5 - centre) * sharpness  # (N, M, components)
        above = below + sharpness
        # ln(s(above) - s(below)), exact also far out in the tails, where both round to 0 or 1.
        inside = F.logsigmoid(above) + F.logsigmoid(-below) + torch.log(-torch.expm1(-sharpness))
        first, last = cells[..., None] == 0, cells[..., None] == self.field.n - 1
        mass = torch.where(first, F.logsigmoid(above), inside)
        mass = torch.where(last, F.logsigmoid(-below), mass)
        if self.field.n == 1:
            mass = torch.zeros_like(mass)
        return torch.logsumexp(torch.log_softmax(weight, -1) + mass, -1)

    def start_at(self, counts: Tensor) -> None:
        """Fit the mixture to counts by `FIT_STEPS` steps of gradient descent.

        The centres begin at the quantiles of the counts: where values pile up, components do.
        """
        share = ((counts + 1e-3) / (counts + 1e-3).sum()).float()
        cells = torch.nonzero(counts + (counts.sum() == 0))[:, 0]
        ranks = (torch.arange(len(self.out.bias) // 3) + 0.5) / (len(self.out.bias) // 3)
        at = torch.searchsorted(share.cumsum(0), ranks).clamp(max=self.field.n - 1)
        centre = (at + 0.5) / (self.field.n / 2) - 1
        # From narrow to as wide as all cells, so that each component has something to fit.
        spread = torch.linspace(-7.0, 0.0, len(centre))
        bias = torch.cat((torch.zeros_like(centre), centre, spread)).requires_grad_()
        optimizer = torch.optim.Adam([bias], 0.05)
        with torch.enable_grad():
            for _ in range(self.FIT_STEPS):
                log_mass = self._log_mass(bias[None], cells[None])[0]
                optimizer.zero_grad()
                torch.autograd.backward(-(share[cells] * log_mass).sum())
                optimizer.step()
        self.out.bias.copy_(bias.detach())


class Squared(Head):
    """A bounded number by squared error, as Howl: no likelihood, and the mean is decided."""

    is_likelihood: ClassVar[bool] = False
    CERTAINTY = 1e6  # so large that the cell nearest to the mean has all of the probability

    def __init__(self, field: Field, width: int) -> None:
        super().__init__(field, width, 1)

    def _mean(self, x: Tensor) -> Tensor:
        """Return (N, 1) means, in the field's unit: its low end plus a sigmoid times its range."""
        span = (self.field.n - 1) * self.field.resolution
        return self.field.low + span * torch.sigmoid(self.outputs(x).float())

    def nats(self, x: Tensor, target: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N,) squared errors, in the field's unit squared."""
        value = self.field.low + target * self.field.resolution
        return (self._mean(x)[:, 0] - value).square()

    def logits(self, x: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N, n) logits that leave only the cell nearest to the mean."""
        cells = torch.arange(self.field.n, device=x.device)
        mean = (self._mean(x) - self.field.low) / self.field.resolution
        return -self.CERTAINTY * (cells - mean).square()

    def start_at(self, counts: Tensor) -> None:
        """Begin at the mean of the counts."""
        cells = torch.arange(self.field.n, dtype=counts.dtype)
        mean = float((cells * counts).sum() / counts.sum().clamp(min=1)) / max(self.field.n - 1, 1)
        self.out.bias.fill_(math.log(max(mean, 1e-3) / max(1 - mean, 1e-3)))


class BitsIndependent(Head):
    """Each bit by itself: n Bernoulli variables."""

    def __init__(self, field: Field, width: int) -> None:
        super().__init__(field, width, field.n)

    def nats(self, x: Tensor, target: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N,) nats of target (N, n), summed over the bits."""
        outputs = self.outputs(x)
        costs = F.binary_cross_entropy_with_logits(outputs, target.to(outputs), reduction="none")
        return costs.sum(-1)

    def logits(self, x: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N, n + 1), as `BitsChained.logits`."""
        return _as_choices(self.outputs(x))

    def start_at(self, counts: Tensor) -> None:
        """Begin at the share of each bit; counts (n + 1,) end with the number of steps."""
        self.out.bias.copy_(_log_odds(counts))


class BitsChained(Head):
    """The bits that are on, one choice each: the next from the lowest up, or none (choice n).

    A set of bits has one spelling, so the product of its choices is its exact, normalised
    likelihood: what RNN-NADE (Boulanger-Lewandowski et al. 2012) computes bit by bit, with one
    choice a note in place of one a key. A bit that is on adds its row of `on` to x.
    """

    def __init__(self, field: Field, width: int) -> None:
        super().__init__(field, width, field.n + 1)
        self.on = nn.Parameter(torch.empty(field.n, width))
        nn.init.uniform_(self.on, -(width**-0.5), width**-0.5)

    def nats(self, x: Tensor, target: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N,) nats of target (N, n): all choices of all steps in one product."""
        count = target.sum(-1, dtype=torch.int64)  # (N,)
        # From here on a row is a choice: count + 1 of them a step, the last one "none".
        of = torch.repeat_interleave(torch.arange(len(target), device=target.device), count + 1)
        first = torch.cumsum(count + 1, 0) - count - 1  # (N,), the row of a step's first choice
        rank = torch.arange(len(of), device=of.device) - first[of]
        choice = torch.full_like(of, self.field.n)
        choice[rank < count[of]] = target.nonzero(as_tuple=True)[1]  # by step, then from below
        below = torch.arange(self.field.n, device=of.device) < choice[:, None]
        before = (target[of].bool() & below).to(self.on.dtype) @ self.on
        logits = self.outputs(x[of] + before.to(x.dtype))
        previous = torch.roll(choice, 1).where(rank > 0, -1)  # the next bit lies above it
        passed = torch.arange(self.field.choices, device=of.device) <= previous[:, None]
        logits = logits.masked_fill(passed, -torch.inf)
        costs = F.cross_entropy(logits.float(), choice, reduction="none")
        return costs.new_zeros(len(target)).index_add(0, of, costs)

    def logits(self, x: Tensor, hint: HeadHint | None = None) -> Tensor:
        """Return (N, n + 1); x includes the rows of the bits that are on already."""
        return self.outputs(x)

    def start_at(self, counts: Tensor) -> None:
        """Begin where `BitsIndependent` does: as long as x has no effect, the two are one model."""
        self.out.bias.copy_(_as_choices(_log_odds(counts)))


def _log_odds(counts: Tensor) -> Tensor:
    """Return (n,) the log odds of each bit; counts (n + 1,) end with the number of steps."""
    on, steps = counts[:-1] + 1, counts[-1] + 2
    return torch.log(on / (steps - on).clamp(min=1))


def _as_choices(log_odds: Tensor) -> Tensor:
    """Return (..., n + 1) logits of the bit that is on next, or none, where bits are independent.

    Bit k is the next one if it is on and all bits between are off. The bits below the last one
    decided add the same to every logit that still counts, so they change nothing.
    """
    off = torch.cumsum(F.logsigmoid(-log_odds), -1)  # all bits up to this one
    before = F.pad(off, (1, 0))[..., :-1]
    return torch.cat((F.logsigmoid(log_odds) + before, off[..., -1:]), -1)
