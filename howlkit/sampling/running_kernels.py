"""Inputs that are counted from step to step, in compiled code, for one row.

The same as howlkit.network.elapsed, .pitch_classes, .sounding, .pulse and .last_pitch, a step at a
time.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.head_options import SOUNDING_PROFILES
from howlkit.network.input_state import (
    CHORD_SURENESS,
    CHORDS,
    CLASSES,
    EDGES_AT,
    KEPT,
    SCALE_SURENESS,
    SCALES,
    SOUNDING_SURENESS,
)
from howlkit.sampling.kernels import Array, compiled
from howlkit.schema import STEP

__all__ = ["add_scaled", "set_sounding", "take_counts"]

ELAPSED_ROW, PROFILES_ROW, HAS_LAST, PROFILES = 0, 1, 2, 3
HALF_LIFE, HAS_SCALE, HARMONY_LIFE, HAS_SOUNDING = 4, 5, 6, 7
PULSE_ROW, PULSE_LIFE, PERIOD, HELD = 8, 9, 10, 11
"""What `numbers` are: the first rows in the tables of two inputs, -1 for none; a flag; how many
profiles of pitch classes there are; notes until one counts half, 0 for no such profile; a flag;
notes until one counts half in the chord, 0 for no such profiles; a flag; of the pulse the first row
in the tables, -1 for none, notes until one counts half, and the positions of a beat, 0 for none; a
flag, whether pitches are remembered of what sounds, not only their classes."""

ELAPSED, DRUMS, LAST, COUNTS = range(4)
"""What the state of a row is, all as floats; then come two counts of pitch classes, and of the last
KEPT steps the pitch classes and how long they still sound; and of the pulse the present place in a
beat and the counts of all places."""

HARMONY = COUNTS + CLASSES
HEARD = HARMONY + CLASSES
PULSE = HEARD + 2 * KEPT

EDGES = np.array(EDGES_AT)

SCALE_MEMBERS, CHORD_MEMBERS = np.array(SCALES), np.array(CHORDS)


@compiled
def _count(old: Array, begun: Array, notes: int, half_life: int, new: Array) -> float:
    """Set counts new (12,) to old ones, decayed, and the notes that begin; return their sum."""
    decay, total = math.pow(2.0, -notes / half_life), 0.0
    for c in range(CLASSES):
        new[c] = decay * old[c] + begun[c]
        total += new[c]
    return total


@compiled
def _membership(counts: Array, members: Array, sureness: float, y: Array) -> None:
    """Set y (12,) as `pitch_classes._membership`, for one row of counts (12,)."""
    logits, highest = np.zeros(len(members)), -np.inf
    for k in range(len(members)):
        for c in range(CLASSES):
            logits[k] += sureness * counts[c] * members[k, c]
        highest = max(highest, logits[k])
    total, size = 0.0, 0.0
    for k in range(len(members)):
        logits[k] = math.exp(logits[k] - highest)
        total += logits[k]
    for c in range(CLASSES):
        size += members[0, c]
    for c in range(CLASSES):
        mass = 0.0
        for k in range(len(members)):
            mass += logits[k] * members[k, c]
        y[c] = mass / total - size / CLASSES


@compiled
def _take_profiles(old: Array, begun: Array, notes: int, numbers: Array, new: Array,
                   profiles: Array) -> None:  # fmt: skip
    """Count the pitch classes that a step begins, and set profiles (12 P,).

    old, new: the state of the row, which has both counts.
    """
    first = 0
    if numbers[HALF_LIFE]:
        counts = new[COUNTS : COUNTS + CLASSES]
        total = _count(old[COUNTS:], begun, notes, numbers[HALF_LIFE], counts)
        for c in range(CLASSES):
            profiles[c] = counts[c] / (1.0 + total)
        first = CLASSES
        if numbers[HAS_SCALE]:
            _membership(counts, SCALE_MEMBERS, SCALE_SURENESS, profiles[first:])
            first += CLASSES
    if numbers[HARMONY_LIFE]:
        counts = new[HARMONY : HARMONY + CLASSES]
        _count(old[HARMONY:], begun, notes, numbers[HARMONY_LIFE], counts)
        for c in range(CLASSES):
            profiles[first + c] = math.log1p(counts[c]) / 2.0
        _membership(counts, CHORD_MEMBERS, CHORD_SURENESS, profiles[first + CLASSES :])


@compiled
def set_sounding(heard: Array, shift: float, y: Array) -> None:
    """Set y (24,) to the profiles of a note that begins `shift` positions after the last onset.

    heard: (2 KEPT,) pitches or their classes, -1 for none, and how long after the last onset each
    note ends.
    """
    sounds = y[:CLASSES]
    for c in range(CLASSES):
        sounds[c] = 0.0
    for k in range(KEPT):
        if heard[KEPT + k] > shift and heard[k] >= 0:
            sounds[int(heard[k]) % CLASSES] = 1.0
    _membership(sounds, CHORD_MEMBERS, SOUNDING_SURENESS, y[CLASSES:])


@compiled
def _take_sounding(old: Array, rows: Array, key: int, adds: Array, new: Array) -> None:
    """Set what sounds after a step, new (2 KEPT,), from what did before it.

    key: the pitch of the note that the step begins, or its class, -1 for none.
    """
    shift, length = 0, 0
    for row in rows:
        shift += adds[0, row]
        length += adds[1, row]
    for k in range(KEPT - 1):
        new[k] = old[k + 1]
        new[KEPT + k] = old[KEPT + k + 1] - shift
    new[KEPT - 1], new[2 * KEPT - 1] = key, length


@compiled
def _take_pulse(old: Array, rows: Array, is_note: bool, adds: Array, numbers: Array, new: Array,
                shares: Array) -> None:  # fmt: skip
    """Take a step into the counts of places in a beat, and set shares (D,), as `pulse.Pulse`.

    old, new: (1 + D,) the place of the last note, and the counts, before and after it.
    """
    period, half_life = numbers[PERIOD], numbers[PULSE_LIFE]
    place = np.int64(old[0])
    for row in rows:
        place += adds[0, row]
    place %= period
    new[0] = place
    decay, total = math.pow(2.0, -1.0 / half_life) if is_note else 1.0, 0.0
    for k in range(period):
        new[1 + k] = decay * old[1 + k] + (is_note and k == place)
        total += new[1 + k]
    for k in range(period):
        shares[k] = new[1 + (place + k) % period] / (1.0 + total)


@compiled
def take_counts(b: int, mark: int, rows: Array, beside: Array, running: tuple[Array, ...]) -> int:
    """Take a step of row b into the counts; return the row of the tables for elapsed steps, or -1.

    mark: of the step. rows: the rows of its values in the tables. beside: written to: the profiles
    of pitch classes (12 P,), those of what sounds (24,), the pitch begun last, what sounds
    (2 KEPT,), and the shares of places in a beat (D,), as far as there are such inputs. running:
    `compiled_running.RunningInputs.next`.
    """
    numbers, pitch_of, drum_of, adds, before, after = running
    old, new = before[b], after[b]
    settled, highest, begun = -1, -1, np.zeros(CLASSES)
    for row in rows:
        settled = max(settled, drum_of[row])
    new[DRUMS] = settled if settled >= 0 else old[DRUMS]
    notes, is_note = 0, False
    for row in rows:
        is_note = is_note or pitch_of[row] >= 0
    if new[DRUMS] == 0:
        for row in rows:
            if pitch_of[row] >= 0:
                begun[pitch_of[row] % CLASSES] += 1.0
                notes += 1
                highest = max(highest, pitch_of[row])
    for c in range(2 * CLASSES):
        new[COUNTS + c] = 0.0
    new[LAST] = highest if highest >= 0 else old[LAST]
    new[ELAPSED] = old[ELAPSED] + (mark == STEP)
    if numbers[PROFILES]:
        _take_profiles(old, begun, notes, numbers, new, beside)
    first = CLASSES * numbers[PROFILES]
    if numbers[HAS_SOUNDING]:
        heard, key = new[HEARD:], highest
        if not numbers[HELD]:
            key = highest % CLASSES
        _take_sounding(old[HEARD:], rows, key if notes else -1, adds, heard)
        set_sounding(heard, 0.0, beside[first:])
        first += CLASSES * SOUNDING_PROFILES
    if numbers[HAS_LAST]:
        beside[first] = new[LAST]
        first += 1
    if numbers[HAS_SOUNDING]:
        for k in range(2 * KEPT):
            beside[first + k] = heard[k]
        first += 2 * KEPT
    if numbers[PERIOD]:
        is_note = is_note and mark == STEP
        _take_pulse(old[PULSE:], rows, is_note, adds, numbers, new[PULSE:], beside[first:])
    if numbers[ELAPSED_ROW] < 0:
        return -1
    edge = 0
    while edge < len(EDGES) and EDGES[edge] <= new[ELAPSED]:
        edge += 1
    return int(numbers[ELAPSED_ROW] + edge)


@compiled
def _add_rows(rows: Array, factors: Array, y: Array) -> None:
    """Add to y (G,) the rows (., G), each times its factor."""
    for c in range(len(factors)):
        if factors[c] == 0:  # most pitch classes do not sound; a row is long
            continue
        row = rows[c]
        for j in range(len(y)):
            y[j] += factors[c] * row[j]


@compiled
def add_scaled(tables: Array, profiles: Array, y: Array, running: tuple[Array, ...]) -> None:
    """Add to y (G,) what all profiles of pitch classes, and the pulse, give by rows of tables."""
    numbers = running[0]
    size = CLASSES * (numbers[PROFILES] + SOUNDING_PROFILES * numbers[HAS_SOUNDING])
    _add_rows(tables[numbers[PROFILES_ROW] :], profiles[:size], y)
    if numbers[PERIOD]:
        first = size + numbers[HAS_LAST] + 2 * KEPT * numbers[HAS_SOUNDING]
        shares = profiles[first : first + numbers[PERIOD]]
        _add_rows(tables[numbers[PULSE_ROW] :], shares, y)
