"""A page as text: its policy, its data, and text of other people in it."""

import base64
import hashlib
import json
import re

import pytest

from howlkit.music import Piece
from howlkit.music.page import Document, PageSound, shown
from howlkit.music.page.page_sound import FADE
from howlkit.music.page.piece_data import roll_data
from howlkit.music.page.script_bundle import SCRIPTS, bundle
from tests.conftest import random_piece


def parts(text, tag):
    return re.findall(rf"<{tag}[^>]*>(.*?)</{tag}>", text, re.DOTALL)


def test_the_policy_names_the_hashes_of_script_and_style():
    page = Document("title", "<p>body</p>", "pieces_page", {"pieces": []}).html()
    policy = re.search(r'Policy" content="([^"]*)"', page)[1]
    for text in (parts(page, "script")[-1], parts(page, "style")[0]):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy


def test_data_cannot_end_their_block():
    hostile = "</script><script>alert(1)</script>"
    page = Document("t", "", "time_text", {"pieces": [hostile]}).html()
    blocks = parts(page, "script")
    assert len(blocks) == 2 and json.loads(blocks[0]) == [hostile]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("a\"<b>'", "a&quot;&lt;b&gt;&#x27;"),
        ("a\nb\x1b[2J\x00", "a b [2J"),
        ("\u202eevil\u2066", "evil"),
        ("שלום Übung 音", "שלום Übung 音"),
        ("x" * 300, "x" * 199 + "…"),
    ],
)
def test_text_of_other_people_is_shown_and_does_nothing(text, html):
    assert shown(text) == html


def test_each_module_is_in_a_bundle_once_and_after_what_it_imports():
    for entry in ("pieces_page", "listening_test"):
        text = bundle(SCRIPTS / f"{entry}.js")
        names = re.findall(r"^(?:async )?(?:function|class) (\w+)", text, re.MULTILINE)
        assert len(names) == len(set(names)) and "import {" not in re.sub(r"@import.*", "", text)
        assert text.index("function samplesOf") < text.index("class Instruments")


def test_notes_and_voices_of_a_page_are_those_of_the_piece():
    piece = random_piece(4, 200)
    roll, voices = roll_data(piece), PageSound().of(piece)["voices"]
    assert len(roll["start"]) == len(voices["start"]) == len(piece)
    assert roll["start"] == [round(1000 * s) for s in piece.seconds(piece.notes["start"]).tolist()]
    assert max(roll["row"]) < len(roll["rows"]) and max(roll["part"]) < len(roll["parts"])
    assert [line for line, _ in roll["lines"]] == sorted({line for line, _ in roll["lines"]})


def test_a_recording_is_in_a_page_once_however_many_pieces_use_it():
    page_sound = PageSound()
    for transposed in range(3):
        page_sound.of(Piece.of([(0, 480, 60 + transposed)]))
    assert len(page_sound.recordings()) <= 2


def test_pieces_that_are_cut_have_one_length():
    page_sound = PageSound()
    made = [
        page_sound.of(Piece.of([(0, 480, 60), (480, length, 67, 90, 40)]), until=1.5)
        for length in (480, 48000)
    ]
    assert [each["seconds"] for each in made] == [1.5 + FADE] * 2
    assert max(made[1]["voices"]["stop"]) == 15000


@pytest.mark.parametrize(
    "piece", [Piece(), Piece.of([(0, 1, 0)]), Piece.of([(9600, 480, 35, 1, 128)])]
)
def test_odd_pieces_have_a_roll(piece):
    roll = roll_data(piece)
    assert roll["rows"] and len(roll["row"]) == len(piece)
