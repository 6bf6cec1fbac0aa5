"""Rules about notes in compiled code: the same as howlkit.constraints.rules and .following.

One choice is judged at a time; `RuleArrays` (rule_arrays.py) says what the arrays are. Their order
here is that of its fields.

Letters: B rows, K decisions, N all their choices side by side, Q quantities of a note, S places for
notes that sound, P lags.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.sampling.kernels import Array, compiled

__all__ = ["begin_decision", "begin_sums", "follow", "judge", "take_in"]

NOTHING, COMING, LASTS, BEGINS = range(4)
ONSET, PITCH, PROGRAM, TRACK, LENGTH, ROLE = range(6)
UNTIL = 4  # the columns of a note that sounds: pitch, program, track, onset, until
UNKNOWN, OPEN, DRUMS = -1, 2**40, 128
NOTES, FIRST, LAST_ONSET, LAST_PITCH, NEWEST = range(5)
(SLOT, EARLY, BEATS, BAR, OFFSET, RATE, SLACK, STRENGTH, MOST, LONGEST, RESTRIKES, ALONE,
 HAS_PITCHES, HAS_LOOPS, HAS_OPEN) = range(15)  # fmt: skip
INFINITY = np.float32(np.inf)
NOBODY = np.float32(0)


@compiled
def begin_sums(b: int, bases: Array, sums: Array) -> None:
    """Begin the step of row b: nothing is added to its bases yet."""
    for q in range(sums.shape[1]):
        sums[b, q] = bases[b, q]


@compiled
def begin_decision(b: int, k: int, restart: Array, bases: Array, sums: Array) -> None:
    """Let the sums that begin anew with decision k begin anew in row b."""
    for q in range(sums.shape[1]):
        if restart[k, q] >= 0:
            sums[b, q] = bases[b, restart[k, q]]


@compiled
def judge(
    b: int,
    k: int,
    a: int,
    stop: int,
    allowed: Array,
    added: Array,
    rules: tuple[Array, ...],
) -> bool:
    """Set added (n,) to what the rules add to the logits of decision k in row b.

    The choices of the decision are a .. stop - 1 of all N; allowed: (n,), others are left out.
    Returns whether anything was set that is not 0.
    """
    (adds, known, restart, judged, pitches, which, programs, most_run, numbers,
     bases, notes, at, moves, runs, moved, sums, left) = rules  # fmt: skip
    n = stop - a
    if not judged[k]:
        return False
    base = sums[b]
    earliest = base[ONSET]
    # What sounds at the earliest onset, and the loops that must not go on.
    sounding, count = np.empty(notes.shape[1], np.int64), 0
    overdue = OPEN
    for s in range(notes.shape[1]):
        if notes[b, s, UNTIL] > earliest:
            sounding[count] = s
            count += 1
            if notes[b, s, UNTIL] >= OPEN:
                overdue = min(overdue, notes[b, s, 3] + np.int64(numbers[LONGEST]))
    loops, looping = np.empty(len(most_run), np.int64), 0
    if numbers[HAS_LOOPS] and known[k, PITCH]:
        for p in range(len(most_run)):
            if runs[b, p] >= most_run[p]:
                loops[looping] = p
                looping += 1
    any_added = False
    for v in range(n):
        added[v] = NOBODY
        if not allowed[v]:
            continue
        onset, pitch = base[ONSET] + adds[a + v, ONSET], base[PITCH] + adds[a + v, PITCH]
        role = max(base[ROLE] + adds[a + v, ROLE], NOTHING)
        total = 0.0
        if numbers[HAS_OPEN] and onset > overdue:
            total = -np.inf
        new = role == COMING or role == BEGINS
        if numbers[RATE] > 0 and at[b, FIRST] >= 0:
            over = (at[b, NOTES] + new) - (1 + numbers[RATE] * (onset - at[b, FIRST]))
            if over > 0 if new else over < 0:
                total -= numbers[STRENGTH] * max(abs(over) - numbers[SLACK], 0.0)
        if role == NOTHING:
            added[v] = total
            any_added |= total != 0
            continue
        program, track = base[PROGRAM] + adds[a + v, PROGRAM], base[TRACK] + adds[a + v, TRACK]
        length = base[LENGTH] + adds[a + v, LENGTH] if known[k, LENGTH] else UNKNOWN
        knows_pitch, knows_program = known[k, PITCH] and pitch >= 0, known[k, PROGRAM]
        knows_program = knows_program and program >= 0
        if role == LASTS:
            if onset + length < OPEN and length > numbers[LONGEST]:
                total = -np.inf
            if length <= 0:
                added[v] = total
                any_added |= total != 0
                continue
        if numbers[MOST] > 0:
            others, holds = 0, role != LASTS or knows_pitch
            for s in range(count):
                note = notes[b, sounding[s]]
                if note[UNTIL] <= onset:
                    continue
                mine = role == LASTS and note[2] == track and (not knows_pitch or note[0] == pitch)
                others += not mine
                holds |= mine
            if others >= numbers[MOST] and holds:
                total = -np.inf
        if new:
            if knows_program and not programs[program]:
                total = -np.inf
            if knows_pitch and numbers[HAS_PITCHES] and not (knows_program and program == DRUMS):
                table = which[0]
                if len(which) > 1:
                    table = which[_slot(onset, at[b, FIRST], moved[b], numbers, len(which))]
                total += pitches[table, pitch]
            if (
                numbers[RESTRIKES]
                and knows_pitch
                and knows_program
                and known[k, TRACK]
                and track >= 0
            ):
                for s in range(count):
                    note = notes[b, sounding[s]]
                    same = note[0] == pitch and note[1] == program and note[2] == track
                    if same and note[UNTIL] > onset:
                        total = -np.inf
            for i in range(looping):
                p = loops[i]
                interval, time = pitch - at[b, LAST_PITCH], onset - at[b, LAST_ONSET]
                if moves[b, p, 0] == interval and moves[b, p, 1] == time:
                    total = -np.inf
        added[v] = total
        any_added |= total != 0
    return any_added


@compiled
def _slot(onset: int, first: int, moved: int, numbers: Array, slots: int) -> int:
    """Return the slot of the music at an onset, as `PitchRule`."""
    beat = (onset + moved) * numbers[BEATS]
    begun = (first + moved) * numbers[BEATS] if first >= 0 else beat
    bars = math.floor((begun + numbers[EARLY] - numbers[OFFSET]) / numbers[BAR])
    since = beat + numbers[EARLY] - (bars * numbers[BAR] + numbers[OFFSET])
    return int(math.floor(since / numbers[SLOT])) % slots


@compiled
def hear(b: int, k: int, made: bool, known: Array, numbers: Array, notes: Array, at: Array,
         moves: Array, runs: Array, sums: Array) -> None:  # fmt: skip
    """Bring what row b has heard up to date with decision k, which `sums` has taken in."""
    role, onset = sums[b, ROLE], sums[b, ONSET]
    if not known[k, ONSET] or (role != BEGINS and role != LASTS):
        return
    end = UNKNOWN
    if known[k, LENGTH] and sums[b, LENGTH] >= 0:
        end = min(onset + sums[b, LENGTH], OPEN)
    pitch = max(sums[b, PITCH], UNKNOWN) if known[k, PITCH] else UNKNOWN
    program = max(sums[b, PROGRAM], UNKNOWN) if known[k, PROGRAM] else UNKNOWN
    track = max(sums[b, TRACK], UNKNOWN) if known[k, TRACK] else UNKNOWN
    if role == LASTS:
        _last(b, pitch, program, track, onset, end, notes, at)
    else:
        until = end if end != UNKNOWN else onset + 1
        _begin(b, pitch, program, track, onset, until, numbers[ALONE] > 0, notes, at)
        _move(b, pitch, onset, made, at, moves, runs)


@compiled
def take_in(b: int, k: int, choice: int, rules: tuple[Array, ...]) -> None:
    """Take in the choice (of the N) that was made in decision k of row b.

    Where a step may begin several notes, what the row has heard is brought up to date too: it is
    then that of the step in the making, not of the session.
    """
    (adds, known, restart, judged, pitches, which, programs, most_run, numbers,
     bases, notes, at, moves, runs, moved, sums, left) = rules  # fmt: skip
    for q in range(sums.shape[1]):
        sums[b, q] += adds[choice, q]
    if numbers[ALONE]:
        hear(b, k, True, known, numbers, notes, at, moves, runs, sums)


@compiled
def follow(
    records: Array,
    column: Array,
    control: Array,
    when: Array,
    begin: Array,
    place: Array,
    wide: Array,
    rows: Array,
    made: Array,
    rules: tuple[Array, ...],
) -> int:
    """Bring what the rows have heard up to date with a step; return 1 where places are lacking.

    records: (B, bytes) the step. column .. wide: of the fields, as in step_kernels.py. rows: (B,)
    in which the step counts; those that are done are set to False. made: (B,) in which the step was
    made, not fed.
    """
    (adds, known, restart, judged, pitches, which, programs, most_run, numbers,
     bases, notes, at, moves, runs, moved, sums, left) = rules  # fmt: skip
    values, active = np.empty(len(place), np.int64), np.empty(len(place), np.bool_)
    for b in range(len(records)):
        if not rows[b]:
            continue
        if not _has_room(notes[b], bases[b, ONSET], len(column)):
            return 1
        begin_sums(b, bases, sums)
        for c in range(len(place)):
            values[c] = records[b, place[c]]
            if wide[c]:
                values[c] += 256 * np.int64(records[b, place[c] + 1])
            before = control[c]
            active[c] = before < 0 or (active[before] and when[c, values[before]])
        for k in range(len(column)):
            if not active[column[k]]:
                continue
            begin_decision(b, k, restart, bases, sums)
            for q in range(sums.shape[1]):
                sums[b, q] += adds[begin[k] + values[column[k]], q]
            hear(b, k, made[b], known, numbers, notes, at, moves, runs, sums)
        rows[b] = False
    return 0


@compiled
def _has_room(notes: Array, position: int, wanted: int) -> bool:
    """Return whether so many places are free: their notes have ended at a position."""
    free = 0
    for s in range(len(notes)):
        free += notes[s, UNTIL] <= position
    return free >= wanted


@compiled
def _begin(b: int, pitch: int, program: int, track: int, onset: int, until: int, alone: bool,
           notes: Array, at: Array) -> None:  # fmt: skip
    """Add a note to what sounds in row b."""
    place = -1
    for s in range(notes.shape[1]):
        note = notes[b, s]
        if alone and note[2] == track and note[UNTIL] > onset:
            note[UNTIL] = onset
        if place < 0 and note[UNTIL] <= onset:
            place = s
    if place < 0:  # of a step in the making; `follow` sees to it that there is room
        return
    note = notes[b, place]
    note[0], note[1], note[2], note[3], note[UNTIL] = pitch, program, track, onset, until
    at[b, NEWEST] = place


@compiled
def _move(b: int, pitch: int, onset: int, made: bool, at: Array, moves: Array, runs: Array
          ) -> None:  # fmt: skip
    """Take in the move to the newest note, and for how long moves have been repeating."""
    if at[b, LAST_PITCH] >= 0:
        interval, time = pitch - at[b, LAST_PITCH], onset - at[b, LAST_ONSET]
        last = moves.shape[1] - 1
        for p in range(last + 1):
            same = moves[b, p, 0] == interval and moves[b, p, 1] == time
            runs[b, p] = runs[b, p] + 1 if same else 0
        for p in range(last, 0, -1):
            moves[b, p, 0], moves[b, p, 1] = moves[b, p - 1, 0], moves[b, p - 1, 1]
        moves[b, 0, 0], moves[b, 0, 1] = interval, time
    at[b, LAST_PITCH], at[b, LAST_ONSET] = pitch, onset
    if made:
        at[b, NOTES] += 1
        if at[b, FIRST] < 0:
            at[b, FIRST] = onset


@compiled
def _last(b: int, pitch: int, program: int, track: int, onset: int, end: int, notes: Array,
          at: Array) -> None:  # fmt: skip
    """Let a note of row b last until `end`."""
    if pitch == UNKNOWN:
        for s in range(notes.shape[1]):
            if notes[b, s, 2] == track and notes[b, s, UNTIL] > onset:
                notes[b, s, UNTIL] = end
        return
    which = -1
    newest = at[b, NEWEST]
    note = notes[b, newest]
    if note[0] == pitch and note[1] == program and note[2] == track:
        which = newest
    for s in range(notes.shape[1]):
        note = notes[b, s]
        if which < 0 and note[0] == pitch and note[1] == program and note[2] == track:
            if note[UNTIL] >= onset:
                which = s
    if which >= 0:
        notes[b, which, UNTIL] = end
