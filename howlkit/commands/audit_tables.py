"""What `howlkit audit` prints: the audits of evaluation/copying, as a report and as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from howlkit.dataset.report import counted
from howlkit.errors import printable
from howlkit.evaluation.copying.yardstick import COVERS, SHARE
from howlkit.evaluation.text_table import columns
from howlkit.music.plot.axis import clock

if TYPE_CHECKING:
    from howlkit.evaluation.copying.auditing import Audit
    from howlkit.evaluation.copying.stored import Searchable

__all__ = ["lines", "report"]

Report = Mapping[str, Any]

NAME_WIDTH = 32  # characters of a file's name
HEADS = ["file", "notes", "longest", "held out", "95 %", "covered", "held out", ""]

LEGEND = f"""\
longest   the notes of the longest passage that stands in the training music, with the median of
          held-out excerpts of as many notes, and what 95 % of them do not exceed
covered   the share of notes in passages of {COVERS} notes or more, with the median of those"""


def report(audits: Sequence[Audit], music: Searchable, name: Path) -> dict[str, Any]:
    """Return what was found, JSON-ready; `flagged`: how often held-out excerpts are above."""
    return {
        "data": str(name),
        "training_pieces": len(music.index.lines),
        "training_notes": len(music.index.lines.pitch),
        "held_out_pieces": len(music.yardstick.counts),
        "held_out_notes": int(music.yardstick.counts.sum()),
        "share": SHARE,
        "files": [audit.to_json() for audit in audits],
        "above": sum(audit.above for audit in audits),
    }


def lines(report: Report) -> Iterator[str]:
    """Yield a line for each file, then the passages of each file, then how to read them."""
    yield (
        f"Training music: {counted(report['training_pieces'], 'piece')} and "
        f"{counted(report['training_notes'], 'note')} of {printable(report['data'])}"
    )
    yield (
        f"Held out: {counted(report['held_out_pieces'], 'piece')}, "
        f"{counted(report['held_out_notes'], 'note')}"
    )
    yield ""
    yield from columns(HEADS, [_row(file) for file in report["files"]])
    for file in report["files"]:
        if file["passages"]:
            yield ""
            yield printable(file["name"])
            for passage in file["passages"]:
                yield from _passage(passage)
    yield ""
    yield from LEGEND.splitlines()
    yield _judged(report)


def _row(file: Report) -> list[str]:
    standard = file["standard"]
    held = ["-", "-", "-"]
    if standard is not None:
        held = [f"{standard['median']:.0f}", str(standard["limit"]), _per_cent(standard["covered"])]
    return [
        _fitting(file["name"]),
        f"{file['notes']:,}",
        str(file["longest"]),
        *held[:2],
        _per_cent(file["covered"]),
        held[2],
        "above" if file["above"] else "",
    ]


def _passage(passage: Report) -> Iterator[str]:
    """Yield two lines: what is shared, and where it stands in both pieces."""
    once = f" ({passage['length']} without repeats)" if passage["length"] < passage["notes"] else ""
    yield (
        f"  {counted(passage['notes'], 'note')}{once} of {printable(passage['piece'])}, "
        f"{_key(passage['transposed'])}, {_tempo(passage['stretch'])}"
    )
    yield f"    here {_where(passage['here'])}; there {_where(passage['there'])}"


def _key(semitones: int) -> str:
    if not semitones:
        return "in its key"
    return f"{counted(abs(semitones), 'semitone')} {'up' if semitones > 0 else 'down'}"


def _tempo(stretch: float) -> str:
    if 0.97 <= stretch <= 1.03:
        return "at its speed"
    return f"at {100 / max(stretch, 0.01):.0f} % of its speed"


def _where(place: Report) -> str:
    begin, end = place["seconds"]
    seconds = f"{clock(begin)} to {clock(end)}"
    if place["bars"] is None:
        return seconds
    first, last = place["bars"]
    return f"bar{'s' * (first != last)} {first}{f' to {last}' * (first != last)} ({seconds})"


def _judged(report: Report) -> str:
    files = report["files"]
    if all(file["standard"] is None for file in files):
        return "There are no held-out pieces, so there is nothing to judge by"
    rates = [file["standard"]["flagged"] for file in files if file["standard"] is not None]
    return (
        f"{report['above']} of {counted(len(files), 'piece')} above what held-out excerpts share; "
        f"of the held-out excerpts themselves {_per_cent(max(rates))} are"
    )


def _per_cent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _fitting(name: str) -> str:
    shown = printable(name)
    return shown if len(shown) <= NAME_WIDTH else "..." + shown[3 - NAME_WIDTH :]
