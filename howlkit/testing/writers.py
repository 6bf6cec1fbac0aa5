"""The laws of a writer, each a function that raises CheckFailed where it is broken."""

from __future__ import annotations

import tempfile
from pathlib import Path

from howlkit.errors import HowlkitError
from howlkit.music.piece import Piece
from howlkit.protocols import Writer
from howlkit.testing.checks import Check, given, require, run_all
from howlkit.testing.file_suffixes import require_valid_suffixes
from howlkit.testing.options import LAWS as OPTION_LAWS
from howlkit.testing.pieces import chord, late_note, pieces, tune

__all__ = ["check_writer", "writer_checks"]


def writer_checks(writer: Writer) -> tuple[Check, ...]:
    """Return the checks of a writer, one for each law."""
    return tuple(Check("writer", writer, law) for law in LAWS)


def check_writer(writer: Writer) -> None:
    """Raise CheckFailed, saying what is wrong, unless `writer` keeps to its contract."""
    run_all(writer_checks(writer))


def has_something_to_write(writer: Writer) -> None:
    """It has at least one suffix, in small letters, and none is MIDI's."""
    suffixes = writer.suffixes
    require(
        isinstance(suffixes, tuple) and suffixes,
        expected="a tuple of suffixes",
        got=repr(suffixes),
        look="`suffixes`",
    )
    require_valid_suffixes(suffixes)


def writes_the_file_and_no_other(writer: Writer) -> None:
    """It writes one file, which is not empty, at the path given, and no other."""
    for piece in pieces():
        with given(piece.name):
            _written(writer, piece, writer.suffixes[0])
    for suffix in writer.suffixes[1:]:
        with given(f"{tune().name}, a {suffix} file"):
            _written(writer, tune(), suffix)


def writes_the_same_twice(writer: Writer) -> None:
    """It writes the same bytes for the same piece each time."""
    for suffix in writer.suffixes:
        with given(f"{tune().name}, a {suffix} file"):
            first, second = (_written(writer, tune(), suffix) for _ in range(2))
            require(
                first == second,
                expected="the same bytes, written twice",
                got="different ones",
                look="dates, random names, sets and hashes in `write`",
            )


def odd_music_is_a_file_or_an_error(writer: Writer) -> None:
    """It writes pieces that are empty, crowded or very long, or raises a HowlkitError."""
    for piece in (Piece(name="Piece()"), chord(), late_note()):
        with given(piece.name):
            try:
                _written(writer, piece, writer.suffixes[0])
            except HowlkitError as error:
                require(
                    str(error),
                    expected="a message that says what cannot be written",
                    got="none",
                    look="`write`",
                )


def _written(writer: Writer, piece: Piece, suffix: str) -> bytes:
    """Return the bytes that a writer writes; check that it wrote this file and no other."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f"music{suffix}")
        writer.write(piece, path)
        made = sorted(each.name for each in Path(folder).iterdir())
        require(made == [path.name], expected=f"one file, {path.name}", got=made, look="`write`")
        data = path.read_bytes()
        require(data, expected="a file with something in it", got="an empty one", look="`write`")
        return data


LAWS = (
    *OPTION_LAWS,
    has_something_to_write,
    writes_the_file_and_no_other,
    writes_the_same_twice,
    odd_music_is_a_file_or_an_error,
)
