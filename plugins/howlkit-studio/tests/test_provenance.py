"""What saved files say of how they were made."""

import json

from click.testing import CliRunner

from howlkit import Piece
from howlkit.commands.replay import command as replay
from howlkit.music import midi, provenance


def exported(running):
    piece = midi.read_bytes(running.get("/export/mid").data, name="", extras=True)
    return piece, provenance.read(piece)


def go_on(page, **words):
    page.ask("go_on", "making", at=7680, bars=1, seed=5, **words)
    return page.hear("made")


def test_a_file_says_whose_its_notes_are_and_how_the_model_made_its_own(run, tune, model):
    running = run(model, file=tune)
    with running.page() as page:
        assert exported(running)[1] is None  # as it was opened
        notes = {"start": [0], "duration": [9], "pitch": [90], "velocity": [1], "track": [1]}
        page.edit("add", notes=notes)
        made = go_on(page, controls={"key": "D minor"})
        [passage] = [each["passage"] for each in page.heard if each.get("what") == "go_on"]
        saved = page.ask("save", "saved")
    _, record = exported(running)
    assert record["kind"] == "studio"
    assert record["notes"] == {"file": 20, "person": 1, "model": made["notes"]}
    [said] = record["passages"]
    assert said["model"]["sha256"] == model.trained().identity["sha256"]
    assert (said["seed"], said["how"], said["notes"]) == (5, "done", made["notes"])
    assert said["settings"]["controls"] == {"key": "D minor"}
    assert {"howlkit", "howlkit-studio", "numpy"} <= set(said["versions"])
    assert "tiny" not in json.dumps(record)  # the name of a run is its owner's
    assert "made_with" not in passage  # a page is not told what only files need
    path = f"{saved['folder']}/{saved['name']}"
    assert provenance.read(midi.read(path, extras=True)) == record
    told = CliRunner().invoke(replay, [path])
    assert told.exit_code == 1 and "'studio'" in str(told.exception)


def test_a_piece_that_was_taken_as_a_take_is_made_again_by_its_record(run, tune, model, tmp_path):
    running = run(model, file=tune)
    before, after = tmp_path / "before.mid", tmp_path / "after.mid"
    with running.page() as page:
        page.edit("resize", ids=[min(page.notes)], ticks=10)
        before.write_bytes(running.get("/export/mid").data)
        page.ask("remake", "making", begin=1920, stop=5760, takes=2, candidates=2, seed=1)
        page.hear("takes")
        page.ask("take", take=2)
        after.write_bytes(running.get("/export/mid").data)
    folder = str(model.trained().path)
    words = [str(after), "--prompt", str(before), "--run", folder]
    result = CliRunner().invoke(replay, words)
    assert result.exit_code == 0, (result.output, result.exception)
    assert "the same" in result.output


def test_a_file_that_howlkit_made_keeps_its_record_until_it_is_changed(run, model, tmp_path):
    path = tmp_path / "sampled.mid"
    sampled = model.trained().sample(notes=12, seed=3)
    path.write_bytes(midi.to_bytes(sampled))
    running = run(model, file=path)
    with running.page() as page:
        assert exported(running)[1] == provenance.read(sampled)
        page.edit("move", ids=[min(page.notes)], ticks=0, pitches=1)
    record = exported(running)[1]
    assert record["kind"] == "studio" and record["source"] == provenance.read(sampled)


def test_a_record_of_very_many_passages_keeps_the_newest(monkeypatch):
    from howlkit_studio import provenance as studio

    monkeypatch.setattr(studio, "MOST_BYTES", 300)
    told = [{"seed": seed, "text": "x" * 80} for seed in range(9)]
    assert studio._newest(told) == told[:2]
    assert provenance.read(provenance.attached(Piece(), {"passages": told})) is not None
