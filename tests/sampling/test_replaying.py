"""Files say how they were made, and are made again from that, byte for byte."""

import dataclasses
import json

import pytest

import howlkit as door
from howlkit.music import midi, provenance
from howlkit.music.extras import NO_TRACK, Text
from howlkit.sampling.replaying.replay import ReplayError, replayed
from howlkit.sampling.trained import Trained
from tests.conftest import tune, write
from tests.sampling.small_models import small_model


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return small_model("tuple").save_pretrained(tmp_path_factory.mktemp("model") / "run")


@pytest.fixture(scope="module")
def trained(run):
    return door.load(run, stepping="plain")


@pytest.fixture
def prompt(tmp_path):
    write(tune(3, 4), tmp_path / "prompt.mid")
    return tmp_path / "prompt.mid"


@pytest.fixture
def sample(howlkit, run, tmp_path):
    """Run `howlkit sample`; returns the paths of its files."""

    def make(*arguments, name="new.mid"):
        command = "sample", run, "--stepping", "plain", "--out", tmp_path / name
        code, _, err = howlkit(*command, *arguments)
        assert code == 0, err
        return sorted(tmp_path.glob(f"{name[:-4]}*.mid"))

    return make


def slower(folder):
    """Save a model that differs in the tempo of its music alone; returns its folder."""
    model = small_model("tuple")
    facts = {**model.facts, "tempo": 700_000}
    return dataclasses.replace(model, facts=facts).save_pretrained(folder)


def record_of(path):
    return provenance.read(midi.read(path, extras=True))


WAYS = {
    "several": ["-n", 3, "--notes", 12, "--seed", 4, "--temperature", 0.9],
    "steered": ["--beats", 8, "--range", "40-90", "--density", "3/beat", "--without", "loops"],
    "another sampler": ["--notes", 6, "--sampler", "best-of", "-o", "best-of.candidates=2"],
    "by field": ["--notes", 9, "-o", "autoregressive.pitch.top_k=4", "--may-end"],
    "opening": ["--bars", 2, "--tempo", 77.7, "--time-signature", "3/4"],
    "continued": ["--notes", 9, "--prompt", "PROMPT", "--prompt-seconds", 2, "--without-prompt"],
    "replaced": ["-n", 2, "--prompt", "PROMPT", "--replace", "3-3", "--candidates", 3],
    "kept": [
        *("--prompt", "PROMPT", "--replace", "4-8", "--unit", "beats", "--keep", "36-50"),
        *("--candidates", 2, "--cut-held", "--keep-rhythm"),
    ],
    "accompanied": ["--accompany", "PROMPT", "--candidates", 1, "--instruments", "cello"],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_file_is_made_again_byte_for_byte(way, sample, run, prompt, howlkit):
    arguments = [prompt if word == "PROMPT" else word for word in WAYS[way]]
    if way == "accompanied":  # every note that is kept is put into a row by itself
        write(tune(3, 1), prompt)
    paths = sample(*arguments)
    given = ["--prompt", prompt] if prompt in arguments else []
    code, out, err = howlkit("replay", *paths, "--run", run, *given)
    assert code == 0, out + err
    assert out.count("the same") == len(paths) and not err
    if given:
        code, _, err = howlkit("replay", paths[0], "--run", run)
        assert code == 1 and "--prompt FILE" in err
        write(tune(4, 4), prompt)
        code, _, err = howlkit("replay", paths[0], "--run", run, *given)
        assert code == 1 and "is not the piece that it was made from" in err


def test_a_record_changes_no_note_and_is_neither_lyric_nor_name(sample, howlkit):
    [path] = sample("--notes", 12, name="with.mid")
    [plain] = sample("--notes", 12, "--no-provenance", name="plain.mid")
    with_record, without = (midi.read(each, extras=True) for each in (path, plain))
    assert provenance.removed(with_record) == without and not without.extras
    [text] = with_record.extras.texts
    assert (text.tick, text.track, text.kind) == (0, NO_TRACK, 1)
    code, out, _ = howlkit("info", path, "--json")
    facts = json.loads(out)
    assert code == 0 and facts["made"] == record_of(path) and facts["beside_the_notes"] == {}
    assert facts["made"]["seed"] == 0 and "made" not in json.loads(
        howlkit("info", plain, "--json")[1]
    )
    code, _, err = howlkit("replay", plain)
    assert code == 1 and "does not say how it was made" in err


def test_it_names_no_path_and_nothing_of_the_user(sample, run, prompt, tmp_path):
    [path] = sample("--notes", 5, "--prompt", prompt)
    text = json.dumps(record_of(path))
    assert run.name not in text and prompt.name not in text and str(tmp_path) not in text


def test_a_prompts_own_record_gives_way_to_the_new_one(sample, run, howlkit):
    [first] = sample("--notes", 12, name="first.mid")
    [then] = sample("--notes", 5, "--seed", 9, "--prompt", first, name="then.mid")
    piece = midi.read(then, extras=True)
    assert len(piece.extras.texts) == 1 and provenance.read(piece)["seed"] == 9
    assert howlkit("replay", then, "--run", run, "--prompt", first)[0] == 0


def test_python_writes_the_record_of_the_command_line(trained, sample, tmp_path):
    [path] = sample("--notes", 12, "--seed", 2, "--key", "C major")
    piece = trained.sample(notes=12, seed=2, key="C major")
    assert midi.to_bytes(piece) == path.read_bytes()
    plain = trained.sample(notes=12, seed=2, key="C major", provenance=False)
    assert plain == provenance.removed(piece) and not plain.extras
    door.write(piece, tmp_path / "plain.mid", provenance=False)
    assert (tmp_path / "plain.mid").read_bytes() == midi.to_bytes(plain)
    [take] = trained.replace(tune(1), bars=(3, 4), takes=1, candidates=1)
    assert provenance.read(take.piece)["region"]["begin"] == 2 * 1920
    assert replayed(trained, provenance.read(take.piece), tune(1)) == [take.piece]


def test_what_differs_is_said(sample, run, tmp_path, howlkit):
    [path] = sample("--notes", 12)
    piece = midi.read(path, extras=True)
    write(piece.transpose(1), tmp_path / "up.mid")
    code, out, err = howlkit("replay", tmp_path / "up.mid", "--run", run)
    assert code == 1 and "the notes differ from note 1 on" in out and "was changed since" in err
    said = {
        **provenance.read(piece),
        "versions": {"numpy": "0.1", "../x": "1"},
        "stepping": "quick",
    }
    write(provenance.attached(piece, said), tmp_path / "old.mid")
    code, out, err = howlkit("replay", tmp_path / "old.mid", "--run", run)
    assert code == 0 and "the same" in out  # the music is, though the versions are not
    assert "another version of numpy: 0.1" in err and "another stepping: quick" in err
    code, out, err = howlkit("replay", path, "--run", slower(tmp_path / "other"))
    assert code == 1 and "another model" in err
    assert "other bytes: the notes are the same; tempos" in out


def test_the_run_that_made_it_is_found_by_its_hash(sample, tmp_path, howlkit, monkeypatch):
    [path] = sample("--notes", 12)
    monkeypatch.chdir(tmp_path)
    code, _, err = howlkit("replay", path)
    assert code == 1 and "--run RUN" in err
    slower(tmp_path / "runs/b/model")
    small_model("tuple").save_pretrained(tmp_path / "runs/a/model")
    code, _, err = howlkit("replay", path)
    assert code == 0 and "Made by runs/a" in err


def test_hashes_are_those_of_what_makes_the_music(run, trained):
    again = Trained.from_pretrained(run, stepping=None)  # as torch's modules, not as arrays
    assert again.identity == trained.identity
    assert small_model("tuple").identity == trained.identity
    assert small_model("event").identity["sha256"] != trained.identity["sha256"]


DAMAGE = {
    "no rows": {"rows": None},
    "many rows": {"rows": 10**9},
    "another format": {"format": 99},
    "no limit": {"limit": {"bananas": 3}},
    "a kind": {"kind": "x"},
    "a sampler": {"sampler": {"name": "no-such", "options": {}}},
    "an option": {"sampler": {"name": "autoregressive", "options": {"temperature": "x"}}},
    "a function": {"sampler": {"name": "best-of", "options": {"score": "os:system"}}},
    "a class": {"sampler": {"name": "mine", "class": "x.Mine"}},
    "constraints": {"constraints": 7},
    "an opening": {"opening": {"tempo": "fast"}},
    "stopped": {"stopped": True},
    "a take": {"kind": "take", "prompt": {"sha256": "0"}},
}


@pytest.mark.parametrize("what", DAMAGE)
def test_a_record_that_anybody_may_have_written_is_checked(what, trained, tmp_path, howlkit, run):
    piece = trained.sample(notes=3)
    said = {**provenance.read(piece), **DAMAGE[what]}
    with pytest.raises(ReplayError):
        replayed(trained, said)
    write(provenance.attached(piece, said), tmp_path / "x.mid")
    code, _, err = howlkit("replay", tmp_path / "x.mid", "--run", run)
    assert code == 1 and "x.mid cannot be made again" in err
    assert howlkit("info", tmp_path / "x.mid")[0] == 0


def test_texts_that_are_no_record_are_not_taken_for_one():
    texts = [b"{", b"[1]", b'{"made_by": 1}', b"{" * 100_000, b'{"made_by":"howlkit"', b"\xff{}"]
    piece = tune(1)
    extras = piece.extras.__class__(texts=tuple(Text(0, NO_TRACK, 1, data) for data in texts))
    assert provenance.read(piece.replace(extras=extras)) is None
    lyric = Text(0, NO_TRACK, 5, b'{"made_by":"howlkit"}')
    assert provenance.read(piece.replace(extras=extras.__class__(texts=(lyric,)))) is None
