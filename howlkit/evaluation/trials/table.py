"""The report of a comparison as text: one table, and what must be known to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from howlkit.dataset.report import counted
from howlkit.errors import printable
from howlkit.evaluation.text_table import columns, interval, plain
from howlkit.evaluation.trials.machine import machine_in_words
from howlkit.training.progress import Budget

__all__ = ["lines"]

Report = Mapping[str, Any]

UNEQUAL = 0.9
"""Below this ratio of their shares of a processor, runs did not have equal time in fact."""

BEST_OF_ENCODER, BEST_OF_ALL = "*", "**"


def lines(report: Report) -> Iterator[str]:
    """Yield the table of a report, with what was measured above it and notes below."""
    yield from _headlines(report)
    yield ""
    yield from columns(_heads(report), [_row(pair, report) for pair in report["pairs"]], left=2)
    yield ""
    yield from _best(report)
    yield from _notes(report)


def _headlines(report: Report) -> Iterator[str]:
    drawn = report["bootstrap"]
    music = f"{report['seconds'] / 60:,.1f} minutes of music"
    yield f"{counted(report['pieces'], 'piece')}, {music}, {report['part']} part"
    yield f"Trained for {Budget(**report['budget'])} each{_how(report)}"
    seeds = f" and {report['seeds']} seeds" if report["seeds"] > 1 else ""
    if drawn["groups"] < 2:
        yield "No intervals: there is one piece only (or takes of one), so nothing to resample"
    else:
        grouped = "groups of near-duplicates" if drawn["groups"] < report["pieces"] else "pieces"
        yield f"Intervals: 95 %, bootstrap of {drawn['groups']} {grouped}{seeds}"


def _how(report: Report) -> str:
    """Return on how many threads and on what machines the runs were trained, and how many at once.

    Runs that shared the machine and runs that had it alone do not compare, which is said.
    """
    trained = [run["trained"] for pair in report["pairs"] for run in pair["runs"]]
    machines = list(dict.fromkeys(machine_in_words(each["machine"]) for each in trained))
    jobs = sorted({each["jobs"] for each in trained})
    device = "" if report["device"] in ("auto", "cpu") else f" and {report['device']}"
    text = f" on {counted(report['threads'], 'thread')}{device} of {' and of '.join(machines)}"
    if len(jobs) > 1:
        return f"{text}\nSome ran alone and some {jobs[-1]} at a time, so the times were not equal"
    if jobs[0] > 1:
        return f"{text}, {jobs[0]} at a time (alone each would have got further)"
    return f"{text}, one after another"


def _heads(report: Report) -> list[str]:
    spread = ["spread"] if report["seeds"] > 1 else []
    nats = ["", "nats/note", "95 %", *spread, "unigram", "nats/s"]
    speeds = ["training", "sampling", "weights"]
    played = ["told", "length"] if report.get("samples") else []
    return ["encoder", "model", *nats, "lost", "onset ms", *played, *speeds]


def _row(pair: Report, report: Report) -> list[str]:
    losses, low = pair["losses"], "<= " if pair["at_most"] else ""
    spread = [plain(pair["spread"]["nats_per_note"])] if report["seeds"] > 1 else []
    played = []
    if report.get("samples"):
        played = [plain(pair["told"], 1), f"{pair['median_seconds']:,.0f} s"]
    return [
        pair["encoder"],
        pair["model"],
        _mark(pair, report),
        low + plain(pair["nats_per_note"]),
        interval(pair["intervals"]["nats_per_note"], digits=2),
        *spread,
        plain(pair["ratio"]),
        low + plain(pair["nats_per_second"], 2),
        "-" if losses["notes_lost"] is None else f"{100 * losses['notes_lost']:.1f} %",
        plain(losses["onset_error_ms"], 0),
        *played,
        _speed(pair["training_notes_per_second"]),
        _speed(pair["sampling_notes_per_second"]),
        _short(pair["parameters"]),
    ]


def _mark(pair: Report, report: Report) -> str:
    best = report["best"]
    if _is(best["of_all"], pair):
        return BEST_OF_ALL
    return BEST_OF_ENCODER if _is(best["of_encoder"].get(pair["encoder"]), pair) else ""


def _is(best: Report | None, pair: Report) -> bool:
    """Say whether a pair is the best, significantly."""
    if best is None or not best["significant"]:
        return False
    return (best["encoder"], best["model"]) == (pair["encoder"], pair["model"])


def _best(report: Report) -> Iterator[str]:
    """Yield what the marks mean, and what is best but not significantly."""
    best = report["best"]
    marks = {_mark(pair, report) for pair in report["pairs"]}
    if BEST_OF_ALL in marks:
        yield (
            f"{BEST_OF_ALL}  significantly the fewest nats a second of music, of all; no other "
            "encoder loses less"
        )
    if BEST_OF_ENCODER in marks:
        yield f"{BEST_OF_ENCODER}   significantly the fewest nats a note, of its encoder's models"
    if report["bootstrap"]["groups"] < 2:
        return
    for encoder, own in best["of_encoder"].items():
        if not own["significant"]:
            yield f"No model is significantly the best with {encoder}: {own['nearest']} is too near"
    overall = best["of_all"]
    if overall and not overall["significant"]:
        who = ""
        if "model" in overall:
            who = f"{overall['encoder']} + {overall['model']} has the fewest nats a second, but "
        yield f"{who or 'Of these pairs '}none is marked as the best of all: {overall['why_not']}"


def _notes(report: Report) -> Iterator[str]:
    """Yield what must be known to read the table."""
    yield (
        "lost, onset: notes that the encoder loses, and the onset error that 99 % of the notes do "
        "not exceed"
    )
    yield "unigram: the share of the nats of a model that knows only how often each value occurs"
    if report.get("samples"):
        yield from _played(report)
    yield "training, sampling: notes a second on the clock (sampling: one piece)"
    if len({pair["encoder"] for pair in report["pairs"]}) > 1:
        yield (
            "Compare encoders by nats a second of music, and with what they lose: an encoder that "
            "keeps less has less to say"
        )
    pairs = report["pairs"]
    for encoder, why in {p["encoder"]: p["at_most"] for p in pairs if p["at_most"]}.items():
        yield f"{encoder}: at most, since {printable(why)}; the true nats of a piece are fewer"
    for pair in pairs:
        if pair["no_likelihood"]:
            fields = ", ".join(pair["no_likelihood"])
            yield (
                f"{pair['encoder']} + {pair['model']}: no likelihood for {fields}, which are left "
                "out of the nats; so do not compare them"
            )
    learning = [f"{p['encoder']} + {p['model']}" for p in pairs if p["still_learning"]]
    if learning:
        which = "all" if len(learning) == len(pairs) else ", ".join(learning)
        yield f"Still learning at the end: {which}; with more time the order may change"
    yield from _busy(report)
    for failed in report["failed"]:
        yield (
            f"FAILED: {failed['encoder']} + {failed['model']}, seed {failed['seed']}: "
            f"{printable(failed['why'])}"
        )


def _played(report: Report) -> Iterator[str]:
    """Yield what the columns about samples mean."""
    own, real = report["samples"], report["seconds"] / report["pieces"]
    yield (
        f"told, length: of {own['pieces']} pieces sampled from each run, in how many of 100 "
        f"excerpts they are told from the held-out pieces (told, version {own['version']}), and "
        f"the median length (held-out pieces: {real:,.0f} s, the mean)"
    )
    halves = [
        run["samples"]["told"]["real_from_real"]
        for pair in report["pairs"]
        for run in pair["runs"]
        if run["samples"]["told"]
    ]
    if halves:
        yield f"real from real is told in {min(halves):.0f} to {max(halves):.0f} of 100"
    for pair in report["pairs"]:
        why = next((run["samples"]["why"] for run in pair["runs"] if run["samples"]["why"]), None)
        if why:
            yield f"{pair['encoder']} + {pair['model']} has no told: {printable(why)}"


def _busy(report: Report) -> Iterator[str]:
    """Yield a warning if the runs had a processor for very different shares of their time."""
    runs = [run["trained"] for pair in report["pairs"] for run in pair["runs"]]
    shares = [run["processor_share"] for run in runs if run["processor_share"] is not None]
    if shares and min(shares) < UNEQUAL * max(shares):
        yield (
            "The machine was busy with other work, and not alike for all: the runs had a processor "
            f"for {100 * min(shares):.0f} to {100 * max(shares):.0f} % of their time. Compare with "
            "care, or use --steps"
        )


def _speed(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f}"


def _short(number: int) -> str:
    """Return a number of parameters.

    >>> _short(1_234_567), _short(45_678)
    ('1.23 M', '46 k')
    """
    return f"{number / 1e6:.2f} M" if number >= 999_500 else f"{number / 1000:.0f} k"
