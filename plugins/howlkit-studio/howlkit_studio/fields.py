"""The fields of a message, which may be anything, read as what they must be."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

from howlkit import HowlkitError
from howlkit.music import MAX_TICK
from howlkit_studio.edits import LONGEST_NAME
from howlkit_studio.settings import CONTROLS

__all__ = ["AskError", "Fields", "Table", "is_whole"]


class AskError(HowlkitError):
    """A message that asks for nothing that there is."""


class Fields:
    """The fields of a message, each read as what it must be; AskError if it is not."""

    def __init__(self, message: Mapping[str, Any]) -> None:
        self._message = message

    def has(self, name: str) -> bool:
        """Return whether a field is there, and not null."""
        return self._message.get(name) is not None

    def whole(self, name: str, low: int, high: int, *, default: int | None = None) -> int:
        """Return a whole number from low to high."""
        value = self._message.get(name, default)
        if not is_whole(value) or not low <= value <= high:
            raise AskError(f"`{name}` is a whole number from {low} to {high}")
        return cast(int, value)

    def maybe_whole(self, name: str, low: int, high: int) -> int | None:
        """Return a whole number from low to high, or None if it is null or absent."""
        return self.whole(name, low, high) if self.has(name) else None

    def number(self, name: str, low: float, high: float, *, default: float | None = None) -> float:
        """Return a number from low to high."""
        value = self._message.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise AskError(f"`{name}` is a number from {low:g} to {high:g}")
        if not (math.isfinite(value) and low <= value <= high):
            raise AskError(f"`{name}` is a number from {low:g} to {high:g}")
        return value

    def flag(self, name: str, *, default: bool | None = None) -> bool:
        """Return true or false."""
        value = self._message.get(name, default)
        if not isinstance(value, bool):
            raise AskError(f"`{name}` is true or false")
        return value

    def text(self, name: str) -> str:
        """Return a text that fits on a line."""
        value = self._message.get(name)
        if not isinstance(value, str) or len(value) > LONGEST_NAME or "\x00" in value:
            raise AskError(f"`{name}` is a text of up to {LONGEST_NAME} letters")
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a pair of surrogates, which no file can hold
            raise AskError(f"`{name}` is no valid text") from None
        return value

    def ids(self, name: str) -> tuple[int, ...]:
        """Return a list of ids."""
        return tuple(_column(name, self._message.get(name)))

    def table(self, name: str) -> Table:
        """Return a table: columns of whole numbers, of equal length."""
        value = self._message.get(name)
        if not isinstance(value, dict):
            raise AskError(f"`{name}` is a table: an object of columns")
        columns = {key: _column(key, column) for key, column in value.items()}
        if len({len(column) for column in columns.values()}) != 1:
            raise AskError(f"`{name}` is a table: its columns are of one length")
        return columns

    def inner(self, name: str) -> Fields:
        """Return the fields of an object."""
        value = self._message.get(name)
        if not isinstance(value, dict):
            raise AskError(f"`{name}` is an object")
        return Fields(value)

    def controls(self) -> dict[str, Any]:
        """Return the controls that are asked for."""
        given = self._message.get("controls") or {}
        if not isinstance(given, dict):
            raise AskError("`controls` is an object")
        known = {control.name for control in CONTROLS}
        if unknown := given.keys() - known:
            raise AskError(f"no control is called {sorted(unknown)[0][:40]!r}")
        fields = Fields(given)
        return {name: _CONTROL[name](fields) for name in given if fields.has(name)}


Table = dict[str, list[int]]


def _range(fields: Fields) -> list[int]:
    low_high = fields.ids("range")
    if len(low_high) != 2 or not 0 <= low_high[0] <= low_high[1] <= 127:
        raise AskError("`range` is the lowest and the highest pitch, such as [48, 84]")
    return list(low_high)


def _instruments(fields: Fields) -> list[int]:
    programs = fields.ids("instruments")
    if not programs or not all(0 <= program <= 128 for program in programs):
        raise AskError("`instruments` is a list of programs, 0 to 127, and 128 for drums")
    return list(programs)


_CONTROL: Mapping[str, Callable[[Fields], Any]] = {
    "key": lambda fields: fields.text("key"),
    "chords": lambda fields: fields.text("chords"),
    "density": lambda fields: fields.text("density"),
    "range": _range,
    "instruments": _instruments,
    "max_polyphony": lambda fields: fields.whole("max_polyphony", 1, 128),
    "temperature": lambda fields: fields.number("temperature", 0, 2),
    "top_p": lambda fields: fields.number("top_p", 0.01, 1),
}


def _column(name: str, value: object) -> list[int]:
    if not isinstance(value, list) or not all(is_whole(each) for each in value):
        raise AskError(f"`{name[:40]}` is a list of whole numbers")
    if any(abs(each) > MAX_TICK for each in value):
        raise AskError(f"`{name[:40]}` has a number beyond {MAX_TICK}")
    return value


def is_whole(value: object) -> bool:
    """Return whether a value is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)
