"""`howlkit sample`: what may sound, as flags."""

import pytest
import torch

from howlkit.music import midi
from howlkit.network.likelihood import unigram
from howlkit.sampling.trained import Trained
from howlkit.training.recipe import Recipe
from tests.conftest import tune, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.manual_seed(0)
    recipe = Recipe.choose("tuple", "lstm", values={"lstm": {"hidden": 8, "layers": 1}})
    # Much music, so that a long rest, which never occurs in it, is as rare as it is after training.
    counts = unigram(recipe.encoder, [tune(seed, bars=400) for seed in range(3)])
    network = recipe.model.build(recipe.encoder.schema, recipe.heads)
    network.start_at(counts)
    seen = {field: count.tolist() for field, count in counts.items()}
    facts = {"unigram": seen, "tempo": 666_667, "time_signature": [3, 4]}
    return Trained(recipe, network, facts, "plain").save_pretrained(
        tmp_path_factory.mktemp("model") / "run"
    )


@pytest.fixture
def sample(howlkit, folder, tmp_path):
    """Run `howlkit sample`; returns its exit code, stderr, and the piece if there is one."""

    def run(*arguments):
        out = tmp_path / "new.mid"
        code, _, err = howlkit(
            "sample", folder, "--stepping", "plain", "--out", out, "--force", *arguments
        )
        return code, err, midi.read(out) if code == 0 else None

    return run


def test_flags_compose(sample):
    code, err, piece = sample(
        "--notes", 40, "--key", "D minor", "--range", "48-84", "--max-polyphony", 2,
        "--instruments", "piano", "--density", "4/beat", "--chords", "Dm | Gm | A7 | Dm",
        "--temperature", 0.9, "--top-p", 0.95,
    )  # fmt: skip
    assert code == 0, err
    pitches = piece.notes["pitch"]
    assert len(piece) == 40
    assert set((pitches % 12).tolist()) <= {2, 4, 5, 7, 9, 10, 0}
    assert pitches.min() >= 48 and pitches.max() <= 84


def test_flags_have_the_words_of_python(sample, folder):
    _, _, piece = sample("--notes", 20, "--seed", 3, "--range", "60-72", "--temperature", 0.5)
    model = Trained.from_pretrained(folder, stepping="plain")
    same = model.sample(notes=20, seed=3, range=(60, 72), temperature=0.5)
    assert piece.notes["pitch"].tolist() == same.notes["pitch"].tolist()


def test_bars_are_those_of_the_training_music(sample):
    last = []
    for seed in range(4):
        code, _, piece = sample("--bars", 4, "--seed", seed)
        assert code == 0
        last.append(piece.notes["start"].max() / piece.ticks_per_beat)
    assert 9 < max(last) < 12


def test_key_auto_is_that_of_the_prompt(sample, tmp_path):
    write(tune().transpose(2), tmp_path / "prompt.mid")
    with_prompt = ["--prompt", tmp_path / "prompt.mid", "--without-prompt"]
    code, err, piece = sample("--notes", 20, "--key", "auto", *with_prompt)
    assert code == 0, err
    assert len(set((piece.notes["pitch"] % 12).tolist())) <= 7
    code, err, _ = sample("--notes", 20, "--key", "auto")
    assert code == 1 and "give a prompt" in err


def test_other_constraints_go_by_their_names_and_options(sample):
    code, _, piece = sample(
        "--notes", 30, "--constraint", "range", "-o", "range.low=60", "-o", "range.high=62"
    )  # fmt: skip
    assert code == 0 and set(piece.notes["pitch"].tolist()) <= {60, 61, 62}
    by_name = sample(
        "--notes", 30, "--constraint", "range", "-o", "range.low=C4", "-o", "range.high=D4"
    )[2]  # fmt: skip
    assert by_name == piece
    assert sample("--notes", 30, "--range", "C4-D4")[2] == piece


def test_what_is_not_used_has_no_options(sample):
    code, err, _ = sample("-o", "range.low=60")
    assert code == 2 and "'range', which is not used here" in err
    assert sample("--notes", 5, "-o", "loops.most=9")[0] == 0  # it holds by default
    code, err, _ = sample("--without", "loops", "-o", "loops.most=9")
    assert code == 2 and "'loops', which is not used here" in err
    assert sample("--notes", 5, "--without", "all")[0] == 0


def test_a_config_file_may_say_what_may_sound(sample, tmp_path):
    config = tmp_path / "wishes.toml"
    config.write_text('[sample]\nrange = "60-62"\nwithout = ["loops", "bounds"]\n')
    code, _, piece = sample("--notes", 30, "--config", config)
    assert code == 0 and set(piece.notes["pitch"].tolist()) <= {60, 61, 62}


def test_what_cannot_be_kept_exactly_is_told_first(sample):
    _, err, _ = sample("--notes", 5, "--density", "6/second")
    assert "notes a second are counted at the tempo" in err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--key", "D minr"], "Did you mean 'minor'?"),
        (["--range", "84-48"], "write 48-84"),
        (["--range", "C6-C3"], "write C3-C6"),
        (["--range", "low"], "is no range"),
        (["--instruments", "celo"], "Did you mean 'cello'?"),
        (["--max-polyphony", "0"], "--max-polyphony"),
        (["--density", "4/bar"], "4/beat or 6/second"),
        (["--chords", "Dm | H"], "bar 2 of the chords"),
        (["--constraint", "loop"], "Did you mean 'loops'?"),
        (["--without", "loop"], "Did you mean 'loops'?"),
        (["--bars", "0"], "--bars"),
        (["--temperature", "nan"], "--temperature"),
        (["--sampler", "beam", "--temperature", "1"], "sampler 'beam' has no option 'temperature'"),
    ],
)
def test_a_flag_that_cannot_be_read_is_a_wrong_usage(sample, arguments, said):
    code, err, _ = sample(*arguments)
    assert code == 2
    assert said in err
