import json

import numpy as np
import pytest

from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.errors import HowlkitError
from howlkit.schema import END, START, STEP, Field, Schema, bits, real


def test_json_brings_a_schema_back():
    schema = Schema(
        (Field("kind", 3, unit="family"), Field("pitch", 300, True, when=("kind", (0, 2)))),
        "seconds",
    )
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert Schema.from_json(Tuple().schema.to_json()) == Tuple().schema
    schema = Schema(
        (real("shift", 0, 4, resolution=0.01), bits("keys", 88), Field("beat", 4, derived=True))
    )
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema


def test_a_newer_format_or_an_unknown_kind_is_refused_with_what_to_do():
    data = Tuple().schema.to_json()
    with pytest.raises(HowlkitError, match="format 9"):
        Schema.from_json(data | {"format": 9})
    data["fields"][0]["kind"] = "words"
    with pytest.raises(HowlkitError, match="'words'.*a later one"):
        Schema.from_json(data)


def test_steps_have_named_columns_of_the_smallest_type():
    schema = Schema((Field("a", 256), Field("b", 257)))
    assert schema.dtype == np.dtype([("mark", "u1"), ("a", "u1"), ("b", "<u2")])
    schema = Schema((bits("keys", 5), real("x", -1, 1, resolution=0.001)))
    assert schema.dtype == np.dtype([("mark", "u1"), ("keys", "u1", (5,)), ("x", "<u2")])
    assert schema["keys"].choices == 6 and schema["x"].choices == 2001


def test_a_real_value_is_its_nearest_cell_and_never_leaves_its_range():
    field = real("x", -1, 1, resolution=0.1)
    assert field.cells([-5, -1, -0.94, 0.04, 1, 7]).tolist() == [0, 0, 1, 10, 20, 20]
    assert np.allclose(field.values(field.cells(np.linspace(-1, 1, 21))), np.linspace(-1, 1, 21))


def test_what_is_derived_is_a_column_and_no_decision():
    schema = Schema((Field("beat", 4, derived=True), Field("pitch", 9)))
    assert [field.name for field in schema.columns] == ["mark", "beat", "pitch"]
    assert [field.name for field in schema.decisions] == ["mark", "pitch"]
    framed = schema.frame(schema.steps(1))
    assert schema.active(schema["beat"], framed).all()
    assert schema.active(schema["pitch"], framed).tolist() == [False, True, False]


def test_a_frame_is_start_steps_end():
    schema = Schema((Field("a", 9),))
    framed = schema.frame(schema.steps(2), end=True)
    assert framed["mark"].tolist() == [START, STEP, STEP, END]
    excerpt = schema.frame(schema.steps(4), before=2, end=False)
    assert excerpt["mark"].tolist() == [STEP, STEP, STEP]  # the one before, and two of its own


def test_a_condition_holds_only_where_what_it_depends_on_is_active():
    schema = Schema(
        (Field("a", 2), Field("b", 2, when=("a", (1,))), Field("c", 2, when=("b", (0,))))
    )
    steps = schema.steps(4)
    steps["a"] = [0, 1, 1, 1]
    steps["b"] = [0, 0, 1, 0]
    steps["mark"][3] = END
    assert schema.active(schema["c"], steps).tolist() == [False, True, False, False]


@pytest.mark.parametrize("values", [(3,), (2, 3, 4), (4, 2, 3), (0, 3), tuple(range(1, 6))])
def test_a_condition_may_name_any_values(values):
    schema = Schema((Field("a", 7), Field("b", 2, when=("a", values))))
    steps = schema.steps(7)
    steps["a"] = np.arange(7)
    assert np.flatnonzero(schema.active(schema["b"], steps)).tolist() == sorted(values)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "at least one field"),
        ((Field("a", 2), Field("a", 3)), "two fields"),
        ((Field("mark", 2),), "two fields"),
        ((Field("a", 2, when=("b", (0,))), Field("b", 2)), "no class field before it"),
    ],
)
def test_a_schema_that_makes_no_sense_is_refused(fields, message):
    with pytest.raises(HowlkitError, match=message):
        Schema(fields)


def test_a_field_needs_a_name_and_values():
    with pytest.raises(HowlkitError, match="identifier"):
        Field("two words", 2)
    with pytest.raises(HowlkitError, match="n=0"):
        Field("a", 0)


@pytest.mark.parametrize(
    "before, stop, end", [(0, 5, True), (0, 3, False), (2, 4, False), (2, 3, True)]
)
def test_steps_cut_out_of_rows_are_those_that_are_framed(before, stop, end):
    schema = Schema((Field("a", 9), Field("b", 300)))
    rows = schema.blank(5)
    rows["a"][1:-1], rows["b"][1:-1] = np.arange(1, 6), 299
    framed = schema.frame(rows[1:-1][:stop], before=before, end=end)
    cut = schema.cut(rows, before=before, stop=stop, end=end)
    assert cut.tolist() == framed.tolist() and cut.flags.c_contiguous
