"""How much music is made: what a limit may be, and that every row ends."""

import numpy as np
import pytest

from howlkit.errors import HowlkitError
from howlkit.sampling.generation import length
from howlkit.sampling.limits import Limit
from howlkit.testing.samplers import session


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"notes": -1}, "notes=-1; a whole number from 1 is needed, or None"),
        ({"notes": 0}, "notes=0; a whole number from 1"),
        ({"notes": 2.5}, "notes=2.5; a whole number from 1"),
        ({"notes": True}, "notes=True; a whole number from 1"),
        ({"notes": "8"}, "notes='8'; a whole number from 1"),
        ({"seconds": float("nan")}, "seconds=nan; a number above 0 is needed, or None"),
        ({"seconds": 0}, "seconds=0; a number above 0"),
        ({"beats": float("inf")}, "beats=inf; a number above 0"),
        ({"beats": -4.0}, "beats=-4.0; a number above 0"),
        ({"bars": 2.5}, "bars=2.5; a whole number from 1"),
        ({"ticks": 8}, "has no 'ticks'; notes, seconds, beats and bars are its units"),
        ({"second": 8}, "Did you mean 'seconds'"),
    ],
)
def test_a_limit_that_cannot_be_is_refused(given, said):
    with pytest.raises(HowlkitError) as caught:
        Limit(**given)
    assert said in str(caught.value)


def test_limits_of_numpy_will_do_and_are_values():
    assert Limit(np.int64(5), np.float32(2)) == Limit(5, 2.0) and len({Limit(5), Limit(5)}) == 1
    with pytest.raises(HowlkitError, match="beats=0"):
        length(beats=0)
    with pytest.raises(HowlkitError, match="the limit is 5; a Limit is needed"):
        session(limit=5)


@pytest.mark.parametrize("limit", [Limit(seconds=2), Limit(beats=4), Limit(notes=40)])
def test_music_whose_time_stands_still_is_cut(monkeypatch, limit):
    """Neither time nor the number of notes moves on: the steps are counted."""
    monkeypatch.setattr("howlkit.sampling.limits.STEPS_ALWAYS", 30)
    monkeypatch.setattr(
        "howlkit.sampling.limits.STEPS_A_UNIT", {"notes": 0.25, "seconds": 5, "beats": 2.5}
    )
    made = session(rows=2, limit=Limit(limit.notes, limit.seconds, limit.beats, ends=False))
    still = np.zeros(2)
    if limit.notes is None:
        monkeypatch.setattr("howlkit.sampling.state.RowState.now", property(lambda self: still))
    else:
        push = type(made._at.grammar).push
        monkeypatch.setattr(
            "howlkit.plugins.checked_grammar.CheckedGrammar.push",
            lambda self, step, rows: push(self, step, rows) * 0,
        )
    assert made.limit.most_steps == 40 and not made.stalled.any()
    for _ in range(60):
        made.step()
    assert made.lengths.tolist() == [41, 41]  # the start row is none of them
    assert made.done.all() and made.stalled.all()


def test_steps_that_were_fed_do_not_count(monkeypatch):
    monkeypatch.setattr("howlkit.sampling.limits.STEPS_ALWAYS", 30)
    monkeypatch.setattr("howlkit.sampling.limits.STEPS_A_UNIT", {"notes": 0})
    made, source = (session(rows=1, limit=Limit(notes=n, ends=False)) for n in (20, 25))
    while not source.done.all():
        source.step()
    made.feed(source.steps)
    while not made.done.all():
        made.step()
    assert made.notes.tolist() == [20] and not made.stalled.any()


def test_without_a_limit_steps_are_not_counted():
    assert Limit().most_steps == np.inf
    assert Limit(seconds=60).most_steps == 34_000
    assert Limit(notes=10, seconds=60).most_steps == 4500
