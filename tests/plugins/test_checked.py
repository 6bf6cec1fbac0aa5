"""Nothing gets around the checks: every place that takes an object made by hand wraps it."""

import ast
import copy
import dataclasses
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch

import howlkit
from howlkit import options, plugins
from howlkit.builtin.augmenters import Transpose
from howlkit.builtin.encoders.event.encoder import Event
from howlkit.builtin.encoders.howl import Howl
from howlkit.builtin.encoders.tuple.encoder import Tuple
from howlkit.builtin.models.lstm_gru import Lstm
from howlkit.builtin.samplers import Autoregressive
from howlkit.dataset.readers import Reader
from howlkit.errors import PluginError
from howlkit.evaluation import roundtrip
from howlkit.head_options import HeadOptions
from howlkit.music import midi
from howlkit.network.likelihood import encode_all, unigram
from howlkit.plugins.checked import CheckedEncoder, CheckedSource, checked, unwrapped
from howlkit.sampling import Limit, Session, generation, writers
from howlkit.sampling.runners import make_runner
from howlkit.testing.fake_encoder import FakeEncoder
from howlkit.training.recipe import Recipe
from howlkit.training.windows import Position, Windows
from tests.conftest import tune

OTHER = object()  # no contract allows it
TUPLE = Tuple()


class Grammar:
    """A sound grammar, except for one method that returns garbage from its second call on."""

    def __init__(self, sound, lie):
        self.sound, self.lie, self.calls = sound, lie, 0

    def _told(self, name, told):
        self.calls += name == self.lie
        return OTHER if name == self.lie and self.calls > 1 else told

    @property
    def now(self):
        return self._told("now", self.sound.now)

    def allowed(self, field, given):
        return self._told("allowed", self.sound.allowed(field, given))

    def push(self, step, rows):
        return self._told("push", self.sound.push(step, rows))

    def step_mask(self):
        return self._told("step_mask", self.sound.step_mask())

    def select(self, rows):
        return self._told("select", Grammar(self.sound.select(rows), self.lie))


@dataclass(frozen=True)
class Liar(Tuple):
    """The encoder `tuple`, except for one method that returns garbage."""

    lie: str = ""

    def encode(self, piece):
        return OTHER if self.lie == "encode" else super().encode(piece)

    def decode(self, steps, *, like=None):
        return OTHER if self.lie == "decode" else super().decode(steps, like=like)

    def ticks(self, steps, *, like=None):
        return OTHER if self.lie == "ticks" else super().ticks(steps, like=like)

    def grammar(self, rows, *, like=None):
        return (
            OTHER if self.lie == "grammar" else Grammar(super().grammar(rows, like=like), self.lie)
        )


def session(encoder=TUPLE, **limits):
    heads = HeadOptions(embedding=4, width=8)
    torch.manual_seed(0)
    network = Lstm(hidden=8).build(encoder.schema, heads).eval()
    runner = make_runner(network, encoder.schema, Lstm(hidden=8), stepping="plain")
    return Session(runner, encoder, limit=Limit(**({"notes": 9, "ends": False} | limits)))


def played(encoder, **limits):
    made = session(encoder, **limits)
    while not made.done.all():
        made.step()
    return made


def windows(encoder=TUPLE, augmenters=()):
    made = Windows([tune()].__getitem__, np.array([len(tune())]), encoder, augmenters)
    return next(made.segments(Position()))


def recipe(encoder):
    return Recipe(encoder, Lstm()).encoder


@pytest.mark.parametrize(
    ("lie", "door"),
    [
        ("grammar", session),
        ("allowed", lambda liar: played(liar)),
        ("push", lambda liar: [session(liar).feed([Tuple().encode(tune())]) for _ in range(2)]),
        ("now", lambda liar: played(liar, beats=3)),
        ("select", lambda liar: session(liar).fork()),
        ("encode", lambda liar: session(liar).prompt([tune()])),
        ("decode", lambda liar: session(liar).piece()),
        ("decode", lambda liar: session(liar).made()),
        ("encode", lambda liar: session(liar).encoder.encode(tune())),
        ("encode", lambda liar: generation.run(session(liar), Autoregressive(first="random"))),
        ("encode", windows),
        ("encode", lambda liar: encode_all(liar, [tune()])),
        ("decode", lambda liar: encode_all(liar, [tune()])),
        ("encode", lambda liar: unigram(liar, [tune()])),
        ("encode", lambda liar: roundtrip.encoding_loss(liar, tune(), frozenset())),
        ("decode", lambda liar: roundtrip.encoding_loss(liar, tune(), frozenset())),
        ("encode", lambda liar: recipe(liar).encode(tune())),
        ("ticks", lambda liar: recipe(liar).ticks(Tuple().encode(tune()))),
    ],
)
def test_an_encoder_made_by_hand_is_checked_wherever_it_is_given(lie, door):
    with pytest.raises(PluginError, match=rf"'tuple' \(\S+\.Liar\): {lie}\b.* (is|are) needed"):
        door(Liar(lie=lie))
    door(Liar())  # without the lie it works


def test_roundtrip_reports_the_piece_at_which_an_encoder_lies():
    (report,) = roundtrip.compare_encoders([Liar(lie="decode")], [tune()])
    (failed,) = report.failures
    assert "decode returned a object; a Piece is needed" in failed.error


class Shorter:
    name = "shorter"

    def __call__(self, piece, rng):
        return piece.excerpt(0, len(piece) - 1)


class Talker:
    def generate(self, session):
        yield "a step"


class Deaf:
    def generate(self):
        yield


class Forgetful:
    name, suffixes = "forgetful", (".txt",)

    def write(self, piece, path):
        pass


def test_an_augmenter_made_by_hand_is_checked():
    for door in (
        lambda: windows(augmenters=[Shorter()]),
        lambda: Recipe(Tuple(), Lstm(), augmenters=(Shorter(),)).augmenters[0](tune(), None),
    ):
        with pytest.raises(PluginError, match="'shorter' .*Shorter.*: it returned .* as many is"):
            door()


@pytest.mark.parametrize(
    ("sampler", "said"),
    [
        (Talker, "generate yielded the str 'a step'"),
        (
            Deaf,
            r"generate\(\) cannot be called as generate\(session\) .*: write def generate\(self",
        ),
    ],
)
def test_a_sampler_made_by_hand_is_checked(sampler, said):
    with pytest.raises(PluginError, match=said):
        generation.run(session(), sampler())


def test_a_writer_made_by_hand_is_checked(tmp_path):
    with pytest.raises(PluginError, match=r"'forgetful' \(\S+\) wrote no file"):
        writers.write(tune(), tmp_path / "new.txt", Forgetful())


def test_a_source_is_checked(tmp_path):
    @dataclass(frozen=True)
    class Words:
        name: ClassVar[str] = "words"
        suffixes: ClassVar = (".txt",)
        collections: ClassVar = {}

        def read(self, path):
            return ["do", tune()]

    component = plugins.Component("words", "source", Words, "howlkit-words", "1", "")
    (tmp_path / "a.txt").write_text("do")
    reason, piece = Reader.of(component, {}).read(str(tmp_path / "a.txt"), midi.Limits())
    assert "read yielded the str 'do'; a Piece is needed" in reason and len(piece)
    with pytest.raises(PluginError, match="suffixes is the str '.txt'; a tuple such as"):
        CheckedSource.of(type("Odd", (Words,), {"suffixes": ".txt"})())


def test_a_wrapper_stands_in_for_its_component():
    plain, made = Tuple(grid=7), plugins.create("encoder", "tuple", {"grid": 7})
    assert made == plain == made and hash(made) == hash(plain) and repr(made) == repr(plain)
    assert made != Tuple() and (made.name, made.grid, made.schema) == ("tuple", 7, plain.schema)
    assert unwrapped(made) == plain and type(unwrapped(made)) is Tuple
    assert unwrapped(plain) is plain and options.to_json(unwrapped(made))["grid"] == 7
    assert dataclasses.replace(unwrapped(made), grid=8) == Tuple(grid=8)
    for again in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made), copy.copy(made)):
        assert type(again) is CheckedEncoder and again == made
    assert CheckedEncoder.of(made) is made and checked("encoder", made) is made
    assert checked("model", Lstm()) == Lstm()


def test_a_pickled_component_keeps_its_owner():
    code = (
        "import sys, pickle; made = pickle.loads(sys.stdin.buffer.read());"
        "from howlkit.plugins.attribution import owner_of; from howlkit.plugins import unwrapped;"
        "assert 'howlkit.plugins.registry' not in sys.modules; print(owner_of(unwrapped(made)))"
    )
    made = plugins.create("augmenter", "transpose")
    finished = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps(made), capture_output=True, check=True
    )
    assert finished.stdout.decode().strip() == (
        f"augmenter 'transpose' of howlkit {howlkit.__version__}"
    )
    assert unwrapped(made) == Transpose()


def test_optional_capabilities_have_defaults():
    made = CheckedEncoder.of(Howl())
    assert made.fitted(iter(())) is made and made.left_out(iter(())) == ""
    assert (made.sets_tempo, dict(made.exemptions)) == (False, {})
    grammar = CheckedEncoder.of(TUPLE).grammar(2)
    np.testing.assert_allclose(grammar.seconds(np.array([1.0, 3.0])), [0.5, 1.5])


def test_a_step_mask_is_derived_where_a_step_is_one_field():
    event, fake = CheckedEncoder.of(Event(programs=False)), CheckedEncoder.of(FakeEncoder())
    assert not hasattr(event.grammar(2)._grammar, "step_mask")
    grammar, (mark, token) = event.grammar(2), event.schema.decisions
    mask = grammar.step_mask()
    assert (mask.allowed[:, : mark.n] == grammar.allowed(mark, event.schema.steps(2))).all()
    assert (mask.allowed[:, mark.n :] == grammar.allowed(token, event.schema.steps(2))).all()
    assert not mask.least.any()
    assert len(fake.schema.decisions) > 2 and fake.grammar(2).step_mask() is None


ASKING = {"hasattr", "getattr"}
CAPABILITIES = {
    *("fitted", "left_out", "sets_tempo", "exemptions", "step_mask", "derived", "seconds"),
    *("note_choices", "note_tables", "note_bases", "possible_notes"),
}


def test_the_core_asks_no_component_whether_it_has_a_capability():
    """Only the wrappers do, and the laws of the testing kit, which call components unwrapped."""
    root = Path(howlkit.__file__).parent
    for path in root.rglob("*.py"):
        if path.relative_to(root).parts[0] in ("plugins", "testing"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "hasattr",
                "getattr",
            ):
                named = {arg.value for arg in node.args if isinstance(arg, ast.Constant)}
                assert not named & CAPABILITIES, (path, node.lineno)
