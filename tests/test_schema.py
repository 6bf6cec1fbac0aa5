import json

import numpy as np
import pytest

from howlkit.builtin.tuple import Tuple
from howlkit.errors import HowlkitError
from howlkit.schema import END, START, STEP, Field, Schema


def test_json_brings_a_schema_back():
    schema = Schema(
        (Field("kind", 3, unit="family"), Field("pitch", 300, True, when=("kind", (0, 2)))),
        "seconds",
    )
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
    assert Schema.from_json(Tuple().schema.to_json()) == Tuple().schema


def test_a_newer_format_or_an_unknown_kind_is_refused_with_what_to_do():
    data = Tuple().schema.to_json()
    with pytest.raises(HowlkitError, match="format 2"):
        Schema.from_json(data | {"format": 2})
    data["fields"][0]["kind"] = "bits"
    with pytest.raises(HowlkitError, match="'bits'.*a later one"):
        Schema.from_json(data)


def test_steps_have_named_columns_of_the_smallest_type():
    schema = Schema((Field("a", 256), Field("b", 257)))
    assert schema.dtype == np.dtype([("mark", "u1"), ("a", "u1"), ("b", "<u2")])


def test_a_frame_is_start_steps_end():
    schema = Schema((Field("a", 9),))
    framed = schema.frame(schema.steps(2), start=True, end=True)
    assert framed["mark"].tolist() == [START, STEP, STEP, END]
    assert schema.frame(schema.steps(2), start=False, end=False)["mark"].tolist() == [STEP, STEP]


def test_a_condition_holds_only_where_what_it_depends_on_is_active():
    schema = Schema(
        (Field("a", 2), Field("b", 2, when=("a", (1,))), Field("c", 2, when=("b", (0,))))
    )
    steps = schema.steps(4)
    steps["a"] = [0, 1, 1, 1]
    steps["b"] = [0, 0, 1, 0]
    steps["mark"][3] = END
    assert schema.active(schema["c"], steps).tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ((), "at least one field"),
        ((Field("a", 2), Field("a", 3)), "two fields"),
        ((Field("mark", 2),), "two fields"),
        ((Field("a", 2, when=("b", (0,))), Field("b", 2)), "not before it"),
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
