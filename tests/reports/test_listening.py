"""Blind listening tests: pairs, what a page gives away, and what answers say together."""

import dataclasses
import json

import numpy as np
import pytest

from howlkit.errors import DataError
from howlkit.evaluation.binomial import exact_interval
from howlkit.music import Piece, sound
from howlkit.music.page import PageSound
from howlkit.music.sound.loudness import loudness
from howlkit.reports.listening.answers import FORMAT, keys_for, read_sheets
from howlkit.reports.listening.key import key_path, read_key
from howlkit.reports.listening.listening_page import LOUDNESS, listening_page
from howlkit.reports.listening.pairs import draw_pairs
from howlkit.reports.listening.results import results_of
from howlkit.reports.music_to_show import NamedPiece
from tests.conftest import tune, walk, write


def side(name, count, make=tune):
    return [NamedPiece(f"{name}-{number}", make(number, 8)) for number in range(count)]


def drawn(seed=0, count=6, repeats=0, a=8, b=7):
    one, other = side("the zebra", a), side("the yak", b, lambda number, _: walk(number, 60))
    return draw_pairs(one, other, count=count, seconds=5.0, seed=seed, repeats=repeats)


def test_pairs_are_drawn_by_the_seed_and_each_side_is_first_in_half_of_them():
    pairs = drawn(seed=3)
    assert [(p.a.name, p.b.name, p.first) for p in pairs] == [
        (p.a.name, p.b.name, p.first) for p in drawn(seed=3)
    ]
    assert [p.a.name for p in pairs] != [p.a.name for p in drawn(seed=4)]
    assert len({p.a.name for p in pairs}) == len({p.b.name for p in pairs}) == 6
    assert sum(p.first == "A" for p in pairs) == 3 and {p.seconds for p in pairs} == {5.0}
    odd = [sum(p.first == "A" for p in drawn(seed, count=3)) for seed in range(30)]
    assert set(odd) == {1, 2}


def test_pieces_of_one_name_are_pairs():
    one, other = side("same", 5), side("same", 5, lambda number, _: walk(number, 60))
    pairs = draw_pairs(one, other[::-1], count=9, seconds=5, seed=1)
    assert len(pairs) == 5 and all(p.a.name == p.b.name for p in pairs)


def test_pairs_that_are_heard_again_have_their_sides_changed():
    pairs = drawn(count=4, repeats=2)
    assert len(pairs) == 6 and all(p.repeats is None for p in pairs[:4])
    for again in pairs[4:]:
        before = pairs[again.repeats]
        assert (again.a, again.b) == (before.a, before.b) and again.first != before.first


def test_what_cannot_be_judged_is_an_error_and_silence_before_is_left_out():
    short = [NamedPiece("short", Piece.of([(0, 960, 60)]))]
    with pytest.raises(DataError, match=r"short lasts 1.0 s, and a listening test needs 2 s"):
        draw_pairs(short, side("b", 1), count=1, seconds=5, seed=0)
    late = [NamedPiece("late", tune(0, 4).shift(16))]
    (pair,) = draw_pairs(late, side("b", 1), count=1, seconds=5, seed=0)
    assert pair.a.piece.notes["start"][0] == 0


def test_a_page_says_nothing_of_sides_and_all_pieces_are_equally_loud_and_long():
    pairs = drawn(count=2)
    page, key = listening_page(pairs, a="runs/the zebra", b="data/the yak", seed=0)
    assert "the zebra" not in page and "the yak" not in page
    block = page.partition('id="pairs">')[2].partition("</script>")[0]
    for heard in json.loads(block):
        assert heard[0]["seconds"] == heard[1]["seconds"]
        assert set(heard[0]) == {"seconds", "voices"}
    for pair, heard in zip(pairs, json.loads(block), strict=True):
        for each, stored in zip(pair.heard, heard, strict=True):
            # What a page plays is a multiple of what the renderer plays: its loudness follows.
            level = loudness(sound.render(each.piece.excerpt(seconds=(0, 5)), 24000), 24000)
            plain = PageSound().of(each.piece.excerpt(seconds=(0, 5)))["voices"]["left"]
            gain = 20 * np.log10(stored["voices"]["left"][0] / plain[0])
            assert level + gain == pytest.approx(LOUDNESS, abs=0.1)
    assert (key.a, key.b) == ("runs/the zebra", "data/the yak")


# Answers ------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def key():
    """The key of a test of six pairs and two that are heard again."""
    one, other = (
        side("the zebra", 6, lambda n, _: tune(n, 2)),
        side("the yak", 6, lambda n, _: walk(n, 9)),
    )
    pairs = draw_pairs(one, other, count=6, seconds=2.0, seed=0, repeats=2)
    return listening_page(pairs, a="A", b="B", seed=0)[1]


@pytest.fixture
def taken(tmp_path, key):
    """What writes answers to the test, beside its key."""
    (tmp_path / "test.key.json").write_text(key.to_json(), encoding="utf-8")

    def answer(listener, prefers_a, *, name="", **changes):
        answers = [
            {
                "pair": number,
                "answer": "first" if (pair.first == "A") == prefers_a(number - 1) else "second",
                "seconds": 9.5,
                "heard": [5, 5],
            }
            for number, pair in enumerate(key.pairs, 1)
        ]
        stored = {
            "format": FORMAT, "test": key.test, "listener": listener, "name": name,
            "comment": "", "answers": answers, **changes,
        }  # fmt: skip
        path = tmp_path / f"answers-{listener}.json"
        path.write_text(json.dumps(stored), encoding="utf-8")
        return path

    return answer


def sheets_of(files):
    return read_sheets(files, keys_for(files, []))


def test_a_key_is_read_as_it_was_written(taken, tmp_path):
    key = read_key(tmp_path / "test.key.json")
    assert len(key.pairs) == 8 and key.loudness == LOUDNESS
    assert key_path(tmp_path / "test.html") == tmp_path / "test.key.json"


def test_shares_count_each_pair_once_and_what_was_heard_again_apart(taken):
    files = [taken("one", lambda pair: pair != 2), taken("two", lambda pair: pair < 3)]
    found = results_of(sheets_of(files))
    assert (found.preferred.yes, found.preferred.count) == (5 + 3, 12)
    assert found.preferred.interval == exact_interval(8, 12)
    assert found.consistent.count == 4
    low, high = found.resampled
    assert 0 < low < found.preferred.share < high <= 1
    assert [share.yes for share in found.by_listener.values()] == [5, 3]
    assert results_of(sheets_of(files)) == found


def test_people_who_always_say_first_are_seen(taken):
    key_first = taken("first", lambda pair: True)
    stored = json.loads(key_first.read_text())
    for each in stored["answers"]:
        each["answer"] = "first"
    key_first.write_text(json.dumps(stored))
    found = results_of(sheets_of([key_first]))
    assert found.first.share == 1 and found.preferred.share == 0.5 and found.consistent.yes == 0
    assert found.resampled is None  # of one listener


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": "else"}, "is no file of answers"),
        ({"test": "0" * 16}, "whose key is not here; name it: --key"),
        ({"answers": [{"pair": 9, "answer": "first"}]}, "no pair 9; the test has 8"),
        ({"answers": [{"pair": 1, "answer": "A"}]}, "answered by neither first nor second"),
        ({"answers": [{"pair": 1, "answer": "first"}] * 2}, "a pair is answered twice"),
        ({"answers": [3]}, "is damaged"),
        ({"answers": None}, "is damaged"),
    ],
)
def test_answers_that_are_wrong_are_a_line(taken, changes, said):
    with pytest.raises(DataError, match="answers-one.json") as caught:
        sheets_of([taken("one", lambda pair: True, **changes)])
    assert said in str(caught.value)


def test_one_sheet_cannot_count_twice(taken, tmp_path):
    first = taken("one", lambda pair: True)
    copy = tmp_path / "answers-copy.json"
    copy.write_bytes(first.read_bytes())
    with pytest.raises(DataError, match="are by one listener in one test"):
        sheets_of([first, copy])


def test_what_is_no_key_is_a_line(tmp_path):
    for text in ("{", "[]", '{"format": "x"}', '{"pairs": []}'):
        (tmp_path / "x.key.json").write_text(text)
        with pytest.raises(DataError, match="x.key.json is no key of a listening test"):
            read_key(tmp_path / "x.key.json")


# The command --------------------------------------------------------------------------------------


def test_a_test_is_written_and_its_answers_are_read(howlkit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        write(tune(number, 4), tmp_path / "ours" / f"{number}.mid")
        write(walk(number, 30), tmp_path / "theirs" / f"w{number}.mid")
    arguments = ["report", "--blind", "ours", "theirs", "--seconds", 3, "--out", "test.html"]
    code, out, err = howlkit(*arguments, "--seed", 2)
    assert (code, out) == (0, "") and "test.html  3 pairs, " in err
    assert "test.key.json  which side is which; keep it" in err
    page = (tmp_path / "test.html").read_bytes()
    assert howlkit(*arguments)[0] == 1  # nothing is replaced
    key = read_key(tmp_path / "test.key.json")
    stored = {
        "format": FORMAT, "test": key.test, "listener": "x\x1b[31m", "name": "", "comment": "no\n",
        "answers": [{"pair": n, "answer": "first"} for n in (1, 2, 3)],
    }  # fmt: skip
    (tmp_path / "answers.json").write_text(json.dumps(stored))
    code, out, err = howlkit("report", "--answers", "answers.json")
    wins = sum(pair.first == "A" for pair in key.pairs)
    assert code == 0 and out.startswith("A  ours\nB  theirs\n")
    assert f"A was chosen in {wins} of 3, {100 * wins / 3:.0f} %" in out
    assert "x\\x1b[31m says: no\\n" in out and "3 answers say little" in err
    code, out, _ = howlkit(
        "report", "--answers", "answers.json", "--key", "test.key.json", "--json"
    )
    assert json.loads(out)["preferred"]["yes"] == wins
    assert howlkit(*arguments, "--seed", 2, "--force")[0] == 0
    assert (tmp_path / "test.html").read_bytes() == page


def test_answers_to_tests_of_other_sides_are_not_added_up(howlkit, taken, key, tmp_path):
    other = dataclasses.replace(key, test="other", b="C")
    (tmp_path / "other.key.json").write_text(other.to_json())
    one = taken("one", lambda pair: True)
    two = taken("two", lambda pair: True, test="other", answers=[])
    code, _, err = howlkit("report", "--answers", one, two)
    assert code == 1 and "tests with other sides or another question" in err
