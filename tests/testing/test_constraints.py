"""Each law of constraints can fail: constraints broken on purpose, and the check that notices."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from howlkit.constraints import (
    DensityRule,
    LengthRule,
    LoopRule,
    PitchRule,
    PolyphonyRule,
    ProgramRule,
    RestrikeRule,
    Rules,
)
from howlkit.constraints.heard import LAGS, UNTIL
from howlkit.errors import HowlkitError
from howlkit.note_choices import BEGINS, COMING, LASTS, NOTHING, OPEN, UNKNOWN
from howlkit.options import option
from howlkit.testing import CheckFailed, check_constraint, constraint_checks, new_notes
from howlkit.testing.choices import random_choices, random_heard
from tests.testing.test_testing import failure_of


@dataclass(frozen=True)
class Sound:
    """Black keys are rare; a sound constraint, from which the broken ones are made."""

    strength: float = option(1.0, "nats for each black key", low=0.0)
    name: ClassVar[str] = "sound"

    def begin(self, setting):
        return self

    def logits(self, choices, heard):
        begins = (choices.role == BEGINS) | (choices.role == COMING)
        black = np.isin(choices.pitch % 12, [1, 3, 6, 8, 10]) & (choices.pitch != UNKNOWN)
        return np.where(begins & black, -self.strength, 0.0)


class RefusesSeconds(Sound):
    """Knows beats only."""

    def begin(self, setting):
        if setting.clock == "seconds":
            raise HowlkitError("I count beats")
        return self


class FailsInSeconds(Sound):
    """Fails with an error that is none for people."""

    def begin(self, setting):
        return {"beats": self}[setting.clock]


class RefusesWithoutWords(Sound):
    """Does not say why."""

    def begin(self, setting):
        raise HowlkitError


class BeginsNothing(Sound):
    """Forgets to return the rule."""

    def begin(self, setting):
        pass


class ReturnsBools(Sound):
    """Says which are allowed."""

    def logits(self, choices, heard):
        return super().logits(choices, heard) == 0


class ReturnsARow(Sound):
    """Gives one answer for all rows."""

    def logits(self, choices, heard):
        return super().logits(choices, heard)[0]


class DividesByNothing(Sound):
    """Returns NaN where time stands still."""

    def logits(self, choices, heard):
        with np.errstate(invalid="ignore", divide="ignore"):
            return 0.0 * np.log(choices.onset - choices.onset[:, :1])


class LooksUpAnyPitch(Sound):
    """Finds no pitch above 127 in its table."""

    def logits(self, choices, heard):
        return np.zeros(128)[np.maximum(choices.pitch, 0)]


class CountsItsCalls(Sound):
    """Is stricter each time."""

    calls: ClassVar[list] = []

    def logits(self, choices, heard):
        self.calls.append(1)
        return super().logits(choices, heard) * len(self.calls)


class BeginsAtRandom(Sound):
    """Draws how strict it is when it begins."""

    def begin(self, setting):
        return Sound(strength=np.random.default_rng().random())


class ChangesChoices(Sound):
    """Makes pitches pitch classes, in place."""

    def logits(self, choices, heard):
        choices.pitch[:] %= 12
        return super().logits(choices, heard)


class ChangesWhatWasHeard(Sound):
    """Ends all notes."""

    def logits(self, choices, heard):
        heard.notes[..., UNTIL] = 0
        return super().logits(choices, heard)


class TakesUnknownForANumber(Sound):
    """Takes UNKNOWN for a low pitch."""

    def logits(self, choices, heard):
        return np.where(choices.pitch < 48, -np.inf, 0.0)


class ForbidsWhatIsNoNote(Sound):
    """Forbids low pitches where no note begins, too."""

    def logits(self, choices, heard):
        return np.where((choices.pitch < 48) & (choices.pitch != UNKNOWN), -np.inf, 0.0)


class ComparesRows(Sound):
    """Forbids what comes after the first onset of all rows."""

    def logits(self, choices, heard):
        begins = choices.role == BEGINS
        return np.where(begins & (choices.onset > choices.onset.min()), -np.inf, 0.0)


class LooksAtTheFirstRow(Sound):
    """Holds all rows against what sounds in the first."""

    def logits(self, choices, heard):
        sounds = (heard.notes[:1, :, UNTIL] > choices.onset[..., None]).sum(axis=-1)
        return np.where((choices.role == BEGINS) & (sounds > 3), -1.0, 0.0)


class ForbidsAll(Sound):
    """Lets nothing begin."""

    def logits(self, choices, heard):
        begins = (choices.role == BEGINS) & (choices.pitch != UNKNOWN)
        return np.where(begins, -np.inf, 0.0)


@pytest.mark.parametrize(
    ("constraint", "check", "said"),
    [
        (RefusesSeconds, "begins in beats and seconds", "refusals only: no prompt: I count beats"),
        (FailsInSeconds, "begins in beats and seconds", "KeyError: 'seconds'"),
        (RefusesWithoutWords, "begins in beats and seconds", "a message that says what cannot"),
        (BeginsNothing, "begins in beats and seconds", "got: NoneType"),
        (ReturnsBools, "returns logits", r"a floating-point array of shape (4, 1)"),
        (ReturnsARow, "returns logits", "got: ndarray float64 (1,)"),
        (DividesByNothing, "returns logits", "got: [nan]"),
        (LooksUpAnyPitch, "returns logits", "IndexError"),
        (CountsItsCalls, "answers alike twice", "another one, of the same rule"),
        (BeginsAtRandom, "answers alike twice", "another one, of a rule begun anew"),
        (ChangesChoices, "leaves its input alone", "another choices.pitch"),
        (ChangesWhatWasHeard, "leaves its input alone", "another heard.notes"),
        (TakesUnknownForANumber, "says nothing of the unknown", "got: [-inf]"),
        (ForbidsWhatIsNoNote, "judges what is no note by its time", "got: [-inf], and [0.0] then"),
        (ComparesRows, "judges each row alone", "rows are pieces of their own"),
        (LooksAtTheFirstRow, "judges each row alone", "rows are pieces of their own"),
        (ForbidsAll, "lets something begin", "got: -inf for all"),
    ],
)
def test_a_broken_constraint_is_noticed(constraint, check, said):
    assert said in failure_of(constraint_checks(constraint()), check)


def test_a_sound_constraint_passes():
    check_constraint(Sound())


def test_check_constraint_raises_what_is_wrong():
    with pytest.raises(CheckFailed, match="constraint 'sound' fails 'lets something begin'"):
        check_constraint(ForbidsAll())


class SometimesRefuses(Sound):
    """Needs a prompt, and says so."""

    def begin(self, setting):
        if setting.prompt is None:
            raise HowlkitError("there is no prompt whose pitches could be kept to")
        return self


def test_a_constraint_may_refuse_a_setting():
    check_constraint(SometimesRefuses())


WHITE = np.where(np.isin(np.arange(128) % 12, [1, 3, 6, 8, 10]), -np.inf, 0.0)


def chords(setting):
    return PitchRule(
        np.stack([WHITE, np.roll(WHITE, 1)]),
        np.array([0, 1, 1]),
        early=0.1,
        beats_a_unit=setting.beats_a_unit,
        divisions=setting.divisions,
        bar=setting.beats_a_bar,
        offset=setting.bar_offset,
    )


KNOWN = {
    "pitches": lambda _: PitchRule(WHITE[None]),
    "chords": chords,
    "programs": lambda _: ProgramRule(np.arange(129) < 41),
    "polyphony": lambda _: PolyphonyRule(3),
    "restrikes": lambda _: RestrikeRule(),
    "lengths": lambda setting: LengthRule(4 * setting.divisions),
    "loops": lambda _: LoopRule(np.full(LAGS, 5)),
    "several": lambda _: Rules((PolyphonyRule(3), RestrikeRule())),
    "none": lambda _: Rules(()),
    "density": lambda setting: DensityRule(2.0, setting.divisions),
}


@pytest.mark.parametrize("rule", KNOWN)
def test_the_rules_that_come_with_howlkit_keep_to_the_laws(rule):
    class Known(Sound):
        """Begins a rule that howlkit knows."""

        def begin(self, setting):
            return KNOWN[rule](setting)

    check_constraint(Known())


def test_what_rules_are_tried_on_has_every_case():
    """The rules that come with howlkit find something to forbid in it, and something to allow."""
    rng = np.random.default_rng(0)
    heard = random_heard(rng, rows=50, divisions=12)
    choices = random_choices(rng, heard, divisions=12, choices=128)
    for rule in (RestrikeRule(), PolyphonyRule(3), ProgramRule(np.arange(129) < 41), LengthRule(9)):
        forbidden = rule.logits(choices, heard) == -np.inf
        assert forbidden.any() and not forbidden.all()
    for part in ("onset", "pitch", "program", "track", "end"):
        values = getattr(choices, part)
        assert 0 < (values == UNKNOWN).mean() < 0.8, part
    for role in (NOTHING, COMING, BEGINS, LASTS):
        assert 0.1 < (choices.role == role).mean() < 0.5
    begins = choices.role == BEGINS
    for settled in (choices.onset, choices.pitch, choices.program, choices.track):
        assert (settled[begins] >= UNKNOWN).any() and (choices.onset[begins] >= 0).all()
    assert (choices.end == OPEN).any() and (choices.pitch[begins] > 127).any()


def test_new_notes_are_choices_that_begin_a_note_each():
    notes = new_notes([60, 61], onset=[5, 6], program=128)
    assert notes.role.tolist() == [[BEGINS, BEGINS]] and notes.onset.tolist() == [[5, 6]]
    assert notes.program.tolist() == [[128, 128]] and notes.end.tolist() == [[UNKNOWN, UNKNOWN]]
