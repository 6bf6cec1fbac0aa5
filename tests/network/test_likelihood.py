"""The cost of pieces by networks and by counts, and the report of it."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from howlkit.errors import DataError
from howlkit.evaluation.bootstrap import Resamples
from howlkit.evaluation.comparison import MeasuredRun, evaluation_report
from howlkit.music.piece import Piece
from howlkit.network.batches import cut, side_by_side, to_tensors
from howlkit.network.likelihood import encode_all, score, unigram, unigram_nats
from howlkit.training.recipe import Recipe
from tests.conftest import random_piece, tune

SMALL = {"heads": {"embedding": 8, "width": 16}, "lstm": {"hidden": 24}}
LOSSES = {"notes_lost": 0.0, "onset_error_ms": 1.5, "duration_error_ms": None}
PIECES = [tune(seed, bars) for seed, bars in enumerate([2, 70, 9, 40])]


@pytest.fixture
def recipe():
    return Recipe.choose("tuple", "lstm", values=SMALL)


@pytest.fixture
def network(recipe):
    torch.manual_seed(0)
    made = recipe.model.build(recipe.encoder.schema, recipe.heads)
    made.start_at(unigram(recipe.encoder, [tune(9)]))
    return made


@pytest.fixture
def measured(recipe, network):
    """Measure some pieces; returns MeasuredRun."""

    def measure(pieces=PIECES, name="run"):
        encoded = encode_all(recipe.encoder, pieces)
        counts = unigram(recipe.encoder, [tune(9)])
        return MeasuredRun(
            name, recipe, score(network, encoded), unigram_nats(counts, encoded), LOSSES
        )

    return measure


def reported(*runs, groups=None):
    count = len(runs[0].scores.nats)
    resamples = Resamples(np.arange(count) if groups is None else groups)
    return evaluation_report(runs, resamples, split="all")


def test_measuring_side_by_side_equals_one_by_one(recipe, network):
    together = score(network, encode_all(recipe.encoder, PIECES))
    for i, piece in enumerate(PIECES):
        alone = score(network, encode_all(recipe.encoder, [piece]))
        assert together.nats[i] == pytest.approx(alone.nats[0], rel=1e-4)


def test_sums_by_piece_add_up_to_what_the_network_says_it_paid_in_training(recipe, network):
    encoded = encode_all(recipe.encoder, PIECES)
    columns, lengths = side_by_side(encoded.schema, encoded.rows)
    (batch,) = cut(columns, lengths - 1, 10_000)
    with torch.inference_mode():
        sums, _ = network.eval()(*to_tensors(batch, torch.device("cpu")), None)
    found = score(network, encoded)
    assert found.nats.sum(0) == pytest.approx(sums.numpy(), rel=1e-4)
    assert found.nats_per_note == pytest.approx(sums[1:].sum().item() / encoded.notes, 1e-4)
    assert found.totals.sum() == pytest.approx(found.nats[:, 1:].sum())


def test_the_order_of_pieces_does_not_matter(measured):
    order = [2, 0, 3, 1]
    there, here = measured(), measured([PIECES[i] for i in order])
    assert here.scores.nats == pytest.approx(there.scores.nats[order], rel=1e-4)
    one, other = reported(there), reported(here, groups=np.array(order))
    assert other["intervals"]["ratio"] == pytest.approx(one["intervals"]["ratio"], rel=1e-4)
    assert other["nats_per_second"] == pytest.approx(one["nats_per_second"], rel=1e-4)


def test_notes_are_what_the_encoder_keeps_and_seconds_are_of_the_music_as_it_was():
    drums = random_piece(1)
    late = Piece.of([(480, 480, 60), (960, 960, 64)], bpm=60)  # its first second is silence
    encoder = Recipe.choose("tuple", "lstm").encoder
    encoded = encode_all(encoder, [drums, late])
    kept = [len(encoder.decode(encoder.encode(piece))) for piece in (drums, late)]
    assert encoded.note_counts.tolist() == kept == encoded.step_counts.tolist()
    begin = drums.seconds(drums.notes["start"].min())
    assert encoded.seconds == pytest.approx([drums.seconds(drums.end) - begin, 3.0])


def test_nothing_but_silence_is_an_error():
    encoder = Recipe.choose("tuple", "lstm").encoder
    with pytest.raises(DataError, match="no notes"):
        encode_all(encoder, [Piece()])
    assert encode_all(encoder, [Piece(), tune()]).seconds[0] == 0


def test_the_baseline_is_the_frequency_of_each_value(recipe):
    encoded = encode_all(recipe.encoder, [tune(1)])
    found = unigram_nats(unigram(recipe.encoder, [tune(1)]), encoded)
    velocity = encoded.rows[0]["velocity"][1:-1]
    counts = np.bincount(velocity, minlength=32) + 1
    expected = -np.log(counts[velocity] / counts.sum()).sum()
    assert found.of("velocity") == pytest.approx([expected])


def test_the_report_is_the_ratios_of_sums(measured):
    run = measured()
    result = reported(run)
    encoded, scores = run.scores.encoded, run.scores
    assert result["nats_per_note"] == pytest.approx(scores.nats_per_note)
    assert result["nats_per_second"] == pytest.approx(scores.totals.sum() / encoded.seconds.sum())
    baseline = run.baseline.totals.sum()
    assert result["baseline_nats_per_second"] == pytest.approx(baseline / encoded.seconds.sum())
    assert result["ratio"] == pytest.approx(scores.totals.sum() / baseline)
    for rate in ("nats_per_note", "nats_per_second", "baseline_nats_per_second"):
        assert result[rate] == pytest.approx(sum(row[rate] for row in result["fields"].values()))
    assert result["mark"]["nats_per_note"] == pytest.approx(scores.of("mark").sum() / encoded.notes)
    assert result["notes"] == encoded.notes == sum(p["notes"] for p in result["by_piece"])
    assert sum(p["nats"] for p in result["by_piece"]) == pytest.approx(scores.totals.sum())
    assert result["by_piece"][1]["name"] == "tune 1"
    low, high = result["intervals"]["nats_per_note"]
    assert low < result["nats_per_note"] < high
    assert json.loads(json.dumps(result, allow_nan=False))["compared"] == []


def test_one_piece_alone_has_numbers_and_no_intervals(measured):
    result = reported(measured([tune(1)]))
    assert result["bootstrap"]["groups"] == 1 and result["nats_per_note"] > 0
    assert set(result["intervals"].values()) == {None}


def test_a_run_is_worse_than_the_first_by_what_each_piece_costs_more(measured):
    first = measured()
    more = 0.5 * first.scores.encoded.note_counts
    nats = first.scores.nats.copy()
    nats[:, first.scores.fields.index("pitch")] += more
    worse = dataclasses.replace(first, scores=dataclasses.replace(first.scores, nats=nats))
    (other,) = reported(first, worse)["compared"]
    assert other["difference"]["nats_per_note"] == pytest.approx(0.5)
    assert other["difference"]["intervals"]["nats_per_note"] == pytest.approx((0.5, 0.5))
    assert other["difference"]["nats_per_second"] == pytest.approx(
        more.sum() / first.scores.encoded.seconds.sum()
    )


def test_costs_that_are_no_likelihood_are_left_out_of_sums_and_of_comparisons(measured):
    first = measured()
    scores = dataclasses.replace(first.scores, no_likelihood=frozenset(["duration"]))
    squared = dataclasses.replace(first, scores=scores)
    result = reported(squared, first)
    without = [n for n in scores.fields if n not in ("mark", "duration")]
    assert result["no_likelihood"] == ["duration"] and list(result["fields"]) == without
    assert result["nats_per_note"] == pytest.approx(
        sum(row["nats_per_note"] for row in result["fields"].values())
    )
    assert result["ratio"] == pytest.approx(
        first.scores.over(without).sum() / first.baseline.over(without).sum()
    )
    assert sum(piece["baseline_nats"] for piece in result["by_piece"]) == pytest.approx(
        first.baseline.over(without).sum()
    )
    assert result["compared"][0]["difference"] is None
    assert scores.nats_per_note < scores.cost_per_note == first.scores.cost_per_note
    none = dataclasses.replace(scores, no_likelihood=frozenset(scores.fields) - {"mark"})
    nothing = reported(dataclasses.replace(first, scores=none))
    assert nothing["nats_per_note"] is None and nothing["mark"]["nats_per_note"] > 0


def test_shares_of_the_pieces_cost_together_what_all_cost_bit_for_bit(recipe, network):
    pieces = [tune(seed, 2) for seed in range(70)]  # three lots of rows side by side
    encoded = encode_all(recipe.encoder, pieces)
    whole = score(network, encoded).nats
    for ranks in (2, 4):
        shares = [score(network, encoded, rank=rank, ranks=ranks).nats for rank in range(ranks)]
        assert np.array_equal(sum(shares), whole)
