import pytest

import howlkit
from howlkit.errors import PluginError
from howlkit.music import provenance
from howlkit.plugins.checked_encoder import CheckedEncoder
from howlkit.sampling.advice import advised
from howlkit.sampling.trained import Trained
from tests.sampling.small_models import small_model

ADVICE = {"pitch": {"temperature": 0.5}, "velocity": {"top_p": 1.0}}


def model(advice=None):
    made = small_model("tuple")
    facts = made.facts if advice is None else {**made.facts, "sampling": advice}
    return Trained(made.recipe, made.network, facts, "plain")


def notes_of(trained, **options):
    return trained.sample(notes=40, seed=3, **options).notes.tolist()


def test_a_run_is_sampled_as_it_advises_unless_something_is_said():
    plain, trained = model(), model(ADVICE)
    said = {name: dict(own) for name, own in ADVICE.items()}
    assert notes_of(trained) == notes_of(plain, **said) != notes_of(plain)
    assert notes_of(trained, temperature=0.9) == notes_of(plain, temperature=0.9)
    assert notes_of(trained, top_k=5) == notes_of(plain, top_k=5)
    own = notes_of(trained, pitch={"top_k": 3})
    assert own == notes_of(plain, pitch={"top_k": 3}, velocity={"top_p": 1.0})


def test_the_record_has_what_was_advised():
    record = provenance.read(model(ADVICE).sample(notes=10, seed=1))
    assert record["sampler"]["options"]["pitch.temperature"] == 0.5


def test_samplers_that_do_not_draw_by_field_are_left_alone():
    assert advised({"sampling": ADVICE}, "beam", {}) == {}
    assert advised({"sampling": ADVICE}, "best-of", {}) == ADVICE
    assert advised({}, "autoregressive", {}) == {}


@pytest.mark.parametrize("pitch", ["one", "octave"])
def test_tuple_keeps_the_rare_values_of_onsets_and_velocities_in_beats(pitch):
    made = howlkit.encoder("tuple", pitch=pitch)
    advice = CheckedEncoder.of(made).sampling_advice
    assert advice == {name: {"top_p": 1.0} for name in ("shift", "shift_fine", "velocity")}
    howlkit.sampler("autoregressive", **advice)  # all of it can be said
    assert CheckedEncoder.of(howlkit.encoder("tuple", clock="seconds")).sampling_advice == {}


@pytest.mark.parametrize("advice", [{"pich": {"temperature": 1.0}}, {"pitch": 0.5}, [1]])
def test_advice_that_is_no_options_by_field_is_refused(advice):
    class Advising(type(CheckedEncoder.of(howlkit.encoder("tuple"))._component)):
        sampling_advice = advice

    with pytest.raises(PluginError, match="sampling_advice"):
        _ = CheckedEncoder(Advising()).sampling_advice


def test_new_runs_let_pieces_end(music, tmp_path):
    small = {"lstm.hidden": 8, "training.batch": 2}
    kept = howlkit.train(
        music, steps=2, options=small, encoder="event", out_dir=tmp_path / "run", quiet=True
    )
    assert kept.facts["sampling"] == {"mark": {"top_p": 1.0}}
    assert howlkit.load(tmp_path / "run").facts["sampling"] == kept.facts["sampling"]
