"""The sustain pedal, from symusic's controllers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from howlkit.music.midi.contents import Contents
from howlkit.music.midi.quick.doubts import DRUM_CHANNEL, NotPlainError, Plain
from howlkit.music.midi.quick.tracks import (
    BANK,
    RESET_ALL,
    SILENCING,
    SUSTAIN,
    Controls,
    Track,
    noted,
)
from howlkit.music.tables import PEDAL, Table

__all__ = ["pedals_of"]

_LEAST_DRUM_BANK = 120


def pedals_of(tracks: Sequence[Track], said: Plain, found: Contents) -> Table:
    """Return the spans of the pedal, by start.

    Raises NotPlainError if controllers say more than symusic can tell.
    """
    heard = [track for track in tracks if track.controls is not None]
    if not heard:
        return np.empty(0, PEDAL)
    if not all(track.place for track in tracks):  # a channel with several programs
        raise NotPlainError
    tracks_of: dict[int, list[int]] = {}
    for number, track in enumerate(noted(tracks)):
        tracks_of.setdefault(track.channel, []).append(number)
    pedals = []
    for channel, numbers in tracks_of.items():
        its = [t.controls for t in heard if t.channel == channel and t.controls is not None]
        _check_controls(its, drums=said.yamaha and channel == DRUM_CHANNEL)
        if any(counts[SUSTAIN] for _, counts in its):
            pedals.append(_spans(its, numbers, found))
    if not pedals:
        return np.empty(0, PEDAL)
    joined = pedals[0] if len(pedals) == 1 else np.concatenate(pedals)
    if len(pedals) > 1:
        joined = joined.take(np.lexsort((joined["track"], joined["start"])))
    return joined


def _check_controls(controls: Iterable[Controls], *, drums: bool) -> None:
    """Raise NotPlainError if controllers of a channel end notes, or may say that it plays drums.

    drums: whether any bank says that.
    """
    for columns, counts in controls:
        if any(counts[number] for number in SILENCING):
            raise NotPlainError
        if counts[BANK]:
            banks = columns["value"].compress(columns["number"] == BANK)
            if drums or int(banks.max()) >= _LEAST_DRUM_BANK:
                raise NotPlainError


def _spans(controls: Sequence[Controls], numbers: Sequence[int], found: Contents) -> Table:
    """Return the spans of a channel's pedal that hold something, for each of its tracks."""
    ticks = _presses(controls)
    begins, ends = ticks[::2], ticks[1::2]  # down, up, down, up ...
    pedals = np.empty(len(begins), PEDAL)
    pedals["start"], pedals["track"] = begins, numbers[0]
    durations = pedals["duration"]
    np.subtract(ends, begins[: len(ends)], out=durations[: len(ends)])
    if len(begins) > len(ends):
        its = found.notes[np.isin(found.notes["track"], numbers)]
        last = int(np.maximum.reduce(its["start"] + its["duration"]))
        durations[-1] = max(0, last - int(begins[-1]))
        found.repairs["unreleased_pedals"] += 1
    if np.count_nonzero(durations) < len(pedals):
        pedals = pedals.compress(durations != 0)
    if len(numbers) > 1:
        pedals = pedals.repeat(len(numbers))
        pedals["track"] = np.tile(np.array(numbers, np.uint16), len(pedals) // len(numbers))
    return pedals


def _presses(controls: Sequence[Controls]) -> NDArray[np.int32]:
    """Return the ticks at which a channel's pedal goes down and comes up, in turns.

    They come from the controllers, since symusic's pedals are wrong (0.6): the first one of every
    channel but the first begins at tick 0, and a pedal that is not released is missing.
    """
    times, downs = [], []
    for columns, counts in controls:
        time, down = columns["time"], columns["value"] >= 64
        if counts[SUSTAIN] < len(time):  # other controllers too
            pedal = sustain = columns["number"] == SUSTAIN
            if counts[RESET_ALL]:
                pedal = sustain | (columns["number"] == RESET_ALL)
                down &= sustain
            time, down = time.compress(pedal), down.compress(pedal)
        times.append(time)
        downs.append(down)
    time, down = times[0], downs[0]
    if len(times) > 1:
        order = np.concatenate(times).argsort(kind="stable")
        time, down = np.concatenate(times).take(order), np.concatenate(downs).take(order)
    changed = down.copy()  # the pedal is up at first
    changed[1:] ^= down[:-1]
    return np.asarray(time.compress(changed))
