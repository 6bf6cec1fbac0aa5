"""What an earlier howlkit wrote is read, used and gone on with, and is written the same today.

tests/fixtures/written_before has a dataset and runs; fixtures/make_written_before.py says how they
were made. Only the command line and files are used here, so that nothing inside may hide a change.
"""

import json
import shutil
from importlib.util import find_spec
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from howlkit import Dataset, Trained
from howlkit.music import midi

BEFORE = Path(__file__).parent / "fixtures" / "written_before"
EXPECTED = json.loads((BEFORE / "expected.json").read_text(encoding="utf-8"))
SAMPLE = ["--seed", 1, "--notes", 40]

NEWER = ("howlkit", "left_out")
"""The version, and what the report has said only since."""

LATER_OPTIONS = {"optimizer": "adamw", "taps": 1, "accumulate": 1}
"""Options that these runs were stored without, and what they have always done."""
OFF = {
    "elapsed": False,
    "elapsed_scale": 1.0,
    "intervals": False,
    "pitch_classes": 0,
    "scale": False,
    "harmony": 0,
    "repeats_by": "steps",
    "sounding": False,
    "held": False,
    "pulse": 0,
    "votes": False,
}
"""Options of heads that there are only since: a run that does not name them does without them."""

RUNS = ["tuple-lstm", "remi-gru", "event-transformer"]
COMPILED = ["tuple-lstm", "remi-gru", "event-transformer"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a copy of everything, whose files name their own paths."""
    shutil.copytree(BEFORE, tmp_path, dirs_exist_ok=True)
    for path in (tmp_path / "data" / "files.jsonl", *tmp_path.glob("runs/*/config.json")):
        inside_quotes = json.dumps(str(tmp_path.resolve()))[1:-1]
        path.write_text(path.read_text(encoding="utf-8").replace("HERE", inside_quotes), "utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(params=RUNS)
def run(request, here):
    """One of the runs, if its parts are installed."""
    if "transformer" in request.param:
        pytest.importorskip("howlkit_transformer")
    return here / "runs" / request.param


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def without(facts, *names):
    """Return nested facts without those that another release may change."""
    if isinstance(facts, dict):
        return {k: without(v, *names) for k, v in facts.items() if k not in names}
    return [without(item, *names) for item in facts] if isinstance(facts, list) else facts


def same_tensors(one, other):
    ours, theirs = load_file(one), load_file(other)
    assert list(ours) == list(theirs)
    for name, array in ours.items():
        assert array.dtype == theirs[name].dtype, name
        assert array.tolist() == theirs[name].tolist(), name


def lines(path):
    return [without(json.loads(line), "changed") for line in path.read_text("utf-8").splitlines()]


def kinds(path):
    """What a file of a checkpoint holds; how many rows are carried on depends on the step."""
    return {name: (array.dtype, array.ndim) for name, array in load_file(path).items()}


def test_the_dataset_opens_and_has_the_pieces_that_were_stored(here):
    dataset = Dataset.open(here / "data")
    pieces = {piece.name: piece for piece in dataset.pieces("all")}
    assert pieces.keys() == EXPECTED["pieces"].keys()
    for name, tables in EXPECTED["pieces"].items():
        for table, stored in tables.items():
            found = getattr(pieces[name], table)
            if table != "ticks_per_beat":
                found = [list(row) for row in found.tolist()]
            assert found == stored, (name, table)


def test_info_of_the_dataset(here, howlkit):
    code, out, err = howlkit("info", "data", "--json")
    assert code == 0, err
    stored, said = read(here / "data" / "dataset.json"), json.loads(out)
    for name in ("format", "pieces", "groups", "notes", "parts", "options", "fingerprint"):
        assert said[name] == stored[name]


def test_prepare_goes_on_with_it_without_reading_a_file_again(here, howlkit):
    stored = read(here / "data" / "dataset.json")
    code, out, err = howlkit("prepare", "midi", "--out", "data", "--workers", 1, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert (report["read"], report["unchanged"]) == (7, 7)
    assert without(read(here / "data" / "dataset.json"), "howlkit") == without(stored, "howlkit")


def test_prepare_writes_the_same_dataset_today(here, howlkit):
    code, _, err = howlkit("prepare", "midi", "--out", "new", "--workers", 1)
    assert code == 0, err
    before = {path.name for path in (here / "data").iterdir()}
    assert {path.name for path in (here / "new").iterdir()} - {".lock"} == before
    for name in sorted(before):
        ours, theirs = here / "new" / name, here / "data" / name
        if name.endswith(".safetensors"):
            same_tensors(ours, theirs)
        elif name.endswith(".json"):
            assert without(read(ours), *NEWER) == without(read(theirs), *NEWER)
        else:
            assert lines(ours) == lines(theirs)


def test_info_of_each_run(run, howlkit):
    code, out, err = howlkit("info", run, "--json")
    assert code == 0, err
    said, config = json.loads(out), read(run / "config.json")
    facts = read(run / "model" / "config.json")["facts"]
    assert said["recipe"] == config["recipe"] and said["versions"] == config["versions"]
    assert said["nats_per_note"] == facts["nats_per_note"] and said["step"] == facts["step"]
    code, out, _ = howlkit("info", run)
    assert code == 0 and f"{facts['nats_per_note']:.3f} nats a note" in out
    assert config["recipe"]["encoder"]["name"] in out and "6 steps" in out


@pytest.mark.parametrize("stepping", ["plain", "compiled"])
def test_each_run_samples_the_same_music(run, howlkit, stepping):
    """Rounding differs between machines, but 40 notes are drawn the same in spite of it."""
    if stepping == "compiled" and (run.name not in COMPILED or not find_spec("numba")):
        pytest.skip("not stepped by compiled code here")
    options = ("--stepping", stepping, "--without", "all", "--out", "new.mid")  # rules are new
    code, _, err = howlkit("sample", run, *SAMPLE, *options)
    assert code == 0, err
    before, after = midi.read(BEFORE / "sampled" / f"{run.name}.mid"), midi.read("new.mid")
    assert strokes(before) == strokes(after)
    # Files of before have notes of one key that overlap; now a note ends at the next stroke.
    assert ends(after) <= ends(before) | strokes(before).keys()


def strokes(piece):
    """Return the greatest velocity of each program and key at each tick."""
    found = {}
    for note in piece.notes:
        place = int(note["start"]), int(note["program"]), int(note["pitch"])
        found[place] = max(int(note["velocity"]), found.get(place, 0))
    return found


def ends(piece):
    programs, keys = piece.notes["program"].tolist(), piece.notes["pitch"].tolist()
    return set(zip(piece.ends.tolist(), programs, keys, strict=True))


def test_each_run_costs_the_same_nats(run, howlkit):
    code, out, err = howlkit("evaluate", run, "data", "--split", "all", "--json")
    assert code == 0, err
    expected = EXPECTED["runs"][run.name]["nats_per_note"]
    assert json.loads(out)["nats_per_note"] == pytest.approx(expected, rel=1e-3)


def test_each_model_is_written_as_it_was(run):
    Trained.from_pretrained(run, stepping=None).save_pretrained("new")
    before = run / "model"
    assert sorted(path.name for path in Path("new").iterdir()) == sorted(
        path.name for path in before.iterdir()
    )
    assert read(Path("new/schema.json")) == read(before / "schema.json")
    ours, theirs = (without(read(at / "config.json"), "version") for at in (Path("new"), before))
    newer = {name: ours["recipe"]["heads"].pop(name) for name in OFF}
    assert newer == OFF
    tables = ours["recipe"]["training"], ours["recipe"]["model"]["options"]
    later = {name: table[name] for table in tables for name in LATER_OPTIONS if name in table}
    assert later.items() <= LATER_OPTIONS.items() and "optimizer" in later
    assert without(ours, *LATER_OPTIONS) == theirs
    same_tensors("new/model.safetensors", before / "model.safetensors")


def test_each_run_goes_on_as_it_would_have(run, howlkit):
    (old,) = (run / "checkpoints").glob("step-*")
    config, state = read(run / "config.json"), read(old / "state.json")
    tensors = {name: kinds(old / f"{name}.safetensors") for name in ("model", "optimizer")}
    steps = state["step"] + 5
    code, _, err = howlkit("train", "--resume", "--out-dir", run, "--steps", steps)
    assert code == 0, err
    assert f"after {state['step']} steps" in err
    new = run / "checkpoints" / (run / "checkpoints" / "latest").read_text("utf-8").strip()
    now = read(new / "state.json")
    assert now["step"] == steps and now.keys() == state.keys()
    assert now["position"].keys() == state["position"].keys()
    for name, before in tensors.items():
        assert kinds(new / f"{name}.safetensors") == before
    assert without(read(run / "config.json"), "budget") == without(config, "budget")
    last = json.loads((run / "metrics.jsonl").read_text("utf-8").splitlines()[-1])
    expected = EXPECTED["runs"][run.name]["resumed"]
    assert last["step"] == steps and last["validation"] == pytest.approx(expected, rel=1e-3)
