"""Rules about notes in compiled code: the same as howlkit.constraints.rules and .following.

One choice is judged at a time; `RuleArrays` (rule_arrays.py) says what the arrays are. Their order
here is that of its fields.

Letters: B rows, K decisions, n choices of one of them, Q quantities of a note, S places for notes
that sound, P lags.
"""

from __future__ import annotations

import math

import numpy as np

from howlkit.constraints.heard import (
    FIRST,
    LAST_ONSET,
    LAST_PITCH,
    NEWEST,
    NOTES,
    UNTIL,
)
from howlkit.constraints.heard import ONSET as NOTE_ONSET
from howlkit.constraints.heard import PITCH as NOTE_PITCH
from howlkit.constraints.heard import PROGRAM as NOTE_PROGRAM
from howlkit.constraints.heard import TRACK as NOTE_TRACK
from howlkit.constraints.rules import DENSE
from howlkit.music.tables import DRUMS
from howlkit.note_choices import AHEAD, BEGINS, COMING, LASTS, NOTHING, OPEN, QUANTITIES, UNKNOWN
from howlkit.sampling.kernels import Array, compiled
from howlkit.sampling.rule_arrays import NUMBERS

__all__ = [
    "ALONE",
    "begin_decision",
    "begin_sums",
    "follow",
    "has_a_say",
    "hear_in_the_making",
    "judge",
    "take_in",
]

ONSET, PITCH, PROGRAM, TRACK, LENGTH, ROLE = range(len(QUANTITIES))
(SLOT, EARLY, BEATS, BAR, OFFSET, RATE, SLACK, STRENGTH, MOST, LONGEST, RESTRIKES, ALONE, OPENS,
 HAS_PITCHES, HAS_LOOPS, HAS_PROGRAMS) = range(len(NUMBERS))  # fmt: skip
HIGHEST = 127  # pitch
INFINITY = np.float32(np.inf)
NO_OPINION = np.float32(0)


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
def has_a_say(b: int, k: int, known: Array, spans: Array, numbers: Array, sums: Array) -> bool:
    """Return whether rules may say anything about decision k in row b; `judge` then knows what.

    Most decisions are no part of a note, or are one of which nothing is asked. To find it out here
    spares a call with all the arrays.
    """
    if not known[k, ONSET]:
        return False
    if sums[b, ROLE] + spans[1, k, ROLE] > NOTHING:
        return True
    return bool(numbers[RATE] > 0 or numbers[OPENS] > 0)  # they speak of time that moves on, too


@compiled
def judge(
    b: int,
    k: int,
    allowed: Array,
    added: Array,
    rules: tuple[Array, ...],
) -> bool:
    """Set added (n,) to what the rules add to the logits of decision k in row b.

    allowed: (n,), others are left out. Returns whether anything is not 0. If not, `added` may be as
    it was. The onset must be known (`has_a_say`).

    Most decisions are about few quantities of a note, and most rules say nothing about most of
    them, so what does not change from choice to choice is found before the first one.
    """
    (adds, first, known, restart, spans, pitches, which, programs, most_run, numbers,
     bases, notes, at, moves, runs, moved, sums, left) = rules  # fmt: skip
    base, heard, mine = sums[b], notes[b], at[b]
    alone = numbers[ALONE] > 0
    fewest, furthest = spans[0, k], spans[1, k]
    # What the roles of the choices may be.
    least_role, last_role = base[ROLE] + fewest[ROLE], base[ROLE] + furthest[ROLE]
    may_begin = last_role >= BEGINS or (least_role <= COMING and last_role >= COMING)
    may_last = least_role <= LASTS and last_role >= LASTS

    may_be_ahead = last_role >= AHEAD
    # What is added to a latest onset may be below 0: notes are sought that sound before it.
    earliest = min(base[ONSET], bases[b, ONSET])
    now = base[ONSET] + fewest[ONSET]
    sounding, next_due = _sounding(heard, earliest, now, numbers[LONGEST])
    looks_at_pitch = may_begin and known[k, PITCH]
    loops = _loops(runs[b], most_run, numbers[HAS_LOOPS] > 0 and looks_at_pitch)
    crowded = 0 < numbers[MOST] <= len(sounding) and (may_begin or may_last or may_be_ahead)
    late = base[ONSET] + furthest[ONSET] > next_due
    # A note ends before time moves on, another begins, or another ends.
    ends = -1
    if late and next_due == now:
        ends = _ends(heard, sounding, now, numbers[LONGEST])
    long = may_last and known[k, LENGTH] and base[LENGTH] + furthest[LENGTH] > numbers[LONGEST]
    looks_at_key = (
        looks_at_pitch
        and numbers[RESTRIKES] > 0
        and not alone
        and len(sounding) > 0
        and known[k, PROGRAM]
        and known[k, TRACK]
    )
    looks_at_program = may_begin and numbers[HAS_PROGRAMS] > 0 and known[k, PROGRAM]
    looks_at_table = looks_at_pitch and numbers[HAS_PITCHES] > 0
    looks = crowded or late or long or looks_at_key or looks_at_program or looks_at_table
    if not looks and len(loops) == 0 and numbers[RATE] == 0:
        return False

    same_onset = fewest[ONSET] == furthest[ONSET]
    same_track = same_onset and fewest[TRACK] == furthest[TRACK]
    same_key = same_track and fewest[PITCH] == furthest[PITCH]
    struck = np.zeros(HIGHEST + 1, np.bool_)
    one_program = same_track and fewest[PROGRAM] == furthest[PROGRAM]
    if looks_at_key and one_program:
        program, track = base[PROGRAM] + fewest[PROGRAM], base[TRACK] + fewest[TRACK]
        _strike(heard, sounding, base[ONSET] + fewest[ONSET], program, track, struck)
    # Whether so many notes sound that none may begin, or be held; and whether that is known yet.
    none_begins, none_lasts, begins_known, lasts_known = False, False, False, False
    any_added = False
    for v in range(len(allowed)):
        added[v] = NO_OPINION
        if not allowed[v]:
            continue
        more = adds[first[b, k] + v]
        onset, role = base[ONSET] + more[ONSET], max(base[ROLE] + more[ROLE], NOTHING)
        new, ahead = role == COMING or role == BEGINS, role == AHEAD
        total = _density(onset, new, ahead, mine, moves[b], numbers) if numbers[RATE] > 0 else 0.0
        forbidden = onset > next_due and not ahead
        program = base[PROGRAM] + more[PROGRAM] if known[k, PROGRAM] else UNKNOWN
        track = base[TRACK] + more[TRACK] if known[k, TRACK] else UNKNOWN
        pitch = min(base[PITCH] + more[PITCH], HIGHEST) if known[k, PITCH] else UNKNOWN
        forbidden |= ends >= 0 and (new or (pitch >= 0 and pitch != ends))
        if role == LASTS:
            length = base[LENGTH] + more[LENGTH] if known[k, LENGTH] else UNKNOWN
            if onset + length < OPEN:
                forbidden |= length > numbers[LONGEST]
            else:
                forbidden |= _is_due(heard, sounding, onset, pitch, track, numbers[LONGEST])
            if crowded and length > 0 and not forbidden:
                if not (lasts_known and same_key):
                    none_lasts = _is_full(
                        heard, sounding, onset, pitch, track, True, alone, numbers[MOST]
                    )
                    lasts_known = True
                forbidden = none_lasts
        elif ahead and crowded:
            forbidden |= _is_full(heard, sounding, onset, pitch, track, False, alone, numbers[MOST])
        elif new:
            if crowded:
                # A note ends the one before it on its track, so which track it is on counts then.
                if not (begins_known and (same_track if alone else same_onset)):
                    none_begins = _is_full(
                        heard, sounding, onset, pitch, track, False, alone, numbers[MOST]
                    )
                    begins_known = True
                forbidden |= none_begins
            if looks_at_program and program >= 0:
                forbidden |= not programs[min(program, DRUMS)]
            if pitch >= 0 and not forbidden:
                if looks_at_table and program != DRUMS:
                    table = which[0]
                    if len(which) > 1:
                        table = which[_slot(onset, mine[FIRST], moved[b], numbers, len(which))]
                    total += pitches[table, pitch]
                if looks_at_key and program >= 0 and track >= 0:
                    if one_program:
                        forbidden = struck[pitch]
                    else:
                        forbidden = _is_struck(heard, sounding, onset, pitch, program, track)
                forbidden |= _goes_on(moves[b], loops, pitch, onset, mine)
        added[v] = -INFINITY if forbidden else total
        any_added |= added[v] != 0
    return any_added


@compiled
def _sounding(notes: Array, onset: int, now: int, longest: float) -> tuple[Array, int]:
    """Return the places of notes that sound at an onset, and the last onset that they allow.

    A note that sounds until a step ends it must be ended when it is `longest` positions long,
    unless it is older already at `now`, the earliest onset of all choices.
    """
    places, count, next_due = np.empty(len(notes), np.int64), 0, OPEN
    for s in range(len(notes)):
        if notes[s, UNTIL] > onset:
            places[count] = s
            count += 1
            due = notes[s, NOTE_ONSET] + np.int64(longest)
            if notes[s, UNTIL] >= OPEN and due >= now:
                next_due = min(next_due, due)
    return places[:count], next_due


@compiled
def _ends(notes: Array, sounding: Array, now: int, longest: float) -> int:
    """Return the pitch of the lowest key that must end now; -1: there is none."""
    lowest = np.int64(OPEN)
    for s in sounding:
        if notes[s, UNTIL] >= OPEN and notes[s, NOTE_ONSET] + np.int64(longest) == now:
            lowest = min(lowest, 128 * notes[s, NOTE_PROGRAM] + notes[s, NOTE_PITCH])
    return int(lowest % 128) if lowest < OPEN else -1


@compiled
def _is_due(
    notes: Array, sounding: Array, onset: int, pitch: int, track: int, longest: float
) -> bool:
    """Return whether a note that would sound on at an onset is `longest` long."""
    for s in sounding:
        mine = notes[s, NOTE_TRACK] == track and (pitch < 0 or notes[s, NOTE_PITCH] == pitch)
        if mine and notes[s, UNTIL] > onset and onset - notes[s, NOTE_ONSET] >= longest:
            return True
    return False


@compiled
def _loops(runs: Array, most_run: Array, looks: bool) -> Array:
    """Return the lags (counted from 0) at which the music may not go on repeating itself."""
    count = 0
    if looks:
        for p in range(len(most_run)):
            count += runs[p] >= most_run[p]
    lags, found = np.empty(count, np.int64), 0
    if count > 0:
        for p in range(len(most_run)):
            if runs[p] >= most_run[p]:
                lags[found] = p
                found += 1
    return lags


@compiled
def _strike(
    notes: Array, sounding: Array, onset: int, program: int, track: int, struck: Array
) -> None:
    """Mark in struck (128,) the keys of a program on a track that sound at an onset."""
    for s in sounding:
        mine = notes[s, NOTE_PROGRAM] == program and notes[s, NOTE_TRACK] == track
        if mine and notes[s, UNTIL] > onset and 0 <= notes[s, NOTE_PITCH] <= HIGHEST:
            struck[notes[s, NOTE_PITCH]] = True


@compiled
def _density(onset: int, new: bool, ahead: bool, at: Array, moves: Array, numbers: Array) -> float:
    """Return what `DensityRule` adds for a note, or for moving on to an onset without one."""
    if at[NOTES] < 1:
        return 0.0
    since, counted = onset - at[LAST_ONSET], min(at[NOTES] - 1, DENSE)
    for p in range(counted):
        since += moves[p, 1]
    over = counted + (new or ahead) - numbers[RATE] * since
    matters = ahead or (over > 0 if new else over < 0)
    beyond = min(max(abs(over) - numbers[SLACK], 0.0), float(DENSE)) if matters else 0.0
    push: float = -numbers[STRENGTH] * beyond * beyond
    return push


@compiled
def _is_full(
    notes: Array, sounding: Array, onset: int, pitch: int, track: int, holds: bool, alone: bool,
    most: float,
) -> bool:  # fmt: skip
    """Return whether `most` other notes sound, so that none may begin, or be held if `holds`.

    alone: a note that begins ends the one before it on its track, which does not count then.
    """
    others, mine = 0, not holds or pitch >= 0  # a track on which nothing sounds stays silent
    for s in sounding:
        if notes[s, UNTIL] <= onset:
            continue
        same = notes[s, NOTE_TRACK] == track
        held = holds and same and (pitch < 0 or notes[s, NOTE_PITCH] == pitch)
        ends = alone and same and not holds
        others += not (held or ends)
        mine |= held
    return mine and others >= most


@compiled
def _is_struck(
    notes: Array, sounding: Array, onset: int, pitch: int, program: int, track: int
) -> bool:
    """Return whether a key sounds at an onset."""
    for s in sounding:
        same = (
            notes[s, NOTE_PITCH] == pitch
            and notes[s, NOTE_PROGRAM] == program
            and notes[s, NOTE_TRACK] == track
        )
        if same and notes[s, UNTIL] > onset:
            return True
    return False


@compiled
def _goes_on(moves: Array, loops: Array, pitch: int, onset: int, at: Array) -> bool:
    """Return whether the move to a note repeats that of one of the loops."""
    for p in loops:
        if moves[p, 0] == pitch - at[LAST_PITCH] and moves[p, 1] == onset - at[LAST_ONSET]:
            return True
    return False


@compiled
def _slot(onset: int, first: int, moved: int, numbers: Array, slots: int) -> int:
    """Return the slot of the music at an onset, as `PitchRule`."""
    beat = (onset + moved) * numbers[BEATS]
    begun = (first + moved) * numbers[BEATS] if first >= 0 else beat
    if numbers[BAR] > 0:
        bars = math.floor((begun + numbers[EARLY] - numbers[OFFSET]) / numbers[BAR])
        begun = bars * numbers[BAR] + numbers[OFFSET]
    since = beat + numbers[EARLY] - begun
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
def take_in(b: int, k: int, choice: int, adds: Array, first: Array, sums: Array) -> None:
    """Add the choice (of its n) that was made in decision k to the sums of row b."""
    for q in range(sums.shape[1]):
        sums[b, q] += adds[first[b, k] + choice, q]


@compiled
def hear_in_the_making(b: int, k: int, rules: tuple[Array, ...]) -> None:
    """Bring what row b has heard up to date with decision k, whose choice was taken in.

    Where a step may begin several notes, what the row has heard is that of the step in the making,
    not of the session.
    """
    (adds, first, known, restart, spans, pitches, which, programs, most_run, numbers,
     bases, notes, at, moves, runs, moved, sums, left) = rules  # fmt: skip
    hear(b, k, True, known, numbers, notes, at, moves, runs, sums)


@compiled
def follow(
    records: Array,
    column: Array,
    control: Array,
    when: Array,
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
    (adds, first, known, restart, spans, pitches, which, programs, most_run, numbers,
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
                sums[b, q] += adds[first[b, k] + values[column[k]], q]
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
        if alone and note[NOTE_TRACK] == track and note[UNTIL] > onset:
            note[UNTIL] = onset
        if place < 0 and note[UNTIL] <= onset:
            place = s
    if place < 0:  # of a step in the making; `follow` sees to it that there is room
        return
    note = notes[b, place]
    note[NOTE_PITCH], note[NOTE_PROGRAM], note[NOTE_TRACK], note[NOTE_ONSET], note[UNTIL] = (
        pitch, program, track, onset, until
    )  # fmt: skip
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
    """Let a note of row b last until `end`, but for one position at least."""
    which, newest = -1, at[b, NEWEST]
    for s in range(notes.shape[1]):
        note = notes[b, s]
        if pitch == UNKNOWN:
            if note[NOTE_TRACK] == track and note[UNTIL] > onset:
                note[UNTIL] = max(end, note[NOTE_ONSET] + 1)
        elif (
            note[NOTE_PITCH] == pitch
            and note[NOTE_PROGRAM] == program
            and note[NOTE_TRACK] == track
        ):
            if s == newest or (which < 0 and note[UNTIL] >= onset):
                which = s
                if s == newest:
                    break
    if which >= 0:
        notes[b, which, UNTIL] = max(end, notes[b, which, NOTE_ONSET] + 1)
