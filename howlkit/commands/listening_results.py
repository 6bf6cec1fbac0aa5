"""What `howlkit report --answers` prints: the results of a listening test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howlkit.commands.shared_options import tell
from howlkit.errors import DataError, printable

if TYPE_CHECKING:
    from howlkit.reports.listening.answers import Sheet
    from howlkit.reports.listening.key import TestKey
    from howlkit.reports.listening.results import Results, Share

__all__ = ["lines_of_results", "read_results"]


def read_results(files: Sequence[Path], keys: Sequence[Path], seed: int) -> dict[str, Any]:
    """Return sides, question, sheets and results of files of answers; DataError as they have it.

    Keys of tests with other sides are refused, since their answers cannot be added up.
    """
    from howlkit.reports.listening.answers import keys_for, read_sheets
    from howlkit.reports.listening.results import results_of

    known = keys_for(files, keys)
    sheets = read_sheets(files, known)
    tests = {sheet.test: known[sheet.test] for sheet in sheets}
    if len({(key.a, key.b, key.question) for key in tests.values()}) > 1:
        raise DataError(
            "these answers are to tests with other sides or another question; give the files of "
            "one test at a time: " + "; ".join(map(_described, tests.values()))
        )
    return {
        "key": next(iter(tests.values())),
        "sheets": sheets,
        "results": results_of(sheets, seed=seed),
    }


def _described(key: TestKey) -> str:
    return f"{printable(key.a)} and {printable(key.b)}, {printable(key.question)}"


def lines_of_results(key: TestKey, sheets: Sequence[Sheet], results: Results) -> list[str]:
    """Return the lines for people."""
    lines = [
        f"A  {printable(key.a)}",
        f"B  {printable(key.b)}",
        f"{printable(key.question)}",
        "",
        f"A was chosen in {_share(results.preferred)}",
    ]
    if results.resampled is not None:
        low, high = results.resampled
        lines.append(
            f"Over listeners and pairs, resampled: 95 % from {100 * low:.0f} to {100 * high:.0f} %"
        )
    lines.append(f"The first of a pair was chosen in {_share(results.first)}")
    if results.consistent is not None:
        lines.append(f"Pairs heard again got the same answer in {_share(results.consistent)}")
    if len(results.by_listener) > 1:
        lines.append("")
        for name, share in results.by_listener.items():
            lines.append(f"{printable(name)}: A in {_share(share)}")
    for sheet in sheets:
        if sheet.comment:
            lines.append(f"{printable(sheet.listener)} says: {printable(sheet.comment)}")
    return lines


def _share(share: Share | None) -> str:
    if share is None:
        return "no answers"
    low, high = share.interval
    return (
        f"{share.yes} of {share.count}, {100 * share.share:.0f} % "
        f"(95 % from {100 * low:.0f} to {100 * high:.0f} %; guessing gives this or more with "
        f"p = {share.guessing:.3f})"
    )


def warn_of_few(sheets: Sequence[Sheet]) -> None:
    """Say what to do if there are too few answers to tell anything."""
    count = sum(answer.repeats is None for sheet in sheets for answer in sheet.answers)
    if count < 20:
        tell(
            f"{count} answers say little: of 20, 15 or more must agree before guessing is unlikely"
        )
