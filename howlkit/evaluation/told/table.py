"""The result of a test as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howlkit.evaluation.bootstrap import LEVEL
from howlkit.evaluation.text_table import columns, interval, plain

__all__ = ["MOST_FEATURES", "lines"]

MOST_FEATURES = 12
"""How many features a table shows; JSON has all."""


def lines(told: Mapping[str, Any]) -> Iterator[str]:
    """Yield what `Told.to_json` returns as a table, with what must be known to read it."""
    made, real = told["made"], told["real"]
    yield (
        f"told, version {told['version']}: excerpts of {told['seconds']:g} seconds, "
        f"{made['excerpts']} of {made['pieces']} made pieces and {real['excerpts']} of "
        f"{real['pieces']} real ones"
    )
    for what, each in (("made", made), ("real", real)):
        if each["short"] or each["copies"]:
            yield (
                f"Left out of the {what} music: {each['short']} pieces that are shorter, "
                f"{each['copies']} copies"
            )
    yield ""
    splits = told["real_from_real_splits"]
    rows = [
        ["made from real", plain(told["told"], 1), interval(told["interval"], digits=1)],
        [
            "real from real",
            plain(told["real_from_real"], 1),
            interval((min(splits), max(splits)), digits=1),
        ],
    ]
    yield from columns(["of 100 excerpts", "told", ""], rows)
    yield ""
    yield (
        f"made from real: {100 * LEVEL:.0f} % interval over pieces; 50 is chance, 100: every "
        "excerpt shows it"
    )
    yield f"real from real: mean of {len(splits)} splits into halves, the least and the most"
    yield ""
    shown = [each for each in told["features"] if each["lost"] > 0][:MOST_FEATURES]
    if not shown:
        return
    rows = [
        [
            each["words"],
            plain(each["lost"], 1),
            plain(each["alone"], 0),
            plain(each["made"]),
            plain(each["real"]),
            each["unit"] or "",
        ]
        for each in shown
    ]
    yield from columns(["told by", "lost", "alone", "made", "real", "  "], rows)
    yield ""
    yield (
        "lost: of 100 votes for the truth, those lost without this feature; features that say the "
        "same share them"
    )
    yield "alone: in how many of 100 pairs this feature alone says which is which; 50 is chance"
    yield "made, real: medians"
