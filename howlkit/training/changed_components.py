"""Components that are not what they were when a run was trained: what differs, and what to do.

A run stores the name, the options, the distribution and the version of each component, and the
schema of its encoder. An author may change code and forget the version, so a difference is told
from what was stored, and the version only decides what to advise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from howlkit import options, plugins
from howlkit.errors import CheckpointError, HowlkitError, OptionError, did_you_mean
from howlkit.options import Option
from howlkit.schema import Field, Schema

__all__ = ["check_schema", "lost", "options_refused", "schema_changes"]

Stored = Mapping[str, Any]
"""A component as a recipe stores it: name, options, distribution and version."""


def check_schema(where: object, encoder: Stored, was: Schema, now: Schema) -> None:
    """Raise CheckpointError, naming each difference, if an encoder has another schema now.

    where: the run or the model folder, for the message. encoder: as the recipe stores it.
    """
    if was != now:
        raise CheckpointError(
            f"{where}: {_who('encoder', encoder)} has other fields now: "
            f"{'; '.join(schema_changes(was, now))}. {_advice(encoder)}"
        )


def schema_changes(was: Schema, now: Schema) -> list[str]:
    """Return each difference between two schemas in a few words; none if they are equal.

    >>> schema_changes(Schema((Field("pitch", 128),)), Schema((Field("pitch", 88),)))
    ['`pitch` had 128 choices and has 88']
    """
    old, new = ({field.name: field for field in each.fields} for each in (was, now))
    gone, come = ([n for n in a if n not in b] for a, b in ((old, new), (new, old)))
    changes = []
    if len(gone) == len(come) == 1 and _same_but_name(old[gone[0]], new[come[0]]):
        changes.append(f"`{gone[0]}` is called `{come[0]}`")
        gone, come = [], []
    changes += [f"there was `{name}`" for name in gone] + [f"`{name}` is new" for name in come]
    changes += [text for name in old if name in new for text in _differences(old[name], new[name])]
    if not changes and was.fields != now.fields:
        changes.append(f"the order was {', '.join(was.names)} and is {', '.join(now.names)}")
    if was.clock != now.clock:
        changes.append(f"its clock counted {was.clock} and counts {now.clock}")
    return changes


def options_refused(kind: str, stored: Stored, error: OptionError) -> CheckpointError:
    """Return the error for a component that refuses the options that a run was trained with."""
    there = {each.name: each for each in options.describe(plugins.get(kind, stored["name"]).cls)}
    unknown = [name for name in stored["options"] if name.partition(".")[0] not in there]
    if not unknown or "NAME.*" in there:
        return CheckpointError(
            f"{_who(kind, stored)} refuses options that this was trained with: {error}. "
            f"{_advice(stored)}"
        )
    name, value = unknown[0], stored["options"][unknown[0]]
    guess = _successor(stored, name, there)
    became = f"; did it become `{guess}`?" if guess else "."
    rename = (
        f". If `{guess}` is the same option, you may also rename it in the run's config.json and "
        "model/config.json"
        if guess
        else ""
    )
    return CheckpointError(
        f"{_who(kind, stored)} has no option `{name}` now, which was {value!r} when this was "
        f"trained{became} Its options: {', '.join(there) or 'none'}. {_advice(stored)}{rename}"
    )


def lost(kind: str, stored: Stored, error: HowlkitError) -> CheckpointError:
    """Return the error for a component that is not there any more."""
    return CheckpointError(
        f"this model needs the {kind} {stored['name']!r} of {stored['distribution']} "
        f"{stored['version']}, {_installed(stored['distribution'])}. {_advice(stored)} ({error})"
    )


def _who(kind: str, stored: Stored) -> str:
    return f"the {kind} {stored['name']!r} ({stored['distribution']} {stored['version']})"


def _advice(stored: Stored) -> str:
    """Return what to do about a component that has changed, or is gone."""
    if _version(stored["distribution"]) == stored["version"]:
        return (
            f"That version of {stored['distribution']} is installed, so it was changed without a "
            "new version: use the code that this was trained with"
        )
    wanted = f"{stored['distribution']}=={stored['version']}"
    return f"Install what it was trained with: howlkit plugins install '{wanted}'"


def _installed(distribution: str) -> str:
    """Return in words which version of a distribution is installed, if any."""
    there = _version(distribution)
    return f"and version {there} of it is installed" if there else "which is not installed"


def _version(distribution: str) -> str:
    """Return the version of an installed distribution; "" if it is not installed."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return ""


def _successor(stored: Stored, name: str, there: Mapping[str, Option]) -> str:
    """Return the option that `name` was probably renamed to; "" if there is no telling.

    A run stores all options of a component, so one that it did not store is new.
    """
    fits = [new for new, each in there.items() if new not in stored["options"]]
    fits = [new for new in fits if _takes(there[new], stored["options"][name])]
    near = did_you_mean(name, fits)
    return near.split("'")[1] if near else fits[0] if len(fits) == 1 else ""


def _takes(described: Option, value: object) -> bool:
    """Return whether an option, by its name for people of its type, may have a stored value."""
    types = {bool: "bool", int: "int", float: "float", str: "str", list: "list"}
    said = "none" if value is None else types.get(type(value), "")
    return said in described.type or (said == "int" and "float" in described.type)


def _same_but_name(was: Field, now: Field) -> bool:
    return dataclasses.replace(was, name=now.name) == now


def _differences(was: Field, now: Field) -> Iterator[str]:
    """Yield each difference between two fields of one name."""
    name = f"`{was.name}`"
    if was.kind != now.kind:
        yield f"{name} was a {was.kind} field and is a {now.kind} field"
    if was.choices != now.choices:
        yield f"{name} had {was.choices} choices and has {now.choices}"
    if was.unit != now.unit:
        yield f"the unit of {name} was {was.unit!r} and is {now.unit!r}"
    for attribute in ("ordered", "derived", "when", "relative_to", "low", "resolution"):
        before, after = getattr(was, attribute), getattr(now, attribute)
        if before != after:
            yield f"`{attribute}` of {name} was {before} and is {after}"
