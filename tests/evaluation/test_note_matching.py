"""Which note is which, where nothing but onsets can tell; test_roundtrip.py has whole pieces."""

import itertools

import numpy as np

from howlkit.evaluation.note_matching import MAX_ONSET_GAP, TimedNotes, match_notes


def best_cost(original, version):
    """The least cost of all pairings of onsets, by trying every one."""
    few, many = sorted((original, version), key=len)
    costs = [MAX_ONSET_GAP * (len(few) + len(many))]
    for size in range(1, len(few) + 1):
        for some in itertools.combinations(few, size):
            for others in itertools.combinations(many, size):
                far = np.abs(np.subtract(some, others))
                if far.max() <= MAX_ONSET_GAP:
                    costs.append(far.sum() + MAX_ONSET_GAP * (len(few) + len(many) - 2 * size))
    return min(costs)


def notes_at(onsets):
    onsets = np.array(onsets)
    return TimedNotes(onsets, np.ones(len(onsets)), *np.full((2, len(onsets)), 60))


def test_pairs_are_near_the_best_there_are():
    """Random onsets of one pitch, with nothing that follows from anything."""
    rng = np.random.default_rng(0)
    ratios = []
    for _ in range(150):
        a, b = (np.sort(rng.random(rng.integers(1, 6)) * 2) for _ in range(2))
        pairs = match_notes(notes_at(a), notes_at(b))
        assert len(set(pairs.original)) == len(set(pairs.version)) == len(pairs.original)
        order = np.argsort(pairs.original)
        assert (np.diff(pairs.version[order]) > 0).all()
        ratios.append(pairs.cost / best_cost(a, b))
    assert np.mean(ratios) < 1.1


def test_a_trill_of_thousands_of_unisons_is_paired_at_once():
    at = np.repeat(np.arange(5000) * 0.05, 2)
    pairs = match_notes(notes_at(at), notes_at(at[1:] + 0.025))
    assert len(pairs.original) >= len(at) - 2


def test_thousands_of_notes_at_one_onset_are_paired_at_once():
    pairs = match_notes(notes_at(np.zeros(20_000)), notes_at(np.repeat([0.0, 0.1, 0.3], 8_000)))
    assert len(pairs.original) == 20_000
    both_sides = match_notes(notes_at([0.0, 0.2, 0.2, 0.2]), notes_at([0.1, 0.1, 0.1, 0.3]))
    assert len(both_sides.original) == 4
