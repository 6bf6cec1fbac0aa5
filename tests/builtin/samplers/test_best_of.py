"""Best-of keeps the best of its candidates, by their likelihood or by a function of a piece."""

import numpy as np
import pytest

from howlkit import plugins
from howlkit.builtin.samplers import Autoregressive, BestOf
from howlkit.errors import HowlkitError, OptionError
from howlkit.sampling import generation
from howlkit.sampling.limits import Limit
from howlkit.testing import sampler_checks
from tests.builtin.samplers.tiny import nats_of, tiny_session


def height(piece):
    return piece.notes["pitch"].mean()


def loud_notes(piece):
    return int((piece.notes["velocity"] > 64).sum())


def candidates(count, *, rows=2, **limits):
    """The pieces that best-of chooses among: rows of one session."""
    session, network = tiny_session(rows=rows, **limits)
    session.select(np.repeat(np.arange(rows), count))
    generation.run(session, Autoregressive(top_p=0.98))
    return session, network


def row_of(session, row):
    return session.steps[row, : session.lengths[row]]


@pytest.mark.parametrize("stepping", ["plain", "compiled"])
@pytest.mark.parametrize("ends", [False, True])
def test_the_fewest_nats_a_note_are_kept(ends, stepping):
    settings = {"notes": 12, "ends": ends, "weights": 0, "stepping": stepping}
    drawn, network = candidates(6, **settings)
    nats = nats_of(network, [row_of(drawn, row) for row in range(12)])
    a_note = np.where(drawn.notes > 0, nats / np.maximum(drawn.notes, 1), np.inf).reshape(2, 6)
    kept, _ = tiny_session(rows=2, **settings)
    generation.run(kept, BestOf(candidates=6))
    assert kept.rows == 2 and a_note.argmin(axis=1).any()
    for row, best in enumerate(a_note.argmin(axis=1)):
        assert np.array_equal(row_of(kept, row), row_of(drawn, 6 * row + best))


def test_a_function_of_the_piece_chooses_and_more_is_better():
    drawn, _ = candidates(7, notes=5)
    heights = np.array([height(drawn.made(row)) for row in range(14)]).reshape(2, 7)
    assert (heights.max(axis=1) > heights[:, 0]).any()
    kept, _ = tiny_session(rows=2, notes=5)
    generation.run(kept, BestOf(candidates=7, by=height))
    assert [height(kept.made(row)) for row in range(2)] == heights.max(axis=1).tolist()


def test_the_function_sees_what_was_made_without_the_prompt():
    seen = []
    session, _ = tiny_session(notes=3)
    fed = session.encoder.schema.steps(2)
    fed["pitch"] = [0, 1]
    session.feed([fed])
    generation.run(session, BestOf(candidates=4, by=lambda piece: seen.append(len(piece)) or 0))
    assert seen == [3] * 4


@pytest.mark.parametrize("seed", range(3))
def test_notes_that_were_there_before_are_not_counted(seed):
    session, network = tiny_session(notes=9, weights=6, seed=seed)
    for _ in range(6):
        session.step()
    session.limit = Limit(notes=30)  # pieces end after different numbers of notes
    start = nats_of(network, [row_of(session, 0)])[0]
    twin = session.fork(same=True)
    twin.select([0] * 8)
    generation.run(twin, Autoregressive())
    nats = nats_of(network, [row_of(twin, row) for row in range(8)]) - start
    new = twin.notes - 6
    best = np.where(new > 0, nats / np.maximum(new, 1), np.inf).argmin()
    generation.run(session, BestOf(candidates=8))
    assert np.array_equal(row_of(session, 0), row_of(twin, best))


def test_rows_are_there_again_when_it_is_broken_off_or_the_function_fails():
    session, _ = tiny_session(rows=3, notes=9)
    stream = BestOf(candidates=4).generate(session)
    assert next(stream).shape == (12,) == next(stream).shape
    stream.close()
    assert session.rows == 3 and session.notes.tolist() == [2, 2, 2]
    with pytest.raises(
        HowlkitError, match=r"the function .*<lambda>.* failed .*: division by zero"
    ):
        generation.run(session, BestOf(candidates=4, by=lambda piece: 1 / 0))
    assert session.rows == 3 and session.done.all()


@pytest.mark.parametrize("said", [None, float("nan"), "high", [1]])
def test_a_function_that_returns_no_number_is_named(said):
    def opinion(piece):
        return said

    session, _ = tiny_session()
    with pytest.raises(HowlkitError, match=r"opinion.* returned .* of 3 notes; a number is needed"):
        generation.run(session, BestOf(candidates=2, by=opinion))


def test_a_function_is_named_by_its_module_which_may_lie_in_the_current_folder(
    tmp_path, monkeypatch
):
    (tmp_path / "my_taste_of_tests.py").write_text(
        "def loud(piece):\n    return (piece.notes['velocity'] > 64).sum()\n"
    )
    monkeypatch.chdir(tmp_path)
    made = plugins.create(
        "sampler", "best-of", {"by": "my_taste_of_tests:loud", "candidates": "5", "top_p": "1"}
    )
    by_name, _ = tiny_session(rows=2, notes=6)
    generation.run(by_name, made)
    by_function, _ = tiny_session(rows=2, notes=6)
    generation.run(by_function, BestOf(candidates=5, by=loud_notes, top_p=1))
    assert np.array_equal(by_name.steps, by_function.steps)


@pytest.mark.parametrize(
    ("by", "words"),
    [
        ("beauty", "likelihood, or a function as my_module:my_function"),
        ("no_such_module_at_all:f", "no_such_module_at_all cannot be imported"),
        ("math:no_such", "math has no function 'no_such'"),
        ("math:pi", "math has no function 'pi'"),
        (5, "allowed: str or function"),
    ],
)
def test_a_function_that_there_is_not_is_told_before_music_is_made(by, words):
    with pytest.raises(OptionError, match=words):
        plugins.create("sampler", "best-of", {"by": by})


def test_a_function_given_in_python_is_named_where_options_are_written():
    made = plugins.create("sampler", "best-of", {"by": height})
    assert made.by is height
    from howlkit import options

    stored = options.to_json(plugins.unwrapped(made))
    assert stored["by"] == f"{__name__}:height"


def test_fields_have_parameters_of_their_own():
    made = plugins.create("sampler", "best-of", {"candidates": 3, "pitch.top_k": 1})
    session, _ = tiny_session(rows=1, notes=6)
    generation.run(session, made)
    alone, _ = tiny_session(rows=1, notes=6)
    generation.run(alone, Autoregressive(fields=made.fields))
    assert made.fields["pitch"].top_k == 1 and session.notes.tolist() == [6]
    assert made.params.fields == made.fields


@pytest.mark.parametrize(
    "check",
    sampler_checks(BestOf(candidates=2, by=height)),
    ids=lambda check: check.name,
)
def test_ranking_by_a_function_keeps_to_the_contract(check):
    if check.name != "options are stored":  # a function of these tests is no text again
        check()
