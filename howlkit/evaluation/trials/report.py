"""The report of a comparison: each pair of encoder and model, with intervals, and which is best.

A pair's number is the mean over its runs, one for each seed; its interval is over pieces and seeds
(`bootstrap.over_seeds`). Pieces are resampled alike for all pairs, so their differences are paired.

Which is best. Among the models of one encoder: the one with the fewest nats a note. Over all pairs:
the one with the fewest nats a second of music, since that unit is the same for all encoders. Either
counts as significant if it is the best in 97.5 % of the resamples (for two pairs: if the interval
of their difference does not contain 0). The best of all must have beaten fairly: its encoder loses
no more than any other, and the nats of the others are no upper bounds.
"""

from __future__ import annotations

import math
import statistics
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from howlkit.evaluation.bootstrap import LEVEL, UNDEFINED, Estimate, Resamples, over_seeds
from howlkit.evaluation.trials.measurement import Measurement
from howlkit.evaluation.trials.plan import Trial

__all__ = ["FORMAT", "pairs_of"]

FORMAT = 1

SIGNIFICANT = (1 + LEVEL) / 2
"""The share of resamples in which the best must be best."""

TOLERANCE = {"notes_lost": 0.001, "onset_error_ms": 1.0, "duration_error_ms": 1.0}
"""How much more an encoder may lose and still count as losing no more, by figure."""

RATES = ("nats_per_note", "nats_per_second", "baseline_nats_per_note", "ratio")

Pair = tuple[str, str]
"""The names of an encoder and a model."""


@dataclass(frozen=True)
class _Judged:
    """A pair with its runs: the rates of each, and their means."""

    pair: Pair
    runs: Mapping[Trial, Measurement]
    rates: Mapping[Trial, Mapping[str, Estimate]]
    mean: Mapping[str, Estimate]

    @classmethod
    def of(cls, pair: Pair, runs: Mapping[Trial, Measurement], resamples: Resamples) -> _Judged:
        rates = {trial: _rates(measurement, resamples) for trial, measurement in runs.items()}
        seed = [resamples.seed, zlib.crc32("+".join(pair).encode())]  # whatever else is compared
        mean = {
            name: over_seeds([rates[trial][name] for trial in runs], np.random.default_rng(seed))
            for name in RATES
        }
        return cls(pair, runs, rates, mean)

    @property
    def first(self) -> Measurement:
        return next(iter(self.runs.values()))


def pairs_of(measurements: Mapping[Trial, Measurement], resamples: Resamples) -> dict[str, Any]:
    """Return the part of the report about the pairs, JSON-ready; at least one trial is needed.

    "pairs" is a list in the order of the trials; "best" says which is best of each encoder and of
    all, and why none is.
    """
    by_pair: dict[Pair, dict[Trial, Measurement]] = {}
    for trial, measurement in measurements.items():
        by_pair.setdefault((trial.encoder, trial.model), {})[trial] = measurement
    judged = [_Judged.of(pair, runs, resamples) for pair, runs in by_pair.items()]
    first = judged[0].first
    return {
        "pieces": len(first.names),
        "seconds": sum(first.seconds),
        "bootstrap": {
            "groups": resamples.units,
            "resamples": resamples.number,
            "level": LEVEL,
            "seed": resamples.seed,
        },
        "pairs": [_pair(one) for one in judged],
        "best": {"of_encoder": _best_of_encoders(judged), "of_all": _best_of_all(judged)},
    }


def _rates(measurement: Measurement, resamples: Resamples) -> dict[str, Estimate]:
    columns: dict[str, Sequence[float]] = {
        "notes": measurement.notes,
        "seconds": measurement.seconds,
        "model": measurement.totals,
        "unigram": measurement.baseline,
    }
    sums = resamples.sums(columns)
    model, unigram = (
        (sums["model"], sums["unigram"]) if measurement.fields else (UNDEFINED, UNDEFINED)
    )
    return {
        "nats_per_note": model / sums["notes"],
        "nats_per_second": model / sums["seconds"],
        "baseline_nats_per_note": unigram / sums["notes"],
        "ratio": model / unigram,
    }


# JSON -------------------------------------------------------------------------------------------


def _pair(judged: _Judged) -> dict[str, Any]:
    encoder, model = judged.pair
    runs, first = list(judged.runs.values()), judged.first
    return {
        "encoder": encoder,
        "model": model,
        **_values_and_intervals(judged.mean),
        "spread": {name: _spread(judged, name) for name in ("nats_per_note", "nats_per_second")},
        "at_most": first.at_most or None,
        "no_likelihood": first.no_likelihood,
        "losses": first.losses,
        "notes": sum(first.notes),
        "steps_per_note": sum(first.steps) / sum(first.notes),
        "parameters": first.weights,
        "training_notes_per_second": _mean([run.training_speed for run in runs]),
        "sampling_notes_per_second": _mean([run.sampling_speed for run in runs]),
        "still_learning": any(run.training["still_learning"] for run in runs),
        "runs": [_run(trial, judged) for trial in judged.runs],
    }


def _run(trial: Trial, judged: _Judged) -> dict[str, Any]:
    measurement, rates = judged.runs[trial], judged.rates[trial]
    notes = sum(measurement.notes)
    return {
        "seed": trial.seed,
        **_values_and_intervals(rates),
        "fields": {name: sum(column) / notes for name, column in measurement.nats.items()},
        "training_notes_per_second": measurement.training_speed,
        "sampling_notes_per_second": measurement.sampling_speed,
        **measurement.training,
        "recipe": measurement.recipe,
        "by_piece": [
            {"name": name, "notes": count, "seconds": seconds, "nats": nats, "baseline_nats": base}
            for name, count, seconds, nats, base in zip(
                measurement.names,
                measurement.notes,
                measurement.seconds,
                measurement.totals,
                measurement.baseline,
                strict=True,
            )
        ],
    }


def _spread(judged: _Judged, name: str) -> float | None:
    """Return the standard deviation of a rate over the seeds; None for one seed."""
    values = [rates[name].value for rates in judged.rates.values()]
    if len(values) < 2 or not all(map(math.isfinite, values)):
        return None
    return statistics.stdev(values)


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return statistics.fmean(known) if known else None


def _values_and_intervals(rates: Mapping[str, Estimate]) -> dict[str, Any]:
    values = {
        name: rate.value if math.isfinite(rate.value) else None for name, rate in rates.items()
    }
    return {**values, "intervals": {name: rate.interval for name, rate in rates.items()}}


# Best -------------------------------------------------------------------------------------------


def _best_of_encoders(judged: Sequence[_Judged]) -> dict[str, Any]:
    """Return, for each encoder that was trained with several models, its best model."""
    found = {}
    for encoder in dict.fromkeys(one.pair[0] for one in judged):
        own = [one for one in judged if one.pair[0] == encoder and not one.first.no_likelihood]
        if len(own) > 1:
            found[encoder] = _best(own, "nats_per_note")
    return found


def _best_of_all(judged: Sequence[_Judged]) -> dict[str, Any] | None:
    """Return the best pair, and in "why_not" what keeps it from counting; None for one encoder."""
    if len({one.pair[0] for one in judged}) < 2:
        return None
    counted = [one for one in judged if not one.first.no_likelihood]
    if len(counted) < len(judged):
        return {"significant": False, "why_not": "some runs have fields without a likelihood"}
    best = _best(counted, "nats_per_second")
    pair = best["encoder"], best["model"]
    winner = next(one for one in counted if one.pair == pair)
    others = [one for one in counted if one.pair[0] != winner.pair[0]]
    unfair = ""
    if bounds := [one for one in others if one.first.at_most]:
        unfair = f"the nats of {bounds[0].pair[0]} are an upper bound"
    if cheaper := [one for one in others if _loses_more(winner.first, one.first)]:
        unfair = f"{winner.pair[0]} loses more of the music than {cheaper[0].pair[0]}"
    if unfair or not best["significant"]:
        best |= {"significant": False, "why_not": unfair or f"{best['nearest']} is too near"}
    return best


def _best(judged: Sequence[_Judged], rate: str) -> dict[str, Any]:
    """Return which of several pairs has the fewest nats, and in how many resamples it has.

    "nearest" is the pair that has fewer in most of them.
    """
    best = min(judged, key=lambda one: one.mean[rate].value)
    others = [one for one in judged if one is not best]
    ahead = np.array([best.mean[rate].draws < other.mean[rate].draws for other in others])
    share = float(ahead.all(0).mean()) if ahead.size else None
    nearest = others[int(ahead.mean(1).argmin())] if ahead.size else others[0]
    return {
        "encoder": best.pair[0],
        "model": best.pair[1],
        "nearest": " + ".join(nearest.pair),
        "share_of_resamples": share,
        "significant": share is not None and share >= SIGNIFICANT,
    }


def _loses_more(one: Measurement, other: Measurement) -> bool:
    """Say whether an encoder loses more than another, in any of the figures."""
    return any(
        (one.losses[name] or 0.0) > (other.losses[name] or 0.0) + tolerance
        for name, tolerance in TOLERANCE.items()
    )
