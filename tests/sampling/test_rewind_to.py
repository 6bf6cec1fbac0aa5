"""Going back to a position in beats or in seconds."""

import numpy as np
import pytest

from howlkit import plugins
from howlkit.errors import HowlkitError
from howlkit.sampling.limits import Limit
from howlkit.testing.samplers import session
from tests.conftest import tune

ENCODERS = ["tuple", "event", "remi", "pianoroll", "voices", "howl"]


def played(name, prompt=None, rows=3, beats=40):
    options = {"longest_shift": 2} if name == "tuple" else {}
    encoder, limit = plugins.create("encoder", name, options), Limit(beats=beats, ends=False)
    made = session(encoder, rows=rows, limit=limit, like=prompt)
    if prompt is not None:
        made.prompt(prompt)
    for _ in range(3000):
        if made.done.all():
            break
        made.step()
    return made


def positions(made, unit):
    """Return for each row the position after each of its steps, by feeding them one by one."""
    at = np.full((made.rows, int(made.lengths.max())), np.inf)
    for length in range(1, at.shape[1] + 1):
        back = made.fork(same=True)
        back.rewind(np.minimum(made.lengths, length))
        here = getattr(back, unit)
        for row in range(made.rows):
            if length <= made.lengths[row]:
                at[row, length - 1] = here[row]
    return at


@pytest.mark.parametrize("unit", ["beats", "seconds"])
@pytest.mark.parametrize("name", ENCODERS)
def test_every_step_at_the_position_or_after_it_is_taken_back(name, unit):
    made = played(name, beats=12)
    limit, at = 0.5 * float(getattr(made, unit).min()), positions(made, unit)
    before = made.steps.copy()
    made.rewind_to(**{unit: limit})
    assert (made.lengths > 1).any()
    for row, length in enumerate(made.lengths):
        assert np.isfinite(at[row]).sum() > length  # something was taken back
        first = np.flatnonzero(at[row] >= limit)[0]
        assert length == first
        assert np.array_equal(made.steps[row, :length], before[row, :length])
    assert (getattr(made, unit) < limit).all()
    made.step()


def test_each_row_may_have_its_own_position_and_one_that_is_not_there_yet_stays():
    made = played("tuple")
    whole = made.lengths.copy()
    made.rewind_to(beats=[8, 1000, 16.5])
    assert made.beats[0] < 8 and made.beats[2] < 16.5
    assert made.lengths[1] == whole[1] and made.lengths[0] < whole[0]


def test_it_is_the_same_however_few_states_were_kept(monkeypatch):
    far = played("tuple")
    far.rewind_to(beats=39)
    monkeypatch.setattr("howlkit.sampling.history.KEEP_EVERY", 3)
    near = played("tuple")
    assert len(near._rows.history.states) > 3
    near.rewind_to(beats=39)
    assert near.lengths.tolist() == far.lengths.tolist()


@pytest.mark.parametrize("name", ["tuple", "howl"])
def test_a_prompt_stays_and_is_named_if_the_position_lies_in_it(name):
    prompt = tune(1, 4).replace(has_end=False)
    made = played(name, prompt)
    made.rewind_to(beats=1000)  # nothing
    assert (made.notes > 0).all()
    fed, last = made._at.fed.copy(), prompt.notes["start"][-1] / prompt.ticks_per_beat
    made.rewind_to(beats=last + 0.01)
    assert (made.lengths >= fed).all() and (made.lengths < fed + 20).all()
    with pytest.raises(HowlkitError, match=r"cannot rewind row 0 to 2 beats: what was fed to it"):
        made.rewind_to(beats=2)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "takes beats or seconds, one of the two"),
        ({"beats": 1, "seconds": 1}, "takes beats or seconds, one of the two"),
        ({"beats": 0}, "beats=0; a number above 0 is needed, or 2, one a row"),
        ({"beats": float("nan")}, "beats=nan; a number above 0"),
        ({"seconds": [1, 2, 3]}, r"seconds=\[1, 2, 3\]; a number above 0"),
        ({"seconds": "4"}, "seconds='4'; a number above 0"),
    ],
)
def test_what_is_no_position_is_refused(given, said):
    made = session(rows=2, limit=Limit(notes=5))
    with pytest.raises(HowlkitError, match=said):
        made.rewind_to(**given)
