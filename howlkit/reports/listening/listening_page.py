"""A listening test as one page, which does not say which side is which.

Neither its text nor its data have names of files or of sides. All pieces are brought to one
loudness (BS.1770), those of a pair to one length.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from howlkit.music import sound
from howlkit.music.page import Document, PageSound, Playing, shown
from howlkit.music.piece import Piece
from howlkit.music.sound.loudness import SILENT, loudness
from howlkit.reports.listening.key import KeyPair, TestKey
from howlkit.reports.listening.pairs import Pair

__all__ = ["LOUDNESS", "QUESTION", "listening_page"]

QUESTION = "Which of the two do you like better?"

LOUDNESS = -23.0
"""LUFS of every piece: the level of European broadcasting (EBU R 128)."""

_RATE = 24_000  # samples a second at which loudness is measured

_PLAYER = """<div class="card" id="{id}">
<div class="head">
<button type="button" class="play" aria-label="Play {name}" disabled></button>
<div><h3>{name}</h3></div>
<span class="clock">0:00</span>
</div>
<div class="timeline bar" aria-label="Position in {name}"><div class="done"></div></div>
</div>"""

_BODY = """<h1>Listening test</h1>
<section id="intro">
<p>You will hear {count} pairs of short pieces. After each pair you are asked:
<strong>{question}</strong></p>
<p>There are no right or wrong answers, and nothing says where a piece comes from. Use headphones
if you can, in a quiet place. Play a piece of the first pair, set a comfortable volume, and leave it
as it is: all pieces are equally loud. You may hear each piece as often as you like; you can answer
when you have heard a few seconds of both. It takes about {minutes} minutes.</p>
<p>In the end the page gives you a file with your answers. Nothing is sent anywhere.</p>
<p><label for="listener">Your name or number, if you were given one</label><br>
<input id="listener" type="text" maxlength="60" autocomplete="off"></p>
<p><button type="button" id="begin" class="wide-button">Begin</button></p>
</section>
<section id="pair" hidden>
<h2 id="progress" tabindex="-1"></h2>
<div class="pieces">{first}{second}</div>
<fieldset>
<legend>{question}</legend>
<button type="button" class="wide-button" id="answer-first" disabled>First</button>
<button type="button" class="wide-button" id="answer-second" disabled>Second</button>
<p class="note" id="wait" role="status"></p>
</fieldset>
</section>
<section id="end" hidden>
<h2 id="thanks" tabindex="-1">Thank you</h2>
<p>Please save the file with your answers, and send it to whoever gave you this page.</p>
<p><label for="comment">Anything that you want to add</label><br>
<textarea id="comment" rows="3" maxlength="2000"></textarea></p>
<p><a id="save" class="wide-button" download="answers.json" href="#end">Save the answers</a></p>
<details><summary>If nothing was saved, copy this text</summary>
<pre id="answers" tabindex="0"></pre></details>
</section>"""


def listening_page(
    pairs: Sequence[Pair],
    *,
    a: str,
    b: str,
    seed: int,
    question: str = QUESTION,
    playing: Playing = Playing(),
) -> tuple[str, TestKey]:
    """Return the page of a test, HTML in one file, and its key.

    a, b: what the sides are, for the key alone. seed: that the pairs were drawn by.
    """
    page_sound = PageSound(playing)
    heard = [
        [_sound(page_sound, each.piece, pair.seconds) for each in pair.heard] for pair in pairs
    ]
    data = {"pairs": heard, "recordings": page_sound.recordings()}
    digest = hashlib.sha256(json.dumps([data, question]).encode()).hexdigest()[:16]
    key = TestKey(
        digest,
        a,
        b,
        [
            KeyPair(pair.a.name, pair.b.name, pair.first, round(pair.seconds, 3), pair.repeats)
            for pair in pairs
        ],
        seed,
        question,
        LOUDNESS,
    )
    minutes = round(sum(2.5 * pair.seconds + 5 for pair in pairs) / 60 + 0.5)
    body = _BODY.format(
        count=len(pairs),
        question=shown(question),
        minutes=minutes,
        first=_PLAYER.format(id="first", name="First"),
        second=_PLAYER.format(id="second", name="Second"),
    )
    document = Document(
        title="Listening test",
        body=body,
        script="listening_test",
        styles=("page", "listening_test"),
        data={"test": digest, **data},
    )
    return document.html(), key


def _sound(page_sound: PageSound, piece: Piece, seconds: float) -> dict[str, Any]:
    """Return what plays a piece, as loud and as long as all others."""
    piece = _beginning(piece, seconds)
    playing = page_sound.playing
    render = playing.render or sound.render
    level = loudness(render(piece, _RATE), _RATE)
    gain = LOUDNESS - level - playing.gain if level > SILENT else 0.0
    return page_sound.of(piece, gain=gain, until=seconds)


def _beginning(piece: Piece, seconds: float) -> Piece:
    return piece.excerpt(seconds=(0, seconds)) if piece.seconds_long > seconds else piece
