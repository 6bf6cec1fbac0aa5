"""Each check of the kit can fail: components broken on purpose, and the check that notices."""

import re
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from howlkit.builtin.augmenters import Transpose
from howlkit.builtin.models.lstm_gru import Gru
from howlkit.builtin.samplers import Autoregressive
from howlkit.commands.plugin_template.augmenter import Stencil as Swing
from howlkit.music.piece import MAX_TICK, Piece
from howlkit.network.network import Network
from howlkit.note_choices import PossibleNotes
from howlkit.options import option
from howlkit.protocols import StepMask
from howlkit.sampling.limits import Limit
from howlkit.schema import Schema
from howlkit.testing import (
    CheckFailed,
    augmenter_checks,
    check_augmenter,
    check_encoder,
    check_sampler,
    encoder_checks,
    model_checks,
    sampler_checks,
)
from howlkit.testing.fake_encoder import FakeEncoder, FakeGrammar


def failure_of(checks, name):
    """What the check called `name` says."""
    (check,) = [check for check in checks if check.name == name]
    failure = check.failure()
    assert failure is not None, f"{name} did not notice"
    return str(failure)


# Encoders ---------------------------------------------------------------------------------------


class DropsANote(FakeEncoder):
    """Loses the last note."""

    def decode(self, steps, *, like=None):
        piece = super().decode(steps, like=like)
        return piece.replace(notes=piece.notes[:-1])


class SwallowsEverySecondShift(FakeEncoder):
    """Encodes another shift than it decodes."""

    def encode(self, piece):
        steps = super().encode(piece)
        steps["shift"][1:-1] = np.maximum(steps["shift"][1:-1] // 2, 1)
        return steps


class OffByOne(FakeEncoder):
    """Takes one step more into each excerpt."""

    def encode(self, piece):
        return super().encode(piece.replace(until=piece.until + piece.ticks_per_beat))


class LeaksTheFuture(FakeEncoder):
    """Derives what comes next."""

    def encode(self, piece):
        steps = super().encode(piece)
        steps["count"][:-1] = steps["count"][1:]
        return steps


class GivesAwayItsCache(FakeEncoder):
    """Returns an array that it keeps."""

    kept: ClassVar[dict] = {}

    def encode(self, piece):
        return self.kept.setdefault(piece.name, super().encode(piece))


class Jazz(FakeEncoder):
    """Plays drums on the piano."""

    def encode(self, piece):
        notes = piece.notes.copy()
        notes["program"] = 0
        return super().encode(piece.replace(notes=notes))


class EmptyIsNothing(FakeEncoder):
    """Has no rows at all for a piece without notes."""

    def encode(self, piece):
        return super().encode(piece) if len(piece) else self.schema.steps(0)


class FillsInactiveFields(FakeEncoder):
    """Writes a key where there is a chord."""

    def encode(self, piece):
        steps = super().encode(piece)
        steps["key"][steps["chord"] == 1] = 3
        return steps


class ASliceARow(FakeEncoder):
    """Allocates a row for each slice of time."""

    def encode(self, piece):
        np.ones(piece.end // piece.ticks_per_beat * self.grid * 256, np.uint8)
        return super().encode(piece)


class ForgetsTheTempo(FakeEncoder):
    """Decodes in a tempo of its own."""

    def decode(self, steps, *, like=None):
        return super().decode(steps, like=like).replace(tempos=Piece.of([], bpm=90).tempos)


class TicksAreLate(FakeEncoder):
    """Says that every step stands a beat later."""

    def ticks(self, steps, *, like=None):
        return super().ticks(steps, like=like) + self._frame(like).ticks_per_beat

    def decode(self, steps, *, like=None):
        piece = super().decode(steps, like=like)
        notes = piece.notes.copy()
        notes["start"] -= piece.ticks_per_beat
        return piece.replace(notes=notes)


class Crashes(FakeEncoder):
    """Cannot take more than a hundred notes."""

    def encode(self, piece):
        if len(piece) > 100:
            raise KeyError("too many")
        return super().encode(piece)


class UnevenSchema(FakeEncoder):
    """Stores a number that JSON makes another."""

    @property
    def schema(self):
        schema = super().schema
        shift = replace(schema["shift"], when=None, unit=("a", "tuple"))
        return Schema((shift, *schema.fields[1:]))


def with_grammar(**methods):
    """FakeEncoder, but with a grammar in which some methods are others."""
    broken = type("Broken", (FakeGrammar,), methods)

    class Grammatical(FakeEncoder):
        """Has another grammar."""

        def grammar(self, rows, *, like=None):
            sound = super().grammar(rows, like=like)
            return broken(sound.grid, sound.at, sound.count)

    if "select" not in methods:
        broken.select = lambda self, rows: broken(self.grid, self.at[rows], self.count[rows])
    return Grammatical


def allows_no_shift(self, field, given):
    mask = FakeGrammar.allowed(self, field, given)
    return np.ones_like(mask) if field.name == "shift" else mask


def allows_one_key_chords(self, field, given):
    mask = FakeGrammar.allowed(self, field, given)
    if field.name == "keys":
        mask[:, -1] |= given["keys"].any(axis=1)
    return mask


def allows_no_way_out(self, field, given):
    mask = FakeGrammar.allowed(self, field, given)
    if field.name == "loudness":
        mask[given["shift"] == 3] = False
    return mask


def allows_no_loud_notes(self, field, given):
    mask = FakeGrammar.allowed(self, field, given)
    if field.name == "loudness":
        mask[:, -1] = False
    return mask


def allows_too_few_columns(self, field, given):
    return FakeGrammar.allowed(self, field, given)[:, : field.n]


def pushes_one_note(self, step, rows):
    return np.minimum(FakeGrammar.push(self, step, rows), 1)


def pushes_every_row(self, step, rows):
    return FakeGrammar.push(self, step, np.ones_like(rows))


class SharingGrammar(FakeGrammar):
    """All copies of it count into one array."""

    def push(self, step, rows):
        begun = FakeGrammar.push(self, step, rows)
        self.shared[: len(self.at)] += np.where(rows, 1, 0)
        return begun

    def allowed(self, field, given):
        mask = FakeGrammar.allowed(self, field, given)
        if field.name == "loudness":
            mask[:, 0] = self.shared[: len(self.at)] % 2 == 0
        return mask

    def select(self, rows):
        copy = SharingGrammar(self.grid, self.at[rows], self.count[rows])
        copy.shared = self.shared
        return copy


def looks_at_nothing(self):
    decisions = FakeEncoder().schema.decisions
    choices = sum(field.choices for field in decisions)
    allowed = np.ones((len(self.at), choices), bool)
    return StepMask(allowed, np.zeros((len(self.at), len(decisions)), np.int64))


def tells(**changed):
    """A method `note_choices` in which some arrays are others."""

    def note_choices(self, field, given):
        told = FakeGrammar.note_choices(self, field, given)
        if told is None:
            return None
        return replace(told, **{name: change(field, told) for name, change in changed.items()})

    return note_choices


NO_CHORDS = tells(role=lambda field, told: told.role * np.uint8(field.name != "keys"))
LATE = tells(onset=lambda field, told: told.onset + 1, end=lambda field, told: told.end + 1)
OTHER_ONSETS = tells(onset=lambda field, told: told.onset + (field.name == "shift"))
TOO_HIGH = tells(pitch=lambda field, told: told.pitch + 12)
LONG = tells(end=lambda field, told: told.end + 1)
UNTOLD = tells(pitch=lambda field, told: told.pitch * 0 - 1)
NARROW = tells(pitch=lambda field, told: told.pitch[:, :-1])
FRACTIONS = tells(onset=lambda field, told: told.onset / 1)


class SharesState(FakeEncoder):
    """Copies of its grammar share an array."""

    def grammar(self, rows, *, like=None):
        sound = super().grammar(rows, like=like)
        grammar = SharingGrammar(sound.grid, sound.at, sound.count)
        grammar.shared = np.zeros(rows, np.int64)
        return grammar


ENCODERS = [
    (DropsANote, "round trip", "which of the two spellings"),
    (DropsANote, "decode equals pushing", "from `decode`"),
    (SwallowsEverySecondShift, "encode is stable", "what rounds twice"),
    (OffByOne, "excerpts give the whole", "`until` is not|from `since` up to `until`"),
    (LeaksTheFuture, "derived fields follow", "as the grammar derives"),
    (GivesAwayItsCache, "encode is pure", "keeps between calls"),
    (Jazz, "drums stay drums", "leave out notes of program DRUMS"),
    (EmptyIsNothing, "an empty piece", r"got: \[\]"),
    (FillsInactiveFields, "steps fit the schema", "key=0 where it is not active"),
    (ASliceARow, "hostile pieces", "less than 256 MB"),
    (ForgetsTheTempo, "decode takes over like", "without_notes"),
    (TicksAreLate, "decode equals pushing", "no exception|as `ticks` says"),
    (Crashes, "encode is stable", r"KeyError: 'too many' \(.*test_testing.py:\d+\)"),
    (UnevenSchema, "schema is stored", "unit"),
    (with_grammar(allowed=allows_no_shift), "round trip", "input: walk of seed"),
    (with_grammar(allowed=allows_one_key_chords), "round trip", "chord=1 keys="),
    (with_grammar(allowed=allows_no_way_out), "round trip", "a value for 'loudness'.*every row"),
    (with_grammar(allowed=allows_no_loud_notes), "grammar allows what encode gives", "'loudness'"),
    (with_grammar(allowed=allows_too_few_columns), "round trip", "bool of shape"),
    (with_grammar(push=pushes_one_note), "decode equals pushing", "as `push` counted"),
    (with_grammar(push=pushes_every_row), "rows are independent", "only the rows marked True"),
    (with_grammar(now=property(lambda self: self.at / 7)), "decode equals pushing", "`now`"),
    (
        with_grammar(step_mask=looks_at_nothing),
        "step mask says what allowed does",
        "'shift' to be in",
    ),
    (SharesState, "rows are independent", "`select` shares"),
    (
        with_grammar(note_choices=NO_CHORDS),
        "note choices say what decode gives",
        "notes, as `decode` returns",
    ),
    (with_grammar(note_choices=LATE), "note choices say what decode gives", "onset of the choices"),
    (
        with_grammar(note_choices=OTHER_ONSETS),
        "note choices say what decode gives",
        "as the choice before said of the note",
    ),
    (
        with_grammar(note_choices=TOO_HIGH),
        "note choices say what decode gives",
        "expected: pitch=",
    ),
    (with_grammar(note_choices=LONG), "note choices say what decode gives", "end of the choices"),
    (with_grammar(note_choices=UNTOLD), "note choices say what decode gives", "pitch unknown"),
    (with_grammar(note_choices=NARROW), "note choices say what decode gives", "integers of shape"),
    (
        with_grammar(possible_notes=PossibleNotes((0,), range(60, 64))),
        "possible notes are all that decode gives",
        "pitch \\[",
    ),
    (
        with_grammar(possible_notes=PossibleNotes((40,), range(128))),
        "possible notes are all that decode gives",
        "program \\[0\\]",
    ),
    (
        with_grammar(note_choices=FRACTIONS),
        "note choices say what decode gives",
        "integers of shape",
    ),
]


@pytest.mark.parametrize(
    ("encoder", "check", "said"), ENCODERS, ids=lambda value: getattr(value, "__name__", value)
)
def test_a_broken_encoder_is_noticed(encoder, check, said):
    message = failure_of(encoder_checks(encoder()), check)
    assert message.startswith(f"encoder 'fake' fails {check!r}\n  law: ")
    assert re.search(said, message), message


# Laws that an encoder declares not to hold -------------------------------------------------------

TwoSpellings = with_grammar(allowed=allows_one_key_chords)
"""A single key may be told as a chord of one."""


class GoesAstray(FakeEncoder):
    """Decodes all notes later, the more steps there are."""

    def decode(self, steps, *, like=None):
        piece = super().decode(steps, like=like)
        notes = piece.notes.copy()
        notes["start"] += len(steps) * piece.ticks_per_beat
        return piece.replace(notes=notes)


def test_music_that_does_not_follow_its_prompt_is_noticed():
    message = failure_of(encoder_checks(GoesAstray()), "music follows a prompt")
    assert "new notes in `decode`" in message and "more steps" in message


def departing(encoder, *laws):
    """The encoder, but declaring that some laws do not hold for it."""
    exemptions = dict.fromkeys(laws, "it is made that way")
    return type(encoder.__name__, (encoder,), {"exemptions": exemptions, "__doc__": "Departs."})()


def test_an_encoder_of_several_spellings_that_says_so_passes():
    assert "one spelling" in failure_of(encoder_checks(TwoSpellings()), "round trip")
    encoder = departing(TwoSpellings, "round trip")
    (check,) = [check for check in encoder_checks(encoder) if check.name == "round trip"]
    assert check.reason == "it is made that way" and "the same music" in check.text
    assert check.failure() is None
    check_encoder(encoder)


class MovesAWholeChord(FakeEncoder):
    """Decodes the loudest chord a beat too late."""

    def decode(self, steps, *, like=None):
        piece = super().decode(steps, like=like)
        notes = piece.notes.copy()
        notes["start"][notes["velocity"] == notes["velocity"].max(initial=0)] += 480
        return piece.replace(notes=np.sort(notes))


class AllowsSlicesTwice(FakeEncoder):
    """Allows a second step at a slice, whose keys may be those of the first."""

    def grammar(self, rows, *, like=None):
        return with_grammar(allowed=allows_no_shift)(self.grid).grammar(rows)


class CutsExcerptsShort(FakeEncoder):
    """Leaves out the last step of an excerpt that is not the end of its piece."""

    def encode(self, piece):
        steps = super().encode(piece)
        return steps if piece.has_end else steps[: max(len(steps) - 1, 1)]


class EndsExcerpts(FakeEncoder):
    """Writes an end after every excerpt."""

    def encode(self, piece):
        return super().encode(piece.replace(has_end=True))


@pytest.mark.parametrize(
    ("encoder", "check", "said"),
    [
        (DropsANote, "round trip", "note"),
        (AllowsSlicesTwice, "round trip", "notes"),
        (SwallowsEverySecondShift, "round trip", "note"),
        (OffByOne, "excerpts give the whole", "notes in all"),
        (CutsExcerptsShort, "excerpts give the whole", "are missing"),
        (EndsExcerpts, "excerpts give the whole", "no end"),
        (DropsANote, "decode equals pushing", "as `push` counted"),
        (with_grammar(push=pushes_one_note), "decode equals pushing", "as `push` counted"),
        (with_grammar(now=property(lambda self: self.at / 7)), "decode equals pushing", "`now`"),
        (MovesAWholeChord, "decode equals pushing", "depends on steps that come later"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_what_is_broken_is_noticed_though_the_law_is_declared_not_to_hold(encoder, check, said):
    message = failure_of(encoder_checks(departing(encoder, check)), check)
    assert said in message, message


def test_only_some_laws_may_be_declared_and_never_without_a_reason():
    checks = encoder_checks(departing(SwallowsEverySecondShift, "encode is stable"))
    assert "'round trip'" in failure_of(checks, "exemptions are known")
    assert "what rounds twice" in failure_of(checks, "encode is stable")
    own = {"exemptions": {"round trip": ""}, "__doc__": "Silent."}
    silent = type("Silent", (FakeEncoder,), own)
    assert "in a sentence" in failure_of(encoder_checks(silent()), "exemptions are known")
    nonsense = type("Nonsense", (FakeEncoder,), {"exemptions": 3, "__doc__": "Nonsense."})
    assert "AttributeError" in failure_of(encoder_checks(nonsense()), "exemptions are known")


# Options, of any kind ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Nameless:
    by: int = 10
    name: ClassVar[str] = "nameless"

    def __call__(self, piece, rng):
        return piece


@dataclass(frozen=True)
class Boundless:
    """Louder, by anything."""

    by: int = option(10, "how much")
    name: ClassVar[str] = "boundless"

    def __call__(self, piece, rng):
        notes = piece.notes.copy()
        notes["velocity"] = np.minimum(notes["velocity"] + rng.integers(self.by), 127)
        return piece.replace(notes=notes)


@dataclass(frozen=True)
class TooFar(Boundless):
    """Louder, beyond what a note can be."""

    by: int = option(10, "how much", low=1, high=255)

    def __call__(self, piece, rng):
        notes = piece.notes.copy()
        notes["velocity"] = notes["velocity"] // 2 + rng.integers(self.by)
        return piece.replace(notes=notes)


def test_components_that_say_nothing_of_themselves_are_noticed():
    assert "first line" in failure_of(augmenter_checks(Nameless()), "is described")
    described = type("Described", (Nameless,), {"__doc__": "Do nothing."})
    assert "help text for option 'by'" in failure_of(augmenter_checks(described()), "is described")


def test_options_without_limits_or_that_fail_at_them_are_noticed():
    message = failure_of(augmenter_checks(Boundless()), "wrong options are refused")
    assert "people will try -1" in message
    message = failure_of(augmenter_checks(TooFar()), "works at the limits of options")
    assert "by=255" in message and "OverflowError" in message or "PieceError" in message


# Augmenters -------------------------------------------------------------------------------------


class LosesNotes(Transpose):
    """Leaves out what it cannot move."""

    def __call__(self, piece, rng):
        return piece.replace(notes=piece.notes[piece.notes["pitch"] < 100])


class NewPiece(Transpose):
    """Makes a piece that knows nothing of the excerpt."""

    def __call__(self, piece, rng):
        return Piece(super().__call__(piece, rng).notes, piece.ticks_per_beat)


class GlobalDice(Transpose):
    """Draws from numpy's global generator."""

    def __call__(self, piece, rng):
        return super().__call__(piece, np.random.default_rng(np.random.randint(99)))


class DoesNothing(Transpose):
    """Leaves everything."""

    def __call__(self, piece, rng):
        return piece


class InPlace(Transpose):
    """Changes what it is given."""

    def __call__(self, piece, rng):
        notes = piece.notes
        notes.flags.writeable = True
        notes["velocity"] = 1 + rng.integers(100)
        return piece.replace(notes=notes)


class Jitter(Transpose):
    """Moves each onset by itself, and does not look where to."""

    def __call__(self, piece, rng):
        notes = piece.notes.copy()
        moved = notes["start"] + np.rint(rng.normal(0, 4, len(notes))).astype(np.int64)
        notes["start"] = np.clip(moved, 0, MAX_TICK - notes["duration"].astype(np.int64))
        return piece.replace(notes=notes)


class LeavesAChord(Transpose):
    """Moves the notes of an excerpt on, but not those that its first chord has in the context."""

    def __call__(self, piece, rng):
        notes = piece.notes.copy()
        more = int(rng.integers(3))
        moved = notes["start"][piece.context :] + more
        notes["start"][piece.context :] = np.minimum(moved, MAX_TICK - 1)
        notes["duration"] = np.minimum(notes["duration"], MAX_TICK - notes["start"])
        return piece.replace(notes=notes, until=piece.until + more)


@pytest.mark.parametrize(
    ("augmenter", "check", "said"),
    [
        (Jitter, "nothing crosses the edges of an excerpt", "howlkit.music.moved(piece, onsets)"),
        (LeavesAChord, "nothing crosses the edges of an excerpt", "left behind by the rest of it"),
        (LosesNotes, "keeps the notes", "input: scatter(1), seed 0"),
        (NewPiece, "keeps the excerpt", "`piece.replace(...)` keeps it"),
        (GlobalDice, "is random by rng alone", "do not come from `rng`"),
        (DoesNothing, "is random by rng alone", "at least one change"),
        (InPlace, "leaves its input alone", "copy them first"),
    ],
)
def test_a_broken_augmenter_is_noticed(augmenter, check, said):
    assert said in failure_of(augmenter_checks(augmenter()), check)


def test_a_jitter_crosses_edges_and_passes_every_other_law():
    others = [each for each in augmenter_checks(Jitter()) if "edges" not in each.name]
    assert [each.name for each in others if each.failure()] == []
    assert not any(each.failure() for each in augmenter_checks(Swing(most=0.9)))


# Models -----------------------------------------------------------------------------------------


class Backbone(nn.Module):
    """A sound one, to be broken: a GRU, step by step."""

    def __init__(self, width_in):
        super().__init__()
        self.width = 12
        self.cell = nn.GRUCell(width_in, 12)

    def forward(self, x, state, lengths=None):
        h = x.new_zeros(len(x), 12) if state is None else state["h"]
        outputs = []
        for t in range(x.shape[1]):
            after = self.cell(x[:, t], h)
            counts = torch.ones(len(x), 1) if lengths is None else (lengths > t)[:, None].float()
            h = torch.where(counts > 0, after, h)
            outputs.append(h)
        y = torch.stack(outputs, 1) if outputs else x.new_zeros(len(x), 0, 12)
        return y, {"h": h}


class StateForgotten(Backbone):
    def forward(self, x, state, lengths=None):
        return super().forward(x, None, lengths)


class StateKeptAside(Backbone):
    kept = None

    def forward(self, x, state, lengths=None):
        y, after = super().forward(x, None if state is None else self.kept, lengths)
        self.kept = after
        return y, {"h": torch.zeros(len(x), 1)}


class TimeFirst(Backbone):
    def forward(self, x, state, lengths=None):
        state = None if state is None else {"h": state["h"][0]}
        y, after = super().forward(x, state, lengths)
        return y, {"h": after["h"][None]}


class LengthsIgnored(Backbone):
    def forward(self, x, state, lengths=None):
        return super().forward(x, state, None)


class LooksAhead(Backbone):
    def forward(self, x, state, lengths=None):
        y, after = super().forward(x, state, lengths)
        return torch.cat((y[:, 1:], y[:, -1:]), 1), after


class MixesRows(Backbone):
    def forward(self, x, state, lengths=None):
        y, after = super().forward(x, state, lengths)
        return y - y.mean(0, keepdim=True) / 2, after


class Drops(Backbone):
    def forward(self, x, state, lengths=None):
        return super().forward(nn.functional.dropout(x, 0.5, training=True), state, lengths)


class Unused(Backbone):
    def __init__(self, width_in):
        super().__init__(width_in)
        self.spare = nn.Linear(3, 3)


class Memoryless(Backbone):
    def forward(self, x, state, lengths=None):
        each = [super(Memoryless, self).forward(one, None)[0] for one in x.split(1, 1)]
        return torch.cat(each, 1), {"h": torch.zeros(len(x), 12)}


class NotStored(Backbone):
    def __init__(self, width_in):
        super().__init__(width_in)
        self.noise = torch.randn(12)

    def forward(self, x, state, lengths=None):
        y, after = super().forward(x, state, lengths)
        return y + self.noise, after


class OneNumberFormat(Backbone):
    def forward(self, x, state, lengths=None):
        if torch.is_autocast_enabled("cpu"):
            raise RuntimeError("expected scalar type Float but found BFloat16")
        return super().forward(x, state, lengths)


class SelfSeeded(Backbone):
    def __init__(self, width_in):
        torch.manual_seed(7)
        super().__init__(width_in)


class Gated(Backbone):
    """With a part that begins at zero: a sound one, how many steps there were so far."""

    def __init__(self, width_in):
        super().__init__(width_in)
        self.gate = nn.Parameter(torch.zeros(self.width))

    def forward(self, x, state, lengths=None):
        y, after = super().forward(x, state, lengths)
        n = x.new_zeros(len(x), 1) if state is None else state["n"]
        counted = torch.full((len(x),), x.shape[1]) if lengths is None else lengths
        gated = y + self.gate * self.seen(n, x.shape[1])[..., None].sin()
        return gated, after | {"n": n + counted[:, None]}

    def seen(self, n, steps):
        return n + torch.arange(steps)


class GatedWithoutCache(Gated):
    """Counts from the beginning of the call."""

    def seen(self, n, steps):
        return super().seen(n * 0, steps)


class GatedAcrossRows(Gated):
    """Counts the rows as well."""

    def seen(self, n, steps):
        return super().seen(n, steps) + len(n)


def modelled(backbone, network=Network):
    """A model whose backbone is of this class."""

    @dataclass(frozen=True)
    class Modelled:
        """Broken, perhaps."""

        name: ClassVar[str] = "modelled"

        def build(self, schema, heads):
            return network(schema, heads, backbone(heads.width_in(schema)))

    return Modelled()


class PricesTwice(Network):
    def nats(self, hidden, targets):
        return {name: 2 * cost for name, cost in super().nats(hidden, targets).items()}


class DecidesOtherwise(Network):
    def stepper(self):
        stepper = super().stepper()
        stepper.begin = lambda hidden: type(stepper).begin(stepper, -hidden)
        return stepper


class StartsAnywhere(Network):
    def start_at(self, counts):
        pass


@pytest.mark.parametrize("backbone", [Backbone, Gated])
def test_a_sound_backbone_passes_all_checks(backbone):
    for check in model_checks(modelled(backbone)):
        check()


@pytest.mark.parametrize(
    ("model", "check", "said"),
    [
        (modelled(StateForgotten), "steps equal the whole", "carried from call to call"),
        (modelled(StateKeptAside), "state is batch first", "outside of its state"),
        (modelled(TimeFirst), "state is batch first", "a dict of tensors (B, ...)"),
        (modelled(LengthsIgnored), "each row has its length", "`lengths`"),
        (modelled(LooksAhead), "steps equal the whole", "16 steps, 1 at a time"),
        (modelled(MixesRows), "rows are independent", "alone and among three"),
        (modelled(GatedWithoutCache), "steps equal the whole", "16 steps, 1 at a time"),
        (modelled(GatedAcrossRows), "rows are independent", "alone and among three"),
        (modelled(Drops), "evaluation is sure", "dropout in `eval` mode"),
        (modelled(Unused), "gradients reach every parameter", "backbone.spare.weight"),
        (modelled(Memoryless), "learns a piece by heart", "nats a step"),
        (modelled(NotStored), "weights are stored", "buffers that are not stored"),
        (modelled(OneNumberFormat), "computes in bfloat16", "Error: "),
        (modelled(SelfSeeded), "builds from seed", "may not seed the generator"),
        (modelled(Backbone, PricesTwice), "likelihood is normalised", "1 over all"),
        (modelled(Backbone, DecidesOtherwise), "deciding equals pricing", "`decide` adds"),
        (modelled(Backbone, StartsAnywhere), "starts at the unigram model", "`start_at`"),
    ],
)
def test_a_broken_model_is_noticed(model, check, said):
    assert said in failure_of(model_checks(model), check)


# Samplers ---------------------------------------------------------------------------------------


class NeverStops(Autoregressive):
    """Goes on when all rows are done."""

    def generate(self, session):
        while True:
            yield session.step()


class StopsEarly(Autoregressive):
    """Makes three notes and no more."""

    def generate(self, session):
        for _ in range(3):
            yield session.step()


class IgnoresTheLimit(Autoregressive):
    """Sets a limit of its own."""

    def generate(self, session):
        session.limit = Limit(notes=50, ends=False)
        yield from super().generate(session)


class FeedsBeyond(Autoregressive):
    """Repeats what it has made, past the limit."""

    def generate(self, session):
        yield from super().generate(session)
        session.feed(
            [row[row["mark"] == 0][-1:] for row in session.steps[:, : session.lengths.min()]],
            made=True,
        )


class OtherDice(Autoregressive):
    """Draws its temperature from the global generator."""

    def generate(self, session):
        yield from replace(self, temperature=np.random.uniform(0.1, 5)).generate_soundly(session)

    def generate_soundly(self, session):
        yield from Autoregressive.generate(self, session)


class AllAtOnce(Autoregressive):
    """Yields when all is made."""

    def generate(self, session):
        yield from list(super().generate(session))


class Forgetful(Autoregressive):
    """Begins anew, prompt or not."""

    def generate(self, session):
        session.rewind(1)
        yield from super().generate(session)


class YieldsPieces(Autoregressive):
    """Yields music in place of steps."""

    def generate(self, session):
        for _ in super().generate(session):
            yield session.piece(0)


class Remembers(Autoregressive):
    """Is bolder each time."""

    times: ClassVar[list] = []

    def generate(self, session):
        self.times.append(1)
        bolder = Autoregressive(temperature=1 + len(self.times) % 7, top_p=1.0)
        yield from bolder.generate(session)


@pytest.mark.parametrize(
    ("sampler", "check", "said"),
    [
        (NeverStops, "stops at limits", "to stop when `session.done.all()`"),
        (StopsEarly, "stops at limits", "to go on until `session.done.all()`"),
        (IgnoresTheLimit, "stops at limits", "the limit is the user's"),
        (FeedsBeyond, "stops at limits", "fed past the limit|steps were fed"),
        (OtherDice, "is sure by seed", "do not come from `session.rngs`"),
        (AllAtOnce, "streams", "yields in its loop"),
        (Forgetful, "goes on from a prompt", "`rewind` or `select`"),
        (YieldsPieces, "stops at limits", "of the schema's dtype"),
        (Remembers, "goes on from the session", "from one `generate` to the next"),
    ],
)
def test_a_broken_sampler_is_noticed(sampler, check, said):
    message = failure_of(sampler_checks(sampler()), check)
    assert any(part in message for part in said.split("|")), message


# What people see --------------------------------------------------------------------------------


def test_check_functions_raise_the_first_failure_and_name_the_others():
    with pytest.raises(CheckFailed, match="encoder 'fake' fails 'round trip'") as caught:
        check_encoder(DropsANote())
    assert isinstance(caught.value, AssertionError)
    assert "it also fails" in caught.value.__notes__[0]
    assert "'decode equals pushing'" in caught.value.__notes__[0]


def test_sound_components_pass():
    check_augmenter(Transpose())
    check_sampler(Autoregressive(first="random"))
    for check in model_checks(Gru(hidden=8)):
        check()
