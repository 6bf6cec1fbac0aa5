"""Made music is told from real music if it differs, and only then."""

import builtins
import json

import numpy as np
import pytest

from howlkit.errors import DataError, HowlkitError
from howlkit.evaluation.told import classifier, table, tell_apart, two_sample
from howlkit.evaluation.told.excerpts import cut, cut_all, groups_of, shared_number
from howlkit.music.piece import Piece
from tests.conftest import walk


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Fewer trees and splits: what is shown here needs no more."""
    monkeypatch.setattr(classifier, "TREES", 40)
    monkeypatch.setattr(two_sample, "REPEATS", 2)
    monkeypatch.setattr(two_sample, "SPLITS", 4)


def walks(first, number, notes=100):
    """Random walks of a note each quarter of a second."""
    return [walk(seed, notes) for seed in range(first, first + number)]


def wild(piece):
    """The same rhythm, with pitches that know no key and no line."""
    notes = piece.notes.copy()
    seed = int(notes["pitch"].sum())
    notes["pitch"] = np.random.default_rng(seed).integers(30, 100, len(notes))
    return piece.replace(notes=notes)


def test_music_of_one_kind_is_not_told():
    found = tell_apart(walks(0, 40), walks(100, 40), seconds=10)
    low, high = found.told.interval
    assert 30 < low < found.told.value < high < 70
    assert 35 < found.real_from_real < 65
    assert found.made_told + found.real_told == pytest.approx(2 * found.told.value)


def test_other_music_is_told_and_by_what():
    made = [wild(piece) for piece in walks(0, 24)]
    found = tell_apart(made, walks(100, 24), seconds=20)
    assert found.told.value > 97 and found.real_from_real < 70
    by_name = {each.name: each for each in found.tellings}
    assert by_name["consonance"].made < by_name["consonance"].real
    assert by_name["top_interval"].made > 2 * by_name["top_interval"].real
    lost = [each.lost for each in found.tellings]
    assert lost == sorted(lost, reverse=True) and lost[0] >= 0


def test_what_alone_differs_tells_most():
    """Two features of loudness are all that differs, apart from each other."""
    loud = []
    for piece in walks(0, 30):
        notes = piece.notes.copy()
        notes["velocity"] = 100
        loud.append(piece.replace(notes=notes))
    found = tell_apart(loud, walks(100, 30), seconds=10)
    assert found.told.value > 95 and found.tellings[0].name == "loudness"
    assert (found.tellings[0].made, found.tellings[0].real) == (100, 80)


def test_excerpts_of_one_piece_are_never_learnt_from_and_asked_about():
    """Each piece is one passage again and again, so its excerpts are alike, and no two pieces are.

    A classifier that had seen some excerpts of a piece would know the others.
    """
    pieces = []
    for seed in range(48):
        rng = np.random.default_rng(seed)
        bar = rng.integers(40, 90, 16)
        pieces.append(Piece.of([(240 * i, 240, int(bar[i % 16])) for i in range(256)]))
    made, real = pieces[:24], pieces[24:]
    found = tell_apart(made, real, seconds=8)
    assert len(found.made.all_excerpts) == 24 * 8
    assert found.told.value < 65 and found.real_from_real < 65
    both = cut_all(pieces, 8)
    values = two_sample.measure(both.all_excerpts)
    is_made = both.piece_of < 24
    alone = np.arange(len(values))  # as if each excerpt were a piece: this is what leaks
    leaky = classifier.cross_validated(values, is_made, alone, seed=0)[0].mean()
    assert leaky > 0.95


def test_folds_keep_groups_together_and_classes_even():
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 40, 400)
    made = (groups % 2 == 0) | (groups > 36)
    folds = classifier.folds_of(groups, made, rng)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in range(40))
    for which in (made, ~made):
        counts = np.bincount(folds[which], minlength=5)
        assert counts.min() > 0.5 * counts.max()


def test_a_piece_and_its_transposed_copy_in_the_other_set_are_one_group():
    real = walks(0, 24)
    made = []
    for piece in real:
        notes = piece.notes.copy()
        notes["pitch"] += 1
        made.append(piece.replace(notes=notes))
    groups = groups_of([*made, *real])
    assert (groups[:24] == groups[24:]).all() and len(np.unique(groups)) == 24


def test_copies_and_short_pieces_are_left_out_and_counted():
    pieces = walks(0, 22)
    found = tell_apart([*pieces, *pieces[:3], walk(500, 20)], walks(100, 21), seconds=20)
    assert (found.made.copies, found.made.short) == (3, 1)
    assert found.to_json()["made"] == {"pieces": 22, "excerpts": 22, "short": 1, "copies": 3}
    text = "\n".join(table.lines(found.to_json()))
    assert "Left out of the made music: 1 pieces that are shorter, 3 copies" in text


def test_pieces_of_a_minute_are_compared_with_the_first_minute_of_others():
    short, long = cut_all(walks(0, 3, 100), 10), cut_all(walks(0, 3, 400), 10)
    assert [len(own) for own in long.excerpts] == [9, 9, 9]
    assert shared_number(short, long) == 2
    assert [len(own) for own in long.first(2).excerpts] == [2, 2, 2]


def test_excerpts_begin_with_the_first_onset_and_have_one_length():
    piece = Piece.of([(4800 + 480 * i, 480, 60) for i in range(9)])  # 4.5 s after 5 s of silence
    excerpts = cut(piece, 2.0)
    assert [len(each) for each in excerpts] == [4, 4]
    assert all(each.notes["start"][0] == 0 for each in excerpts)
    assert len(cut(piece, 4.5)) == 1 and not cut(piece, 4.6) and not cut(Piece(), 1.0)


def test_the_same_seed_gives_the_same_numbers():
    made, real = [wild(p) if k % 2 else p for k, p in enumerate(walks(0, 21))], walks(100, 21)
    one, again, other = (tell_apart(made, real, seconds=10, seed=s).to_json() for s in (1, 1, 2))
    assert json.dumps(one) == json.dumps(again)
    assert one["real_from_real_splits"] != other["real_from_real_splits"]
    assert one["version"] == 1 and one["seed"] == 1 and json.loads(json.dumps(one)) is not None


def test_too_few_pieces_are_refused_in_words():
    with pytest.raises(DataError, match=r"the made music has 19 different pieces of 10 seconds"):
        tell_apart(walks(0, 19), walks(100, 20), seconds=10)
    with pytest.raises(DataError, match=r"the real music has 0 .* \(20 pieces are shorter"):
        tell_apart(walks(0, 20), walks(100, 20, 20), seconds=20)


def test_without_scikit_learn_the_error_says_what_to_install(monkeypatch):
    real_import = builtins.__import__

    def without(name, *rest):
        if name.startswith("sklearn"):
            raise ImportError(name)
        return real_import(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(HowlkitError, match=r"pip install 'howlkit\[told\]'"):
        tell_apart(walks(0, 20), walks(100, 20), seconds=10)
