"""The logits of heads in compiled code: the same as howlkit.network.heads, in float32.

A softmax head alone is a product (step_kernels.py). Here are the other kinds, and what is added to
the logits of a softmax: for the distance from references, for votes and the pulse, and for a hint
from an earlier passage.

Letters: K decisions, W width of a head, n values of a field, C its choices, X references of all
fields, F fields with hints. What `of_heads` is, and what lies beside a hidden vector, says
compiled_heads.py.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.head_options import SOUNDING_PROFILES
from howlkit.network.input_state import CLASSES, KEPT, PITCHES, PULSE_SHARE
from howlkit.network.note_places import LAGS
from howlkit.network.repeat_scores import MOST, REACH
from howlkit.sampling.kernels import ZERO, Array, compiled, product, sigmoid
from howlkit.sampling.running_kernels import set_sounding

__all__ = ["SQUARED", "begin_heads", "finish_logits", "head_logits", "is_bits"]

SOFTMAX, LOGISTICS, SQUARED, BITS_CHAINED, BITS_INDEPENDENT = range(5)
"""The kinds of heads, in the order of `compiled_heads.KINDS`."""

KIND, COLUMN, FIRST, STOP, FIRST_REFERENCE, STOP_REFERENCE, HINT, CLASS_TABLE = range(8)
PULSED, HELD_TABLE = 8, 9
"""What `plan` in `of_heads` has of each decision (compiled_heads.py)."""

AROUND, REFERENCES, PROFILES_AT, HINTS, PROFILES, CHAINED, HEARD_AT, VOTES_AT, UNIT = range(9)
PULSE_AT, PERIOD = 9, 10
"""What `beside` in `of_heads` has: where parts begin beside a hidden vector, a number, a flag."""

HAS_VOTES, DETAIL, FACTOR = range(3)
"""What `votes` in `of_heads` has of each column."""

FLOORS = int(MOST) + 1
"""How many weights of `vote_weights` in `of_heads` are by scores; those of lags come then."""

HALF = np.float32(0.5)

NARROWEST = 0.02  # `Logistics.NARROWEST`
CERTAINTY = 1e6  # `Squared.CERTAINTY`
LEAST_MASS = np.float32(1e-25)  # below it, sums in float32 lose their last digits
FAR = 40.0  # e^-40 is nothing beside 1


@compiled
def begin_heads(hidden: Array, bias: Array, head_inputs: Array,
                of_heads: tuple[Array, ...] | None) -> None:  # fmt: skip
    """Set head_inputs (K W,) to what they are before any field is decided, but for the product."""
    for j in range(len(head_inputs)):
        head_inputs[j] = bias[j]
    if of_heads is not None:
        around = of_heads[-1][AROUND]
        if around >= 0:
            for j in range(len(head_inputs)):
                head_inputs[j] = hidden[around + j]


@compiled
def is_bits(k: int, of_heads: tuple[Array, ...]) -> bool:
    """Return whether decision k is a series of choices of bits."""
    kind = of_heads[0][k, KIND]
    return bool(kind == BITS_CHAINED or kind == BITS_INDEPENDENT)


@compiled
def _log_sigmoid(x: float) -> float:
    """Return ln(1 / (1 + e^-x)), as torch does."""
    rest = math.log1p(math.exp(-abs(x))) if abs(x) < FAR else 0.0
    return min(x, 0.0) - rest


@compiled
def _log_mass(v: int, n: int, weights: Array, centres: Array, sharpness: Array) -> float:
    """Return the log mass of cell v under a mixture of logistics, exact far out in the tails."""
    best, total = -np.inf, 0.0
    for attempt in range(2):  # the largest term first, then the sum
        for m in range(len(weights)):
            sharp = sharpness[m]
            below = (v - 0.5 - centres[m]) * sharp
            mass = weights[m]
            if v < n - 1:
                mass += _log_sigmoid(below + sharp)
            if v > 0:
                mass += _log_sigmoid(-below)
            if 0 < v < n - 1:
                mass += math.log(-math.expm1(-sharp))
            if attempt:
                total += math.exp(mass - best)
            else:
                best = max(best, mass)
    return best + math.log(total)


@compiled
def _logistics(outputs: Array, logits: Array) -> None:
    """Set logits (n,) to the log masses of cells under a mixture, as `heads.Logistics`."""
    n, count = len(logits), len(outputs) // 3
    if n == 1:
        logits[0] = ZERO
        return
    weights, centres, sharpness = np.empty(count), np.empty(count), np.empty(count)
    best, total = -np.inf, 0.0
    for m in range(count):
        best = max(best, outputs[m])
    for m in range(count):
        total += math.exp(outputs[m] - best)
    for m in range(count):
        weights[m] = outputs[m] - best - math.log(total)
        centres[m] = (outputs[count + m] + 1) * (n / 2) - 0.5
        spread = outputs[2 * count + m]
        softplus = max(spread, 0.0) + math.log1p(math.exp(-abs(spread)))
        sharpness[m] = 1 / (softplus * (n / 2) + NARROWEST)
    masses = np.zeros(n, np.float32)
    for m in range(count):
        weight, centre = np.float32(math.exp(weights[m])), np.float32(centres[m])
        sharp = np.float32(sharpness[m])
        inside = weight * np.float32(-math.expm1(-sharpness[m]))
        for v in range(n):
            below = (np.float32(v) - np.float32(0.5) - centre) * sharp
            masses[v] += inside * sigmoid(below + sharp) * sigmoid(-below)
    for v in range(n):
        if 0 < v < n - 1 and masses[v] > LEAST_MASS:
            logits[v] = math.log(masses[v])
        else:
            logits[v] = _log_mass(v, n, weights, centres, sharpness)


@compiled
def _squared(outputs: Array, logits: Array) -> None:
    """Set logits (n,) to those that leave only the cell nearest to the mean, as `heads.Squared`."""
    mean = (len(logits) - 1) / (1 + math.exp(-outputs[0]))
    for v in range(len(logits)):
        logits[v] = -CERTAINTY * (v - mean) * (v - mean)


@compiled
def _as_choices(odds: Array, logits: Array) -> None:
    """Set logits (n + 1,) to those of the bit that is on next, or none, as `heads._as_choices`."""
    off = 0.0
    for v in range(len(odds)):
        logits[v] = _log_sigmoid(odds[v]) + off
        off += _log_sigmoid(-odds[v])
    logits[len(odds)] = off


@compiled
def _reference(x: int, hidden: Array, values: Array, of_heads: tuple[Array, ...]) -> int:
    """Return the value that reference x of a field is, -1 for none (`References`)."""
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    where, column, more, otherwise, table = references[x]
    first = beside[REFERENCES]
    if column >= 0:
        if values[column] > 0:
            return int(values[column] + more)
        where = otherwise
    found = int(hidden[first + where]) if where >= 0 else -1
    if table >= 0 and found >= 0:
        found = int(tables[table, found])
    return found


@compiled
def _shift(values: Array, shifts: Array) -> int:
    """Return how many positions after the note before one with decided values (C,) begins."""
    shift = np.int64(0)
    for i in range(len(shifts)):
        shift += shifts[i, 1 + values[shifts[i, 0]]]
    return int(shift)


@compiled
def _add_votes(c: int, hidden: Array, gain: float, values: Array, of_heads: tuple[Array, ...],
               logits: Array) -> None:  # fmt: skip
    """Add to logits (n,) of column c what earlier notes vote for, as `lag_votes.StepVotes`.

    gain: what the head makes of its input. values: (C,) decided so far.
    """
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    n, unit, detail, factor = len(logits), beside[UNIT], votes[c, DETAIL], votes[c, FACTOR]
    heard = hidden[beside[VOTES_AT] :]
    agos, ranks = heard[LAGS : LAGS + REACH], heard[LAGS + REACH : LAGS + 2 * REACH]
    details = heard[LAGS + (2 + max(detail, 0)) * REACH :]
    mine, shift = np.int64(0), _shift(values, shifts)
    for other in range(len(votes)):
        if detail >= 0 or votes[other, FACTOR] > factor:  # those before rank higher
            mine += votes[other, FACTOR] * values[other]
    counted = np.zeros(n, np.float32)
    by_score = vote_weights[int(detail >= 0)]
    by_lag = by_score[FLOORS:]
    lags_a_position = np.float32(1 / unit)  # a division of integers takes ten times as long
    lowest, highest = np.float32(mine), np.float32(mine + factor * n - 1)
    if detail >= 0:
        highest = lowest
    for r in range(REACH):
        if not lowest <= ranks[r] <= highest:
            continue
        ago = np.int64(agos[r]) + shift
        lag = np.int64(np.float32(ago) * lags_a_position + HALF)
        if lag * unit != ago or lag < 1 or lag > LAGS:
            continue
        value = np.int64(details[r]) if detail >= 0 else np.int64(ranks[r]) - mine
        if detail < 0 and factor > 1:
            value //= factor
        if value >= 0:
            counted[value] += by_score[int(heard[lag - 1])] * by_lag[lag - 1]
    for v in range(n):
        if counted[v] > 0:
            logits[v] += np.float32(gain * math.log1p(counted[v]))


@compiled
def _add_pulse(c: int, hidden: Array, gain: float, values: Array, of_heads: tuple[Array, ...],
               logits: Array) -> None:  # fmt: skip
    """Add to logits (n,) of column c what the pulse gives, as `pulse.Pulse.scores`.

    gain: what the head makes of its input. values: (C,) decided so far.
    """
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    mine, shift, period = 0, np.int64(0), beside[PERIOD]
    while shifts[mine, 0] != c:
        if beside[CHAINED]:
            shift += shifts[mine, 1 + values[shifts[mine, 0]]]
        mine += 1
    shares = hidden[beside[PULSE_AT] :]
    for v in range(len(logits)):
        share = shares[(shift + shifts[mine, 1 + v]) % period]
        if share > 0:  # most places are never played
            logits[v] += np.float32(gain * math.log1p(share / PULSE_SHARE))


@compiled
def _add_held(k: int, hidden: Array, gain: float, values: Array, of_heads: tuple[Array, ...],
              logits: Array) -> None:  # fmt: skip
    """Add to logits (n,) what keys that sound give, as `Sounding.held_scores`.

    gain: what the head makes of its input. values: (C,) decided so far.
    """
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    heard, shift = hidden[beside[HEARD_AT] :], _shift(values, shifts)
    longest, pitches = np.zeros(PITCHES), tables[plan[k, HELD_TABLE]]
    for j in range(KEPT):
        left = heard[KEPT + j] - shift
        if left > 0 and heard[j] >= 0:
            key = int(heard[j])
            longest[key] = max(longest[key], left)
    for v in range(len(logits)):
        if pitches[v] >= 0 and longest[pitches[v]] > 0:
            logits[v] += np.float32(gain * math.log1p(longest[pitches[v]]))


@compiled
def _add_profiles(k: int, hidden: Array, intervals: Array, values: Array,
                  of_heads: tuple[Array, ...], logits: Array) -> None:  # fmt: skip
    """Add to logits (n,) what profiles of pitch classes give by `intervals` (12 P,).

    The last two are of what sounds when the note begins, which the decided values (C,) say.
    """
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    by_class = np.zeros(CLASSES, np.float32)
    classes = tables[plan[k, CLASS_TABLE]]
    size, first = CLASSES * beside[PROFILES], beside[PROFILES_AT]
    profiles = hidden[first : first + size].copy()
    if beside[HEARD_AT] >= 0:
        shift = _shift(values, shifts)
        if shift > 0:
            heard = hidden[beside[HEARD_AT] :]
            set_sounding(heard, float(shift), profiles[size - CLASSES * SOUNDING_PROFILES :])
    for j in range(beside[PROFILES]):
        first = j * CLASSES
        for c in range(CLASSES):
            for i in range(CLASSES):
                by_class[c] += intervals[first + i] * profiles[first + (c + i) % CLASSES]
    for v in range(len(logits)):
        if classes[v] >= 0:
            logits[v] += by_class[classes[v]]


@compiled
def _bonus(k: int, hidden: Array, trust: float, values: Array, active: Array,
           of_heads: tuple[Array, ...], logits: Array) -> None:  # fmt: skip
    """Add to logits (n,) what a head is given by a hint; trust: what the head makes of it."""
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    mine, first = plan[k, HINT], beside[HINTS]
    hint = int(hidden[first + 1 + mine])
    if hint < 0:
        return
    agreed = 0
    if beside[CHAINED]:
        for j in range(k):
            column, other = plan[j, COLUMN], plan[j, HINT]
            if other >= 0 and active[column]:
                agreed += values[column] == int(hidden[first + 1 + other])
    logits[hint] += bonus[mine, int(hidden[first]), agreed] + np.float32(trust)


@compiled
def _output(row: int, activated: Array, out: Array, out_bias: Array) -> float:
    """Return one number of the last layers of all heads, that of a row of `out` (., W)."""
    total, weights = out_bias[row], out[row]
    for j in range(len(activated)):
        total += weights[j] * activated[j]
    return float(total)


@compiled
def head_logits(
    k: int,
    hidden: Array,
    activated: Array,
    values: Array,
    active: Array,
    out: Array,
    out_bias: Array,
    logits: Array,
    of_heads: tuple[Array, ...],
) -> None:
    """Set logits (C,) of decision k of one row from activated (W,), the input of its last layer.

    Of what the last layer has for the distance from a reference, only the n rows are read that
    count. out, out_bias: the last layers of all heads. values, active: (C,) decided so far.
    """
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    a, b, kind = plan[k, FIRST], plan[k, STOP], plan[k, KIND]
    if kind == LOGISTICS or kind == SQUARED or kind == BITS_INDEPENDENT:
        outputs = np.empty(b - a, np.float32)
        product(out[a:b], activated, outputs)
        for i in range(b - a):
            outputs[i] += out_bias[a + i]
        _transform(kind, outputs, logits)
        return
    n = len(logits)
    product(out[a : a + n], activated, logits)
    for v in range(n):
        logits[v] += out_bias[a + v]
    first = a + n
    for x in range(plan[k, FIRST_REFERENCE], plan[k, STOP_REFERENCE]):
        reference = _reference(x, hidden, values, of_heads)
        if reference >= 0:
            nearest = first + n - 1 - min(reference, n - 1)
            for v in range(n):
                total, row = ZERO, out[nearest + v]
                for j in range(len(activated)):
                    total += row[j] * activated[j]
                logits[v] += total
        first += 2 * n - 1
    if plan[k, CLASS_TABLE] >= 0:
        size = CLASSES * of_heads[-1][PROFILES]
        intervals = np.empty(size, np.float32)
        product(out[first : first + size], activated, intervals)
        _add_profiles(k, hidden, intervals, values, of_heads, logits)
        first += size
    if votes[plan[k, COLUMN], HAS_VOTES]:
        gain = _output(first, activated, out, out_bias)
        _add_votes(plan[k, COLUMN], hidden, gain, values, of_heads, logits)
        first += 1
    if plan[k, PULSED]:
        gain = _output(first, activated, out, out_bias)
        _add_pulse(plan[k, COLUMN], hidden, gain, values, of_heads, logits)
        first += 1
    if plan[k, HELD_TABLE] >= 0:
        gain = _output(first, activated, out, out_bias)
        _add_held(k, hidden, gain, values, of_heads, logits)
    if plan[k, HINT] >= 0:
        trust = _output(b - 1, activated, out, out_bias)  # its bias is 0
        _bonus(k, hidden, trust, values, active, of_heads, logits)


@compiled
def _transform(kind: int, outputs: Array, logits: Array) -> None:
    """Set logits (C,) from the outputs of the last layer of a head that is no softmax."""
    if kind == LOGISTICS:
        _logistics(outputs, logits)
    elif kind == SQUARED:
        _squared(outputs, logits)
    else:
        _as_choices(outputs, logits)


@compiled
def finish_logits(
    k: int,
    hidden: Array,
    outputs: Array,
    going: Array,
    values: Array,
    active: Array,
    logits: Array,
    of_heads: tuple[Array, ...],
) -> None:
    """Set logits (B, C) of decision k in the rows that are going, from outputs (B, .).

    outputs: all of the last layer. Other arguments as `head_logits`, for B rows.
    """
    plan, references, tables, bonus, shifts, votes, vote_weights, beside = of_heads
    n, kind = logits.shape[1], plan[k, KIND]
    for b in range(len(logits)):
        if not going[b]:
            continue
        if kind == LOGISTICS or kind == SQUARED or kind == BITS_INDEPENDENT:
            _transform(kind, outputs[b], logits[b])
            continue
        for v in range(n):
            logits[b, v] = outputs[b, v]
        first = n
        for x in range(plan[k, FIRST_REFERENCE], plan[k, STOP_REFERENCE]):
            reference = _reference(x, hidden[b], values[b], of_heads)
            if reference >= 0:
                nearest = first + n - 1 - min(reference, n - 1)
                for v in range(n):
                    logits[b, v] += outputs[b, nearest + v]
            first += 2 * n - 1
        if plan[k, CLASS_TABLE] >= 0:
            asked = outputs[b, first : first + CLASSES * beside[PROFILES]]
            _add_profiles(k, hidden[b], asked, values[b], of_heads, logits[b])
            first += CLASSES * beside[PROFILES]
        if votes[plan[k, COLUMN], HAS_VOTES]:
            gain = outputs[b, first]
            _add_votes(plan[k, COLUMN], hidden[b], gain, values[b], of_heads, logits[b])
            first += 1
        if plan[k, PULSED]:
            gain = outputs[b, first]
            _add_pulse(plan[k, COLUMN], hidden[b], gain, values[b], of_heads, logits[b])
            first += 1
        if plan[k, HELD_TABLE] >= 0:
            gain = outputs[b, first]
            _add_held(k, hidden[b], gain, values[b], of_heads, logits[b])
        if plan[k, HINT] >= 0:
            trust = outputs[b, outputs.shape[1] - 1]
            _bonus(k, hidden[b], trust, values[b], active[b], of_heads, logits[b])
