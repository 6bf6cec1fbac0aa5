"""The command line as its users meet it: what it prints, and its exit codes."""

import json
import os
import signal
import subprocess
import sys
import time

import click
import pytest

from howlkit.cli import COMMANDS, cli
from howlkit.music import midi
from tests.conftest import tune

SMALL = ["-o", "lstm.hidden=24", "-o", "training.batch=4", "-o", "training.validate_every=10"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder to work in, with some music in it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "music").mkdir()
    for seed in range(12):
        midi.write(tune(seed), tmp_path / "music" / f"tune-{seed}.mid")
    return tmp_path


@pytest.fixture
def run_folder(here, howlkit):
    code, _, err = howlkit("train", "music", "--steps", 40, "--out-dir", "run", *SMALL)
    assert code == 0, err
    return here / "run"


def imported(*arguments):
    """Return the modules that a command imports."""
    script = (
        "import sys, json\nfrom howlkit.cli import main\n"
        f"try: main({list(arguments)!r})\nexcept SystemExit: pass\n"
        "sys.stderr.write(json.dumps(sorted(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(json.loads(done.stderr[done.stderr.index("[") :]))


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["plugins", "list", "--json"],
        ["train", "--help"],
        ["sample", "-h"],
        ["roundtrip", "-h"],
        ["statistics", "-h"],
    ],
)
def test_help_and_lists_import_neither_torch_nor_symusic(arguments):
    modules = imported(*arguments)
    assert "howlkit.cli" in modules
    assert not modules & {"torch", "numba", "symusic", "rich", "safetensors"}


def test_help_imports_neither_numpy_nor_plugins():
    assert not imported("--help") & {"numpy", "pluggy", "howlkit.plugins.registry"}


def test_sampling_does_not_import_the_compiler_of_torch(run_folder):
    """It takes longer to import than torch itself."""
    modules = imported("sample", str(run_folder), "--notes", "1", "--out", "new.mid")
    assert "howlkit.sampling.session" in modules and (run_folder.parent / "new.mid").exists()
    assert not modules & {"torch._dynamo", "torch._inductor", "rich"}


def test_every_command_is_listed_with_its_own_first_line():
    context = click.Context(cli)
    for name, line in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None and command.name == name
        # The list has a short line of its own, since no module is imported for it.
        assert command.get_short_help_str(200).split()[0] == line.split()[0]
        if not isinstance(command, click.Group):
            assert "Examples:" in (command.epilog or ""), name


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize(
    "command", ["", *COMMANDS, "plugins list", "plugins show", "plugins check"]
)
def test_help_shows_examples_before_options(howlkit, command, flag):
    code, out, _ = howlkit(*command.split(), flag)
    assert code == 0 and f"  howlkit {command}" in out
    assert out.index("Usage:") < out.index("Examples:") < out.index("Options:")


def test_python_m_howlkit_is_howlkit():
    command = [sys.executable, "-m", "howlkit", "--version"]
    assert "howlkit, version" in subprocess.run(command, capture_output=True, text=True).stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["trian"], 2, "Did you mean 'train'?"),
        (["train", "--stepz", "3"], 2, "--steps"),
        (["train", "--model", "lstn", "--steps", "1"], 2, "Did you mean 'lstm'?"),
        (["train", "--encoder", "tupel", "--steps", "1"], 2, "Did you mean 'tuple'?"),
        (["train", "--augment", "stretch,transpse"], 2, "Did you mean 'transpose'?"),
        (["train", "--augment", "none,stretch"], 2, "none goes with no other name"),
        (["train", "-o", "tuple.grid=abc", "--steps", "1"], 2, "allowed: "),
        (["train", "-o", "lstm.hiden=3", "--steps", "1"], 2, "Did you mean 'hidden'?"),
        (["train", "-o", "lstm", "--steps", "1"], 2, "COMPONENT.OPTION=VALUE"),
        (["train", "-o", "gru.hidden=3", "--steps", "1"], 2, "does not use"),
        (["train", "nowhere", "--steps", "1"], 1, "nowhere does not exist"),
        (["train", "--steps", "0"], 2, "x>=1"),
        (["train", "--resume"], 1, "no run to go on with"),
        (["sample", "nowhere"], 1, "nowhere does not exist"),
        (["sample", "--prompt-seconds", "3"], 2, "needs --prompt"),
        (["plot", "music/tune-0.mid", "--out", "roll.jpg"], 1, ".svg"),
        (["info", "music"], 1, "howlkit prepare music"),
        (["sample", "--sampler", "autoregresive"], 2, "Did you mean 'autoregressive'?"),
        (["plugins", "show", "tupel"], 2, "Did you mean 'tuple'?"),
        (["plugins", "check", "tupel"], 2, "Did you mean 'tuple'?"),
        (["plugins", "check", "tuple", "-o", "lstm.hidden=3"], 2, "write tuple.OPTION=VALUE"),
        (["plugins", "check", "tuple", "-o", "tuple.grid=-1"], 2, "allowed: int, 0..1000"),
        (["prepare", "music", "--out", "d", "--split", "dev=x"], 2, "PART=PATH"),
    ],
)
def test_mistakes_get_words_and_the_right_exit_code(here, howlkit, arguments, code, words):
    got, out, err = howlkit(*arguments)
    assert (got, out) == (code, "") and words in err and "Traceback" not in err


@pytest.mark.parametrize("number", ["nan", "inf", "-inf", "0", "-1"])
@pytest.mark.parametrize(
    "option",
    ["train --minutes", "sample --seconds", "sample --beats", "sample --prompt-seconds"],
)
def test_a_length_must_be_a_finite_positive_number(howlkit, option, number):
    command, flag = option.split()
    code, _, err = howlkit(command, flag, number)
    assert code == 2 and f"Invalid value for '{flag}'" in err and number in err


def shell(command):
    """Run a line of bash in which `howlkit` is this howlkit; exit codes of a pipe are echoed."""
    line = f'howlkit() {{ "{sys.executable}" -m howlkit "$@"; }}; {command}'
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True)


@pytest.mark.parametrize(
    "command", ["--help", "train -h", "plugins show tuple", "info music/tune-1.mid --json"]
)
def test_a_reader_that_has_enough_is_no_failure(here, command):
    done = shell(f"howlkit {command} | true; echo ${{PIPESTATUS[0]}}")
    assert done.stdout.strip() == "0" and "Traceback" not in done.stderr


def test_music_for_a_reader_that_has_enough_is_no_failure(run_folder):
    done = shell("howlkit sample run --notes 4 --out - | true; echo ${PIPESTATUS[0]}")
    assert done.stdout.strip() == "0" and "Broken" not in done.stderr


def test_a_full_disk_behind_stdout_costs_a_line(run_folder):
    for command in ("info run", "sample run --notes 4 --out -"):
        done = shell(f"howlkit {command} > /dev/full")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1] == "howlkit: No space left on device"


def test_a_closed_stdout_is_no_failure(here):
    assert shell("howlkit info music/tune-1.mid >&-").returncode == 0


def test_what_the_system_refuses_costs_a_line_that_names_the_file(run_folder, howlkit):
    (run_folder.parent / "a\x1bfile").write_text("")
    for arguments in (
        ["sample", "run", "--notes", 2, "--out", "a\x1bfile/x.mid"],
        ["train", "music", "--steps", 1, "--out-dir", "a\x1bfile/run", *SMALL],
    ):
        code, _, err = howlkit(*arguments)
        last = err.splitlines()[-1]
        assert code == 1 and last.startswith("howlkit: a\\x1bfile") and "Traceback" not in err


def test_training_on_nothing_but_the_music_that_ships_names_its_own_run(here, howlkit):
    small = [*SMALL, "-o", "training.window=64"]
    for number in (1, 2):
        code, _, err = howlkit(
            "train", "--encoder", "tuple", "--model", "lstm", "--steps", 2, *small
        )
        assert code == 0 and f"runs/tuple-lstm-{number}" in err and "Bach chorales" in err
    code, out, err = howlkit("sample", "--notes", 8)
    assert code == 0 and out == "" and "runs/tuple-lstm-2/samples/sample-1.mid" in err
    assert "newest run, runs/tuple-lstm-2\n" in err
    assert "sample-1.mid  8 notes" in err  # the file holds fewer if a key is struck twice at once
    assert 0 < len(midi.read("runs/tuple-lstm-2/samples/sample-1.mid")) <= 8


def test_the_same_seed_writes_the_same_bytes(run_folder, howlkit):
    for name in ("a", "b"):
        assert howlkit("sample", "run", "--out", f"{name}.mid", "-n", 3, "--notes", 20)[0] == 0
    howlkit("sample", "run", "--out", "c.mid", "-n", 3, "--notes", 20, "--seed", 1)
    files = {
        name: run_folder.with_name(name).read_bytes() for name in os.listdir(".") if "-" in name
    }
    assert len(files) == 9
    assert all(files[f"a-{n}.mid"] == files[f"b-{n}.mid"] for n in (1, 2, 3))
    assert files["a-1.mid"] != files["a-2.mid"] != files["c-2.mid"]


@pytest.mark.parametrize("stepping", ["plain", "compiled"])
def test_how_the_network_is_run_can_be_chosen_and_is_said_beside_the_seed(
    run_folder, howlkit, stepping
):
    if stepping == "compiled":
        pytest.importorskip("numba")
    arguments = ["sample", "run", "--notes", 20, "--seed", 7, "--stepping", stepping]
    _, _, err = howlkit(*arguments, "--out", "a.mid")
    assert f"--seed 7 --stepping {stepping}\n" in err
    howlkit(*arguments, "--out", "b.mid")
    files = [run_folder.with_name(name).read_bytes() for name in ("a.mid", "b.mid")]
    assert files[0] == files[1]


def test_a_prompt_stays_as_it_is_and_music_follows(run_folder, howlkit):
    _, _, err = howlkit("sample", "run", "--prompt", "music/tune-0.mid", "--prompt-seconds", 4,
                        "--notes", 30, "--out", "on.mid")  # fmt: skip
    prompt, piece = midi.read("music/tune-0.mid"), midi.read("on.mid")
    kept = prompt.notes[prompt.seconds(prompt.notes["start"]) < 4]
    assert f"on.mid  {len(kept) + 30} notes" in err
    assert len(kept) + 20 < len(piece) <= len(kept) + 30  # a key struck twice at once is one note
    columns = ["start", "duration", "pitch", "velocity"]
    assert [n[columns].tolist() for n in piece.notes[: len(kept)]] == [
        n[columns].tolist() for n in kept
    ]


def test_a_piece_that_the_model_does_not_end_is_cut_with_a_word(run_folder, howlkit, monkeypatch):
    monkeypatch.setattr("howlkit.sampling.generation.MOST_NOTES", 3)
    code, _, err = howlkit("sample", "run", "--out", "x.mid")
    assert code == 0 and "cut at 3 notes" in err and "--notes" in err and "newest" not in err
    code, _, err = howlkit("sample", "run", "--out", "y.mid", "--notes", 3)
    assert code == 0 and "cut at" not in err


def test_plot_says_where_to_look(here, howlkit):
    code, _, err = howlkit("plot", "music/tune-0.mid", "--out", "a roll.svg")
    assert code == 0 and err.splitlines()[-1].endswith("/a%20roll.svg")
    assert "file:///" in err


def test_lengths_can_be_given_in_seconds_and_beats(run_folder, howlkit):
    for option, amount in (("--seconds", 10), ("--beats", 20)):
        options = (option, amount, "--without", "all", "--out", f"{amount}.mid")
        assert howlkit("sample", "run", *options)[0] == 0
        piece = midi.read(f"{amount}.mid")
        onsets = piece.seconds(piece.notes["start"])
        # 20 beats at 120 a minute are 10 s; the last note need not last to there.
        assert onsets.max() < 10 and piece.seconds_long > 8


def test_midi_goes_to_stdout_and_can_be_piped_into_a_plot(run_folder):
    command = f"{sys.executable} -m howlkit sample run --notes 9 --out - | " \
        f"{sys.executable} -m howlkit plot - --out roll.svg"  # fmt: skip
    subprocess.run(command, shell=True, check=True, capture_output=True)
    assert "<svg" in (run_folder.parent / "roll.svg").read_text()


def test_options_of_the_sampler_can_be_given_for_one_field(run_folder, howlkit):
    options = ["-o", "autoregressive.temperature=0.9", "-o", "autoregressive.pitch.top_k=1"]
    assert howlkit("sample", "run", "--notes", 5, "--out", "x.mid", *options)[0] == 0
    code, _, err = howlkit("sample", "run", "-o", "autoregressive.pitch.topk=1")
    assert code == 2 and "top_k" in err
    code, _, err = howlkit("sample", "run", "-o", "lstm.hidden=1")
    assert code == 2 and "sampler" in err


def test_evaluate_prints_json_of_the_promised_keys(run_folder, howlkit):
    code, out, err = howlkit("evaluate", "run", "--json")
    assert code == 0, err
    result = json.loads(out)
    assert code == 0
    assert {"nats_per_note", "baseline_nats_per_note", "fields", "notes", "pieces", "split"} <= set(
        result
    )
    assert result["split"] == "validation"
    code, _, err = howlkit("evaluate", "run/model")
    assert code == 1 and "evaluate run/model DATA" in err
    code, out, _ = howlkit("evaluate", "run", "--split", "train", "--json")
    assert json.loads(out)["split"] == "train"


def test_evaluate_measures_all_of_other_music_but_only_unseen_pieces_of_its_own(
    run_folder, howlkit
):
    (run_folder.parent / "other").mkdir()
    midi.write(tune(99), run_folder.parent / "other" / "one.mid")
    code, out, err = howlkit("evaluate", "run", "other")
    assert code == 0 and "all part" in out and "trained on other" not in err
    code, out, err = howlkit("evaluate", "run", "music")
    assert code == 0 and "validation part" in out and "was trained on music" in err
    code, out, err = howlkit("evaluate", "run", "music", "--split", "all")
    assert code == 0 and "12 pieces" in out and "all part" in out


@pytest.mark.parametrize("data", [{}, {"data": None}, {"data": {"summary": "x"}}])
def test_a_model_that_does_not_say_what_it_was_trained_on_is_damaged(run_folder, howlkit, data):
    path = run_folder / "model" / "config.json"
    config = json.loads(path.read_text())
    del config["facts"]["data"]
    config["facts"] |= data
    path.write_text(json.dumps(config))
    for arguments in (["run"], ["run", "music"]):
        code, _, err = howlkit("evaluate", *arguments)
        assert code == 1 and "It is damaged" in err and "Traceback" not in err


def test_a_prepared_dataset_trains_and_info_tells_of_everything(here, howlkit):
    code, out, err = howlkit("prepare", "music", "--out", "data", "--validation", 0.2)
    assert code == 0 and "howlkit train data" in err and "12" in out
    assert howlkit("train", "data", "--steps", 2, "--out-dir", "run", *SMALL)[0] == 0
    for path, words in (
        ("data", "notes"),
        ("run", "nats a note"),
        ("music/tune-1.mid", "Grand Piano"),
    ):
        code, out, _ = howlkit("info", path)
        assert code == 0 and words in out
        assert json.loads(howlkit("info", path, "--json")[1])


def test_a_broken_file_is_counted_and_stops_nothing_unless_strict(here, howlkit):
    (here / "music" / "broken.mid").write_bytes(b"MThd no")
    code, _, err = howlkit("train", "music", "--steps", 2, "--out-dir", "run", *SMALL)
    assert code == 0 and "1 skipped" in err
    code, _, err = howlkit("train", "music", "--steps", 2, "--out-dir", "two", "--strict", *SMALL)
    assert code == 1 and "broken.mid" in err


def test_an_empty_folder_is_an_error_that_says_what_to_do(here, howlkit):
    (here / "empty").mkdir()
    code, _, err = howlkit("train", "empty", "--steps", 2)
    assert code == 1 and "empty" in err and ".mid" in err


def test_little_music_is_trained_on_with_a_warning(here, howlkit):
    midi.write(tune(bars=4), here / "one.mid")
    code, _, err = howlkit("train", "one.mid", "--steps", 2, "--out-dir", "run", *SMALL)
    assert code == 0
    assert "Warning: only" in err and "no validation part" in err and "no piece is as long" in err


def test_flags_win_over_the_environment_and_that_over_the_config_file(here, howlkit, monkeypatch):
    (here / "c.toml").write_text('steps = 7\nseed = 5\nmodel = "gru"\n[gru]\nhidden = 16\n')
    monkeypatch.setenv("HOWLKIT_TRAIN_SEED", "6")
    arguments = ["train", "music", "--config", "c.toml", "--out-dir", "run", "--steps", 3]
    assert howlkit(*arguments, "-o", "gru.layers=2")[0] == 0
    config = json.loads((here / "run" / "config.json").read_text())
    assert config["recipe"]["model"]["options"]["hidden"] == 16
    assert config["recipe"]["model"]["options"]["layers"] == 2
    assert (config["seed"], config["budget"]["steps"]) == (6, 3)
    (here / "c.toml").write_text("stepz = 7\n")
    code, _, err = howlkit("train", "--config", "c.toml")
    assert code == 2 and "Did you mean 'steps'?" in err


def resolved(run="run"):
    with open(f"{run}/config.json") as file:
        return json.load(file)


def test_a_config_file_spells_options_as_flags_do(run_folder, howlkit):
    folder = run_folder.parent
    (folder / "c.toml").write_text(
        'data = "music"\nsteps = 1\nout-dir = "other"\nprecision = 32\nstrict = true\n'
        'augment = "transpose,stretch"\n[lstm]\nhidden = 16\n'
    )
    code, _, err = howlkit("train", "--config", "c.toml")
    assert code == 0, err
    assert [a["name"] for a in resolved("other")["recipe"]["augmenters"]] == [
        "transpose",
        "stretch",
    ]
    (folder / "s.toml").write_text('n = 2\nnotes = 3\nout = "two.mid"\n')
    assert howlkit("sample", "run", "--config", "s.toml")[0] == 0
    assert (folder / "two-2.mid").exists()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("steps = 1.5", "'1.5' is not a valid integer"),
        ("steps = true", "'true' is not a valid integer"),
        ("steps = [1, 2]", "steps takes one value, not a list"),
        ("minutes = nan", "no finite number"),
        ('option = ["lstm.hidden=3"]', "a table of its name"),
        ("augmnt = 3", "Did you mean 'augment'?"),
    ],
)
def test_a_config_file_is_judged_as_the_command_line_is(here, howlkit, line, words):
    (here / "c.toml").write_text(line)
    code, _, err = howlkit("train", "music", "--config", "c.toml")
    assert code == 2 and words in err and not (here / "runs").exists()


def test_a_model_whose_plugin_is_missing_fails_as_no_wrong_usage(run_folder, howlkit):
    path = run_folder / "model" / "config.json"
    path.write_text(path.read_text().replace('"name": "lstm"', '"name": "gone"'))
    code, _, err = howlkit("sample", "run")
    assert code == 1 and "this model needs the model 'gone'" in err


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("train --encoder t", ["tuple"]),
        ("train --model ", ["lstm", "gru"]),
        ("train --augment stretch,t", ["stretch,transpose"]),
        ("train --augment no", ["none"]),
        ("sample --sampler auto", ["autoregressive"]),
        ("plugins show t", ["tuple", "transpose", "training"]),
        ("tra", ["train"]),
        ("trian --mo", []),
    ],
)
def test_a_shell_completes_names_of_components_without_torch(monkeypatch, line, offered):
    monkeypatch.setenv("_HOWLKIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"howlkit {line}")
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" "))))
    done = shell("howlkit")
    names = [row.partition(",")[2] for row in done.stdout.splitlines()]
    assert set(offered) <= set(names) and done.stderr == ""
    assert "torch" not in imported()


def test_the_environment_spells_options_as_flags_do(run_folder, howlkit, monkeypatch):
    monkeypatch.setenv("HOWLKIT_TRAIN_OPTION", "lstm.hidden=16 training.batch=2")
    monkeypatch.setenv("HOWLKIT_SAMPLE_N", "2")
    arguments = ["train", "music", "--steps", 1, "--out-dir", "other"]
    assert howlkit(*arguments, "-o", "training.batch=3")[0] == 0
    recipe = resolved("other")["recipe"]
    assert recipe["model"]["options"]["hidden"] == 16  # of the environment
    assert recipe["training"]["batch"] == 3  # of the command line, which wins
    assert howlkit("sample", "run", "--notes", 3, "--out", "two.mid")[0] == 0
    assert (run_folder.parent / "two-2.mid").exists()


def test_a_folder_in_use_is_not_overwritten(run_folder, howlkit):
    before = (run_folder / "model" / "model.safetensors").read_bytes()
    code, _, err = howlkit("train", "music", "--steps", 2, "--out-dir", "run", *SMALL)
    assert code == 1 and "--resume" in err
    assert (run_folder / "model" / "model.safetensors").read_bytes() == before


def test_init_starts_from_what_a_run_has_learnt_with_its_options(run_folder, howlkit):
    arguments = ["train", "music", "--init", "run", "--steps", 1, "--out-dir", "tuned"]
    code, _, err = howlkit(*arguments, "-o", "training.rate=0")
    assert code == 0 and "weights of run" in err
    tuned, first = (
        json.loads((run_folder.parent / name / "model" / "config.json").read_text())
        for name in ("tuned", "run")
    )
    assert tuned["recipe"]["model"] == first["recipe"]["model"]
    assert tuned["facts"]["nats_per_note"] == pytest.approx(first["facts"]["nats_per_note"])
    code, _, err = howlkit(*arguments[:-1], "other", "-o", "lstm.hidden=25")
    assert code == 1 and "do not fit" in err
    code, _, err = howlkit(*arguments[:-1], "other", "--model", "gru")
    assert code == 2 and "has 'lstm', not 'gru'" in err


def test_ctrl_c_saves_and_exits_130_and_resume_goes_on(here, howlkit):
    command = [sys.executable, "-m", "howlkit", "train", "music", "--steps", "100000"]
    process = subprocess.Popen(
        [*command, "--out-dir", "run", *SMALL], stderr=subprocess.PIPE, text=True
    )
    for line in process.stderr:
        if line.startswith("step"):
            break
    process.send_signal(signal.SIGINT)
    rest = process.stderr.read()
    process.stderr.close()
    assert process.wait(30) == 130
    assert "Stopped and saved" in rest and "--resume" in rest and "Traceback" not in rest
    step = int(rest.split("after ")[1].split()[0])
    code, _, err = howlkit("train", "--resume", "--out-dir", "run", "--steps", step + 5)
    assert code == 0 and f"after {step} steps" in err and f"Done after {step + 5} steps" in err
    code, _, err = howlkit("train", "--resume", "--out-dir", "run", "--model", "gru")
    assert code == 2 and "leave out --model." in err


def test_resume_refuses_only_what_was_typed(run_folder, howlkit, monkeypatch):
    (run_folder.parent / "c.toml").write_text('augment = "stretch"\n[lstm]\nhidden = 9\n')
    monkeypatch.setenv("HOWLKIT_TRAIN_SEED", "5")
    before = resolved()
    go_on = ["train", "--resume", "--out-dir", "run", "--config", "c.toml", "--steps", 41]
    code, _, err = howlkit(*go_on)
    assert code == 0 and "Done after 41 steps" in err
    assert "environment, are ignored: [lstm], --augment, --seed" in err
    assert resolved() | {"budget": None} == before | {"budget": None}
    assert resolved()["budget"] == {"steps": 41, "minutes": None}  # the next --resume keeps it
    for typed in (["--seed", 0], ["-o", "lstm.hidden=9"], ["--strict"], ["--augment", "stretch"]):
        code, _, err = howlkit(*go_on, *typed)
        assert code == 2 and f"leave out {typed[0]}." in err
    code, _, err = howlkit(*go_on, "music")
    assert code == 2 and "leave out data." in err


def test_music_that_changed_is_not_resumed_in_silence(run_folder, howlkit):
    time.sleep(0.01)
    midi.write(tune(77), run_folder.parent / "music" / "new.mid")
    howlkit("train", "music", "--steps", 1, "--out-dir", "other", *SMALL)  # prepares it anew
    code, _, err = howlkit("train", "--resume", "--out-dir", "run", "--steps", 50)
    assert code == 1 and "has changed" in err and "--init" in err


def test_public_names_are_there_and_cost_nothing_until_used():
    script = (
        "import sys, howlkit\n"
        "assert 'numpy' not in sys.modules\n"
        "for name in howlkit.__all__: assert getattr(howlkit, name) is not None\n"
        "assert set(howlkit._HOMES) == set(howlkit.__all__)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
