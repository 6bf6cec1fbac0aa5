"""Options: the fields of a component's dataclass, from and to text, TOML and JSON.

A component is a frozen dataclass, and its fields are its options: `grid: int = 24` is enough, and
`option` adds a help text and limits. Values come as text (`-o tuple.grid=12`) or as TOML and JSON
give them; the field's annotation says what they become: bool, int, float, str, Literal, X | None
(written `none`), tuple[int, ...] (written `1,2,3` or a list), tuple[int, int], and str |
Callable[...], for what Python may give as a function.

A component may have one field of options by name, `fields: Mapping[str, SamplingParams] =
option(nested=SamplingParams)`: then `autoregressive.pitch.top_k=5` sets top_k for `pitch` only, and
an option not given for `pitch` has the value of the component's own field of that name.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast, get_type_hints

from howlkit.errors import OptionError, did_you_mean
from howlkit.option_values import ALLOWED, literals, read, type_name

__all__ = [
    "REQUIRED",
    "Option",
    "assignments",
    "build",
    "by_component",
    "describe",
    "option",
    "parse",
    "to_json",
    "with_earlier",
    "without_later",
]

T = TypeVar("T")

REQUIRED = dataclasses.MISSING
"""The default of an option without one: a value must be given."""

_KEY = "howlkit"  # the key of our part of a dataclass field's metadata


@dataclass(frozen=True)
class Option:
    """One option as people see it; a row of a docs table.

    name: as typed after the component's; `NAME.*` stands for options by name.
    type: "int", "float or none", "list of int" ...
    default: a value of that type, or REQUIRED.
    low, high: least and greatest number allowed, for each element of a list; None: no limit.
    choices: the only values allowed; None: any.
    """

    name: str
    type: str
    default: Any
    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None

    @property
    def allowed(self) -> str:
        """The allowed values in words, for the message that refuses a value."""
        if self.choices is not None:
            return ", ".join(map(str, self.choices)) + _or_none(self.type)
        if self.type.startswith("bool"):
            return "true or false" + _or_none(self.type)
        if self.low is not None and self.high is not None:
            return f"{self.type}, {self.low:g}..{self.high:g}"
        if self.low is not None:
            return f"{self.type}, {self.low:g} or more"
        return self.type if self.high is None else f"{self.type}, at most {self.high:g}"


@dataclass(frozen=True)
class _Meta:
    """What `option` adds to a dataclass field."""

    help: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[Any, ...] | None = None
    nested: type[Any] | None = None
    before: tuple[Any, ...] = ()  # the value, if there is one


@dataclass(frozen=True)
class _Field:
    """An option and the annotation by which a value of it is read."""

    option: Option
    annotation: Any

    def with_default(self, default: object) -> _Field:
        """Return the same option with another default."""
        return dataclasses.replace(self, option=dataclasses.replace(self.option, default=default))


def option(
    default: Any = REQUIRED,  # noqa: ANN401 - dataclasses.field is typed as the field
    help: str = "",
    *,
    low: float | None = None,
    high: float | None = None,
    choices: Iterable[Any] | None = None,
    nested: type[Any] | None = None,
    before: Any = REQUIRED,  # noqa: ANN401 - as the default
) -> Any:  # noqa: ANN401 - as dataclasses.field
    """Return a dataclass field with a help text and limits: `dataclasses.field` with metadata.

    low, high: least and greatest number allowed. choices: the only values allowed. nested: a
    dataclass; the field is a Mapping of it by name, empty by default. before: of an option
    that is added to a component that runs have been stored with, the value that leaves these as
    they were (`with_earlier`, `without_later`).
    """
    allowed = None if choices is None else tuple(choices)
    earlier = () if before is REQUIRED else (before,)
    metadata = {_KEY: _Meta(help, low, high, allowed, nested, earlier)}
    if nested is not None:
        return dataclasses.field(default_factory=dict, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def parse(assignments: Iterable[str]) -> dict[str, dict[str, str]]:
    """Return {component: {option: text}} of assignments; the last one of the same name counts.

    Raises OptionError for an assignment that is not of the form COMPONENT.OPTION=VALUE.

    >>> parse(["tuple.grid=12", "autoregressive.pitch.top_k=5"])
    {'tuple': {'grid': '12'}, 'autoregressive': {'pitch.top_k': '5'}}
    """
    parsed: dict[str, dict[str, str]] = {}
    for assignment in assignments:
        key, equals, value = assignment.partition("=")
        component, dot, name = key.strip().partition(".")
        if not (equals and dot and component and all(name.split("."))):
            raise OptionError(
                f"{assignment!r} is no option: write COMPONENT.OPTION=VALUE, "
                "such as tuple.grid=12 or autoregressive.pitch.temperature=0.9"
            )
        parsed.setdefault(component, {})[name] = value
    return parsed


def by_component(values: Mapping[str, object]) -> dict[str, dict[str, object]]:
    """Return {component: {option: value}} of options by dotted name, or of tables by component.

    Raises OptionError for a name without a component.

    >>> by_component({"tuple.grid": 12, "training": {"window": 256}})
    {'tuple': {'grid': 12}, 'training': {'window': 256}}
    """
    tables: dict[str, dict[str, object]] = {}
    for key, value in values.items():
        component, dot, name = str(key).partition(".")
        if dot and component and all(name.split(".")):
            tables.setdefault(component, {})[name] = value
        elif not dot and isinstance(value, Mapping):
            tables.setdefault(component, {}).update(value)
        else:
            raise OptionError(
                f"{key!r} is no option: write {{'COMPONENT.OPTION': value}}, such as "
                "{'tuple.grid': 12} or {'training.window': 256}"
            )
    return tables


def assignments(values: Mapping[str, Mapping[str, object]]) -> list[str]:
    """Return options by component as a user would type them after -o; `parse` is the inverse.

    >>> assignments({"tuple": {"grid": 12, "programs": False}})
    ['tuple.grid=12', 'tuple.programs=false']
    """
    return [
        f"{component}.{name}={_text(value)}"
        for component, table in values.items()
        for name, value in _flatten(table)
    ]


def build(cls: type[T], values: Mapping[str, object]) -> T:
    """Return a component of class `cls` with these options, the others at their defaults.

    values: by option name, text or a TOML or JSON value. Options by name are keys "NAME.option", or
    a table under NAME.
    Raises OptionError, naming component and option, for an unknown or missing option, for a value
    of a wrong type or out of its limits, and if the component itself refuses its values.
    """
    label = _label(cls)
    nested = _nested(cls)
    fields = _fields(cls)
    plain: dict[str, Any] = {}
    by_name: dict[str, dict[str, object]] = {}
    for key, value in _flatten(values):
        name, _, attribute = key.rpartition(".")
        if name and nested:
            by_name.setdefault(name, {})[attribute] = value
        else:
            plain[key] = _value(label, fields, key, value)
    component = _construct(cls, label, fields, plain)
    if nested is None or not by_name:
        return component
    field, options = nested
    table = {
        name: _params_table(options, component, label, name, by_name[name]) for name in by_name
    }
    return cast(T, dataclasses.replace(cast(Any, component), **{field: table}))


def with_earlier(cls: type[Any], stored: Mapping[str, object]) -> dict[str, object]:
    """Return stored options, and for options that came later the value that stands for before.

    So a new option may have a better default, and what was stored without it stays as it was.

    >>> @dataclass(frozen=True)
    ... class Layer:
    ...     width: int = 8
    ...     taps: int = option(4, "steps that are mixed", before=0)
    >>> with_earlier(Layer, {"width": 16})
    {'taps': 0, 'width': 16}
    """
    metas = {field.name: _meta(cls, field.name) for field in dataclasses.fields(cls)}
    earlier = {name: meta.before[0] for name, meta in metas.items() if meta.before}
    return earlier | dict(stored)


def without_later(component: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """Return the options of a component as `to_json`, but for those that change nothing.

    An option that came later (`option(before=...)`) is left out where it has the value that stands
    for before. So a hash of the result stays what it was when options are added.

    >>> @dataclass(frozen=True)
    ... class Layer:
    ...     width: int = 8
    ...     taps: int = option(4, "steps that are mixed", before=0)
    >>> without_later(Layer(16, 0)), without_later(Layer())
    ({'width': 16}, {'width': 8, 'taps': 4})
    """
    values = to_json(component)
    earlier = with_earlier(type(component), {})
    return {k: v for k, v in values.items() if k not in earlier or v != _plain(earlier[k])}


def to_json(component: Any) -> dict[str, Any]:  # noqa: ANN401 - any dataclass
    """Return the options of a component, JSON-ready; `build` is the inverse.

    component: the dataclass itself (`plugins.unwrapped`). The keys are those of the command line;
    options by name are keys "NAME.option".
    """
    cls = type(component)
    values = {name: _plain(getattr(component, name)) for name in _fields(cls)}
    nested = _nested(cls)
    if nested is None:
        return values
    field, options = nested
    for name, member in getattr(component, field).items():
        for attribute in _fields(options, strict=False):
            values[f"{name}.{attribute}"] = _plain(getattr(member, attribute))
    return values


def describe(cls: type[Any]) -> list[Option]:
    """Return the options of a component class in the order of its fields, options by name last.

    Raises OptionError if a field has a type that no option can have.
    """
    described = [field.option for field in _fields(cls).values()]
    nested = _nested(cls)
    if nested is not None:
        field, options = nested
        names = ", ".join(_fields(options, strict=False))
        described.append(Option("NAME.*", names, {}, _meta(cls, field).help))
    return described


def _label(cls: type[Any]) -> str:
    """Return the name by which users call a component."""
    name = getattr(cls, "name", None)
    return name if isinstance(name, str) else cls.__name__


def _meta(cls: type[Any], name: str) -> _Meta:
    metadata = next(field.metadata for field in dataclasses.fields(cls) if field.name == name)
    return cast(_Meta, metadata.get(_KEY, _Meta()))


def _nested(cls: type[Any]) -> tuple[str, type[Any]] | None:
    """Return the field of options by name, and the class of its members; None if there is none."""
    for field in dataclasses.fields(cls):
        options = _meta(cls, field.name).nested
        if options is not None:
            return field.name, options
    return None


def _fields(cls: type[Any], *, strict: bool = True) -> dict[str, _Field]:
    """Return the options of `cls` by name, without those by name.

    strict: raise OptionError for a field of a type that no option can have; else leave it out.
    """
    hints = _hints(cls)
    fields: dict[str, _Field] = {}
    for field in dataclasses.fields(cls):
        meta, annotation = _meta(cls, field.name), hints[field.name]
        if meta.nested is not None or not field.init:
            continue
        if type_name(annotation) is not None:
            fields[field.name] = _Field(_described(field, meta, annotation), annotation)
        elif strict:
            raise OptionError(
                f"{_label(cls)}.{field.name} is annotated {annotation}, "
                f"which is no option's type; allowed are {ALLOWED}"
            )
    return fields


def _described(field: dataclasses.Field[Any], meta: _Meta, annotation: Any) -> Option:  # noqa: ANN401
    default = field.default if field.default_factory is REQUIRED else field.default_factory()
    choices = meta.choices or literals(annotation)
    name = type_name(annotation) or ""
    return Option(field.name, name, default, meta.help, meta.low, meta.high, choices)


def _hints(cls: type[Any]) -> dict[str, Any]:
    try:
        return get_type_hints(cls)
    except NameError as error:
        raise OptionError(
            f"the annotations of {cls.__name__} cannot be resolved: {error}; "
            "what a field's annotation names must be imported at the top of its module"
        ) from error


def _flatten(values: Mapping[str, object]) -> Iterable[tuple[str, object]]:
    """Yield the values, those of a table under a name with dotted keys."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from ((f"{key}.{inner}", member) for inner, member in value.items())
        else:
            yield key, value


def _value(label: str, fields: Mapping[str, _Field], key: str, value: object) -> Any:  # noqa: ANN401
    """Return the value of option `key`, read and checked."""
    if key not in fields:
        there = ", ".join(_spelt(field.option) for field in fields.values())
        raise OptionError(
            f"{label} has no option {key!r}.{did_you_mean(key, fields)} "
            f"Its options: {there or 'none'}"
        )
    field = fields[key]
    try:
        checked = read(value, field.annotation)
        _check_limits(checked, field.option)
    except (ValueError, OverflowError) as error:
        message = f"{label}.{key} is {value!r}; allowed: {field.option.allowed}"
        raise OptionError(message) from error
    return checked


def _construct(cls: type[T], label: str, fields: Mapping[str, _Field], values: dict[str, Any]) -> T:
    missing = [n for n, f in fields.items() if f.option.default is REQUIRED and n not in values]
    if missing:
        allowed = fields[missing[0]].option.allowed
        raise OptionError(
            f"{label}.{missing[0]} has no default: give it with -o {label}.{missing[0]}=VALUE "
            f"({allowed})"
        )
    try:
        return cls(**values)
    except ValueError as error:
        # An OptionError raised by the component says all; another ValueError lacks its name.
        if isinstance(error, OptionError):
            raise
        raise OptionError(f"{label} refuses its options: {error}") from error


def _params_table(
    options: type[Any], component: object, label: str, name: str, values: Mapping[str, object]
) -> Any:  # noqa: ANN401 - an instance of `options`
    """Return the options of `name`: those given, and the component's own for the others."""
    own = _fields(type(component))
    fields = _fields(options, strict=False)
    arguments = {n: getattr(component, n) for n in fields if n in own}
    # The component's own value stands in for one not given: an error must name it as the default.
    fields |= {n: fields[n].with_default(value) for n, value in arguments.items()}
    label = f"{label}.{name}"
    for key, value in values.items():
        arguments[key] = _value(label, fields, key, value)
    return _construct(options, label, fields, arguments)


def _spelt(described: Option) -> str:
    if described.default is REQUIRED:
        return f"{described.name} (required)"
    return f"{described.name}={_text(described.default)}"


def _text(value: object) -> str:
    """Return a value as a user would type it."""
    if isinstance(value, tuple | list):
        return ",".join(map(_text, value))
    return str(value).lower() if value is None or isinstance(value, bool) else str(value)


def _plain(value: object) -> object:
    if callable(value):
        return f"{value.__module__}:{getattr(value, '__qualname__', type(value).__qualname__)}"
    return list(value) if isinstance(value, tuple) else value


def _check_limits(value: object, described: Option) -> None:
    """Raise ValueError if a value, or an element of a tuple, is out of limits; None never is."""
    if isinstance(value, tuple):
        for member in value:
            _check_limits(member, described)
        return
    if value is None:
        return
    if described.choices is not None and value not in described.choices:
        raise ValueError(value)
    if isinstance(value, int | float):
        low = -math.inf if described.low is None else described.low
        high = math.inf if described.high is None else described.high
        if not low <= value <= high:
            raise ValueError(value)


def _or_none(type_name: str) -> str:
    return " or none" if type_name.endswith("or none") else ""
