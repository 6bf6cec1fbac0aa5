"""What a run learns about its music before it trains: is it enough, its values, tempo, habits.

Lines for the user are given to `tell`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from howlkit.dataset import Dataset
from howlkit.dataset.opening import describe
from howlkit.dataset.report import counted
from howlkit.errors import ArgumentError, DataError
from howlkit.music.piece import Piece
from howlkit.network.likelihood import Counts, Encoded, encode_all, unigram, unigram_nats
from howlkit.plugins.checked_encoder import CheckedEncoder
from howlkit.protocols import Encoder
from howlkit.training.habit_facts import habit_facts, some_pieces
from howlkit.training.recipe import Recipe, versions
from howlkit.training.variety import VARIETY, variety

__all__ = [
    "augmented_counts",
    "baseline_nats",
    "check_enough",
    "common_time_signature",
    "describe_parts",
    "facts_of",
    "median_tempo",
    "music_facts",
    "validation_part",
]

ENDS = {"mark": {"top_p": 1.0}}
"""Advice for every encoder: that a piece ends is never likely at any one step, so a nucleus cuts it
off, and pieces go on and on."""

AUGMENTED_PASSES = 4
"""The number of passes over the training part that `augmented_counts` makes."""

AGREEMENT = 0.9
"""The share of the beats that one time signature must have, to be that of the training music."""

FEW_NOTES = 20_000
"""With fewer notes to train on, the user is warned."""


def check_enough(data: Dataset, *, window: int, tell: Callable[[str], None]) -> None:
    """Raise DataError if the training part has no two notes; warn if it has few, or short pieces.

    window: the notes in a window of training.
    """
    counts = np.asarray(data.note_counts)[data.indices("train")]
    notes = int(counts.sum())
    if notes < 2:
        raise DataError(
            f"{data.path}: the training part has {notes} notes; give more music, or a larger part"
        )
    if notes < FEW_NOTES:
        tell(
            f"Warning: only {notes:,} notes to train on. It will soon know them by heart: add more "
            "music, start from another run with --init, or keep less for validating and testing "
            "(--validation and --test of `howlkit prepare`)"
        )
    if int(counts.max()) < window:
        tell(
            f"Note: no piece is as long as a window of {window} notes; the longest has "
            f"{int(counts.max())}. Each piece is one window then (-o training.window=...)"
        )


def describe_parts(data: Dataset) -> str:
    """Return the sizes of a dataset's parts, in words."""
    notes = np.asarray(data.note_counts)
    sizes = [data.indices(part) for part in data.parts]
    words = [f"{counted(len(s), 'piece')} ({counted(int(notes[s].sum()), 'note')})" for s in sizes]
    return f"Training on {words[0]}, validating on {words[1]}; kept for testing: {words[2]}"


def baseline_nats(encoder: Encoder, counts: Counts, pieces: Iterable[Piece]) -> float:
    """Return what pieces cost by a unigram model, in nats a note, without `mark`.

    counts: how often each value was decided in the training part, as `unigram` returns them. A
    model has learnt something if it costs less; `Trained.nats` and `howlkit evaluate` count the
    nats of a model in the same way. Raises DataError if there are no notes.

    >>> from howlkit import encoder
    >>> from howlkit.music import chorales
    >>> tuples, music = encoder("tuple"), chorales.load()
    >>> counts = unigram(tuples, music[:50])
    >>> round(baseline_nats(tuples, counts, music[50:60]), 1)
    5.4
    """
    return unigram_nats(counts, encode_all(encoder, pieces)).nats_per_note


def augmented_counts(recipe: Recipe, data: Dataset, seed: int) -> Counts:
    """Return counts of values over the training part, augmented as training will augment it."""
    rng = np.random.default_rng([seed, 4])

    def augmented() -> Iterator[Piece]:
        for _ in range(AUGMENTED_PASSES):
            for piece in data.pieces("train"):
                for augmenter in recipe.augmenters:
                    piece = augmenter(piece, rng)
                yield piece

    return unigram(recipe.encoder, augmented())


def validation_part(
    recipe: Recipe, data: Dataset, seed: int, tell: Callable[[str], None]
) -> Encoded | None:
    """Return whole validation pieces, the same in every validation; None if there are none.

    Pieces are drawn until they have as many notes as the option `validation_notes` says.
    """
    part = data.indices("validation")
    if not len(part):
        tell(
            "Warning: there is no validation part (too few pieces), so nothing tells learning from "
            "memorising; weights are judged by the loss they were trained with"
        )
        return None
    chosen, notes = [], 0
    for index in np.random.default_rng([seed, 3]).permutation(part):
        chosen.append(data.piece(int(index)))
        notes += len(chosen[-1])
        if notes >= recipe.training.validation_notes:
            break
    return encode_all(recipe.encoder, chosen)


def music_facts(encoder: Encoder, data: Dataset, counts: Counts) -> dict[str, Any]:
    """Return what a model folder says of the music that it was trained on, JSON-ready.

    encoder: fitted. counts: of values over the training part, as `unigram` returns them.
    """
    part = data.indices("train")
    return {
        "tempo": median_tempo(data, part),
        "time_signature": common_time_signature(data, part),
        "habits": habit_facts(encoder, data),
        "sampling": {**ENDS, **CheckedEncoder.of(encoder).sampling_advice},
        VARIETY: variety(encoder, some_pieces(data, part)),
        "unigram": {name: np.asarray(count).tolist() for name, count in counts.items()},
    }


def facts_of(encoder: Encoder, data: Dataset | None) -> dict[str, Any]:
    """Return the facts of a network that a loop of one's own trained, as `Trained.facts`.

    data: what it was trained on; None: the facts are only versions.
    """
    facts: dict[str, Any] = {"versions": versions()}
    if data is None:
        return facts
    if not isinstance(data, Dataset):
        raise ArgumentError(
            f"data is a {type(data).__name__}; the Dataset whose training part the network was "
            "trained on is needed (howlkit.prepare makes one of pieces), or nothing"
        )
    summary = describe([data.path], data)
    stored = {"data": {"summary": summary, "fingerprint": data.fingerprint}}
    return facts | stored | music_facts(encoder, data, unigram(encoder, data.part("train")))


def median_tempo(data: Dataset, indices: NDArray[np.int64], most: int = 500) -> int:
    """Return the median tempo of pieces, in microseconds a beat; 500,000 if none has beats.

    A piece counts with its mean tempo, and only the first `most` pieces count.
    """
    paces = []
    for index in indices[:most]:
        piece = data.piece(int(index))
        if piece.beats_long:
            paces.append(1e6 * piece.seconds_long / piece.beats_long)
    return round(float(np.median(paces))) if paces else 500_000


def common_time_signature(
    data: Dataset, indices: NDArray[np.int64], most: int = 500
) -> tuple[int, int] | None:
    """Return the time signature of at least `AGREEMENT` of the beats of pieces; None without one.

    Beats before the first time signature of a piece have none. Only the first `most` pieces count.
    """
    beats: Counter[tuple[int, int]] = Counter()
    total = 0.0
    for index in indices[:most]:
        piece = data.piece(int(index))
        metres = piece.time_signatures
        begins = np.minimum(metres["tick"].astype(np.int64), piece.end)
        lengths = np.diff(begins, append=piece.end) / piece.ticks_per_beat
        pairs = zip(metres["numerator"].tolist(), metres["denominator"].tolist(), strict=True)
        for pair, length in zip(pairs, lengths.tolist(), strict=True):
            beats[pair] += length
        total += piece.beats_long
    if not beats:
        return None
    (pair, length), *_ = beats.most_common(1)
    return pair if length and length >= AGREEMENT * total else None
