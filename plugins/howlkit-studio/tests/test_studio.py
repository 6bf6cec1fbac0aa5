"""The studio as a page meets it: edits, history, music, files."""

import json
import os
import re
import subprocess
import sys
from importlib.resources import files

import pytest
from click.testing import CliRunner
from conftest import Door, Running
from howlkit_studio.command import command
from howlkit_studio.document import Note, rows
from howlkit_studio.models import Model
from howlkit_studio.projects import Projects
from howlkit_studio.server import opened

from howlkit import Trained
from howlkit.music import midi, provenance


def test_an_imported_piece_is_shown_with_names_tempo_and_all_notes(run, tune):
    with run(file=tune).page() as page:
        assert page.piece["name"] == "tune.mid"
        assert page.piece["tracks"]["program"] == [0, 32]
        assert page.piece["tempos"] == {"tick": [0], "microseconds": [600000]}
        assert len(page.notes) == 20 and {note.by for note in page.notes.values()} == {-1}


def test_what_is_exported_is_the_imported_file_with_the_edits(run, tune):
    running = run(file=tune)
    with running.page() as page:
        first = min(page.notes)
        page.edit("move", ids=[first], ticks=0, pitches=1)
    before, after = midi.read(tune), midi.read_bytes(running.get("/export/mid").data, name="")
    assert before.replace(notes=after.notes) == after
    changed = before.notes[before.notes != after.notes]
    assert len(changed) == 1 and changed["pitch"][0] == 60


def test_a_first_visitor_finds_a_piece_of_the_model_that_comes_along(run):
    with run().page() as page:
        [passage] = page.piece["passages"]
        assert len(page.notes) > 100 and {n.by for n in page.notes.values()} == {passage["id"]}
        assert page.piece["tracks"]["name"] == ["Soprano", "Alto", "Tenor", "Bass"]
        assert (passage["model"], passage["kind"]) == ("chorales", "go_on")
        page.ask("undo")
        assert not page.notes
    made_by = Trained.from_pretrained("chorales", stepping=None).identity["sha256"]
    data = (files("howlkit_studio") / "first_piece.mid").read_bytes()
    record = provenance.read(midi.read_bytes(data, name="", extras=True))
    assert record["passages"][0]["model"]["sha256"] == made_by


def test_another_page_hears_of_every_change(run):
    running = run()
    with running.page() as one, running.page() as other:
        track = one.piece["tracks"]["id"][0]
        notes = {"start": [0], "duration": [480], "pitch": [60], "velocity": [80], "track": [track]}
        answer = one.edit("add", notes=notes)
        heard = other.hear("changed")
        assert "ask" in answer and "ask" not in heard
        assert one.shown() == other.shown()


def test_locked_notes_are_kept_by_edits_and_by_the_model(run, tune, model):
    with run(model, file=tune).page() as page:
        lowest = sorted(page.notes)[:4]
        page.edit("lock", ids=lowest, locked=True)
        kept = [page.notes[number] for number in lowest]
        assert "locked" in page.edit("remove", ids=lowest)["text"]
        page.ask("remake", "making", begin=0, stop=3840, takes=2, candidates=2, seed=1)
        takes = page.hear("takes")
        assert not set(lowest) & set(takes["replaced"])
        page.ask("take", take=1)
        assert [page.notes[number] for number in lowest] == kept


def test_a_passage_says_how_it_was_made_and_is_made_again_the_same(run, tune, model):
    with run(model, file=tune).page() as page:
        page.ask("go_on", "making", at=7680, bars=1, seed=5, controls={"range": [48, 72]})
        passage = page.hear("changed")["passage"]
        page.hear("made")
        mine = [note for note in page.notes.values() if note.by == passage["id"]]
        assert mine and all(48 <= note.pitch <= 72 and note.start >= 7680 for note in mine)
        page.ask("undo")
        settings = {name: value for name, value in passage["settings"].items() if name != "do"}
        page.ask(passage["settings"]["do"], "making", **settings)
        again = page.hear("changed")["notes"]
        assert again["start"] == [note.start for note in mine]
        assert again["pitch"] == [note.pitch for note in mine]


def test_without_a_model_music_is_refused_with_what_to_do(run):
    with run().page() as page:
        assert page.heard[0]["model"]["state"] == "none"
        answer = page.ask("go_on", "making", at=0, bars=1)
        assert answer["say"] == "error" and "howlkit train" in answer["text"]


def test_an_ask_of_the_model_that_cannot_be_kept_is_told_and_costs_nothing(run, tune, model):
    with run(model, file=tune).page() as page:
        before = page.shown()
        page.ask("go_on", "making", at=0, bars=1, controls={"key": "H mixed"})
        made = page.hear("made")
        assert made["how"] == "failed" and "H mixed" in made["text"]
        assert page.shown() == before


class Stumbling(Trained):
    """A model whose sampler fails after some steps, as one of a plugin may."""

    def sample(self, *, sampler, **words):
        """Sample with a sampler that fails."""
        return super().sample(sampler=Fails(sampler), **words)


class Fails:
    name = "fails"

    def __init__(self, sampler):
        self.sampler = sampler

    def generate(self, session):
        for count, step in enumerate(self.sampler.generate(session)):
            if count == 12:
                raise ValueError("the fan fell off")
            yield step


def test_what_came_before_the_model_failed_is_kept(run, tune, model):
    trained = model.trained()
    stumbling = Model(None)
    stumbling.state, stumbling.name = "ready", "stumbling"
    stumbling._trained = Stumbling(trained.recipe, trained.held, trained.facts)
    running = run(stumbling, file=tune)
    with running.page() as page:
        page.ask("go_on", "making", at=7680, bars=8, seed=5)
        made = page.hear("made")
        assert made["how"] == "failed" and "the fan fell off" in made["text"]
        mine = [note for note in page.notes.values() if note.by == made["passage"]]
        assert len(mine) == made["notes"] > 0
        assert page.ask("undo")["say"] == "changed" and len(page.notes) == 20


def test_surprise_is_told_for_each_note(run, tune, model):
    with run(model, file=tune).page() as page:
        answer = page.ask("surprise", "surprise")
        assert sorted(answer["id"]) == sorted(page.notes)
        assert all(nats > 0 for nats in answer["nats"])


@pytest.mark.parametrize(
    "message",
    [
        "", "[]", "null", "{", '{"do": 1}', '{"do": "fly"}', '{"do": "edit"}', "[" * 5000,
        '{"do": "edit", "edit": {"kind": "add", "notes": {"start": [1e99]}}}',
        '{"do": "edit", "edit": {"kind": "remove", "ids": ["1"]}}',
        '{"do": "edit", "edit": {"kind": "remove", "ids": [true]}}',
        '{"do": "edit", "edit": {"kind": "move", "ids": [], "ticks": 99999999999}}',
        '{"do": "edit", "edit": {"kind": "track_add", "name": "\\ud800", "program": 0}}',
        '{"do": "open", "project": "../../etc"}', '{"do": "go", "to": -1}',
        '{"do": "go_on", "at": NaN}', '{"do": "rename", "name": {"a": 1}}',
    ],
)  # fmt: skip
def test_a_message_that_says_nothing_is_refused_and_the_page_stays(hostile, message):
    hostile.socket.send(message)
    assert hostile.hear("error")["text"]
    assert hostile.ask("piece", "piece")["head"] == 1


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    running = Running(tmp_path_factory.mktemp("hostile"), Model(None))
    with running.page() as page:
        yield page
    running.stop()


def test_saving_never_writes_over_a_file(run, tune):
    with run(file=tune).page() as page:
        names = [page.ask("save", "saved")["name"] for _ in range(3)]
        assert names == ["tune.mid", "tune-2.mid", "tune-3.mid"]


def test_projects_are_listed_opened_and_renamed(run, tune):
    with run(file=tune).page() as page:
        first, shown = page.piece["project"], page.shown()
        page.say("rename", name="A <waltz>")
        page.hear("piece")
        page.states = {}
        page.say("new", name="Other")
        assert page.hear("piece")["name"] == "Other" and not page.notes
        listed = page.ask("projects", "projects")["projects"]
        assert {project["name"] for project in listed} == {"A <waltz>", "Other"}
        page.states = {}
        page.say("open", project=first)
        page.hear("piece")
        assert page.shown() == shown


@pytest.fixture
def process(tmp_path):
    """A studio in a process of its own, and what it printed."""
    code = "from howlkit.cli import main; main(['studio', 'no-run', '--no-browser', '--port', '0'])"
    environment = {**os.environ, "HOWLKIT_STUDIO": str(tmp_path)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as studio:
        try:
            printed = ""
            while "Ctrl-C" not in printed:
                assert (line := studio.stdout.readline()), "it ended"
                printed += line
            yield studio, printed
        finally:
            studio.kill()


def test_a_studio_that_is_killed_loses_nothing_that_it_had_told(process, tmp_path):
    studio, printed = process
    port, token = re.search(r":(\d+)/\?token=(\w+)", printed).groups()
    with Door(int(port), token).page() as page:
        notes = {"start": [0], "duration": [9], "pitch": [60], "velocity": [1], "track": [1]}
        page.edit("add", notes=notes)
        shown, head = page.shown(), page.piece["head"]
        studio.kill()
        studio.wait()
    project = opened(Projects(tmp_path), None)
    assert project.history.head == head
    notes = project.history.document.notes
    assert [repr(notes[number]) for number in sorted(notes)] == json.loads(shown)[0]
    project.close()


def test_a_table_of_notes_comes_back_as_it_was():
    table = {
        **{"id": [1], "start": [0], "duration": [9], "pitch": [60], "velocity": [80]},
        **{"track": [1], "by": [0], "locked": [0]},
    }
    assert rows(Note, table) == [Note(1, 0, 9, 60, 80, 1)]


def test_every_format_is_exported_or_says_what_is_missing(run, tune):
    running = run(file=tune)
    with running.page() as page:
        exports = page.heard[0]["exports"]
    begins = {"mid": b"MThd", "wav": b"RIFF", "musicxml": b"<?xml", "report": b"<!doctype"}
    assert set(exports) == set(begins)
    for name, missing in exports.items():
        answer = running.get(f"/export/{name}")
        if missing:
            assert answer.status == 501 and json.loads(answer.data) == {"error": missing}
        else:
            assert answer.status == 200 and answer.data.startswith(begins[name])
    assert running.get("/export/exe").status == 404


def test_a_piece_without_notes_is_not_exported(run):
    running = run()
    with running.page() as page:
        page.states = {}
        page.say("new", name="Empty")
        page.hear("piece")
    assert running.get("/export/mid").status == 409


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "every address"),
        (["none.mid"], "none.mid is not there"),
        (["--host", "203.0.113.1"], "cannot be used"),
    ],
)
def test_what_cannot_be_opened_is_told_before_anything_is(words, said, tmp_path, monkeypatch):
    monkeypatch.setenv("HOWLKIT_STUDIO", str(tmp_path / "studio"))
    result = CliRunner().invoke(command, [*words, "--no-browser", "--port", "0"])
    assert result.exit_code in (1, 2) and said in result.output
    assert not (tmp_path / "studio").exists()
