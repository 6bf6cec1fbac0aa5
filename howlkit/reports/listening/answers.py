"""The files of answers that the page of a listening test gives its listeners.

They come from other people, so each value is looked at before it counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from howlkit.errors import DataError, printable
from howlkit.reports.listening.key import TestKey, key_path, read_key

__all__ = ["FORMAT", "Answer", "Sheet", "keys_for", "read_sheets"]

FORMAT = "howlkit listening test, answers 1"

_MOST_BYTES = 2**20
_MOST_LETTERS = 2000


@dataclass(frozen=True)
class Answer:
    """What a listener said of a pair.

    pair: its number on the page, from 0. a_preferred: whether the piece of A was chosen.
    first_chosen: whether the one that was called "First" was. repeats: the pair that it repeats.
    seconds: until the answer.
    """

    pair: int
    a_preferred: bool
    first_chosen: bool
    repeats: int | None
    seconds: float


@dataclass(frozen=True)
class Sheet:
    """The answers of one listener to one test; name: what they typed, any text."""

    file: Path
    test: str
    listener: str
    name: str
    comment: str
    answers: Sequence[Answer]


def keys_for(files: Iterable[Path], given: Iterable[Path]) -> dict[str, TestKey]:
    """Return keys by test: those that were given, and those that lie beside files of answers."""
    folders = dict.fromkeys(file.resolve().parent for file in files)
    beside = [path for folder in folders for path in sorted(folder.glob(key_path(Path("*")).name))]
    found = {}
    for path in (*beside, *given):
        key = read_key(path)
        found[key.test] = key
    return found


def read_sheets(files: Sequence[Path], keys: Mapping[str, TestKey]) -> list[Sheet]:
    """Return what listeners answered.

    Raises DataError for a file that is none of answers, one of a test without a key, and two of one
    listener to one test.
    """
    sheets: dict[tuple[str, str], Sheet] = {}
    for file in files:
        sheet = _sheet(file, keys)
        before = sheets.setdefault((sheet.test, sheet.listener), sheet)
        if before is not sheet:
            raise DataError(
                f"{printable(file)} and {printable(before.file)} are by one listener in one test; "
                "leave out the earlier one"
            )
    return list(sheets.values())


def _sheet(file: Path, keys: Mapping[str, TestKey]) -> Sheet:
    stored = _stored(file)
    test = str(stored.get("test"))
    if test not in keys:
        raise DataError(
            f"{printable(file)} answers the test {printable(test)[:40]}, whose key is not here; "
            "name it: --key test.key.json, the file that was written beside the page"
        )
    try:
        answers = [_answer(each, keys[test]) for each in stored["answers"]]
        numbers = [answer.pair for answer in answers]
        if len(set(numbers)) != len(numbers):
            raise ValueError("a pair is answered twice")
        name, comment = (str(stored.get(text, ""))[:_MOST_LETTERS] for text in ("name", "comment"))
        return Sheet(file, test, str(stored["listener"])[:40], name, comment, answers)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise DataError(f"{printable(file)} is damaged: {error}") from error


def _stored(file: Path) -> Mapping[str, Any]:
    try:
        with open(file, "rb") as stream:
            data = stream.read(_MOST_BYTES + 1)
        stored = json.loads(data.decode("utf-8")) if len(data) <= _MOST_BYTES else None
    except OSError as error:
        raise DataError(f"{printable(file)} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError):
        stored = None
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise DataError(
            f"{printable(file)} is no file of answers, such as the page of howlkit report --blind "
            "gives to its listeners"
        )
    return stored


def _answer(stored: Mapping[str, Any], key: TestKey) -> Answer:
    number = int(stored["pair"]) - 1
    if not 0 <= number < len(key.pairs):
        raise ValueError(f"there is no pair {number + 1}; the test has {len(key.pairs)}")
    if stored["answer"] not in ("first", "second"):
        raise ValueError(f"pair {number + 1} is answered by neither first nor second")
    pair, first = key.pairs[number], stored["answer"] == "first"
    seconds = float(stored.get("seconds", 0))
    return Answer(number, first == (pair.first == "A"), first, pair.repeats, seconds)
