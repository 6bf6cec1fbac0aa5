"""What leads to the same music elsewhere in a piece is offered as the end of a part made anew."""

import numpy as np
import pytest

from howlkit.music.piece import Piece
from howlkit.sampling.replacing import Region, replace
from howlkit.sampling.replacing import replacement as made_anew
from howlkit.sampling.replacing.lead_ins import lead_ins
from howlkit.sampling.trained import Trained
from tests.sampling.test_replacing import trained

BAR = 1920


def bars_of(*bars, shift=0):
    """A piece of bars of eight notes each, given by their seeds; equal seeds are equal bars."""
    notes = []
    for number, seed in enumerate(bars):
        pitches = np.random.default_rng(seed).integers(50, 80, 8).tolist()
        notes += [(BAR * number + 240 * i + shift, 200, p) for i, p in enumerate(pitches)]
    return Piece.of(notes)


def test_the_bar_before_the_same_music_is_found_at_its_new_place():
    piece = bars_of(9, 1, 2, 3, 4, 5, 6, 2, 3, 7)
    region = Region.of(piece, bars=(6, 7))  # bars 8 and 9 follow, which bars 3 and 4 were too
    [found] = lead_ins(region, region.stop - BAR)
    first = piece.notes[(piece.notes["start"] >= BAR) & (piece.notes["start"] < 2 * BAR)]
    assert found["pitch"].tolist() == first["pitch"].tolist()
    assert (found["start"] - first["start"] == 5 * BAR).all()
    [half] = lead_ins(region, region.stop - BAR // 2)
    assert half["pitch"].tolist() == first["pitch"][4:].tolist()


def test_it_may_come_later_in_the_piece():
    piece = bars_of(9, 4, 5, 2, 3, 7, 1, 2, 3)
    region = Region.of(piece, bars=(2, 3))
    [found] = lead_ins(region, region.stop - BAR)
    assert found["start"].min() >= region.begin and found["start"].max() < region.stop
    assert found["pitch"].tolist() == piece.notes["pitch"][48:56].tolist()


@pytest.mark.parametrize(
    ("bars", "region"),
    [
        ((9, 1, 2, 3, 4, 5, 6, 7), (3, 4)),  # what follows comes once
        ((2, 3, 4, 5, 6, 2, 3, 7), (4, 5)),  # nothing leads to the first time
        ((9, 1, 5, 2, 3, 2, 3), (3, 5)),  # it lies in the region
        ((9, 1, 2, 3), (4, 4)),  # nothing follows
    ],
)
def test_there_may_be_none(bars, region):
    region = Region.of(bars_of(*bars), bars=region)
    assert lead_ins(region, region.stop - BAR) == []


def test_takes_may_end_with_it_and_only_where_it_is_asked_for(monkeypatch):
    """A network that is weighed as if it liked nothing else takes it."""
    piece = bars_of(9, 1, 2, 3, 4, 5, 6, 2, 3, 7)
    region = Region.of(piece, bars=(6, 7))
    quote = lead_ins(region, region.stop - BAR)[0]["pitch"].tolist()

    def ends_so(notes):
        return notes["pitch"][notes["start"] >= region.stop - BAR].tolist() == quote

    def join(candidates):
        return np.array([0.0 if ends_so(notes) else 9.0 for notes in candidates.notes])

    monkeypatch.setattr(made_anew, "join", join)
    [take] = replace(trained("tuple"), region, candidates=4, quotes=True)
    assert ends_so(take.notes) and take.join == 0
    [take] = replace(trained("tuple"), region, candidates=4)
    assert not ends_so(take.notes)
    kept = Region.of(piece, bars=(6, 7), keep=lambda notes: notes["pitch"] < 55)
    [take] = replace(trained("tuple"), kept, candidates=4, quotes=True)
    assert take.join == 9


def test_wishes_about_notes_leave_it_out(monkeypatch):
    asked = []

    def seen(*args, **arguments):
        asked.append(arguments["quotes"])
        return replace(*args, **arguments)

    monkeypatch.setattr("howlkit.sampling.replacing.asked.replace", seen)
    piece, made = bars_of(1, 2, 3), trained("tuple")
    assert isinstance(made, Trained)
    for wishes in ({}, {"key": "C major"}, {"range": (40, 90)}, {"without": "loops"}):
        made.replace(piece, bars=(2, 2), takes=1, candidates=1, **wishes)
    assert asked == [True, False, False, True]
