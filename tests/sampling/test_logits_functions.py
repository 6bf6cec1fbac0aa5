"""Functions on logits: what they are given, and what is said of what they return."""

import functools

import numpy as np
import pytest

from howlkit.errors import HowlkitError
from howlkit.sampling.limits import Limit
from howlkit.schema import END, START
from howlkit.testing.fake_encoder import FakeEncoder
from howlkit.testing.samplers import session


def made(rows=4, **options):
    return session(rows=rows, limit=Limit(notes=30, ends=False), **options)


def test_a_function_sees_only_what_is_allowed():
    started, seen = made(), []

    def look(field, logits, given):
        allowed = started._at.grammar.allowed(field, given)
        if field.name == "mark":
            allowed = allowed & ~np.isin(np.arange(3), [START, END])
        assert np.array_equal(logits > -np.inf, allowed)
        seen.append(field.name)
        return logits

    for _ in range(10):
        started.step(functions=[look])
    assert set(seen) == {field.name for field in started.encoder.schema.decisions}


def test_a_function_that_takes_the_likeliest_takes_it_among_what_is_allowed():
    """Among all values it would mostly take one that the grammar forbids, and then none is left."""

    def likeliest(field, logits, given):
        return np.where(logits == logits.max(axis=1, keepdims=True), logits, -np.inf)

    for encoder in (None, FakeEncoder()):
        started = made(**({} if encoder is None else {"encoder": encoder}))
        while not started.done.all():
            started.step(functions=[likeliest])
            assert (started.drawn_cost < 1e-6).all()


def forbids_everything(field, logits, given):
    if field.name == "pitch":
        logits[2] = -np.inf
    return logits


def test_a_function_that_forbids_all_that_is_allowed_is_named_with_field_and_row():
    started = made()
    before = started.lengths.copy()
    with pytest.raises(HowlkitError) as caught:
        started.step(functions=[lambda field, logits, given: logits, forbids_everything])
    said = str(caught.value)
    assert "forbids_everything (" in said and "test_logits_functions.py:" in said
    assert "'pitch'" in said and "forbids all that is allowed in row 2" in said
    assert np.array_equal(started.lengths, before)
    started.step()  # it goes on


def test_the_draw_of_what_one_function_leaves_is_no_noise():
    """A value that the model gives always stays the only one, whatever a filter does elsewhere."""

    def only_c(field, logits, given):
        return (
            np.where(np.arange(field.n) == 60, logits, -np.inf) if field.name == "pitch" else logits
        )

    started = made(rows=40)
    started.step(functions=[only_c])
    assert set(started.steps["pitch"][:, -1].tolist()) == {60}


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (lambda logits: None, "returned nothing; floating-point numbers of shape"),
        (lambda logits: logits[:, :-1], r"returned an array of shape \(4, 2\) and dtype float64"),
        (lambda logits: logits.sum(), "returned a float64; floating-point"),
        (
            lambda logits: logits > 0,
            r"returned an array of shape \(4, 3\) and dtype bool; floating-point",
        ),
        (lambda logits: logits.tolist(), "returned a list; floating-point"),
        (lambda logits: logits * np.nan, "returned NaN in row 0, for value 0"),
    ],
)
def test_what_is_no_logits_is_named(returned, said):
    def odd(field, logits, given):
        return returned(logits)

    with pytest.raises(HowlkitError, match=rf"function on logits \S*odd \(.*, at 'mark', {said}"):
        made().step(functions=[functools.partial(odd)])


def test_float32_will_do_and_nan_where_nothing_is_allowed_is_harmless():
    def centred(field, logits, given):
        with np.errstate(invalid="ignore"):
            finite = np.where(logits > -np.inf, logits, np.nan)
            return (logits * 0 + logits - np.nanmax(finite)).astype(np.float32)  # -inf * 0: NaN

    started = made()
    while not started.done.all():
        started.step(functions=[centred])
    assert started.notes.tolist() == [30] * 4


def test_infinity_takes_an_allowed_value_and_never_one_that_is_not():
    def force(field, logits, given):
        if field.name == "mark":
            logits[:, END] = np.inf  # the limit does not let it end
        if field.name == "pitch":
            logits[:, [60, 64]] = np.inf
        return logits

    started = made(rows=30)
    started.step(functions=[force])
    assert set(started.steps["pitch"][:, -1].tolist()) == {60, 64}


def test_a_callable_object_is_named_by_its_class():
    class Filter:
        def __call__(self, field, logits, given):
            return None

    with pytest.raises(HowlkitError, match=r"function on logits \S*Filter, at 'mark', returned no"):
        made().step(functions=[Filter()])
