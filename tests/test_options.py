import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from howlkit import options
from howlkit.errors import OptionError
from howlkit.options import option


@dataclass(frozen=True)
class SamplingParams:
    temperature: float = option(1.0, "bolder above 1", low=0.0, high=10.0)
    top_k: int = option(0, "the k likeliest", low=0)
    fields: Mapping[str, float] = dataclasses.field(default_factory=dict)  # not an option


@dataclass(frozen=True)
class Everything:
    """One of each."""

    name: ClassVar[str] = "everything"

    on: bool = True
    count: int = option(12, "how many", low=1, high=96)
    ratio: float = 0.5
    label: str = "x"
    mode: Literal["fast", "slow"] = "fast"
    level: Literal[1, 2] | None = None
    limit: int | None = option(None, "at most", high=100)
    sizes: tuple[int, ...] = option((1, 2), "sizes", low=1)
    span: tuple[int, int] = (-5, 6)
    size: int = option(64, choices=(64, 128))
    temperature: float = option(1.0, low=0.0, high=10.0)
    by_name: Mapping[str, SamplingParams] = option(nested=SamplingParams, help="for one field only")


def refusal(cls, values):
    with pytest.raises(OptionError) as caught:
        options.build(cls, values)
    return str(caught.value)


def test_assignments_are_grouped_by_component():
    assert options.parse(["a.x=1", "b.x.y=2=3", "a.z=", "a.x=4"]) == {
        "a": {"x": "4", "z": ""},
        "b": {"x.y": "2=3"},
    }


@pytest.mark.parametrize("wrong", ["grid", "grid=12", "tuple.=12", ".grid=12", "a..b=1", "=", ""])
def test_a_malformed_assignment_is_answered_with_the_right_form(wrong):
    with pytest.raises(OptionError, match=r"tuple\.grid=12"):
        options.parse([wrong])


@pytest.mark.parametrize(
    ("name", "text", "native", "expected"),
    [
        ("on", "no", False, False),
        ("on", "YES", True, True),
        ("on", "0", False, False),
        ("on", "on", True, True),
        ("count", "24", 24, 24),
        ("ratio", "1e-3", 0.001, 0.001),
        ("ratio", "2", 2, 2.0),
        ("label", "a b", "a b", "a b"),
        ("mode", "slow", "slow", "slow"),
        ("level", "2", 2, 2),
        ("level", "none", None, None),
        ("limit", "None", None, None),
        ("limit", "7", 7, 7),
        ("sizes", "3,4,5", [3, 4, 5], (3, 4, 5)),
        ("sizes", "", [], ()),
        ("span", "-1,1", [-1, 1], (-1, 1)),
        ("size", "128", 128, 128),
    ],
)
def test_text_and_native_values_become_what_the_annotation_says(name, text, native, expected):
    for value in (text, native):
        read = getattr(options.build(Everything, {name: value}), name)
        assert read == expected
        assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("on", "maybe", "true or false"),
        ("on", 1, "true or false"),
        ("count", "twelve", "int, 1..96"),
        ("count", "12.0", "int, 1..96"),
        ("count", True, "int, 1..96"),
        ("count", "97", "int, 1..96"),
        ("count", 0, "int, 1..96"),
        ("ratio", "nan", "float"),
        ("ratio", "1e999", "float"),
        ("ratio", 10**400, "float"),
        ("label", 3, "str"),
        ("mode", "medium", "fast, slow"),
        ("level", "3", "1, 2 or none"),
        ("limit", "101", "int or none, at most 100"),
        ("sizes", "1,x", "list of int, 1 or more"),
        ("sizes", "1,0", "list of int, 1 or more"),
        ("sizes", 3, "list of int, 1 or more"),
        ("span", "1,2,3", "int,int"),
        ("size", "65", "64, 128"),
    ],
)
def test_a_refused_value_names_option_value_and_what_is_allowed(name, value, allowed):
    message = refusal(Everything, {name: value})
    assert message == f"everything.{name} is {value!r}; allowed: {allowed}"


def test_an_unknown_option_names_the_nearest_and_lists_all_with_defaults():
    message = refusal(Everything, {"coumt": "1"})
    assert "everything has no option 'coumt'. Did you mean 'count'?" in message
    assert "on=true, count=12, ratio=0.5" in message
    assert "limit=none, sizes=1,2" in message


def test_options_by_name_start_from_the_components_own():
    values = {"temperature": "1.5", "pitch.top_k": "5", "shift.temperature": "0.5"}
    built = options.build(Everything, values)
    assert built.by_name == {"pitch": SamplingParams(1.5, 5), "shift": SamplingParams(0.5, 0)}


def test_options_by_name_may_be_a_table():
    as_table = options.build(Everything, {"pitch": {"temperature": 0.9, "top_k": 3}})
    assert as_table == options.build(Everything, {"pitch.temperature": "0.9", "pitch.top_k": "3"})


def test_mistakes_in_options_by_name_are_named_in_full():
    assert "everything.pitch.temperature is '11'; allowed: float, 0..10" in refusal(
        Everything, {"pitch.temperature": "11"}
    )
    message = refusal(Everything, {"pitch.temprature": "1"})
    assert "everything.pitch has no option 'temprature'. Did you mean 'temperature'?" in message
    assert "everything.pitch has no option 'fields'" in refusal(Everything, {"pitch.fields": "1"})


def test_a_mistake_in_options_by_name_tells_the_inherited_value():
    message = refusal(Everything, {"pitch.temprature": "1", "temperature": "0.98"})
    assert message.endswith("Its options: temperature=0.98, top_k=0")


def test_a_component_without_options_by_name_refuses_dots_and_tables():
    @dataclass(frozen=True)
    class Plain:
        top_k: int = 0

    assert "has no option 'pitch.top_k'" in refusal(Plain, {"pitch": {"top_k": 1}})
    assert "has no option 'pitch.top_k'" in refusal(Plain, {"pitch.top_k": "1"})


@given(
    st.builds(
        Everything,
        on=st.booleans(),
        count=st.integers(1, 96),
        ratio=st.floats(allow_nan=False, allow_infinity=False),
        label=st.text(),
        mode=st.sampled_from(["fast", "slow"]),
        level=st.sampled_from([1, 2, None]),
        limit=st.none() | st.integers(max_value=100),
        sizes=st.lists(st.integers(1)).map(tuple),
        span=st.tuples(st.integers(), st.integers()),
        size=st.sampled_from([64, 128]),
        temperature=st.floats(0, 10),
        by_name=st.dictionaries(
            st.text(min_size=1), st.builds(SamplingParams, st.floats(0, 10), st.integers(0))
        ),
    )
)
def test_json_brings_a_component_back(component):
    values = json.loads(json.dumps(options.to_json(component)))
    assert options.build(Everything, values) == component


def test_describe_tells_name_type_default_limits_and_help():
    described = {row.name: row for row in options.describe(Everything)}
    assert list(described)[:3] == ["on", "count", "ratio"]
    assert described["count"] == options.Option("count", "int", 12, "how many", 1, 96, None)
    assert described["mode"].choices == ("fast", "slow")
    assert described["limit"].type == "int or none"
    assert described["sizes"].type == "list of int"
    assert described["NAME.*"].type == "temperature, top_k"
    assert described["NAME.*"].help == "for one field only"


def test_an_option_without_default_must_be_given():
    @dataclass(frozen=True)
    class Needy:
        path: str = option(help="a file")
        name: ClassVar[str] = "needy"

    assert "needy.path has no default: give it with -o needy.path=VALUE" in refusal(Needy, {})
    assert options.build(Needy, {"path": "x"}).path == "x"
    assert options.describe(Needy)[0].default is options.REQUIRED


def test_a_component_that_refuses_its_own_values_is_named():
    @dataclass(frozen=True)
    class Range:
        low: int = 0
        high: int = 1
        name: ClassVar[str] = "range"

        def __post_init__(self):
            if self.low > self.high:
                raise ValueError("low is above high")

    assert refusal(Range, {"low": "2"}) == "range refuses its options: low is above high"


def test_a_field_that_no_option_can_be_is_refused_with_what_can():
    @dataclass(frozen=True)
    class Odd:
        path: Path = Path()

    with pytest.raises(OptionError, match=r"Odd\.path is annotated .*allowed are bool, int"):
        options.describe(Odd)


def test_an_annotation_that_cannot_be_resolved_says_how_to_mend_it():
    @dataclass(frozen=True)
    class Lost:
        x: "Nowhere" = 1  # noqa: F821

    with pytest.raises(OptionError, match=r"'Nowhere'.*imported at the top"):
        options.describe(Lost)
