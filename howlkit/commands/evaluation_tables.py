"""What `howlkit evaluate` prints: the report of evaluation/comparison.py, as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from howlkit.dataset.report import counted
from howlkit.errors import printable
from howlkit.evaluation.text_table import columns, interval, plain

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from howlkit.music.piece import Piece

__all__ = ["lines", "note_report", "notes", "pieces"]

Report = Mapping[str, Any]

RUN_WIDTH = 28  # characters of a run's name
LOSSES = {"notes_lost": "lost", "onset_error_ms": "onset ms", "duration_error_ms": "length ms"}
"""The headings of what an encoder loses, by key of the report."""

ABOUT = ("encoder", "model", "heads", "notes", "steps_per_note", *LOSSES)
"""The keys of the report that are shown for each run; with blanks, they are the headings."""


def lines(report: Report) -> Iterator[str]:
    """Yield the lines about the first run, then a comparison if there are other runs."""
    yield _headline(report)
    for unit in ("note", "second"):
        yield ""
        yield from _rates(report, unit)
    yield from _left_out(report)
    yield from _at_most(report)
    if report["compared"]:
        yield ""
        yield from _compared(report)


def pieces(report: Report) -> Iterator[str]:
    """Yield a line for each piece, the one with most nats a note first."""
    yield f"{'piece':<44}{'notes':>7}{'seconds':>9}{'nats/note':>10}{'ratio':>7}"
    by_piece = [row for row in report["by_piece"] if row["notes"]]
    for row in sorted(by_piece, key=lambda row: -row["nats"] / row["notes"]):
        rate, ratio = row["nats"] / row["notes"], _over(row["nats"], row["baseline_nats"])
        yield (
            f"{_fitting(row['name'], 43):<44}{row['notes']:7,}{row['seconds']:9.1f}"
            f"{rate:10.3f}{plain(ratio):>7}"
        )
    silent = len(report["by_piece"]) - len(by_piece)
    if silent:
        yield f"{silent} more have no note that encoder {report['encoder']} keeps"


def note_report(run: str, piece: Piece, nats: NDArray[np.float64]) -> dict[str, Any]:
    """Return the notes of a piece and what each costs, (N,) nats, JSON-ready."""
    onsets = piece.seconds(piece.notes["start"].astype("i8")).tolist()
    columns = (piece.notes[name].tolist() for name in ("pitch", "program", "start", "duration"))
    rows = zip(onsets, *columns, nats.tolist(), strict=True)
    return {
        "run": run,
        "piece": piece.name,
        "nats_per_note": float(nats.mean()),
        "notes": [
            {
                "seconds": seconds,
                "beat": start / piece.ticks_per_beat,
                "beats": duration / piece.ticks_per_beat,
                "pitch": pitch,
                "program": program,
                "nats": cost,
            }
            for seconds, pitch, program, start, duration, cost in rows
        ],
    }


def notes(report: Report) -> Iterator[str]:
    """Yield a line for each note of `note_report`, in order, and their mean."""
    rows = report["notes"]
    yield from columns(
        ["seconds", "beat", "pitch", "program", "nats"],
        [
            [
                plain(row["seconds"]),
                plain(row["beat"]),
                str(row["pitch"]),
                str(row["program"]),
                plain(row["nats"]),
            ]
            for row in rows
        ],
        left=0,
    )
    yield ""
    yield f"{counted(len(rows), 'note')}, {report['nats_per_note']:.3f} nats a note"


def _headline(report: Report) -> str:
    """Return two lines: what was measured, and how the intervals were computed."""
    drawn = report["bootstrap"]
    text = (
        f"{counted(report['pieces'], 'piece')}, {counted(report['notes'], 'note')}, "
        f"{report['seconds'] / 60:,.1f} minutes, {report['split']} part\n"
    )
    if drawn["groups"] < 2:
        return (
            text + "No intervals: there is one piece only (or takes of one), so nothing to resample"
        )
    grouped = "groups of near-duplicates" if drawn["groups"] < report["pieces"] else "pieces"
    return text + f"Intervals: 95 %, bootstrap of {drawn['groups']} {grouped}"


def _rates(report: Report, unit: str) -> Iterator[str]:
    """Yield a row for each field, for all fields and for `mark`: model, unigram, and ratio."""
    keys = (f"nats_per_{unit}", f"baseline_nats_per_{unit}")
    every = "all, at most" if report["at_most"] else "all"
    yield f"{f'nats a {unit}':<14}{'model':>8}{'':<18}{'unigram':>8}{'':<18}{'ratio':>6}"
    for name, row in [*report["fields"].items(), (every, report), ("(mark)", report["mark"])]:
        cells = [f"{plain(row[key]):>8}  {interval(row['intervals'][key]):<16}" for key in keys]
        yield f"{name:<14}{''.join(cells)}{_ratio(row)}".rstrip()


def _ratio(row: Report) -> str:
    if (row["baseline_nats_per_note"] or 0) < 0.0005:  # both are almost 0: the ratio is noise
        return f"{'-':>6}"
    return f"{plain(row['ratio']):>6}  {interval(row['intervals']['ratio'])}"


def _left_out(report: Report) -> Iterator[str]:
    for run in (report, *report["compared"]):
        if run["no_likelihood"]:
            yield ""
            yield f"{printable(run['run'])}: no likelihood: {', '.join(run['no_likelihood'])}"
            yield "These fields are left out of all sums; so do not compare them with other runs"


def _at_most(report: Report) -> Iterator[str]:
    """Yield a footnote for each encoder that has several spellings of a piece."""
    for run in (report, *report["compared"]):
        if run["at_most"]:
            yield ""
            yield f"{printable(run['run'])}: at most, since {printable(run['at_most'])}"
            yield "A piece has other spellings too, and only one is counted: its true cost is less"


def _compared(report: Report) -> Iterator[str]:
    """Yield a table of facts about the runs, and a table of their rates for each unit."""
    runs = [report, *report["compared"]]
    yield from columns(
        ["", *(LOSSES.get(name, name.replace("_per_", " a ")) for name in ABOUT)],
        [[_fitting(run["run"], RUN_WIDTH), *(_text(run[name]) for name in ABOUT)] for run in runs],
    )
    for unit in ("note", "second"):
        rate = f"nats_per_{unit}"
        yield ""
        yield from columns(
            [f"nats a {unit}", "", "95 %", "less the first", "95 %"],
            [
                [
                    _fitting(run["run"], RUN_WIDTH),
                    ("<= " if run["at_most"] else "") + plain(run[rate]),
                    interval(run["intervals"][rate]),
                    *_difference(run, rate),
                ]
                for run in runs
            ],
        )


def _difference(run: Report, rate: str) -> tuple[str, str]:
    """Return the cells with a run's difference to the first run; empty for the first."""
    difference = run.get("difference")
    if difference is None:
        return "", ""
    return f"{difference[rate]:+.3f}", interval(difference["intervals"][rate], sign="+")


def _text(value: str | int | float | None) -> str:
    if value is None or isinstance(value, str):
        return value or "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:.3f}"


def _over(value: float, other: float) -> float | None:
    return value / other if other else None


def _fitting(name: str, width: int) -> str:
    """Return a name that is safe to print; only its end if it is too long, as ends differ more."""
    shown = printable(name)
    return shown if len(shown) <= width else "..." + shown[3 - width :]
