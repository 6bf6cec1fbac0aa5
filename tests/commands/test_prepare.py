"""`howlkit prepare` as its users meet it."""

import json

import pytest

from howlkit.dataset import Dataset


@pytest.fixture
def here(music, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


NUMBERS = [
    (option, value)
    for option in ("--max-minutes", "--max-megabytes", "--max-beats", "--validation")
    for value in ("nan", "inf", "-1", "0" if option.startswith("--max") else "2")
]


@pytest.mark.parametrize(("option", "value"), [*NUMBERS, ("--max-notes", "0")])
def test_numbers_that_are_no_limit_are_refused(here, howlkit, option, value):
    code, out, err = howlkit("prepare", "music", "--out", "data", option, value)
    assert (code, out) == (2, "") and option in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("option", "value"),
    [("--max-beats", 1), ("--max-notes", 3), ("--max-minutes", 0.01), ("--max-megabytes", 0.0001)],
)
def test_the_reason_names_the_option_that_allows_more(here, howlkit, option, value):
    code, _, err = howlkit("prepare", "music", "--out", "data", option, value)
    assert code == 1 and f"{option} of howlkit prepare" in err


@pytest.mark.parametrize(
    "encoded",
    ["# held back\n0/00.mid\n\n  1/01.mid \n".encode("utf-8-sig"), b"0/00.mid\r\n#x\r\n1/01.mid"],
)
def test_a_list_may_have_comments_and_a_byte_order_mark(here, howlkit, encoded):
    (here / "held.txt").write_bytes(encoded)
    code, _, err = howlkit("prepare", "music", "--out", "data", "--split", "test=held.txt")
    assert code == 0, err
    data = Dataset.open(here / "data")
    assert [data.names[i] for i in data.indices("test")] == ["0/00.mid", "1/01.mid"]


def test_a_list_that_is_no_text_is_named(here, howlkit):
    (here / "held.txt").write_bytes(b"caf\xe9.mid")
    code, _, err = howlkit("prepare", "music", "--out", "data", "--split", "test=held.txt")
    assert code == 2 and "held.txt" in err and "UTF-8" in err


def test_the_last_line_counts_the_files_and_then_says_what_to_do(here, howlkit):
    (here / "music" / "broken.mid").write_bytes(b"nothing")
    code, out, err = howlkit("prepare", "music", "--out", "my data", "--test", "0")
    assert code == 0 and "1 skipped" in out.splitlines()[-1]
    assert err.splitlines()[-1].startswith("Train on it: howlkit train 'my data' ")
    assert json.loads(howlkit("prepare", "music", "--out", "my data", "--json")[1])["found"] == 13


def test_nothing_that_a_path_holds_reaches_the_terminal_raw(here, howlkit):
    (here / "music").rename(here / "mu\x1b[2Jsic")
    (here / "mu\x1b[2Jsic" / "broken\x1b[31m.mid").write_bytes(b"nothing")
    for out in ("da\x1b]0;ta", "mu\x1b[2Jsic"):
        code, text, err = howlkit("prepare", "mu\x1b[2Jsic", "--out", out)
        assert "\x1b" not in text + err and "\\x1b" in text + err
