"""A studio that really runs: its server in a thread, and pages that talk to it."""

import http.client
import json
import threading
from contextlib import ExitStack, contextmanager

import pytest
from howlkit_studio.document import Metre, Note, Tempo, Track, rows
from howlkit_studio.models import Model
from howlkit_studio.server import Studio, bound, serve
from websockets.sync.client import connect

import howlkit
from howlkit import Piece
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.training import unigram

WAIT = 300
"""Seconds until a test gives up: long enough for the busiest machine."""


class Door:
    """The way into a studio that runs: its port, and the cookie that its token gives."""

    def __init__(self, port, token):
        self.port, self.token = port, token
        self.origin = f"http://127.0.0.1:{port}"
        answer = self.ask("GET", f"/?token={token}")
        self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def ask(self, method, path, body=None, **headers):
        """Send a request as it is, and return the answer, with its body in `data`."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=WAIT)
        connection.putrequest(method, path, skip_host="host" in headers)
        if body is not None:
            headers.setdefault("content-length", str(len(body)))
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        answer.data = answer.read()
        connection.close()
        return answer

    def get(self, path, **headers):
        return self.ask("GET", path, cookie=self.cookie, **headers)

    def post(self, path, body, **headers):
        return self.ask("POST", path, body, cookie=self.cookie, origin=self.origin, **headers)

    @contextmanager
    def page(self):
        url = f"ws://127.0.0.1:{self.port}/ws"
        head = {"Cookie": self.cookie}
        words = {"origin": self.origin, "additional_headers": head, "max_size": None}
        patience = {"open_timeout": WAIT, "ping_timeout": WAIT, "close_timeout": WAIT}
        with connect(url, **words, **patience) as socket:
            yield TalkingPage(socket)


class Running(Door):
    """A studio that runs in this process, on a port of its own."""

    def __init__(self, folder, model, file=None):
        self._listening = bound("127.0.0.1", 0)
        self._server, self.link = serve(Studio(model, file, folder), self._listening)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listening]}
        )
        self._thread.start()
        while not self._server.started:
            assert self._thread.is_alive(), "the server did not start"
            self._thread.join(0.01)
        port = self._listening.getsockname()[1]
        super().__init__(port, self.link.partition("token=")[2])

    def stop(self):
        self._server.should_exit = True
        self._thread.join(WAIT)
        assert not self._thread.is_alive(), "the server did not end"
        self._listening.close()


class TalkingPage:
    """A page without a screen: it keeps the piece by what it is told, as the real page does."""

    def __init__(self, socket):
        self.socket = socket
        self.heard, self.states, self._asks = [], {}, 0
        self.piece = None
        self.draft = []
        self.hear("history")

    def say(self, do, **words):
        self._asks += 1
        self.socket.send(json.dumps({"do": do, "ask": self._asks, **words}))
        return self._asks

    def ask(self, do, *kinds, **words):
        """Ask, and return the answer."""
        number = self.say(do, **words)
        return self.hear(*(kinds or ("changed", "error")), "error", ask=number)

    def edit(self, kind, **words):
        return self.ask("edit", edit={"kind": kind, **words})

    def hear(self, *kinds, ask=None):
        """Return the next message of these kinds (and to this ask), and take in all before it."""
        while True:
            message = json.loads(self.socket.recv(timeout=WAIT))
            self.heard.append(message)
            self._take_in(message)
            if message["say"] in kinds and ask in (None, message.get("ask")):
                return message

    def _take_in(self, message):
        said = message["say"]
        if said == "piece":
            self.piece = message
            self.notes = {note.id: note for note in rows(Note, message["notes"])}
            self._remember(message["head"])
        elif said == "changed":
            assert message["from"] == self.piece["head"], "something was missed"
            for number in message["gone"]:
                del self.notes[number]
            self.notes |= {note.id: note for note in rows(Note, message["notes"])}
            maps = ("tracks", "tempos", "time_signatures")
            new = {name: message[name] for name in ("head", *maps) if name in message}
            self.piece = self.piece | new
            self._remember(message["head"])
        elif said == "making":
            self.draft = []
        elif said == "draft":
            columns = ("start", "duration", "pitch", "velocity")
            more = zip(*(message["notes"][name] for name in columns), strict=True)
            self.draft = [*self.draft[: message["keep"]], *more]

    def _remember(self, head):
        """Compare a state with what it was when it was first seen."""
        assert self.states.setdefault(head, self.shown()) == self.shown()

    def shown(self):
        """Return all of the piece that is shown, as a text."""
        piece = self.piece
        return json.dumps(
            [
                [repr(self.notes[number]) for number in sorted(self.notes)],
                [repr(track) for track in rows(Track, piece["tracks"])],
                [repr(tempo) for tempo in rows(Tempo, piece["tempos"])],
                [repr(metre) for metre in rows(Metre, piece["time_signatures"])],
            ]
        )


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A real model, tiny and not trained, that is loaded once."""
    encoder, lstm = howlkit.encoder("tuple"), howlkit.model("lstm", hidden=16)
    network = lstm.build(encoder.schema, HeadOptions())
    network.start_at(unigram(encoder, [made_tune()] * 50))  # so that its notes lie near each other
    folder = tmp_path_factory.mktemp("model") / "tiny"
    howlkit.Trained.of(network, encoder, lstm).save_pretrained(folder)
    there = threading.Event()
    made = Model(str(folder))
    made.load(there.set)
    assert there.wait(WAIT) and made.state == "ready", made.text
    return made


@pytest.fixture
def run(tmp_path):
    """Start studios, and stop them at the end."""
    with ExitStack() as stack:

        def start(model=None, file=None, folder=None):
            running = Running(folder or tmp_path / "studio", model or Model(None), file)
            stack.callback(running.stop)
            return running

        yield start


@pytest.fixture
def tune(tmp_path):
    """A MIDI file of four bars, with a melody and a bass."""
    path = tmp_path / "tune.mid"
    path.write_bytes(midi.to_bytes(made_tune()))
    return path


def made_tune():
    melody = [(480 * k, 400, 60 + (k * 5) % 12, 80, 0, 0) for k in range(16)]
    bass = [(1920 * k, 1900, 36 + 5 * (k % 2), 70, 32, 1) for k in range(4)]
    return Piece.of([*melody, *bass], bpm=100)
