"""The contract of a constraint, and what this one does."""

from collections.abc import Callable

import numpy as np
import pytest

from howlkit.constraints import Heard, Setting
from howlkit.music import DRUMS
from howlkit.note_choices import UNKNOWN
from howlkit.testing import constraint_checks, new_notes

from howlkit.commands.plugin_template.constraint import Stencil

CHECKS = constraint_checks(Stencil())


@pytest.mark.parametrize("check", CHECKS, ids=[check.name for check in CHECKS])
def test_it_keeps_to_the_contract(check: Callable[[], None]) -> None:
    check()


def test_notes_far_from_the_wave_are_rare() -> None:
    rule = Stencil(middle=60, height=12, beats=8, strength=0.5).begin(Setting("beats", 12))
    crest = new_notes([60, 72, 84, 86, 48], onset=2 * 12)  # after two beats: around 72
    np.testing.assert_allclose(rule.logits(crest, Heard.nothing(1)), [[0, 0, 0, -1, -6]])


def test_a_second_has_as_many_beats_as_the_tempo_says() -> None:
    wish = Stencil(beats=8)
    beats, seconds = wish.begin(Setting("beats", 12)), wish.begin(Setting("seconds", 100))
    early, late = new_notes(np.arange(128), onset=12), new_notes(np.arange(128), onset=50)
    heard = Heard.nothing(1)
    np.testing.assert_allclose(beats.logits(early, heard), seconds.logits(late, heard))


def test_the_waves_go_on_where_a_prompt_stopped() -> None:
    rule, heard = Stencil().begin(Setting("beats", 12)), Heard.nothing(1)
    whole = rule.logits(new_notes(np.arange(128), onset=90), heard)
    heard.moved[:] = 60
    np.testing.assert_allclose(rule.logits(new_notes(np.arange(128), onset=30), heard), whole)


@pytest.mark.parametrize(("pitch", "program"), [(0, DRUMS), (UNKNOWN, 0)])
def test_drums_and_what_is_not_decided_yet_are_left_alone(pitch: int, program: int) -> None:
    rule = Stencil().begin(Setting("beats", 12))
    assert not rule.logits(new_notes(pitch, program=program), Heard.nothing(1)).any()
