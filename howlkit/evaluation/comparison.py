"""What `howlkit evaluate` reports: the rates of a run with intervals, and runs compared.

Rates are ratios of sums over all pieces, by field and over all fields that have a likelihood: nats
a note (of the notes that the run's own encoder keeps) and nats a second (of the music as it was
given, the same for every encoder). Each is computed for the model and for its unigram baseline,
and so is their ratio.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from howlkit.evaluation.bootstrap import LEVEL, UNDEFINED, Estimate, Resamples
from howlkit.network.likelihood import Scores
from howlkit.plugins.exemptions import why_at_most
from howlkit.schema import MARK
from howlkit.training.recipe import Recipe

__all__ = ["MeasuredRun", "evaluation_report"]

Rates = Mapping[str, Estimate]


@dataclass(frozen=True)
class MeasuredRun:
    """A run measured on some pieces.

    name: what a table calls the run. baseline: the scores of the unigram model.
    losses: what the encoder loses of these pieces, by the name in a table; None if there is nothing
    to lose. A coarser encoding has less to predict, so nats alone do not compare encoders.
    """

    name: str
    recipe: Recipe
    scores: Scores
    baseline: Scores
    losses: Mapping[str, float | None]


def evaluation_report(
    measured: Sequence[MeasuredRun], resamples: Resamples, *, split: str
) -> dict[str, Any]:
    """Return what `howlkit evaluate --json` prints about runs measured on the same pieces.

    The numbers of the first run are at the top. "compared" has the same for each other run, and a
    "difference": its rates minus those of the first run, computed on the same resamples.
    """
    first, *others = (_Rates.of(run, resamples) for run in measured)
    encoded = first.run.scores.encoded
    return {
        **_run_facts(first),
        "pieces": len(encoded.rows),
        "seconds": float(encoded.seconds.sum()),
        "split": split,
        "bootstrap": {
            "groups": resamples.units,
            "resamples": resamples.number,
            "level": LEVEL,
            "seed": resamples.seed,
        },
        "compared": [_run_facts(run) | {"difference": _difference(run, first)} for run in others],
    }


@dataclass(frozen=True)
class _Rates:
    """The rates of a run: for each field that has a likelihood, for their sum, and for `mark`."""

    run: MeasuredRun
    fields: Mapping[str, Rates]
    total: Rates
    mark: Rates

    @classmethod
    def of(cls, run: MeasuredRun, resamples: Resamples) -> _Rates:
        """Return the rates of a run, over all pieces and over each resample."""
        encoded, names = run.scores.encoded, run.scores.summed
        columns = {("notes", ""): encoded.note_counts, ("seconds", ""): encoded.seconds}
        for name in (MARK.name, *names):
            columns["model", name] = run.scores.of(name)
            columns["unigram", name] = run.baseline.of(name)
        sums = resamples.sums(columns)

        def rates(*fields: str) -> Rates:
            model, unigram = (
                reduce(add, [sums[who, name] for name in fields]) if fields else UNDEFINED
                for who in ("model", "unigram")
            )
            return {
                "nats_per_note": model / sums["notes", ""],
                "baseline_nats_per_note": unigram / sums["notes", ""],
                "nats_per_second": model / sums["seconds", ""],
                "baseline_nats_per_second": unigram / sums["seconds", ""],
                "ratio": model / unigram,
            }

        return cls(run, {name: rates(name) for name in names}, rates(*names), rates(MARK.name))


def _run_facts(rates: _Rates) -> dict[str, Any]:
    """Return all facts about one run, JSON-ready."""
    run, scores = rates.run, rates.run.scores
    return {
        **_table_facts(run),
        "at_most": why_at_most(run.recipe.encoder) or None,
        "recipe": run.recipe.to_json(),
        **_values_and_intervals(rates.total),
        "fields": {name: _values_and_intervals(own) for name, own in rates.fields.items()},
        "mark": _values_and_intervals(rates.mark),
        "no_likelihood": [name for name in scores.fields if name in scores.no_likelihood],
        "by_piece": _by_piece(run),
    }


def _table_facts(run: MeasuredRun) -> dict[str, Any]:
    """Return the facts about a run that a table shows, by column."""
    encoded, recipe = run.scores.encoded, run.recipe
    return {
        "run": run.name,
        "encoder": recipe.encoder.name,
        "model": recipe.model.name,
        "heads": "chained" if recipe.heads.chained else "independent",
        "notes": encoded.notes,
        "steps_per_note": int(encoded.step_counts.sum()) / encoded.notes,
        **run.losses,
    }


def _by_piece(run: MeasuredRun) -> list[dict[str, Any]]:
    """Return, for each piece, its nats by field (with `mark`) and over all fields."""
    scores, baseline, encoded = run.scores, run.baseline, run.scores.encoded
    columns = {
        "name": encoded.names,
        "notes": encoded.note_counts.tolist(),
        "seconds": encoded.seconds.tolist(),
        "steps": encoded.step_counts.tolist(),
        "nats": scores.totals.tolist(),
        "baseline_nats": baseline.over(scores.summed).tolist(),
        "fields": [dict(zip(scores.fields, row, strict=True)) for row in scores.nats.tolist()],
        "baseline_fields": [
            dict(zip(scores.fields, row, strict=True)) for row in baseline.nats.tolist()
        ],
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _difference(rates: _Rates, first: _Rates) -> dict[str, Any] | None:
    """Return the rates minus those of the first run; None if any field has no likelihood."""
    if rates.run.scores.no_likelihood or first.run.scores.no_likelihood:
        return None
    names = ("nats_per_note", "nats_per_second")
    return _values_and_intervals({name: rates.total[name] - first.total[name] for name in names})


def _values_and_intervals(rates: Rates) -> dict[str, Any]:
    """Return the values by name, and their intervals; None for a number that is undefined."""
    values = {
        name: rate.value if math.isfinite(rate.value) else None for name, rate in rates.items()
    }
    return {**values, "intervals": {name: rate.interval for name, rate in rates.items()}}
