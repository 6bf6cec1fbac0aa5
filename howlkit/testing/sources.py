"""The laws of a source, each a function that raises CheckFailed where it is broken."""

from __future__ import annotations

import functools
import heapq
import os
import pickle
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from howlkit.errors import HowlkitError
from howlkit.music import midi
from howlkit.music.piece import Piece
from howlkit.protocols import Source
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.file_suffixes import require_valid_suffixes
from howlkit.testing.options import LAWS as OPTION_LAWS

__all__ = ["check_source", "source_checks"]

MOST_FILES = 2
"""How many files of a collection are read; the smallest ones are."""


def source_checks(
    source: Source, files: Iterable[str | os.PathLike[str]] = ()
) -> tuple[Check, ...]:
    """Return the checks of a source, one for each law.

    files: example files that it can read; without any, only its first collection is read.
    """
    examples = tuple(Path(file) for file in files)

    @functools.wraps(reads_the_same_twice)
    def reads(source: Source) -> None:
        reads_the_same_twice(source, examples)

    return tuple(Check("source", source, law) for law in (*LAWS, reads))


def check_source(source: Source, files: Iterable[str | os.PathLike[str]] = ()) -> None:
    """Raise CheckFailed, saying what is wrong, unless `source` keeps to its contract.

    files: as for `source_checks`.
    """
    run_all(source_checks(source, files))


def has_something_to_read(source: Source) -> None:
    """It has suffixes or collections; the suffixes are in small letters, and none is MIDI's."""
    require(
        isinstance(source.suffixes, tuple) and (source.suffixes or source.collections),
        expected="a tuple of suffixes, or a collection",
        got=f"suffixes {source.suffixes!r}, collections {[*source.collections]}",
        look="`suffixes` and `collections`",
    )
    require_valid_suffixes(source.suffixes)


def collections_can_be_typed(source: Source) -> None:
    """The name of a collection has letters, digits, - and _ only, so it cannot look like a path."""
    for name in source.collections:
        require(
            re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]*", name),
            expected="a name of letters, digits, - and _",
            got=repr(name),
            look="`collections`",
        )


def can_be_sent_to_a_process(source: Source) -> None:
    """It can be pickled, because `prepare` reads in several processes."""
    back = pickle.loads(pickle.dumps(source))
    require(back == source, expected=source, got=back, look="fields that do not pickle")


def broken_files_are_errors(source: Source) -> None:
    """For an empty, random or incomplete file it raises a HowlkitError, or returns no music."""
    noise = np.random.default_rng(0).bytes(4096)
    hostile = {"empty": b"", "zeros": bytes(100), "noise": noise, "text": b"hello\n" * 40}
    for suffix in source.suffixes:
        for what, data in hostile.items():
            with given(f"a file {what}{suffix} of {len(data)} bytes"):
                _fails_in_words(source, f"{what}{suffix}", data)


def _fails_in_words(source: Source, name: str, data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            found = list(source.read(path))
        except HowlkitError as error:
            found = [error]
        for piece in found:
            require(
                isinstance(piece, Piece | HowlkitError) and str(piece),
                expected="a HowlkitError that says what is wrong",
                got=repr(piece),
                look="`read`: catch what the parser raises, raise DataError",
            )
        require(path.read_bytes() == data, expected="the file as it was", got="a changed one")


def reads_the_same_twice(source: Source, files: Iterable[Path]) -> None:
    """It reads at least one Piece with notes, and the same ones each time."""
    for path in (*files, *_of_the_first_collection(source)):
        with given(str(path)):
            first, second = list(source.read(path)), list(source.read(path))
            pieces = [piece for piece in first if isinstance(piece, Piece) and len(piece)]
            got = [*map(str, first)]
            require(pieces, expected="a Piece with notes", got=got, look="`read`")
            again = [piece for piece in second if isinstance(piece, Piece) and len(piece)]
            require(
                pieces == again,
                expected="the same pieces, read twice",
                got="different ones",
                look="sets, hashes and random numbers in `read`",
            )


def _of_the_first_collection(source: Source) -> list[Path]:
    """Return some files of the first collection; each collection may be a download."""
    if not source.collections:
        return []
    root = next(iter(source.collections.values()))()
    require(
        root.exists(), expected="a file or folder that is there", got=root, look="`collections`"
    )
    if root.is_file():
        return [root]
    found = midi.find([root], endings=source.suffixes)
    return heapq.nsmallest(MOST_FILES, found, key=lambda path: path.stat().st_size)


LAWS = (
    *OPTION_LAWS,
    has_something_to_read,
    collections_can_be_typed,
    can_be_sent_to_a_process,
    broken_files_are_errors,
)
