"""A constraint is checked, and so is the rule that it begins; rules of howlkit stay as they are."""

import pickle
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pytest

from howlkit import constraints
from howlkit.constraints import Heard, PitchRule, PolyphonyRule, ProgramRule, Rules, Setting
from howlkit.errors import PluginError
from howlkit.plugins import Plugins, unwrapped
from howlkit.plugins.attribution import owner_of
from howlkit.plugins.checked import CheckedConstraint, checked
from howlkit.plugins.checked_constraint import CheckedRule
from howlkit.testing import new_notes
from tests.plugins.plugin_site import HEAD

SETTING = Setting("beats", 12)
CHOICES, NOTHING_YET = new_notes([60, 61, 62]), Heard.nothing(1)


@dataclass(frozen=True)
class Returns:
    """A constraint that begins the rule it is given."""

    rule: object
    name: ClassVar[str] = "returns"

    def begin(self, setting):
        return self.rule


class Answers:
    """A rule with one answer to everything."""

    def __init__(self, answer):
        self.answer = answer

    def logits(self, choices, heard):
        return self.answer


class Deaf:
    def logits(self, choices):
        return np.zeros(choices.onset.shape)


def begun(rule):
    return CheckedConstraint.of(Returns(rule)).begin(SETTING)


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (None, r"begin returned None; a howlkit.protocols.Rule, with logits, is needed"),
        (np.zeros(3), r"begin returned an array of shape \(3,\)"),
        (Deaf(), r"its rule's logits\(choices\) cannot be called as logits\(choices, heard\) "),
    ],
)
def test_what_is_no_rule_is_refused_when_it_begins(rule, said):
    with pytest.raises(PluginError, match=rf"^'returns' \(\S+\.Returns\): {said}"):
        begun(rule)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (None, r"returned None; numbers, floating point, of shape \(1, 3\) are needed"),
        ([[0.0, 0.0, 0.0]], "returned a list; numbers"),
        (np.zeros((1, 3), int), r"returned an array of shape \(1, 3\) and dtype int64; numbers"),
        (np.zeros((1, 3), bool), r"returned an array of shape \(1, 3\) and dtype bool; numbers"),
        (np.zeros(3), r"returned an array of shape \(3,\)"),
        (np.array([[0, 0, np.nan]]), r"returned nan \(row 0, choice 2\); finite numbers, or -inf"),
        (np.array([[0, np.inf, 0]]), r"returned inf \(row 0, choice 1\)"),
    ],
)
def test_what_are_no_logits_is_refused(answer, said):
    rule = begun(Answers(answer))
    with pytest.raises(PluginError, match=rf"^'returns' \(\S+\): logits of its rule {said}"):
        rule.logits(CHOICES, NOTHING_YET)


def test_logits_come_through_in_double_precision():
    rule = begun(Answers(np.array([[0, -1.5, -np.inf]], np.float32)))
    found = rule.logits(CHOICES, NOTHING_YET)
    assert found.dtype == np.float64 and found.tolist() == [[0, -1.5, -np.inf]]
    assert begun(Answers(np.zeros((1, 0)))).logits(new_notes([]), NOTHING_YET).shape == (1, 0)


def test_rules_that_come_with_howlkit_are_not_wrapped():
    known = [
        getattr(constraints, name)
        for name in constraints.__all__
        if name.endswith(("Rule", "Rules"))
    ]
    assert len(known) >= 8
    assert all(vars(cls).get("compilable") is True for cls in known)
    for rule in (PitchRule(np.zeros((1, 128))), ProgramRule(np.ones(129, bool)), PolyphonyRule(3)):
        assert begun(rule) is rule


def test_of_several_rules_as_one_each_is_checked():
    own, other = PolyphonyRule(3), Answers(np.zeros(3))
    made = begun(Rules((own, Rules((other,)))))
    assert type(made) is Rules and made.parts[0] is own
    assert type(made.parts[1].parts[0]) is CheckedRule
    with pytest.raises(PluginError, match=r"^'returns' .*: logits of its rule returned an array"):
        made.logits(CHOICES, NOTHING_YET)
    with pytest.raises(PluginError, match="^'returns' .*: begin returned None"):
        begun(Rules((None,)))


def test_no_rules_at_all_say_nothing():
    assert begun(Rules(())).logits(CHOICES, NOTHING_YET).tolist() == [[0, 0, 0]]


def test_a_class_made_of_such_a_rule_is_wrapped():
    class Odd(PolyphonyRule):
        def logits(self, choices, heard):
            return super().logits(choices, heard).astype(int)

    with pytest.raises(PluginError, match="logits of its rule returned an array"):
        begun(Odd(10)).logits(CHOICES, NOTHING_YET)


def test_a_rule_is_wrapped_once_also_without_a_constraint():
    rule = CheckedRule.of(Answers(np.zeros(2)))
    assert type(rule) is CheckedRule and CheckedRule.of(rule) is rule and begun(rule) is rule
    with pytest.raises(PluginError, match=r"^'' \(\S+\.Answers\): logits of its rule returned an"):
        rule.logits(CHOICES, NOTHING_YET)
    with pytest.raises(PluginError, match=r"^'' \(builtins.int\): the rule is the int 5; a howl"):
        CheckedRule.of(5)


def test_a_wrapped_constraint_is_the_constraints_equal():
    plain = Returns(PolyphonyRule(2))
    made = checked("constraint", plain)
    assert made == plain and unwrapped(made) is plain and checked("constraint", made) is made
    assert pickle.loads(pickle.dumps(made)) == plain != replace(plain, rule=PolyphonyRule(3))


PLUGIN = f"""{HEAD}
import numpy as np
@dataclass(frozen=True)
class Mute:
    \"\"\"Nothing may sound.\"\"\"
    name: ClassVar[str] = "mute"
    def begin(self, setting):
        return self
    def logits(self, choices, heard):
        return None
@hookimpl
def register_constraints(register):
    register(Mute)
"""


def test_a_plugin_brings_a_constraint_which_errors_name(site):
    site.install("howlkit-mute", PLUGIN, version="2.1")
    loaded = Plugins.load(builtins=())
    assert not loaded.failures
    component = loaded.get("constraint", "mute")
    assert (component.kind, component.summary) == ("constraint", "Nothing may sound.")
    made = checked("constraint", component.cls())
    assert owner_of(unwrapped(made)) == "constraint 'mute' of howlkit-mute 2.1"
    with pytest.raises(PluginError, match=r"constraint 'mute' of howlkit-mute 2\.1: logits of its"):
        made.begin(SETTING).logits(CHOICES, NOTHING_YET)
