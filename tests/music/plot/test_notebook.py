import base64
import io
import wave
from html.parser import HTMLParser

import numpy as np

from howlkit.music import Piece, sound
from howlkit.music.plot import notebook


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


def heard(piece):
    """The samples in the player, as whole numbers."""
    player = next(attributes for tag, attributes in parts(piece) if tag == "audio")
    assert "controls" in player
    head, data = player["src"].split(",")
    assert head == "data:audio/wav;base64"
    with wave.open(io.BytesIO(base64.b64decode(data))) as file:
        assert file.getframerate() == notebook.RATE
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_a_piece_in_a_notebook_is_its_roll_and_a_player_of_its_sound():
    piece = Piece.of([(0, 480, 60, 100), (480, 240, 64, 90)], bpm=60)
    assert "svg" in [tag for tag, _ in parts(piece)]
    wanted = np.concatenate(list(sound.render(piece, notebook.RATE)))
    assert np.array_equal(heard(piece), np.rint(wanted * 32767).astype("<i2"))


def test_it_fetches_nothing_and_holds_no_script_that_a_name_could_add():
    page = Piece.of([(0, 480, 60)], name='"><script src="http://x"></script>')._repr_html_()
    assert "script" not in [tag for tag, _ in Parts(page).tags]
    addresses = [
        v for _, attrs in Parts(page).tags for a, v in attrs.items() if a in ("src", "href")
    ]
    assert all(address.startswith("data:") for address in addresses)


def test_of_a_long_piece_the_beginning_sounds_and_fades(monkeypatch):
    monkeypatch.setattr(notebook, "SECONDS", 2)
    piece = Piece.of(
        [(0, 960, 60, 100, 16)] + [(480 * k, 480, 60, 100, 16) for k in range(6)], bpm=60
    )
    samples = heard(piece)
    assert len(samples) == 3 * notebook.RATE
    assert np.abs(samples[notebook.RATE :][: notebook.RATE]).max() > 500
    assert np.abs(samples[-200:]).max() < 100
    assert "The first 2 seconds; howlkit play has all of it" in piece._repr_html_()


def test_a_piece_without_notes_can_be_shown_too():
    assert not heard(Piece()).any()
    assert "seconds; howlkit play" not in Piece()._repr_html_()
