"""The order of notes and the classes of their durations are those of the plain definitions."""

import numpy as np
import pytest

from howlkit.builtin.encoders.shared.durations import (
    LONGEST_TABLE,
    log_spaced,
    nearest,
    nearest_of_ticks,
)
from howlkit.builtin.encoders.shared.notes import in_canonical_order

FIELDS = {"program": 129, "pitch": 128, "duration": 700, "velocity": 127}


@pytest.mark.parametrize("latest", [3, 2**31 - 1, 2**31, 2**40])
@pytest.mark.parametrize("left_out", [(), ("program",), ("program", "velocity")])
def test_notes_are_ordered_by_onset_program_pitch_duration_velocity(latest, left_out):
    rng = np.random.default_rng(0)
    onsets = np.sort(rng.choice([0, 1, latest - 1, latest], 200))
    notes = {
        name: rng.choice([0, 1, 2, size - 1], 200).astype(np.uint16)
        for name, size in FIELDS.items()
        if name not in left_out
    }
    order = np.lexsort((*(notes[name] for name in reversed(notes)), onsets))
    ordered = in_canonical_order(onsets, notes)
    assert set(ordered) == set(notes)
    for name, column in notes.items():
        assert ordered[name].tolist() == column[order].tolist()


def test_no_notes_are_in_order():
    assert not len(
        in_canonical_order(np.zeros(0, np.int64), {"pitch": np.zeros(0, np.uint8)})["pitch"]
    )


@pytest.mark.parametrize("ticks_per_beat", [1, 480, 32_767])
def test_durations_in_ticks_are_those_of_the_nearest_length_table_or_not(ticks_per_beat):
    lengths = log_spaced(64 * 12, 12)
    assert (64 * 32_767 > LONGEST_TABLE) and (64 * 480 <= LONGEST_TABLE)
    ticks = np.append(np.arange(1, 5000), [64 * ticks_per_beat, 2**31 - 1]).astype(np.int32)
    expected = nearest(lengths, ticks * (12 / ticks_per_beat))
    found = nearest_of_ticks(tuple(lengths.tolist()), ticks, ticks_per_beat, 12)
    assert found.tolist() == expected.tolist()
