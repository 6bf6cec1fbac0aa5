"""Random sequences of what people do, through the real WebSocket, with kills in between.

What holds: the piece that a page has by the changes that it was told is the piece of the server
itself; a state that is come back to is what it was, by undo, redo or going there, and after a kill;
and whatever was shown is there after a kill, the music that was being made too.

HOWLKIT_STUDIO_CASES sets the number of sequences.
"""

import os
import shutil
import time
from contextlib import ExitStack

from conftest import Running
from howlkit_studio.lines import line
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

CASES = int(os.environ.get("HOWLKIT_STUDIO_CASES", "50"))

SMALL = st.integers(0, 7)

EDITS = st.one_of(
    st.tuples(st.just("add"), SMALL, st.integers(0, 127)),
    st.tuples(st.just("remove"), SMALL, SMALL),
    st.tuples(st.just("move"), SMALL, st.integers(-700, 700)),
    st.tuples(st.just("copy"), SMALL, st.integers(0, 960)),
    st.tuples(st.just("resize"), SMALL, st.integers(-700, 700)),
    st.tuples(st.just("velocity"), SMALL, st.integers(-127, 127)),
    st.tuples(st.just("quantise"), SMALL, st.integers(1, 500)),
    st.tuples(st.just("lock"), SMALL, st.booleans()),
    st.tuples(st.just("track_add"), SMALL, st.integers(0, 128)),
    st.tuples(st.just("track_remove"), SMALL, SMALL),
    st.tuples(st.just("tempo"), SMALL, st.integers(4, 1000)),
    st.tuples(st.just("time_signature"), SMALL, st.integers(1, 12)),
)
WALKS = st.sampled_from([("undo",), ("undo",), ("redo",), ("go", 0), ("go", 3), ("go", 999)])
MUSIC = st.one_of(
    st.tuples(st.just("go_on"), SMALL, st.sampled_from(["wait", "stop", "undo", "kill", "again"])),
    st.tuples(st.just("remake"), SMALL, st.sampled_from(["take", "drop", "stop"])),
)
ENDS = st.sampled_from([("kill", 0), ("kill", 9), ("reload",)])


class Sitting:
    """A person at the studio: does things, and looks whether all is as it should be."""

    def __init__(self, folder, model, file, stack):
        self.folder, self.model, self.stack = folder, model, stack
        self.page = None
        self._start(file)

    def _start(self, file=None):
        states = self.page.states if self.page else {}
        self.running = Running(self.folder, self.model, file)
        self.stack.callback(self.running.stop)
        self.page = self.stack.enter_context(self.running.page())
        for head, shown in self.page.states.items():  # as it was before
            assert states.get(head, shown) == shown
        self.page.states = states | self.page.states

    def do(self, deed, *words):
        getattr(self, f"_{deed}")(*words)

    def edit(self, kind, which, value):
        ids = sorted(self.page.notes)[which : which + 3]
        track = self.page.piece["tracks"]["id"][:1] or [1]
        words = {
            "add": {
                "notes": {
                    **{"start": [which * 240, 480], "duration": [100, value + 1]},
                    **{"pitch": [60, value], "velocity": [80, 90], "track": track * 2},
                }
            },
            "remove": {"ids": ids},
            "move": {"ids": ids, "ticks": value, "pitches": value % 5 - 2},
            "copy": {"ids": ids, "ticks": value, "pitches": 1},
            "resize": {"ids": ids, "ticks": value},
            "velocity": {"ids": ids, "by": value},
            "quantise": {"ids": ids, "grid": value, "ends": value % 2 == 0},
            "lock": {"ids": ids, "locked": bool(value)},
            "track_add": {"name": "<b>New</b>", "program": value},
            "track_remove": {"track": (self.page.piece["tracks"]["id"] * 8 or [1] * 8)[which]},
            "tempo": {"tick": which * 480, "bpm": value},
            "time_signature": {"tick": which * 480, "numerator": value, "denominator": 4},
        }
        before = self.page.shown()
        answer = self.page.edit(kind, **words[kind])
        if answer["say"] == "error":
            assert self.page.shown() == before, "nothing changes if an edit is refused"
        elif kind == "add":
            new = [self.page.notes[number] for number in answer["notes"]["id"]]
            assert [note.pitch for note in new] == [60, value]
            assert all(note.by == 0 for note in new)

    def _undo(self):
        here, before = self.page.piece["head"], self.page.shown()
        if self.page.ask("undo")["say"] == "changed":
            assert self.page.ask("redo")["head"] == here
            assert self.page.shown() == before
            self.page.ask("undo")

    def _redo(self):
        self.page.ask("redo")

    def _go(self, to):
        answer = self.page.ask("go", to=to)
        assert answer["say"] == "error" or answer["head"] == to

    def _go_on(self, at, then):
        page = self.page
        if page.ask("go_on", "making", at=at * 480, bars=1, seed=at)["say"] == "error":
            return
        if then == "again":
            page.ask("go_on", "making", at=at * 240, bars=1, seed=at, clear=True)
        elif then == "kill":
            page.hear("draft", "made")
            self._kill(5)
            return
        elif then == "undo":
            page.ask("undo")  # what came by then is kept first
            return
        elif then == "stop":
            page.say("stop")
        made = page.hear("made")
        assert made["how"] in ("done", "stopped"), made["text"]

    def _remake(self, at, then):
        page = self.page
        locked = [note for note in page.notes.values() if note.locked]
        words = {"begin": at * 240, "stop": at * 240 + 960, "takes": 2, "candidates": 2}
        if page.ask("remake", "making", **words, seed=at)["say"] == "error":
            return
        if then == "stop":
            page.say("stop")
        made = page.hear("made")
        if made["how"] == "failed":  # such as a region after the end of the piece
            return
        if then == "take" and page.ask("take", take=1)["say"] == "changed":
            assert all(page.notes[note.id] == note for note in locked)
        page.say("drop_takes")

    def _kill(self, torn):
        """Go on with a copy of the files as they are now: what a kill leaves."""
        folder = self.folder.with_name(f"{self.folder.name}x")
        shutil.copytree(self.folder, folder)
        drafted, head = self.page.draft, self.page.piece["head"]
        self.folder = folder
        for history in folder.glob("projects/*/history"):
            with open(history, "ab") as file:
                file.write(line({"entry": "name", "name": "never"})[:torn])
        states = self.page.states
        self._start()
        if self.page.piece["head"] == head:
            assert self.page.shown() == states[head]
        else:  # the page had not heard of it yet, or it was recovered: music in the making
            new = [note for note in self.page.notes.values() if note.by > 0]
            rows = {(note.start, note.duration, note.pitch, note.velocity) for note in new}
            assert set(drafted) <= rows

    def _reload(self):
        head, shown = self.page.piece["head"], self.page.shown()
        self.running.stop()
        self._start()
        assert (self.page.piece["head"], self.page.shown()) == (head, shown)

    def look(self):
        """Compare what the page has with what the server has."""
        shown = self.page.shown()
        self.page.ask("piece", "piece")
        assert self.page.shown() == shown


deeds = st.lists(st.one_of(EDITS, EDITS, EDITS, WALKS, WALKS, MUSIC, ENDS), min_size=4, max_size=16)


@settings(
    max_examples=CASES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.booleans(), deeds)
def test_the_piece_is_what_its_history_says(model, tune, tmp_path, opened, sequence):
    folder = tmp_path / f"case-{time.monotonic_ns()}"
    with ExitStack() as stack:
        sitting = Sitting(folder, model, tune if opened else None, stack)
        for deed, *words in sequence:
            if hasattr(sitting, f"_{deed}"):
                sitting.do(deed, *words)
            else:
                sitting.edit(deed, *words)
        sitting.look()
