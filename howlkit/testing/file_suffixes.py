"""The law for the suffixes of sources and writers."""

from __future__ import annotations

import re
from collections.abc import Iterable

from howlkit.music import midi
from howlkit.testing.checks import require

__all__ = ["require_valid_suffixes"]


def require_valid_suffixes(suffixes: Iterable[str]) -> None:
    """Raise CheckFailed unless each suffix is a dot and small letters, and none is MIDI's."""
    for suffix in suffixes:
        require(
            re.fullmatch(r"(\.[^.\s/\\]+)+", suffix) and suffix == suffix.lower(),
            expected="a dot and small letters, such as '.abc'",
            got=repr(suffix),
            look="`suffixes`",
        )
        require(
            suffix not in (own := (*midi.ENDINGS, *midi.ARCHIVES)),
            expected=f"none of {', '.join(own)}, which are howlkit's own",
            got=suffix,
            look="`suffixes`",
        )
