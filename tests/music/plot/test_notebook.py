import json
from html.parser import HTMLParser

from howlkit.music.piece import Piece
from howlkit.music.plot.notebook import PLAYER
from howlkit.music.tables import DRUMS


class Parts(HTMLParser):
    """The start tags of a page and their attributes."""

    def __init__(self, page):
        super().__init__()
        self.tags = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def parts(piece):
    return Parts(piece._repr_html_()).tags


def test_a_piece_in_a_notebook_is_its_roll_and_a_button_that_plays_it():
    piece = Piece.of([(0, 480, 60, 100), (480, 240, 38, 90, DRUMS)], bpm=60)
    tags = parts(piece)
    assert "svg" in [tag for tag, _ in tags]
    button = next(attributes for tag, attributes in tags if tag == "button")
    assert json.loads(button["data-notes"]) == [[0, 1000, 60, 100, 0], [1000, 500, 38, 90, 1]]
    assert float(button["data-seconds"]) == 1.5
    assert button["onclick"] == PLAYER.strip()


def test_it_fetches_nothing_and_holds_no_script_that_a_name_could_add():
    page = Piece.of([(0, 480, 60)], name='"><script src="http://x"></script>')._repr_html_()
    assert "script" not in [tag for tag, _ in Parts(page).tags]
    assert not [a for _, attrs in Parts(page).tags for a in attrs if a in ("src", "href")]


def test_a_piece_without_notes_can_be_shown_too():
    button = next(attributes for tag, attributes in parts(Piece()) if tag == "button")
    assert json.loads(button["data-notes"]) == []
