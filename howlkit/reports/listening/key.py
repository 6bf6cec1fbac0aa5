"""The key of a listening test: what its page does not say, in a file of its own.

Answers name the test by a digest of all that its page holds, and so find their key.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from howlkit.errors import DataError, printable
from howlkit.reports.listening.pairs import Side

__all__ = ["FORMAT", "KeyPair", "TestKey", "key_path", "read_key"]

FORMAT = "howlkit listening test, key 1"


@dataclass(frozen=True)
class KeyPair:
    """The pieces of a pair, which side was first, and the pair that it repeats (`Pair`)."""

    a: str
    b: str
    first: Side
    seconds: float
    repeats: int | None


@dataclass(frozen=True)
class TestKey:
    """What the sides of a test are.

    test: the digest. a, b: what the user named. seed, question: of the test. loudness: LUFS that
    every piece was brought to.
    """

    test: str
    a: str
    b: str
    pairs: Sequence[KeyPair]
    seed: int
    question: str
    loudness: float

    __test__ = False  # for pytest: this is no class of tests

    def to_json(self) -> str:
        """Return the text of the file."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1) + "\n"


def key_path(page: Path) -> Path:
    """Return where the key of a page is written.

    >>> key_path(Path("test.html")).name
    'test.key.json'
    """
    return page.with_suffix(".key.json")


def read_key(path: Path) -> TestKey:
    """Return the key in a file; DataError if it is none."""
    try:
        stored = json.loads(path.read_text(encoding="utf-8"))
        if stored.pop("format") != FORMAT:
            raise ValueError("of another format")
        pairs = [KeyPair(**pair) for pair in stored.pop("pairs")]
        return TestKey(pairs=pairs, **stored)
    except OSError as error:
        raise DataError(f"{printable(path)} cannot be read: {error.strerror}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{printable(path)} is no key of a listening test, such as howlkit report --blind "
            "writes beside its page"
        ) from error
